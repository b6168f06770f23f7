"""Ending a funded trade by both sides' will; a lock's provider agrees too, or is paid the quote's cancel fee."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.orm import Session

from node.messages.ports import Message
from node.quotes.wire import text_of
from node.storage.cursor import booked_until_s
from node.trades import store
from node.trades.context import SIDES, Actor, Desk
from node.trades.errors import OfferRejectedError, RejectedError, WrongStateError
from node.trades.motions.asking import Answer
from node.trades.motions.collecting import CANCEL as CANCEL_TYPE
from node.trades.motions.collecting import Motions, consent_of, signature_body
from node.trades.store import FxLeg, Motion, MotionSignature, Trade

CANCEL: Final = "trades.cancel"
NAME: Final = "cancel"


class Cancelling:
    """Cancellations, at both banks."""

    def __init__(self, desk: Desk, motions: Motions) -> None:
        self._desk = desk
        self._motions = motions
        motions.register(CANCEL_TYPE, self._call)

    def cancel(
        self,
        session: Session,
        reference: str,
        actor: Actor,
        side: str | None,
        now_s: int,
        *,
        ask_provider: bool = False,
    ) -> Trade:
        """Sign the cancellation for one side; with both sides' signatures it is sent.

        Args:
            ask_provider: Of a lock, said by the importer: wait for its provider to agree, which spares the cancel
                fee. Said without it again, the cancellation goes without the provider and the fee is paid.

        Raises:
            WrongStateError: the trade is not funded, or closed.
            RejectedError: there is no provider, or another than the importer asks it.
        """
        trade = self._desk.trade_of(session, reference, actor)
        signer = self._desk.acting_side(trade, actor, side)
        if trade.state != store.FUNDED:
            raise WrongStateError("state", "a funded trade; withdraw one that is not funded yet", trade.state)
        self._check_provider(session, trade, signer, ask_provider)
        motion = self._motions.find(session, trade, NAME)
        if motion is not None and motion.state == store.QUEUED:
            return trade
        motion = self._motions.put(session, trade, NAME, CANCEL_TYPE, {}, signer, now_s)
        if signer == "importer":
            motion.ask_provider = ask_provider
        row = self._motions.sign(session, trade, motion, self._desk.customer_of(trade, signer), actor.name, now_s)
        self._desk.tell(
            session,
            trade,
            CANCEL,
            f"cancel/{reference}/{signer}/{row.action}",
            {"reference": reference, "side": signer, "signed": signature_body(row)},
        )
        self._motions.proceed(session, trade, motion, now_s)
        return trade

    def on_cancel(self, session: Session, message: Message) -> None:
        """Take the other side's signature; the importer's bank sends the transaction once all is there."""
        body, now_s = message.body, booked_until_s(session)
        trade = self._desk.trade(session, text_of(body.get("reference"), "reference"))
        side = text_of(body.get("side"), "side", length_max=8)
        document = self._desk.document(session, trade)
        if side not in SIDES or document.side(side).bank != message.sender:
            raise OfferRejectedError("side", f"the side whose bank is {message.sender}", side)
        answer = Answer.parse(body.get("signed"))
        if answer.account != document.side(side).account:
            raise OfferRejectedError("account", f"the {side}'s, {document.side(side).account}", answer.account)
        motion = self._motions.find(session, trade, NAME)
        if motion is not None and motion.state == store.QUEUED:
            return
        motion = self._motions.put(session, trade, NAME, CANCEL_TYPE, {}, side, now_s)
        self._motions.take(session, trade, motion, answer, message.sender, now_s)
        self._motions.proceed(session, trade, motion, now_s)

    def _check_provider(self, session: Session, trade: Trade, signer: str, ask_provider: bool) -> None:
        if not ask_provider:
            return
        leg = session.get(FxLeg, trade.trade_id)
        if leg is None or leg.provider is None:
            raise RejectedError("ask_provider", "false, as no provider holds anything for this trade", "true")
        if signer != "importer":
            raise RejectedError("ask_provider", "false: the importer pays the fee, so the importer asks", "true")

    def _call(
        self, session: Session, trade: Trade, motion: Motion, given: Mapping[str, MotionSignature]
    ) -> tuple[str, tuple[Any, ...]]:
        consents: dict[str, list[dict[str, Any]]] = {"importer": [], "holder": [], "provider": []}
        for signer in self._motions.signers(session, trade, motion):
            consents[signer.role].append(consent_of(given[signer.account]))
        return "cancel", (consents["importer"][0], consents["holder"], consents["provider"])
