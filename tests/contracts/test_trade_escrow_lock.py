"""TradeEscrow under `lock`: two holds of one expiry, and a settlement that executes both sides (SPEC section 4)."""

from typing import Any

import boa
import pytest

from contracts.client.typed_data import digest
from tests.contracts.support import DAY_S, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, FAILED, INVOICE, Fields, price
from tests.contracts.trades_fx import FxWorld
from tests.models.escrow import Cause

FIRST, SECOND = 30_000, 70_003
PRICE = 69_796  # ceil(100,003 / 1.4328)
SLICES = [20_939, 48_857]  # ceil(69,796 x 30,000 / 100,003), and the rest
PREMIUM, CANCEL_FEE = 500, 700


@pytest.fixture
def terms(world: FxWorld) -> Fields:
    """A funded lock."""
    terms = world.lock_terms()
    world.fund_lock(terms)
    return terms


def make_final(world: FxWorld, terms: Fields, index: int = 0, **changes: Any) -> None:
    world.make_due(terms, index, **changes)
    advance(DAY_S + 1)


# Funding -------------------------------------------------------------------------------------------------------------


def test_fund_lock_holds_both_sides_and_pays_the_premium(world: FxWorld) -> None:
    terms = world.lock_terms()
    euros, shillings = world.balances(world.eur, world.importer), world.balances(world.kes, world.provider)
    trade_id = world.fund_lock(terms)
    (event,) = events_of(world.escrow, "FundingLegOpened")
    assert (event["provider"], event["amount"], event["premium"]) == (world.provider.address, PRICE, PREMIUM)
    assert (event["rate_num"], event["rate_den"], event["token"]) == (14_328, 10_000, world.eur.address)
    (funded,) = events_of(world.escrow, "TradeFunded")
    assert (funded["policy"], funded["funding_amount"]) == (2, PRICE)
    assert world.balances(world.eur, world.importer, world.provider) == [euros[0] - PRICE - PREMIUM, PREMIUM]
    assert world.balances(world.kes, world.provider) == [shillings[0] - INVOICE]
    fx, trade = world.escrow.get_fx(trade_id), world.escrow.get_trade(trade_id)
    assert (fx.provider, fx.cancel_fee, fx.terms.rate_num, fx.calls) == (world.provider.address, CANCEL_FEE, 14_328, 0)
    for token, hold_id, owner in (
        (world.eur, fx.hold, world.importer),
        (world.kes, trade.invoice_hold, world.provider),
    ):
        hold = token.get_hold(hold_id)
        assert (hold.owner, hold.notary, hold.expires_at) == (
            owner.address,
            world.escrow.address,
            terms["hold_expires_at"],
        )
    assert [world.slice_of(terms, index) for index in range(2)] == SLICES


def test_fund_lock_cuts_the_price_by_running_sums(world: FxWorld) -> None:
    milestones = [world.milestone(weight, now_s() + 10 * DAY_S) for weight in (3_333, 3_333, 3_334)]
    terms = world.lock_terms(invoice_amount=100, milestones=milestones)
    world.fund_lock(terms, world.lock_quote(terms, min_amount=1, rate_num=3) | {"rate_den": 2, "cancel_fee": 0})
    # Price ceil(100 x 2 / 3) = 67: ceil(67 x .33) = 23, ceil(67 x .66) = 45, 67.
    assert [world.slice_of(terms, index) for index in range(3)] == [23, 22, 22]


def test_fund_lock_is_refused_when_a_slice_would_cost_nothing(world: FxWorld) -> None:
    terms = world.lock_terms(invoice_amount=100)
    quote = world.lock_quote(terms, min_amount=1, rate_num=1_000) | {"rate_den": 1, "premium": 0, "cancel_fee": 0}
    world.reserve(quote)
    with boa.reverts("terms: slice out of range"):
        world.fund_lock(terms, quote, without_reserve=True)


