"""The institution's own message key: the one of its keystore that the registry holds now.

A rotation makes the next key beforehand; signing moves to it with the anchor, in the block that brings it.
"""

from typing import Final

from node.participants.directory import Directory
from node.participants.errors import OwnKeyMissingError
from node.participants.ports import KeyRing
from pqc import signatures
from pqc.keystore import KeyInfo

MESSAGE_ROLE: Final = "message"


class MessageKey:
    """Signs for one institution."""

    def __init__(self, ring: KeyRing, directory: Directory, institution_id: str) -> None:
        self._ring = ring
        self._directory = directory
        self._institution_id = institution_id

    @property
    def algorithm(self) -> str:
        return self._current().alg

    @property
    def public_key(self) -> bytes:
        return self._current().public_key

    def sign(self, message: bytes, context: bytes) -> bytes:
        """Return the signature over `message`.

        Raises:
            OwnKeyMissingError: the keystore lacks the key that the registry holds.
        """
        return self._ring.sign_message(self._current().name, message, context)

    def _current(self) -> KeyInfo:
        anchor = self._directory.institution(self._institution_id).key_thumbprint
        for info in self._ring.keys():
            if info.role == MESSAGE_ROLE and signatures.thumbprint(info.alg, info.public_key) == anchor:
                return info
        raise OwnKeyMissingError(
            f"keystore: expected the message key {anchor.hex()} that the registry holds for {self._institution_id}, "
            "got none; restore it from its backup, or let the governor anchor a key that is there"
        )
