"""Messages of the caller's institution: send a document, follow it, repair what went wrong. For its staff."""

from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.messages import tracker
from node.messages.documents import kind_of
from node.messages.errors import NotCorrectableError, UnknownMessageError
from node.messages.limits import MESSAGE_ID_CHARS_MAX
from node.messages.repairs import Repairs
from node.messages.schemas import CorrectIn, MessageDetailOut, MessageOut, QueuedOut, RejectIn, RepairIn
from node.messages.service import MessageService
from node.messages.tracker import Direction, Stretch, Track
from node.participants.service import ParticipantService
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.limits import PAGE_MAX
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["messages"])

_DOCUMENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/xml": {
                "schema": {"type": "string"},
                "example": '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08">...</Document>',
            }
        },
        "description": "An ISO 20022 message, byte for byte (docs/spec/messages.md)",
    }
}
Uetr = Annotated[str | None, Query(max_length=36, description="Reference of a payment")]
Thread = Annotated[str | None, Query(max_length=200, description="A trade's reference")]


@router.post(
    "/messages",
    status_code=202,
    response_model=QueuedOut,
    openapi_extra=_DOCUMENT,
    dependencies=[needs(Permission.MESSAGES_WRITE)],
)
async def send_document(
    request: Request,
    _staff: Staff,
    desk: CallersDesk,
    call: OnceOnly,
    to: Annotated[str, Query(max_length=64, description="Institution's id or LEI", examples=["bank-ke"])],
    thread: Annotated[
        str | None, Query(max_length=200, pattern=r"^[A-Za-z0-9._:/@+-]+$", description="A trade's reference")
    ] = None,
) -> JSONResponse:
    """Send an ISO 20022 document; the same document to the same institution goes once, however often it is posted."""
    document = await request.body()
    messages, directory = desk.get(MessageService), desk.get(ParticipantService).directory

    def effect(session: Session) -> QueuedOut:
        recipient = directory.institution(to).id
        messages.require_room(session, recipient)
        message = messages.send_document(
            session,
            to=recipient,
            kind=kind_of(document),
            message_id=f"document/{sha256(document).hexdigest()}/{recipient}",
            document=document,
            thread=thread,
        )
        return QueuedOut(message_id=message.message_id, kind=message.kind, uetr=message.uetr)

    return call.run(effect, status=202)


@router.get("/messages", dependencies=[needs(Permission.MESSAGES_READ)])
async def list_messages(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-time"))],
    uetr: Uetr = None,
    thread: Thread = None,
    direction: Direction | None = None,
    kind: Annotated[str | None, Query(max_length=64, examples=["pacs.008.001.08"])] = None,
    state: Annotated[str | None, Query(max_length=16, examples=["queued"])] = None,
    peer: Annotated[str | None, Query(max_length=64, description="The other institution")] = None,
) -> list[MessageOut]:
    """Return where messages are: of a payment by its UETR, of a trade by its thread; the latest first."""
    query = tracker.Query(uetr=uetr, thread=thread, direction=direction, kind=kind, state=state, peer=peer)
    with desk.database.read() as session:
        return _shown(page, _found(session, page, query))


@router.get("/messages/{message_id:path}", dependencies=[needs(Permission.MESSAGES_READ)])
async def get_message(
    message_id: Annotated[str, Path(max_length=MESSAGE_ID_CHARS_MAX)], _staff: Staff, desk: CallersDesk
) -> list[MessageDetailOut]:
    """Return a message with what was said and signed; several where senders have chosen the same id."""
    with desk.database.read() as session:
        found = tracker.find(session, tracker.Query(message_id=message_id), Stretch(PAGE_MAX))
        if not found:
            raise UnknownMessageError(message_id)
        return [MessageDetailOut.of(one) for one in found]


@router.get("/repairs", dependencies=[needs(Permission.MESSAGES_READ)])
async def list_repairs(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("time"))],
    direction: Direction | None = None,
) -> list[MessageOut]:
    """Return messages that were refused or given up and that nobody has decided about, the oldest first."""
    with desk.database.read() as session:
        return _shown(page, _found(session, page, tracker.Query(direction=direction, is_broken=True)))


@router.post("/repairs/resend", response_model=MessageOut, dependencies=[needs(Permission.MESSAGES_WRITE)])
async def resend(order: RepairIn, _staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Send a message again as it is, or have a received one handled again."""
    repairs = desk.get(Repairs)

    def effect(session: Session) -> MessageOut:
        if order.direction == "received":
            return MessageOut.model_validate(repairs.handle_again(session, order.peer or "", order.message_id))
        return MessageOut.model_validate(repairs.resend(session, order.message_id))

    return call.run(effect)


@router.post("/repairs/correct", response_model=MessageOut, dependencies=[needs(Permission.MESSAGES_WRITE)])
async def correct(order: CorrectIn, staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Send another document in the place of one that was refused or given up; answers with the new message."""
    document = order.document.encode()
    return call.run(
        lambda session: MessageOut.model_validate(desk.get(Repairs).correct(session, _own(order), document, staff.name))
    )


@router.post("/repairs/reject", response_model=MessageOut, dependencies=[needs(Permission.MESSAGES_WRITE)])
async def reject(order: RejectIn, staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Let a message be, with a reason; the sender of a transfer is told by a pacs.002."""
    repairs = desk.get(Repairs)

    def effect(session: Session) -> MessageOut:
        if order.direction == "received":
            found = repairs.reject_received(session, order.peer or "", order.message_id, order.reason, staff.name)
        else:
            found = repairs.reject(session, order.message_id, order.reason, staff.name)
        return MessageOut.model_validate(found)

    return call.run(effect)


def _own(order: RepairIn) -> str:
    if order.direction == "received":
        raise NotCorrectableError("direction: expected sent, got received; only its sender may change what it says")
    return order.message_id


def _found(session: Session, page: Page, query: tracker.Query) -> list[Track]:
    after = page.place(0.0, "", 0)
    return list(tracker.find(session, query, Stretch(page.limit + 1, after, page.is_descending)))


def _shown(page: Page, found: list[Track]) -> list[MessageOut]:
    return [MessageOut.model_validate(one) for one in page.items(found, lambda one: one.place)]
