"""TradeEscrow: what the exporter's side gives up of a milestone (SPEC section 3)."""

import boa
import pytest

from tests.contracts.support import DAY_S, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, INVOICE, Fields
from tests.contracts.trades_fx import EXAMPLE, EXAMPLE_SLICE, FxWorld
from tests.models.escrow import Outcome, State

FIRST = 30_000


@pytest.fixture
def terms(world: FxWorld) -> Fields:
    """A funded trade of the default terms."""
    terms = world.terms()
    world.fund(terms)
    return terms


def test_waive_gives_a_part_back_at_once(world: FxWorld, terms: Fields) -> None:
    before = world.balances(world.eur, world.importer)
    world.waive(terms, 0, 1)
    (event,) = events_of(world.escrow, "AmountWaived")
    assert (event["milestone"], event["amount"], event["left"]) == (0, 1, FIRST - 1)
    assert world.balances(world.eur, world.importer) == [before[0] + 1]
    assert world.held(terms) == INVOICE - 1
    record = world.escrow.get_milestone(world.trade_id(terms), 0)
    assert (record.amount, record.agreed, record.state) == (FIRST - 1, FIRST, State.PENDING)
    assert bytes(record.terms_hash) == world.milestone_hash(terms, 0)


def test_waive_leaves_what_was_attested_standing(world: FxWorld, terms: Fields) -> None:
    world.attest(terms, 0, world.attesters[0])
    world.waive(terms, 0, 10_000)
    world.attest(terms, 0, world.attesters[1])
    advance(DAY_S + 1)
    world.settle(terms)
    assert world.balances(world.eur, world.exporter, world.tax, world.fee) == [16_700, 3_200, 100]


def test_waive_refunds_the_milestone_when_nothing_is_left(world: FxWorld, terms: Fields) -> None:
    before = world.balances(world.eur, world.importer)
    world.waive(terms, 0, FIRST - 1)
    world.waive(terms, 0, 1)
    record = world.escrow.get_milestone(world.trade_id(terms), 0)
    assert (record.state, record.outcome, record.share_bps) == (State.FINAL, Outcome.REFUND, 0)
    assert (record.due_at, record.final_at, record.amount) == (now_s(), now_s(), 0)
    assert world.balances(world.eur, world.importer, world.exporter) == [before[0] + FIRST, 0]
    with boa.reverts("escrow: more than the milestone"):
        world.waive(terms, 0, 1)
    world.settle(terms)
    assert world.balances(world.eur, world.importer, world.exporter) == [before[0] + FIRST, 0]


def test_accept_brings_nothing_back_when_everything_was_waived(world: FxWorld, terms: Fields) -> None:
    world.waive(terms, 0, FIRST)
    world.accept(terms)
    assert world.escrow.get_milestone(world.trade_id(terms), 0).outcome == Outcome.REFUND
    world.settle(terms)
    assert world.balances(world.eur, world.exporter) == [0]


@pytest.mark.parametrize("amount", [0, FIRST + 1, 2**256 - 1])
def test_waive_is_refused_when_it_is_nothing_or_more_than_the_milestone(
    world: FxWorld, terms: Fields, amount: int
) -> None:
    with boa.reverts("escrow: more than the milestone"):
        world.waive(terms, 0, amount)
    world.waive(terms, 0, 2)
    with boa.reverts("escrow: more than the milestone"):
        world.waive(terms, 0, FIRST - 1)
    world.waive(terms, 0, FIRST - 2)


@pytest.mark.parametrize("signer", ["importer", "stranger", "arbiter"])
def test_waive_is_refused_when_another_signs(world: FxWorld, terms: Fields, signer: str) -> None:
    reason = "escrow: bad signature"
    with boa.reverts(reason):
        world.waive(terms, 0, 1, getattr(world, signer))


def test_waive_keeps_state_and_windows_when_a_part_is_given_up(world: FxWorld, terms: Fields) -> None:
    world.make_due(terms, 0, share_bps=5_000)
    due_at = now_s()
    advance(DAY_S)
    world.waive(terms, 0, 10_000)
    record = world.escrow.get_milestone(world.trade_id(terms), 0)
    assert (record.state, record.share_bps, record.due_at) == (State.DUE, 5_000, due_at)
    world.dispute(terms, 0, world.importer)
    world.waive(terms, 0, 10_000)
    assert world.state_of(terms, 0) == State.DISPUTED
    world.award(terms, 0, BPS)
    world.waive(terms, 0, 9_000)
    assert world.state_of(terms, 0) == State.FINAL
    world.settle(terms)
    (settled,) = events_of(world.escrow, "MilestoneSettled")
    assert settled["paid"] == 1_000
    with boa.reverts("escrow: milestone settled"):
        world.waive(terms, 0, 1)


def test_waive_stores_what_silence_has_made_of_the_milestone(world: FxWorld, terms: Fields) -> None:
    advance_to(terms["milestones"][0]["deadline"] + 1)
    world.waive(terms, 0, 1)
    record = world.escrow.get_milestone(world.trade_id(terms), 0)
    assert (record.state, record.outcome, record.due_at) == (
        State.DUE,
        Outcome.REFUND,
        terms["milestones"][0]["deadline"],
    )


def test_waive_makes_a_refund_of_a_share_that_comes_to_nothing(world: FxWorld, terms: Fields) -> None:
    world.make_due(terms, 0, share_bps=1)
    world.waive(terms, 0, 20_000)
    record = world.escrow.get_milestone(world.trade_id(terms), 0)
    assert (record.outcome, record.share_bps) == (Outcome.PARTIAL, 1)
    world.waive(terms, 0, 1)
    record = world.escrow.get_milestone(world.trade_id(terms), 0)
    assert (record.outcome, record.share_bps) == (Outcome.REFUND, 0)


