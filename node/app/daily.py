"""What a desk does once a day by the clock on the wall."""

import asyncio
from typing import Final

import structlog

from node.audit.heads import Heads
from node.errors import UnavailableError
from node.storage.database import Database
from node.web.clock import Clock, wall_clock

_LOG = structlog.get_logger(__name__)
_LOOK_S: Final = 600.0


async def sign_heads(database: Database, heads: Heads, clock: Clock = wall_clock) -> None:
    """Sign the audit log once a day, from the first look of the day on."""
    while True:
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
