"""Merkle-Patricia tries: whole collections in one pass, and batches of changes to a stored trie in one descent.

A batch touches every node on its paths once: read, change, encode, hash. That is what a block needs (its changes
are known at the end) and several times faster than setting keys one by one.

Keys of a stored trie are hashes, all 32 bytes long, so no value ever sits on a branch.

Source: Ethereum yellow paper, appendix D. Tests compare every function with the `trie` library.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import rlp
from eth_hash.auto import keccak

EMPTY_ROOT: Final = keccak(rlp.encode(b""))
Nodes = dict[bytes, bytes]
ReadNode = Callable[[bytes], bytes]
"""Returns the encoded node with this hash, or raises KeyError."""
_Node = Any
"""Decoded: b"" for nothing, [path, value] or [path, child], or a branch of 17."""
_Item = tuple[bytes, bytes | None]
"""Nibbles of the whole key, and its new value; None deletes."""


def ordered_root(values: Sequence[bytes]) -> bytes:
    """Return the root of a trie keyed by the RLP of each value's index."""
    return build_trie({rlp.encode(index): value for index, value in enumerate(values)})


def build_trie(pairs: Mapping[bytes, bytes], nodes: Nodes | None = None) -> bytes:
    """Return the root over `pairs` (keys of any length) and put every hashed node into `nodes`."""
    if not pairs:
        return EMPTY_ROOT
    entries = sorted((_nibbles(key), value) for key, value in pairs.items())
    return _root(_build(entries, 0, nodes), nodes)


def get_value(read: ReadNode, root: bytes, key: bytes) -> bytes:
    """Return the value under a 32-byte key, empty when there is none.

    Raises:
        KeyError: a node is missing.
    """
    node, path, depth = _resolve(read, b"" if root == EMPTY_ROOT else root), _nibbles(key), 0
    while node:
        if len(node) == 17:
            node, depth = _resolve(read, node[path[depth]]), depth + 1
            continue
        part, is_leaf = _path(node[0])
        if path[depth : depth + len(part)] != part:
            return b""
        if is_leaf:
            return bytes(node[1])
        node, depth = _resolve(read, node[1]), depth + len(part)
    return b""


def update_trie(read: ReadNode, root: bytes, changes: Mapping[bytes, bytes | None], nodes: Nodes) -> bytes:
    """Return the root after `changes` (32-byte key to value, None deletes) and put the new nodes into `nodes`.

    Raises:
        KeyError: a node is missing.
    """
    if not changes:
        return root
    items = sorted((_nibbles(key), value) for key, value in changes.items())
    node = _update(read, _resolve(read, b"" if root == EMPTY_ROOT else root), items, 0, nodes)
    return _root(node, nodes) if node else EMPTY_ROOT


# -- building ------------------------------------------------------------------------------------------------------


def _build(entries: Sequence[tuple[bytes, Any]], depth: int, nodes: Nodes | None) -> _Node:
    """Return the node over sorted entries that agree up to `depth`."""
    if len(entries) == 1:
        key, value = entries[0]
        return [_hex_prefix(key[depth:], leaf=True), value]
    first, last = entries[0][0], entries[-1][0]
    shared = depth
    while shared < len(first) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_hex_prefix(first[depth:shared], leaf=False), _reference(_build(entries, shared, nodes), nodes)]
    branch: list[Any] = [b""] * 17
    start = 0
    if len(first) == depth:
        branch[16] = entries[0][1]
        start = 1
    for nibble, group in _groups(entries[start:], depth):
        branch[nibble] = _reference(_build(group, depth + 1, nodes), nodes)
    return branch


def _groups(entries: Sequence[tuple[bytes, Any]], depth: int) -> list[tuple[int, Sequence[tuple[bytes, Any]]]]:
    """Split sorted entries by their nibble at `depth`."""
    groups, start = [], 0
    while start < len(entries):
        nibble, end = entries[start][0][depth], start + 1
        while end < len(entries) and entries[end][0][depth] == nibble:
            end += 1
        groups.append((nibble, entries[start:end]))
        start = end
    return groups


# -- changing ------------------------------------------------------------------------------------------------------


def _update(read: ReadNode, node: _Node, items: Sequence[_Item], depth: int, nodes: Nodes) -> _Node:
    """Return `node` (at `depth`) after the changes; b"" when nothing is left."""
    if not node:
        added = [item for item in items if item[1]]
        return _build(added, depth, nodes) if added else b""
    if len(node) == 17:
        return _update_branch(read, list(node), items, depth, nodes)
    part, is_leaf = _path(node[0])
    if is_leaf:
        return _update_leaf(part, node[1], items, depth, nodes)
    return _update_extension(read, node, part, items, depth, nodes)


