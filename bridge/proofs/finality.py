"""A finality proof: one Ethereum block header, the consensus header that commits to it, and the votes.

This is what `landfall_getFinalityProof` returns and what an evidence pack carries. The payload (the RLP of the
Ethereum header, whose Keccak hash is the block hash) is item 0 of the consensus block's data.

JSON: as `consensus_json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from bridge.errors import InvalidProofError
from bridge.proofs.consensus import Commit, Header, Validator, verify_commit
from bridge.proofs.consensus_json import (
    commit_from_json,
    commit_to_json,
    get_bytes,
    get_int,
    get_list,
    get_object,
    header_from_json,
    header_to_json,
    to_hex,
)
from bridge.proofs.merkle import AUNTS_MAX, MerkleProof, verify_proof

PAYLOAD_BYTES_MAX: Final = 2_048
"""An Ethereum header is about 600 bytes."""


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
    return {
        "header": header_to_json(proof.header),
        "commit": commit_to_json(proof.commit),
        "payload": to_hex(proof.payload),
        "payload_proof": merkle_to_json(proof.payload_proof),
    }


def merkle_to_json(proof: MerkleProof) -> dict[str, Any]:
    """Return a place in a block's data as plain JSON values."""
    return {
        "total": proof.total,
        "index": proof.index,
        "leaf_hash": to_hex(proof.leaf_hash),
        "aunts": [to_hex(aunt) for aunt in proof.aunts],
    }


def proof_from_json(value: object) -> FinalityProof:
    """Read a proof; nothing about it is trusted yet.

    Raises:
        InvalidProofError: with the path of the field that is missing, unknown or of the wrong form.
    """
    fields = get_object(value, "proof", ("header", "commit", "payload", "payload_proof"))
    return FinalityProof(
        header=header_from_json(fields["header"]),
        commit=commit_from_json(fields["commit"]),
        payload=get_bytes(fields["payload"], "payload", 1, PAYLOAD_BYTES_MAX),
        payload_proof=merkle_from_json(fields["payload_proof"], "payload_proof"),
    )


def merkle_from_json(value: object, path: str) -> MerkleProof:
    """Read a place in a block's data; raises as `proof_from_json` does."""
    place = get_object(value, path, ("total", "index", "leaf_hash", "aunts"))
    aunts = get_list(place["aunts"], f"{path}.aunts", AUNTS_MAX)
    return MerkleProof(
        total=get_int(place["total"], f"{path}.total"),
        index=get_int(place["index"], f"{path}.index"),
        leaf_hash=get_bytes(place["leaf_hash"], f"{path}.leaf_hash", 32, 32),
        aunts=tuple(get_bytes(aunt, f"{path}.aunts[{i}]", 32, 32) for i, aunt in enumerate(aunts)),
    )
