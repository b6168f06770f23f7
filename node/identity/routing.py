"""What the routes of this slice share: from where somebody comes, and who the caller is."""

from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from node.identity.browser import COOKIE
from node.identity.schemas import MeOut
from node.identity.service import Identity, Visit
from node.identity.sessions import csrf_token
from node.identity.store import PersonRow
from node.web.auth import Principal
from node.web.clock import now_s_of
from node.web.origin import origin_of


async def get_visit(request: Request) -> Visit:
    """Return from where and when somebody acts."""
    return Visit(origin_of(request), now_s_of(request), request.cookies.get(COOKIE))


Visiting = Annotated[Visit, Depends(get_visit)]


def me_out(identity: Identity, session: Session, principal: Principal, token: str | None) -> MeOut:
    """Return the caller as the API shows it; `token` is that of the session that the caller rides on."""
    person = None if principal.actor is None else session.get(PersonRow, principal.actor)
    return MeOut(
        institution=identity.institution_id,
        customer=principal.customer_id,
        id=principal.actor,
        name=None if person is None else person.name,
        email=None if person is None else person.email,
        roles=sorted(principal.roles),
        permissions=sorted(principal.permissions),
        csrf_token=None if token is None else csrf_token(token),
    )
