"""base64url without padding, in the one spelling each value has.

Source: RFC 7515, section 2.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from pqc.errors import InvalidKeyError, MalformedError


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


def decode_key(member: str, text: str, length: int) -> bytes:
    """Return the public key that a member of a JSON Web Key spells.

    Args:
        length: Its size in bytes; a text of another length is not decoded.

    Raises:
        InvalidKeyError: another length.
        MalformedError: not base64url.
    """
    if len(text) != (length * 4 + 2) // 3:
        raise InvalidKeyError(member, f"{length} bytes in base64url without padding", f"{len(text)} characters")
    return decode(member, text.encode())
