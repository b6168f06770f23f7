"""Headers, commits and validator sets as plain JSON values, and back.

Hashes, keys and signatures are 0x hex, numbers JSON integers. Unknown keys are refused, so that every byte of a
proof means something. A commit holds the votes for its block alone: the others prove nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import (
    VALIDATORS_MAX,
    BlockId,
    Commit,
    CommitSignature,
    Header,
    Timestamp,
    Validator,
    validator_set,
    votes_for_block,
)

_HEADER_HASHES: Final = (
    "last_commit_hash",
    "data_hash",
    "validators_hash",
    "next_validators_hash",
    "consensus_hash",
    "app_hash",
    "last_results_hash",
    "evidence_hash",
)
_HEADER_KEYS: Final = (
    "version",
    "chain_id",
    "height",
    "time",
    "last_block_id",
    *_HEADER_HASHES,
    "proposer_address",
)


def header_to_json(header: Header) -> dict[str, Any]:
    """Return a header as plain JSON values."""
    return {
        "version": {"block": header.block_version, "app": header.app_version},
        "chain_id": header.chain_id,
        "height": header.height,
        "time": _time_to_json(header.time),
        "last_block_id": _block_id_to_json(header.last_block_id),
        **{name: to_hex(getattr(header, name)) for name in _HEADER_HASHES},
        "proposer_address": to_hex(header.proposer_address),
    }


def header_from_json(value: object, path: str = "header") -> Header:
    """Read a header; nothing about it is trusted yet.

    Raises:
        InvalidProofError: with the path of the field that is missing, unknown or of the wrong form.
    """
    fields = get_object(value, path, _HEADER_KEYS)
    version = get_object(fields["version"], f"{path}.version", ("block", "app"))
    return Header(
        block_version=get_int(version["block"], f"{path}.version.block"),
        app_version=get_int(version["app"], f"{path}.version.app"),
        chain_id=get_text(fields["chain_id"], f"{path}.chain_id"),
        height=get_int(fields["height"], f"{path}.height"),
        time=_time_from_json(fields["time"], f"{path}.time"),
        last_block_id=_block_id_from_json(fields["last_block_id"], f"{path}.last_block_id"),
        proposer_address=get_bytes(fields["proposer_address"], f"{path}.proposer_address", 20, 20),
        **{name: get_bytes(fields[name], f"{path}.{name}", 32, 32) for name in _HEADER_HASHES},
    )


def commit_to_json(commit: Commit) -> dict[str, Any]:
    """Return the votes for the block as plain JSON values."""
    return {
        "height": commit.height,
        "round": commit.round,
        "block_id": _block_id_to_json(commit.block_id),
        "signatures": [
            {
                "validator_address": to_hex(one.validator_address),
                "timestamp": _time_to_json(one.timestamp),
                "signature": to_hex(one.signature),
            }
            for one in votes_for_block(commit).signatures
        ],
    }


def commit_from_json(value: object, path: str = "commit") -> Commit:
    """Read a commit; raises as `header_from_json` does."""
    fields = get_object(value, path, ("height", "round", "block_id", "signatures"))
    votes = get_list(fields["signatures"], f"{path}.signatures", VALIDATORS_MAX)
    return Commit(
        height=get_int(fields["height"], f"{path}.height"),
        round=get_int(fields["round"], f"{path}.round"),
        block_id=_block_id_from_json(fields["block_id"], f"{path}.block_id"),
        signatures=tuple(_vote_from_json(vote, f"{path}.signatures[{index}]") for index, vote in enumerate(votes)),
    )


def validators_to_json(validators: Sequence[Validator]) -> list[dict[str, Any]]:
    """Return a validator set as plain JSON values, in set order."""
    return [
        {"algorithm": one.algorithm, "public_key": to_hex(one.public_key), "power": one.power}
        for one in validator_set(validators)
    ]


def validators_from_json(value: object, path: str = "validators") -> tuple[Validator, ...]:
    """Read a validator set, which must be in set order; raises as `header_from_json` does."""
    found = tuple(
        _validator_from_json(one, f"{path}[{index}]") for index, one in enumerate(get_list(value, path, VALIDATORS_MAX))
    )
    try:
        ordered = validator_set(found)
    except InvalidProofError as error:
        raise InvalidProofError(error.field.replace("validators", path, 1), error.expected, error.got) from None
    if ordered != found:
        raise InvalidProofError(path, "the order of the set: by power, then address", "another")
    return found


def _validator_from_json(value: object, path: str) -> Validator:
    fields = get_object(value, path, ("algorithm", "public_key", "power"))
    return Validator(
        algorithm=get_text(fields["algorithm"], f"{path}.algorithm"),
        public_key=get_bytes(fields["public_key"], f"{path}.public_key", 1, 8_192),
        power=get_int(fields["power"], f"{path}.power"),
    )


def _vote_from_json(value: object, path: str) -> CommitSignature:
    fields = get_object(value, path, ("validator_address", "timestamp", "signature"))
    return CommitSignature(
        validator_address=get_bytes(fields["validator_address"], f"{path}.validator_address", 20, 20),
        timestamp=_time_from_json(fields["timestamp"], f"{path}.timestamp"),
        signature=get_bytes(fields["signature"], f"{path}.signature", 1, 8_192),
    )


def _block_id_to_json(block: BlockId) -> dict[str, Any]:
    return {"hash": to_hex(block.hash), "parts": {"total": block.parts_total, "hash": to_hex(block.parts_hash)}}


def _block_id_from_json(value: object, path: str) -> BlockId:
    fields = get_object(value, path, ("hash", "parts"))
    parts = get_object(fields["parts"], f"{path}.parts", ("total", "hash"))
    return BlockId(
        hash=get_bytes(fields["hash"], f"{path}.hash", 0, 32),
        parts_total=get_int(parts["total"], f"{path}.parts.total", 1 << 32),
        parts_hash=get_bytes(parts["hash"], f"{path}.parts.hash", 0, 32),
    )


def _time_to_json(time: Timestamp) -> dict[str, int]:
    return {"seconds": time.seconds, "nanos": time.nanos}


def _time_from_json(value: object, path: str) -> Timestamp:
    fields = get_object(value, path, ("seconds", "nanos"))
    return Timestamp(
        get_int(fields["seconds"], f"{path}.seconds", 1 << 40), get_int(fields["nanos"], f"{path}.nanos", 10**9)
    )


def to_hex(value: bytes) -> str:
    """Return 0x and lower-case hex."""
    return "0x" + value.hex()


def get_object(value: object, path: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Return an object of exactly these keys."""
    if not isinstance(value, dict):
        raise InvalidProofError(path, "an object", type(value).__name__)
    missing = [key for key in keys if key not in value]
    if missing:
        raise InvalidProofError(f"{path}.{missing[0]}", "a value", "nothing")
    unknown = sorted(str(key) for key in value if key not in keys)
    if unknown:
        raise InvalidProofError(f"{path}.{unknown[0][:64]}", "no such key", "one")
    return value


