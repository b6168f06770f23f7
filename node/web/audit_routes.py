"""The audit log of the caller's institution: read, exported whole, signed."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.export import export_lines
from node.audit.heads import Heads
from node.audit.store import EntryRow, HeadRow
from node.web.auth import Staff, needs
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission
from node.web.schemas import Answer

router = APIRouter(prefix="/audit", tags=["audit"])


class AuditEntryOut(Answer):
    """One entry of the log."""

    number: int
    hash: str = Field(description="SHA-256 of the hash before it and of the content's canonical JSON, hex")
    content: dict[str, Any] = Field(description="Who, when, from where, what, and what it changed")


class HeadOut(Answer):
    """Up to where the log reached on a day, signed."""

    day: str
    number: int
    hash: str


@router.get("/entries", dependencies=[needs(Permission.AUDIT_READ)])
async def list_entries(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-number"))],
    actor: Annotated[str | None, Query(max_length=200)] = None,
    action: Annotated[str | None, Query(max_length=100)] = None,
) -> list[AuditEntryOut]:
    """Return entries, the latest first."""
    wanted = select(EntryRow)
    if actor is not None:
        wanted = wanted.where(EntryRow.actor == actor)
    if action is not None:
        wanted = wanted.where(EntryRow.action == action)
    with desk.database.read() as session:
        return [
            AuditEntryOut(number=row.number, hash=row.hash.hex(), content=json.loads(row.content))
            for row in page.rows(session, wanted, EntryRow.number)
        ]


@router.get("/export", response_class=StreamingResponse, dependencies=[needs(Permission.AUDIT_READ)])
async def export(
    _staff: Staff,
    desk: CallersDesk,
    first: Annotated[int, Query(ge=1, le=2**53, description="Number of the first entry")] = 1,
) -> StreamingResponse:
    """Return the log with its signed heads as JSON lines: `landfall audit verify` needs nothing else."""

    def lines() -> Iterator[str]:
        with desk.database.read() as session:
            yield from export_lines(session, desk.institution_id, first)

    name = f"audit-{desk.institution_id}-{first}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines(), media_type="application/jsonl", headers=headers)


@router.get("/heads", dependencies=[needs(Permission.AUDIT_READ)])
async def list_heads(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("-number"))]
) -> list[HeadOut]:
    """Return the signed heads, the latest first."""
    with desk.database.read() as session:
        return [_head(row) for row in page.rows(session, select(HeadRow), HeadRow.number)]


@router.post("/heads", status_code=201, dependencies=[needs(Permission.AUDIT_SIGN)])
async def sign_head(request: Request, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Sign up to where the log reaches now; the head of today stands if there is one (null)."""
    now_s = now_s_of(request)

    def effect(session: Session) -> HeadOut | None:
        row = desk.get(Heads).sign(session, now_s)
        return None if row is None else _head(row)

    return once.run(effect, 201)


def _head(row: HeadRow) -> HeadOut:
    return HeadOut(day=row.day, number=row.number, hash=row.hash.hex())
