"""Who may do what next: a pure function of a trade, the time and the market."""

from dataclasses import replace

import pytest

from contracts.trade_table import TABLE
from contracts.trade_transitions import UNSETTLED, Life, Option, Policy, State, Weight
from fx.rates import Rate
from fx.reprice import FloatTerms
from node.app.shown import next_lines
from node.trades.standing.facts import market_of
from node.trades.standing.milestones import Standing
from node.trades.standing.next_steps import (
    BPS,
    MarketFacts,
    MilestoneFacts,
    NextStep,
    TradeFacts,
    WindowLengths,
    as_of,
    next_steps,
)
from node.trades.store import MilestoneRow
from node.trades.views.trades import shown_step

DAY_S = 86_400
NOW_S = 1_000_000
WINDOWS = WindowLengths(
    dispute_s=DAY_S, award_s=2 * DAY_S, unawarded_bps=0, call_s=DAY_S, choice_s=3_600, grace_s=3 * DAY_S
)
PENDING = MilestoneFacts(
    kind="delivered",
    state=State.PENDING,
    deadline_s=NOW_S + 10 * DAY_S,
    silence_pays=False,
    attesters=("carrier", "inspector"),
)
DUE = replace(PENDING, state=State.DUE, share_bps=BPS, due_at_s=NOW_S)
DISPUTED = replace(DUE, state=State.DISPUTED, raised_at_s=NOW_S)
FINAL = replace(DUE, state=State.FINAL, final_at_s=NOW_S)
SETTLED = replace(FINAL, state=State.SETTLED)
BY_STATE = {one.state: one for one in (PENDING, DUE, DISPUTED, FINAL, SETTLED)}
FALLEN = MarketFacts(is_below_band=True, is_too_small=True, short=frozenset({0}))


