"""The taker's side: ask providers, check what they answer, rank it by what it costs all in, take one."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.deployment import Deployment
from fx.checks import BPS
from fx.errors import FxError
from fx.quotes import best_quote, sell_amount, total_cost_percent
from fx.rates import Rate, Rounding, divide
from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Directory, Role
from node.quotes.desk import REQUEST, SPOT, signature_of
from node.quotes.errors import (
    MessageRejectedError,
    NoQuoteError,
    QuoteExpiredError,
    RequestConflictError,
    UnknownRequestError,
)
from node.quotes.keys import QUOTE_CONTEXT, verify_signature_json
from node.quotes.rates import LedgerRates
from node.quotes.store import QuoteOffer, QuoteRequest
from node.quotes.wire import from_json, hex_of, integer_of, text_of
from node.storage.cursor import booked_until_s
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

ZERO_WORD: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Ask:
    """What quotes are asked for."""

    request_id: str
    """Made by the caller; asking again under it changes nothing."""
    taker: str
    """Account that sells and buys."""
    sell_currency: str
    buy_currency: str
    buy_minor: int
    trade_id: bytes | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A firm quote with what it costs, amounts in minor units; satisfies `fx.quotes.Offer`."""

    digest: bytes
    provider: str
    quote: dict[str, Any]
    signature: bytes
    post_quantum: dict[str, Any] | None
    spread_bps: int
    fee_bps: int
    all_in: Rate
    """Minor units bought per minor unit sold."""
    premium: int
    min_amount: int
    max_amount: int
    expires_at_s: int
    sell_minor: int
    """What the taker pays, in all."""
    value_minor: int
    """Of it: the bought amount at mid."""
    spread_minor: int
    """Of it: what the rate costs; negative if better than mid."""
    fee_minor: int
    cost_percent: Fraction
    """All-in against mid, in percent."""


