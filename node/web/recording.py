"""Changes that take no key: by PUT, PATCH or DELETE, which say what is to be and so can be repeated as they are.

The audit log has them as it has every other change, in the same transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from node.audit import log
from node.audit.changes import collect_changes
from node.storage.database import Database
from node.web.auth import Caller, Principal, declared_permission
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.origin import origin_of

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request that says what is to be."""

    database: Database
    request: Request
    principal: Principal

    def run(self, effect: Callable[[Session], Result]) -> Result:
        """Run `effect` in a transaction with its entry of the audit log; one that raises changes nothing."""
        with self.database.transaction() as session:
            with collect_changes(session) as changes:
                result = effect(session)
            log.append(
                session,
                log.Entry(
                    actor=self.principal.name,
                    action=str(declared_permission(self.request)),
                    subject=f"{self.request.method} {self.request.url.path}",
                    origin=origin_of(self.request),
                    time_s=now_s_of(self.request),
                    changes=changes.shown(),
                ),
            )
        return result


async def get_recorded_call(request: Request, principal: Caller, desk: CallersDesk) -> RecordedCall:
    """Return the call."""
    return RecordedCall(desk.database, request, principal)


Recorded = Annotated[RecordedCall, Depends(get_recorded_call)]
