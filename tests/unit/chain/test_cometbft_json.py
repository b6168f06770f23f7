"""CometBFT's JSON: what is malformed is said so, whatever it is."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.proofs.consensus import ABSENT, Timestamp, VoteFlag
from node.chain.cometbft_json import read_commit, read_header, read_items, read_validators
from node.chain.errors import ConsensusAnswerError

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "cometbft" / "kvstore-mldsa65.json").read_text("utf-8")
)


def test_times_are_read_to_the_nanosecond_and_year_one_is_gos_zero() -> None:
    value = copy.deepcopy(VECTOR["commits"]["10"]["header"])
    for text, expected in (
        ("2026-11-27T09:48:20.189586016Z", Timestamp(1795772900, 189586016)),
        ("2026-11-27T09:48:20.5Z", Timestamp(1795772900, 500000000)),
        ("2026-11-27T09:48:20Z", Timestamp(1795772900, 0)),
        ("0001-01-01T00:00:00Z", ABSENT.timestamp),
    ):
        value["time"] = text
        assert read_header(value).time == expected


def test_flags_and_key_types_are_read() -> None:
    flags = [vote.flag for vote in read_commit(VECTOR["commits"]["38"]["commit"]).signatures]
    assert VoteFlag.NIL in flags
    assert read_commit(VECTOR["commits"]["13"]["commit"]).signatures[-1] == ABSENT
    assert {one.algorithm for one in read_validators(VECTOR["validators"]["10"])} == {"ML-DSA-65", "Ed25519"}
    assert read_validators(VECTOR["genesis_validators"])[0].power == 10


def test_block_without_data_has_no_items() -> None:
    assert read_items({"data": {"txs": None}}) == read_items({"data": {"txs": []}}) == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("chain_id") and value,
        lambda value: value | {"height": "five"},
        lambda value: value | {"time": "2026-11-27 09:48:20"},
        lambda value: value | {"time": "2026-11-27T09:48:20.1234567890Z"},
        lambda value: value | {"time": "2026-02-30T09:48:20Z"},
        lambda value: value | {"data_hash": "xyz"},
        lambda value: value | {"last_block_id": None},
        lambda value: value | {"version": []},
        lambda _: None,
    ],
)
def test_header_is_refused_when_malformed(spoil: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(ConsensusAnswerError, match="cometbft: expected a header"):
        read_header(spoil(copy.deepcopy(VECTOR["commits"]["10"]["header"])))


@pytest.mark.parametrize("change", [{"block_id_flag": 4}, {"signature": "*"}, {"validator_address": 1}])
def test_commit_is_refused_when_a_vote_is_malformed(change: dict[str, Any]) -> None:
    value = copy.deepcopy(VECTOR["commits"]["10"]["commit"])
    value["signatures"][0] |= change
    with pytest.raises(ConsensusAnswerError, match="cometbft: expected a commit"):
        read_commit(value)


def test_validators_are_refused_when_their_key_is_of_an_unknown_type() -> None:
    value = copy.deepcopy(VECTOR["validators"]["10"])
    value[0]["pub_key"]["type"] = "tendermint/PubKeySecp256k1"
    with pytest.raises(ConsensusAnswerError, match="expected a list of validators"):
        read_validators(value)
