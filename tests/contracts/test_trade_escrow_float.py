"""TradeEscrow under `float`: funding within the band, and a settlement at the market's rate (SPEC section 5)."""

from fractions import Fraction
from typing import Any

import boa
import pytest

from contracts.client.typed_data import digest
from tests.contracts.support import DAY_S, ZERO_ADDRESS, ZERO_BYTES32, advance, deploy, events_of, now_s
from tests.contracts.trades import BPS, FAILED, PAIR, PERIOD_S, Fields, fx_terms
from tests.contracts.trades_fx import EXAMPLE, EXAMPLE_SLICE, FxWorld
from tests.models.escrow import Outcome, State

HALF = BPS // 2
LEAST = "143.28"  # 144 less the spread of 0.5 %
PAID_BY_SLICE = 148_453_697  # floor(10,361.09 x 143.28)
WEI = Fraction(1, 10**18)


def funded(world: FxWorld, share_bps: int = 0, **changes: Any) -> Fields:
    """SPEC's example, funded."""
    terms = world.float_terms(share_bps, **changes)
    world.fund_float(terms)
    return terms


def final_at_rate(world: FxWorld, share_bps: int, rate: int | Fraction, **changes: Any) -> Fields:
    """The same, accepted, with a median."""
    terms = funded(world, share_bps, **changes)
    world.report(rate)
    world.accept(terms)
    return terms


# Funding -------------------------------------------------------------------------------------------------------------


def test_fund_float_holds_the_slices(market: FxWorld) -> None:
    before = market.balances(market.eur, market.importer)
    terms = funded(market)
    (event,) = events_of(market.escrow, "FundingLegOpened")
    assert (event["provider"], event["amount"], event["premium"]) == (ZERO_ADDRESS, EXAMPLE_SLICE, 0)
    assert (event["rate_num"], event["rate_den"]) == (150, 1)
    assert market.balances(market.eur, market.importer) == [before[0] - EXAMPLE_SLICE]
    trade_id = market.trade_id(terms)
    fx = market.escrow.get_fx(trade_id)
    assert (fx.provider, bytes(fx.pair), fx.scale_num, fx.scale_den) == (ZERO_ADDRESS, PAIR, 1, 1)
    assert (fx.calls, fx.call_ends_at, fx.cancel_fee) == (0, 0, 0)
    assert bytes(market.escrow.get_trade(trade_id).invoice_hold) == ZERO_BYTES32


def test_fund_float_cuts_a_slice_for_each_milestone(market: FxWorld) -> None:
    terms = funded(market, milestones=[market.milestone(weight, now_s() + 10 * DAY_S) for weight in (3_333, 6_667)])
    # 499,950.00 and 1,000,050.00 shillings at 144.7725.
    assert [market.slice_of(terms, index) for index in range(2)] == [345_335, 690_774]


@pytest.mark.parametrize("by", [-1, 1])
def test_fund_float_is_refused_when_the_hold_is_not_the_slices(market: FxWorld, by: int) -> None:
    with boa.reverts("escrow: hold of another amount"):
        market.fund_float(market.float_terms(), amount=EXAMPLE_SLICE + by)


@pytest.mark.parametrize("edge", [Fraction(291, 2), Fraction(309, 2)])
def test_fund_float_takes_a_median_on_the_bands_edge_and_none_beyond(world: FxWorld, edge: Fraction) -> None:
    world.open_market(edge)
    with boa.env.anchor():
        funded(world)
    world.report(edge + (WEI if edge > 150 else -WEI))
    with boa.reverts("escrow: rate outside the band"):
        funded(world)


def test_fund_float_is_refused_without_a_usable_median(world: FxWorld) -> None:
    with boa.reverts("oracle: no median yet"):
        funded(world)
    world.open_market()
    world.oracle.configure_pair(PAIR, PERIOD_S, PERIOD_S, BPS, BPS, sender=world.governor.address)
    advance(2 * PERIOD_S)
    with boa.reverts("oracle: median stale"):
        funded(world)


def test_fund_float_is_refused_when_a_quote_comes_with_it(market: FxWorld) -> None:
    terms = market.float_terms()
    with boa.reverts("escrow: quotes of another policy"):
        market.fund_float(terms, conversion=[market.lock_conversion(terms, market.lock_quote(terms))])


