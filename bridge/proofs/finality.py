"""A finality proof: one Ethereum block header, the consensus header that commits to it, and the votes.

This is what `landfall_getFinalityProof` returns and what an evidence pack carries. The payload (the RLP of the
Ethereum header, whose Keccak hash is the block hash) is item 0 of the consensus block's data.

JSON: hashes, keys and signatures as 0x hex, numbers as JSON integers. Unknown keys are refused, so that every byte
of a proof means something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import BlockId, Commit, CommitSignature, Header, Timestamp, Validator, verify_commit
from bridge.proofs.merkle import AUNTS_MAX, MerkleProof, verify_proof

PAYLOAD_BYTES_MAX: Final = 2_048
"""An Ethereum header is about 600 bytes."""
_SIGNATURES_MAX: Final = 200
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


@dataclass(frozen=True, slots=True)
class FinalityProof:
    """Header, commit, payload and the payload's place in the block's data."""

    header: Header
    commit: Commit
    payload: bytes
    payload_proof: MerkleProof


def verify_finality(proof: FinalityProof, chain_id: str, validators: Sequence[Validator]) -> bytes:
    """Return the proven payload (RLP of an Ethereum header).

    Raises:
        InvalidProofError: names the field that does not fit.
        InsufficientPowerError: too few votes.
    """
    verify_commit(chain_id, validators, proof.header, proof.commit)
    if proof.payload_proof.index != 0:
        raise InvalidProofError("payload_proof.index", 0, proof.payload_proof.index)
    verify_proof(proof.payload_proof, proof.header.data_hash, sha256(proof.payload).digest())
    return proof.payload


def proof_to_json(proof: FinalityProof) -> dict[str, Any]:
    """Return the proof as plain JSON values."""
    header, commit = proof.header, proof.commit
    return {
        "header": {
            "version": {"block": header.block_version, "app": header.app_version},
            "chain_id": header.chain_id,
            "height": header.height,
            "time": _time_to_json(header.time),
            "last_block_id": _block_id_to_json(header.last_block_id),
            **{name: _hex(getattr(header, name)) for name in _HEADER_HASHES},
            "proposer_address": _hex(header.proposer_address),
        },
        "commit": {
            "height": commit.height,
            "round": commit.round,
            "block_id": _block_id_to_json(commit.block_id),
            "signatures": [
                {
                    "validator_address": _hex(one.validator_address),
                    "timestamp": _time_to_json(one.timestamp),
                    "signature": _hex(one.signature),
                }
                for one in commit.signatures
            ],
        },
        "payload": _hex(proof.payload),
        "payload_proof": {
            "total": proof.payload_proof.total,
            "index": proof.payload_proof.index,
            "leaf_hash": _hex(proof.payload_proof.leaf_hash),
            "aunts": [_hex(aunt) for aunt in proof.payload_proof.aunts],
        },
    }


def proof_from_json(value: object) -> FinalityProof:
    """Read a proof; nothing about it is trusted yet.

    Raises:
        InvalidProofError: with the path of the field that is missing, unknown or of the wrong form.
    """
    fields = _object(value, "proof", ("header", "commit", "payload", "payload_proof"))
    place = _object(fields["payload_proof"], "payload_proof", ("total", "index", "leaf_hash", "aunts"))
    aunts = _list(place["aunts"], "payload_proof.aunts", AUNTS_MAX)
    return FinalityProof(
        header=_header_from_json(fields["header"]),
        commit=_commit_from_json(fields["commit"]),
        payload=_bytes(fields["payload"], "payload", 1, PAYLOAD_BYTES_MAX),
        payload_proof=MerkleProof(
            total=_int(place["total"], "payload_proof.total"),
            index=_int(place["index"], "payload_proof.index"),
            leaf_hash=_bytes(place["leaf_hash"], "payload_proof.leaf_hash", 32, 32),
            aunts=tuple(_bytes(aunt, f"payload_proof.aunts[{i}]", 32, 32) for i, aunt in enumerate(aunts)),
        ),
    )


def _header_from_json(value: object) -> Header:
    fields = _object(value, "header", _HEADER_KEYS)
    version = _object(fields["version"], "header.version", ("block", "app"))
    return Header(
        block_version=_int(version["block"], "header.version.block"),
        app_version=_int(version["app"], "header.version.app"),
        chain_id=_text(fields["chain_id"], "header.chain_id"),
        height=_int(fields["height"], "header.height"),
        time=_time_from_json(fields["time"], "header.time"),
        last_block_id=_block_id_from_json(fields["last_block_id"], "header.last_block_id"),
        proposer_address=_bytes(fields["proposer_address"], "header.proposer_address", 20, 20),
        **{name: _bytes(fields[name], f"header.{name}", 32, 32) for name in _HEADER_HASHES},
    )


def _commit_from_json(value: object) -> Commit:
    fields = _object(value, "commit", ("height", "round", "block_id", "signatures"))
    votes = _list(fields["signatures"], "commit.signatures", _SIGNATURES_MAX)
    return Commit(
        height=_int(fields["height"], "commit.height"),
        round=_int(fields["round"], "commit.round"),
        block_id=_block_id_from_json(fields["block_id"], "commit.block_id"),
        signatures=tuple(_vote_from_json(vote, f"commit.signatures[{index}]") for index, vote in enumerate(votes)),
    )


def _vote_from_json(value: object, path: str) -> CommitSignature:
    fields = _object(value, path, ("validator_address", "timestamp", "signature"))
    return CommitSignature(
        validator_address=_bytes(fields["validator_address"], f"{path}.validator_address", 20, 20),
        timestamp=_time_from_json(fields["timestamp"], f"{path}.timestamp"),
        signature=_bytes(fields["signature"], f"{path}.signature", 1, 8_192),
    )


def _block_id_to_json(block: BlockId) -> dict[str, Any]:
    return {"hash": _hex(block.hash), "parts": {"total": block.parts_total, "hash": _hex(block.parts_hash)}}


def _block_id_from_json(value: object, path: str) -> BlockId:
    fields = _object(value, path, ("hash", "parts"))
    parts = _object(fields["parts"], f"{path}.parts", ("total", "hash"))
    return BlockId(
        hash=_bytes(fields["hash"], f"{path}.hash", 0, 32),
        parts_total=_int(parts["total"], f"{path}.parts.total", 1 << 32),
        parts_hash=_bytes(parts["hash"], f"{path}.parts.hash", 0, 32),
    )


def _time_to_json(time: Timestamp) -> dict[str, int]:
    return {"seconds": time.seconds, "nanos": time.nanos}


def _time_from_json(value: object, path: str) -> Timestamp:
    fields = _object(value, path, ("seconds", "nanos"))
    return Timestamp(_int(fields["seconds"], f"{path}.seconds", 1 << 40), _int(fields["nanos"], f"{path}.nanos", 10**9))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _object(value: object, path: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidProofError(path, "an object", type(value).__name__)
    missing = [key for key in keys if key not in value]
    if missing:
        raise InvalidProofError(f"{path}.{missing[0]}", "a value", "nothing")
    unknown = sorted(str(key) for key in value if key not in keys)
    if unknown:
        raise InvalidProofError(f"{path}.{unknown[0][:64]}", "no such key", "one")
    return value


def _list(value: object, path: str, length_max: int) -> Sequence[object]:
    if not isinstance(value, list):
        raise InvalidProofError(path, "a list", type(value).__name__)
    if len(value) > length_max:
        raise InvalidProofError(path, f"at most {length_max} items", len(value))
    return value


def _int(value: object, path: str, below: int = 1 << 63) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise InvalidProofError(path, f"a whole number, 0 <= n < {below}", repr(value)[:64])
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 50:
        raise InvalidProofError(path, "text of 1 to 50 characters", repr(value)[:64])
    return value


def _bytes(value: object, path: str, length_min: int, length_max: int) -> bytes:
    wanted = f"0x and lowercase hex of {length_min} to {length_max} bytes"
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 2 + 2 * length_max:
        raise InvalidProofError(path, wanted, repr(value)[:64])
    try:
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise InvalidProofError(path, wanted, repr(value)[:64]) from None
    if len(raw) < length_min or value != "0x" + raw.hex():
        raise InvalidProofError(path, wanted, repr(value)[:64])
    return raw
