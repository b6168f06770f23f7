"""CometBFT's header, commit and validator set: their hashes, what a validator signs, and when a block is final.

A block is final for a validator set when more than two thirds of its voting power signed the canonical precommit
for the block's id. Pure functions over plain values: the chain process signs with them, the verifier checks with
them, and neither needs a node of the other kind.

Source: CometBFT 0.38 spec/core/data_structures.md; types/block.go, types/canonical.go, types/validator_set.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import sha256
from typing import Final

from bridge.errors import InsufficientPowerError, InvalidProofError
from bridge.proofs.merkle import EMPTY_ROOT, MerkleProof, build_proof, merkle_root
from bridge.proofs.wire import bytes_field, delimited, int_field, message_field, sfixed64_field
from pqc import signatures
from pqc.errors import RejectedError as PqcRejectedError

BLOCK_PROTOCOL: Final = 11
PART_BYTES: Final = 65_536
VALIDATORS_MAX: Final = 200
"""More validators than a network of banks has; bounds the signatures a proof can make a verifier check."""
_PRECOMMIT: Final = 2
_PUBLIC_KEY_FIELD: Final = {"Ed25519": 1, "ML-DSA-65": 4}
"""Field number in tendermint.crypto.PublicKey by algorithm name."""


class VoteFlag(IntEnum):
    """What a validator's place in a commit says."""

    ABSENT = 1
    """No vote arrived in time; address, time and signature are empty."""
    COMMIT = 2
    """It voted for the block."""
    NIL = 3
    """It voted for no block."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time, UTC."""

    seconds: int
    nanos: int = 0


@dataclass(frozen=True, slots=True)
class BlockId:
    """What a vote is about: the header's hash and the root over the block's 64 KiB parts."""

    hash: bytes = b""
    parts_total: int = 0
    parts_hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Header:
    """A consensus header; `app_hash` is the Ethereum block hash after the previous height."""

    block_version: int
    app_version: int
    chain_id: str
    height: int
    time: Timestamp
    last_block_id: BlockId
    last_commit_hash: bytes
    data_hash: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    consensus_hash: bytes
    app_hash: bytes
    last_results_hash: bytes
    evidence_hash: bytes
    proposer_address: bytes


@dataclass(frozen=True, slots=True)
class CommitSignature:
    """One validator's place in a commit: by default its precommit for the block."""

    validator_address: bytes
    timestamp: Timestamp
    signature: bytes
    flag: VoteFlag = VoteFlag.COMMIT


ABSENT: Final = CommitSignature(b"", Timestamp(-62_135_596_800), b"", VoteFlag.ABSENT)
"""The place of a validator without a vote; its time is the zero of Go's clock, year 1."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The precommits that made a block final, in validator-set order.

    A network's commit has a place for every validator, also for one that was absent or voted for no block; its hash
    is over all of them. A proof of finality needs the votes for the block alone.
    """

    height: int
    round: int
    block_id: BlockId
    signatures: tuple[CommitSignature, ...] = ()


@dataclass(frozen=True, slots=True)
class Validator:
    """One member of the validator set; `power` is its voting power."""

    algorithm: str
    public_key: bytes
    power: int

    @property
    def address(self) -> bytes:
        """Return the 20-byte validator address: the start of SHA-256 of the public key."""
        return sha256(self.public_key).digest()[:20]


def validator_set(validators: Sequence[Validator]) -> tuple[Validator, ...]:
    """Return the set in CometBFT's order: by power, highest first, then by address.

    Raises:
        InvalidProofError: empty, too many, a power below 1, the same key twice, or an unknown algorithm.
    """
    if not 0 < len(validators) <= VALIDATORS_MAX:
        raise InvalidProofError("validators", f"1 to {VALIDATORS_MAX}", len(validators))
    if len({validator.address for validator in validators}) != len(validators):
        raise InvalidProofError("validators.public_key", "every key once", "a key twice")
    for validator in validators:
        if not 0 < validator.power < 1 << 60:
            raise InvalidProofError("validators.power", "1 to 2^60", validator.power)
        if validator.algorithm not in _PUBLIC_KEY_FIELD:
            raise InvalidProofError("validators.algorithm", ", ".join(_PUBLIC_KEY_FIELD), validator.algorithm)
    return tuple(sorted(validators, key=lambda one: (-one.power, one.address)))


