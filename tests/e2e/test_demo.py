"""`landfall demo` as `make demo` runs it."""

import json
from collections.abc import Callable
from pathlib import Path


def test_demo_ends_with_true_packs_when_all_scenarios_are_played(landfall: Callable[..., str], tmp_path: Path) -> None:
    told = json.loads(landfall("demo", "--json", "--out", str(tmp_path)))
    received = [fact["exporter_received_minor"] for fact in told if "exporter_received_minor" in fact]
    assert received == ["44064000", "102816000"]
    assert [fact["refunded"] for fact in told if "refunded" in fact] == ["4,800.00 EUR"]
    for name in ("roses", "no-delivery"):
        assert landfall("verify", str(tmp_path / f"{name}.evidence.json")).startswith("yes:")
