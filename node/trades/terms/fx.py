"""Currencies, policy and float of the terms: how a person writes them, what they become, what they must fulfil.

`TradeFunding` refuses the same at funding; here every refusal names the field, the value and the way out.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict

from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from fx.rates import Rate, minor_rate
from node.trades.errors import TermsRejectedError
from node.trades.terms import document as doc
from node.trades.terms.context import BPS, DAY_S, WINDOW_S_MAX, Context, check_currency, refuse
from node.trades.terms.document import FloatPart, TermsDocument

RATE_BITS: Final = 64
"""Both parts of an agreed rate stay below 2^64 on chain."""
AMOUNT_BITS: Final = 72
EXPONENTS_APART_MAX: Final = 3
"""TradeFunding scales a median by at most 10^3."""
CALLS_MAX: Final = 3
"""Calls of a trade whose importer bears a share, unless the terms say otherwise."""
_PLACES, _PLACES_SMALL = 6, 12


class FloatInput(BaseModel):
    """How a rate that moves is shared; `rate` left out proposes the present reference rate."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    rate: str | None = None
    """Units of the invoice currency for one of the funding currency, such as `150.25`."""
    band_bps: int = 300
    spread_bps: int = 50
    share_bps: int = 0
    option: doc.Option = "share"
    cool_down_s: int = DAY_S
    calls_max: int | None = None


def build_float(
    given: FloatInput | None, policy: str, funding: str, invoice: str, context: Context, known: FloatPart | None
) -> FloatPart | None:
    """Return the document's part of a float, None for another policy.

    Args:
        known: Of the version before: its rate stays unless the terms name one.

    Raises:
        TermsRejectedError: given for another policy, no rate to propose, or a value out of its range.
    """
    if policy != "float":
        if given is not None:
            refuse("funding.float", f"none, as policy {policy} knows no rate that moves", "a table")
        return None
    terms = given or FloatInput()
    _check_ranges(terms)
    rate = _rate(terms.rate, funding, invoice, context, known)
    return FloatPart(
        rate_num=str(rate.numerator),
        rate_den=str(rate.denominator),
        band_bps=terms.band_bps,
        spread_bps=terms.spread_bps,
        share_bps=terms.share_bps,
        option=terms.option,
        cool_down_s=terms.cool_down_s,
        calls_max=(CALLS_MAX if terms.share_bps else 0) if terms.calls_max is None else terms.calls_max,
    )


def check_fx(document: TermsDocument, context: Context) -> None:
    """Check currencies, policy and float of a terms document, ours or the other bank's.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    invoice, funding = document.invoice, document.funding
    check_currency("invoice.currency", invoice.currency, context)
    check_currency("funding.currency", funding.currency, context)
    if document.amount_minor.bit_length() > AMOUNT_BITS:
        refuse("invoice.amount", f"an amount below 2^{AMOUNT_BITS} minor units", invoice.amount_minor)
    if funding.policy == "none" and funding.currency != invoice.currency:
        refuse("funding.currency", f"{invoice.currency}, as policy none converts nothing", funding.currency)
    if funding.policy != "none" and funding.currency == invoice.currency:
        refuse("funding.policy", "none, as both currencies are the same", funding.policy)
    if (funding.policy == "float") != (funding.float_ is not None):
        refuse("funding.float", "the float's terms with policy float, and with no other", funding.policy)
    if funding.float_ is not None:
        _check_float(document, funding.float_, context)


def _check_float(document: TermsDocument, part: FloatPart, context: Context) -> None:
    _check_ranges(part)
    pair = f"{document.funding.currency}/{document.invoice.currency}"
    if pair not in context.deployment.pairs:
        known = ", ".join(context.deployment.pairs) or "none"
        refuse("funding.policy", f"lock or convert_now, as the oracle has no pair {pair} (it has {known})", "float")
    decimals = [
        context.deployment.tokens[code].decimals for code in (document.funding.currency, document.invoice.currency)
    ]
    if abs(decimals[0] - decimals[1]) > EXPONENTS_APART_MAX:
        expected = f"lock or convert_now, as exponents {decimals[0]} and {decimals[1]} are too far apart"
        refuse("funding.policy", expected, "float")
    if not part.rate.fits(RATE_BITS):
        refuse("funding.float.rate", f"a rate whose parts stay below 2^{RATE_BITS}; use fewer decimals", pair)
    try:
        doc.funding_slices(document)
    except FxRejectedError as error:
        expected = f"slices below 2^{AMOUNT_BITS} minor units; a smaller amount, band or spread"
        raise TermsRejectedError("funding.float", expected, str(error)) from error


def _check_ranges(part: FloatInput | FloatPart) -> None:
    if not 0 < part.band_bps < BPS:
        refuse("funding.float.band_bps", f"basis points from 1 to {BPS - 1} (300 is usual)", part.band_bps)
    if not 0 <= part.spread_bps < BPS:
        refuse("funding.float.spread_bps", f"basis points from 0 to {BPS - 1}", part.spread_bps)
    if not 0 <= part.share_bps <= BPS:
        refuse("funding.float.share_bps", f"basis points from 0 to {BPS}", part.share_bps)
    if part.option != "share" and part.share_bps:
        expected = f"0 with option {part.option}; option share lets the importer bear a part"
        refuse("funding.float.share_bps", expected, part.share_bps)
    if not 0 <= part.cool_down_s <= WINDOW_S_MAX:
        refuse("funding.float.cool_down_s", f"seconds from 0 to {WINDOW_S_MAX}", part.cool_down_s)
    if part.calls_max is not None and not 0 <= part.calls_max < 2**16:
        refuse("funding.float.calls_max", "a number of calls from 0 to 65535", part.calls_max)


def _rate(given: str | None, funding: str, invoice: str, context: Context, known: FloatPart | None) -> Rate:
    """Return r0 in minor units."""
    field = "funding.float.rate"
    if given is None and known is not None:
        return known.rate
    proposed = context.reference_rate(funding, invoice) if given is None else None
    if given is None and proposed is None:
        refuse(field, f"{invoice} for one {funding}, as no reference rate is known here now", "none")
    try:
        rate = Rate.parse(given or "") if proposed is None else _rounded(proposed)
        found = minor_rate(rate, get_currency(funding), get_currency(invoice))
    except FxRejectedError as error:
        expected = f"{invoice} for one {funding} as a decimal number above zero in text"
        raise TermsRejectedError(field, expected, given) from error
    if not found.fits(RATE_BITS):
        refuse(field, f"a rate whose parts stay below 2^{RATE_BITS}; use fewer decimals", given)
    return found


def _rounded(major: Rate) -> Rate:
    """Return a rate as people write it: it is a proposal, and digits beyond these mean nothing."""
    return Rate.parse(major.decimal(_PLACES_SMALL if major.is_below(Rate(1, 1)) else _PLACES))
