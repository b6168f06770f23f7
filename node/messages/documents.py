"""ISO 20022 documents as payloads: which kind a document is, and whether it may travel."""

import re
from typing import Final

from node.messages.errors import WrongDocumentError
from node.messages.iso20022.paths import local_name
from node.messages.iso20022.reading import Parts, read
from node.messages.iso20022.validation import require_valid

_UETR: Final = ("UETR", "OrgnlUETR")
_FORM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def kind_of(document: bytes) -> str:
    """Return the kind of a document, `pacs.008.001.08`, or raise UnreadableMessageError."""
    return read(document).document.definition


def check_document(kind: str, document: bytes) -> str | None:
    """Judge a document by its schema and the usage rules; see `DocumentCheck`.

    Raises:
        UnreadableMessageError, InvalidMessageError: it is not valid; the error has the report.
        WrongDocumentError: it is valid, but of another kind.
    """
    parts = read(document)
    require_valid(parts)
    if parts.document.definition != kind:
        raise WrongDocumentError("kind", kind, parts.document.definition)
    return _uetr(parts)


def _uetr(parts: Parts) -> str | None:
    found = {str(one.text).strip() for one in parts.document.element.iter() if local_name(one) in _UETR and one.text}
    named = found.pop() if len(found) == 1 else ""
    return named if _FORM.fullmatch(named) else None
