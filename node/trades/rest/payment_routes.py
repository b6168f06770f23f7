"""Routes of a trade's payment messages."""

from fastapi import APIRouter
from fastapi.responses import Response

from node.trades.rest.routing import actor_of, trades_of
from node.trades.views.payments import shown_message, visible_message, visible_messages
from node.trades.views.schemas import PaymentMessageOut
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.permissions import Permission

router = APIRouter(prefix="/trades", tags=["trades"])


@router.get("/{reference}/messages", dependencies=[needs(Permission.TRADES_READ)])
async def list_messages(reference: str, principal: Caller, desk: CallersDesk) -> list[PaymentMessageOut]:
    """Return the payment messages of a trade that were sent, received or issued, in their order, and where they are."""
    service, actor = trades_of(desk).desk, actor_of(principal)
    with desk.database.read() as session:
        return [shown_message(session, row) for row in visible_messages(session, service, reference, actor)]


@router.get("/{reference}/messages/{number}", response_class=Response, dependencies=[needs(Permission.TRADES_READ)])
async def download_message(reference: str, number: int, principal: Caller, desk: CallersDesk) -> Response:
    """Return the XML of a payment message, byte for byte."""
    service, actor = trades_of(desk).desk, actor_of(principal)
    with desk.database.read() as session:
        row = visible_message(session, service, reference, actor, number)
        headers = {"Content-Disposition": f'attachment; filename="{reference}-{number}.xml"'}
        return Response(row.document, media_type="application/xml", headers=headers)
