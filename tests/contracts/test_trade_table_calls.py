"""Every call of the state table in every state: by the right and the wrong party, in time and a second off.

Generated from `contracts.trade_table`, which is thereby tested itself: where table and contract differ, a test here
fails. What a refused call leaves behind is compared with what was there.
"""

from collections.abc import Iterable
from typing import Any

import boa
import pytest

from contracts.client.typed_data import as_tuple, digest
from contracts.trade_table import TABLE, calls, passing, rows_of
from contracts.trade_transitions import (
    EVERY_OPTION,
    NO_TRADE,
    TRADE_CLOSED,
    UNSETTLED,
    Life,
    Moment,
    Option,
    Party,
    Policy,
    State,
    Transition,
)
from tests.contracts.support import ARBITER, ATTESTER, DAY_S, Actor, advance_to, now_s
from tests.contracts.trade_table_calls import (
    CANCEL_FEE,
    VARIANTS,
    Stage,
    Variant,
    accept,
    amend,
    arrange,
    assign,
    bring_to,
    build_terms,
    cancel,
    funded,
    impostors,
    last_resort,
    make,
    picture,
    prepare,
    refusal,
    report_rate,
    reprice,
    settle_float,
    top_up,
)
from tests.contracts.trades import Fields, World

STATES = tuple(State)
LOCK, FLOAT = Variant(Policy.LOCK), Variant(Policy.FLOAT)


@pytest.fixture(scope="module")
def network(world: World) -> World:
    prepare(world)
    return world


@pytest.fixture(scope="module")
def stages(network: World) -> dict[tuple[Variant, State], Stage]:
    """A trade for each variant and state of its first milestone, all at one time on one chain."""
    return {(variant, state): bring_to(funded(network, variant), state) for variant in VARIANTS for state in STATES}


@pytest.fixture
def stage(stages: dict[tuple[Variant, State], Stage], request: pytest.FixtureRequest) -> Stage:
    """One of them; a test's changes are undone after it."""
    return stages[request.param]


def at(places: Iterable[tuple[Variant, State]]) -> pytest.MarkDecorator:
    """Run a test on these stages."""
    params = [pytest.param(one, id=f"{one[0]}-{one[1].name.lower()}") for one in places]
    return pytest.mark.parametrize("stage", params, indirect=True)


def starts_in(row: Transition, state: State) -> bool:
    """Whether a row starts from a trade whose first milestone is in a state and whose second is pending."""
    return state in row.before or (row.about_trade and row.before == UNSETTLED)


def cases() -> list[pytest.param]:  # type: ignore[valid-type]
    """Return each row with each variant and state in which it is taken."""
    found = []
    for variant in VARIANTS:
        for state in STATES:
            for row in TABLE:
                is_here = not row.is_time and row.fits(variant.policy, variant.option) and starts_in(row, state)
                if is_here and (variant.option is Option.SHARE or row.options == {variant.option}):
                    name = f"{row.call}-{row.case}".replace(" ", "_").strip("-")
                    found.append(pytest.param((variant, state), row, id=f"{variant}-{state.name.lower()}-{name}"))
    return found


def wrong_calls(variant: Variant, state: State) -> dict[Transition, set[str]]:
    """Return a row of each call that is not taken there, with the reasons it may be refused for."""
    found = {}
    for call in calls():
        if variant.option is not Option.SHARE and all(row.options == EVERY_OPTION for row in rows_of(call)):
            # The options are `float` but for their own calls.
            continue
        fitting = [row for row in rows_of(call) if row.fits(variant.policy, variant.option)]
        if any(starts_in(row, state) for row in fitting):
            continue
        if fitting:
            found[fitting[0]] = {fitting[0].refusal(state)}
        else:
            row = rows_of(call)[0]
            found[row] = {row.wrong_policy} if starts_in(row, state) else {row.wrong_policy, row.refusal(state)}
    return found


