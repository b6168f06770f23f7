"""What the importer must have for a trade to be funded, said before anybody signs."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from fx.quotes import sell_amount
from fx.rates import minor_rate
from node.quotes.offers import Offer
from node.trades.context import Desk
from node.trades.store import Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument


@dataclass(frozen=True, slots=True)
class Need:
    """Money that funding takes; minor units of `currency`."""

    currency: str
    amount: int | None
    """None where no rate is known to estimate it by."""
    is_firm: bool
    """False: an estimate at the reference rate, until there is a quote."""
    consists_of: str
    available: int | None
    """What the importer has, where its books are ours."""

    @property
    def missing(self) -> int:
        """What the importer lacks, as far as known here."""
        return 0 if self.amount is None or self.available is None else max(0, self.amount - self.available)


def need_of(desk: Desk, session: Session, trade: Trade, document: TermsDocument, now_s: int) -> Need:
    """Return what funding a trade takes from the importer now.

    Under `lock` price and premium (Q + premium), under `float` the sum of the slices, else the price of the invoice.
    """
    invoice, currency = document.invoice.currency, document.funding.currency
    available = _available(desk, session, trade, currency)
    match document.funding.policy:
        case "none":
            return Need(currency, document.amount_minor, True, "the invoice amount, held", available)
        case "float":
            parts = doc.funding_slices(document)
            amounts = zip(doc.milestone_amounts(document), parts, strict=True)
            what = ", ".join(f"{part} for {amount} {invoice}" for amount, part in amounts)
            return Need(currency, sum(parts), True, f"slices in minor units, held: {what}", available)
    offer = _offer(desk, session, trade, now_s)
    if offer is not None:
        premium = f" and a premium of {offer.premium}, paid at funding" if offer.premium else ""
        what = f"the price of {offer.provider}'s quote, {offer.sell_minor}{premium} (minor units)"
        return Need(currency, offer.paid_minor, True, what, available)
    what = "the price at the reference rate, before spread, fee and premium; ask for quotes to know it"
    return Need(currency, _estimate(desk, session, document, now_s), False, what, available)


def _offer(desk: Desk, session: Session, trade: Trade, now_s: int) -> Offer | None:
    """Return the quote that was taken, else the cheapest live one that this bank takes."""
    if trade.quote_request is None or trade.importer_bank != desk.id:
        return None
    taken = desk.quotes.taker.taken(session, trade.quote_request, now_s)
    if taken is not None and taken.expires_at_s >= now_s:
        return taken
    live = [offer for offer in desk.quotes.taker.offers(session, trade.quote_request, now_s) if offer.refusal is None]
    return live[0] if live else None


def _estimate(desk: Desk, session: Session, document: TermsDocument, now_s: int) -> int | None:
    invoice, funding = document.invoice.currency, document.funding.currency
    rate = desk.reference_rate(session, funding, invoice, now_s)
    if rate is None:
        return None
    try:
        return sell_amount(minor_rate(rate, get_currency(funding), get_currency(invoice)), document.amount_minor)
    except FxRejectedError:
        # Beyond what the contracts count, so no estimate; quotes will say so too.
        return None


def _available(desk: Desk, session: Session, trade: Trade, currency: str) -> int | None:
    if trade.importer_bank != desk.id:
        return None
    return desk.ledger.balance(session, trade.importer, currency).available
