"""Double signatures made by a test's own key, as CometBFT's JSON has them."""

import base64
from typing import Any

from bridge.proofs.consensus import BlockId, Timestamp, Validator, vote_sign_bytes
from pqc import signatures

SECONDS = 1_785_571_300
TIME = "2026-08-01T08:01:40.000000005Z"
PRECOMMIT = 2


def double_sign(key: signatures.KeyPair, chain_id: str, at_height: int = 3, **changes: Any) -> dict[str, Any]:
    """Return evidence of two precommits; `changes` are members of the second vote, made after it was signed."""
    return {
        "type": "tendermint/DuplicateVoteEvidence",
        "value": {
            "vote_a": _vote(key, chain_id, at_height, 1),
            "vote_b": _vote(key, chain_id, at_height, 2) | changes,
            "TotalVotingPower": "40",
            "ValidatorPower": "10",
            "Timestamp": TIME,
        },
    }


def _vote(key: signatures.KeyPair, chain_id: str, height: int, number: int) -> dict[str, Any]:
    block = BlockId(bytes([number]) * 32, 1, bytes([number]) * 32)
    message = vote_sign_bytes(chain_id, height, 0, block, Timestamp(SECONDS, 5), PRECOMMIT)
    return {
        "type": PRECOMMIT,
        "height": str(height),
        "round": 0,
        "block_id": {"hash": block.hash.hex().upper(), "parts": {"total": 1, "hash": block.parts_hash.hex().upper()}},
        "timestamp": TIME,
        "validator_address": Validator(key.alg, key.public_key, 1).address.hex().upper(),
        "validator_index": 0,
        "signature": base64.b64encode(signatures.sign(key, message)).decode(),
        "extension": None,
        "extension_signature": None,
    }