@at((variant, state) for variant in VARIANTS for state in STATES)
def test_calls_are_refused_when_the_milestone_is_in_another_state(stage: Stage) -> None:
    expected = wrong_calls(stage.variant, State(stage.state()))
    before = picture(stage)
    told = {row: refusal(lambda row=row: make(row, stage)) for row in expected}
    assert [
        (row.call, reason, reasons)
        for (row, reasons), reason in zip(expected.items(), told.values(), strict=True)
        if reason not in reasons
    ] == []
    assert picture(stage) == before


@pytest.mark.parametrize(("stage", "row"), cases(), indirect=["stage"])
def test_call_is_taken_from_the_right_party_in_time_only(stage: Stage, row: Transition) -> None:
    arrange(row, stage)
    if row.window.after:
        opens_after = min(stage.moment_s(moment) for moment in row.window.after)
        advance_to(max(now_s(), opens_after))
        assert refusal(lambda: make(row, stage)) == row.window.early
        advance_to(opens_after + 1)

    state = stage.state()
    if row.signers:
        before = picture(stage)
        for one in impostors(stage, row):
            assert refusal(lambda one=one: make(row, stage, one)) == row.wrong_party
        assert picture(stage) == before

    with boa.env.anchor():
        assert refusal(lambda: make(row, stage)) is None
        assert stage.state() == (state if row.after is None or not touches_first(row, state) else row.after)
        assert stage.is_closed() == (row.life[1] is Life.CLOSED)
    if row.window.until is not None:
        last_s = stage.moment_s(row.window.until)
        advance_to(last_s)
        with boa.env.anchor():
            assert refusal(lambda: make(row, stage)) is None
        advance_to(last_s + 1)
        assert refusal(lambda: make(row, stage)) == row.window.late


def touches_first(row: Transition, state: int) -> bool:
    """An amendment leaves a settled first milestone alone."""
    return not (row.call == "amend" and state == State.SETTLED)


@at((variant, state) for variant in VARIANTS[:4] for state in (State.PENDING, State.DUE, State.DISPUTED))
def test_time_alone_moves_a_milestone_after_the_last_second(stage: Stage) -> None:
    row = passing(State(stage.state()))
    assert row is not None
    last_s = stage.moment_s(row.window.after[0])
    advance_to(last_s)
    assert stage.state() in row.before
    advance_to(last_s + 1)
    assert stage.state() == row.after


@at((variant, State.PENDING) for variant in VARIANTS)
def test_calls_are_refused_when_the_trade_is_closed(stage: Stage) -> None:
    make(rows_of("cancel")[0], stage)
    before = picture(stage)
    for call in calls():
        row = rows_of(call)[0]
        expected = row.wrong_state if row.life[0] is Life.NOTHING else TRADE_CLOSED
        assert (call, refusal(lambda row=row: make(row, stage))) == (call, expected)
    assert picture(stage) == before


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_calls_are_refused_when_there_is_no_trade(network: World, variant: Variant) -> None:
    stage = Stage(network, variant, build_terms(network, variant))
    for row in TABLE:
        if not row.is_time and row.life[0] is Life.OPEN:
            assert (row.call, refusal(lambda row=row: make(row, stage))) == (row.call, NO_TRADE)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_fund_is_taken_with_both_words_until_its_last_second(network: World, variant: Variant) -> None:
    (row,) = rows_of("fund")
    stage = Stage(network, variant, build_terms(network, variant))
    for one in impostors(stage, row):
        assert refusal(lambda one=one: make(row, stage, one)) == row.wrong_party
    last_s = stage.moment_s(row.window.until)
    advance_to(last_s)
    with boa.env.anchor():
        assert refusal(lambda: make(row, stage)) is None
        assert stage.state() == row.after
    advance_to(last_s + 1)
    assert refusal(lambda: make(row, stage)) == row.window.late
    assert not stage.record().state


# Beside the table ----------------------------------------------------------------------------------------------------