BAD_FX: dict[str, tuple[Fields, str]] = {
    "rate_num zero": ({"rate_num": 0}, "terms: rate out of range"),
    "rate_den zero": ({"rate_den": 0}, "terms: rate out of range"),
    "rate_num too large": ({"rate_num": 2**64}, "terms: rate out of range"),
    "rate_den too large": ({"rate_den": 2**64}, "terms: rate out of range"),
    "no band": ({"band_bps": 0}, "terms: band out of range"),
    "band of all": ({"band_bps": BPS}, "terms: band out of range"),
    "spread of all": ({"spread_bps": BPS}, "terms: spread out of range"),
    "share above all": ({"share_bps": BPS + 1}, "terms: share out of range"),
    "option unknown": ({"option": 3}, "terms: unknown option"),
    "option and share": ({"option": 1, "share_bps": 1}, "terms: option and share"),
    "cool-down too long": ({"cool_down_s": 400 * DAY_S + 1}, "terms: window too long"),
}


@pytest.mark.parametrize("case", BAD_FX)
def test_fund_float_is_refused_when_the_fx_terms_are_bad(market: FxWorld, case: str) -> None:
    fields, reason = BAD_FX[case]
    with boa.reverts(reason):
        market.fund_float(market.float_terms(fx=fields), amount=EXAMPLE_SLICE)


@pytest.mark.parametrize(
    "fields",
    [
        {"rate_num": 2**64 - 1, "rate_den": (2**64 - 1) // 150},
        {"band_bps": 1},
        {"band_bps": BPS - 1},
        {"spread_bps": 0},
        {"share_bps": BPS, "calls_max": 2**256 - 1},
        {"option": 2, "cool_down_s": 400 * DAY_S},
        {"spread_bps": 9_000},
    ],
)
def test_fund_float_takes_fx_terms_at_every_bound(market: FxWorld, fields: Fields) -> None:
    market.pay_in(market.eur, market.importer, 2 * 10**10)
    terms = market.float_terms(fx=fields)
    market.fund_float(terms)
    assert tuple(market.escrow.get_fx(market.trade_id(terms)).terms) == tuple(terms["fx"].values())


@pytest.mark.parametrize("policy", [0, 1, 2])
@pytest.mark.parametrize(
    "field", ["rate_num", "rate_den", "band_bps", "spread_bps", "share_bps", "option", "cool_down_s", "calls_max"]
)
def test_fund_is_refused_when_another_policy_states_a_rate(market: FxWorld, policy: int, field: str) -> None:
    terms = market.terms() if policy == 0 else market.converted_terms()
    terms["fx"] = fx_terms(policy, **{field: 1})
    with boa.reverts("terms: only float has a rate"):
        market.fund(terms, conversion=[])


def test_fund_float_is_refused_when_a_slice_exceeds_what_a_token_counts(market: FxWorld) -> None:
    terms = market.float_terms(invoice_amount=2**72 - 1, fx={"band_bps": 9_999, "spread_bps": 9_999})
    with boa.reverts("terms: slice out of range"):
        market.fund_float(terms, amount=1)


# The figures of SPEC section 5 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share_bps", "rate", "quoted", "paid", "sold"),
    [
        (0, 144, "144", 148_453_608, 1_030_928),
        (0, 144, LEAST, 148_453_608, EXAMPLE_SLICE),
        (HALF, 144, LEAST, PAID_BY_SLICE, EXAMPLE_SLICE),
        (BPS, 144, LEAST, PAID_BY_SLICE, EXAMPLE_SLICE),
        (BPS, 144, "144", 149_199_696, EXAMPLE_SLICE),
        (0, 156, "156", 151_456_310, 970_874),
        (BPS, 156, "156", EXAMPLE, 961_539),
        (0, 150, "150", EXAMPLE, 1_000_000),
        (BPS, 150, "149.25", EXAMPLE, 1_005_026),
        (HALF, Fraction(291, 2), "145.5", EXAMPLE, 1_030_928),
        (HALF, Fraction(309, 2), "154.5", EXAMPLE, 970_874),
        (0, 150, "160", EXAMPLE, 937_500),
    ],
)
def test_settle_float_pays_the_figures_of_the_spec(
    market: FxWorld, share_bps: int, rate: int | Fraction, quoted: str, paid: int, sold: int
) -> None:
    terms = final_at_rate(market, share_bps, rate)
    quote = market.spot(terms, quoted)
    chooser = market.exporter if paid == PAID_BY_SLICE or paid == 149_199_696 else market.importer
    before = market.balances(market.eur, market.importer, market.provider)
    market.settle_float(terms, 0, quote, chooser, least=paid)
    (event,) = events_of(market.escrow, "FundingSliceSettled")
    assert (event["sold"], event["refunded"]) == (sold, EXAMPLE_SLICE - sold)
    assert (event["median"], event["provider"]) == (int(rate * 10**18), market.provider.address)
    (settled,) = events_of(market.escrow, "MilestoneSettled")
    assert (settled["paid"], settled["refunded"]) == (paid, 0)
    assert market.balances(market.kes, market.exporter) == [paid]
    assert market.balances(market.eur, market.importer, market.provider) == [
        before[0] + EXAMPLE_SLICE - sold,
        before[1] + sold,
    ]
    assert market.escrow.get_trade(market.trade_id(terms)).closed