def trade_of(*milestones: MilestoneFacts, policy: Policy = Policy.NONE, **changes: object) -> TradeFacts:
    facts = TradeFacts(
        policy=policy,
        importer="Bloem",
        exporter="Naivasha",
        arbiter="arbiter",
        provider="fx-amber",
        windows=WINDOWS,
        expires_at_s=NOW_S + 30 * DAY_S,
        milestones=milestones,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def float_trade(*milestones: MilestoneFacts, **changes: object) -> TradeFacts:
    defaults: dict[str, object] = {"importer_share_bps": BPS, "calls_left": 2, "cool_down_s": DAY_S}
    return trade_of(*milestones, policy=Policy.FLOAT, **(defaults | changes))


def told(steps: list[NextStep], weight: Weight | None = None) -> list[tuple[str, str]]:
    return [(step.who, step.call) for step in steps if weight is None or step.weight is weight]


def find(steps: list[NextStep], call: str) -> NextStep:
    (found,) = [step for step in steps if step.call == call]
    return found


def test_attesters_are_waited_for_until_the_deadline_when_the_milestone_is_pending() -> None:
    steps = next_steps(trade_of(PENDING), NOW_S)
    assert told(steps, Weight.OWED) == [("carrier", "attest"), ("inspector", "attest"), ("anyone", "lapse")]
    assert (steps[0].until_s, steps[0].from_s, steps[0].otherwise) == (PENDING.deadline_s, None, "it is refunded")
    paying = next_steps(trade_of(replace(PENDING, silence_pays=True)), NOW_S)
    assert paying[0].otherwise == "it is paid"


def test_an_attester_is_not_waited_for_when_it_has_attested() -> None:
    steps = next_steps(trade_of(replace(PENDING, attested=frozenset({"carrier"}))), NOW_S)
    assert [step.who for step in steps if step.call == "attest"] == ["inspector"]


def test_time_turns_a_pending_milestone_final_when_nobody_says_anything() -> None:
    deadline = PENDING.deadline_s
    assert as_of(PENDING, WINDOWS, deadline) == PENDING
    due = as_of(PENDING, WINDOWS, deadline + 1)
    assert (due.state, due.share_bps, due.due_at_s) == (State.DUE, 0, deadline)
    assert as_of(PENDING, WINDOWS, deadline + DAY_S) == due
    final = as_of(PENDING, WINDOWS, deadline + DAY_S + 1)
    assert (final.state, final.final_at_s) == (State.FINAL, deadline + DAY_S)


def test_award_time_gives_what_the_terms_say_when_the_arbiter_is_silent() -> None:
    end = NOW_S + 2 * DAY_S
    assert as_of(DISPUTED, WINDOWS, end).state is State.DISPUTED
    assert as_of(DISPUTED, WINDOWS, end + 1).share_bps == BPS
    split = replace(WINDOWS, unawarded_bps=4_000)
    assert as_of(DISPUTED, split, end + 1).share_bps == 4_000
    assert as_of(DUE, split, NOW_S + DAY_S + 1).share_bps == BPS


def test_both_parties_may_dispute_until_the_window_ends() -> None:
    trade = trade_of(DUE)
    for now_s in (NOW_S, NOW_S + DAY_S):
        steps = next_steps(trade, now_s)
        assert told(steps, Weight.RIGHT) == [("Bloem", "dispute"), ("Naivasha", "dispute")]
        assert {(step.until_s, step.otherwise) for step in steps if step.call == "dispute"} == {
            (NOW_S + DAY_S, "100 % of it is final")
        }
    assert told(next_steps(trade, NOW_S + DAY_S + 1), Weight.RIGHT) == []
    assert told(next_steps(replace(trade, arbiter=None), NOW_S), Weight.RIGHT) == []


def test_the_assignee_acts_for_the_exporter_when_the_milestone_was_assigned() -> None:
    steps = next_steps(trade_of(replace(DUE, assignee="financier")), NOW_S)
    assert told(steps, Weight.RIGHT) == [("Bloem", "dispute"), ("financier", "dispute")]
    assert {step.who for step in steps if step.call in ("waive", "cancel")} == {"financier", "Bloem"}
    assert "assign" not in {step.call for step in steps}


def test_the_arbiter_is_waited_for_when_a_milestone_is_disputed() -> None:
    step = find(next_steps(trade_of(DISPUTED), NOW_S), "award")
    assert (step.who, step.until_s, step.otherwise) == ("arbiter", NOW_S + 2 * DAY_S, "100 % of it is final")


def test_anyone_settles_a_final_milestone_until_the_hold_expires() -> None:
    trade = trade_of(FINAL)
    step = find(next_steps(trade, NOW_S), "settle")
    assert (step.who, step.until_s, step.what) == ("anyone", trade.expires_at_s, "settle delivered")
    assert step.otherwise == "the money goes back when the hold expires"
    refund = find(next_steps(trade_of(replace(FINAL, share_bps=0)), NOW_S), "settle")
    assert refund.what == "settle the refund of delivered"


def test_only_lapse_is_left_when_the_hold_has_expired() -> None:
    trade = trade_of(FINAL, PENDING)
    assert find(next_steps(trade, trade.expires_at_s), "lapse").from_s == trade.expires_at_s + 1
    assert told(next_steps(trade, trade.expires_at_s + 1)) == [("anyone", "lapse")]


def test_nothing_is_left_when_every_milestone_is_settled() -> None:
    assert next_steps(trade_of(SETTLED, SETTLED), NOW_S) == []


# Float and lock ------------------------------------------------------------------------------------------------------


def test_the_importer_chooses_the_quote_and_anyone_settles_after_the_choice_window() -> None:
    steps = [step for step in next_steps(float_trade(FINAL), NOW_S) if step.call == "settle_float"]
    assert [(step.who, step.from_s) for step in steps] == [("Bloem", None), ("anyone", NOW_S + 3_601)]
    later = [step for step in next_steps(float_trade(FINAL), NOW_S + 3_601) if step.call == "settle_float"]
    assert {(step.who, step.from_s) for step in later} == {("Bloem", None), ("anyone", None)}
    assert steps[0].until_s == NOW_S + 3_600
    assert {step.until_s for step in later} == {NOW_S + 30 * DAY_S}


def test_the_holder_chooses_the_quote_when_the_slice_is_short() -> None:
    trade = float_trade(FINAL, calls_left=0)
    steps = [step for step in next_steps(trade, NOW_S, FALLEN) if step.call == "settle_float"]
    assert [step.who for step in steps] == ["Naivasha", "anyone"]


def test_nobody_settles_short_without_the_holder_when_a_call_runs_or_is_possible() -> None:
    callable_ = next_steps(float_trade(FINAL), NOW_S, FALLEN)
    assert ("anyone", "reprice") in told(callable_)
    running = next_steps(float_trade(FINAL, call_ends_at_s=NOW_S), NOW_S, FALLEN)
    assert ("anyone", "reprice") not in told(running)
    for steps in (callable_, running):
        assert [step.who for step in steps if step.call == "settle_float"] == ["Naivasha"]


def test_a_call_waits_for_its_cool_down_and_ends_with_its_last_second() -> None:
    trade = float_trade(PENDING, call_ends_at_s=NOW_S - 1)
    assert find(next_steps(trade, NOW_S, FALLEN), "reprice").from_s == NOW_S - 1 + DAY_S + 1
    last_s = trade.expires_at_s - WINDOWS.call_s - WINDOWS.grace_s
    far = replace(trade, milestones=(replace(PENDING, deadline_s=trade.expires_at_s),))
    assert find(next_steps(far, last_s, FALLEN), "reprice").until_s == last_s
    assert "reprice" not in {step.call for step in next_steps(far, last_s + 1, FALLEN)}


@pytest.mark.parametrize(
    "changes",
    [{"importer_share_bps": 0}, {"calls_left": 0}, {"policy": Policy.NONE}, {"policy": Policy.LOCK}],
    ids=str,
)
def test_nobody_calls_when_the_terms_do_not_let_them(changes: dict[str, object]) -> None:
    steps = next_steps(replace(float_trade(PENDING), **changes), NOW_S, FALLEN)  # type: ignore[arg-type]
    assert "reprice" not in {step.call for step in steps}


@pytest.mark.parametrize("field", ["is_usable", "is_below_band", "is_too_small"])
def test_nobody_calls_when_the_market_does_not_ask_for_it(field: str) -> None:
    assert "reprice" in {step.call for step in next_steps(float_trade(PENDING), NOW_S, FALLEN)}
    market = replace(FALLEN, **{field: False})
    assert "reprice" not in {step.call for step in next_steps(float_trade(PENDING), NOW_S, market)}


def test_the_importer_is_asked_for_the_top_up_until_the_call_ends() -> None:
    market = replace(FALLEN, missing=43_171)
    running = float_trade(PENDING, call_ends_at_s=NOW_S + DAY_S)
    step = next_steps(running, NOW_S, market)[0]
    assert (step.who, step.call, step.until_s) == ("Bloem", "top_up", NOW_S + DAY_S)
    assert find(next_steps(running, NOW_S + DAY_S + 1, market), "top_up").until_s is None
    assert "top_up" not in {one.call for one in next_steps(running, NOW_S, FALLEN)}


def test_the_last_resort_is_all_there_is_when_the_oracle_is_dead() -> None:
    steps = [
        step for step in next_steps(float_trade(FINAL), NOW_S, MarketFacts(is_usable=False)) if step.milestone == 0
    ]
    payment = [step for step in steps if step.weight is Weight.OWED]
    assert [(step.call, step.from_s) for step in payment] == [("last_resort", NOW_S + 3 * DAY_S + 1)]
    late = replace(float_trade(FINAL), expires_at_s=NOW_S + 2 * DAY_S)
    assert find(next_steps(late, NOW_S, MarketFacts(is_usable=False)), "last_resort").from_s == NOW_S + DAY_S + 1


def test_the_last_resort_of_a_lock_waits_for_its_provider_to_fail() -> None:
    trade = trade_of(FINAL, policy=Policy.LOCK)
    assert "last_resort" not in {step.call for step in next_steps(trade, NOW_S)}
    failed = next_steps(trade, NOW_S, MarketFacts(provider_failed=True))
    assert find(failed, "last_resort").what == "pay delivered in the funding currency by the last resort"


@pytest.mark.parametrize(("option", "call"), [(Option.WAIT, "defer"), (Option.REFUND, "close_out_of_band")])
def test_an_option_counts_only_while_all_milestones_are_pending(option: Option, call: str) -> None:
    market = MarketFacts(is_out_twice=True)
    trade = float_trade(PENDING, PENDING, option=option)
    assert call in {step.call for step in next_steps(trade, NOW_S, market)}
    assert call not in {step.call for step in next_steps(replace(trade, option=Option.SHARE), NOW_S, market)}
    assert call not in {step.call for step in next_steps(replace(trade, milestones=(PENDING, DUE)), NOW_S, market)}
    assert call not in {step.call for step in next_steps(replace(trade, milestones=(SETTLED, PENDING)), NOW_S, market)}


def test_an_option_to_close_needs_two_rounds_out_of_the_band() -> None:
    trade = float_trade(PENDING, option=Option.REFUND)
    assert "close_out_of_band" not in {step.call for step in next_steps(trade, NOW_S)}


# The whole list ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_every_step_is_a_row_of_the_table(policy: Policy, state: State) -> None:
    rows = {row.call for row in TABLE if state in row.before and row.fits(policy) and row.life[0] is Life.OPEN}
    steps = next_steps(trade_of(BY_STATE[state], policy=policy), NOW_S)
    assert {step.call for step in steps} <= rows
    assert {"amend", "cancel", "lapse", "accept", "waive", "assign"} <= {step.call for step in steps}


def test_steps_come_by_urgency() -> None:
    soon = replace(PENDING, kind="loaded", deadline_s=NOW_S + 5)
    steps = next_steps(trade_of(DUE, PENDING, soon), NOW_S)
    ranked = [(step.weight is Weight.OPTION, step.from_s is not None) for step in steps]
    assert ranked == sorted(ranked)
    now = [step.until_s for step in steps if step.weight is not Weight.OPTION and step.from_s is None]
    assert now == sorted(now, key=lambda until_s: until_s or 0)
    assert steps[0].what == "attest loaded"


def test_list_reads_as_people_speak() -> None:
    lines = next_lines(
        [shown_step(step).model_dump(mode="json", by_alias=True) for step in next_steps(trade_of(DUE), NOW_S)]
    )
    assert lines == [
        "open to Bloem: dispute delivered (by 1970-01-13 13:46), or else 100 % of it is final",
        "open to Naivasha: dispute delivered (by 1970-01-13 13:46), or else 100 % of it is final",
        "from 1970-02-11 13:46 anyone may book the lapse of the trade",
        "Bloem may also: accept delivered in full; amend the terms; cancel the trade",
        "Naivasha may also: amend the terms; assign delivered to a financier; cancel the trade; "
        "give up a part of delivered",
    ]


# What the market allows ----------------------------------------------------------------------------------------------

TERMS = FloatTerms(rate=Rate(150, 1), band_bps=300, spread_bps=50, share_bps=BPS)
AMOUNT, HELD = 150_000_000, 1_036_109
"""The example of docs/spec/settlement.md, section 5: 1,500,000.00 KES, 10,361.09 EUR."""


def standing(state: State, share_bps: int, target: int | None = None) -> Standing:
    row = MilestoneRow(index=0, amount=AMOUNT, slice_minor=HELD, target_minor=target)
    return Standing(row, state, share_bps, None, None)


def test_market_asks_for_a_call_when_the_rate_is_below_the_band() -> None:
    inside = market_of(TERMS, [standing(State.PENDING, 0)], Rate(1_455, 10), None)
    assert inside == MarketFacts()
    below = market_of(TERMS, [standing(State.PENDING, 0)], Rate(144, 1), None)
    assert (below.is_below_band, below.is_too_small, below.missing) == (True, True, 0)
    settled = market_of(TERMS, [standing(State.SETTLED, BPS)], Rate(144, 1), None)
    assert (settled.is_below_band, settled.is_too_small) == (True, False)


def test_market_says_what_a_call_is_short_of() -> None:
    called = [standing(State.PENDING, 0, HELD + 43_171)]
    assert market_of(TERMS, called, Rate(144, 1), None).missing == 43_171
    assert market_of(TERMS, called, None, None) == MarketFacts(is_usable=False, missing=43_171)


def test_market_finds_a_slice_short_only_when_it_is_final_and_pays() -> None:
    fallen = Rate(144, 1)
    assert market_of(TERMS, [standing(State.FINAL, BPS)], fallen, None).short == {0}
    assert market_of(TERMS, [standing(State.FINAL, BPS)], Rate(150, 1), None).short == frozenset()
    for other in (standing(State.DUE, BPS), standing(State.FINAL, 0)):
        assert market_of(TERMS, [other], fallen, None).short == frozenset()


@pytest.mark.parametrize(
    ("median", "earlier", "is_out"), [(160, 161, True), (140, 160, True), (160, 150, False), (150, 160, False)]
)
def test_market_is_out_of_the_band_only_when_both_rounds_are(median: int, earlier: int, is_out: bool) -> None:
    assert market_of(TERMS, [], Rate(median, 1), Rate(earlier, 1)).is_out_twice == is_out
    assert not market_of(TERMS, [], Rate(median, 1), None).is_out_twice
