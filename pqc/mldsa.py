"""ML-DSA (FIPS 204) by the `cryptography` package: pure mode, hedged signing, keys from 32-byte seeds.

Source: FIPS 204; RFC 9881 (seed as the private key).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa

PrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
PublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey

# As `pqc.liboqs` keeps: expanding a seed takes a tenth of signing.
_EXPANDED_KEYS: Final = 64


@lru_cache(maxsize=_EXPANDED_KEYS)
def _expanded(load_private: Callable[[bytes], PrivateKey], seed: bytes) -> PrivateKey:
    return load_private(seed)


@dataclass(frozen=True, slots=True)
class MlDsa:
    """One parameter set of ML-DSA; sizes in bytes, from FIPS 204, table 2."""

    name: str
    public_key_bytes: int
    signature_bytes: int
    load_private: Callable[[bytes], PrivateKey]
    load_public: Callable[[bytes], PublicKey]
    seed_bytes: int = 32
    context_bytes_max: int = 255
    """FIPS 204, algorithm 2: the context's length is one byte."""

    @property
    def signature_bytes_min(self) -> int:
        return self.signature_bytes

    def public_key(self, seed: bytes) -> bytes:
        return self.load_private(seed).public_key().public_bytes_raw()

    def sign(self, seed: bytes, message: bytes, context: bytes) -> bytes:
        return _expanded(self.load_private, seed).sign(message, context)

    def is_valid(self, public_key: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
        try:
            self.load_public(public_key).verify(signature, message, context)
        except InvalidSignature:
            return False
        return True


ML_DSA_44: Final = MlDsa(
    name="ML-DSA-44",
    public_key_bytes=1312,
    signature_bytes=2420,
    load_private=mldsa.MLDSA44PrivateKey.from_seed_bytes,
    load_public=mldsa.MLDSA44PublicKey.from_public_bytes,
)
ML_DSA_65: Final = MlDsa(
    name="ML-DSA-65",
    public_key_bytes=1952,
    signature_bytes=3309,
    load_private=mldsa.MLDSA65PrivateKey.from_seed_bytes,
    load_public=mldsa.MLDSA65PublicKey.from_public_bytes,
)
ML_DSA_87: Final = MlDsa(
    name="ML-DSA-87",
    public_key_bytes=2592,
    signature_bytes=4627,
    load_private=mldsa.MLDSA87PrivateKey.from_seed_bytes,
    load_public=mldsa.MLDSA87PublicKey.from_public_bytes,
)
PARAMETER_SETS: Final = (ML_DSA_44, ML_DSA_65, ML_DSA_87)
