"""The payment messages of a trade as people read them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from fx.currencies import get_currency
from fx.money import Money
from node.messages import tracker
from node.messages.iso20022.catalogue import IN_FORCE
from node.messages.tracker import Query, Stretch, Track
from node.trades.context import Actor, Desk
from node.trades.errors import UnknownMessageError
from node.trades.payments.store import ISSUED, TradeMessage, messages_of
from node.trades.views.schemas import PaymentMessageOut

_SAME_ID_MAX: Final = 100
"""Senders that may have given one id to messages of theirs."""


def visible_messages(session: Session, desk: Desk, reference: str, actor: Actor) -> Sequence[TradeMessage]:
    """Return what `actor` may see: staff everything, a party what the banks said, a payee what was issued to it.

    Raises:
        UnknownTradeError: no such trade here, or one that is none of the actor's business.
    """
    is_party = bool(desk.sides_of(desk.trade(session, reference), actor))
    found = [
        row
        for row in messages_of(session, reference)
        if actor.customer is None or row.partner == actor.customer or (is_party and row.direction != ISSUED)
    ]
    if not found:
        desk.trade_of(session, reference, actor)
    return found


def visible_message(session: Session, desk: Desk, reference: str, actor: Actor, number: int) -> TradeMessage:
    """Return one of them, or raise UnknownMessageError."""
    for row in visible_messages(session, desk, reference, actor):
        if row.id == number:
            return row
    raise UnknownMessageError(number)


def shown_message(session: Session, row: TradeMessage) -> PaymentMessageOut:
    """Return a message with where it is now."""
    track = _track(session, row)
    protection = {} if track is None else track.protection or {}
    amount = None
    if row.amount_minor is not None and row.currency is not None:
        amount = str(Money(row.amount_minor, get_currency(row.currency)))
    return PaymentMessageOut(
        number=row.id,
        direction=row.direction,
        partner=row.partner,
        kind=row.kind,
        name=IN_FORCE[row.kind],
        message_id=row.message_id,
        uetr=row.uetr,
        milestone=row.milestone,
        amount=amount,
        status=row.status,
        reason=row.reason,
        time_s=row.time_s,
        state=row.direction if track is None else track.state,
        state_reason=None if track is None else track.reason,
        signed_with=protection.get("alg"),
        sealed_with=protection.get("kem"),
    )


def _track(session: Session, row: TradeMessage) -> Track | None:
    """Return what outbox or inbox know of a message; None of one for a customer, which fetches it here."""
    found = tracker.find(session, Query(message_id=row.message_id), Stretch(_SAME_ID_MAX))
    return next((one for one in found if (one.direction, one.peer) == (row.direction, row.partner)), None)
