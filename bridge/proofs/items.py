"""The items of a consensus block after its payload: Ethereum transactions, some with a second, post-quantum signature.

A dual-signed item is `0x7d || Ethereum transaction || ML-DSA-65 signature`. No Ethereum transaction starts with 0x7d:
types in use are small, and 0x7f is the last that EIP-2718 allows.
"""

from typing import Final

from bridge.errors import InvalidProofError

DUAL_SIGNED: Final = 0x7D
SIGNATURE_BYTES: Final = 3_309
"""FIPS 204, ML-DSA-65."""


def split_item(item: bytes) -> tuple[bytes, bytes]:
    """Return (Ethereum transaction, second signature), the signature empty where there is none.

    Raises:
        InvalidProofError: a dual-signed item too short to hold both.
    """
    if item[:1] != bytes([DUAL_SIGNED]):
        return item, b""
    if len(item) <= 1 + SIGNATURE_BYTES:
        raise InvalidProofError("item", f"more than {1 + SIGNATURE_BYTES} bytes", len(item))
    return item[1:-SIGNATURE_BYTES], item[-SIGNATURE_BYTES:]
