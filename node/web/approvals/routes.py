"""Proposals of the caller's institution: read, approved, rejected or withdrawn; and the limits for acting alone."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.web.approvals import service
from node.web.approvals.replay import replay
from node.web.approvals.schemas import (
    DecisionOut,
    LimitIn,
    LimitOut,
    ProposalOut,
    RejectProposalIn,
    State,
    proposal_out,
)
from node.web.approvals.service import Stake
from node.web.approvals.store import ProposalRow
from node.web.auth import Caller, Staff, needs
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.errors import NotPermittedError, ReplayRefusedError
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import CHECKED_BY, Permission
from node.web.store import AnswerRow

router = APIRouter(tags=["approvals"])

ProposalId = Annotated[str, Path(max_length=64, examples=["5e" * 16])]


@router.get("/approvals", dependencies=[needs(Permission.APPROVALS_READ)])
async def list_proposals(
    request: Request,
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-made"))],
    state: State | None = None,
) -> list[ProposalOut]:
    """Return proposals, the latest first: all to staff, a customer's people see that customer's own."""
    now_s = now_s_of(request)
    wanted = select(ProposalRow)
    if principal.customer_id is not None:
        wanted = wanted.where(ProposalRow.customer == principal.customer_id)
    if state in (service.OPEN, service.EXPIRED):
        is_late = ProposalRow.expires_at_s <= now_s
        wanted = wanted.where(ProposalRow.state == service.OPEN, is_late if state == service.EXPIRED else ~is_late)
    elif state is not None:
        wanted = wanted.where(ProposalRow.state == state)
    with desk.database.read() as session:
        rows = page.rows(session, wanted, ProposalRow.made_at_s, ProposalRow.id)
        return [proposal_out(row, now_s) for row in rows]


@router.get("/approvals/{proposal_id}", dependencies=[needs(Permission.APPROVALS_READ)])
async def get_proposal(proposal_id: ProposalId, request: Request, principal: Caller, desk: CallersDesk) -> ProposalOut:
    """Return a proposal."""
    with desk.database.read() as session:
        return proposal_out(service.get(session, proposal_id, principal), now_s_of(request))


@router.post("/approvals/{proposal_id}/approve", dependencies=[needs(Permission.APPROVALS_DECIDE)])
async def approve(
    proposal_id: ProposalId, request: Request, checker: Staff, desk: CallersDesk, _once: OnceOnly
) -> DecisionOut:
    """Let a proposal take effect, as another person than its maker; approving again changes nothing more."""
    now_s = now_s_of(request)
    with desk.database.read() as session:
        row = service.get(session, proposal_id, checker)
        service.check_may_decide(row, checker)
        if row.state == service.DONE and row.checker == checker.name:
            stored = session.get_one(AnswerRow, (row.maker, row.key))
            return DecisionOut(proposal=proposal_out(row, now_s), status=stored.status, answer=json.loads(stored.body))
        service.check_open(row, now_s)
    answer = await replay(request, row, service.maker_of(row, desk.institution_id), checker.name)
    if answer.status >= 400:
        raise ReplayRefusedError(proposal_id, answer.status, answer.body)
    with desk.database.read() as session:
        decided = proposal_out(service.get(session, proposal_id, checker), now_s)
    return DecisionOut(proposal=decided, status=answer.status, answer=answer.body)


@router.post(
    "/approvals/{proposal_id}/reject",
    response_model=ProposalOut,
    dependencies=[needs(Permission.APPROVALS_DECIDE)],
)
async def reject(
    proposal_id: ProposalId,
    order: RejectProposalIn,
    request: Request,
    checker: Staff,
    desk: CallersDesk,
    once: OnceOnly,
) -> JSONResponse:
    """Say no to a proposal, with a reason that its maker reads."""
    now_s = now_s_of(request)

    def effect(session: Session) -> ProposalOut:
        row = service.get(session, proposal_id, checker)
        service.check_may_decide(row, checker)
        service.decide(session, row, service.REJECTED, checker.name, now_s, order.reason)
        return proposal_out(row, now_s)

    return once.run(effect)


@router.post(
    "/approvals/{proposal_id}/withdraw",
    response_model=ProposalOut,
    dependencies=[needs(Permission.APPROVALS_READ)],
)
async def withdraw(
    proposal_id: ProposalId, request: Request, maker: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Take back a proposal, as its maker."""
    now_s = now_s_of(request)

    def effect(session: Session) -> ProposalOut:
        row = service.get(session, proposal_id, maker)
        if row.maker != maker.name:
            raise NotPermittedError(CHECKED_BY[Permission(row.permission)], maker.roles)
        service.decide(session, row, service.WITHDRAWN, maker.name, now_s)
        return proposal_out(row, now_s)

    return once.run(effect)


@router.get("/alone-limits", dependencies=[needs(Permission.APPROVALS_READ)])
async def list_alone_limits(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("permission"))]
) -> list[LimitOut]:
    """Return up to which amounts one person may act alone; what is not listed always takes two."""
    with desk.database.read() as session:
        found = [
            LimitOut(permission=row.permission, currency=row.currency, amount=row.amount_minor)
            for row in service.limits(session)
        ]
    return page.items(found, lambda one: (one.permission, one.currency))


@router.post("/alone-limits", response_model=LimitOut, dependencies=[needs(Permission.LIMITS_WRITE)])
async def set_alone_limit(order: LimitIn, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Let one person act alone up to an amount."""
    amount = int(order.amount)

    def effect(session: Session) -> LimitOut:
        row = service.set_limit(session, order.permission, order.currency, amount)
        return LimitOut(permission=row.permission, currency=row.currency, amount=row.amount_minor)

    summary = f"One person alone may use {order.permission} up to {amount} minor units of {order.currency}"
    return once.run(effect, stake=lambda _session: Stake(summary))