@at([(FLOAT, State.PENDING)])
@pytest.mark.parametrize("more", [-1, 1])
def test_top_up_is_refused_when_a_unit_is_missing_or_too_much(stage: Stage, more: int) -> None:
    report_rate(stage.world, 140)
    reprice(stage, {})
    signers = {Party.IMPORTER: stage.world.importer}
    before = picture(stage)
    assert refusal(lambda: top_up(stage, signers, more)) == "escrow: not what is missing"
    assert picture(stage) == before
    assert refusal(lambda: top_up(stage, signers)) is None


@at([(LOCK, State.DISPUTED)])
def test_award_is_refused_when_it_gives_more_than_all(stage: Stage) -> None:
    world = stage.world
    assert refusal(lambda: world.award(stage.terms, 0, 10_001)) == "escrow: share out of range"
    assert refusal(lambda: world.award(stage.terms, 0, 10_000)) is None


@at([(LOCK, State.SETTLED), (FLOAT, State.SETTLED)])
def test_amend_is_refused_when_it_touches_a_settled_milestone(stage: Stage) -> None:
    first, second = (dict(one) for one in stage.terms["milestones"])
    words = {Party.IMPORTER: stage.world.importer, Party.HOLDERS: stage.world.exporter}
    for field, value in (("deadline", first["deadline"] + 1), ("quorum", 3), ("silence_pays", True)):
        terms = stage.terms | {"milestones": [first | {field: value}, second]}
        before = picture(stage)
        assert refusal(lambda terms=terms: amend(stage, words, terms)) == "escrow: milestone settled"
        assert picture(stage) == before
    more = stage.terms | {"invoice_amount": stage.terms["invoice_amount"] + 10}
    assert refusal(lambda: amend(stage, words, more)) == "escrow: milestone settled"


@at([(FLOAT, State.DUE)])
def test_amend_is_refused_when_it_shortens_a_deadline_into_the_past(stage: Stage) -> None:
    first, second = (dict(one) for one in stage.terms["milestones"])
    words = {Party.IMPORTER: stage.world.importer, Party.HOLDERS: stage.world.exporter}
    for deadline, reason in ((now_s() - 1, "terms: deadline passed"), (now_s(), "terms: deadline passed")):
        terms = stage.terms | {"milestones": [first | {"deadline": deadline}, second]}
        assert refusal(lambda terms=terms: amend(stage, words, terms)) == reason
    terms = stage.terms | {"milestones": [first | {"deadline": now_s() + 1}, second]}
    assert refusal(lambda: amend(stage, words, terms)) is None


@at([(FLOAT, State.FINAL)])
def test_accept_keeps_the_clock_of_a_final_milestone(stage: Stage) -> None:
    choice_ends_s, grace_ends_s = stage.moment_s(Moment.CHOICE_ENDS), stage.moment_s(Moment.GRACE_ENDS)
    for time_s, call in ((choice_ends_s, settle_float), (grace_ends_s, last_resort)):
        with boa.env.anchor():
            advance_to(time_s)
            accept(stage, {Party.IMPORTER: stage.world.importer})
            assert refusal(lambda call=call: call(stage, {})) is not None
            advance_to(time_s + 1)
            assert refusal(lambda call=call: call(stage, {})) is None


