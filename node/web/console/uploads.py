"""Files that people hand in: small, of the kind their field takes, and nothing else in disguise.

The service that takes a document checks what it says; here is checked that it is such a document at all.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Final

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from node.json_depth import json_depth
from node.web.console.errors import UploadRefusedError
from node.web.console.limits import FILE_NAME_CHARS_MAX, UPLOAD_BYTES_MAX
from node.web.limits import JSON_DEPTH_MAX

XML: Final = ".xml"
JSON: Final = ".json"
JSON_LD: Final = ".jsonld"
TOML: Final = ".toml"
# Documents that a browser would run, whatever they are called.
_OF_BROWSERS: Final = frozenset({"html", "svg", "xhtml", "script", "stylesheet"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    field: str
    name: str
    content: bytes


def checked(upload: Upload, kinds: Collection[str]) -> bytes:
    """Return the content of a file that is what its name says, and of a kind that its field takes.

    Args:
        kinds: Endings that are taken, `.xml` for instance.

    Raises:
        UploadRefusedError: too large, of another kind, or its content is of another kind than its name says.
    """
    field, content = upload.field, upload.content
    ending = PurePosixPath(upload.name[-FILE_NAME_CHARS_MAX:].replace("\\", "/")).suffix.lower()
    if ending not in kinds:
        raise UploadRefusedError(field, f"a file whose name ends with {' or '.join(sorted(kinds))}", repr(ending))
    if len(content) > UPLOAD_BYTES_MAX:
        raise UploadRefusedError(field, f"at most {UPLOAD_BYTES_MAX} bytes", f"{len(content)} bytes")
    text = _text(field, content)
    if ending == XML:
        _check_xml(field, content)
    elif ending in (JSON, JSON_LD):
        _check_json(field, content, text)
    elif text.lstrip().startswith("<"):
        raise UploadRefusedError(field, "a TOML file", "something that begins with <")
    return content


def _text(field: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UploadRefusedError(field, "text in UTF-8", f"byte {error.start} that is no text") from error
    if not text.strip():
        raise UploadRefusedError(field, "a file with something in it", "an empty one")
    if any(character < " " and character not in "\t\n\r" for character in text):
        raise UploadRefusedError(field, "text", "control characters, as programs and pictures have them")
    return text


def _check_xml(field: str, content: bytes) -> None:
    try:
        # The first start tag is enough: the rest is read by whom the document is for.
        _, root = next(ElementTree.iterparse(BytesIO(content), events=("start",), forbid_dtd=True))
    except (ElementTree.ParseError, DefusedXmlException, StopIteration, ValueError) as error:
        raise UploadRefusedError(field, "an XML document without DTD", str(error)[:100] or "none") from error
    name = root.tag.rpartition("}")[2].lower()
    if name in _OF_BROWSERS:
        raise UploadRefusedError(field, "a business document", f"an XML document of {name}")


def _check_json(field: str, content: bytes, text: str) -> None:
    if json_depth(content) > JSON_DEPTH_MAX:
        raise UploadRefusedError(field, f"JSON of at most {JSON_DEPTH_MAX} levels", "more")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UploadRefusedError(field, "a JSON document", str(error)[:100]) from error
    if not isinstance(found, dict):
        raise UploadRefusedError(field, "a JSON object", type(found).__name__)
