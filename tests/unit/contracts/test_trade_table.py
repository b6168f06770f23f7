"""The state table of a trade: what must be true of any such table, and the page that is made from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.trade_table import TABLE, calls, edges, leaving, passing, rows_of
from contracts.trade_transitions import UNSETTLED, Life, Option, Party, Policy, State, Transition

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import build_trade_docs

    return build_trade_docs


def reachable(start: State, policy: Policy, option: Option, *, needs_word: bool) -> set[State]:
    """Return the states a milestone can come to; without anyone's word if not `needs_word`."""
    found, waiting = {start}, [start]
    while waiting:
        for row in leaving(waiting.pop(), policy, option):
            if row.after is not None and row.after not in found and (needs_word or not row.signers):
                found.add(row.after)
                waiting.append(row.after)
    return found


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("option", Option)
@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_table_leads_every_state_to_settled_when_nobody_signs_anything(
    state: State, policy: Policy, option: Option
) -> None:
    assert State.SETTLED in reachable(state, policy, option, needs_word=False)


@pytest.mark.parametrize("policy", Policy)
def test_table_leads_nowhere_from_settled(policy: Policy) -> None:
    assert leaving(State.SETTLED, policy) == ()
    assert passing(State.SETTLED) is None


def test_table_reaches_every_state_from_pending() -> None:
    assert reachable(State.PENDING, Policy.NONE, Option.SHARE, needs_word=True) == set(State)


def test_table_names_a_case_once_and_tells_several_apart() -> None:
    for call in calls():
        cases = [row.case for row in rows_of(call)]
        assert len(cases) == len(set(cases))
        assert len(cases) == 1 or "" not in cases


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.call}-{row.case}")
def test_row_has_the_reason_for_each_way_a_call_can_be_wrong(row: Transition) -> None:
    if row.is_time:
        assert not row.signers
        assert row.window.after
        return
    # Rows about every unsettled milestone are refused by the trade being closed, and `fund` by there being one.
    has_wrong_state = not row.about_trade or row.before == {State.PENDING} or row.life[0] is Life.NOTHING
    assert bool(row.wrong_state) == has_wrong_state
    assert bool(row.wrong_party) == bool(row.signers)
    assert row.says


def test_row_closes_the_trade_only_with_every_milestone() -> None:
    for row in TABLE:
        if row.life[1] is Life.CLOSED:
            assert row.about_trade
            assert row.after is State.SETTLED


def test_table_lets_nobody_but_the_holder_or_the_arbiter_lower_a_milestone() -> None:
    """Waive, defer, cancel and amend carry a holder's word: after an assignment the exporter's is worth nothing."""
    for call in ("waive", "defer", "cancel", "amend"):
        for row in rows_of(call):
            assert {Party.HOLDER, Party.HOLDERS} & set(row.signers)
            assert Party.EXPORTER not in row.signers


def test_edges_leave_out_what_keeps_the_state() -> None:
    assert (frozenset({State.PENDING}), State.DUE) in edges(TABLE)
    assert all(after not in before or before == UNSETTLED for before, after in edges(TABLE))


def test_page_and_diagram_are_what_the_table_says(builder: Any) -> None:
    assert builder.main(["--check"]) == 0


def test_check_fails_when_the_page_is_stale(
    builder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "trade.md"
    page.write_text(builder.PAGE.read_text().replace("| `lapse` |", "| `collapse` |"))
    monkeypatch.setattr(builder, "PAGE", page)
    assert builder.main(["--check"]) == 1
    assert "run scripts/build_trade_docs.py" in capsys.readouterr().err
    assert builder.main([]) == 0
    assert builder.main(["--check"]) == 0


def test_page_is_refused_when_a_block_has_no_marks(builder: Any) -> None:
    text = builder.PAGE.read_text().replace("<!-- end time -->", "")
    with pytest.raises(builder.StaleError, match="end time"):
        builder.page(text)


def test_diagram_is_refused_when_a_row_has_no_place(builder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = dict(builder.ROUTES)
    routes.popitem()
    monkeypatch.setattr(builder, "ROUTES", routes)
    with pytest.raises(builder.StaleError, match="ROUTES"):
        builder.svg()


# Against the contract ------------------------------------------------------------------------------------------------


@pytest.fixture
def abi() -> list[dict[str, Any]]:
    artifact = ROOT / "contracts" / "artifacts" / "TradeEscrow.json"
    entries: list[dict[str, Any]] = json.loads(artifact.read_text())["abi"]
    return entries


def test_table_has_every_call_of_the_contract(abi: list[dict[str, Any]]) -> None:
    """But `revoke`, which is about a signer's messages and no trade."""
    changing = {entry["name"] for entry in abi if entry.get("stateMutability") == "nonpayable" and "name" in entry}
    assert set(calls()) == changing - {"revoke"}


def test_specification_has_every_event_of_the_contract(abi: list[dict[str, Any]]) -> None:
    page = (ROOT / "docs" / "spec" / "contracts.md").read_text()
    events = [entry for entry in abi if entry["type"] == "event"]
    assert events
    for event in events:
        fields = ", ".join(field["name"] + " indexed" * field["indexed"] for field in event["inputs"])
        assert f"{event['name']}({fields})" in page
