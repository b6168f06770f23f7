"""Desks of a world with the real registry: rotations, suspensions and lost keys, as every desk sees them."""

from collections.abc import Iterable

import pytest

from contracts.client.artifacts import encode_call
from node.participants.errors import PinnedKeyError
from node.participants.keys import MessageKey
from node.quotes.errors import MessageRejectedError
from node.quotes.keys import QUOTE_CONTEXT, signature_json, verify_signature_json
from node.web.events import events_after
from tests.unit.trades.ledger import address_of
from tests.unit.trades.world import TestDesk, World

BANK, GOVERNOR = "bank-ke", "cb-eur"
DAY_S = 86_400


@pytest.fixture
def world() -> World:
    """Everybody has everybody's document."""
    world = World(only=("bank-nl", BANK, GOVERNOR))
    world.settle_down()
    documents = [desk.run(lambda session, now_s, own=desk.own: own.document(session, now_s)) for desk in desks(world)]
    for desk in desks(world):
        for document in documents:
            desk.run(lambda session, now_s, one=document, to=desk: to.peers.take(session, one.data, now_s))
    return world


def desks(world: World) -> Iterable[TestDesk]:
    return world.desks.values()


def status(desk: TestDesk) -> str:
    with desk.database.read() as session:
        return desk.peers.entry(session, BANK).status


def key_ids(desk: TestDesk) -> list[str]:
    with desk.database.read() as session:
        lei = desk.peers.entry(session, BANK).institution.lei
        now_s = desk.world.ledger.now_s
        return [one.key_id for one in desk.peers.keys_of(session, lei, now_s).verify_keys]


def told(desk: TestDesk) -> list[str]:
    with desk.database.read() as session:
        return [row.kind for row in events_after(session, 0, None)]


def govern(world: World, function: str, *args: object) -> None:
    registry = world.deployment.address("ParticipantRegistry")
    assert (
        world.ledger.transact(address_of(GOVERNOR), registry, encode_call("ParticipantRegistry", function, args))
        is None
    )
    world.settle_down()


def rotate(world: World) -> str:
    notice = world[BANK].run(lambda session, now_s: world[BANK].own.rotate(session, now_s=now_s, overlap_s=DAY_S))
    world.settle_down()
    return str(notice.new)


def test_every_desk_moves_to_the_new_key_when_the_governor_anchors_it(world: World) -> None:
    (old,) = key_ids(world["bank-nl"])
    new = rotate(world)
    assert [key_ids(desk) for desk in desks(world)] == [[old]] * 3
    world[GOVERNOR].run(lambda session, _: world[GOVERNOR].own.anchor(session, BANK))
    world.settle_down()
    assert [key_ids(desk) for desk in desks(world)] == [[new, old]] * 3
    assert all("participant.key_rotated" in told(desk) for desk in desks(world))
    world.advance_to(world.ledger.now_s + DAY_S)
    assert [key_ids(desk) for desk in desks(world)] == [[new]] * 3


def test_quotes_are_signed_with_the_new_key_when_it_is_anchored(world: World) -> None:
    bank, other = world[BANK], world["bank-nl"]
    key = MessageKey(bank.keystore, bank.participants.directory, BANK)

    def anchor() -> bytes:
        return other.participants.directory.institution(BANK).key_thumbprint

    old, before = anchor(), signature_json(key, b"quote", QUOTE_CONTEXT)
    rotate(world)
    world[GOVERNOR].run(lambda session, _: world[GOVERNOR].own.anchor(session, BANK))
    world.settle_down()
    after = signature_json(key, b"quote", QUOTE_CONTEXT)
    verify_signature_json(before, b"quote", QUOTE_CONTEXT, old, "post_quantum")
    verify_signature_json(after, b"quote", QUOTE_CONTEXT, anchor(), "post_quantum")
    with pytest.raises(MessageRejectedError, match="registered key"):
        verify_signature_json(before, b"quote", QUOTE_CONTEXT, anchor(), "post_quantum")


def test_nothing_moves_when_anyone_else_anchors_a_key(world: World) -> None:
    (old,) = key_ids(world["bank-nl"])
    rotate(world)
    world["bank-nl"].run(lambda session, _: world["bank-nl"].own.anchor(session, BANK))
    world.settle_down()
    assert [key_ids(desk) for desk in desks(world)] == [[old]] * 3
    assert told(world["bank-nl"])[-1] == "participant.anchor_refused"


def test_revocation_reaches_every_desk_when_it_is_given(world: World) -> None:
    (old,) = key_ids(world["bank-nl"])
    bank = world[BANK]
    bank.run(lambda session, now_s: bank.own.revoke(session, kid=old, reason="stolen", now_s=now_s))
    world.settle_down()
    assert [(status(desk), key_ids(desk)) for desk in desks(world)] == [("key_revoked", [])] * 3


def test_suspension_reaches_every_desk_with_its_block(world: World) -> None:
    before = key_ids(world["bank-nl"])
    govern(world, "set_status", address_of(BANK), False)
    assert [(status(desk), key_ids(desk)) for desk in desks(world)] == [("suspended", [])] * 3
    govern(world, "set_status", address_of(BANK), True)
    assert [(status(desk), key_ids(desk)) for desk in desks(world)] == [("active", before)] * 3


def test_lost_key_is_replaced_at_each_desk_when_a_person_accepts_the_new_one(world: World) -> None:
    bank = world[BANK]
    new = bank.keystore.rotate("message", 0, 0)
    govern(world, "set_key_thumbprint", address_of(BANK), new.thumbprint)
    assert {status(desk) for desk in desks(world)} == {"key_unconfirmed"}
    document = bank.run(lambda session, now_s: bank.own.publish(session, now_s))
    world.settle_down()
    other = world["bank-nl"]
    # The desks got it with the post, and told their operators instead of believing it.
    assert (status(bank), status(other), told(other)[-1]) == ("active", "key_unconfirmed", "participant.refused")
    with pytest.raises(PinnedKeyError):
        other.run(lambda session, now_s: other.peers.take(session, document.data, now_s))
    kid = document.message_key.kid
    other.run(lambda session, now_s: other.peers.take(session, document.data, now_s, accept_key=kid))
    assert (status(other), key_ids(other)) == ("active", [kid])


def test_registered_institution_is_entered_at_every_desk(world: World) -> None:
    lei = "213800KUD8LAJWSQ9D15"
    account = address_of("newcomer")
    govern(world, "register", account, lei, "", 2, bytes(32))
    for desk in desks(world):
        found = desk.participants.directory.at_address(account)
        assert found is not None
        assert (found.lei, found.id) == (lei, lei.lower())
