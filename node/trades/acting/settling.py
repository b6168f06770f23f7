"""Settling a final milestone: the ordinary payment, a float's conversion at a chosen quote, and the last resort.

Under `float` the importer chooses the quote for a while, the exporter's side where the slice pays less than is owed;
afterwards anyone brings one, if no call for a top-up could still mend it. What the payees will get is computed here as
the contract computes it, at the median this desk knows; the contract decides at the median of its own time.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy.orm import Session

from contracts.trade_transitions import Policy, State
from fx.errors import FxError
from fx.reprice import Settlement, settle
from node.quotes.errors import NoQuoteError, QuoteExpiredError, QuoteRefusedError
from node.quotes.offers import Offer
from node.quotes.settlement import settlement_ask
from node.quotes.wire import hex_of
from node.trades.acting.acts import Acts
from node.trades.acting.duties import LAST_RESORT, SETTLE, Duties
from node.trades.context import Actor
from node.trades.errors import NotPermittedError, WrongStateError
from node.trades.standing.milestones import Standing
from node.trades.standing.rates import float_part, is_call_possible, is_call_running, pair_of, policy_of
from node.trades.store import FxLeg, MilestoneRow, Trade
from node.trades.terms.document import TermsDocument

QUOTES_LIVE_S: Final = 600
"""How long a request for quotes stands before the watch asks again."""
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Conversion:
    """A live quote with what it makes of a milestone now."""

    offer: Offer
    settlement: Settlement | None
    """None where this quote settles nothing."""
    refusal: str | None
    """Why not."""

    @property
    def chooser(self) -> Literal["importer", "exporter"]:
        """Whose choice it is: `importer`, or `exporter` where the payees would get less than is owed."""
        return "exporter" if self.settlement is not None and self.settlement.is_short else "importer"


class Settling:
    """Settlements, at either bank."""

    def __init__(self, acts: Acts, duties: Duties) -> None:
        self._acts = acts
        self._desk = acts.desk
        self._duties = duties

    # What parties ask for

    def request_quotes(self, session: Session, reference: str, index: int, actor: Actor, now_s: int) -> Trade:
        """Ask every FX provider for a quote that settles a final milestone; live ones of the last request stand.

        Raises:
            WrongStateError: not a float, not final, or nothing to pay.
            UnavailableError: no median is usable now; the last resort needs none.
        """
        trade, document = self._acts.funded(session, reference, actor)
        found = self._payable(session, trade, document, index, now_s)
        request = found.row.quote_request
        if request is None or not self._desk.quotes.taker.offers(session, request, now_s):
            self._ask(session, trade, document, found, now_s)
        return trade

    def conversions(self, session: Session, reference: str, index: int, actor: Actor, now_s: int) -> list[Conversion]:
        """Return the live quotes of this bank's latest request, what pays the most for the least first."""
        trade, document = self._acts.funded(session, reference, actor)
        found = self._payable(session, trade, document, index, now_s)
        self.quote_request(session, trade, index)
        return self._conversions(session, document, found, now_s)

    def quote_request(self, session: Session, trade: Trade, index: int) -> str:
        """Return this bank's latest request for quotes to settle a milestone.

        Raises:
            WrongStateError: it has not asked yet.
        """
        found = session.get_one(MilestoneRow, (trade.trade_id, index)).quote_request
        if found is None:
            raise WrongStateError("quotes", "a request for quotes; ask first", "none")
        return found

    def settle(
        self,
        session: Session,
        reference: str,
        index: int,
        actor: Actor,
        now_s: int,
        *,
        quote: bytes | None = None,
        least: int | None = None,
        side: str | None = None,
    ) -> Trade:
        """Settle a final milestone; under `float` at the quote that this side chooses, the best unless named.

        Args:
            least: The fewest minor units of the invoice currency that the chooser takes for it; what the quote pays
                now unless stated, where the slice is short.

        Raises:
            NotPermittedError: under `float`, the choice is the other side's.
            NoQuoteError, QuoteExpiredError, QuoteRefusedError: no live quote settles it, or not the named one.
            WrongStateError: the milestone is not final.
        """
        trade, document = self._acts.funded(session, reference, actor)
        name = f"{SETTLE}:{index}"
        if self._acts.is_under_way(session, trade, name):
            return trade
        found = self._final(session, trade, index, now_s)
        if policy_of(document) is not Policy.FLOAT or found.share_bps == 0:
            self._acts.send(session, trade, name, "settle", (index, self._acts.payees(document)))
            return trade
        chosen = _chosen(self._conversions(session, document, found, now_s), quote)
        settlement = _settled(chosen)
        acting, signer = self._acts.party(
            session, trade, document, found.row, actor, side or self._one_side(trade, actor, chosen)
        )
        if acting != chosen.chooser:
            why = (
                "the slice is short, so the exporter's side"
                if settlement.is_short
                else "the importer, as it pays in full"
            )
            raise NotPermittedError("side", f"{why} chooses the quote", acting)
        floor = least if least is not None else settlement.paid if settlement.is_short else 0
        content = {"quote": chosen.offer.digest, "least": floor}
        signed = self._acts.sign_about_milestone(
            session, trade, found.row, signer, "ChooseQuote", content, actor, now_s
        )
        choice = [{"least": floor, "consent": signed.consent}]
        self._acts.send(session, trade, name, "settle_float", self._float_args(document, found, chosen, choice))
        return trade

    def last_resort(self, session: Session, reference: str, index: int, actor: Actor, now_s: int) -> Trade:
        """Pay a final milestone without quote or fresh median, once its time has come.

        Raises:
            WrongStateError: not final, nothing to pay, too early, or a call for a top-up runs.
        """
        trade, document = self._acts.funded(session, reference, actor)
        name = f"{LAST_RESORT}:{index}"
        if self._acts.is_under_way(session, trade, name):
            return trade
        found = self._final(session, trade, index, now_s)
        if found.share_bps == 0:
            raise WrongStateError("milestone", "one that pays something; settle refunds this one", "a refund")
        if not self.is_last_resort_open(trade, document, found, now_s):
            opens_s = (found.final_at_s or 0) + document.windows.grace_s + 1
            raise WrongStateError(
                "time", f"ledger time from {opens_s}, or the hold's last day; settle it instead", now_s
            )
        if self._waits_for_call(session, trade, document, now_s):
            raise WrongStateError("call", "no call for a top-up that runs; wait for its end", "one that runs")
        self._acts.send(session, trade, name, LAST_RESORT, (index, self._acts.payees(document)))
        return trade

    # What the watch does

    def settle_due(self, session: Session, trade: Trade, document: TermsDocument, found: Standing, now_s: int) -> None:
        """Settle a final milestone that is paid or refunded without any choice."""
        args = (found.row.index, self._acts.payees(document))
        self._duties.do(session, trade, f"{SETTLE}:{found.row.index}", "settle", args, now_s)

    def settle_unchosen(
        self, session: Session, trade: Trade, document: TermsDocument, found: Standing, now_s: int
    ) -> None:
        """Settle a float's milestone after the choice window: ask for quotes, and take the best once it is there.

        Raises:
            UnavailableError: no median is usable now.
        """
        if not self._duties.may_do(session, trade, f"{SETTLE}:{found.row.index}", now_s):
            return
        request = found.row.quote_request
        asked_at_s = None if request is None else self._desk.quotes.taker.request(session, request).asked_at_s
        good = [one for one in self._conversions(session, document, found, now_s) if one.settlement is not None]
        if not good:
            if asked_at_s is None or now_s > asked_at_s + QUOTES_LIVE_S:
                self._ask(session, trade, document, found, now_s)
            return
        if _settled(good[0]).is_short and self._may_be_topped_up(session, trade, document, now_s):
            return
        args = self._float_args(document, found, good[0], [])
        self._duties.do(session, trade, f"{SETTLE}:{found.row.index}", "settle_float", args, now_s)

    def resort_due(self, session: Session, trade: Trade, document: TermsDocument, found: Standing, now_s: int) -> None:
        """Pay a milestone by the last resort, unless a call for a top-up runs."""
        if not self._waits_for_call(session, trade, document, now_s):
            args = (found.row.index, self._acts.payees(document))
            self._duties.do(session, trade, f"{LAST_RESORT}:{found.row.index}", LAST_RESORT, args, now_s)

    def is_last_resort_open(self, trade: Trade, document: TermsDocument, found: Standing, now_s: int) -> bool:
        """Tell whether a final milestone may be paid by the last resort: after its grace, or in the hold's last day."""
        is_over = now_s > (found.final_at_s or 0) + document.windows.grace_s
        return is_over or _is_last_day(trade, document, now_s)

    # Inside

    def _final(self, session: Session, trade: Trade, index: int, now_s: int) -> Standing:
        found = self._acts.milestone(session, trade, index, now_s)
        if found.state is not State.FINAL:
            raise WrongStateError("milestone.state", "final; its windows have to pass first", found.state.name.lower())
        return found

    def _payable(self, session: Session, trade: Trade, document: TermsDocument, index: int, now_s: int) -> Standing:
        """Return a float's final milestone that pays something."""
        if policy_of(document) is not Policy.FLOAT:
            raise WrongStateError("funding.policy", "float; others settle without a quote", document.funding.policy)
        found = self._final(session, trade, index, now_s)
        if found.share_bps == 0:
            raise WrongStateError("milestone", "one that pays something; settle refunds this one", "a refund")
        return found

    def _ask(self, session: Session, trade: Trade, document: TermsDocument, found: Standing, now_s: int) -> None:
        median = self._desk.quotes.medians.median(session, pair_of(document), now_s)
        ask = settlement_ask(
            request_id=f"{trade.reference}/settle/{found.row.index}/{secrets.token_hex(4)}",
            importer=document.importer.account or "",
            trade_id=trade.trade_id or b"",
            currencies=(document.funding.currency, document.invoice.currency),
            terms=float_part(document).terms,
            amount=found.row.amount,
            held=found.row.slice_minor or 0,
            share_bps=found.share_bps,
            median=median.rate,
        )
        self._desk.quotes.taker.ask(session, ask, now_s)
        found.row.quote_request = ask.request_id

    def _conversions(self, session: Session, document: TermsDocument, found: Standing, now_s: int) -> list[Conversion]:
        if found.row.quote_request is None:
            return []
        median = self._desk.quotes.medians.median(session, pair_of(document), now_s)
        terms, converted = float_part(document).terms, []
        for offer in self._desk.quotes.taker.offers(session, found.row.quote_request, now_s):
            settlement, refusal = None, offer.refusal
            try:
                settlement = settle(
                    terms,
                    found.row.amount,
                    found.row.slice_minor or 0,
                    found.share_bps,
                    median=median.rate,
                    quote=offer.all_in,
                )
            except FxError as error:
                refusal = refusal or str(error)
            if settlement is not None and not offer.min_amount <= settlement.paid <= offer.max_amount:
                refusal = refusal or f"amount: expected {offer.min_amount} to {offer.max_amount}, got {settlement.paid}"
            converted.append(Conversion(offer, settlement if refusal is None else None, refusal))
        return sorted(converted, key=_rank)

    def _float_args(
        self, document: TermsDocument, found: Standing, chosen: Conversion, choice: Sequence[dict[str, Any]]
    ) -> tuple[Any, ...]:
        offer = chosen.offer
        return (found.row.index, self._acts.payees(document), offer.quote, offer.signature, list(choice))

    def _one_side(self, trade: Trade, actor: Actor, chosen: Conversion) -> str | None:
        """A bank that has both sides acts for the one whose choice it is."""
        both = len(self._desk.sides_of(trade, actor)) > 1
        return chosen.chooser if both else None

    def _may_be_topped_up(self, session: Session, trade: Trade, document: TermsDocument, now_s: int) -> bool:
        leg = session.get_one(FxLeg, trade.trade_id)
        if is_call_running(leg, now_s):
            return True
        median = self._desk.quotes.medians.median(session, pair_of(document), now_s)
        return is_call_possible(trade, document, float_part(document), leg, median.rate, now_s)

    def _waits_for_call(self, session: Session, trade: Trade, document: TermsDocument, now_s: int) -> bool:
        """Tell whether the last resort waits for a call that runs; in the hold's last day it does not."""
        leg = session.get(FxLeg, trade.trade_id)
        return leg is not None and is_call_running(leg, now_s) and not _is_last_day(trade, document, now_s)


