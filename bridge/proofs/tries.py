"""Merkle-Patricia proofs: the value at a key under a root, or that there is none.

A proof is the list of trie nodes from the root on. The values proven here, receipts and accounts, are longer than 32
bytes, hence no node is ever embedded in its parent.

Source: Ethereum yellow paper, appendix D.
"""

from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from bridge.errors import InvalidProofError
from bridge.limits import PROOF_NODE_BYTES_MAX, PROOF_NODES_MAX
from bridge.proofs import rlp

BRANCH: Final = 17
_PAIR: Final = 2


def prove_value(root: bytes, path: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """Return the value at the key whose nibbles are `path`, None where the nodes prove that there is none.

    Raises:
        InvalidProofError: a node is not what its parent refers to, is no trie node, is missing or left over.
    """
    if not 0 < len(nodes) <= PROOF_NODES_MAX:
        raise InvalidProofError("proof", f"1 to {PROOF_NODES_MAX} nodes", len(nodes))
    position, reference = 0, root
    for depth, raw in enumerate(nodes):
        where = f"proof[{depth}]"
        if len(raw) > PROOF_NODE_BYTES_MAX:
            raise InvalidProofError(where, f"at most {PROOF_NODE_BYTES_MAX} bytes", len(raw))
        if keccak(raw) != reference:
            raise InvalidProofError(where, f"the node of hash {reference.hex()}", f"one of hash {keccak(raw).hex()}")
        found, position, is_end = _step(raw, path, position, where)
        if is_end:
            if depth + 1 != len(nodes):
                raise InvalidProofError(f"proof[{depth + 1}]", "nothing after the end of the path", "a node")
            return found or None
        reference = found
    raise InvalidProofError("proof", "a path that ends in a leaf", "one that is cut short")


def _step(raw: bytes, path: bytes, position: int, where: str) -> tuple[bytes, int, bool]:
    """Return (child's hash or value, nibbles walked, whether the path ends); an empty value where there is none."""
    try:
        node = as_list(rlp.decode(raw)) if raw != b"\x80" else []
        if not node:
            return b"", position, True
        if len(node) == BRANCH:
            is_end = position == len(path)
            found = node[16] if is_end else node[path[position]]
            position += 0 if is_end else 1
        elif len(node) == _PAIR and isinstance(node[0], bytes) and node[0]:
            is_end = node[0][0] >= 0x20
            part = nibbles(node[0])[1 if node[0][0] & 0x10 else 2 :]
            if path[position : position + len(part)] != part or is_end != (position + len(part) == len(path)):
                return b"", position, True
            position += len(part)
            found = node[1]
        else:
            raise rlp.RlpError(f"{len(node)} items")
        if not isinstance(found, bytes) or (found and not is_end and len(found) != 32):
            raise rlp.RlpError("no child on this path")
    except rlp.RlpError as error:
        raise InvalidProofError(where, "a trie node", error) from None
    return found, position, is_end or not found


def nibbles(data: bytes) -> bytes:
    """Return the half bytes of a key, each in a byte."""
    return bytes(nibble for byte in data for nibble in (byte >> 4, byte & 15))


def as_list(item: rlp.Item, length: int | None = None) -> list[rlp.Item]:
    """Return a list, of the given length if there is one."""
    if not isinstance(item, list) or (length is not None and len(item) != length):
        raise rlp.RlpError("no list of the right length")
    return item