def test_fund_lock_takes_a_quote_without_premium_or_fee(world: FxWorld) -> None:
    terms = world.lock_terms()
    world.fund_lock(terms, world.lock_quote(terms) | {"premium": 0, "cancel_fee": 0})
    assert world.balances(world.eur, world.provider) == [0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": 0}, "escrow: not a lock quote"),
        ({"trade_id": b"\7" * 32}, "escrow: quote for another trade"),
        ({"trade_id": bytes(32)}, "escrow: quote for another trade"),
        ({"lock_until": -1}, "escrow: lock ends too early"),
        ({"cancel_fee": PRICE + 1}, "escrow: fee above the price"),
        ({"sell_token": "kes"}, "escrow: quote for other tokens"),
        ({"taker": "stranger"}, "fx: quote is for another taker"),
        ({"max_amount": INVOICE - 1}, "fx: amount outside the quote"),
    ],
)
def test_fund_lock_is_refused_when_the_quote_does_not_fit(world: FxWorld, change: Fields, reason: str) -> None:
    terms = world.lock_terms()
    named = {"kes": world.kes.address, "stranger": world.stranger.address}
    ((key, value),) = change.items()
    value = terms["hold_expires_at"] + value if key == "lock_until" else named.get(value, value)
    with boa.reverts(reason):
        world.fund_lock(terms, world.lock_quote(terms) | {key: value})


def test_fund_lock_takes_the_largest_cancel_fee_and_the_earliest_end(world: FxWorld) -> None:
    terms = world.lock_terms()
    world.fund_lock(terms, world.lock_quote(terms) | {"cancel_fee": PRICE, "lock_until": terms["hold_expires_at"]})
    assert world.escrow.get_fx(world.trade_id(terms)).cancel_fee == PRICE


def test_fund_lock_is_refused_when_the_importer_signed_for_another_quote(world: FxWorld) -> None:
    """Of the same price and premium: whoever submits must not choose what a cancellation costs."""
    terms = world.lock_terms()
    agreed = world.lock_quote(terms)
    dearer = world.lock_quote(terms) | {"cancel_fee": PRICE}
    hold = world.funding_hold(terms, amount=PRICE + PREMIUM, salt=digest(world.fx_domain, "Quote", agreed))
    with boa.reverts("escrow: hold for another quote"):
        world.fund_lock(terms, dearer, invoice_hold=hold)
    world.fund_lock(terms, agreed, invoice_hold=hold)


@pytest.mark.parametrize("by", [-1, 1])
def test_fund_lock_is_refused_when_the_importers_hold_is_not_price_and_premium(world: FxWorld, by: int) -> None:
    with boa.reverts("escrow: hold of another amount"):
        world.fund_lock(world.lock_terms(), amount=PRICE + PREMIUM + by)


@pytest.mark.parametrize(("field", "by"), [("amount", -1), ("amount", 1), ("expires_at", -1), ("expires_at", 1)])
def test_fund_lock_is_refused_when_the_providers_hold_differs(world: FxWorld, field: str, by: int) -> None:
    terms = world.lock_terms()
    quote = world.lock_quote(terms)
    right = {"amount": INVOICE, "expires_at": terms["hold_expires_at"]}[field]
    with boa.reverts("escrow: provider's hold differs"):
        world.fund_lock(terms, quote, conversion=[world.lock_conversion(terms, quote, **{field: right + by})])


def test_fund_lock_is_refused_when_the_importers_hold_ends_at_another_time(world: FxWorld) -> None:
    terms = world.lock_terms()
    hold = world.funding_hold(terms, amount=PRICE + PREMIUM, expires_at=terms["hold_expires_at"] + 1)
    with boa.reverts("escrow: hold of another expiry"):
        world.fund_lock(terms, invoice_hold=hold)


def test_fund_lock_is_refused_when_the_provider_is_a_party(world: FxWorld) -> None:
    terms = world.lock_terms(exporter=world.provider.address)
    consent = world.consent(world.provider, "Consent", {"terms": terms})
    with boa.reverts("escrow: provider is a party"):
        world.fund_lock(terms, exporter=consent, sender=world.provider.address)
    world.importer = world.provider
    try:
        terms = world.lock_terms()
        with boa.reverts("escrow: provider is a party"):
            world.fund_lock(terms, sender=world.provider.address)
    finally:
        world.importer = type(world.provider)("importer")


def test_fund_lock_is_refused_when_there_is_no_reserve(world: FxWorld) -> None:
    with boa.reverts("fx: reserve too small"):
        world.fund_lock(world.lock_terms(), without_reserve=True)