@pytest.mark.parametrize(
    ("share_bps", "call", "paid"),
    [(HALF, 21_145, 149_222_797), (BPS, 43_171, EXAMPLE)],
)
def test_settle_float_pays_in_full_when_the_call_was_paid(
    market: FxWorld, share_bps: int, call: int, paid: int
) -> None:
    terms = funded(market, share_bps)
    market.report(144)
    market.reprice(terms)
    (event,) = events_of(market.escrow, "Repriced")
    assert event["missing"] == call
    market.top_up(terms, call)
    market.accept(terms)
    market.settle_float(terms, 0, market.spot(terms, LEAST), market.importer)
    (settled,) = events_of(market.escrow, "MilestoneSettled")
    assert settled["paid"] == paid
    assert market.balances(market.kes, market.exporter) == [paid]


def test_settle_float_scales_amount_down_and_slice_up_when_a_part_is_due(market: FxWorld) -> None:
    terms = funded(market, BPS)
    market.report(144)
    market.make_due(terms, share_bps=3_333)
    advance(DAY_S + 1)
    # Due floor(1,500,000.00 x 33.33 %) = 499,950.00; usable ceil(10,361.09 x 33.33 %) = 3,453.36.
    market.settle_float(terms, 0, market.spot(terms, LEAST), market.exporter)
    (settled,) = events_of(market.escrow, "MilestoneSettled")
    assert (settled["paid"], settled["refunded"]) == (49_479_742, EXAMPLE - 49_995_000)
    (event,) = events_of(market.escrow, "FundingSliceSettled")
    assert (event["sold"], event["refunded"]) == (345_336, EXAMPLE_SLICE - 345_336)


def test_settle_float_divides_what_is_paid_among_the_payees(market: FxWorld) -> None:
    payees = [{"account": market.tax.address, "share_bps": 1_600}, {"account": market.fee.address, "share_bps": 50}]
    terms = final_at_rate(market, 0, 144, payees=payees)
    market.settle_float(terms, 0, market.spot(terms, 144), market.importer)
    assert market.balances(market.kes, market.tax, market.fee, market.exporter) == [23_752_577, 742_268, 123_958_763]
    payments = events_of(market.escrow, "PaymentMade")
    assert {payment["token"] for payment in payments} == {market.kes.address}
    assert [payment["account"] for payment in payments] == [
        market.tax.address,
        market.fee.address,
        market.exporter.address,
    ]


# Quotes --------------------------------------------------------------------------------------------------------------


def test_settle_float_takes_a_quote_down_to_the_spread_and_none_below(market: FxWorld) -> None:
    terms = final_at_rate(market, 0, 150)
    below = market.spot(terms, Fraction("149.25") - Fraction(1, 10**9))
    with boa.reverts("escrow: quote over the spread"):
        market.settle_float(terms, 0, below, market.importer)
    market.settle_float(terms, 0, market.spot(terms, "149.25"), market.importer)


def test_settle_float_is_refused_when_the_median_is_stale(market: FxWorld) -> None:
    terms = final_at_rate(market, 0, 150)
    quote = market.spot(terms, 150)
    market.oracle.configure_pair(PAIR, PERIOD_S, PERIOD_S, BPS, BPS, sender=market.governor.address)
    advance(2 * PERIOD_S)
    with boa.reverts("oracle: median stale"):
        market.settle_float(terms, 0, quote, market.importer)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trade_id": b"\7" * 32}, "escrow: quote for another trade"),
        ({"sell_token": "kes"}, "escrow: quote for other tokens"),
        ({"buy_token": "eur"}, "escrow: quote for other tokens"),
        ({"taker": "exporter"}, "fx: quote is for another taker"),
        ({"kind": 1}, "fx: wrong kind of quote"),
        ({"rate_den": 0}, "escrow: quote has no rate"),
        ({"max_amount": EXAMPLE - 1}, "fx: amount outside the quote"),
    ],
)
def test_settle_float_is_refused_when_the_quote_does_not_fit(market: FxWorld, change: Fields, reason: str) -> None:
    terms = final_at_rate(market, 0, 150)
    named = {"kes": market.kes.address, "eur": market.eur.address, "exporter": market.exporter.address}
    ((key, value),) = change.items()
    quote = market.spot(terms, 150) | {key: named.get(value, value)}
    with boa.reverts(reason):
        market.settle_float(terms, 0, quote, market.importer)


