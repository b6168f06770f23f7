"""Routes of a trade's payment messages."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from node.trades.rest.routing import Reference, actor_of, trades_of
from node.trades.views.payments import shown_message, visible_message, visible_messages
from node.trades.views.schemas import PaymentMessageOut
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.openapi import download
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/trades", tags=["trades"])


@router.get("/{reference}/messages", dependencies=[needs(Permission.TRADES_READ)])
async def list_messages(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("number"))]
) -> list[PaymentMessageOut]:
    """Return the payment messages of a trade that were sent, received or issued, in their order, and where they are."""
    service, actor = trades_of(desk).desk, actor_of(principal)
    with desk.database.read() as session:
        found = visible_messages(session, service, reference, actor)
        return [shown_message(session, row) for row in page.items(found, lambda row: (row.id,))]


@router.get(
    "/{reference}/messages/{number}",
    response_class=Response,
    responses=download("application/xml", "<Document>...</Document>"),
    dependencies=[needs(Permission.TRADES_READ)],
)
async def download_message(
    reference: Reference, number: Annotated[int, Path(ge=0, lt=2**63)], principal: Caller, desk: CallersDesk
) -> Response:
    """Return the XML of a payment message, byte for byte."""
    service, actor = trades_of(desk).desk, actor_of(principal)
    with desk.database.read() as session:
        row = visible_message(session, service, reference, actor, number)
        headers = {"Content-Disposition": f'attachment; filename="{reference}-{number}.xml"'}
        return Response(row.document, media_type="application/xml", headers=headers)
