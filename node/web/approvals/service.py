"""Proposals: held when one person may not act alone, decided once by another.

The limits say up to which amount of a currency one person may act alone; where they say nothing, nobody may. What has
no amount (keys, people, limits) always takes two. Customers' orders are checked by their bank.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from fastapi.encoders import jsonable_encoder
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from node.audit.log import Origin
from node.storage.cursor import booked_until_s
from node.storage.errors import UnknownRowError
from node.web.approvals.store import AloneLimitRow, ProposalRow
from node.web.auth import Principal
from node.web.errors import (
    NotPermittedError,
    OwnProposalError,
    ProposalStateError,
    TooManyProposalsError,
)
from node.web.events import publish
from node.web.limits import PROPOSAL_LIFETIME_S, PROPOSALS_KEPT_S, PROPOSALS_OPEN_MAX, SUMMARY_CHARS_MAX
from node.web.permissions import CHECKED_BY, Permission, Role

# Asked at every change, so made once.
_MADE: Final = select(ProposalRow).where(ProposalRow.maker == bindparam("maker"), ProposalRow.key == bindparam("key"))
OPEN: Final = "open"
DONE: Final = "done"
REJECTED: Final = "rejected"
WITHDRAWN: Final = "withdrawn"
EXPIRED: Final = "expired"


@dataclass(frozen=True, slots=True)
class Stake:
    """What is at stake in a request."""

    summary: str
    """As a checker reads it."""
    amount_minor: int | None = None
    """None: it always takes two."""
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may have to wait, as it came."""

    permission: Permission
    principal: Principal
    key: str
    fingerprint: bytes
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    origin: Origin


def takes_two(session: Session, asked: Asked, stake: Stake) -> bool:
    """Tell whether a second person has to approve."""
    if asked.principal.may(Permission.ACT_ALONE):
        return False
    if stake.amount_minor is None or stake.currency is None:
        return True
    limit = session.get(AloneLimitRow, (str(asked.permission), stake.currency))
    return limit is None or stake.amount_minor > limit.amount_minor


def find(session: Session, maker: str, key: str) -> ProposalRow | None:
    """Return the proposal that was made under this key."""
    return session.scalar(_MADE, {"maker": maker, "key": key})


def hold(session: Session, asked: Asked, stake: Stake, effect: Callable[[Session], Any], now_s: int) -> ProposalRow:
    """Keep a request until another person decides.

    It is tried first, and undone: what cannot be done is told to its maker, not to the checker days later.

    Raises:
        TooManyProposalsError: the maker has too many that wait.
        Exception: whatever the effect raises.
    """
    waiting = select(func.count()).where(
        ProposalRow.maker == asked.principal.name, ProposalRow.state == OPEN, ProposalRow.expires_at_s > now_s
    )
    if (session.scalar(waiting) or 0) >= PROPOSALS_OPEN_MAX:
        raise TooManyProposalsError(PROPOSALS_OPEN_MAX)
    preview = None if stake.amount_minor is None else _try(session, effect)
    row = ProposalRow(
        id=secrets.token_hex(16),
        state=OPEN,
        permission=str(asked.permission),
        summary=stake.summary[:SUMMARY_CHARS_MAX],
        currency=stake.currency,
        amount_minor=stake.amount_minor,
        maker=asked.principal.name,
        actor=asked.principal.actor,
        customer=asked.principal.customer_id,
        roles=sorted(asked.principal.roles),
        scopes=None if asked.principal.scopes is None else sorted(asked.principal.scopes),
        key=asked.key,
        fingerprint=asked.fingerprint,
        method=asked.method,
        path=asked.path,
        query=asked.query,
        headers=asked.headers,
        body=asked.body,
        preview=preview,
        origin=asdict(asked.origin),
        made_at_s=now_s,
        expires_at_s=now_s + PROPOSAL_LIFETIME_S,
    )
    session.add(row)
    session.flush()
    _tell(session, row, "made")
    return row


