"""Whole-collection tries against the trie library, and roots that are known."""

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from node.chain.tries import EMPTY_ROOT, build_trie, get_value, ordered_root, update_trie


def test_empty_root_is_the_known_constant() -> None:
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    assert build_trie({}) == ordered_root([]) == EMPTY_ROOT


def test_root_matches_the_known_vector() -> None:
    # ethereum/tests, TrieTests/trietest.json, "dogs".
    pairs = {b"doe": b"reindeer", b"dog": b"puppy", b"dogglesworth": b"cat"}
    assert build_trie(pairs).hex() == "8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3"


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.binary(max_size=6), st.binary(min_size=1, max_size=50), max_size=40))
def test_root_and_nodes_equal_the_trie_library(pairs: dict[bytes, bytes]) -> None:
    reference = HexaryTrie({})
    for key, value in pairs.items():
        reference[key] = value
    nodes: dict[bytes, bytes] = {}
    root = build_trie(pairs, nodes)
    assert root == reference.root_hash
    reader = HexaryTrie(nodes, root)
    assert all(reader[key] == value for key, value in pairs.items())


def test_ordered_root_depends_on_order() -> None:
    values = [bytes([index]) * 40 for index in range(200)]
    assert ordered_root(values) != ordered_root(values[::-1])


_keys = st.integers(0, 40).map(lambda number: number.to_bytes(1, "big") + bytes(30) + number.to_bytes(1, "big"))
_close = st.integers(0, 300).map(lambda number: number.to_bytes(32, "big"))
_values = st.one_of(st.none(), st.binary(min_size=1, max_size=3), st.binary(min_size=33, max_size=60))
_batch = st.dictionaries(st.one_of(_keys, _close, _close.map(keccak)), _values, max_size=12)


@settings(max_examples=250, deadline=None)
@given(st.lists(_batch, min_size=1, max_size=5))
def test_batches_of_changes_equal_the_trie_library(batches: list[dict[bytes, bytes | None]]) -> None:
    reference, nodes, root = HexaryTrie({}), dict[bytes, bytes](), EMPTY_ROOT
    expected: dict[bytes, bytes] = {}
    for batch in batches:
        for key, value in batch.items():
            if value is None:
                reference.delete(key)
                expected.pop(key, None)
            else:
                reference[key] = expected[key] = value
        root = update_trie(nodes.__getitem__, root, batch, nodes)
        assert root == reference.root_hash
    for key in {key for batch in batches for key in batch}:
        assert get_value(nodes.__getitem__, root, key) == expected.get(key, b"")


def test_missing_node_is_an_error_and_not_an_empty_value() -> None:
    nodes: dict[bytes, bytes] = {}
    root = update_trie(nodes.__getitem__, EMPTY_ROOT, {keccak(bytes([i])): bytes(40) for i in range(50)}, nodes)
    with pytest.raises(KeyError):
        get_value({root: nodes[root]}.__getitem__, root, keccak(b"\0"))
    with pytest.raises(KeyError):
        update_trie({}.__getitem__, root, {keccak(b"\0"): b"x"}, {})
