"""Random texts that let somebody in: shown once, kept as hashes.

A token begins with the institution that issued it, so that a desk of many knows whose database to ask.
"""

import secrets
from hashlib import sha256
from typing import Final

_BYTES: Final = 32
_CHARS_MAX: Final = 200


def new_token(institution_id: str) -> tuple[str, bytes]:
    """Return a token and the hash to keep."""
    token = f"{institution_id}.{secrets.token_urlsafe(_BYTES)}"
    return token, token_hash(token)


def token_hash(token: str) -> bytes:
    """Return the hash under which a token is kept; looked up by it, time tells nothing about a guess."""
    return sha256(token.encode()).digest()


def institution_of(token: str) -> str:
    """Return which institution a token says it is of; empty where it says nothing."""
    return token.rpartition(".")[0] if len(token) <= _CHARS_MAX else ""
