"""base64url without padding, in the one spelling each value has.

Source: RFC 7515, section 2.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from pqc.errors import MalformedError


def encode(data: bytes) -> bytes:
    """Return the text of `data`."""
    return urlsafe_b64encode(data).rstrip(b"=")


def decode(field: str, text: bytes) -> bytes:
    """Return the bytes of `text`.

    Raises:
        MalformedError: other characters, padding, or bits left over.
    """
    try:
        data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (Error, ValueError):
        raise MalformedError(field, "base64url without padding", "something else") from None
    if encode(data) != text:
        raise MalformedError(field, "base64url without padding", "another spelling")
    return data
