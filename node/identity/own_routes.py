"""The caller's own account: who they are, their sessions, password and passkeys."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.identity import sessions
from node.identity.browser import COOKIE, clear_cookie, session_of
from node.identity.errors import PasskeyError, RecentSignInNeededError, SessionEndedError
from node.identity.personal import export_person
from node.identity.routing import Visiting, me_out
from node.identity.schemas import AskedOut, MeOut, NewPasskeyIn, PasskeyOut, PasswordIn, SessionOut
from node.identity.service import Identity, checked_name
from node.identity.sessions import OpenSession
from node.identity.store import PasskeyRow
from node.web.auth import Caller, authorization, needs
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.errors import ForbiddenError
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/me", tags=["own account"])
_OWN = [needs(Permission.OWN)]


async def get_own_session(request: Request) -> OpenSession:
    """Return the session that the request rides on, or raise ForbiddenError: a token has no sessions or passkeys."""
    token = request.cookies.get(COOKIE)
    if token is None or authorization(request)[0]:
        raise ForbiddenError("caller: expected a person in a session, got a token")
    return session_of(request, token)


OwnSession = Annotated[OpenSession, Depends(get_own_session)]


async def get_recent_session(own: OwnSession, request: Request) -> OpenSession:
    """Return the session if it is fresh enough to change how its person signs in."""
    if not own.is_recent(now_s_of(request)):
        raise RecentSignInNeededError
    return own


RecentSession = Annotated[OpenSession, Depends(get_recent_session)]


@router.get("", dependencies=_OWN)
async def get_me(request: Request, principal: Caller, desk: CallersDesk) -> MeOut:
    """Return who the caller is and what they may do."""
    token = None if authorization(request)[0] else request.cookies.get(COOKIE)
    with desk.database.read() as session:
        return me_out(desk.get(Identity), session, principal, token)


@router.get("/data", dependencies=_OWN)
async def get_own_data(desk: CallersDesk, own: OwnSession) -> dict[str, Any]:
    """Return everything that is held about the caller."""
    with desk.database.read() as session:
        found: dict[str, Any] = jsonable_encoder(export_person(session, own.person), custom_encoder={bytes: bytes.hex})
        return found


@router.post("/sign-out", dependencies=_OWN, status_code=204, response_class=Response)
async def sign_out(principal: Caller, desk: CallersDesk, visit: Visiting, _own: OwnSession) -> Response:
    """End this session."""
    desk.get(Identity).leave(visit, principal)
    response = Response(status_code=204)
    clear_cookie(response)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/sessions", dependencies=_OWN)
async def list_sessions(
    request: Request, desk: CallersDesk, own: OwnSession, page: Annotated[Page, Depends(paging("made"))]
) -> list[SessionOut]:
    """Return the caller's sessions, the oldest first."""
    with desk.database.read() as session:
        rows = sessions.running_sessions(session, own.person.id, now_s_of(request))
        found = [SessionOut.of(row, own.row.id) for row in rows]
    return page.items(found, lambda one: (one.made_at_s, one.id))


@router.post("/sessions/{session_id}/end", dependencies=_OWN, response_model=list[SessionOut])
async def end_session(
    session_id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")],
    request: Request,
    desk: CallersDesk,
    own: OwnSession,
    once: OnceOnly,
) -> JSONResponse:
    """End one of the caller's sessions; return those that go on."""
    now_s = now_s_of(request)

    def effect(session: Session) -> list[SessionOut]:
        rows = sessions.running_sessions(session, own.person.id, now_s)
        if session_id not in {row.id for row in rows}:
            raise SessionEndedError
        for row in rows:
            if row.id == session_id:
                session.delete(row)
        session.flush()
        rows = sessions.running_sessions(session, own.person.id, now_s)
        return [SessionOut.of(row, own.row.id) for row in rows]

    return once.run(effect)


@router.post("/password", dependencies=_OWN, status_code=204, response_class=Response)
async def change_password(order: PasswordIn, desk: CallersDesk, visit: Visiting, own: OwnSession) -> Response:
    """Take another password; the caller's other sessions end."""
    identity = desk.get(Identity)
    await identity.change_password(visit, own.person.id, old=order.old, new=order.new, code=order.code)
    return Response(status_code=204)


@router.get("/passkeys", dependencies=_OWN)
async def list_passkeys(
    desk: CallersDesk, own: OwnSession, page: Annotated[Page, Depends(paging("created"))]
) -> list[PasskeyOut]:
    """Return the caller's passkeys."""
    with desk.database.read() as session:
        found = [PasskeyOut.of(row) for row in desk.get(Identity).passkeys.of(session, own.person.id)]
    return page.items(found, lambda one: (one.created_at_s, one.id))


@router.post("/passkeys/options", dependencies=_OWN)
async def ask_new_passkey(request: Request, desk: CallersDesk, own: RecentSession) -> AskedOut:
    """Return what to ask the browser for, to make another passkey."""
    with desk.database.transaction() as session:
        passkeys = desk.get(Identity).passkeys
        return AskedOut.of(passkeys.ask_registration(session, own.person, now_s_of(request)))


@router.post("/passkeys", dependencies=_OWN, status_code=201, response_model=PasskeyOut)
async def add_passkey(
    order: NewPasskeyIn, request: Request, desk: CallersDesk, own: RecentSession, once: OnceOnly
) -> JSONResponse:
    """Keep another passkey."""
    identity, now_s = desk.get(Identity), now_s_of(request)

    def effect(session: Session) -> PasskeyOut:
        name = checked_name(order.name)
        return PasskeyOut.of(
            identity.passkeys.register(session, own.person, order.challenge, order.credential, name, now_s)
        )

    return once.run(effect, 201)


@router.post("/passkeys/{passkey_id}/remove", dependencies=_OWN, response_model=list[PasskeyOut])
async def remove_passkey(
    passkey_id: Annotated[str, Path(pattern=r"^([0-9a-f]{2}){1,1023}$")],
    desk: CallersDesk,
    own: RecentSession,
    once: OnceOnly,
) -> JSONResponse:
    """Take a passkey off the account, unless it is the only way in; return those that stay."""
    identity = desk.get(Identity)

    def effect(session: Session) -> list[PasskeyOut]:
        known = identity.passkeys.of(session, own.person.id)
        row = session.get(PasskeyRow, bytes.fromhex(passkey_id))
        if row is None or row.person != own.person.id:
            raise PasskeyError("it is none of the caller's")
        if len(known) == 1 and own.person.password_hash is None:
            raise PasskeyError("it is the only way in; make another one first")
        session.delete(row)
        session.flush()
        return [PasskeyOut.of(one) for one in identity.passkeys.of(session, own.person.id)]

    return once.run(effect)