def test_settle_float_is_refused_when_the_quote_is_forged_or_used(market: FxWorld) -> None:
    terms = funded(market, milestones=[market.milestone(HALF, now_s() + 10 * DAY_S) for _ in range(2)])
    market.accept(terms, 0)
    market.accept(terms, 1)
    quote = market.spot(terms, 150)
    with boa.reverts("fx: bad signature"):
        market.settle_float(terms, 0, quote, market.importer, quote_signature=market.sign_quote(quote, market.fee))
    market.settle_float(terms, 0, quote, market.importer)
    with boa.reverts("fx: quote used"):
        market.settle_float(terms, 1, quote, market.importer)


# Who chooses ---------------------------------------------------------------------------------------------------------


def test_settle_float_waits_out_the_choice_window_when_nobody_chose(market: FxWorld) -> None:
    terms = final_at_rate(market, 0, 150)
    advance(3_600)
    with boa.reverts("escrow: choice window open"):
        market.settle_float(terms, 0, market.spot(terms, 150))
    advance(1)
    market.settle_float(terms, 0, market.spot(terms, 150), sender=market.stranger.address)


def test_settle_float_takes_a_quote_for_any_trade_only_when_chosen(market: FxWorld) -> None:
    terms = final_at_rate(market, 0, 150)
    advance(3_601)
    quote = market.spot(terms, 150, trade_id=ZERO_BYTES32)
    with boa.reverts("escrow: quote for any trade"):
        market.settle_float(terms, 0, quote)
    market.settle_float(terms, 0, quote, market.importer)


@pytest.mark.parametrize(("rate", "right"), [(150, "importer"), (144, "exporter")])
def test_settle_float_lets_the_side_choose_that_bears_the_quote(market: FxWorld, rate: int, right: str) -> None:
    terms = final_at_rate(market, BPS, rate)
    quote = market.spot(terms, Fraction(rate * 995, 1_000))
    wrong = market.exporter if right == "importer" else market.importer
    for signer in (wrong, market.stranger):
        with boa.reverts("escrow: bad signature"):
            market.settle_float(terms, 0, quote, signer)
    market.settle_float(terms, 0, quote, getattr(market, right))


def test_settle_float_is_refused_when_it_pays_less_than_the_chooser_takes(market: FxWorld) -> None:
    terms = final_at_rate(market, BPS, 144)
    quote = market.spot(terms, LEAST)
    with boa.reverts("escrow: less than agreed"):
        market.settle_float(terms, 0, quote, market.exporter, least=PAID_BY_SLICE + 1)
    market.settle_float(terms, 0, quote, market.exporter, least=PAID_BY_SLICE)


def test_settle_float_is_refused_when_another_quote_or_milestone_was_chosen(market: FxWorld) -> None:
    terms = final_at_rate(market, 0, 150)
    quote, other = market.spot(terms, 150), market.spot(terms, 151)
    for choice in (
        market.choice(terms, 0, other, market.importer, 0),
        (1, market.choice(terms, 0, quote, market.importer, 0)[1]),
        market.choice(terms | {"version": 2}, 0, quote, market.importer, 0),
        market.choice(terms | {"milestone_versions": [2]}, 0, quote, market.importer, 0),
    ):
        with boa.reverts("escrow: bad signature"):
            market.settle_float(terms, 0, quote, choice=[choice])
    with boa.reverts("escrow: signature expired"):
        late = market.choice(terms, 0, quote, market.importer, 0, valid_until=now_s() - 1)
        market.settle_float(terms, 0, quote, choice=[late])
    market.settle_float(terms, 0, quote, market.importer)


# Short slices and calls ----------------------------------------------------------------------------------------------


