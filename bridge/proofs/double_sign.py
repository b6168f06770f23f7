"""A double signature: two votes of one validator for different blocks in the same step of consensus.

Whoever holds both votes and the validator's key can check it; no node and no height has to be believed. Its hash is
CometBFT's own hash of the evidence, so members who found it each by themselves name it alike.

Source: CometBFT 0.38 spec/core/data_structures.md, "Evidence"; types/evidence.go, types/vote.go.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import BlockId, Timestamp, Validator, block_id_bytes, timestamp_bytes, vote_sign_bytes
from bridge.proofs.wire import bytes_field, int_field, message_field
from pqc import signatures
from pqc.errors import RejectedError as PqcRejectedError

VOTE_TYPES: Final = {1: "prevote", 2: "precommit"}


@dataclass(frozen=True, slots=True)
class Vote:
    """A validator's vote; the empty block id is a vote for no block."""

    type: int
    height: int
    round: int
    block_id: BlockId
    timestamp: Timestamp
    validator_address: bytes
    validator_index: int
    signature: bytes
    extension: bytes = b""
    extension_signature: bytes = b""


@dataclass(frozen=True, slots=True)
class DoubleSign:
    """Two votes that contradict each other, and what CometBFT noted about them; nothing is checked yet."""

    vote_a: Vote
    vote_b: Vote
    total_power: int
    validator_power: int
    timestamp: Timestamp

    @property
    def hash(self) -> bytes:
        """Return CometBFT's hash of the evidence: SHA-256 over its encoding."""
        return sha256(
            message_field(1, _vote(self.vote_a))
            + message_field(2, _vote(self.vote_b))
            + int_field(3, self.total_power)
            + int_field(4, self.validator_power)
            + message_field(5, timestamp_bytes(self.timestamp))
        ).digest()


def verify_double_sign(chain_id: str, validator: Validator, evidence: DoubleSign) -> None:
    """Return when the votes convict this validator.

    Args:
        chain_id: Of consensus: the network's name.
        validator: Whose votes they are said to be; its power says nothing here.

    Raises:
        InvalidProofError: names the field that does not fit.
    """
    a, b = evidence.vote_a, evidence.vote_b
    if a.type not in VOTE_TYPES:
        raise InvalidProofError("vote_a.type", "1 (prevote) or 2 (precommit)", a.type)
    for field in ("type", "height", "round", "validator_address"):
        if getattr(a, field) != getattr(b, field):
            raise InvalidProofError(f"vote_b.{field}", _shown(getattr(a, field)), _shown(getattr(b, field)))
    if a.validator_address != validator.address:
        raise InvalidProofError(
            "vote_a.validator_address", validator.address.hex().upper(), _shown(a.validator_address)
        )
    # The order is part of the hash: the same two votes must not have two names.
    if _order(a.block_id) >= _order(b.block_id):
        raise InvalidProofError("vote_b.block_id", "another block than vote_a's, the lower hash first", "none such")
    for name, vote in (("vote_a", a), ("vote_b", b)):
        message = vote_sign_bytes(chain_id, vote.height, vote.round, vote.block_id, vote.timestamp, vote.type)
        try:
            signatures.verify(validator.algorithm, validator.public_key, message, vote.signature)
        except PqcRejectedError as error:
            raise InvalidProofError(f"{name}.signature", "a valid signature of the validator", str(error)) from error


def _order(block: BlockId) -> bytes:
    return block.hash + int_field(1, block.parts_total) + bytes_field(2, block.parts_hash)


def _shown(value: int | bytes) -> int | str:
    return value.hex().upper() if isinstance(value, bytes) else value


def _vote(vote: Vote) -> bytes:
    return (
        int_field(1, vote.type)
        + int_field(2, vote.height)
        + int_field(3, vote.round)
        + message_field(4, block_id_bytes(vote.block_id))
        + message_field(5, timestamp_bytes(vote.timestamp))
        + bytes_field(6, vote.validator_address)
        + int_field(7, vote.validator_index)
        + bytes_field(8, vote.signature)
        + bytes_field(9, vote.extension)
        + bytes_field(10, vote.extension_signature)
    )
