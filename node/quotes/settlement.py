"""Asking for the quote that settles a float milestone: how much of which currency, within which bounds.

What the payees will get depends on the median when the transaction executes, which may have moved since the quote was
asked for. The quote therefore covers a range: whatever median lies within `SLACK_BPS` of the present one, the payment
fits. The provider reserves the most, and is used for what the contract computes.
"""

from typing import Final

from fx.checks import BPS
from fx.errors import FxError, NothingToPayError
from fx.rates import Rate, Rounding
from fx.reprice import FloatTerms, slice_share
from fx.slices import share_of
from node.quotes.errors import RejectedError
from node.quotes.taker import Ask

SLACK_BPS: Final = 200
"""How far the median may move while a quote lives; quotes live ten minutes, a round counts at once up to 500."""


def settlement_ask(
    *,
    request_id: str,
    importer: str,
    trade_id: bytes,
    currencies: tuple[str, str],
    terms: FloatTerms,
    amount: int,
    held: int,
    share_bps: int,
    median: Rate,
) -> Ask:
    """Return what to ask providers for so that a final milestone can settle.

    Args:
        importer: Account that sells; the quote's taker, whoever asks.
        currencies: (funding, invoice) currency, sold and bought.
        amount: The milestone's amount, minor units of the invoice currency.
        held: Its slice, minor units of the funding currency.
        share_bps: What the outcome pays of it, above 0.
        median: The usable median now, in minor units.

    Raises:
        RejectedError: the payment floors to zero, so that no quote settles it: the last resort or a refund does.
    """
    try:
        least, expected, most = payment_bounds(terms, amount, held, share_bps, median)
    except FxError as error:
        raise RejectedError("milestone", "one that a quote can settle", str(error)) from error
    return Ask(
        request_id=request_id,
        taker=importer,
        sell_currency=currencies[0],
        buy_currency=currencies[1],
        buy_minor=expected,
        trade_id=trade_id,
        min_minor=least,
        max_minor=most,
        spread_bps_max=terms.spread_bps,
    )


def payment_bounds(
    terms: FloatTerms, amount: int, held: int, share_bps: int, median: Rate, slack_bps: int = SLACK_BPS
) -> tuple[int, int, int]:
    """Return (least, expected, most) that payees get in X while the median stays within `slack_bps` of `median`.

    What is owed rises with the median, and a slice buys more of it; so the ends of the range bound the payment.
    Expected is at the worst quote that the terms take.

    Raises:
        NothingToPayError: even the most is nothing.
    """
    due, usable = share_of(amount, share_bps), slice_share(held, share_bps)
    low, high = _moved(median, -slack_bps), _moved(median, slack_bps)
    most = min(_owed(terms, due, high), high.scaled(usable, rounding=Rounding.FLOOR))
    if most == 0:
        raise NothingToPayError(f"paid: expected at least 1 minor unit, got 0 of {amount}; use the last resort")
    least, expected = (
        min(_owed(terms, due, rate), terms.least_quote(rate).scaled(usable, rounding=Rounding.FLOOR))
        for rate in (low, median)
    )
    return max(1, least), max(1, expected), most


def _owed(terms: FloatTerms, due: int, median: Rate) -> int:
    """Return floor(m r / e(r)) in X."""
    effective = terms.effective(median)
    return median.times(effective.inverse()).scaled(due, rounding=Rounding.FLOOR)


def _moved(rate: Rate, by_bps: int) -> Rate:
    return Rate(rate.numerator * (BPS + by_bps), rate.denominator * BPS)
