"""From bytes to the two parts of a business message, whoever wrote the bytes.

A message is a bare `Document`, a bare `AppHdr`, or both in one wrapper element: `BizMsgEnvlp` as this node writes it,
`RequestPayload`, SWIFT's `DataPDU` or any other, since no schema covers it. What is refused: document types and with
them every entity, processing instructions, encodings other than UTF-8, and what is over `limits.py`. Each is found
before lxml builds a tree.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from node.messages.iso20022.catalogue import NAMESPACE
from node.messages.iso20022.errors import OversizedMessageError, UnreadableMessageError
from node.messages.iso20022.limits import ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, MESSAGE_BYTES_MAX
from node.messages.iso20022.paths import local_name

if TYPE_CHECKING:
    from lxml.etree import _Element

_ISO: Final = re.compile(re.escape(NAMESPACE) + r"([a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2})", re.ASCII)
_MT_START: Final = (b"{1:", b":20:")
_PARTS: Final = ("AppHdr", "Document")


@dataclass(frozen=True, slots=True)
class Part:
    """`AppHdr` or `Document`, with the definition that its namespace names."""

    element: "_Element"
    definition: str


@dataclass(frozen=True, slots=True)
class Parts:
    """A message that was read."""

    document: Part
    """What is said; of a bare AppHdr, that header."""
    header: Part | None
    comments: int
    """Comments that were dropped."""


def read(data: bytes) -> Parts:
    """Read a message within the limits.

    Raises:
        UnreadableMessageError: not such XML, or not one message; its `rule` says which of `xml.*` is broken.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise OversizedMessageError("xml.size", f"expected at most {MESSAGE_BYTES_MAX} bytes, got {len(data)}")
    comments = _Guard().run(data)
    found = _find(_tree(data))
    header, document = (_one(found, name) for name in _PARTS)
    if document is not None:
        return Parts(document, header, comments)
    if header is not None:
        return Parts(header, None, comments)
    raise UnreadableMessageError("xml.message", "expected a Document or an AppHdr, got neither")


class _Guard:
    """One pass of expat that stops at the first thing a message must not have."""

    def __init__(self) -> None:
        self._depth = self._elements = self._comments = 0

    def run(self, data: bytes) -> int:
        """Return the number of comments."""
        parser = expat.ParserCreate()
        parser.XmlDeclHandler = self._declare
        parser.StartDoctypeDeclHandler = self._doctype
        parser.ProcessingInstructionHandler = self._instruction
        parser.CommentHandler = self._comment
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            data.decode("utf-8")
            parser.Parse(data, True)
        except UnicodeDecodeError as error:
            raise UnreadableMessageError(
                "xml.encoding", f"expected UTF-8, got byte 0x{data[error.start]:02x} at {error.start}; save it as UTF-8"
            ) from error
        except expat.ExpatError as error:
            if data.lstrip().startswith(_MT_START):
                raise UnreadableMessageError(
                    "xml.well-formed",
                    "expected ISO 20022 XML, got a message of the older MT format; translate it first",
                ) from error
            where = f"line {error.lineno}, column {error.offset + 1}"
            raise UnreadableMessageError(
                "xml.well-formed", f"expected well-formed XML, got {expat.ErrorString(error.code)} at {where}"
            ) from error
        return self._comments

    def _declare(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() not in ("UTF-8", "UTF8", "US-ASCII"):
            raise UnreadableMessageError("xml.encoding", f"expected encoding UTF-8, got {encoding[:40]!r}")

    def _doctype(self, *_: object) -> None:
        raise UnreadableMessageError("xml.doctype", "expected no DOCTYPE and no entities, got one; remove it")

    def _instruction(self, target: str, _data: str) -> None:
        raise UnreadableMessageError(
            "xml.instruction", f"expected no processing instruction, got <?{target[:40]}?>; remove it"
        )

    def _comment(self, _text: str) -> None:
        self._comments += 1

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_MAX:
            raise OversizedMessageError("xml.depth", f"expected at most {DEPTH_MAX} levels, got more at {name[:60]}")
        if self._elements > ELEMENTS_MAX:
            raise OversizedMessageError("xml.elements", f"expected at most {ELEMENTS_MAX} elements, got more")
        if len(attributes) > ATTRIBUTES_MAX:
            raise OversizedMessageError(
                "xml.attributes", f"expected at most {ATTRIBUTES_MAX} attributes, got {len(attributes)} at {name[:60]}"
            )

    def _end(self, _name: str) -> None:
        self._depth -= 1


def _tree(data: bytes) -> "_Element":
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableMessageError("xml.well-formed", f"expected well-formed XML, got {error.msg}") from error


def _find(root: "_Element") -> dict[str, list["_Element"]]:
    """Return the outermost parts by name; what a Document carries inside is its own matter."""
    found: dict[str, list[_Element]] = {name: [] for name in _PARTS}
    waiting = [root]
    while waiting:
        element = waiting.pop()
        name = local_name(element)
        if name in found:
            found[name].append(element)
        else:
            waiting.extend(reversed(element))
    return found


def _one(found: dict[str, list["_Element"]], name: str) -> Part | None:
    elements = found[name]
    if len(elements) > 1:
        raise UnreadableMessageError("xml.message", f"expected one {name}, got {len(elements)}")
    return _part(elements[0], name) if elements else None


def _part(element: "_Element", name: str) -> Part:
    namespace = str(element.tag).rpartition("}")[0].removeprefix("{")
    match = _ISO.fullmatch(namespace)
    if match is None:
        raise UnreadableMessageError(
            "xml.namespace",
            f"{name}: expected a namespace such as {NAMESPACE}pacs.008.001.08, got {namespace[:100] or 'none'}",
        )
    if match[1].startswith("head.") is not (name == "AppHdr"):
        raise UnreadableMessageError("xml.namespace", f"{name}: expected the namespace of another part, got {match[1]}")
    return Part(element, match[1])
