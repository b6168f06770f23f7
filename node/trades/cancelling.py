"""Ending a funded trade by both parties' will: each side signs `Cancel`, the second signature sends both."""

import secrets
from typing import Any, Final

from sqlalchemy.orm import Session

from node.messages.ports import Message
from node.quotes.wire import bytes_of, hex_of, integer_of, text_of
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.trades import store
from node.trades.agreement import require_signature
from node.trades.context import ESCROW, PREFIX, SIDES, Actor, Desk
from node.trades.errors import OfferRejectedError, WrongStateError
from node.trades.store import Consent, Trade

CANCEL: Final = "trades.cancel"
CANCEL_TYPE: Final = "Cancel"
CANCEL_STEP: Final = "cancel"
CONTRACT_VERSION: Final = 1
"""Version of the terms on chain: amendments, which raise it, come with a later contract."""
VALID_S: Final = 7 * 86_400
"""How long a signature under a cancellation counts."""


class Cancelling:
    """Cancellations, at both banks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def cancel(self, session: Session, reference: str, actor: Actor, side: str | None, now_s: int) -> Trade:
        """Sign the cancellation for one side; with both signatures it is sent. A new signature replaces an old one.

        Raises:
            WrongStateError: the trade is not funded, or closed.
        """
        trade = self._desk.trade_of(session, reference, actor)
        signer = self._desk.acting_side(trade, actor, side)
        if trade.state != store.FUNDED:
            raise WrongStateError("state", "a funded trade; withdraw one that is not funded yet", trade.state)
        if self._is_under_way(session, trade):
            return trade
        message = self._message(trade, now_s + VALID_S, secrets.randbits(62))
        signature = self._desk.participants.sign_typed(
            session,
            signer=self._desk.customer_of(trade, signer),
            domain=self._desk.deployment.domain(ESCROW),
            primary_type=CANCEL_TYPE,
            message=message,
            given_by=actor.name,
            now_s=now_s,
        )
        self._keep(session, trade, signer, message, signature, actor.name, now_s)
        self._desk.tell(
            session,
            trade,
            CANCEL,
            f"cancel/{reference}/{signer}/{message['action']}",
            {
                "reference": reference,
                "side": signer,
                "valid_until": str(message["valid_until"]),
                "action": str(message["action"]),
                "signature": hex_of(signature),
            },
        )
        self._send_if_both(session, trade, now_s)
        return trade

    def on_cancel(self, session: Session, message: Message) -> None:
        """Take the other side's signature; the importer's bank sends the transaction once both are there."""
        body = message.body
        trade = self._desk.trade(session, text_of(body.get("reference"), "reference"))
        side = text_of(body.get("side"), "side", length_max=8)
        document = self._desk.document(session, trade)
        if side not in SIDES or document.side(side).bank != message.sender:
            raise OfferRejectedError("side", f"the side whose bank is {message.sender}", side)
        valid_until = integer_of(body.get("valid_until"), "valid_until")
        signed = self._message(trade, valid_until, integer_of(body.get("action"), "action"))
        signature = bytes_of(body.get("signature"), "signature")
        require_signature(self._desk, CANCEL_TYPE, signed, signature, document.side(side).account or "")
        now_s = booked_until_s(session)
        self._keep(session, trade, side, signed, signature, message.sender, now_s)
        self._send_if_both(session, trade, now_s)

    def _send_if_both(self, session: Session, trade: Trade, now_s: int) -> None:
        """Send when both have signed: the importer's bank does, so that it happens once."""
        found = [session.get(Consent, (trade.reference, trade.version, side, CANCEL_TYPE)) for side in SIDES]
        both = [consent for consent in found if consent is not None and consent.valid_until_s >= now_s]
        is_ours = "importer" in self._desk.own_sides(trade)
        if len(both) < len(SIDES) or not is_ours or self._is_under_way(session, trade):
            return
        signed = [
            {"valid_until": consent.valid_until_s, "action": consent.action, "signature": consent.signature}
            for consent in both
        ]
        outbox.enqueue(
            session,
            contract=ESCROW,
            function="cancel",
            args=(trade.trade_id, signed[0], [signed[1]], []),
            reference=_reference(trade),
        )

    def _is_under_way(self, session: Session, trade: Trade) -> bool:
        """Tell whether a cancellation waits for its block; a refused one may be signed and sent again."""
        rows = outbox.by_reference(session, _reference(trade))
        return any(row.state in (outbox.QUEUED, outbox.SIGNED) for row in rows)

    def _message(self, trade: Trade, valid_until: int, action: int) -> dict[str, Any]:
        return {
            "trade_id": trade.trade_id,
            "version": CONTRACT_VERSION,
            "valid_until": valid_until,
            "action": action,
        }

    def _keep(
        self,
        session: Session,
        trade: Trade,
        side: str,
        message: dict[str, Any],
        signature: bytes,
        given_by: str,
        now_s: int,
    ) -> None:
        session.merge(
            Consent(
                reference=trade.reference,
                version=trade.version,
                side=side,
                kind=CANCEL_TYPE,
                valid_until_s=message["valid_until"],
                action=message["action"],
                signature=signature,
                given_by=given_by,
                signed_at_s=now_s,
            )
        )
        session.flush()


def _reference(trade: Trade) -> str:
    return f"{PREFIX}{trade.reference}:{CANCEL_STEP}"
