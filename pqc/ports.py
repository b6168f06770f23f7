"""What this room needs from an implementation, and what others need from this room."""

from typing import Protocol

from pqc.qkd import QuantumKey, Status
from pqc.roles import KeyRole


class SignatureScheme(Protocol):
    """One signature algorithm of one backend; sizes in bytes.

    `seed` is the only secret: every key is derived from it, so a keystore holds seeds and nothing else.
    """

    @property
    def name(self) -> str: ...

    @property
    def seed_bytes(self) -> int: ...

    @property
    def public_key_bytes(self) -> int: ...

    @property
    def signature_bytes(self) -> int:
        """Length of the longest signature."""
        ...

    @property
    def signature_bytes_min(self) -> int:
        """Length of the shortest one: less where the encoding varies (ECDSA)."""
        ...

    @property
    def context_bytes_max(self) -> int:
        """Zero where the algorithm knows no context."""
        ...

    def public_key(self, seed: bytes) -> bytes:
        """Derive the public key."""
        ...

    def sign(self, seed: bytes, message: bytes, context: bytes) -> bytes:
        """Sign; hedged where the algorithm allows it, so equal inputs give different signatures."""
        ...

    def is_valid(self, public_key: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
        """Check a signature; sizes of key, context and signature have been checked by the caller.

        Raises:
            InvalidKeyError: these bytes are no public key of the algorithm.
        """
        ...


class Signer(Protocol):
    """Holder of named keys that never leave it: the file keystore, or an HSM (PKCS#11) in the same place.

    Every implementation passes tests/unit/pqc/test_signer_contract.py. Whatever goes wrong is told in the families
    of `pqc.errors`: UnknownKeyError, WrongKeyKindError, WrongKeyRoleError, KeyDestroyedError, InvalidKeyError
    (context, digest), and SignerUnavailableError where the device does not answer.
    """

    def public_key(self, name: str) -> bytes:
        """Return the current public key: as its algorithm encodes it, 33 bytes compressed for secp256k1."""
        ...

    def sign_message(
        self,
        name: str,
        message: bytes,
        context: bytes = b"",
        *,
        role: KeyRole = KeyRole.MESSAGE,
        thumbprint: bytes | None = None,
    ) -> bytes:
        """Sign with a post-quantum key.

        Args:
            name: The key's name.
            message: What is signed.
            context: Separates uses of one key, at most 255 bytes.
            role: What the caller signs for; a key made for another role is refused.
            thumbprint: An earlier generation of the key, as a notice of its rotation needs; the current one if None.
        """
        ...

    def sign_digest(self, name: str, digest: bytes) -> bytes:
        """Sign a 32-byte digest with a secp256k1 key: 65 bytes r, s, v with low s and v 27 or 28."""
        ...

    def address(self, name: str) -> str:
        """Return the checksummed address of a secp256k1 key."""
        ...


class KeySource(Protocol):
    """Gives keys that quantum key distribution shares with a peer; each is given once.

    A peer is named by the id of its SAE, the name under which it fetches keys from its own key server.
    """

    async def fetch_status(self, peer_sae: str) -> Status:
        """Return how many keys there are for a peer.

        Raises:
            KeySourceError: the source does not tell.
        """
        ...

    async def fetch_sending_key(self, peer_sae: str) -> QuantumKey:
        """Take a new key; the peer takes the same one by its id.

        Raises:
            KeySourceError: there is none now.
        """
        ...

    async def fetch_receiving_key(self, peer_sae: str, key_id: str) -> QuantumKey:
        """Take the key that a peer took before.

        Raises:
            QuantumKeyMissingError: there is no such key, or it was taken already: it never comes.
            KeySourceError: the source does not answer now.
        """
        ...