def get(session: Session, proposal_id: str, principal: Principal) -> ProposalRow:
    """Return a proposal that the caller may see: staff any, a customer's people its own.

    Raises:
        UnknownRowError: there is none.
    """
    row = session.get(ProposalRow, proposal_id)
    if row is None or principal.customer_id not in (None, row.customer):
        raise UnknownRowError("proposal", proposal_id)
    return row


def state_of(row: ProposalRow, now_s: int) -> str:
    """Return the state of a proposal now."""
    return EXPIRED if row.state == OPEN and now_s >= row.expires_at_s else row.state


def check_may_decide(row: ProposalRow, checker: Principal) -> None:
    """Raise unless this person may approve or reject a proposal.

    Raises:
        NotPermittedError: the table gives the checker's permission to others.
        OwnProposalError: it is the maker's own.
    """
    permission = CHECKED_BY[Permission(row.permission)]
    if checker.customer_id is not None or not checker.may(permission):
        raise NotPermittedError(permission, checker.roles)
    # A devnet's token stands for the whole institution: it has made what any of its people made.
    if checker.actor is None or checker.actor == row.actor:
        raise OwnProposalError(row.id)


def check_open(row: ProposalRow, now_s: int) -> None:
    """Raise ProposalStateError unless a proposal waits for a decision."""
    state = state_of(row, now_s)
    if state != OPEN:
        raise ProposalStateError(row.id, state)


def decide(session: Session, row: ProposalRow, state: str, by: str, now_s: int, reason: str | None = None) -> None:
    """Let a proposal be `done`, `rejected` or `withdrawn`; what it carried is kept no longer."""
    check_open(row, now_s)
    row.state, row.checker, row.decided_at_s, row.reason, row.body = state, by, now_s, reason, None
    session.flush()
    _tell(session, row, state)


def withdraw_of(session: Session, actor: str, reason: str, now_s: int) -> int:
    """Withdraw what somebody has proposed who may no longer act; return how many there were."""
    rows = session.scalars(select(ProposalRow).where(ProposalRow.actor == actor, ProposalRow.state == OPEN)).all()
    for row in rows:
        if state_of(row, now_s) == OPEN:
            decide(session, row, WITHDRAWN, actor, now_s, reason)
    return len(rows)


def sweep_proposals(session: Session, now_s: int) -> None:
    """Delete proposals that were decided, or expired, long ago: the audit log has what they changed."""
    session.execute(delete(ProposalRow).where(ProposalRow.expires_at_s <= now_s - PROPOSALS_KEPT_S))


def maker_of(row: ProposalRow, institution_id: str) -> Principal:
    """Return who made a proposal, as they were authenticated then."""
    return Principal(
        institution_id=institution_id,
        customer_id=row.customer,
        roles=frozenset(Role(role) for role in row.roles),
        actor=row.actor,
        scopes=None if row.scopes is None else frozenset(Permission(scope) for scope in row.scopes),
    )


def limits(session: Session) -> Sequence[AloneLimitRow]:
    """Return the amounts up to which one person may act alone."""
    return session.scalars(select(AloneLimitRow).order_by(AloneLimitRow.permission, AloneLimitRow.currency)).all()


def set_limit(session: Session, permission: Permission, currency: str, amount_minor: int) -> AloneLimitRow:
    """Let one person act alone up to an amount; 0 takes two for everything."""
    row = session.get(AloneLimitRow, (str(permission), currency))
    if row is None:
        row = AloneLimitRow(permission=str(permission), currency=currency, amount_minor=amount_minor)
        session.add(row)
    row.amount_minor = amount_minor
    session.flush()
    return row


def _tell(session: Session, row: ProposalRow, what: str) -> None:
    """Tell checkers that something waits, and makers what became of it."""
    body = {"proposal": row.id, "permission": row.permission, "maker": row.maker}
    publish(session, kind=f"proposal.{what}", owner=row.customer, body=body, time_s=booked_until_s(session))


def _try(session: Session, effect: Callable[[Session], Any]) -> Any:
    """Return what the effect would be answered with, and undo it."""
    attempt = session.begin_nested()
    try:
        return json.loads(json.dumps(jsonable_encoder(effect(session))))
    finally:
        attempt.rollback()
        session.expire_all()
