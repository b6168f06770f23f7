"""The taker's side: ask providers, keep what they answer, rank it by what it costs all in, take one."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client.deployment import Deployment
from fx.checks import BPS
from fx.errors import FxError
from fx.quotes import best_quote, percent_text, total_cost_percent
from fx.rates import Rate
from node.messages.ports import Message
from node.messages.service import MessageService
from node.participants.directory import Directory, Role
from node.quotes.errors import (
    MessageRejectedError,
    NoQuoteError,
    QuoteExpiredError,
    QuoteRefusedError,
    RequestConflictError,
    UnavailableError,
    UnknownRequestError,
)
from node.quotes.exposure import ExposureBook
from node.quotes.medians import MedianBook
from node.quotes.offers import ZERO_WORD, check_answer, show_offer
from node.quotes.offers import Offer as Offer
from node.quotes.rates import LedgerRates
from node.quotes.requests import ESCROW, REQUEST, Wanted, request_body
from node.quotes.screening import ReserveScreen, refusal_of
from node.quotes.store import QuoteOffer, QuoteRequest
from node.quotes.wire import from_json, hex_of, text_of
from node.storage.cursor import booked_until_s
from node.web.events import publish


@dataclass(frozen=True, slots=True)
class Ask:
    """What quotes are asked for; amounts in minor units of the bought currency."""

    request_id: str
    """Made by the caller; asking again under it changes nothing."""
    taker: str
    """Account that sells and buys."""
    sell_currency: str
    buy_currency: str
    buy_minor: int
    """What quotes are ranked by."""
    trade_id: bytes | None
    min_minor: int | None = None
    """Least and most that a quote has to cover; `buy_minor` unless stated."""
    max_minor: int | None = None
    lock_until_s: int | None = None
    """Set: a lock that stands ready until then."""
    spread_bps_max: int | None = None
    """Set: a quote counts only if it is at most this far below the oracle's median of sold/bought."""


