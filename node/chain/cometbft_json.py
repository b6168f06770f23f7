"""CometBFT's JSON, as its RPC answers and its genesis file have it, to headers, commits and validator sets.

Numbers of 64 bits are text, hashes upper-case hex, signatures and keys base64, times RFC 3339 with up to nine digits.

Source: CometBFT 0.38 rpc/openapi/openapi.yaml; types/block.go, crypto/*/ (registered JSON names).
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from bridge.proofs.consensus import (
    BlockId,
    Commit,
    CommitSignature,
    Header,
    Timestamp,
    Validator,
    VoteFlag,
)
from bridge.proofs.double_sign import DoubleSign, Vote
from node.chain.errors import ConsensusAnswerError

ALGORITHMS: Final = {"tendermint/PubKeyEd25519": "Ed25519", "cometbft/PubKeyMlDsa65": "ML-DSA-65"}
"""Registered JSON name of a public key to the algorithm's name here."""
DOUBLE_SIGN: Final = "tendermint/DuplicateVoteEvidence"
"""Registered JSON name of the evidence of a double signature."""
_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z")

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _reader(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turn what a missing or malformed field raises into this room's error."""

    @wraps(function)
    def read(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
            what = function.__name__.removeprefix("read_").replace("validators", "list of validators")
            raise ConsensusAnswerError(f"cometbft: expected a {what}, got {error!r}"[:300]) from error

    return read


@_reader
def read_header(value: Mapping[str, Any]) -> Header:
    """Return a header; raises ConsensusAnswerError, as every reader here."""
    return Header(
        block_version=int(value["version"]["block"]),
        app_version=int(value["version"].get("app", 0)),
        chain_id=value["chain_id"],
        height=int(value["height"]),
        time=_time(value["time"]),
        last_block_id=_block_id(value["last_block_id"]),
        last_commit_hash=bytes.fromhex(value["last_commit_hash"]),
        data_hash=bytes.fromhex(value["data_hash"]),
        validators_hash=bytes.fromhex(value["validators_hash"]),
        next_validators_hash=bytes.fromhex(value["next_validators_hash"]),
        consensus_hash=bytes.fromhex(value["consensus_hash"]),
        app_hash=bytes.fromhex(value["app_hash"]),
        last_results_hash=bytes.fromhex(value["last_results_hash"]),
        evidence_hash=bytes.fromhex(value["evidence_hash"]),
        proposer_address=bytes.fromhex(value["proposer_address"]),
    )


@_reader
def read_commit(value: Mapping[str, Any]) -> Commit:
    """Return a commit with the places of all validators."""
    return Commit(
        height=int(value["height"]),
        round=int(value["round"]),
        block_id=_block_id(value["block_id"]),
        signatures=tuple(_vote(one) for one in value["signatures"]),
    )


@_reader
def read_validators(values: Sequence[Mapping[str, Any]]) -> tuple[Validator, ...]:
    """Return validators in the order given; of a genesis file the power is `power`, of an answer `voting_power`."""
    return tuple(
        Validator(
            algorithm=ALGORITHMS[one["pub_key"]["type"]],
            public_key=base64.b64decode(one["pub_key"]["value"], validate=True),
            power=int(one["voting_power"] if "voting_power" in one else one["power"]),
        )
        for one in values
    )


@_reader
def read_items(block: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return a block's data."""
    return tuple(base64.b64decode(item, validate=True) for item in block["data"]["txs"] or ())


@_reader
def read_double_sign(value: Mapping[str, Any]) -> DoubleSign:
    """Return evidence of a double signature, `{"type": DOUBLE_SIGN, "value": ...}`."""
    if value["type"] != DOUBLE_SIGN:
        raise ValueError(f"type {str(value['type'])[:60]!r}")
    found = value["value"]
    return DoubleSign(
        vote_a=_signed_vote(found["vote_a"]),
        vote_b=_signed_vote(found["vote_b"]),
        total_power=_int64(found["TotalVotingPower"]),
        validator_power=_int64(found["ValidatorPower"]),
        timestamp=_time(found["Timestamp"]),
    )


def _signed_vote(value: Mapping[str, Any]) -> Vote:
    return Vote(
        type=_int64(value["type"]),
        height=_int64(value["height"]),
        round=_int64(value["round"]),
        block_id=_block_id(value["block_id"]),
        timestamp=_time(value["timestamp"]),
        validator_address=bytes.fromhex(value["validator_address"]),
        validator_index=_int64(value["validator_index"]),
        signature=base64.b64decode(value["signature"], validate=True),
        extension=base64.b64decode(value.get("extension") or "", validate=True),
        extension_signature=base64.b64decode(value.get("extension_signature") or "", validate=True),
    )


def _int64(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError(f"number {number}")
    return number


def _vote(value: Mapping[str, Any]) -> CommitSignature:
    return CommitSignature(
        validator_address=bytes.fromhex(value["validator_address"]),
        timestamp=_time(value["timestamp"]),
        signature=base64.b64decode(value["signature"] or "", validate=True),
        flag=VoteFlag(value["block_id_flag"]),
    )


def _block_id(value: Mapping[str, Any]) -> BlockId:
    parts = value["parts"]
    return BlockId(bytes.fromhex(value["hash"]), int(parts["total"]), bytes.fromhex(parts["hash"]))


def _time(text: str) -> Timestamp:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"time {text[:40]!r}")
    # datetime counts seconds exactly, also of year 1, but knows microseconds only.
    seconds = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    return Timestamp(seconds, int((found[2] or "").ljust(9, "0")))