def short(world: FxWorld, share_bps: int = BPS, **fx: Any) -> Fields:
    """A final milestone whose slice does not pay in full, its choice window passed."""
    terms = final_at_rate(world, share_bps, 144, fx=fx)
    advance(3_601)
    return terms


def test_settle_float_is_refused_when_short_and_a_call_is_possible(market: FxWorld) -> None:
    terms = short(market)
    with boa.reverts("escrow: slice may be topped up"):
        market.settle_float(terms, 0, market.spot(terms, LEAST))
    market.settle_float(terms, 0, market.spot(terms, LEAST), market.exporter)


def test_settle_float_is_refused_when_short_and_a_call_runs(market: FxWorld) -> None:
    terms = short(market, calls_max=1)
    market.reprice(terms)
    advance(DAY_S)
    with boa.reverts("escrow: slice may be topped up"):
        market.settle_float(terms, 0, market.spot(terms, LEAST))
    with boa.env.anchor():
        market.settle_float(terms, 0, market.spot(terms, LEAST), market.exporter)
    advance(1)
    market.settle_float(terms, 0, market.spot(terms, LEAST))
    (settled,) = events_of(market.escrow, "MilestoneSettled")
    assert settled["paid"] == PAID_BY_SLICE


def test_settle_float_pays_short_when_no_call_is_foreseen(market: FxWorld) -> None:
    terms = short(market, calls_max=0)
    market.settle_float(terms, 0, market.spot(terms, LEAST))
    assert market.balances(market.kes, market.exporter) == [PAID_BY_SLICE]


def test_settle_float_pays_short_while_a_call_cools_down(market: FxWorld) -> None:
    terms = short(market)
    market.reprice(terms)
    advance(2 * DAY_S)  # the call, then the cool-down's last second
    with boa.env.anchor():
        market.settle_float(terms, 0, market.spot(terms, LEAST))
    advance(1)
    with boa.reverts("escrow: slice may be topped up"):
        market.settle_float(terms, 0, market.spot(terms, LEAST))


def test_settle_float_pays_in_full_while_a_call_is_possible(market: FxWorld) -> None:
    terms = short(market, HALF)
    quote = market.spot(terms, "150")  # better than the median: the slice suffices
    market.settle_float(terms, 0, quote)
    assert market.balances(market.kes, market.exporter) == [149_222_797]


# Nothing to pay ------------------------------------------------------------------------------------------------------


def test_settle_float_is_refused_when_it_would_pay_nothing(market: FxWorld) -> None:
    terms = funded(market, invoice_amount=1)
    market.report(75)
    market.accept(terms)
    # floor(1 x 75 / 145.5) is nothing; the last resort pays.
    with boa.reverts("escrow: nothing to pay"):
        market.settle_float(terms, 0, market.spot(terms, 75), market.importer)
    advance(3 * DAY_S + 1)
    market.last_resort(terms)
    assert market.balances(market.eur, market.exporter) == [1]


