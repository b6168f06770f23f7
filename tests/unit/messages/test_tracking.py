"""Where a message is."""

from sqlalchemy.orm import Session

from node.messages import tracking
from node.messages.service import MessageService
from node.messages.tracking import Whereabouts
from node.storage.database import Database
from node.storage.migrate import prepare
from tests.unit.messages.post import Post, accept_any, arrival, message

BODY = {"trade": "1"}


def ignore(_session: Session, _message: object) -> None:
    """Take any message."""


def service(name: str, post: Post) -> tuple[MessageService, Database]:
    database = Database("sqlite://")
    prepare(database)
    found = MessageService(database, name, post, accept_any)
    found.register("invite", ignore)
    post.connect(name, found.receive)
    return found, database


async def test_message_is_followed_when_it_is_queued_stored_and_handled() -> None:
    post = Post()
    (sender, senders), (receiver, receivers) = service("nl", post), service("ke", post)
    with senders.transaction() as session:
        sender.send(session, to="ke", kind="invite", message_id="m1", body=BODY)
    with senders.read() as session:
        assert tracking.sent(session, "m1") == Whereabouts("queued", None, None, None)
    await sender.deliver_queued()
    with senders.read() as session, receivers.read() as other:
        assert tracking.sent(session, "m1") == Whereabouts("stored", None, None, None)
        assert tracking.received(other, "nl", "m1") == Whereabouts("received", None, None, None)
    receiver.handle_received()
    with receivers.read() as session:
        assert tracking.received(session, "nl", "m1") == Whereabouts("handled", None, None, None)


def test_reason_is_told_when_a_message_was_refused() -> None:
    receiver, receivers = service("ke", Post())
    receiver.receive([arrival(message("m1", "nl", "ke", "unheard", BODY))])
    receiver.handle_received()
    with receivers.read() as session:
        found = tracking.received(session, "nl", "m1")
        assert found is not None
        assert (found.state, "kind: expected one of invite" in (found.reason or "")) == ("refused", True)


def test_nothing_is_found_when_there_is_no_such_message() -> None:
    _, database = service("ke", Post())
    with database.read() as session:
        assert tracking.sent(session, "m1") is tracking.received(session, "nl", "m1") is None
