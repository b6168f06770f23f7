"""Composite ML-DSA: one signature of two halves, post-quantum and classical, valid only when both are.

Both halves sign `prefix || label || length of context || context || SHA-512(message)`; the ML-DSA half also has
the label as its own context, so neither half counts alone or under another algorithm's name.

A key is one 32-byte seed, from which each half's is derived (the draft leaves this to the key's owner); its own
form of a private key, the ML-DSA seed and the classical key side by side, can be read.

Source: draft-ietf-lamps-pq-composite-sigs-19; docs/spec/signatures.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha512
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pqc.classical import ECDSA_P256, ECDSA_P384, ED25519, Ecdsa, Ed25519
from pqc.errors import InvalidKeyError
from pqc.ports import SignatureScheme

PREFIX: Final = b"CompositeAlgorithmSignatures2025"


@dataclass(frozen=True, slots=True)
class Halves:
    """The secrets of a composite key's two halves."""

    post_quantum: bytes = field(repr=False)
    """ML-DSA seed, 32 bytes."""
    classical: bytes = field(repr=False)
    """Seed of the classical half, of its scheme's length."""


@dataclass(frozen=True, slots=True)
class Composite:
    """One composite algorithm."""

    name: str
    label: bytes
    post_quantum: SignatureScheme
    classical: Ed25519 | Ecdsa
    seed_bytes: int = 32
    context_bytes_max: int = 255

    @property
    def public_key_bytes(self) -> int:
        return self.post_quantum.public_key_bytes + self.classical.public_key_bytes

    @property
    def signature_bytes(self) -> int:
        return self.post_quantum.signature_bytes + self.classical.signature_bytes

    @property
    def signature_bytes_min(self) -> int:
        return self.post_quantum.signature_bytes + self.classical.signature_bytes_min

    def derive(self, seed: bytes) -> Halves:
        """Return the halves that follow from a seed."""
        return Halves(_expand(seed, self.label, self.post_quantum), _expand(seed, self.label, self.classical))

    def parse_private_key(self, data: bytes) -> Halves:
        """Read the draft's private key: the ML-DSA seed, then the raw Ed25519 key or a DER `ECPrivateKey`.

        Raises:
            InvalidKeyError: the classical half is not a key of this algorithm.
        """
        cut = self.post_quantum.seed_bytes
        if len(data) <= cut:
            raise InvalidKeyError("private_key", f"more than {cut} bytes", f"{len(data)} bytes")
        return Halves(data[:cut], self.classical.parse_private_key(data[cut:]))

    def public_key_of(self, halves: Halves) -> bytes:
        """Return the public key of two halves."""
        return self.post_quantum.public_key(halves.post_quantum) + self.classical.public_key(halves.classical)

    def sign_with(self, halves: Halves, message: bytes, context: bytes) -> bytes:
        """Sign with two halves."""
        representative = self._representative(message, context)
        return self.post_quantum.sign(halves.post_quantum, representative, self.label) + self.classical.sign(
            halves.classical, representative
        )

    def public_key(self, seed: bytes) -> bytes:
        return self.public_key_of(self.derive(seed))

    def sign(self, seed: bytes, message: bytes, context: bytes) -> bytes:
        return self.sign_with(self.derive(seed), message, context)

    def is_valid(self, public_key: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
        representative = self._representative(message, context)
        key_cut, cut = self.post_quantum.public_key_bytes, self.post_quantum.signature_bytes
        return self.post_quantum.is_valid(
            public_key[:key_cut], representative, signature[:cut], self.label
        ) and self.classical.is_valid(public_key[key_cut:], representative, signature[cut:])

    def _representative(self, message: bytes, context: bytes) -> bytes:
        return PREFIX + self.label + bytes([len(context)]) + context + sha512(message).digest()


def composites(ml_dsa: Mapping[str, SignatureScheme]) -> tuple[Composite, ...]:
    """Return the composite algorithms over a backend's ML-DSA."""
    return (
        Composite("id-MLDSA65-Ed25519-SHA512", b"COMPSIG-MLDSA65-Ed25519-SHA512", ml_dsa["ML-DSA-65"], ED25519),
        Composite(
            "id-MLDSA65-ECDSA-P256-SHA512", b"COMPSIG-MLDSA65-ECDSA-P256-SHA512", ml_dsa["ML-DSA-65"], ECDSA_P256
        ),
        Composite(
            "id-MLDSA87-ECDSA-P384-SHA512", b"COMPSIG-MLDSA87-ECDSA-P384-SHA512", ml_dsa["ML-DSA-87"], ECDSA_P384
        ),
    )


def _expand(seed: bytes, label: bytes, half: SignatureScheme) -> bytes:
    info = b"landfall composite 1 " + label + b" " + half.name.encode()
    return HKDF(algorithm=SHA512(), length=half.seed_bytes, salt=None, info=info).derive(seed)
