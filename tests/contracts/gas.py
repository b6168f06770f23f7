"""Gas figures of contract calls, kept in `sizes_and_gas.json` beside the sizes, so that a change of cost is seen.

A test measures a call right after it and hands the figure to the fixture `gas_snapshot`; the figure must be the
snapshot's. `UPDATE_SNAPSHOT=1` writes figures instead of comparing. Gas is that of the call's execution, without the
transaction's 21,000 and its call data.
"""

import json
import os
from typing import Any, Final

from tests.contracts.support import ROOT

SNAPSHOT: Final = ROOT / "tests" / "contracts" / "sizes_and_gas.json"
# Addresses follow from the order of deployments, and with them signatures: a few zero bytes more or less.
SLACK: Final = 100
IS_UPDATING: Final = os.environ.get("UPDATE_SNAPSHOT") == "1"


def load_snapshot() -> dict[str, Any]:
    snapshot: dict[str, Any] = json.loads(SNAPSHOT.read_text())
    return snapshot


class GasSnapshot:
    """Compares, or collects and writes, the gas of named calls."""

    def check(self, contract: Any, name: str) -> None:
        """Compare the gas of `contract`'s last call with the snapshot's `<Contract>.<name>`."""
        key = f"{contract.contract_name}.{name}"
        used = contract._computation.get_gas_used()
        snapshot = load_snapshot()
        if IS_UPDATING:
            snapshot["gas"][key] = used
            SNAPSHOT.write_text(json.dumps(snapshot, indent=1, sort_keys=True) + "\n")
            return
        recorded = snapshot["gas"].get(key)
        told = f"{key}: expected {recorded} gas, got {used}; UPDATE_SNAPSHOT=1 records the new figure"
        assert recorded is not None, told
        assert abs(used - recorded) <= SLACK, told