class QuoteTaker:
    """Collects and ranks quotes for this institution's customers."""

    def __init__(
        self,
        *,
        deployment: Deployment,
        directory: Directory,
        messages: MessageService,
        rates: LedgerRates,
        medians: MedianBook,
        screen: ReserveScreen,
        exposure: ExposureBook,
    ) -> None:
        self._deployment = deployment
        self._directory = directory
        self._messages = messages
        self._rates = rates
        self._medians = medians
        self._screen = screen
        self._exposure = exposure

    def ask(self, session: Session, ask: Ask, now_s: int) -> QuoteRequest:
        """Send the request to every FX provider of the network.

        Raises:
            RequestConflictError: the id was used for another request.
            NoQuoteError: the network has no FX provider.
        """
        found = session.get(QuoteRequest, ask.request_id)
        providers = [institution.id for institution in self._directory.with_role(Role.FX_PROVIDER)]
        if found is None and not providers:
            raise NoQuoteError("providers", "an FX provider on the network", "none")
        request = _request(ask, providers, now_s)
        if found is not None:
            if _asked(found) != _asked(request):
                raise RequestConflictError("request_id", "a new id for another request", ask.request_id)
            return found
        session.add(request)
        body = request_body(ask.request_id, _wanted(ask), self._deployment.address(ESCROW))
        for provider in providers:
            message_id = f"quote-request/{ask.request_id}/{provider}"
            self._messages.send(
                session, to=provider, kind=REQUEST, message_id=message_id, body=body, thread=ask.request_id
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
            check_answer(self._deployment, request, self._directory.institution(message.sender), message, offer)
        session.add(offer)
        told = {"request": request_id, "provider": message.sender, "reason": offer.reason}
        kind = "quote.received" if offer.reason is None else "quote.declined"
        publish(session, kind=kind, owner=None, body=told, time_s=offer.received_at_s)

    def request(self, session: Session, request_id: str) -> QuoteRequest:
        """Return a request, or raise UnknownRequestError."""
        found = session.get(QuoteRequest, request_id)
        if found is None:
            raise UnknownRequestError(request_id)
        return found

    def offers(self, session: Session, request_id: str, now_s: int) -> list[Offer]:
        """Return the live firm quotes: those this bank takes first, then by price, premium included.

        The others say in `refusal` why not. Equals stay in the order they came.
        """
        request = self.request(session, request_id)
        live = select(QuoteOffer).where(QuoteOffer.request_id == request_id, QuoteOffer.expires_at_s >= now_s)
        rows = session.scalars(live.order_by(QuoteOffer.id)).all()
        found = [self._show(session, request, row, now_s, now_s) for row in rows]
        return sorted(found, key=lambda offer: (offer.refusal is not None, offer.paid_minor))

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
            NoQuoteError: no live quote covers the amount, or none that this bank takes; says why.
            QuoteExpiredError: the named quote is over.
            QuoteRefusedError: the named quote is one this bank does not take; says why.
        """
        request = self.request(session, request_id)
        live = self.offers(session, request_id, now_s)
        chosen = _best(live, request.buy_minor) if digest is None else _named(live, digest)
        request.accepted = chosen.digest
        self._exposure.take(session, request, self._row(session, chosen.digest))
        return chosen

    def accepted(self, session: Session, request_id: str, now_s: int) -> Offer:
        """Return the quote that was taken, live and still one this bank takes.

        Raises:
            NoQuoteError: none was taken.
            QuoteExpiredError: its time is over.
            QuoteRefusedError: the median has moved away from it.
        """
        chosen = self.taken(session, request_id, now_s)
        if chosen is None:
            raise NoQuoteError("quote", "an accepted quote; accept one first", "none")
        if chosen.expires_at_s < now_s:
            raise QuoteExpiredError("quote", "a live quote; ask again", f"one that expired at {chosen.expires_at_s}")
        _require_taken(chosen)
        return chosen

    def taken(self, session: Session, request_id: str, now_s: int) -> Offer | None:
        """Return the quote that was taken, live or not, None if none was; its costs as at the time of asking."""
        request = self.request(session, request_id)
        if request.accepted is None:
            return None
        return self._show(session, request, self._row(session, request.accepted), request.asked_at_s, now_s)

    def _row(self, session: Session, digest: bytes) -> QuoteOffer:
        return session.scalars(select(QuoteOffer).where(QuoteOffer.digest == digest)).one()

    def _show(self, session: Session, request: QuoteRequest, row: QuoteOffer, mid_s: int, now_s: int) -> Offer:
        """Return a quote with its costs at the mid rate of `mid_s`, judged at `now_s`."""
        mid = self._rates.mid(mid_s, request.sell_currency, request.buy_currency)
        refusal = refusal_of(self._screen.missing(session, row), row)
        refusal = refusal or self._exposure.refusal(session, request, row.provider)
        shown = show_offer(request, row, mid, refusal)
        if refusal is not None or request.spread_bps_max is None:
            return shown
        pair = f"{request.sell_currency}/{request.buy_currency}"
        return replace(shown, refusal=self._spread_refusal(session, pair, shown.all_in, request.spread_bps_max, now_s))

    def _spread_refusal(self, session: Session, pair: str, all_in: Rate, limit_bps: int, now_s: int) -> str | None:
        """Return why a rate does not keep the spread limit p >= median (1 - s), None if it does."""
        try:
            median = self._medians.median(session, pair, now_s)
        except UnavailableError as error:
            return str(error)
        least = Rate(median.rate.numerator * (BPS - limit_bps), median.rate.denominator * BPS)
        if not all_in.is_below(least):
            return None
        below = percent_text(total_cost_percent(median.rate, all_in), places=4)
        return f"rate: expected at most {percent_text(Fraction(limit_bps, 100))} below the median, got {below}"


def _wanted(ask: Ask) -> Wanted:
    return Wanted(
        taker=ask.taker,
        sell_currency=ask.sell_currency,
        buy_currency=ask.buy_currency,
        buy_minor=ask.buy_minor,
        min_minor=ask.min_minor or ask.buy_minor,
        max_minor=ask.max_minor or ask.buy_minor,
        trade_id=ask.trade_id or ZERO_WORD,
        lock_until_s=ask.lock_until_s,
    )


def _request(ask: Ask, providers: list[str], now_s: int) -> QuoteRequest:
    return QuoteRequest(
        id=ask.request_id,
        taker=ask.taker,
        sell_currency=ask.sell_currency,
        buy_currency=ask.buy_currency,
        buy_minor=ask.buy_minor,
        trade_id=ask.trade_id,
        providers=providers,
        asked_at_s=now_s,
        accepted=None,
        min_minor=ask.min_minor,
        max_minor=ask.max_minor,
        lock_until_s=ask.lock_until_s,
        spread_bps_max=ask.spread_bps_max,
    )


def _asked(request: QuoteRequest) -> tuple[object, ...]:
    """Return what two requests under one id have to agree on."""
    return (
        (request.taker, request.sell_currency, request.buy_currency, request.buy_minor, request.trade_id),
        (request.min_minor, request.max_minor, request.lock_until_s, request.spread_bps_max),
    )


def _best(live: list[Offer], buy_minor: int) -> Offer:
    try:
        return best_quote([offer for offer in live if offer.refusal is None], buy_minor)
    except FxError as error:
        refused = "; ".join(f"{offer.provider}: {offer.refusal}" for offer in live)
        raise NoQuoteError("quotes", "a live firm quote; ask again", refused or "none") from error


def _named(live: list[Offer], digest: bytes) -> Offer:
    named = [offer for offer in live if offer.digest == digest]
    if not named:
        raise QuoteExpiredError("quote", "a live quote of this request; ask again", hex_of(digest))
    _require_taken(named[0])
    return named[0]


def _require_taken(offer: Offer) -> None:
    if offer.refusal is not None:
        raise QuoteRefusedError("quote", "one that this bank takes; choose another or ask again", offer.refusal)