def test_fund_lock_keeps_nothing_when_the_provider_cannot_hold(world: FxWorld) -> None:
    terms = world.lock_terms()
    quote = world.lock_quote(terms, max_amount=INVOICE)
    world.reserve(quote)
    own, euros = world.kes.availableOf(world.provider.address), world.balances(world.eur, world.importer)
    world.kes.set_limits(world.provider.address, 2**72, 0, 0, sender=world.issuer.address)
    world.kes.transfer(world.other_provider.address, own, sender=world.provider.address)
    conversion = [world.lock_conversion(terms, quote)]
    with boa.env.anchor():
        # The reserve itself pays for the provider's hold.
        world.fund_lock(terms, quote, without_reserve=True, conversion=conversion)
    world.kes.order_freeze(world.provider.address, 1, 1, now_s() + DAY_S, b"\0" * 32, sender=world.issuer.address)
    with boa.reverts("token: account frozen"):
        world.fund_lock(terms, quote, without_reserve=True, conversion=conversion)
    assert world.balances(world.eur, world.importer) == euros


def test_fund_lock_is_refused_when_the_quote_or_its_hold_are_missing(world: FxWorld) -> None:
    terms = world.lock_terms()
    with boa.reverts("escrow: quotes of another policy"):
        world.fund_lock(terms, conversion=[], invoice_hold=world.funding_hold(terms, amount=1))


# Settlement ----------------------------------------------------------------------------------------------------------


def test_settle_lock_executes_both_sides(world: FxWorld, terms: Fields) -> None:
    make_final(world, terms)
    euros = world.balances(world.eur, world.importer, world.provider)
    world.settle(terms)
    (event,) = events_of(world.escrow, "FundingSliceSettled")
    assert (event["provider"], event["sold"], event["refunded"]) == (world.provider.address, SLICES[0], 0)
    assert world.balances(world.eur, world.importer, world.provider) == [euros[0], euros[1] + SLICES[0]]
    assert world.balances(world.kes, world.exporter, world.tax, world.fee) == [25_050, 4_800, 150]


def test_settle_lock_scales_the_price_up_when_a_part_is_due(world: FxWorld, terms: Fields) -> None:
    make_final(world, terms, 1, share_bps=3_333)
    euros = world.balances(world.eur, world.importer, world.provider)
    shillings = world.balances(world.kes, world.provider)
    world.settle(terms, 1)
    (event,) = events_of(world.escrow, "MilestoneSettled")
    assert (event["paid"], event["refunded"]) == (23_331, SECOND - 23_331)  # floor(70,003 x 33.33 %)
    sold = 16_285  # ceil(48,857 x 33.33 %)
    assert world.balances(world.eur, world.importer, world.provider) == [
        euros[0] + SLICES[1] - sold,
        euros[1] + sold,
    ]
    assert world.balances(world.kes, world.provider) == [shillings[0] + SECOND - 23_331]


def test_settle_lock_gives_both_sides_back_when_refunded(world: FxWorld, terms: Fields) -> None:
    make_final(world, terms, outcome=FAILED, share_bps=0)
    euros, shillings = world.balances(world.eur, world.importer), world.balances(world.kes, world.provider)
    world.settle(terms)
    assert world.balances(world.eur, world.importer) == [euros[0] + SLICES[0]]
    assert world.balances(world.kes, world.provider, world.exporter) == [shillings[0] + FIRST, 0]


def test_settle_lock_pays_all_or_nothing_when_one_side_stands_still(world: FxWorld, terms: Fields) -> None:
    make_final(world, terms)
    before = world.balances(world.eur, world.importer, world.provider)
    world.kes.order_freeze(world.provider.address, 1, 2, now_s() + DAY_S, b"\0" * 32, sender=world.issuer.address)
    with boa.reverts("token: hold stands still"):
        world.settle(terms)
    assert world.balances(world.eur, world.importer, world.provider) == before
    advance(DAY_S + 1)
    world.settle(terms)


