"""Documents as they come: which are taken, told by their content and not by their name."""

from typing import Final

from node.customers.errors import DocumentFormatError
from node.customers.limits import DOCUMENT_BYTES_MAX, FILE_NAME_CHARS_MAX

# What a file begins and ends with. The end may be followed by white space in a PDF.
_FORMS: Final = {
    "application/pdf": (b"%PDF-", b"%%EOF"),
    "image/png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
    "image/jpeg": (b"\xff\xd8\xff", b"\xff\xd9"),
}
_SUFFIXES: Final = {"application/pdf": (".pdf",), "image/png": (".png",), "image/jpeg": (".jpg", ".jpeg")}
MEDIA_TYPES: Final = tuple(sorted(_FORMS))
# Of a PDF's end, with what writers put after it.
_TAIL_BYTES: Final = 1_024
# What makes a PDF do something when it is opened.
_ACTIVE: Final = (b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile")


def validate_document(name: str, media_type: str, content: bytes) -> None:
    """Raise DocumentFormatError unless a file is whole, of its kind, and called so.

    Source: OWASP file upload cheat sheet.
    """
    if not content or len(content) > DOCUMENT_BYTES_MAX:
        raise DocumentFormatError(f"1 to {DOCUMENT_BYTES_MAX} bytes", f"{len(content)}")
    if media_type not in _FORMS:
        raise DocumentFormatError(f"one of {', '.join(MEDIA_TYPES)}", media_type)
    is_plain = name.isprintable() and not {"/", "\\", ":"} & set(name) and not name.startswith(".")
    if not is_plain or not 1 <= len(name) <= FILE_NAME_CHARS_MAX:
        raise DocumentFormatError(f"a file's name of up to {FILE_NAME_CHARS_MAX} characters without a folder", name)
    if not name.lower().endswith(_SUFFIXES[media_type]):
        raise DocumentFormatError(f"a name that ends in {' or '.join(_SUFFIXES[media_type])}", name)
    start, end = _FORMS[media_type]
    if not content.startswith(start) or end not in content[-_TAIL_BYTES:]:
        raise DocumentFormatError(f"the content of {media_type}", "another one, or half of one")
    if media_type == "application/pdf" and any(word in content for word in _ACTIVE):
        raise DocumentFormatError("a PDF that only shows something", "one that runs or carries something")
