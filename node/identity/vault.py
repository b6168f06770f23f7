"""Keeps small secrets in the database so that the database alone does not give them away."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pqc import sealing
from pqc.errors import UnsealError
from pqc.sealing import SealingKey


class SealingRing(Protocol):
    """The institution's sealing keys, as its keystore holds them."""

    def sealing_keys(self, name: str) -> tuple[SealingKey, ...]:
        """Return the keys of all generations of a name that are not destroyed, the newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals to the institution's own newest sealing key, and opens with any that it still has."""

    ring: SealingRing
    name: str

    def seal(self, secret: str, about: str) -> bytes:
        """Return a secret sealed for one purpose; it opens for no other."""
        key = self.ring.sealing_keys(self.name)[0]
        return sealing.seal(key.kem, key.public_key, secret.encode(), _info(about))

    def open(self, sealed: bytes, about: str) -> str:
        """Return the secret.

        Raises:
            UnsealError: sealed to a key that is gone, or for another purpose.
        """
        keys = self.ring.sealing_keys(self.name)
        for key in keys:
            with suppress(UnsealError):
                return sealing.unseal(key, sealed, _info(about)).decode()
        raise UnsealError(keys[0].kem)


def _info(about: str) -> bytes:
    return f"landfall identity/{about}".encode()