def test_settle_refunds_a_float_and_pays_none(market: FxWorld) -> None:
    milestones = [market.milestone(HALF, now_s() + 10 * DAY_S) for _ in range(2)]
    terms = funded(market, milestones=milestones)
    slices = [market.slice_of(terms, index) for index in range(2)]
    market.make_due(terms, 0, outcome=FAILED, share_bps=0)
    advance(DAY_S + 1)
    market.accept(terms, 1)
    with boa.reverts("escrow: needs a quote"):
        market.settle(terms, 1)
    with boa.reverts("escrow: nothing to pay"):
        market.settle_float(terms, 0, market.spot(terms, 150), market.importer)
    before = market.balances(market.eur, market.importer)
    market.settle(terms, 0)
    assert market.balances(market.eur, market.importer) == [before[0] + slices[0]]
    (event,) = events_of(market.escrow, "MilestoneSettled")
    assert (event["paid"], event["refunded"]) == (0, EXAMPLE // 2)


def test_a_share_that_floors_to_nothing_is_a_refund_when_it_becomes_due(market: FxWorld) -> None:
    terms = funded(market, invoice_amount=9_999)
    market.make_due(terms, share_bps=1)
    record = market.escrow.get_milestone(market.trade_id(terms), 0)
    assert (record.outcome, record.share_bps) == (Outcome.REFUND, 0)
    advance(DAY_S + 1)
    market.settle(terms)
    assert market.balances(market.kes, market.exporter) == [0]


def test_settle_float_is_refused_when_not_final_or_other_payees(market: FxWorld) -> None:
    terms = funded(market)
    quote = market.spot(terms, 150)
    with boa.reverts("escrow: milestone not final"):
        market.settle_float(terms, 0, quote, market.importer)
    market.accept(terms)
    with boa.reverts("escrow: other payees"):
        stranger = [{"account": market.stranger.address, "share_bps": 1}]
        market.settle_float(terms, 0, quote, market.importer, payees=stranger)
    market.settle_float(terms, 0, quote, market.importer)
    assert market.state_of(terms, 0) == State.SETTLED
    with boa.reverts("escrow: trade closed"):
        market.settle_float(terms, 0, quote, market.importer)


def test_settle_float_keeps_nothing_when_the_provider_stands_still(market: FxWorld) -> None:
    terms = final_at_rate(market, 0, 150)
    quote = market.spot(terms, 150)
    order = (market.provider.address, 1, 2, now_s() + 60, ZERO_BYTES32)
    market.kes.order_freeze(*order, sender=market.issuer.address)
    before = market.balances(market.eur, market.importer, market.provider)
    with boa.reverts("token: hold stands still"):
        market.settle_float(terms, 0, quote, market.importer)
    assert market.balances(market.eur, market.importer, market.provider) == before
    assert market.state_of(terms, 0) == State.FINAL
    advance(61)
    market.settle_float(terms, 0, quote, market.importer)


# Currencies with other exponents -------------------------------------------------------------------------------------


def exotic(world: FxWorld, currency: str, decimals: int) -> tuple[Any, bytes]:
    """A token of another exponent with money at the provider, and its pair with the euro."""
    token = deploy(
        "SettlementToken",
        f"Landfall {currency}",
        f"lf{currency}",
        currency,
        decimals,
        world.registry.address,
        world.issuer.address,
    )
    pair = f"EUR/{currency}".encode().ljust(32, b"\0")
    world.oracle.configure_pair(pair, PERIOD_S, 60 * DAY_S, BPS, BPS, sender=world.governor.address)
    reference = b"\1" * 32
    token.request_issuance(10**9, reference, sender=world.provider.address)
    token.issue(world.provider.address, 10**9, reference, sender=world.issuer.address)
    return token, pair


@pytest.mark.parametrize(
    ("currency", "decimals", "rate", "minor"),
    [
        ("UGX", 0, 4_000, Fraction(40)),  # 40 shillings a cent
        ("TND", 3, Fraction("3.4"), Fraction(34)),  # 34 millimes a cent
        ("KWD", 3, Fraction("0.35"), Fraction("3.5")),
        ("CLF", 4, 2, Fraction(200)),
        ("XAA", 5, 2, Fraction(2_000)),
    ],
)
def test_float_converts_at_the_median_when_exponents_differ(
    world: FxWorld, currency: str, decimals: int, rate: int | Fraction, minor: Fraction
) -> None:
    world.open_market()
    token, pair = exotic(world, currency, decimals)
    world.report(rate, pair)
    amount = 100_000
    rule = {"rate_num": minor.numerator, "rate_den": minor.denominator}
    terms = world.float_terms(invoice_token=token.address, invoice_amount=amount, fx=rule)
    world.fund_float(terms)
    fx = world.escrow.get_fx(world.trade_id(terms))
    assert Fraction(fx.scale_num, fx.scale_den) == Fraction(10**decimals, 100)
    world.accept(terms)
    quote = world.quote(
        buy_token=token.address,
        rate_num=minor.numerator,
        rate_den=minor.denominator,
        min_amount=1,
        trade_id=world.trade_id(terms),
        reserve_id=b"\1" * 32,
    )
    quote["reserve_id"] = bytes(token.hold_id(world.provider.address, world.fx.address, quote["salt"]))
    token.hold(
        world.fx.address,
        quote["max_amount"],
        quote["expires_at"] + 60,
        digest(world.fx_domain, "Quote", quote),
        quote["salt"],
        sender=world.provider.address,
    )
    world.settle_float(terms, 0, quote, world.importer)
    assert token.availableOf(world.exporter.address) == amount
    assert world.balances(world.eur, world.provider) == [-int(-amount // minor)]


def test_fund_float_is_refused_when_exponents_are_too_far_apart(world: FxWorld) -> None:
    world.open_market()
    token, pair = exotic(world, "XBB", 6)
    world.report(2, pair)
    terms = world.float_terms(invoice_token=token.address, fx={"rate_num": 20_000})
    with boa.reverts("terms: exponents too far apart"):
        world.fund_float(terms)
