"""Where people come in: nobody is known here yet. Everything else of the API asks who is calling."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from node.identity import codes
from node.identity.browser import check_same_origin, set_cookie
from node.identity.errors import InvitationError, PersonFormatError
from node.identity.routing import Visiting, me_out
from node.identity.schemas import (
    AcceptIn,
    AcceptPasskeyIn,
    AskedOut,
    InstitutionIn,
    InvitationOut,
    MeOut,
    PasskeyIn,
    SignInIn,
    TokenIn,
)
from node.identity.service import Entered, Identity
from node.identity.tokens import institution_of
from node.web.desk import Desk

router = APIRouter(prefix="/v1", tags=["sign-in"], dependencies=[Depends(check_same_origin)])


@router.post("/sign-in", response_model=MeOut)
async def sign_in(order: SignInIn, request: Request, visit: Visiting) -> JSONResponse:
    """Begin a session by password and code; the answer sets its cookie."""
    identity = identity_of(request, order.institution)
    entered = await identity.sign_in(visit, email=order.email, password=order.password, code=order.code)
    return _welcome(identity, entered)


@router.post("/sign-in/passkey/options")
async def ask_passkey(order: InstitutionIn, request: Request, visit: Visiting) -> AskedOut:
    """Return what to ask the browser for, to sign in by a passkey."""
    return AskedOut.of(identity_of(request, order.institution).ask_passkey(visit))


@router.post("/sign-in/passkey", response_model=MeOut)
async def sign_in_by_passkey(order: PasskeyIn, request: Request, visit: Visiting) -> JSONResponse:
    """Begin a session by a passkey; the answer sets its cookie."""
    identity = identity_of(request, order.institution)
    return _welcome(identity, identity.sign_in_by_passkey(visit, order.challenge, order.credential))


@router.post("/invitations/look")
async def look(order: TokenIn, request: Request, visit: Visiting) -> InvitationOut:
    """Return who a one-time link invites, and the secret for their authenticator app."""
    identity = _inviting(request, order.token)
    with identity.database.read() as session:
        invitation, person = identity.people.invitation(session, order.token, visit.now_s)
        secret = identity.people.totp_secret(invitation)
    return InvitationOut(
        institution=identity.institution_id,
        name=person.name or "",
        email=person.email or "",
        roles=person.roles,
        customer=person.customer,
        expires_at_s=invitation.expires_at_s,
        app_link=codes.app_link(secret, person.email or person.id, identity.passkeys.site.name),
        app_secret=secret,
    )


@router.post("/invitations/accept", response_model=MeOut)
async def accept(order: AcceptIn, request: Request, visit: Visiting) -> JSONResponse:
    """Follow a one-time link with a password and the app; the answer sets the session's cookie."""
    identity = _inviting(request, order.token)
    entered = await identity.accept_by_password(visit, token=order.token, password=order.password, code=order.code)
    return _welcome(identity, entered)


@router.post("/invitations/passkey/options")
async def ask_first_passkey(order: TokenIn, request: Request, visit: Visiting) -> AskedOut:
    """Return what to ask the browser for, to follow a one-time link with a passkey."""
    return AskedOut.of(_inviting(request, order.token).ask_first_passkey(visit, order.token))


@router.post("/invitations/passkey", response_model=MeOut)
async def accept_by_passkey(order: AcceptPasskeyIn, request: Request, visit: Visiting) -> JSONResponse:
    """Follow a one-time link with a passkey; the answer sets the session's cookie."""
    identity = _inviting(request, order.token)
    entered = identity.accept_by_passkey(
        visit, token=order.token, challenge=order.challenge, credential=order.credential, name=order.name
    )
    return _welcome(identity, entered)


def identity_of(request: Request, institution_id: str | None) -> Identity:
    """Return the institution where somebody wants to come in.

    Raises:
        PersonFormatError: the process serves several, and none of them is named.
    """
    desks: dict[str, Desk] = request.app.state.desks
    if institution_id is None and len(desks) == 1:
        (desk,) = desks.values()
        return desk.get(Identity)
    if institution_id not in desks:
        raise PersonFormatError("institution", "one that this node serves", institution_id)
    return desks[institution_id].get(Identity)


def _inviting(request: Request, token: str) -> Identity:
    try:
        return identity_of(request, institution_of(token))
    except PersonFormatError as error:
        raise InvitationError from error


def _welcome(identity: Identity, entered: Entered) -> JSONResponse:
    with identity.database.read() as session:
        me = me_out(identity, session, entered.principal, entered.token)
    response = JSONResponse(me.model_dump(mode="json", by_alias=True))
    set_cookie(response, entered.token)
    return response
