"""Merkle trees and inclusion proofs as CometBFT hashes them: RFC 6962 over SHA-256.

A leaf is hashed as SHA-256(0x00 || item), an inner node as SHA-256(0x01 || left || right), and a tree of n
items is split at the largest power of two below n, so leaves and nodes can never be confused.

Source: RFC 6962, section 2.1; CometBFT crypto/merkle (proof.go, tree.go).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from bridge.errors import InvalidProofError

HASH_BYTES: Final = 32
AUNTS_MAX: Final = 64
"""Height of the tallest tree accepted (2^64 items): bounds the work a proof can ask for."""
EMPTY_ROOT: Final = sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class MerkleProof:
    """Inclusion of one item: `aunts` are the sibling hashes from the leaf up to a child of the root."""

    total: int
    index: int
    leaf_hash: bytes
    aunts: tuple[bytes, ...]


def leaf_hash(item: bytes) -> bytes:
    """Return the hash of one leaf."""
    return sha256(b"\x00" + item).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def merkle_root(items: Sequence[bytes]) -> bytes:
    """Return the root over `items` in their order; the root of nothing is SHA-256 of the empty string."""
    return _root([leaf_hash(item) for item in items])


def build_proof(items: Sequence[bytes], index: int) -> MerkleProof:
    """Return the proof for `items[index]`.

    Raises:
        InvalidProofError: `index` is not an index of `items`.
    """
    if not 0 <= index < len(items):
        raise InvalidProofError("index", f"0 <= index < {len(items)}", index)
    leaves = [leaf_hash(item) for item in items]
    return MerkleProof(len(items), index, leaves[index], tuple(_aunts(leaves, index)))


def verify_proof(proof: MerkleProof, root: bytes, item: bytes, path: str = "payload_proof") -> None:
    """Return when `item` is at `proof.index` of the `proof.total` items under `root`.

    Args:
        proof: Where the item is.
        root: What is trusted.
        item: The item itself.
        path: What the proof is called in an error.

    Raises:
        InvalidProofError: names the first field that does not fit.
    """
    if isinstance(proof.total, bool) or not isinstance(proof.total, int) or not 0 < proof.total < 1 << 63:
        raise InvalidProofError(f"{path}.total", "0 < total < 2^63", proof.total)
    if isinstance(proof.index, bool) or not isinstance(proof.index, int) or not 0 <= proof.index < proof.total:
        raise InvalidProofError(f"{path}.index", f"0 <= index < {proof.total}", proof.index)
    if len(proof.aunts) > AUNTS_MAX:
        raise InvalidProofError(f"{path}.aunts", f"at most {AUNTS_MAX}", len(proof.aunts))
    for aunt in proof.aunts:
        if len(aunt) != HASH_BYTES:
            raise InvalidProofError(f"{path}.aunts", f"hashes of {HASH_BYTES} bytes", f"{len(aunt)} bytes")
    leaf = leaf_hash(item)
    if proof.leaf_hash != leaf:
        raise InvalidProofError(f"{path}.leaf_hash", leaf.hex(), proof.leaf_hash.hex())
    computed = _climb(proof.index, proof.total, leaf, list(proof.aunts), path)
    if computed != root:
        raise InvalidProofError(f"{path}.aunts", f"a path to {root.hex()}", computed.hex())


def _split_point(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = _split_point(len(hashes))
    return inner_hash(_root(hashes[:split]), _root(hashes[split:]))


def _aunts(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split_point(len(hashes))
    if index < split:
        return [*_aunts(hashes[:split], index), _root(hashes[split:])]
    return [*_aunts(hashes[split:], index - split), _root(hashes[:split])]


def _climb(index: int, total: int, leaf: bytes, aunts: list[bytes], path: str) -> bytes:
    if total == 1:
        if aunts:
            raise InvalidProofError(f"{path}.aunts", "as many as the tree is high", "more")
        return leaf
    if not aunts:
        raise InvalidProofError(f"{path}.aunts", "as many as the tree is high", "fewer")
    split = _split_point(total)
    aunt = aunts.pop()
    if index < split:
        return inner_hash(_climb(index, split, leaf, aunts, path), aunt)
    return inner_hash(aunt, _climb(index - split, total - split, leaf, aunts, path))
