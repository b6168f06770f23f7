"""The float rule: slices, band, effective rate, settlement, reprice call and last resort; and what a lock divides.

The funding currency F is held in slices and converted when a milestone settles. Inside the band around the agreed
rate the importer bears the market and the exporter gets the invoice amount; beyond the band they share what is beyond.
Every rate here is exact and in minor units of the invoice currency X for one minor unit of F; amounts "in X" and
"in F" are minor units of these. The contracts compute the same to the unit.

Source: docs/spec/settlement.md, sections 4 and 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil, floor
from typing import Final

from fx.checks import AMOUNT_BITS, BPS, RATE_BITS, check_amount, check_bps, check_int
from fx.currencies import Currency
from fx.errors import InvalidNumberError, NothingToPayError, QuoteTooLowError, WeightsError
from fx.rates import Rate, Rounding, divide, minor_rate
from fx.slices import share_of

MEDIAN_DECIMALS: Final = 18
MEDIAN_BITS: Final = 80
"""A median stays below 2**80 so that its products fit 256 bits."""


@dataclass(frozen=True, slots=True)
class FloatTerms:
    """What the parties agreed about the rate."""

    rate: Rate
    """The agreed rate r0; both parts below 2**64."""
    band_bps: int
    """Half width of the band, 1 to 9,999 basis points of r0."""
    spread_bps: int
    """How far below the median a firm quote may be, fee included; 0 to 9,999."""
    share_bps: int
    """The importer's share of what is beyond the band; 10,000 = it bears all."""

    def __post_init__(self) -> None:
        if not self.rate.fits():
            raise InvalidNumberError("rate", f"both parts below 2**{RATE_BITS}", self.rate.decimal(2)[:60])
        check_int("band_bps", self.band_bps, 1, BPS - 1)
        check_int("spread_bps", self.spread_bps, 0, BPS - 1)
        check_bps("share_bps", self.share_bps)

    @property
    def low(self) -> Rate:
        """The band's lower edge, r0 (1 - b); inside."""
        return Rate(self.rate.numerator * (BPS - self.band_bps), self.rate.denominator * BPS)

    @property
    def high(self) -> Rate:
        """The band's upper edge, r0 (1 + b); inside."""
        return Rate(self.rate.numerator * (BPS + self.band_bps), self.rate.denominator * BPS)

    def is_within(self, median: Rate) -> bool:
        """Tell whether the median lies in the band, edges included."""
        return not (median.is_below(self.low) or self.high.is_below(median))

    def effective(self, median: Rate) -> Rate:
        """Return e: the median inside the band; beyond an edge, the edge moved by the importer's share of the rest."""
        if self.is_within(median):
            return median
        edge = _exact(self.low if median.is_below(self.low) else self.high)
        moved = edge + Fraction(self.share_bps, BPS) * (_exact(median) - edge)
        return Rate(moved.numerator, moved.denominator)

    def least_quote(self, median: Rate) -> Rate:
        """Return the lowest all-in rate that settles at this median, r (1 - s)."""
        return Rate(median.numerator * (BPS - self.spread_bps), median.denominator * BPS)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one float settlement moves."""

    paid: int
    """P in X, to the payees."""
    full: int
    """What the rule owes them in X; more than `paid` where the slice is too small."""
    sold: int
    """In F, to the provider."""
    refunded: int
    """In F, back to the importer: the rest of the slice."""

    @property
    def is_short(self) -> bool:
        """Whether the payees get less than the rule owes, so that the exporter's side has a say."""
        return self.paid < self.full


def median_rate(median: int, funding: Currency, invoice: Currency) -> Rate:
    """Return an oracle's median (major units of X for one of F, 18 decimals) as a rate in minor units."""
    check_int("median", median, 1, 2**MEDIAN_BITS - 1)
    return minor_rate(Rate(median, 10**MEDIAN_DECIMALS), funding, invoice)


def funding_slice(terms: FloatTerms, amount: int) -> int:
    """Return B in F: what a milestone of `amount` (X) needs so that it is paid in full down to the band's edge.

    Rounds up: a slice that is a unit short would not pay the invoice amount.

    Raises:
        InvalidNumberError: the slice exceeds 2**72 - 1.
    """
    check_amount("amount", amount)
    needed = ceil(amount / _after_spread(terms, terms.low))
    check_int("slice", needed, 0, 2**AMOUNT_BITS - 1)
    return needed