def get_list(value: object, path: str, length_max: int) -> Sequence[object]:
    """Return a list of bounded length."""
    if not isinstance(value, list):
        raise InvalidProofError(path, "a list", type(value).__name__)
    if len(value) > length_max:
        raise InvalidProofError(path, f"at most {length_max} items", len(value))
    return value


def get_int(value: object, path: str, below: int = 1 << 63) -> int:
    """Return a JSON integer, 0 <= n < below."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise InvalidProofError(path, f"a whole number, 0 <= n < {below}", repr(value)[:64])
    return value


def get_text(value: object, path: str) -> str:
    """Return text of 1 to 50 characters."""
    if not isinstance(value, str) or not 0 < len(value) <= 50:
        raise InvalidProofError(path, "text of 1 to 50 characters", repr(value)[:64])
    return value


def get_bytes(value: object, path: str, length_min: int, length_max: int) -> bytes:
    """Return bytes written as 0x and lower-case hex digits."""
    wanted = f"0x and lowercase hex of {length_min} to {length_max} bytes"
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 2 + 2 * length_max:
        raise InvalidProofError(path, wanted, repr(value)[:64])
    try:
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise InvalidProofError(path, wanted, repr(value)[:64]) from None
    if len(raw) < length_min or value != to_hex(raw):
        raise InvalidProofError(path, wanted, repr(value)[:64])
    return raw
