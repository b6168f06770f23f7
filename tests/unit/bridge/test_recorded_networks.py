"""Blocks of real networks: absent and nil votes, rounds that failed, validators that came, changed and left."""

from dataclasses import replace

import pytest

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import (
    ABSENT,
    BlockId,
    VoteFlag,
    block_id,
    commit_hash,
    data_hash,
    data_proof,
    header_hash,
    validator_set,
    validators_hash,
    verify_commit,
    vote_sign_bytes,
    votes_for_block,
)
from bridge.proofs.finality import FinalityProof, verify_finality
from node.chain.cometbft_json import read_commit, read_header
from pqc import signatures
from tests.unit.bridge.recorded import ED25519, MLDSA65, Recorded

NETWORKS = pytest.mark.parametrize("network", [ED25519, MLDSA65], ids=lambda network: network.chain_id)


@NETWORKS
def test_every_recorded_commit_makes_its_header_final(network: Recorded) -> None:
    for height, header in network.headers.items():
        commit = network.commits[height]
        assert header_hash(header) == commit.block_id.hash
        verify_commit(network.chain_id, network.validators(height), header, commit)
        verify_commit(network.chain_id, network.validators(height), header, votes_for_block(commit))
        with pytest.raises(InvalidProofError, match="signature"):
            verify_commit(network.chain_id, network.validators(height), header, replace(commit, round=commit.round + 1))


@NETWORKS
def test_hash_of_every_recorded_set_is_the_headers_and_its_order_cometbfts(network: Recorded) -> None:
    for height, header in network.headers.items():
        validators = network.validators(height)
        assert validators_hash(validators) == header.validators_hash
        assert validator_set(validators) == validators


@NETWORKS
def test_last_commit_hash_covers_absent_and_nil_votes(network: Recorded) -> None:
    flags = set()
    for height, header in network.headers.items():
        before = network.commits.get(height - 1)
        if before is None:
            continue
        assert commit_hash(before) == header.last_commit_hash
        flags |= {vote.flag for vote in before.signatures}
        if any(vote.flag != VoteFlag.COMMIT for vote in before.signatures):
            assert commit_hash(votes_for_block(before)) != header.last_commit_hash
    assert flags == set(VoteFlag)


@NETWORKS
def test_nil_votes_are_signed_over_no_block_and_absent_ones_are_empty(network: Recorded) -> None:
    found = 0
    for commit in network.commits.values():
        for validator, vote in zip(network.validators(commit.height), commit.signatures, strict=True):
            if vote.flag == VoteFlag.ABSENT:
                assert vote == ABSENT
            if vote.flag == VoteFlag.NIL:
                assert vote.validator_address == validator.address
                message = vote_sign_bytes(network.chain_id, commit.height, commit.round, BlockId(), vote.timestamp)
                signatures.verify(validator.algorithm, validator.public_key, message, vote.signature)
                found += 1
    assert found


@NETWORKS
def test_block_id_and_data_of_recorded_blocks_are_cometbfts(network: Recorded) -> None:
    for height, one in network.blocks.items():
        header, last = read_header(one["block"]["header"]), read_commit(one["block"]["last_commit"])
        items = network.items(height)
        computed = block_id(header, items, last if last.signatures else None)
        assert computed.hash.hex().upper() == one["block_id"]["hash"]
        assert computed.parts_hash.hex().upper() == one["block_id"]["parts"]["hash"]
        assert data_hash(items) == header.data_hash


def test_first_item_of_a_recorded_block_is_proven() -> None:
    items = ED25519.items(4)
    proof = FinalityProof(ED25519.headers[4], ED25519.commits[4], items[0], data_proof(items, 0))
    assert verify_finality(proof, ED25519.chain_id, ED25519.validators(4)) == items[0]
    with pytest.raises(InvalidProofError, match="leaf_hash"):
        verify_finality(replace(proof, payload=items[0] + b"x"), ED25519.chain_id, ED25519.validators(4))


def test_nil_vote_counts_nothing_when_it_is_called_a_vote_for_the_block() -> None:
    height = next(h for h, one in ED25519.commits.items() if any(v.flag == VoteFlag.NIL for v in one.signatures))
    commit = ED25519.commits[height]
    forged = replace(commit, signatures=tuple(replace(v, flag=VoteFlag.COMMIT) for v in commit.signatures))
    with pytest.raises(InvalidProofError, match="signature"):
        verify_commit(ED25519.chain_id, ED25519.validators(height), ED25519.headers[height], forged)
