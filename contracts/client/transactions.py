"""Signed Ethereum transactions (EIP-1559, type 2) with rlp alone, and the gas each call may use.

The network's base fee is 0, so both fees are 0 and a generous gas limit costs nothing; the limit bounds
what a faulty call can burn of a block.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

_TYPE: Final = b"\x02"
# Gas for one call; half of a 30 million block for the few that carry whole terms.
GAS_DEFAULT: Final = 2_000_000
GAS_BY_FUNCTION: Final = {
    "fund": 6_000_000,
    "amend": 6_000_000,
    "settle": 4_000_000,
    "submit": 4_000_000,
}

SignDigest = Callable[[bytes], bytes]
"""From a 32-byte digest to 65 bytes r, s, v with v 27 or 28."""

SignSecond = Callable[[Sequence[bytes]], Awaitable[Sequence[bytes]]]
"""From hashes of an account's transactions to the ML-DSA-65 signatures that they need besides, empty for a plain one.

Raises UnavailableError where they need some that cannot be made now.
"""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction as it goes to the chain."""

    nonce: int
    raw: bytes
    tx_hash: bytes


def gas_limit(function: str) -> int:
    """Return the gas limit of a call to `function`."""
    return GAS_BY_FUNCTION.get(function, GAS_DEFAULT)


def sign_call(
    *, chain_id: int, nonce: int, gas: int, to: str, data: bytes, sign_digest: SignDigest
) -> SignedTransaction:
    """Sign a call without value and without fees.

    Source:
        EIP-1559, EIP-2718.
    """
    import rlp

    fields = [chain_id, nonce, 0, 0, gas, bytes.fromhex(to.removeprefix("0x")), 0, data, []]
    signature = sign_digest(keccak(_TYPE + rlp.encode(fields)))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    raw = _TYPE + rlp.encode([*fields, signature[64] - 27, r, s])
    return SignedTransaction(nonce, raw, keccak(raw))
