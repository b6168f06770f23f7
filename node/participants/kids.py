"""Key ids: RFC 7638 thumbprints as papers and messages write them, in base64url without padding."""

from pqc import base64url


def kid_of(thumbprint: bytes) -> str:
    """Return the key id of a thumbprint."""
    return base64url.encode(thumbprint).decode()


def thumbprint_of(kid: str) -> bytes:
    """Return the thumbprint of a key id, or raise pqc's MalformedError."""
    return base64url.decode("kid", kid.encode())
