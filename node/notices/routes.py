"""Routes of notices: the caller's own, and those that an institution's staff shares."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.notices.schemas import CodeIn, NoticeOut, PreferenceIn, PreferenceOut, ReadIn, ReadOut
from node.notices.service import NoticeService, Wish, check_code
from node.notices.store import NoticeRow, PreferenceRow
from node.web.auth import Caller, Principal, needs
from node.web.desk import CallersDesk, Desk
from node.web.errors import ForbiddenError, NotPermittedError
from node.web.etags import IfMatch, set_tag
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission
from node.web.recording import Recorded

router = APIRouter(tags=["notices"])

Scope = Annotated[
    Literal["me", "institution"], Path(description="The caller's own, or those that an institution's staff shares")
]
_NOTHING = PreferenceOut(kinds=[], in_console=False, by_webhook=False, by_email=False, email=None, is_confirmed=False)


@router.get("/notices", dependencies=[needs(Permission.NOTICES_READ)])
async def list_notices(
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-number"))],
    unread: Annotated[bool | None, Query(description="Only those that are, or are not")] = None,
) -> list[NoticeOut]:
    """Return what the caller is told, the latest first; an institution's staff sees what it shares, too."""
    wanted = desk.get(NoticeService).notices(_people(principal), unread=unread)
    with desk.database.read() as session:
        return [_shown(desk, row) for row in page.rows(session, wanted, NoticeRow.id)]


@router.post("/notices/{number}/read", response_model=NoticeOut, dependencies=[needs(Permission.OWN)])
async def read_notice(
    number: Annotated[int, Path(ge=1, lt=2**63)], principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Mark a notice as read."""
    service = desk.get(NoticeService)

    def effect(session: Session) -> NoticeOut:
        row = service.read(session, _people(principal), number)
        if row.person == _shared(principal):
            _check_shares(principal)
        return _shown(desk, row)

    return once.run(effect)


@router.post("/notices/read", response_model=ReadOut, dependencies=[needs(Permission.OWN)])
async def read_notices(order: ReadIn, principal: Caller, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Mark every notice up to a number as read that the caller may."""
    service = desk.get(NoticeService)
    people = _people(principal) if principal.may(Permission.NOTICES_WRITE) else [principal.name]
    return once.run(lambda session: ReadOut(count=service.read_until(session, people, order.until)))


@router.get("/notice-preferences/{scope}", dependencies=[needs(Permission.NOTICES_READ)])
async def get_preference(scope: Scope, request: Request, principal: Caller, desk: CallersDesk) -> PreferenceOut:
    """Return what is to be told, and how; nothing where nobody has said."""
    with desk.database.read() as session:
        shown = _preference(session, desk, _person(principal, scope))
    set_tag(request, shown)
    return shown


@router.put("/notice-preferences/{scope}", dependencies=[needs(Permission.OWN)])
async def set_preference(
    scope: Scope, order: PreferenceIn, principal: Caller, desk: CallersDesk, seen: IfMatch, call: Recorded
) -> PreferenceOut:
    """Say what is to be told from now on, and how; a new e-mail address gets a code that has to come back."""
    person = _changed_person(principal, scope)

    def effect(session: Session) -> PreferenceOut:
        seen.require(_preference(session, desk, person))
        wish = Wish(**order.model_dump())
        return PreferenceOut.model_validate(
            desk.get(NoticeService).prefer(session, person, principal.customer_id, wish)
        )

    shown = call.run(effect)
    seen.tag(shown)
    return shown


@router.post("/notice-preferences/{scope}/confirm", response_model=PreferenceOut, dependencies=[needs(Permission.OWN)])
async def confirm_address(
    scope: Scope, order: CodeIn, principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Give back the code that was sent to the address."""
    person = _changed_person(principal, scope)
    # In a transaction of its own: a wrong code is counted although the request fails.
    with desk.database.transaction() as session:
        is_right = desk.get(NoticeService).confirm(session, person, order.code)

    def effect(session: Session) -> PreferenceOut:
        check_code(is_right)
        return _preference(session, desk, person)

    return once.run(effect)


def _person(principal: Principal, scope: str) -> str:
    if scope == "me":
        return principal.name
    if principal.customer_id is not None:
        raise ForbiddenError("scope: expected me, got institution, which is its staff's")
    return _shared(principal)


def _changed_person(principal: Principal, scope: str) -> str:
    person = _person(principal, scope)
    if scope == "institution":
        _check_shares(principal)
    return person


def _check_shares(principal: Principal) -> None:
    """Raise NotPermittedError unless the caller may decide about what an institution's staff shares."""
    if not principal.may(Permission.NOTICES_WRITE):
        raise NotPermittedError(Permission.NOTICES_WRITE, principal.roles)


def _people(principal: Principal) -> list[str]:
    return [principal.name] if principal.customer_id is not None else [principal.name, _shared(principal)]


def _shared(principal: Principal) -> str:
    # No person's name has an empty part.
    return f"{principal.institution_id}/"


def _preference(session: Session, desk: Desk, person: str) -> PreferenceOut:
    row: PreferenceRow | None = desk.get(NoticeService).preference(session, person)
    return _NOTHING if row is None else PreferenceOut.model_validate(row)


def _shown(desk: Desk, row: NoticeRow) -> NoticeOut:
    return NoticeOut(
        number=row.id,
        kind=row.kind,
        event=row.event_id,
        title=row.title,
        text=row.text,
        time_s=row.time_s,
        is_shared=row.person == f"{desk.institution_id}/",
        read_at_s=row.read_at_s,
    )
