"""`landfall demo` as `make demo` runs it."""

import json
from collections.abc import Callable
from pathlib import Path


def test_demo_ends_with_true_packs_when_all_scenarios_are_played(landfall: Callable[..., str], tmp_path: Path) -> None:
    told = json.loads(landfall("demo", "--json", "--out", str(tmp_path)))
    roses, vases = told["roses"], told["no-delivery"]
    assert [fact["exporter_received_minor"] for fact in roses if "exporter_received_minor" in fact] == [
        "44064000",
        "102816000",
    ]
    assert vases[2]["available_minor"] == "2500000"
    for name in ("roses", "no-delivery"):
        assert landfall("verify", str(tmp_path / f"{name}.evidence.json")).startswith("yes:")
