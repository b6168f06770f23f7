# pragma version 0.4.3
"""
@title Arithmetic of lock and float
@license Apache-2.0
@notice Slices of the funding currency, effective rates, top-up targets and last resorts, in whole minor units. Pure:
        what it says depends on its arguments alone, and fx/reprice.py says the same.
@custom:security Whatever rounds, rounds against the side that could gain by repeating it: slices up, payments down.
@custom:units Minor units below 2^72. A rate is minor units of the invoice currency for one of the funding currency;
        agreed rates num/den below 2^64, a median below 2^80 with 18 decimals, exponents differ by 3 at most. Largest
        product: amount * median * 10^3 * agreed part * BPS^2 < 2^253.
@custom:source docs/spec/settlement.md sections 4 and 5.
"""

from interfaces import ITradeEscrow


struct Rate:
    num: uint256
    den: uint256


BPS: constant(uint256) = 10_000
MEDIAN_SCALE: constant(uint256) = 10**18


@internal
@pure
def _ceil_div(number: uint256, by: uint256) -> uint256:
    """
    @notice Division rounded up.
    @param number What is divided, far below 2^256.
    @param by Above zero.
    @return ceil(number / by).
    """
    return (number + by - 1) // by


@internal
@pure
def _rate_of(median: uint256, fx: ITradeEscrow.FxLeg) -> Rate:
    """
    @notice The oracle's median as a rate of minor units.
    @param median Major units with 18 decimals.
    @param fx The leg; its scale is 10^(exponent X - exponent F) as a fraction.
    @return The rate.
    """
    return Rate(num=median * fx.scale_num, den=MEDIAN_SCALE * fx.scale_den)


@internal
@pure
def _is_below(rate: Rate, terms: ITradeEscrow.FxTerms) -> bool:
    """
    @notice Whether a rate lies below the band.
    @param rate The rate.
    @param terms Agreed rate and band.
    @return True below lo.
    """
    return rate.num * terms.rate_den * BPS < terms.rate_num * (BPS - terms.band_bps) * rate.den


@internal
@pure
def _is_above(rate: Rate, terms: ITradeEscrow.FxTerms) -> bool:
    """
    @notice Whether a rate lies above the band.
    @param rate The rate.
    @param terms Agreed rate and band.
    @return True above hi.
    """
    return rate.num * terms.rate_den * BPS > terms.rate_num * (BPS + terms.band_bps) * rate.den


@internal
@pure
def _is_firm_enough(quote_num: uint256, quote_den: uint256, rate: Rate, terms: ITradeEscrow.FxTerms) -> bool:
    """
    @notice Whether a quote keeps the spread limit.
    @param quote_num Its rate's numerator.
    @param quote_den Its rate's denominator.
    @param rate The median's rate.
    @param terms The spread limit.
    @return True if p >= r (1 - s).
    """
    return quote_num * rate.den * BPS >= rate.num * (BPS - terms.spread_bps) * quote_den


@internal
@pure
def _divisor(rate: Rate, terms: ITradeEscrow.FxTerms) -> uint256:
    """
    @notice The effective rate as the numerator of a fraction over `rate_den * BPS^2 * rate.den`.
    @param rate The median's rate.
    @param terms Agreed rate, band and share.
    @return The numerator: r inside the band, edge (1 - t) + t r beyond it.
    """
    edge: uint256 = BPS
    if self._is_below(rate, terms):
        edge = BPS - terms.band_bps
    elif self._is_above(rate, terms):
        edge = BPS + terms.band_bps
    else:
        return rate.num * terms.rate_den * BPS * BPS
    return (
        terms.rate_num * edge * (BPS - terms.share_bps) * rate.den
        + terms.share_bps * BPS * rate.num * terms.rate_den
    )


@internal
@pure
def _divisor_after_call(rate: Rate, terms: ITradeEscrow.FxTerms) -> uint256:
    """
    @notice The same a band below a rate that is itself below the band: e(r (1 - b)).
    @param rate The median's rate, below lo.
    @param terms Agreed rate, band and share.
    @return The numerator.
    """
    return (BPS - terms.band_bps) * (
        terms.rate_num * (BPS - terms.share_bps) * rate.den + terms.share_bps * rate.num * terms.rate_den
    )


@internal
@pure
def _needed(amount: uint256, divisor: uint256, rate: Rate, terms: ITradeEscrow.FxTerms) -> uint256:
    """
    @notice What an amount costs at an effective rate and the spread limit.
    @param amount Minor units of the invoice currency.
    @param divisor The effective rate.
    @param rate The median's rate it comes from.
    @param terms Agreed rate and spread limit.
    @return ceil(m / (e (1 - s))), minor units of the funding currency.
    """
    return self._ceil_div(
        amount * terms.rate_den * BPS * BPS * rate.den * BPS, divisor * (BPS - terms.spread_bps)
    )


@internal
@pure
def _full_payment(amount: uint256, divisor: uint256, rate: Rate, terms: ITradeEscrow.FxTerms) -> uint256:
    """
    @notice What the payees get of an amount if the slice suffices.
    @param amount Minor units of the invoice currency due.
    @param divisor The effective rate.
    @param rate The median's rate.
    @param terms The agreed rate.
    @return floor(m r / e).
    """
    return amount * rate.num * terms.rate_den * BPS * BPS // divisor


@internal
@pure
def _float_slice(amount: uint256, terms: ITradeEscrow.FxTerms) -> uint256:
    """
    @notice The slice of a milestone under `float`.
    @param amount Minor units of the invoice currency.
    @param terms Agreed rate, band and spread limit.
    @return B = ceil(m / (lo (1 - s))).
    """
    return self._ceil_div(
        amount * terms.rate_den * BPS * BPS,
        terms.rate_num * (BPS - terms.band_bps) * (BPS - terms.spread_bps),
    )


@internal
@pure
def _lock_slice(total: uint256, before: uint256, after: uint256, amount: uint256) -> uint256:
    """
    @notice The slice of a milestone under `lock`: a difference of running sums, so that slices add up to the total.
    @param total Price of the whole amount.
    @param before Sum of the milestones before this one.
    @param after The same with this one.
    @param amount The whole amount.
    @return ceil(Q S_i / A) - ceil(Q S_(i-1) / A).
    """
    return self._ceil_div(total * after, amount) - self._ceil_div(total * before, amount)


@internal
@pure
def _scaled_up(slice_: uint256, part: uint256, whole: uint256) -> uint256:
    """
    @notice A part of a slice, rounded up.
    @param slice_ Minor units.
    @param part Numerator.
    @param whole Denominator, above zero.
    @return ceil(slice * part / whole).
    """
    return self._ceil_div(slice_ * part, whole)
