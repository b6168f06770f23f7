"""What an institution publishes about itself."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from node.participants.errors import KeyRevokedError, KeyTimesError, NoRotationError, OwnKeyMissingError
from node.participants.keys import MessageKey
from node.participants.own import OwnPapers
from node.participants.papers import AnyPaper, Endpoints, parse_paper
from node.storage import outbox
from tests.unit.participants.network import (
    BANK,
    DAY_S,
    NOW_S,
    FakeRing,
    Lost,
    Watcher,
    document,
    key,
    lose,
    network_deployment,
)


class Bank(Watcher):
    """The desk of bank-ke, which says what the others hear."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ring = FakeRing("bank-ke")
        self.sent: list[AnyPaper] = []
        self.own = self.with_endpoint("https://rift.example/messages")

    def with_endpoint(self, url: str) -> OwnPapers:
        def spread(_: Session, paper: AnyPaper) -> None:
            self.sent.append(paper)

        return OwnPapers(
            institution_id="bank-ke",
            directory=self.directory,
            deployment=network_deployment(),
            peers=self.peers,
            ring=self.ring,
            endpoints=Endpoints(messages=url),
            spread=spread,
        )

    def publish(self, now_s: int = NOW_S) -> Any:
        with self.database.transaction() as session:
            return self.own.publish(session, now_s)

    def rotate(self, now_s: int = NOW_S, overlap_s: int = DAY_S) -> Any:
        with self.database.transaction() as session:
            return self.own.rotate(session, now_s=now_s, overlap_s=overlap_s)

    @property
    def message_key(self) -> MessageKey:
        return MessageKey(self.ring, self.directory, "bank-ke")


@pytest.fixture
def bank() -> Bank:
    return Bank.in_memory()


def test_document_is_what_others_take_when_published(bank: Bank) -> None:
    signed = bank.publish()
    assert parse_paper(signed.data) == signed
    assert [one.role for one in signed.jwks.keys] == ["message", "sealing"]
    assert (bank.sent, bank.status()) == ([signed], "active")
    other = Watcher.in_memory()
    other.take(signed)
    assert other.status() == "active"


def test_document_is_signed_anew_only_when_its_content_changed(bank: Bank) -> None:
    first = bank.publish()
    assert bank.publish(NOW_S + DAY_S) == first
    bank.own = bank.with_endpoint("https://new.example/messages")
    second = bank.publish(NOW_S)
    assert (second.endpoints.messages, second.issued_at_s) == ("https://new.example/messages", NOW_S + 1)


def test_rotation_is_taken_by_others_and_signing_moves_when_it_is_anchored(bank: Bank) -> None:
    other = Watcher.in_memory()
    other.take(bank.publish())
    announced = bank.rotate()
    other.take(announced)
    assert bank.message_key.public_key == key("bank-ke").public_key
    new = key("bank-ke/1")
    for watcher in (bank, other):
        watcher.anchor(new.thumbprint, NOW_S + 10)
    assert bank.message_key.public_key == new.public_key
    assert [one.key_id for one in other.keys(NOW_S + 10).verify_keys] == [new.kid, key("bank-ke").kid]
    assert bank.publish(NOW_S + 20) == announced.document


def test_rotation_takes_up_the_key_it_made_when_its_transaction_was_lost(bank: Bank) -> None:
    bank.publish()
    with pytest.raises(Lost):
        lose(bank.database, lambda session: bank.own.rotate(session, now_s=NOW_S, overlap_s=DAY_S))
    assert bank.rotate().new == key("bank-ke/1").kid
    assert len(bank.ring.generations) == 2


def test_rotation_is_refused_when_the_last_overlap_still_runs(bank: Bank) -> None:
    bank.publish()
    bank.rotate()
    bank.anchor(key("bank-ke/1").thumbprint, NOW_S + 10)
    with pytest.raises(KeyTimesError):
        bank.rotate(NOW_S + 20)
    assert bank.rotate(NOW_S + DAY_S).new == key("bank-ke/2").kid


def test_stolen_key_is_revoked_by_its_successor_when_rotated_first(bank: Bank) -> None:
    bank.publish()
    bank.rotate()
    bank.anchor(key("bank-ke/1").thumbprint, NOW_S + 10)
    with bank.database.transaction() as session:
        paper = bank.own.revoke(session, kid=key("bank-ke").kid, reason="stolen", now_s=NOW_S + 20)
    assert paper.signature.kid == key("bank-ke/1").kid
    assert (bank.status(), bank.sent[-1]) == ("active", paper)
    assert not bank.valid(key("bank-ke").kid, NOW_S + 20)
    assert bank.valid(key("bank-ke/1").kid, NOW_S + 20)


def test_nothing_is_published_when_the_own_key_is_revoked(bank: Bank) -> None:
    bank.publish()
    with bank.database.transaction() as session:
        bank.own.revoke(session, kid=key("bank-ke").kid, reason="stolen", now_s=NOW_S)
    bank.own = bank.with_endpoint("https://new.example/messages")
    with pytest.raises(KeyRevokedError):
        bank.publish()
    with pytest.raises(KeyRevokedError):
        bank.rotate()


def test_own_document_needs_no_notice_when_the_lost_key_was_replaced_on_the_chain(bank: Bank) -> None:
    bank.publish()
    bank.ring.rotate("message", NOW_S, 0)
    bank.anchor(key("bank-ke/1").thumbprint, NOW_S + 10)
    assert bank.publish(NOW_S + 20).message_key.kid == key("bank-ke/1").kid
    assert bank.status() == "active"


def test_signing_says_the_way_out_when_the_keystore_lacks_the_anchored_key(bank: Bank) -> None:
    bank.anchor(key("elsewhere").thumbprint, NOW_S)
    with pytest.raises(OwnKeyMissingError, match="restore it"):
        bank.publish()
    with pytest.raises(OwnKeyMissingError):
        bank.message_key.sign(b"message", b"context")


def test_governor_queues_the_announced_key_when_it_anchors(bank: Bank) -> None:
    with pytest.raises(NoRotationError), bank.database.transaction() as session:
        bank.own.anchor(session, BANK)
    bank.publish()
    announced = bank.rotate()
    with bank.database.transaction() as session:
        assert bank.own.anchor(session, "bank-ke") == announced.new
        assert bank.own.anchor(session, "bank-ke", key("lost").kid) == key("lost").kid
        rows = outbox.by_reference(session, "anchors:bank-ke")
    assert len(rows) == 2
    assert document(key("bank-ke")).signature.kid == announced.old


def test_operator_is_told_when_the_chain_refuses_an_anchor(bank: Bank) -> None:
    with bank.database.transaction() as session:
        bank.own.anchor(session, "bank-ke", key("lost").kid)
        (row,) = outbox.by_reference(session, "anchors:bank-ke")
        row.state, row.reason = outbox.CONFIRMED, None
        bank.own.on_anchor_outcome(session, row)
        row.state, row.reason = outbox.FAILED, "registry: not the governor"
        bank.own.on_anchor_outcome(session, row)
    assert bank.told() == ["participant.anchor_refused"]
