"""What messages say about people: erased once a thread is over and need not be kept any longer."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.messages.store import DROPPED, HANDLED, REFUSED, STORED, ReceivedMessage, SentMessage


def erase_thread(session: Session, thread: str) -> None:
    """Empty the messages of a thread; their ids stay, so that none counts a second time."""
    for sent in session.scalars(select(SentMessage).where(SentMessage.thread == thread)):
        if sent.state in (STORED, REFUSED, DROPPED):
            sent.payload = b""
    for received in session.scalars(select(ReceivedMessage).where(ReceivedMessage.thread == thread)):
        if received.state in (HANDLED, REFUSED):
            received.payload, received.token = b"", None
