"""From signed terms to held money: quotes where the policy needs one, the importer's signed holds, one transaction.

Everything the transaction carries is stored with the decision to send it; a refused one leaves the trade agreed, with
the reason, and may be tried again with a new quote.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from fx.rates import Rate, major_rate
from node.messages.ports import Message
from node.quotes.offers import Offer
from node.quotes.taker import Ask
from node.quotes.wire import from_json, hex_of, signature_of, text_of, to_json
from node.storage import outbox
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.agreement.negotiating import CONSENT_TYPE
from node.trades.context import ESCROW, PREFIX, SIDES, Actor, Desk, require_followed
from node.trades.errors import OfferRejectedError, TermsRejectedError, WrongStateError
from node.trades.store import Consent, Trade, TradeQuote
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument

SELL_HOLD_S: Final = 86_400
"""Length of the hold in the funding currency: it is executed in the transaction that places it."""
FUND: Final = "fund"
QUOTES: Final = "trades.quotes"
RATE_PLACES: Final = 6
BEFORE_FUNDING: Final = (store.NEGOTIATING, store.AGREED)
QUOTED: Final = ("convert_now", "lock")
"""Policies that take a quote at funding."""
QUOTES_MAX: Final = 32
"""Quotes of one trade that are kept as evidence."""


class Funding:
    """Quotes and funding, at the importer's bank."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def request_quotes(self, session: Session, reference: str, actor: Actor, now_s: int) -> Trade:
        """Ask every FX provider for a firm quote; while quotes of the last request live, that request stands.

        Before signing too, so that the importer sees what it will need: a quote of a version counts for that one only.

        Raises:
            WrongStateError: funded or over, an account is still open, or the policy needs no quote at funding.
        """
        trade, document = self._importers(session, reference, actor, BEFORE_FUNDING)
        self._require_conversion(document)
        if trade.trade_id is None:
            raise WrongStateError("accounts", "every account filled in by its bank", document.open_accounts()[0])
        if trade.quote_request is not None and self._desk.quotes.taker.offers(session, trade.quote_request, now_s):
            return trade
        self._require_in_time(document, now_s)
        request_id = f"{reference}/{trade.version}/{secrets.token_hex(4)}"
        self._desk.quotes.taker.ask(
            session,
            Ask(
                request_id=request_id,
                taker=document.importer.account or "",
                sell_currency=document.funding.currency,
                buy_currency=document.invoice.currency,
                buy_minor=document.amount_minor,
                trade_id=trade.trade_id,
                lock_until_s=document.hold_expires_at_s if document.funding.policy == "lock" else None,
            ),
            now_s,
        )
        trade.quote_request = request_id
        return trade

    def offers(self, session: Session, reference: str, actor: Actor, now_s: int) -> list[Offer]:
        """Return the live quotes of the latest request, the cheapest first."""
        trade = self._desk.trade_of(session, reference, actor)
        return self._desk.quotes.taker.offers(session, self._request_of(trade), now_s)

    def declined(self, session: Session, reference: str, actor: Actor) -> list[tuple[str, str]]:
        """Return (provider, reason) of those who gave no quote."""
        trade = self._desk.trade_of(session, reference, actor)
        return self._desk.quotes.taker.declined(session, self._request_of(trade))

    def accept(self, session: Session, reference: str, actor: Actor, digest: bytes | None, now_s: int) -> Offer:
        """Take a quote: the cheapest all in, unless `digest` names another."""
        trade, document = self._importers(session, reference, actor)
        self._require_conversion(document)
        return self._desk.quotes.taker.accept(session, self._request_of(trade), digest, now_s)

    def fund(self, session: Session, reference: str, actor: Actor, now_s: int) -> Trade:
        """Sign the importer's holds and queue the one transaction that starts the trade.

        Asking again while it is on its way changes nothing.

        Raises:
            WrongStateError: not agreed, funded already, or the time to fund is over.
            NoQuoteError, QuoteExpiredError: a quote has to be taken first.
            TermsRejectedError: the median has left the band of a float.
            UnavailableError: no median is usable now.
        """
        trade = self._desk.trade_of(session, reference, actor)
        if trade.state == store.FUNDING:
            return trade
        trade, document = self._importers(session, reference, actor)
        self._require_in_time(document, now_s)
        struct = doc.build_struct(document, self._desk.deployment)
        consents = [self._consent(session, trade, side) for side in SIDES]
        placing = _Placing(session, trade, document, actor, document.fund_by_s, now_s)
        match document.funding.policy:
            case "convert_now":
                hold, conversion = self._converted(placing)
            case "lock":
                hold, conversion = self._locked(placing)
            case "float":
                hold, conversion = self._floated(placing), []
            case _:
                hold, conversion = self._held(placing, document.invoice.currency, document.amount_minor), []
        outbox.enqueue(
            session,
            contract=ESCROW,
            function=FUND,
            args=(struct, *consents, hold, conversion),
            reference=f"{PREFIX}{reference}:{FUND}",
        )
        trade.state, trade.fund_failure = store.FUNDING, None
        trade.fund_attempts += 1
        return trade

    def on_outcome(self, session: Session, row: OutboxRow, reference: str) -> None:
        """Book a refused funding; a confirmed one is told by the event itself."""
        trade = self._desk.trade(session, reference)
        if row.state == outbox.FAILED and trade.state == store.FUNDING:
            trade.state, trade.fund_failure = store.AGREED, row.reason

    def share_quotes(self, session: Session, trade: Trade, to: str, block: int) -> None:
        """Send the quotes of a funded trade: to the exporter's bank, from there to assignees'; evidence needs them."""
        rows = quotes_of(session, trade.trade_id or b"")
        if rows:
            body = {
                "reference": trade.reference,
                "quotes": [{"quote": row.quote, "signature": hex_of(row.signature)} for row in rows],
                "block": block,
            }
            message_id = f"trade-quotes/{trade.reference}/{to}/{block}"
            self._desk.messages.send(
                session, to=to, kind=QUOTES, message_id=message_id, body=body, thread=trade.reference
            )

    def on_quotes(self, session: Session, message: Message) -> None:
        """Keep the quotes that the importer's bank chose from.

        Raises:
            OfferRejectedError: a sender that does not share them, or what it sends is no list of quotes.
            UnavailableError: the block that they rest on is not followed here yet.
        """
        require_followed(session, message.body.get("block"))
        trade = self._desk.trade(session, text_of(message.body.get("reference"), "reference"))
        sender = trade.importer_bank if self._desk.own_sides(trade) else trade.exporter_bank
        if message.sender != sender:
            raise OfferRejectedError("sender", sender, message.sender)
        entries = message.body.get("quotes")
        if not isinstance(entries, list) or len(entries) > QUOTES_MAX:
            raise OfferRejectedError("quotes", f"a list of at most {QUOTES_MAX}", type(entries).__name__)
        for position, entry in enumerate(entries):
            path = f"quotes.{position}"
            if not isinstance(entry, dict):
                raise OfferRejectedError(path, "an object", type(entry).__name__)
            quote = from_json("Quote", entry.get("quote"), f"{path}.quote")
            signature = signature_of(entry.get("signature"), f"{path}.signature")
            self._keep_quote(session, trade, quote, signature)

    def _keep_quotes(self, session: Session, trade: Trade) -> None:
        taker = self._desk.quotes.taker
        for quote, signature in taker.signed_quotes(session, self._request_of(trade))[:QUOTES_MAX]:
            self._keep_quote(session, trade, quote, signature)

    def _keep_quote(self, session: Session, trade: Trade, quote: dict[str, Any], signature: bytes) -> None:
        digest = typed_data.digest(self._desk.deployment.domain("FxSettlement"), "Quote", quote)
        session.merge(
            TradeQuote(trade_id=trade.trade_id, digest=digest, quote=to_json("Quote", quote), signature=signature)
        )

    def _importers(
        self, session: Session, reference: str, actor: Actor, states: tuple[str, ...] = (store.AGREED,)
    ) -> tuple[Trade, TermsDocument]:
        """Return a trade in one of these states that `actor` may fund."""
        trade = self._desk.trade_of(session, reference, actor)
        self._desk.acting_side(trade, actor, "importer")
        if trade.state not in states:
            raise WrongStateError("state", "a trade that both sides have signed and nobody has funded", trade.state)
        return trade, self._desk.document(session, trade)

    def _require_conversion(self, document: TermsDocument) -> None:
        if document.funding.policy not in QUOTED:
            expected = "convert_now or lock; this trade needs no quote to be funded"
            raise WrongStateError("funding.policy", expected, document.funding.policy)

    def _require_in_time(self, document: TermsDocument, now_s: int) -> None:
        if now_s > document.fund_by_s:
            expected = f"ledger time up to {doc.shown_time(document.fund_by_s)}; counter with a later one"
            raise TermsRejectedError("fund_by", expected, doc.shown_time(now_s))

    def _request_of(self, trade: Trade) -> str:
        if trade.quote_request is None:
            raise WrongStateError("quotes", "a request for quotes; ask first", "none")
        return trade.quote_request

    def _consent(self, session: Session, trade: Trade, side: str) -> dict[str, Any]:
        consent = session.get_one(Consent, (trade.reference, trade.version, side, CONSENT_TYPE))
        return {"valid_until": consent.valid_until_s, "action": consent.action, "signature": consent.signature}

    def _converted(self, placing: "_Placing") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the invoice amount's hold and what buys it."""
        offer = self._taken(placing)
        document = placing.document
        paying = self._held(placing, document.funding.currency, offer.sell_minor, placing.now_s + SELL_HOLD_S)
        hold = self._held(placing, document.invoice.currency, document.amount_minor)
        return hold, [_conversion(offer, paying)]

    def _locked(self, placing: "_Placing") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the hold of price and premium, and the lock with its provider's hold."""
        offer, document = self._taken(placing), placing.document
        try:
            doc.funding_slices(document, offer.sell_minor)
        except FxRejectedError as error:
            expected = "a price of which every milestone gets a part; fewer milestones, or another quote"
            raise TermsRejectedError("milestones.weight_bps", expected, str(error)) from error
        if offer.hold is None:
            raise WrongStateError("quote", "a lock with its provider's hold; ask again", hex_of(offer.digest))
        hold = self._held(placing, document.funding.currency, offer.paid_minor, salt=offer.digest)
        return hold, [_conversion(offer, offer.hold)]

    def _floated(self, placing: "_Placing") -> dict[str, Any]:
        """Return the hold of the slices, if the present median lies within the band."""
        document = placing.document
        require_within_band(self._desk, placing.session, document, placing.now_s)
        return self._held(placing, document.funding.currency, sum(doc.funding_slices(document)))

    def _taken(self, placing: "_Placing") -> Offer:
        """Return the accepted quote; what is signed for it counts no longer than it, and its rivals are kept."""
        request_id = self._request_of(placing.trade)
        offer = self._desk.quotes.taker.accepted(placing.session, request_id, placing.now_s)
        if offer.quote["trade_id"] != placing.trade.trade_id:
            raise WrongStateError("quote", "a quote for this version of the terms; ask again", hex_of(offer.digest))
        placing.valid_until = min(placing.valid_until, offer.expires_at_s)
        self._keep_quotes(placing.session, placing.trade)
        return offer

    def _held(
        self,
        placing: "_Placing",
        currency: str,
        amount: int,
        expires_at: int | None = None,
        *,
        salt: bytes | None = None,
    ) -> dict[str, Any]:
        """Return a SignedHold of the importer for the escrow, with the trade as reference.

        Args:
            salt: A lock's quote, so that the hold serves no other one; random where it is None.
        """
        trade, document = placing.trade, placing.document
        message: typed_data.Message = {
            "owner": document.importer.account,
            "notary": self._desk.deployment.address(ESCROW),
            "amount": amount,
            "expires_at": document.hold_expires_at_s if expires_at is None else expires_at,
            "reference": trade.trade_id,
            "salt": salt or secrets.token_bytes(32),
            "valid_until": placing.valid_until,
        }
        signature = self._desk.participants.sign_typed(
            placing.session,
            signer=trade.importer,
            domain=self._desk.deployment.token_domain(currency),
            primary_type="Hold",
            message=message,
            given_by=placing.actor.name,
            now_s=placing.now_s,
        )
        fields = ("amount", "expires_at", "salt", "valid_until")
        return {**{field: message[field] for field in fields}, "signature": signature}