def validators_hash(validators: Sequence[Validator]) -> bytes:
    """Return the hash of a validator set (key and power of each, in set order)."""
    return merkle_root([_simple_validator(validator) for validator in validator_set(validators)])


def header_hash(header: Header) -> bytes:
    """Return the block hash: the Merkle root over the header's 14 encoded fields."""
    return merkle_root(
        [
            _version(header),
            bytes_field(1, header.chain_id.encode()),
            int_field(1, header.height),
            timestamp_bytes(header.time),
            block_id_bytes(header.last_block_id),
            bytes_field(1, header.last_commit_hash),
            bytes_field(1, header.data_hash),
            bytes_field(1, header.validators_hash),
            bytes_field(1, header.next_validators_hash),
            bytes_field(1, header.consensus_hash),
            bytes_field(1, header.app_hash),
            bytes_field(1, header.last_results_hash),
            bytes_field(1, header.evidence_hash),
            bytes_field(1, header.proposer_address),
        ]
    )


def data_hash(items: Sequence[bytes]) -> bytes:
    """Return the root over a block's data; a leaf is the SHA-256 of an item."""
    return merkle_root([sha256(item).digest() for item in items])


def data_proof(items: Sequence[bytes], index: int) -> MerkleProof:
    """Return the proof that `items[index]` is in the block's data."""
    return build_proof([sha256(item).digest() for item in items], index)


def commit_hash(commit: Commit | None) -> bytes:
    """Return what the next header's `last_commit_hash` must be; None stands for the block before the first."""
    return merkle_root([_commit_signature(one) for one in commit.signatures]) if commit else EMPTY_ROOT


def votes_for_block(commit: Commit) -> Commit:
    """Return the commit with the votes for the block alone: what proves finality, no longer what its hash is over."""
    return replace(commit, signatures=tuple(one for one in commit.signatures if one.flag == VoteFlag.COMMIT))


def results_hash(results: Sequence[tuple[int, int, int]]) -> bytes:
    """Return the next header's `last_results_hash` from (code, gas wanted, gas used) of each data item."""
    return merkle_root(
        [int_field(1, code) + int_field(5, wanted) + int_field(6, used) for code, wanted, used in results]
    )


def consensus_params_hash(block_bytes_max: int, block_gas_max: int) -> bytes:
    """Return the header's `consensus_hash`."""
    return sha256(int_field(1, block_bytes_max) + int_field(2, block_gas_max)).digest()


def block_id(header: Header, items: Sequence[bytes], last_commit: Commit | None) -> BlockId:
    """Return the id of a block without evidence: header hash and the root over its 64 KiB parts."""
    data = b"".join(message_field(1, item) for item in items)
    last = _commit(last_commit) if last_commit else message_field(3, block_id_bytes(BlockId()))
    block = message_field(1, _header(header)) + message_field(2, data) + message_field(3, b"") + message_field(4, last)
    parts = [block[start : start + PART_BYTES] for start in range(0, len(block), PART_BYTES)]
    return BlockId(header_hash(header), len(parts), merkle_root(parts))


def vote_sign_bytes(
    chain_id: str, height: int, round_: int, block: BlockId, timestamp: Timestamp, vote_type: int = _PRECOMMIT
) -> bytes:
    """Return the canonical vote a validator signs (by default a precommit)."""
    canonical_id = b""
    if block != BlockId():
        parts = int_field(1, block.parts_total) + bytes_field(2, block.parts_hash)
        canonical_id = message_field(4, bytes_field(1, block.hash) + message_field(2, parts))
    return delimited(
        int_field(1, vote_type)
        + sfixed64_field(2, height)
        + sfixed64_field(3, round_)
        + canonical_id
        + message_field(5, timestamp_bytes(timestamp))
        + bytes_field(6, chain_id.encode())
    )


