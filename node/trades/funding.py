"""From signed terms to held money: quotes where the policy needs one, the importer's signed holds, one transaction.

Everything the transaction carries is stored with the decision to send it; a refused one leaves the trade agreed, with
the reason, and may be tried again with a new quote.
"""

import secrets
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.messages.ports import Message
from node.quotes.desk import signature_of
from node.quotes.taker import Ask, Offer
from node.quotes.wire import from_json, hex_of, text_of, to_json
from node.storage import outbox
from node.storage.outbox import OutboxRow
from node.trades import document as doc
from node.trades import store
from node.trades.agreement import CONSENT_TYPE
from node.trades.context import ESCROW, PREFIX, SIDES, Actor, Desk
from node.trades.document import TermsDocument
from node.trades.errors import OfferRejectedError, TermsRejectedError, WrongStateError
from node.trades.store import Consent, Trade, TradeQuote

SELL_HOLD_S: Final = 86_400
"""Length of the hold in the funding currency: it is executed in the transaction that places it."""
FUND: Final = "fund"
QUOTES: Final = "trades.quotes"
QUOTES_MAX: Final = 32
"""Quotes of one trade that are kept as evidence."""


class Funding:
    """Quotes and funding, at the importer's bank."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def request_quotes(self, session: Session, reference: str, actor: Actor, now_s: int) -> Trade:
        """Ask every FX provider for a firm quote; while quotes of the last request live, that request stands.

        Raises:
            WrongStateError: not agreed yet, or the policy converts nothing.
        """
        trade, document = self._importers(session, reference, actor)
        self._require_conversion(document)
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
        """
        trade = self._desk.trade_of(session, reference, actor)
        if trade.state == store.FUNDING:
            return trade
        trade, document = self._importers(session, reference, actor)
        self._require_in_time(document, now_s)
        struct = doc.build_struct(document, self._desk.deployment)
        consents = [self._consent(session, trade, side) for side in SIDES]
        conversion: list[dict[str, Any]] = []
        valid_until = document.fund_by_s
        if document.funding.policy == "convert_now":
            offer = self._desk.quotes.taker.accepted(session, self._request_of(trade), now_s)
            valid_until = min(valid_until, offer.expires_at_s)
            conversion = [self._conversion(session, trade, document, offer, valid_until, actor, now_s)]
            self._keep_quotes(session, trade)
        invoice_hold = self._signed_hold(
            session,
            trade,
            document,
            currency=document.invoice.currency,
            amount=document.amount_minor,
            expires_at=document.hold_expires_at_s,
            valid_until=valid_until,
            actor=actor,
            now_s=now_s,
        )
        outbox.enqueue(
            session,
            contract=ESCROW,
            function=FUND,
            args=(struct, *consents, invoice_hold, conversion),
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

    def share_quotes(self, session: Session, trade: Trade) -> None:
        """Send the quotes of a funded trade to the exporter's bank: its evidence needs them too."""
        rows = quotes_of(session, trade.trade_id or b"")
        if rows:
            self._desk.tell(
                session,
                trade,
                QUOTES,
                f"trade-quotes/{trade.reference}",
                {
                    "reference": trade.reference,
                    "quotes": [{"quote": row.quote, "signature": hex_of(row.signature)} for row in rows],
                },
            )

    def on_quotes(self, session: Session, message: Message) -> None:
        """Keep the quotes that the importer's bank chose from."""
        trade = self._desk.trade(session, text_of(message.body.get("reference"), "reference"))
        if message.sender != trade.importer_bank:
            raise OfferRejectedError("sender", trade.importer_bank, message.sender)
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

    def _importers(self, session: Session, reference: str, actor: Actor) -> tuple[Trade, TermsDocument]:
        """Return an agreed trade that `actor` may fund."""
        trade = self._desk.trade_of(session, reference, actor)
        self._desk.acting_side(trade, actor, "importer")
        if trade.state != store.AGREED:
            raise WrongStateError("state", "a trade that both sides have signed and nobody has funded", trade.state)
        return trade, self._desk.document(session, trade)

    def _require_conversion(self, document: TermsDocument) -> None:
        if document.funding.policy != "convert_now":
            raise WrongStateError("funding.policy", "convert_now; this trade needs no quote", document.funding.policy)

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

    def _conversion(
        self,
        session: Session,
        trade: Trade,
        document: TermsDocument,
        offer: Offer,
        valid_until: int,
        actor: Actor,
        now_s: int,
    ) -> dict[str, Any]:
        hold = self._signed_hold(
            session,
            trade,
            document,
            currency=document.funding.currency,
            amount=offer.sell_minor,
            expires_at=now_s + SELL_HOLD_S,
            valid_until=valid_until,
            actor=actor,
            now_s=now_s,
        )
        return {"quote": offer.quote, "quote_signature": offer.signature, "hold": hold}

    def _signed_hold(
        self,
        session: Session,
        trade: Trade,
        document: TermsDocument,
        *,
        currency: str,
        amount: int,
        expires_at: int,
        valid_until: int,
        actor: Actor,
        now_s: int,
    ) -> dict[str, Any]:
        """Return a SignedHold of the importer for the escrow, with the trade as reference."""
        message: typed_data.Message = {
            "owner": document.importer.account,
            "notary": self._desk.deployment.address(ESCROW),
            "amount": amount,
            "expires_at": expires_at,
            "reference": trade.trade_id,
            "salt": secrets.token_bytes(32),
            "valid_until": valid_until,
        }
        signature = self._desk.participants.sign_typed(
            session,
            signer=trade.importer,
            domain=self._desk.deployment.token_domain(currency),
            primary_type="Hold",
            message=message,
            given_by=actor.name,
            now_s=now_s,
        )
        fields = ("amount", "expires_at", "salt", "valid_until")
        return {**{field: message[field] for field in fields}, "signature": signature}


def quotes_of(session: Session, trade_id: bytes) -> list[TradeQuote]:
    """Return the quotes kept for a trade, by digest."""
    wanted = select(TradeQuote).where(TradeQuote.trade_id == trade_id).order_by(TradeQuote.digest)
    return list(session.scalars(wanted))
