"""Signatures of today, Ed25519 and ECDSA, as the second half of a composite; Ed25519 also on its own.

Source: RFC 8032 (Ed25519); FIPS 186-5 (ECDSA, keys by appendix A.2.1); RFC 3279, section 2.2.3 (`Ecdsa-Sig-Value`);
RFC 5915 (`ECPrivateKey`).
"""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from pqc.errors import InvalidKeyError


@dataclass(frozen=True, slots=True)
class Ed25519:
    """Ed25519, deterministic and without a context; the seed is RFC 8032's private key."""

    name: str = "Ed25519"
    seed_bytes: int = 32
    public_key_bytes: int = 32
    signature_bytes: int = 64
    signature_bytes_min: int = 64
    context_bytes_max: int = 0

    def public_key(self, seed: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()

    def sign(self, seed: bytes, message: bytes, context: bytes = b"") -> bytes:
        return Ed25519PrivateKey.from_private_bytes(seed).sign(message)

    def is_valid(self, public_key: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def parse_private_key(self, data: bytes) -> bytes:
        """Return the seed of a private key as a composite carries it: the seed itself."""
        if len(data) != self.seed_bytes:
            raise InvalidKeyError("private_key", f"{self.seed_bytes} bytes of Ed25519", f"{len(data)} bytes")
        return data


@dataclass(frozen=True, slots=True)
class Ecdsa:
    """ECDSA over one curve: public key an uncompressed point, signature strict DER of varying length.

    From (r, s) anybody makes the other valid signature (r, n - s): do not use a signature as an identifier.
    """

    name: str
    curve: ec.EllipticCurve
    hash: hashes.HashAlgorithm
    seed_bytes: int
    """The order's length and 8 bytes more, so that the reduction's bias is below 2^-64."""
    public_key_bytes: int
    signature_bytes: int
    """The longest encoding; zeros at the front of r or s make it shorter."""
    signature_bytes_min: int = 8
    context_bytes_max: int = 0

    def public_key(self, seed: bytes) -> bytes:
        return self._private(seed).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, seed: bytes, message: bytes, context: bytes = b"") -> bytes:
        return self._private(seed).sign(message, ec.ECDSA(self.hash))

    def is_valid(self, public_key: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(self.curve, public_key).verify(
                signature, message, ec.ECDSA(self.hash)
            )
        except ValueError:
            raise InvalidKeyError("public_key", f"an uncompressed point of {self.name}", "something else") from None
        except InvalidSignature:
            return False
        return True

    def parse_private_key(self, data: bytes) -> bytes:
        """Return the seed that leads to the key of a DER `ECPrivateKey`.

        Raises:
            InvalidKeyError: not an `ECPrivateKey` of this curve.
        """
        expected = f"a DER ECPrivateKey of {self.name}"
        try:
            key = load_der_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise InvalidKeyError("private_key", expected, "something else") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != self.curve.name:
            raise InvalidKeyError("private_key", expected, "a key of another kind")
        return (key.private_numbers().private_value - 1).to_bytes(self.seed_bytes, "big")

    def _private(self, seed: bytes) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(seed, "big") % (self.curve.group_order - 1) + 1, self.curve)


ED25519: Final = Ed25519()
ECDSA_P256: Final = Ecdsa(
    name="ECDSA-P256",
    curve=ec.SECP256R1(),
    hash=hashes.SHA256(),
    seed_bytes=40,
    public_key_bytes=65,
    signature_bytes=72,
)
ECDSA_P384: Final = Ecdsa(
    name="ECDSA-P384",
    curve=ec.SECP384R1(),
    hash=hashes.SHA384(),
    seed_bytes=56,
    public_key_bytes=97,
    signature_bytes=104,
)