def test_waive_is_refused_when_the_message_is_for_another_amount_milestone_or_version(
    world: FxWorld, terms: Fields
) -> None:
    good = world.party_message(terms, 0, amount=5)
    for bad in (
        good | {"amount": 6},
        good | {"milestone": 1},
        good | {"version": 2},
        good | {"milestone_hash": world.milestone_hash(terms, 1)},
        good | {"trade_id": b"\7" * 32},
    ):
        with boa.reverts("escrow: bad signature"):
            world.escrow.waive(world.trade_id(terms), 0, 5, world.consent(world.exporter, "Waive", bad))
    with boa.reverts("escrow: no such milestone"):
        world.escrow.waive(world.trade_id(terms), 2, 5, world.consent(world.exporter, "Waive", good))
    consent = world.consent(world.exporter, "Waive", good)
    world.escrow.waive(world.trade_id(terms), 0, 5, consent)
    with boa.reverts("escrow: action used"):
        world.escrow.waive(world.trade_id(terms), 0, 5, consent)


# Lock: slice 209.39 euros for 300.00 shillings, cancel fee 7.00 for 1,000.03 -----------------------------------------


@pytest.fixture
def lock(world: FxWorld) -> Fields:
    terms = world.lock_terms()
    world.fund_lock(terms)
    return terms


def test_waive_lock_releases_both_sides_less_the_fees_part(world: FxWorld, lock: Fields) -> None:
    euros = world.balances(world.eur, world.importer, world.provider)
    shillings = world.balances(world.kes, world.provider)
    world.waive(lock, 0, 10_001)
    # Kept ceil(20,939 x 19,999 / 30,000) = 13,959; fee ceil(700 x 10,001 / 100,003) = 71.
    (event,) = events_of(world.escrow, "CancelFeePaid")
    assert (event["provider"], event["amount"]) == (world.provider.address, 71)
    assert world.slice_of(lock) == 13_959
    assert world.balances(world.eur, world.importer, world.provider) == [euros[0] + 6_980 - 71, euros[1] + 71]
    assert world.balances(world.kes, world.provider) == [shillings[0] + 10_001]


def test_waive_lock_pays_the_fee_when_the_whole_milestone_goes(world: FxWorld, lock: Fields) -> None:
    euros = world.balances(world.eur, world.importer, world.provider)
    world.waive(lock, 0, FIRST)
    (event,) = events_of(world.escrow, "CancelFeePaid")
    assert event["amount"] == 210  # ceil(700 x 30,000 / 100,003)
    assert world.slice_of(lock) == 0
    assert world.balances(world.eur, world.importer, world.provider) == [euros[0] + 20_939 - 210, euros[1] + 210]


def test_waive_lock_pays_no_more_fee_than_is_released(world: FxWorld) -> None:
    terms = world.lock_terms()
    quote = world.lock_quote(terms) | {"cancel_fee": 69_796}
    world.fund_lock(terms, quote)
    before = world.balances(world.eur, world.importer)
    world.waive(terms, 0, 1)
    # ceil(69,796 / 100,003) = 1 is due; ceil(20,939 x 29,999 / 30,000) = 20,939 leaves nothing to pay it from.
    assert not events_of(world.escrow, "CancelFeePaid")
    assert world.slice_of(terms) == 20_939
    world.waive(terms, 0, 2)
    (event,) = events_of(world.escrow, "CancelFeePaid")
    assert event["amount"] == 1
    assert world.balances(world.eur, world.importer) == before


def test_waive_lock_charges_nothing_when_the_quote_asks_for_nothing(world: FxWorld) -> None:
    terms = world.lock_terms()
    world.fund_lock(terms, world.lock_quote(terms) | {"cancel_fee": 0})
    world.waive(terms, 0, FIRST)
    assert not events_of(world.escrow, "CancelFeePaid")
    assert world.slice_of(terms) == 0


# Float ---------------------------------------------------------------------------------------------------------------


def test_waive_float_shrinks_slice_and_target(market: FxWorld) -> None:
    terms = market.float_terms(BPS)
    market.fund_float(terms)
    market.report(144)
    market.reprice(terms)
    before = market.balances(market.eur, market.importer)
    market.waive(terms, 0, EXAMPLE // 3 + 1)
    assert not events_of(market.escrow, "CancelFeePaid")
    # Of 1,036,109 and 1,079,280 what 99,999,999 of 150,000,000 are, rounded up.
    assert (market.slice_of(terms), market.target_of(terms)) == (690_740, 719_520)
    assert market.balances(market.eur, market.importer) == [before[0] + EXAMPLE_SLICE - 690_740]
    market.top_up(terms, 719_520 - 690_740)
    market.accept(terms)
    market.settle_float(terms, 0, market.spot(terms, "143.28"), market.importer)
    assert market.balances(market.kes, market.exporter) == [EXAMPLE * 2 // 3 - 1]


def test_waive_float_gives_the_slice_of_a_whole_milestone_back(market: FxWorld) -> None:
    terms = market.float_terms()
    market.fund_float(terms)
    before = market.balances(market.eur, market.importer)
    market.waive(terms, 0, EXAMPLE)
    assert market.balances(market.eur, market.importer) == [before[0] + EXAMPLE_SLICE]
    market.settle(terms)
    assert market.escrow.get_trade(market.trade_id(terms)).closed
