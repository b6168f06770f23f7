"""What a desk does by the clock on the wall: signs its audit log once a day, and forgets what it need not keep."""

import asyncio
from typing import Final

import structlog
from sqlalchemy.orm import Session

from node.audit.heads import Heads
from node.audit.log import Entry, Origin, append
from node.customers.subjects import Subjects
from node.errors import UnavailableError
from node.identity.sessions import sweep_sessions
from node.identity.tries import sweep_tries
from node.notices.personal import sweep_notices
from node.storage.database import Database
from node.web.approvals.service import sweep_proposals
from node.web.clock import Clock, wall_clock

_LOG = structlog.get_logger(__name__)
_LOOK_S: Final = 600.0
_ACTOR: Final = "node"


async def work_daily(database: Database, heads: Heads, subjects: Subjects, clock: Clock = wall_clock) -> None:
    """Look every ten minutes for what is to be done."""
    while True:
        forget(database, subjects, clock())
        try_to_sign(database, heads, clock())
        await asyncio.sleep(_LOOK_S)


def try_to_sign(database: Database, heads: Heads, now_s: int) -> None:
    """Sign what there is to sign; without a usable key it is said in the log and tried again."""
    try:
        with database.transaction() as session:
            head = heads.sign(session, now_s)
    except UnavailableError as error:
        _LOG.warning("audit_head_not_signed", institution=heads.lei, reason=str(error))
        return
    if head is not None:
        _LOG.info("audit_head_signed", institution=heads.lei, day=head.day, number=head.number, hash=head.hash.hex())


def forget(database: Database, subjects: Subjects, now_s: int) -> None:
    """Forget what is over: sessions, tries, old proposals, notices of erased people, customers whose time has come."""
    with database.transaction() as session:
        sweep_sessions(session, now_s)
        sweep_tries(session, now_s)
        sweep_proposals(session, now_s)
        sweep_notices(session)
        for customer_id in subjects.sweep(session, now_s):
            _say_erased(session, customer_id, now_s)


def _say_erased(session: Session, customer_id: str, now_s: int) -> None:
    _LOG.info("customer_erased", customer=customer_id)
    append(session, Entry(_ACTOR, "customer.erased", customer_id, Origin(_ACTOR), now_s))
