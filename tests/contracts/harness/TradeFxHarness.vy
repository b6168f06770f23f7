# pragma version 0.4.3
# pragma evm-version prague
"""
@title TradeFxHarness
@license Apache-2.0
@notice Opens the arithmetic of lock and float to a test, put together as TradeFunding and TradePayment do.
"""

from interfaces import ITradeEscrow
from modules import trade_fx


struct Case:
    fx: ITradeEscrow.FxLeg
    median: uint256
    amount: uint256
    held: uint256
    share_bps: uint256
    quote_num: uint256
    quote_den: uint256
    waived: uint256


struct Figures:
    is_below: bool
    is_above: bool
    is_firm_enough: bool
    slice_: uint256
    threshold: uint256
    full: uint256
    paid: uint256
    last_resort: uint256
    waived_slice: uint256


BPS: constant(uint256) = 10_000


@external
@pure
def figures(case: Case) -> Figures:
    """
    @notice Everything that depends on a median, for one milestone.
    @param case Terms, median, milestone and quote.
    @return The figures.
    """
    terms: ITradeEscrow.FxTerms = case.fx.terms
    rate: trade_fx.Rate = trade_fx._rate_of(case.median, case.fx)
    divisor: uint256 = trade_fx._divisor(rate, terms)
    due: uint256 = case.amount * case.share_bps // BPS
    usable: uint256 = trade_fx._scaled_up(case.held, case.share_bps, BPS)
    full: uint256 = trade_fx._full_payment(due, divisor, rate, terms)
    return Figures(
        is_below=trade_fx._is_below(rate, terms),
        is_above=trade_fx._is_above(rate, terms),
        is_firm_enough=trade_fx._is_firm_enough(case.quote_num, case.quote_den, rate, terms),
        slice_=trade_fx._float_slice(case.amount, terms),
        threshold=trade_fx._needed(case.amount, divisor, rate, terms),
        full=full,
        paid=min(full, usable * case.quote_num // case.quote_den),
        last_resort=min(usable, trade_fx._needed(due, divisor, rate, terms)),
        waived_slice=trade_fx._scaled_up(case.held, case.amount - case.waived, case.amount),
    )


@external
@pure
def target(fx: ITradeEscrow.FxLeg, median: uint256, amount: uint256) -> uint256:
    """
    @notice What a call for a top-up asks for.
    @param fx The leg.
    @param median Below the band.
    @param amount The milestone's.
    @return Minor units of the funding currency.
    """
    rate: trade_fx.Rate = trade_fx._rate_of(median, fx)
    return trade_fx._needed(amount, trade_fx._divisor_after_call(rate, fx.terms), rate, fx.terms)


@external
@pure
def lock_slices(total: uint256, amounts: DynArray[uint256, 8]) -> DynArray[uint256, 8]:
    """
    @notice How a lock's price is divided.
    @param total The price.
    @param amounts The milestones' amounts.
    @return The slices.
    """
    whole: uint256 = 0
    for amount: uint256 in amounts:
        whole += amount
    slices: DynArray[uint256, 8] = []
    sum: uint256 = 0
    for amount: uint256 in amounts:
        slices.append(trade_fx._lock_slice(total, sum, sum + amount, whole))
        sum += amount
    return slices
