"""Papers between desks: what is taken, what is told, what is sent once."""

import json
from itertools import count

import pytest

from node.messages.limits import BACKOFF_MAX_S
from node.messages.papers import KIND, PaperPost
from node.messages.service import MessageService
from node.messages.store import HANDLED, RECEIVED, REFUSED, ReceivedMessage, SentMessage
from node.participants.limits import CLOCK_SKEW_S
from tests.unit.messages.post import Post, accept_any, arrival
from tests.unit.messages.post import message as json_message
from tests.unit.participants.network import NOW_S, Watcher, document, key


class Desk(Watcher):
    """bank-nl with its post."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.messages = MessageService(
            self.database, "bank-nl", Post(), accept_any, clock=count(0.0, BACKOFF_MAX_S + 1).__next__
        )
        self.post = PaperPost(
            institution_id="bank-nl", directory=self.directory, messages=self.messages, peers=self.peers
        )

    def receive(self, body: dict[str, object]) -> str:
        """Take a message from a stranger; return how it ended."""
        self.messages.receive([arrival(json_message("1", "bank-ke", "bank-nl", KIND, body))])
        self.messages.handle_received()
        with self.database.read() as session:
            return str(session.query(ReceivedMessage).one().state)


@pytest.fixture
def desk() -> Desk:
    return Desk.in_memory().followed_to(NOW_S)


def test_paper_is_taken_when_it_comes_with_the_post(desk: Desk) -> None:
    assert desk.receive(json.loads(document(key("bank-ke")).data)) == HANDLED
    assert desk.status() == "active"


def test_paper_is_put_off_when_it_is_dated_after_what_this_desk_has_followed(desk: Desk) -> None:
    paper = document(key("bank-ke"), issued_at_s=NOW_S + CLOCK_SKEW_S + 1)
    assert desk.receive(json.loads(paper.data)) == RECEIVED
    desk.followed_to(NOW_S + 1)
    desk.messages.handle_received()
    assert desk.status() == "active"


def test_operator_is_told_when_a_paper_would_change_keys_and_may_not(desk: Desk) -> None:
    assert desk.receive(json.loads(document(key("stranger")).data)) == HANDLED
    assert (desk.status(), desk.told()) == ("no_document", ["participant.refused"])


def test_message_is_refused_when_it_is_no_paper(desk: Desk) -> None:
    assert desk.receive({"type": "else"}) == REFUSED
    assert desk.told() == ["message.refused"]


def test_paper_goes_to_every_other_institution_once_when_spread_twice(desk: Desk) -> None:
    paper = document(key("bank-ke"))
    for _ in range(2):
        with desk.database.transaction() as session:
            desk.post.spread(session, paper)
    with desk.database.read() as session:
        assert sorted(row.recipient for row in session.query(SentMessage)) == ["bank-ke", "cb-eur"]
