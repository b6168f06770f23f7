"""`landfall demo` as `make demo` runs it, and every story it can tell."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fx.money import Money

# What the exporter, or its financier, gets; the rates are those of examples/rates.
PAID_MINOR = {
    "roses": ["44095500", "102889500"],
    "coffee-share-0": ["90924107"],
    "coffee-share-half": ["90459693"],
    "coffee-share-1": ["90000000"],
    "coffee-call-paid": ["90000000"],
    "lock-fails": [str(Money.parse("20899.91", "EUR").amount_minor)],
}


def _told(facts: list[dict[str, Any]], scenario: str, name: str) -> list[str]:
    return [fact[name] for fact in facts if fact["scenario"] == scenario and name in fact]


def test_demo_tells_two_stories_and_writes_true_packs(landfall: Callable[..., str], tmp_path: Path) -> None:
    told = json.loads(landfall("demo", "--json", "--out", str(tmp_path)))
    assert _told(told, "roses", "exporter_received_minor") == PAID_MINOR["roses"]
    assert _told(told, "no-delivery", "refunded") == ["4,800.00 EUR"]
    for name in ("roses", "no-delivery"):
        assert landfall("verify", str(tmp_path / f"{name}.evidence.json")).startswith("yes:")


def test_demo_ends_every_story_with_balanced_books_and_a_true_pack(
    landfall: Callable[..., str], tmp_path: Path
) -> None:
    told = json.loads(landfall("demo", "--all", "--json", "--out", str(tmp_path)))
    for scenario, amounts in PAID_MINOR.items():
        assert _told(told, scenario, "exporter_received_minor") == amounts
    (short,) = _told(told, "coffee-call-unpaid", "exporter_received_minor")
    assert 0 < int(short) < 90_000_000
    assert {fact["closed_cause"] for fact in told if "closed_cause" in fact} == {"settled"}
    packs = {path.name.removesuffix(".evidence.json") for path in tmp_path.glob("*.evidence.json")}
    assert packs == {fact["scenario"] for fact in told} - {"devnet"}
    assert len(packs) == 13