@at([(LOCK, State.PENDING)])
def test_cancel_fee_is_charged_once_when_half_is_amended_away_and_the_rest_cancelled(stage: Stage) -> None:
    world = stage.world
    words = {Party.IMPORTER: world.importer, Party.HOLDERS: world.exporter}
    before = world.eur.balanceOf(world.provider.address)
    amend(stage, words, stage.terms | {"invoice_amount": stage.terms["invoice_amount"] // 2})
    half = world.eur.balanceOf(world.provider.address) - before
    cancel(stage, words)
    assert 0 < half < CANCEL_FEE
    assert CANCEL_FEE <= world.eur.balanceOf(world.provider.address) - before <= CANCEL_FEE + 1


@at([(FLOAT, State.PENDING), (LOCK, State.PENDING)])
def test_amend_is_refused_when_the_hold_would_end_earlier(stage: Stage) -> None:
    words = {Party.IMPORTER: stage.world.importer, Party.HOLDERS: stage.world.exporter}
    earlier = stage.terms | {"hold_expires_at": stage.terms["hold_expires_at"] - 1}
    assert refusal(lambda: amend(stage, words, earlier)) == "escrow: hold would end earlier"


@at([(FLOAT, State.FINAL)])
def test_last_resort_pays_in_the_last_day_though_a_call_runs(stage: Stage) -> None:
    """An order moved the expiry, a call was made against it, and the order was lifted."""
    world, (issuer, importer) = stage.world, (stage.world.issuer.address, stage.world.importer.address)
    nominal_s = stage.moment_s(Moment.EXPIRY)
    advance_to(nominal_s - DAY_S - DAY_S // 2)
    world.eur.order_freeze(importer, 1, 2, now_s() + 20 * DAY_S, bytes(32), sender=issuer)
    report_rate(world, 140)
    reprice(stage, {})
    call_ends_s = stage.moment_s(Moment.CALL_ENDS)
    world.eur.lift_freeze(importer, 1, sender=issuer)
    first_of_last_day_s = stage.moment_s(Moment.EXPIRY) - DAY_S + 1
    assert first_of_last_day_s <= call_ends_s
    advance_to(first_of_last_day_s - 1)
    assert refusal(lambda: last_resort(stage, {})) == "escrow: a call runs"
    advance_to(first_of_last_day_s)
    assert refusal(lambda: last_resort(stage, {})) is None


@at([(FLOAT, State.DISPUTED)])
def test_amend_is_refused_when_windows_change_under_a_dispute(stage: Stage) -> None:
    words = {Party.IMPORTER: stage.world.importer, Party.HOLDERS: stage.world.exporter}
    windows = stage.terms["windows"]
    other = stage.terms | {"windows": windows | {"dispute_s": 0, "award_s": windows["award_s"] + 1}}
    assert refusal(lambda: amend(stage, words, other)) == "escrow: milestone disputed"
    first, second = (dict(one) for one in stage.terms["milestones"])
    again = {"milestones": [first | {"deadline": now_s() + DAY_S}, second]}
    assert refusal(lambda: amend(stage, words, other | again)) is None


@at([(FLOAT, State.PENDING)])
def test_amend_is_refused_when_an_assignee_would_judge_its_own_milestone(stage: Stage) -> None:
    world, assignee = stage.world, Actor("financier")
    assign(stage, {Party.EXPORTER: world.exporter, Party.ASSIGNEE: assignee})
    world.register(assignee, ATTESTER | ARBITER)
    first, second = (dict(one) for one in stage.terms["milestones"])
    attesting = {"milestones": [first | {"attesters": [*first["attesters"][:2], assignee.address]}, second]}
    for change, reason in (
        (attesting, "terms: attester is a party"),
        ({"arbiter": assignee.address}, "escrow: assignee is a party"),
    ):
        consents = _amend_consents(stage, stage.terms | change, [assignee, world.exporter])
        assert refusal(lambda consents=consents: world.escrow.amend(*consents, sender=world.relayer.address)) == reason
    consents = _amend_consents(stage, stage.terms | {"document_hash": bytes(31) + b"\1"}, [assignee, world.exporter])
    assert refusal(lambda: world.escrow.amend(*consents, sender=world.relayer.address)) is None


def _amend_consents(stage: Stage, terms: Fields, holders: list[Actor]) -> tuple[Any, ...]:
    """Arguments of an amendment; an institution among the holders has recorded its message."""
    world, message = stage.world, {"trade_id": stage.trade_id, "version": 1, "terms": terms}
    consents = []
    for holder in (world.importer, *holders):
        stamped = message | world.stamp()
        if world.registry.is_institution(holder.address):
            world.record(holder, digest(world.escrow_domain, "Amend", stamped))
        signature = holder.sign(world.escrow_domain, "Amend", stamped)
        consents.append((stamped["valid_until"], stamped["action"], signature))
    return stage.trade_id, as_tuple("Terms", terms), consents[0], consents[1:], [], []
