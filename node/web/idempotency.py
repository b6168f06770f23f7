"""Requests that can be repeated safely: effect and answer are stored in one transaction under the caller's key.

The same transaction holds the entry of the audit log, and, where a second person has to approve, the proposal that
stands for the effect until then.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from node.audit import log
from node.audit.changes import collect_changes
from node.storage.database import Database
from node.web.approvals import service as approvals
from node.web.approvals.schemas import proposal_out
from node.web.approvals.service import Asked, Stake
from node.web.approvals.store import ProposalRow
from node.web.auth import Caller, declared_permission
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.errors import IdempotencyKeyMissingError, IdempotencyKeyReusedError
from node.web.limits import IDEMPOTENCY_KEY_CHARS_MAX
from node.web.middleware import body_of
from node.web.origin import origin_of
from node.web.store import AnswerRow

APPROVAL: Final = "landfall_approval"
# Asked at every change, so made once.
_STORED: Final = select(AnswerRow.fingerprint, AnswerRow.status, AnswerRow.body).where(
    AnswerRow.caller == bindparam("caller"), AnswerRow.key == bindparam("key")
)
# What a request is made of besides method, path, query and body.
_KEPT_HEADERS: Final = ("content-type", "idempotency-key", "if-match")


@dataclass(frozen=True, slots=True)
class Approval:
    """The word of a second person, with which a proposal is sent again."""

    proposal_id: str
    checker: str


@dataclass(frozen=True, slots=True)
class IdempotentCall:
    """One request with its key."""

    database: Database
    asked: Asked
    now_s: int
    approval: Approval | None = None
    check: Callable[[Session], None] | None = None
    """Raises where the call must not take effect now; a call that took effect before is answered all the same."""

    def run(
        self, effect: Callable[[Session], Any], status: int = 200, stake: Callable[[Session], Stake] | None = None
    ) -> JSONResponse:
        """Run `effect` in a transaction and answer with what it returns, or with the answer given before.

        An effect that raises changes nothing and stores no answer: the request may be repeated.

        Args:
            stake: What is at stake, where a second person may have to approve. While it waits for one the answer is
                the proposal, with status 202; the same request then gets the effect's own answer.

        Raises:
            IdempotencyKeyReusedError: the key was used for another request.
        """
        asked = self.asked
        with self.database.transaction() as session:
            stored = session.execute(_STORED, {"caller": asked.principal.name, "key": asked.key}).one_or_none()
            if stored is not None:
                self._check_same(stored.fingerprint)
                return _response(stored.status, stored.body, is_replay=True)
            if self.approval is None and stake is not None:
                found = approvals.find(session, asked.principal.name, asked.key)
                if found is not None:
                    self._check_same(found.fingerprint)
                    return self._proposed(found, is_replay=True)
            if self.check is not None:
                self.check(session)
            if self.approval is not None:
                proposal = session.get_one(ProposalRow, self.approval.proposal_id)
                approvals.decide(session, proposal, approvals.DONE, self.approval.checker, self.now_s)
            elif stake is not None:
                held = self._hold(session, effect, stake(session))
                if held is not None:
                    return self._proposed(held, is_replay=False)
            with collect_changes(session) as changes:
                body = json.dumps(jsonable_encoder(effect(session)))
            self._record(session, str(asked.permission), changes.shown())
            session.add(
                AnswerRow(
                    caller=asked.principal.name, key=asked.key, fingerprint=asked.fingerprint, status=status, body=body
                )
            )
        return _response(status, body, is_replay=False)

    def _hold(self, session: Session, effect: Callable[[Session], Any], stake: Stake) -> ProposalRow | None:
        """Return the proposal that stands for the effect from now on, None where one person may do it alone."""
        if not approvals.takes_two(session, self.asked, stake):
            return None
        row = approvals.hold(session, self.asked, stake, effect, self.now_s)
        self._record(session, "proposal.made", [{"proposal": row.id}])
        return row

    def _proposed(self, row: ProposalRow, *, is_replay: bool) -> JSONResponse:
        body = json.dumps(jsonable_encoder(proposal_out(row, self.now_s)))
        answer = _response(202, body, is_replay=is_replay)
        answer.headers["Location"] = f"/v1/approvals/{row.id}"
        return answer

    def _record(self, session: Session, action: str, changes: list[dict[str, Any]]) -> None:
        log.append(
            session,
            log.Entry(
                actor=self.asked.principal.name,
                action=action,
                subject=f"{self.asked.method} {self.asked.path}",
                origin=self.asked.origin,
                time_s=self.now_s,
                approved_by=None if self.approval is None else self.approval.checker,
                changes=changes,
            ),
        )

    def _check_same(self, fingerprint: bytes) -> None:
        if fingerprint != self.asked.fingerprint:
            raise IdempotencyKeyReusedError(self.asked.key)


async def get_idempotent_call(
    request: Request,
    principal: Caller,
    desk: CallersDesk,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Your own name for this request; repeat it to repeat the request safely",
        ),
    ] = None,
) -> IdempotentCall:
    """Return the call, or raise IdempotencyKeyMissingError."""
    key = idempotency_key or ""
    if not key or len(key) > IDEMPOTENCY_KEY_CHARS_MAX or not key.isprintable():
        raise IdempotencyKeyMissingError(f"{len(key)} characters" if key else "none")
    body = body_of(request)
    fingerprint = sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body).digest()
    asked = Asked(
        permission=declared_permission(request),
        principal=principal,
        key=key,
        fingerprint=fingerprint,
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers={name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers},
        body=body,
        origin=origin_of(request),
    )
    return IdempotentCall(desk.database, asked, now_s_of(request), request.scope.get(APPROVAL))


OnceOnly = Annotated[IdempotentCall, Depends(get_idempotent_call)]


def _response(status: int, body: str, *, is_replay: bool) -> JSONResponse:
    headers = {"Idempotent-Replayed": "true"} if is_replay else None
    return JSONResponse(json.loads(body), status, headers)
