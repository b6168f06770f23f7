"""Merkle trees against the RFC 6962 vectors of CometBFT's own tests, and proofs of every shape of tree."""

from dataclasses import replace
from hashlib import sha256

import pytest

from bridge.errors import InvalidProofError
from bridge.proofs.merkle import build_proof, inner_hash, leaf_hash, merkle_root, verify_proof


def test_merkle_root_matches_rfc6962_when_tree_is_empty() -> None:
    assert merkle_root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_leaf_and_inner_hash_match_rfc6962_vectors() -> None:
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    node = "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    assert inner_hash(b"N123", b"N456").hex() == node


def test_merkle_root_splits_left_heavy_when_count_is_no_power_of_two() -> None:
    a, b, c = (leaf_hash(item) for item in (b"a", b"b", b"c"))
    assert merkle_root([b"a", b"b", b"c"]) == inner_hash(inner_hash(a, b), c)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 33])
def test_proof_verifies_at_every_index_and_only_there(count: int) -> None:
    items = [sha256(bytes([i])).digest() for i in range(count)]
    root = merkle_root(items)
    for index, item in enumerate(items):
        proof = build_proof(items, index)
        verify_proof(proof, root, item)
        if count > 1:
            with pytest.raises(InvalidProofError):
                verify_proof(replace(proof, index=(index + 1) % count), root, item)
        with pytest.raises(InvalidProofError, match="leaf_hash"):
            verify_proof(proof, root, item + b"x")
        with pytest.raises(InvalidProofError, match="aunts"):
            verify_proof(replace(proof, aunts=(*proof.aunts, root)), root, item)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total": 0}, "total"),
        ({"total": True}, "total"),
        ({"index": -1}, "index"),
        ({"index": 3}, "index"),
        ({"aunts": (b"short",)}, "aunts"),
        ({"aunts": (b"\0" * 32,) * 65}, "aunts"),
        ({"aunts": ()}, "aunts"),
    ],
)
def test_proof_is_rejected_when_a_field_is_out_of_range(change: dict[str, object], field: str) -> None:
    items = [b"a", b"b", b"c"]
    proof = replace(build_proof(items, 1), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidProofError, match=f"payload_proof.{field}"):
        verify_proof(proof, merkle_root(items), b"b")


def test_build_proof_rejects_an_index_outside() -> None:
    with pytest.raises(InvalidProofError, match="index"):
        build_proof([b"a"], 1)
