"""Accounts under a state root, as py-trie builds it; absence too."""

import pytest
import rlp as reference_rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from bridge.errors import InvalidProofError
from bridge.limits import PROOF_NODES_MAX
from bridge.proofs.accounts import ProvenAccount, verify_account

CODE = keccak(b"code")


def address(index: int) -> bytes:
    return keccak(index.to_bytes(4, "big"))[:20]


def state(count: int) -> HexaryTrie:
    found = HexaryTrie({})
    for index in range(count):
        found.set(keccak(address(index)), reference_rlp.encode([index, 10**18 + index, keccak(bytes([index])), CODE]))
    return found


STATE = state(200)


def proof(of: bytes, trie: HexaryTrie = STATE) -> list[bytes]:
    return [reference_rlp.encode(node) for node in trie.get_proof(keccak(of))]


@pytest.mark.parametrize("count", [1, 2, 17, 200])
def test_every_account_is_proven_and_every_other_address_proven_absent(count: int) -> None:
    trie = state(count)
    for index in range(count):
        expected = ProvenAccount(index, 10**18 + index, keccak(bytes([index])), CODE)
        assert verify_account(trie.root_hash, address(index), proof(address(index), trie)) == expected
    for index in range(1_000, 1_050):
        assert verify_account(trie.root_hash, address(index), proof(address(index), trie)) is None


def test_absence_is_proven_when_the_state_is_empty() -> None:
    assert verify_account(keccak(b"\x80"), address(1), [b"\x80"]) is None


def test_proof_of_one_account_proves_nothing_of_another() -> None:
    nodes = proof(address(5))
    with pytest.raises(InvalidProofError, match="proof"):
        verify_account(STATE.root_hash, address(6), nodes)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_account_is_refused_when_any_byte_of_its_proof_is_changed(data: st.DataObject) -> None:
    account = address(data.draw(st.integers(0, 400)))
    nodes = proof(account)
    at = data.draw(st.integers(0, len(nodes) - 1))
    changed = bytearray(nodes[at])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidProofError, match=rf"proof\[{at}\]"):
        verify_account(STATE.root_hash, account, [*nodes[:at], bytes(changed), *nodes[at + 1 :]])


@pytest.mark.parametrize("kind", ["none", "cut", "extended", "too many"])
def test_account_is_refused_when_the_path_is_malformed(kind: str) -> None:
    nodes = proof(address(7))
    bad = {"none": [], "cut": nodes[:-1], "extended": [*nodes, nodes[-1]], "too many": nodes * PROOF_NODES_MAX}[kind]
    with pytest.raises(InvalidProofError, match="proof"):
        verify_account(STATE.root_hash, address(7), bad)


def test_account_is_refused_when_the_leaf_is_no_account() -> None:
    trie = HexaryTrie({})
    trie.set(keccak(address(1)), reference_rlp.encode([1, 2, b"short", CODE]))
    with pytest.raises(InvalidProofError, match="account: expected the RLP of an account"):
        verify_account(trie.root_hash, address(1), proof(address(1), trie))