def verify_commit(chain_id: str, validators: Sequence[Validator], header: Header, commit: Commit) -> None:
    """Return when `commit` makes `header` final for exactly this validator set.

    A vote for the block counts once per validator; one by a stranger, a wrong one or a second one fails the whole
    commit, since an honest node never hands it out. Places without such a vote count nothing and are not looked at.

    Raises:
        InvalidProofError: names the field of header or commit that does not fit.
        InsufficientPowerError: the signatures are good but too few.
    """
    if header.chain_id != chain_id:
        raise InvalidProofError("header.chain_id", chain_id, header.chain_id)
    expected_set = validators_hash(validators)
    if header.validators_hash != expected_set:
        raise InvalidProofError("header.validators_hash", expected_set.hex(), header.validators_hash.hex())
    if commit.height != header.height:
        raise InvalidProofError("commit.height", header.height, commit.height)
    expected_hash = header_hash(header)
    if commit.block_id.hash != expected_hash:
        raise InvalidProofError("commit.block_id.hash", expected_hash.hex(), commit.block_id.hash.hex())
    _verify_power(chain_id, validators, commit)


def verify_vote(chain_id: str, validator: Validator, commit: Commit, vote: CommitSignature) -> None:
    """Return when `vote` is this validator's vote for the commit's block; raises InvalidProofError otherwise."""
    message = vote_sign_bytes(chain_id, commit.height, commit.round, commit.block_id, vote.timestamp)
    try:
        signatures.verify(validator.algorithm, validator.public_key, message, vote.signature)
    except PqcRejectedError as error:
        raise InvalidProofError("signature", "a valid precommit", str(error)) from error


def _verify_power(chain_id: str, validators: Sequence[Validator], commit: Commit) -> None:
    by_address = {validator.address: validator for validator in validators}
    total = sum(validator.power for validator in validators)
    if len(commit.signatures) > len(by_address):
        raise InvalidProofError("commit.signatures", f"at most {len(by_address)}", len(commit.signatures))
    signed = 0
    for index, one in enumerate(commit.signatures):
        if one.flag != VoteFlag.COMMIT:
            continue
        path = f"commit.signatures[{index}]"
        validator = by_address.pop(one.validator_address, None)
        if validator is None:
            raise InvalidProofError(f"{path}.validator_address", "a validator, once", one.validator_address.hex())
        try:
            verify_vote(chain_id, validator, commit, one)
        except InvalidProofError as error:
            raise InvalidProofError(f"{path}.{error.field}", error.expected, error.got) from error
        signed += validator.power
    if 3 * signed <= 2 * total:
        raise InsufficientPowerError(signed, total)


def timestamp_bytes(time: Timestamp) -> bytes:
    """Return google.protobuf.Timestamp."""
    return int_field(1, time.seconds) + int_field(2, time.nanos)


def _version(header: Header) -> bytes:
    return int_field(1, header.block_version) + int_field(2, header.app_version)


def block_id_bytes(block: BlockId) -> bytes:
    """Return tendermint.types.BlockID."""
    parts = int_field(1, block.parts_total) + bytes_field(2, block.parts_hash)
    return bytes_field(1, block.hash) + message_field(2, parts)


def _simple_validator(validator: Validator) -> bytes:
    key = message_field(_PUBLIC_KEY_FIELD[validator.algorithm], validator.public_key)
    return message_field(1, key) + int_field(2, validator.power)


def _commit_signature(one: CommitSignature) -> bytes:
    return (
        int_field(1, one.flag)
        + bytes_field(2, one.validator_address)
        + message_field(3, timestamp_bytes(one.timestamp))
        + bytes_field(4, one.signature)
    )


def _commit(commit: Commit) -> bytes:
    return (
        int_field(1, commit.height)
        + int_field(2, commit.round)
        + message_field(3, block_id_bytes(commit.block_id))
        + b"".join(message_field(4, _commit_signature(one)) for one in commit.signatures)
    )


def _header(header: Header) -> bytes:
    return (
        message_field(1, _version(header))
        + bytes_field(2, header.chain_id.encode())
        + int_field(3, header.height)
        + message_field(4, timestamp_bytes(header.time))
        + message_field(5, block_id_bytes(header.last_block_id))
        + bytes_field(6, header.last_commit_hash)
        + bytes_field(7, header.data_hash)
        + bytes_field(8, header.validators_hash)
        + bytes_field(9, header.next_validators_hash)
        + bytes_field(10, header.consensus_hash)
        + bytes_field(11, header.app_hash)
        + bytes_field(12, header.last_results_hash)
        + bytes_field(13, header.evidence_hash)
        + bytes_field(14, header.proposer_address)
    )
