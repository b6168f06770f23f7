"""The items of a consensus block after its payload: Ethereum transactions, some with a second, post-quantum signature.

A dual-signed item is `0x7d || Ethereum transaction || ML-DSA-65 signature`. No Ethereum transaction starts with 0x7d:
types in use are small, and 0x7f is the last that EIP-2718 allows.
"""

from typing import Final

from bridge.errors import InvalidProofError

DUAL_SIGNED: Final = 0x7D
SIGNATURE_BYTES: Final = 3_309
"""FIPS 204, ML-DSA-65."""


def second_signature_context(chain_id: int) -> bytes:
    """Return the context string of second signatures; what they sign is the Ethereum transaction's hash."""
    return f"landfall/transaction/1/{chain_id}".encode()


def join_item(transaction: bytes, signature: bytes) -> bytes:
    """Return the item of an Ethereum transaction, the plain one where the second signature is empty."""
    return bytes([DUAL_SIGNED]) + transaction + signature if signature else transaction


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