class QuoteTaker:
    """Collects and ranks quotes for this institution's customers."""

    def __init__(
        self, *, deployment: Deployment, directory: Directory, messages: MessageService, rates: LedgerRates
    ) -> None:
        self._deployment = deployment
        self._directory = directory
        self._messages = messages
        self._rates = rates

    def ask(self, session: Session, ask: Ask, now_s: int) -> QuoteRequest:
        """Send the request to every FX provider of the network.

        Raises:
            RequestConflictError: the id was used for another request.
            NoQuoteError: the network has no FX provider.
        """
        found = session.get(QuoteRequest, ask.request_id)
        if found is not None:
            same = (found.taker, found.sell_currency, found.buy_currency, found.buy_minor, found.trade_id)
            if same != (ask.taker, ask.sell_currency, ask.buy_currency, ask.buy_minor, ask.trade_id):
                raise RequestConflictError("request_id", "a new id for another request", ask.request_id)
            return found
        providers = [institution.id for institution in self._directory.with_role(Role.FX_PROVIDER)]
        if not providers:
            raise NoQuoteError("providers", "an FX provider on the network", "none")
        request = QuoteRequest(
            id=ask.request_id,
            taker=ask.taker,
            sell_currency=ask.sell_currency,
            buy_currency=ask.buy_currency,
            buy_minor=ask.buy_minor,
            trade_id=ask.trade_id,
            providers=providers,
            asked_at_s=now_s,
            accepted=None,
        )
        session.add(request)
        for provider in providers:
            self._messages.send(
                session,
                to=provider,
                kind=REQUEST,
                message_id=f"quote-request/{ask.request_id}/{provider}",
                body={
                    "request_id": ask.request_id,
                    "taker": ask.taker,
                    "sell_currency": ask.sell_currency,
                    "buy_currency": ask.buy_currency,
                    "buy_minor": str(ask.buy_minor),
                    "trade_id": None if ask.trade_id is None else hex_of(ask.trade_id),
                },
            )
        session.flush()
        return request

    def on_answer(self, session: Session, message: Message) -> None:
        """Keep a provider's answer; a quote that is not what was asked for is refused."""
        request_id = text_of(message.body.get("request_id"), "request_id", length_max=80)
        request = self.request(session, request_id)
        if message.sender not in request.providers:
            raise MessageRejectedError("sender", "a provider that was asked", message.sender)
        known = select(QuoteOffer).where(QuoteOffer.request_id == request_id, QuoteOffer.provider == message.sender)
        if session.scalar(known) is not None:
            return
        offer = QuoteOffer(
            request_id=request_id,
            provider=message.sender,
            digest=None,
            quote=None,
            signature=None,
            post_quantum=None,
            spread_bps=None,
            reason=None,
            received_at_s=booked_until_s(session),
        )
        if "declined" in message.body:
            offer.reason = text_of(message.body["declined"], "declined", length_max=300)
        else:
            self._check(request, message, offer)
        session.add(offer)

    def request(self, session: Session, request_id: str) -> QuoteRequest:
        """Return a request, or raise UnknownRequestError."""
        found = session.get(QuoteRequest, request_id)
        if found is None:
            raise UnknownRequestError(request_id)
        return found

    def offers(self, session: Session, request_id: str, now_s: int) -> list[Offer]:
        """Return the live firm quotes, the cheapest first; equals in the order they came."""
        request = self.request(session, request_id)
        rows = session.scalars(
            select(QuoteOffer).where(QuoteOffer.request_id == request_id).order_by(QuoteOffer.id)
        ).all()
        found = [self._offer(request, row, now_s) for row in rows if row.quote is not None]
        live = [offer for offer in found if offer.expires_at_s >= now_s]
        return sorted(live, key=lambda offer: offer.sell_minor)

    def signed_quotes(self, session: Session, request_id: str) -> list[tuple[dict[str, Any], bytes]]:
        """Return (message, signature) of every firm quote that came, live or not, in the order they came."""
        rows = session.scalars(
            select(QuoteOffer).where(QuoteOffer.request_id == request_id).order_by(QuoteOffer.id)
        ).all()
        return [(from_json("Quote", row.quote, "quote"), row.signature or b"") for row in rows if row.quote is not None]

    def declined(self, session: Session, request_id: str) -> list[tuple[str, str]]:
        """Return (provider, reason) of those who declined."""
        rows = session.scalars(
            select(QuoteOffer).where(QuoteOffer.request_id == request_id).order_by(QuoteOffer.id)
        ).all()
        return [(row.provider, row.reason) for row in rows if row.reason is not None]

    def accept(self, session: Session, request_id: str, digest: bytes | None, now_s: int) -> Offer:
        """Take a quote, the best one unless `digest` names another; taking it again changes nothing.

        Raises:
            NoQuoteError: no live quote covers the amount.
            QuoteExpiredError: the named quote is over.
        """
        request = self.request(session, request_id)
        live = self.offers(session, request_id, now_s)
        if digest is None:
            try:
                chosen = best_quote(live, request.buy_minor)
            except FxError as error:
                raise NoQuoteError("quotes", "a live firm quote; ask again", "none") from error
        else:
            named = [offer for offer in live if offer.digest == digest]
            if not named:
                raise QuoteExpiredError("quote", "a live quote of this request; ask again", hex_of(digest))
            chosen = named[0]
        request.accepted = chosen.digest
        return chosen

    def accepted(self, session: Session, request_id: str, now_s: int) -> Offer:
        """Return the quote that was taken, live.

        Raises:
            NoQuoteError: none was taken.
            QuoteExpiredError: its time is over.
        """
        chosen = self.taken(session, request_id, now_s)
        if chosen is None:
            raise NoQuoteError("quote", "an accepted quote; accept one first", "none")
        if chosen.expires_at_s < now_s:
            raise QuoteExpiredError("quote", "a live quote; ask again", f"one that expired at {chosen.expires_at_s}")
        return chosen

    def taken(self, session: Session, request_id: str, now_s: int) -> Offer | None:
        """Return the quote that was taken, live or not, None if none was."""
        request = self.request(session, request_id)
        if request.accepted is None:
            return None
        row = session.scalar(select(QuoteOffer).where(QuoteOffer.digest == request.accepted))
        return None if row is None else self._offer(request, row, request.asked_at_s)

    def _check(self, request: QuoteRequest, message: Message, offer: QuoteOffer) -> None:
        quote = from_json("Quote", message.body.get("quote"), "quote")
        provider = self._directory.institution(message.sender)
        wanted = {
            "provider": provider.address,
            "kind": SPOT,
            "sell_token": self._deployment.address(request.sell_currency),
            "buy_token": self._deployment.address(request.buy_currency),
            "taker": request.taker,
            "trade_id": request.trade_id or ZERO_WORD,
            "premium": 0,
        }
        for field, expected in wanted.items():
            if quote[field] != expected:
                raise MessageRejectedError(f"quote.{field}", str(expected), quote[field])
        if not quote["min_amount"] <= request.buy_minor <= quote["max_amount"]:
            raise MessageRejectedError("quote.max_amount", f"a range with {request.buy_minor}", quote["max_amount"])
        for field in ("rate_num", "rate_den"):
            if not 0 < quote[field] < 2**64:
                raise MessageRejectedError(f"quote.{field}", "1 to 2^64 - 1", quote[field])
        if quote["fee_bps"] >= BPS:
            raise MessageRejectedError("quote.fee_bps", f"below {BPS}", quote["fee_bps"])
        digest = typed_data.digest(self._deployment.domain("FxSettlement"), "Quote", quote)
        signature = signature_of(message.body.get("signature"), "signature")
        try:
            signer = secp256k1.recover(digest, signature)
        except PqcRejectedError as error:
            raise MessageRejectedError("signature", "the provider's signature", str(error)) from error
        if signer != provider.address:
            raise MessageRejectedError("signature", f"a signature of {provider.address}", signer)
        post_quantum = message.body.get("post_quantum")
        if post_quantum is not None:
            verify_signature_json(post_quantum, digest, QUOTE_CONTEXT, provider.key_thumbprint, "post_quantum")
        offer.digest, offer.quote, offer.signature = digest, message.body["quote"], signature
        offer.post_quantum = post_quantum
        offer.spread_bps = integer_of(message.body.get("spread_bps"), "spread_bps")

    def _offer(self, request: QuoteRequest, row: QuoteOffer, now_s: int) -> Offer:
        quote = from_json("Quote", row.quote, "quote")
        all_in = Rate(quote["rate_num"], quote["rate_den"])
        mid = self._rates.mid(now_s, request.sell_currency, request.buy_currency)
        sold = sell_amount(all_in, request.buy_minor)
        # Value rounds down and the fee too: what is left is the spread, so that the three add up.
        value = mid.inverse().scaled(request.buy_minor, rounding=Rounding.FLOOR)
        fee = divide(sold * quote["fee_bps"], BPS, rounding=Rounding.FLOOR)
        return Offer(
            digest=row.digest or ZERO_WORD,
            provider=row.provider,
            quote=quote,
            signature=row.signature or b"",
            post_quantum=row.post_quantum,
            spread_bps=row.spread_bps or 0,
            fee_bps=quote["fee_bps"],
            all_in=all_in,
            premium=quote["premium"],
            min_amount=quote["min_amount"],
            max_amount=quote["max_amount"],
            expires_at_s=quote["expires_at"],
            sell_minor=sold,
            value_minor=value,
            spread_minor=sold - value - fee,
            fee_minor=fee,
            cost_percent=total_cost_percent(mid, all_in),
        )