@dataclass(slots=True)
class _Placing:
    """One funding while its holds are signed."""

    session: Session
    trade: Trade
    document: TermsDocument
    actor: Actor
    valid_until: int
    """Last second of every signature."""
    now_s: int


def require_within_band(desk: Desk, session: Session, document: TermsDocument, now_s: int) -> None:
    """Refuse a float whose agreed rate the present median has left.

    Raises:
        TermsRejectedError: the median lies outside the band.
        UnavailableError: no median is usable now.
    """
    agreed = document.funding.float_
    if agreed is None:
        return
    funding, invoice = document.funding.currency, document.invoice.currency
    median = desk.quotes.medians.median(session, f"{funding}/{invoice}", now_s)
    if agreed.terms.is_within(median.rate):
        return

    def shown(rate: Rate) -> str:
        return major_rate(rate, get_currency(funding), get_currency(invoice)).decimal(RATE_PLACES)

    expected = (
        f"the median {shown(median.rate)} {invoice} per {funding} within {agreed.band_bps} basis points, "
        f"{shown(agreed.terms.low)} to {shown(agreed.terms.high)}; counter with the present rate"
    )
    raise TermsRejectedError("funding.float.rate", expected, shown(agreed.rate))


def _conversion(offer: Offer, hold: dict[str, Any]) -> dict[str, Any]:
    return {"quote": offer.quote, "quote_signature": offer.signature, "hold": hold}


def quotes_of(session: Session, trade_id: bytes) -> list[TradeQuote]:
    """Return the quotes kept for a trade, by digest."""
    wanted = select(TradeQuote).where(TradeQuote.trade_id == trade_id).order_by(TradeQuote.digest)
    return list(session.scalars(wanted))