def _is_last_day(trade: Trade, document: TermsDocument, now_s: int) -> bool:
    return now_s + DAY_S > (trade.hold_expires_at_s or document.hold_expires_at_s)


def _rank(one: Conversion) -> tuple[bool, int, int]:
    """What settles before what does not; what pays the most, then what costs the least."""
    if one.settlement is None:
        return (True, 0, 0)
    return (False, -one.settlement.paid, one.settlement.sold)


def _chosen(live: Sequence[Conversion], digest: bytes | None) -> Conversion:
    named = [one for one in live if digest in (None, one.offer.digest)]
    if digest is not None and not named:
        raise QuoteExpiredError("quote", "a live quote of this request; ask again", hex_of(digest))
    good = [one for one in named if one.settlement is not None]
    if digest is None and not good:
        refused = "; ".join(f"{one.offer.provider}: {one.refusal}" for one in named)
        raise NoQuoteError("quotes", "a live firm quote that settles it; ask again", refused or "none")
    if not good:
        raise QuoteRefusedError("quote", "one that settles the milestone; choose another", named[0].refusal or "")
    return good[0]


def _settled(chosen: Conversion) -> Settlement:
    if chosen.settlement is None:
        raise NoQuoteError("quote", "one that settles the milestone", chosen.refusal or "none")
    return chosen.settlement
