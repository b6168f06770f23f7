"""A block of CometBFT 0.40 with ML-DSA-65 validators: every hash and sign byte as its own code computed them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import (
    BlockId,
    Commit,
    CommitSignature,
    Header,
    Timestamp,
    Validator,
    block_id,
    commit_hash,
    consensus_params_hash,
    data_hash,
    data_proof,
    header_hash,
    results_hash,
    validator_set,
    validators_hash,
    verify_commit,
    vote_sign_bytes,
)
from bridge.proofs.finality import FinalityProof, verify_finality
from bridge.proofs.merkle import EMPTY_ROOT

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "cometbft" / "mldsa65-block.json").read_text("utf-8")
)
CHAIN = VECTOR["chain_id"]
ITEMS = [b"\xf9\x02" * 300, b"\x02\xf8" * 40_000, b"tx"]
VALIDATORS = [
    Validator("ML-DSA-65", bytes.fromhex(one["public_key"]), one["power"]) for one in reversed(VECTOR["validators"])
]


def _block_id(value: dict[str, Any]) -> BlockId:
    return BlockId(bytes.fromhex(value["hash"]), value["parts_total"], bytes.fromhex(value["parts_hash"]))


def _commit(value: dict[str, Any]) -> Commit:
    votes = tuple(
        CommitSignature(
            bytes.fromhex(vote["validator_address"]),
            Timestamp(vote["seconds"], vote["nanos"]),
            bytes.fromhex(vote["signature"]),
        )
        for vote in value["signatures"]
    )
    return Commit(value["height"], value["round"], _block_id(value["block_id"]), votes)


def _header() -> Header:
    return Header(
        block_version=11,
        app_version=0,
        chain_id=CHAIN,
        height=VECTOR["height"],
        time=Timestamp(VECTOR["seconds"]),
        last_block_id=_block_id(VECTOR["last_block_id"]),
        last_commit_hash=commit_hash(_commit(VECTOR["last_commit"])),
        data_hash=data_hash(ITEMS),
        validators_hash=validators_hash(VALIDATORS),
        next_validators_hash=validators_hash(VALIDATORS),
        consensus_hash=consensus_params_hash(8_388_608, 60_000_000),
        app_hash=bytes.fromhex(VECTOR["app_hash"]),
        last_results_hash=results_hash([tuple(row) for row in VECTOR["results"]]),
        evidence_hash=EMPTY_ROOT,
        proposer_address=bytes.fromhex(VECTOR["proposer_address"]),
    )


def test_validator_set_has_cometbfts_order_addresses_and_hash() -> None:
    ordered = validator_set(VALIDATORS)
    assert [one.address.hex() for one in ordered] == [one["address"] for one in VECTOR["validators"]]
    assert validators_hash(VALIDATORS).hex() == VECTOR["validators_hash"]


def test_every_part_of_the_header_is_cometbfts() -> None:
    header = _header()
    assert header.data_hash.hex() == VECTOR["data_hash"]
    assert header.last_results_hash.hex() == VECTOR["results_hash"]
    assert header.consensus_hash.hex() == VECTOR["consensus_hash"]
    assert header.evidence_hash.hex() == VECTOR["evidence_hash"]
    assert header.last_commit_hash.hex() == VECTOR["last_commit"]["hash"]
    assert header_hash(header).hex() == VECTOR["block_id"]["hash"]


def test_block_id_has_cometbfts_parts() -> None:
    expected = _block_id(VECTOR["block_id"])
    assert expected.parts_total > 1
    assert block_id(_header(), ITEMS, _commit(VECTOR["last_commit"])) == expected


@pytest.mark.parametrize("name", ["last_commit", "commit"])
def test_vote_sign_bytes_are_cometbfts(name: str) -> None:
    commit = _commit(VECTOR[name])
    for vote, shown in zip(commit.signatures, VECTOR[name]["signatures"], strict=True):
        signed = vote_sign_bytes(CHAIN, commit.height, commit.round, commit.block_id, vote.timestamp)
        assert signed.hex() == shown["sign_bytes"]


def test_commit_signed_by_cometbft_is_verified_and_a_changed_one_is_not() -> None:
    commit = _commit(VECTOR["commit"])
    verify_commit(CHAIN, VALIDATORS, _header(), commit)
    with pytest.raises(InvalidProofError, match="signature"):
        verify_commit(CHAIN, VALIDATORS, _header(), replace(commit, round=1))


def test_data_proof_is_cometbfts_and_the_payload_is_proved() -> None:
    proof = data_proof(ITEMS, 0)
    assert proof.leaf_hash.hex() == VECTOR["proof"]["leaf_hash"]
    assert [aunt.hex() for aunt in proof.aunts] == VECTOR["proof"]["aunts"]
    whole = FinalityProof(_header(), _commit(VECTOR["commit"]), ITEMS[0], proof)
    assert verify_finality(whole, CHAIN, VALIDATORS) == ITEMS[0]