def _update_leaf(part: bytes, value: bytes, items: Sequence[_Item], depth: int, nodes: Nodes) -> _Node:
    prefix = items[0][0][:depth]
    merged: dict[bytes, bytes | None] = {prefix + part: value}
    merged.update(items)
    entries = sorted((key, kept) for key, kept in merged.items() if kept)
    return _build(entries, depth, nodes) if entries else b""


def _update_extension(
    read: ReadNode, node: _Node, part: bytes, items: Sequence[_Item], depth: int, nodes: Nodes
) -> _Node:
    end = depth + len(part)
    # Deleting what is not below this extension changes nothing.
    items = [item for item in items if item[1] or item[0][depth:end] == part]
    if not items:
        return node
    shared = 0
    while shared < len(part) and all(item[0][depth + shared] == part[shared] for item in items):
        shared += 1
    if shared == len(part):
        return _extend(part, _update(read, _resolve(read, node[1]), items, end, nodes), nodes)
    branch: list[Any] = [b""] * 17
    below = part[shared + 1 :]
    branch[part[shared]] = [_hex_prefix(below, leaf=False), node[1]] if below else node[1]
    return _extend(part[:shared], _update_branch(read, branch, items, depth + shared, nodes), nodes)


def _update_branch(read: ReadNode, branch: list[Any], items: Sequence[_Item], depth: int, nodes: Nodes) -> _Node:
    changed: dict[int, _Node] = {}
    for nibble, group in _groups(items, depth):
        changed[nibble] = _update(read, _resolve(read, branch[nibble]), group, depth + 1, nodes)
    left = [nibble for nibble in range(16) if (changed[nibble] if nibble in changed else branch[nibble])]
    if not left:
        return b""
    if len(left) == 1:
        nibble = left[0]
        only = changed[nibble] if nibble in changed else _resolve(read, branch[nibble])
        return _extend(bytes([nibble]), only, nodes)
    for nibble, child in changed.items():
        branch[nibble] = _reference(child, nodes) if child else b""
    # An extension made by a split is not stored yet.
    return [_reference(child, nodes) if isinstance(child, list) else child for child in branch]


def _extend(part: bytes, node: _Node, nodes: Nodes) -> _Node:
    """Return `node` with `part` before it, joined with its own path if it has one."""
    if not node or not part:
        return node
    if len(node) == 17:
        return [_hex_prefix(part, leaf=False), _reference(node, nodes)]
    below, is_leaf = _path(node[0])
    return [_hex_prefix(part + below, leaf=is_leaf), node[1]]


# -- nodes ---------------------------------------------------------------------------------------------------------


def _resolve(read: ReadNode, reference: Any) -> _Node:
    if isinstance(reference, bytes) and len(reference) == 32:
        return _decode(read(reference))
    return reference


@lru_cache(maxsize=4_096)
def _decode(encoded: bytes) -> _Node:
    """Decode a node; the result is shared, so nobody may change it."""
    return rlp.decode(encoded)


def _root(node: _Node, nodes: Nodes | None) -> bytes:
    encoded = _encode(node)
    root = keccak(encoded)
    if nodes is not None:
        nodes[root] = encoded
    return root


def _reference(node: _Node, nodes: Nodes | None) -> Any:
    encoded = _encode(node)
    if len(encoded) < 32:
        return node
    key = keccak(encoded)
    if nodes is not None:
        nodes[key] = encoded
    return key


def _encode(node: Any) -> bytes:
    """Return the RLP of bytes or nested lists of bytes."""
    if isinstance(node, list):
        content = b"".join([b"\x80" if item == b"" else _encode(item) for item in node])
        return _length(len(content), 0xC0) + content
    if len(node) == 32:
        return b"\xa0" + bytes(node)
    if len(node) == 1 and node[0] < 0x80:
        return bytes(node)
    return _length(len(node), 0x80) + bytes(node)


def _length(size: int, offset: int) -> bytes:
    if size < 56:
        return bytes([offset + size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(digits)]) + digits


_NIBBLES: Final = [bytes([byte >> 4, byte & 15]) for byte in range(256)]


def _nibbles(key: bytes) -> bytes:
    return b"".join([_NIBBLES[byte] for byte in key])


def _path(encoded: bytes) -> tuple[bytes, bool]:
    """Return the nibbles of a hex-prefix path, and whether it ends in a leaf."""
    nibbles = _nibbles(encoded)
    return nibbles[1 if nibbles[0] & 1 else 2 :], nibbles[0] >= 2


def _hex_prefix(nibbles: bytes, *, leaf: bool) -> bytes:
    flag = 2 if leaf else 0
    prefix = bytes([flag + 1]) if len(nibbles) % 2 else bytes([flag, 0])
    path = prefix + nibbles
    return bytes([path[i] << 4 | path[i + 1] for i in range(0, len(path), 2)])
