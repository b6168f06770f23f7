"""Whole-collection tries against the trie library, and roots that are known."""

from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from node.chain.tries import EMPTY_ROOT, build_trie, ordered_root


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
