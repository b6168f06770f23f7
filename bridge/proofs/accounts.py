"""Accounts and their Merkle-Patricia proofs: what an account has after a block, under the block's state root.

Source: Ethereum yellow paper, section 4.1; EIP-1186 (`eth_getProof`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from bridge.errors import InvalidProofError
from bridge.proofs import rlp
from bridge.proofs.merkle import HASH_BYTES
from bridge.proofs.tries import as_list, nibbles, prove_value


@dataclass(frozen=True, slots=True)
class ProvenAccount:
    """An account; `balance_wei` in wei."""

    nonce: int
    balance_wei: int
    storage_root: bytes
    code_hash: bytes


def verify_account(state_root: bytes, address: bytes, nodes: Sequence[bytes]) -> ProvenAccount | None:
    """Return the account of a 20-byte address, None where the nodes prove that there is none.

    Raises:
        InvalidProofError: the nodes prove nothing of the kind.
    """
    value = prove_value(state_root, nibbles(keccak(address)), nodes)
    if value is None:
        return None
    try:
        nonce, balance, storage_root, code_hash = as_list(rlp.decode(value), 4)
        account = ProvenAccount(
            nonce=rlp.decode_int(nonce, 8),
            balance_wei=rlp.decode_int(balance, 32),
            storage_root=_hash(storage_root),
            code_hash=_hash(code_hash),
        )
    except rlp.RlpError as error:
        raise InvalidProofError("account", "the RLP of an account", error) from None
    return account


def _hash(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes) or len(item) != HASH_BYTES:
        raise rlp.RlpError("no hash")
    return item
