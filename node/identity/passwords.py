"""Passwords: which are taken, and how they are kept (Argon2id, PHC strings)."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from node.identity.errors import PasswordError
from node.identity.limits import (
    ARGON2_MEMORY_KIB,
    ARGON2_PASSES,
    HASHES_AT_ONCE,
    PASSWORD_CHARS_MAX,
    PASSWORD_CHARS_MIN,
    PASSWORD_DISTINCT_MIN,
)

_SALT_BYTES: Final = 16
_LENGTH: Final = 32
_HASHING: Final = ThreadPoolExecutor(HASHES_AT_ONCE, "password")


def validate_password(password: str, email: str) -> None:
    """Raise PasswordError where a password is too short, too long or too easy to guess."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise PasswordError(f"{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters, got {len(password)}")
    if len(set(password)) < PASSWORD_DISTINCT_MIN:
        raise PasswordError(f"at least {PASSWORD_DISTINCT_MIN} different characters, got fewer")
    if email.partition("@")[0].lower() in password.lower():
        raise PasswordError("one that does not contain your e-mail address, got one that does")


async def hash_password(password: str) -> str:
    """Return the PHC string of a password, away from the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_HASHING, _hash, password)


async def is_password(password: str, phc: str | None) -> bool:
    """Tell whether it is the password; as slow without one to compare with: nobody learns who has an account."""
    return await asyncio.get_running_loop().run_in_executor(_HASHING, _matches, password, phc)


def _hash(password: str) -> str:
    argon2 = Argon2id(
        salt=os.urandom(_SALT_BYTES),
        length=_LENGTH,
        iterations=ARGON2_PASSES,
        lanes=1,
        memory_cost=ARGON2_MEMORY_KIB,
    )
    return argon2.derive_phc_encoded(password.encode())


def _matches(password: str, phc: str | None) -> bool:
    if len(password) > PASSWORD_CHARS_MAX:
        return False
    if phc is None:
        _hash(password)
        return False
    try:
        Argon2id.verify_phc_encoded(password.encode(), phc)
    except InvalidKey:
        return False
    return True
