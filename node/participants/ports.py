"""What this slice needs from a keystore; `pqc.keystore.Keystore` has it, an HSM would."""

from collections.abc import Sequence
from typing import Any, Protocol

from pqc.keystore import KeyInfo, KeyRole
from pqc.sealing import SealingKey


class KeyCustody(Protocol):
    """Named secp256k1 keys that never leave their store."""

    def add(self, name: str, alg: str, role: str) -> Any:
        """Make a key, durably; KeyExistsError when there is one of this name."""
        ...

    def address(self, name: str) -> str:
        """Return the checksummed address of a key; UnknownKeyError when there is none."""
        ...

    def sign_digest(self, name: str, digest: bytes) -> bytes:
        """Return 65 bytes r, s, v with low s and v 27 or 28."""
        ...


class KeyRing(Protocol):
    """Named post-quantum keys that never leave their store; a name has generations, rotation makes the next."""

    def keys(self) -> Sequence[KeyInfo]:
        """Return the public half of every name's current generation."""
        ...

    def history(self, name: str) -> Sequence[KeyInfo]:
        """Return the public halves of all generations of a name, oldest first."""
        ...

    def rotate(self, name: str, now_s: int, overlap_s: int) -> KeyInfo:
        """Make the next generation, durably."""
        ...

    def sign_message(
        self, name: str, message: bytes, context: bytes = b"", *, thumbprint: bytes | None = None
    ) -> bytes:
        """Sign with a message key: the generation of that thumbprint, the current one if None."""
        ...


class TransactionKeys(Protocol):
    """The post-quantum keys that sign an account's transactions a second time."""

    def keys(self) -> Sequence[KeyInfo]:
        """Return the public half of every name's current generation."""
        ...

    def history(self, name: str) -> Sequence[KeyInfo]:
        """Return the public halves of all generations of a name, oldest first."""
        ...

    def sign_message(
        self,
        name: str,
        message: bytes,
        context: bytes = b"",
        *,
        role: KeyRole = ...,
        thumbprint: bytes | None = None,
    ) -> bytes:
        """Sign with a key of this role: the generation of that thumbprint."""
        ...


class SealingRing(Protocol):
    """Keys that open what was sealed to the institution; HPKE needs them in memory."""

    def sealing_keys(self, name: str) -> Sequence[SealingKey]:
        """Return the keys of all generations of a name that are not destroyed, the newest first."""
        ...