def settle(terms: FloatTerms, amount: int, held: int, share_bps: int, *, median: Rate, quote: Rate) -> Settlement:
    """Return what a final milestone of `amount` (X) with `held` (F) pays at this median and all-in quote.

    A partial outcome scales the amount down and the slice up. Paid is rounded down, sold up, toward the provider.

    Raises:
        QuoteTooLowError: the quote is below the median less the spread.
        NothingToPayError: the payment floors to zero; the last resort pays, or it is a refund.
    """
    check_amount("amount", amount)
    check_amount("held", held)
    least = terms.least_quote(median)
    if quote.is_below(least):
        raise QuoteTooLowError(least.decimal(12), quote.decimal(12))
    usable = slice_share(held, share_bps)
    full = floor(share_of(amount, share_bps) * _exact(median) / _exact(terms.effective(median)))
    paid = min(full, floor(usable * _exact(quote)))
    if paid == 0:
        raise NothingToPayError(f"paid: expected at least 1 minor unit, got 0 of {amount}; use the last resort")
    sold = ceil(paid / _exact(quote))
    return Settlement(paid=paid, full=full, sold=sold, refunded=held - sold)


def call_threshold(terms: FloatTerms, amount: int, median: Rate) -> int:
    """Return the slice in F below which a milestone of `amount` (X) may be called for at this median."""
    check_amount("amount", amount)
    return ceil(amount / _after_spread(terms, terms.effective(median)))


def call_target(terms: FloatTerms, amount: int, held: int, median: Rate) -> int:
    """Return what a call raises a slice to, in F: it restores a band below the median; never below what is held."""
    check_amount("amount", amount)
    check_amount("held", held)
    lower = Rate(median.numerator * (BPS - terms.band_bps), median.denominator * BPS)
    return max(held, ceil(amount / _after_spread(terms, terms.effective(lower))))


def is_call_due(terms: FloatTerms, slices: Sequence[tuple[int, int]], median: Rate) -> bool:
    """Tell whether rate and slices allow a reprice call; windows and counts are the escrow's to check.

    Args:
        slices: (amount in X, held in F) of each open milestone.
    """
    if terms.share_bps == 0 or not median.is_below(terms.low):
        return False
    return any(held < call_threshold(terms, amount, median) for amount, held in slices)


def last_resort(terms: FloatTerms, amount: int, held: int, share_bps: int, *, last_good: Rate) -> int:
    """Return what the payees get in F when nobody converts: the effective rate of the last good median decides.

    Rounds up, toward the exporter, but never beyond the share of the slice.
    """
    check_amount("amount", amount)
    check_amount("held", held)
    owed = ceil(share_of(amount, share_bps) / _after_spread(terms, terms.effective(last_good)))
    return min(owed, slice_share(held, share_bps))


def lock_slices(sold: int, amounts: Sequence[int]) -> tuple[int, ...]:
    """Divide a lock's price `sold` (F) over the milestones' `amounts` (X): differences of the rounded-up running sums.

    Raises:
        WeightsError: no amounts, or a slice of zero in either currency.
    """
    check_amount("sold", sold)
    for position, amount in enumerate(amounts):
        check_amount(f"amounts[{position}]", amount)
    total = sum(amounts)
    if total == 0:
        raise WeightsError("amounts: expected at least one above zero, got none")
    sums = [divide(sold * part, total, rounding=Rounding.CEIL) for part in accumulate(amounts, initial=0)]
    slices = tuple(upper - lower for lower, upper in pairwise(sums))
    if 0 in slices or 0 in amounts:
        raise WeightsError(f"amounts: expected no slice of zero, got {slices} of {sold}; use fewer milestones")
    return slices


def slice_share(held: int, share_bps: int) -> int:
    """Return a partial outcome's part of a slice in F, rounded up: the part in X must stay covered."""
    check_bps("share_bps", share_bps)
    return divide(held * share_bps, BPS, rounding=Rounding.CEIL)


def waived_slice(held: int, amount: int, waived: int) -> int:
    """Return what is left of a slice (or a call's target) in F when `waived` of `amount` (X) is given up; rounds up."""
    check_amount("held", held)
    check_int("amount", amount, 1, 2**AMOUNT_BITS - 1)
    check_int("waived", waived, 0, amount)
    return divide(held * (amount - waived), amount, rounding=Rounding.CEIL)


def cancel_fee_part(fee: int, waived: int, invoice_amount: int, released: int) -> int:
    """Return what a lock's provider gets in F when `waived` of the invoice amount (X) is given up.

    Pro rata of the quote's fee, rounded up, toward the provider, but never more than the F that this gives back.
    """
    check_amount("fee", fee)
    check_int("invoice_amount", invoice_amount, 1, 2**AMOUNT_BITS - 1)
    check_int("waived", waived, 0, invoice_amount)
    return min(divide(fee * waived, invoice_amount, rounding=Rounding.CEIL), released)


def _after_spread(terms: FloatTerms, rate: Rate) -> Fraction:
    return _exact(terms.least_quote(rate))


def _exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)
