"""Messages of the caller's institution: send a document, follow it, decide about dead letters. For its staff."""

from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.messages import tracker
from node.messages.documents import kind_of
from node.messages.errors import UnknownMessageError
from node.messages.schemas import DeadLetterIn, MessageDetailOut, MessageOut, QueuedOut
from node.messages.service import MessageService
from node.participants.service import ParticipantService
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.limits import PAGE_MAX
from node.web.permissions import Permission

router = APIRouter(tags=["messages"])

_DOCUMENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/xml": {
                "schema": {"type": "string"},
                "description": "An ISO 20022 message, byte for byte (docs/spec/messages.md)",
            }
        },
    }
}


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
    to: Annotated[str, Query(max_length=64, description="Institution's id or LEI")],
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
    uetr: str | None = None,
    thread: str | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Of each direction, the newest")] = 100,
) -> list[MessageOut]:
    """Return where messages are: of a payment by its UETR, of a trade by its thread."""
    with desk.database.read() as session:
        found = tracker.find(session, tracker.Query(uetr=uetr, thread=thread), limit)
        return [MessageOut.model_validate(one) for one in found]


@router.get("/messages/{message_id:path}", dependencies=[needs(Permission.MESSAGES_READ)])
async def get_message(message_id: str, _staff: Staff, desk: CallersDesk) -> list[MessageDetailOut]:
    """Return a message with what was said and signed; several where senders have chosen the same id."""
    with desk.database.read() as session:
        found = tracker.find(session, tracker.Query(message_id=message_id), PAGE_MAX)
        if not found:
            raise UnknownMessageError(message_id)
        return [MessageDetailOut.of(one) for one in found]


@router.get("/dead-letters", dependencies=[needs(Permission.MESSAGES_READ)])
async def list_dead_letters(
    _staff: Staff, desk: CallersDesk, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100
) -> list[MessageOut]:
    """Return messages that were refused or given up, and that nobody has decided about; the oldest first."""
    with desk.database.read() as session:
        return [MessageOut.model_validate(one) for one in tracker.find_dead(session, limit)]


@router.post("/dead-letters/retry", response_model=MessageOut, dependencies=[needs(Permission.MESSAGES_WRITE)])
async def retry_dead_letter(order: DeadLetterIn, _staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Send a dead letter again."""

    def effect(session: Session) -> MessageOut:
        desk.get(MessageService).retry(session, order.message_id)
        return _shown(session, order.message_id)

    return call.run(effect)


@router.post("/dead-letters/drop", response_model=MessageOut, dependencies=[needs(Permission.MESSAGES_WRITE)])
async def drop_dead_letter(order: DeadLetterIn, _staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Let a dead letter be: it stays recorded, and nobody is asked about it again."""

    def effect(session: Session) -> MessageOut:
        desk.get(MessageService).drop(session, order.message_id)
        return _shown(session, order.message_id)

    return call.run(effect)


def _shown(session: Session, message_id: str) -> MessageOut:
    return MessageOut.model_validate(tracker.of_sent(tracker.sent_row(session, message_id)))
