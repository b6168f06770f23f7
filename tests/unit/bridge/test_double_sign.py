"""Double signatures made and named by CometBFT's own Go code, and what is none."""

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import BlockId, Validator, vote_sign_bytes
from bridge.proofs.double_sign import DoubleSign, verify_double_sign
from node.chain.cometbft_json import ALGORITHMS, read_double_sign
from node.chain.errors import ConsensusAnswerError
from pqc import signatures

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "cometbft" / "double-signs.json").read_text("utf-8")
)
CHAIN_ID = "landfall-vector"
PRECOMMITS = read_double_sign(VECTORS["ed25519-2"]["evidence"])


def validator_of(vector: dict[str, Any]) -> Validator:
    key = vector["pub_key"]
    return Validator(ALGORITHMS[key["type"]], base64.b64decode(key["value"]), 10)


GUILTY = validator_of(VECTORS["ed25519-2"])


@pytest.mark.parametrize("name", VECTORS)
def test_evidence_convicts_and_has_cometbfts_hash(name: str) -> None:
    vector = VECTORS[name]
    evidence = read_double_sign(vector["evidence"])
    verify_double_sign(vector["chain_id"], validator_of(vector), evidence)
    assert evidence.hash.hex() == vector["hash"]


def with_b(**changes: Any) -> DoubleSign:
    return replace(PRECOMMITS, vote_b=replace(PRECOMMITS.vote_b, **changes))


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        (with_b(height=78), "vote_b.height"),
        (with_b(round=1), "vote_b.round"),
        (with_b(type=1), "vote_b.type"),
        (with_b(validator_address=bytes(20)), "vote_b.validator_address"),
        (replace(PRECOMMITS, vote_b=PRECOMMITS.vote_a), "vote_b.block_id"),
        (replace(PRECOMMITS, vote_a=PRECOMMITS.vote_b, vote_b=PRECOMMITS.vote_a), "vote_b.block_id"),
        (with_b(block_id=replace(PRECOMMITS.vote_b.block_id, parts_total=10)), "vote_b.signature"),
        (with_b(signature=PRECOMMITS.vote_a.signature), "vote_b.signature"),
        (with_b(signature=b""), "vote_b.signature"),
        (replace(PRECOMMITS, vote_a=replace(PRECOMMITS.vote_a, signature=bytes(64))), "vote_a.signature"),
        (
            DoubleSign(
                replace(PRECOMMITS.vote_a, type=32), replace(PRECOMMITS.vote_b, type=32), 1, 1, PRECOMMITS.timestamp
            ),
            "vote_a.type",
        ),
    ],
)
def test_evidence_convicts_nobody_when_the_votes_do_not_contradict_each_other(evidence: DoubleSign, field: str) -> None:
    with pytest.raises(InvalidProofError) as caught:
        verify_double_sign(CHAIN_ID, GUILTY, evidence)
    assert caught.value.field == field


def test_evidence_convicts_nobody_on_another_chain_or_another_validator() -> None:
    with pytest.raises(InvalidProofError, match=r"vote_a\.signature"):
        verify_double_sign("another", GUILTY, PRECOMMITS)
    with pytest.raises(InvalidProofError, match=r"vote_a\.validator_address"):
        verify_double_sign(CHAIN_ID, validator_of(VECTORS["ml-dsa-65-2"]), PRECOMMITS)


def test_a_vote_for_no_block_contradicts_one_for_a_block() -> None:
    key = signatures.from_seed("Ed25519", b"\x05" * 32)
    validator = Validator("Ed25519", key.public_key, 1)

    def vote(block: BlockId) -> Any:
        one = replace(PRECOMMITS.vote_a, block_id=block, validator_address=validator.address)
        message = vote_sign_bytes(CHAIN_ID, one.height, one.round, block, one.timestamp, one.type)
        return replace(one, signature=signatures.sign(key, message))

    nil, block = vote(BlockId()), vote(PRECOMMITS.vote_b.block_id)
    verify_double_sign(CHAIN_ID, validator, replace(PRECOMMITS, vote_a=nil, vote_b=block))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one | {"type": "tendermint/LightClientAttackEvidence"},
        lambda one: one | {"value": []},
        lambda one: {"value": one["value"]},
        lambda one: one["value"].update(TotalVotingPower="-1") or one,
        lambda one: one["value"]["vote_a"].update(height=str(1 << 63)) or one,
        lambda one: one["value"]["vote_a"].update(signature=None) or one,
        lambda one: one["value"]["vote_b"].pop("block_id") and one,
        lambda _: "evidence",
    ],
)
def test_evidence_is_refused_when_malformed(spoil: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(ConsensusAnswerError, match="cometbft: expected a double_sign"):
        read_double_sign(spoil(copy.deepcopy(VECTORS["ed25519-2"]["evidence"])))
