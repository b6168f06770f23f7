"""The institution's own message key: the generation in its keystore that the registry holds now.

A rotation makes the next generation beforehand; signing moves to it with the anchor, in the block that brings it.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from node.participants.directory import Directory
from node.participants.errors import OwnKeyMissingError
from node.participants.kids import kid_of
from node.participants.ports import KeyRing
from pqc.keystore import KeyInfo

MESSAGE_KEY: Final = "message"
"""Name of an institution's message key in its keystore."""
SEALING_KEY: Final = "sealing"
"""Name of its sealing key there."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of the message key."""

    ring: KeyRing
    algorithm: str
    public_key: bytes
    thumbprint: bytes

    def sign(self, message: bytes, context: bytes) -> bytes:
        """Return the signature over `message`."""
        return self.ring.sign_message(MESSAGE_KEY, message, context, thumbprint=self.thumbprint)


class MessageKey:
    """Signs for one institution."""

    def __init__(self, ring: KeyRing, directory: Directory, institution_id: str) -> None:
        self._ring = ring
        self._directory = directory
        self._institution_id = institution_id

    @property
    def algorithm(self) -> str:
        return self.anchored.algorithm

    @property
    def public_key(self) -> bytes:
        return self.anchored.public_key

    def sign(self, message: bytes, context: bytes) -> bytes:
        """Return the signature over `message`, or raise OwnKeyMissingError."""
        return self.anchored.sign(message, context)

    @property
    def anchored(self) -> Generation:
        """The generation that the registry holds now; OwnKeyMissingError when the keystore lacks it."""
        anchor = self._directory.institution(self._institution_id).key_thumbprint
        for generation in map(self._generation, self._ring.history(MESSAGE_KEY)):
            if generation.thumbprint == anchor:
                return generation
        raise OwnKeyMissingError(
            f"keystore: expected the message key {anchor.hex()} that the registry holds for {self._institution_id}, "
            "got none; restore it from its backup, or let the governor anchor a key that is there"
        )

    def earliest(self, kids: Container[str]) -> Generation:
        """Return the oldest generation of those that still hold, `kids`; the anchored one where none is here."""
        held = (one for one in map(self._generation, self._ring.history(MESSAGE_KEY)) if kid_of(one.thumbprint) in kids)
        return next(held, None) or self.anchored

    def following(self, now_s: int, overlap_s: int) -> Generation:
        """Return the generation to rotate to; one that a rotation left unanchored is taken up again."""
        # The keystore is a file of its own: a generation may have outlived a transaction that was rolled back.
        latest = self._generation(self._ring.history(MESSAGE_KEY)[-1])
        if latest != self.anchored:
            return latest
        return self._generation(self._ring.rotate(MESSAGE_KEY, now_s, overlap_s))

    def _generation(self, info: KeyInfo) -> Generation:
        return Generation(self._ring, info.alg, info.public_key, info.thumbprint)