def test_settle_float_is_refused_when_the_policy_is_lock(world: FxWorld, terms: Fields) -> None:
    world.accept(terms)
    quote = world.quote(trade_id=world.trade_id(terms))
    with boa.reverts("escrow: not a float"):
        world.settle_float(terms, 0, quote)
    with boa.reverts("escrow: not a float"):
        world.reprice(terms)


# Ways out ------------------------------------------------------------------------------------------------------------


def test_cancel_lock_pays_the_fee_when_the_provider_did_not_agree(world: FxWorld, terms: Fields) -> None:
    euros = world.balances(world.eur, world.importer, world.provider)
    shillings = world.balances(world.kes, world.provider)
    world.cancel(terms)
    (event,) = events_of(world.escrow, "CancelFeePaid")
    assert (event["provider"], event["amount"]) == (world.provider.address, CANCEL_FEE)
    assert world.balances(world.eur, world.importer, world.provider) == [
        euros[0] + PRICE - CANCEL_FEE,
        euros[1] + CANCEL_FEE,
    ]
    assert world.balances(world.kes, world.provider) == [shillings[0] + INVOICE]


def test_cancel_lock_pays_the_fee_of_what_is_unsettled_rounded_up(world: FxWorld, terms: Fields) -> None:
    world.accept(terms)
    world.settle(terms)
    world.cancel(terms)
    (event,) = events_of(world.escrow, "CancelFeePaid")
    assert event["amount"] == 491  # ceil(700 x 70,003 / 100,003) = ceil(490.006)


def test_cancel_lock_is_free_when_the_provider_agrees(world: FxWorld, terms: Fields) -> None:
    with boa.reverts("escrow: digest not recorded"):
        world.cancel(terms, provider=world.provider)
    message = world.cancel_message(terms) | world.stamp()
    world.record(world.provider, digest(world.escrow_domain, "Cancel", message))
    common = world.cancel_message(terms)
    world.escrow.cancel(
        world.trade_id(terms),
        world.consent(world.importer, "Cancel", common),
        [world.consent(world.exporter, "Cancel", common)],
        [(message["valid_until"], message["action"], b"")],
    )
    assert not events_of(world.escrow, "CancelFeePaid")
    world.check_books(terms)


def test_cancel_is_refused_when_a_provider_signs_without_a_lock(world: FxWorld) -> None:
    terms = world.terms()
    world.fund(terms)
    with boa.reverts("escrow: no provider"):
        world.cancel(terms, provider=world.provider)


def test_cancel_lock_pays_at_most_what_is_left(world: FxWorld) -> None:
    terms = world.lock_terms(invoice_amount=100_000, milestones=[world.milestone(BPS, now_s() + DAY_S)])
    quote = world.lock_quote(terms) | {"cancel_fee": price(world.lock_quote(terms), 100_000)}
    world.fund_lock(terms, quote)
    world.cancel(terms)
    (event,) = events_of(world.escrow, "CancelFeePaid")
    assert event["amount"] == quote["cancel_fee"]


def test_lapse_lock_releases_both_legs_once_the_holds_expired(world: FxWorld, terms: Fields) -> None:
    euros, shillings = world.balances(world.eur, world.importer), world.balances(world.kes, world.provider)
    advance_to(terms["hold_expires_at"])
    with boa.reverts("escrow: hold not expired"):
        world.escrow.lapse(world.trade_id(terms))
    advance(1)
    world.escrow.lapse(world.trade_id(terms))
    (event,) = events_of(world.escrow, "TradeClosed")
    assert event["cause"] == Cause.LAPSED
    world.check_books(terms)
    assert world.balances(world.eur, world.importer) == [euros[0] + PRICE]
    assert world.balances(world.kes, world.provider) == [shillings[0] + INVOICE]


def test_lapse_lock_waits_for_the_importers_hold_and_not_the_providers(world: FxWorld, terms: Fields) -> None:
    world.eur.order_freeze(world.importer.address, 1, 2, now_s() + DAY_S, b"\0" * 32, sender=world.issuer.address)
    advance_to(terms["hold_expires_at"] + DAY_S + 1)
    with boa.reverts("escrow: hold not expired"):
        world.escrow.lapse(world.trade_id(terms))
    advance(1)
    world.escrow.lapse(world.trade_id(terms))
    world.check_books(terms)
