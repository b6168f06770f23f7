"""Misbehaviour of validators as consensus reports it with a block: the same on every node, kept by every node.

The votes themselves are in the consensus block at `reported_at`. Members name a report on chain by its digest
(docs/spec/governance.md, "Double signers").
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import rfc8785

from node.chain.abci.abci_pb2 import Misbehavior, MisbehaviorType

_KINDS: Final = {
    MisbehaviorType.DUPLICATE_VOTE: "duplicate_vote",
    MisbehaviorType.LIGHT_CLIENT_ATTACK: "light_client_attack",
}
"""What else a later version of consensus may report is `unknown`."""


def misbehaviour_to_json(reported: Misbehavior, reported_at: int) -> Mapping[str, Any]:
    """Return a report as JSON values.

    Args:
        reported_at: Height of the consensus block that holds the votes.
    """
    return {
        "kind": _KINDS.get(reported.type, "unknown"),
        "validator": "0x" + reported.validator.address.hex(),
        "power": reported.validator.power,
        "total_power": reported.total_voting_power,
        "height": reported.height,
        "time": f"{reported.time.seconds}.{reported.time.nanos:09}",
        "reported_at": reported_at,
    }


def evidence_digest(evidence: Mapping[str, Any]) -> bytes:
    """Return SHA-256 over the report as canonical JSON (RFC 8785): what members report on chain."""
    return sha256(rfc8785.dumps(dict(evidence))).digest()
