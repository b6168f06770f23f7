"""What keeps a float alive when the rate moves: calls for a top-up, top-ups, a later deadline, and the way out."""

from typing import Any, Final

from sqlalchemy.orm import Session

from contracts.trade_transitions import Policy, State
from fx.currencies import get_currency
from fx.money import Money
from fx.rates import Rate
from node.trades.acting.acts import VALID_S, Acts
from node.trades.acting.duties import REPRICE, Duties
from node.trades.context import Actor
from node.trades.errors import NotPermittedError, RejectedError, WrongStateError
from node.trades.standing.milestones import standings
from node.trades.standing.rates import can_call, float_part, is_call_running, missing_minor, pair_of, policy_of
from node.trades.store import FxLeg, Trade
from node.trades.terms import document as doc
from node.trades.terms.checks import least_expiry
from node.trades.terms.document import TermsDocument

TOP_UP: Final = "top_up"
DEFER: Final = "defer"
CLOSE: Final = "close_out_of_band"


class Repricing:
    """Calls and answers, at the bank that keeps the answerer's key; calling is anyone's."""

    def __init__(self, acts: Acts, duties: Duties) -> None:
        self._acts = acts
        self._desk = acts.desk
        self._duties = duties

    def reprice(self, session: Session, reference: str, actor: Actor, now_s: int) -> Trade:
        """Call the importer for what a falling rate has made its slices too small by.

        Raises:
            WrongStateError: a call runs, or none is possible now.
            UnavailableError: no median is usable now.
        """
        trade, document, leg = self._float(session, reference, actor)
        if self._acts.is_under_way(session, trade, REPRICE):
            return trade
        if is_call_running(leg, now_s):
            raise WrongStateError("call", f"none that runs; this one ends at {leg.call_ends_at_s}", "one that runs")
        median = self._median(session, document, now_s)
        current = standings(session, trade, document, now_s)
        if not can_call(trade, document, float_part(document), leg, current, median, now_s):
            expected = (
                "a rate below the band, a slice too small for it, a share of the importer above 0, a call left, the "
                "cool-down over, and time for call and grace before the hold expires"
            )
            raise WrongStateError("call", expected, f"a median of {median.decimal(6)} in minor units")
        self._acts.send(session, trade, REPRICE, REPRICE, ())
        return trade

    def top_up(self, session: Session, reference: str, amount: int | None, actor: Actor, now_s: int) -> Trade:
        """Sign and send that the importer holds more: exactly what the last call asks for, in time or later.

        Args:
            amount: What the importer means to add, minor units of the funding currency; refused unless it is what
                is missing. None: whatever is missing.

        Raises:
            NotPermittedError: `actor` does not act for the importer.
            WrongStateError: nothing is missing.
            RejectedError: another amount than what is missing.
        """
        trade, document, _ = self._float(session, reference, actor)
        signer = self._acts.importer(trade, actor)
        if self._acts.is_under_way(session, trade, TOP_UP):
            return trade
        missing = missing_minor(standings(session, trade, document, now_s))
        if missing == 0:
            raise WrongStateError("top_up", "slices that lack something; there is nothing to top up", "none")
        if amount not in (None, missing):
            raise RejectedError(
                "amount", f"exactly what is missing, {missing} minor units ({_shown(missing, document)})", amount
            )
        hold = self._desk.ledger.hold(session, trade.trade_id or b"", signer, document.funding.currency)
        message: dict[str, Any] = {
            "hold_id": hold.id,
            "amount": hold.rest + missing,
            "expires_at": hold.expires_at_s,
            "valid_until": now_s + VALID_S,
        }
        signature = self._desk.participants.sign_typed(
            session,
            signer=signer,
            domain=self._desk.deployment.token_domain(document.funding.currency),
            primary_type="IncreaseHold",
            message=message,
            given_by=actor.name,
            now_s=now_s,
        )
        self._acts.send(session, trade, TOP_UP, TOP_UP, (missing, message["valid_until"], signature))
        return trade

    def defer(self, session: Session, reference: str, index: int, deadline_s: int, actor: Actor, now_s: int) -> Trade:
        """Sign and send that the exporter's side takes a later deadline (option `wait`, every milestone pending).

        Raises:
            NotPermittedError: `actor` does not act for the exporter's side of the milestone.
            RejectedError: not later, or too late for the hold's expiry.
            WrongStateError: the terms have another option, or a milestone is no longer pending.
        """
        trade, document, _ = self._float(session, reference, actor)
        name = f"{DEFER}:{index}"
        if self._acts.is_under_way(session, trade, name):
            return trade
        found = self._acts.milestone(session, trade, index, now_s)
        signer = self._acts.holder(session, document, found.row, actor)
        self._require_option(session, trade, document, "wait", now_s)
        latest_s = self._latest_deadline(trade, document)
        if not found.row.deadline_s < deadline_s <= latest_s:
            expected = f"after {doc.shown_time(found.row.deadline_s)} and up to {doc.shown_time(latest_s)}"
            raise RejectedError("deadline_s", f"{expected}, as the hold's expiry allows", doc.shown_time(deadline_s))
        content = {"deadline": deadline_s}
        signed = self._acts.sign_about_milestone(session, trade, found.row, signer, "Defer", content, actor, now_s)
        self._acts.send(session, trade, name, DEFER, (index, deadline_s, signed.consent))
        return trade

    def close_out_of_band(self, session: Session, reference: str, actor: Actor, side: str | None, now_s: int) -> Trade:
        """Sign and send that one side ends the trade while the rate stays outside the band (option `refund`).

        The chain compares the last two rounds; a refusal says if one lies within the band.

        Raises:
            NotPermittedError: `actor` is no party, or another bank keeps the key of one on the exporter's side.
            WrongStateError: the terms have another option, a milestone is no longer pending, or the rate is in band.
        """
        trade, document, _ = self._float(session, reference, actor)
        if self._acts.is_under_way(session, trade, CLOSE):
            return trade
        is_holders = bool(self._desk.holdings(session, trade, actor))
        acting = "exporter" if is_holders else self._desk.acting_side(trade, actor, side)
        self._require_option(session, trade, document, "refund", now_s)
        median = self._median(session, document, now_s)
        if float_part(document).terms.is_within(median):
            raise WrongStateError("rate", "a median outside the band in two rounds", median.decimal(6))
        if acting == "importer":
            signers = [self._acts.importer(trade, actor)]
        else:
            signers = self._holders(session, trade, document, actor, now_s)
        consents = [
            self._acts.sign_about_trade(session, trade, signer, "CloseOutOfBand", {}, actor, now_s).consent
            for signer in signers
        ]
        self._acts.send(session, trade, CLOSE, CLOSE, (acting == "importer", consents))
        return trade

    def call_due(self, session: Session, trade: Trade, document: TermsDocument, now_s: int) -> None:
        """Call the importer if that is possible now; for the watch.

        Raises:
            UnavailableError: no median is usable now.
        """
        leg = session.get_one(FxLeg, trade.trade_id)
        if is_call_running(leg, now_s):
            return
        median = self._median(session, document, now_s)
        current = standings(session, trade, document, now_s)
        if can_call(trade, document, float_part(document), leg, current, median, now_s):
            # Each call of a trade is a step of its own, so that one that was done does not stop the next.
            self._duties.do(session, trade, f"{REPRICE}:after-{leg.call_ends_at_s or 0}", REPRICE, (), now_s)

    def _float(self, session: Session, reference: str, actor: Actor) -> tuple[Trade, TermsDocument, FxLeg]:
        trade, document = self._acts.funded(session, reference, actor)
        if policy_of(document) is not Policy.FLOAT:
            raise WrongStateError("funding.policy", "float; other policies fix the rate", document.funding.policy)
        return trade, document, session.get_one(FxLeg, trade.trade_id)

    def _holders(self, session: Session, trade: Trade, document: TermsDocument, actor: Actor, now_s: int) -> list[str]:
        """Return the customers on the exporter's side of unsettled milestones, each once, in order."""
        owners = self._desk.participants.account_names(session)
        found: list[str] = []
        for one in standings(session, trade, document, now_s):
            account = one.row.assignee or document.exporter.account or ""
            if one.state is State.SETTLED:
                continue
            if account not in owners:
                raise NotPermittedError("actor", f"{account} too, at the bank that keeps its key", actor.name)
            found.append(owners[account])
        holders = list(dict.fromkeys(found))
        if actor.customer is not None and holders != [actor.customer]:
            raise NotPermittedError("actor", f"the bank, for {' and '.join(holders)} together", actor.name)
        return holders

    def _require_option(
        self, session: Session, trade: Trade, document: TermsDocument, option: doc.Option, now_s: int
    ) -> None:
        agreed = float_part(document).option
        if agreed != option:
            expected = f"terms with the option {option}; amend them with the other side"
            raise WrongStateError("funding.float.option", expected, agreed)
        for one in standings(session, trade, document, now_s):
            if one.state is not State.PENDING:
                raise WrongStateError(
                    "milestones", "every milestone pending", f"{one.row.kind} {one.state.name.lower()}"
                )

    def _latest_deadline(self, trade: Trade, document: TermsDocument) -> int:
        """Return the last deadline that leaves room for every window before the hold expires."""
        expires_at_s = trade.hold_expires_at_s or document.hold_expires_at_s
        return expires_at_s - least_expiry([0], document.windows)

    def _median(self, session: Session, document: TermsDocument, now_s: int) -> Rate:
        return self._desk.quotes.medians.median(session, pair_of(document), now_s).rate


def _shown(minor: int, document: TermsDocument) -> str:
    return str(Money(minor, get_currency(document.funding.currency)))
