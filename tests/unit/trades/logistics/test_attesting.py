"""What a bank does not take from an attester, and an attester not from a bank."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.errors import RejectedError
from node.messages.store import SentMessage
from node.quotes.wire import from_json, hex_of
from node.trades.logistics.attesting import APPOINT, ATTESTED
from node.trades.store import Appointment, Attestation
from pqc import secp256k1
from tests.unit.messages.post import message as json_message
from tests.unit.trades import story
from tests.unit.trades.ledger import devnet_seed, genesis
from tests.unit.trades.world import World

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def attested() -> tuple[World, dict[str, Any]]:
    """A world where the carrier's attestation is on its way to bank-nl, and its body."""
    world = story.funded()
    world.advance_to(story.LOADED_S)
    bank = world.desks.pop("bank-nl")
    story.attest_event(world, "loaded")
    world.desks["bank-nl"] = bank
    with world["carrier"].database.read() as session:
        sent = session.scalars(
            select(SentMessage).where(SentMessage.kind == ATTESTED, SentMessage.recipient == "bank-nl")
        ).one()
        return world, json.loads(sent.payload)


def receive(world: World, to: str, kind: str, body: dict[str, Any], sender: str) -> None:
    handler = world[to].messages._handlers[kind]

    def handle(session: Session, _: int) -> None:
        handler(session, json_message("m1", sender, to, kind, body))

    world[to].run(handle)


def set_to(key: str, value: Any) -> Change:
    def change(body: dict[str, Any]) -> None:
        body[key] = value

    return change


def resigned(field: str, value: str, by: str = "carrier") -> Change:
    """Change a field of the attestation and sign it anew."""

    def change(body: dict[str, Any]) -> None:
        body["attestation"] = {**body["attestation"], field: value}
        message = from_json("Attestation", body["attestation"], "attestation")
        digest = typed_data.digest(genesis()[1].domain("TradeEscrow"), "Attestation", message)
        body["signature"] = hex_of(secp256k1.sign_digest(devnet_seed(by, "transaction"), digest))
        body["post_quantum"] = None

    return change


BAD: dict[str, tuple[Change, str, str]] = {
    "another trade": (resigned("trade_id", "0x" + "11" * 32), "carrier", "reference"),
    "another milestone": (resigned("milestone", "1"), "carrier", "attestation.milestone_hash"),
    "no such milestone": (resigned("milestone", "7"), "carrier", "sender"),
    "other terms": (resigned("milestone_hash", "0x" + "11" * 32), "carrier", "attestation.milestone_hash"),
    "other evidence": (resigned("evidence_hash", "0x" + "11" * 32), "carrier", "document"),
    "signed by another": (resigned("share_bps", "9000", by="inspector"), "carrier", "signature"),
    "sent by another": (set_to("source", "epcis"), "fx-amber", "sender"),
    "another document": (set_to("document", base64.b64encode(b"{}").decode()), "carrier", "document"),
    "document of no base64": (set_to("document", "?"), "carrier", "document"),
    "unknown source": (set_to("source", "rumour"), "carrier", "source"),
    "signature changed": (set_to("signature", "0x" + "11" * 65), "carrier", "signature"),
    "post-quantum key of another": (set_to("post_quantum", {}), "carrier", "post_quantum"),
}


@pytest.mark.parametrize(("change", "sender", "field"), BAD.values(), ids=BAD)
def test_an_attestation_is_refused_with_the_field_when_it_is_not_what_it_says(
    attested: tuple[World, dict[str, Any]], change: Change, sender: str, field: str
) -> None:
    world, body = attested
    changed = dict(body)
    change(changed)
    with pytest.raises(RejectedError) as caught:
        receive(world, "bank-nl", ATTESTED, changed, sender)
    assert getattr(caught.value, "field", None) == field
    with world["bank-nl"].database.read() as session:
        assert session.scalars(select(Attestation)).all() == []


def test_the_true_attestation_is_kept_once(attested: tuple[World, dict[str, Any]]) -> None:
    world, body = attested
    receive(world, "bank-nl", ATTESTED, body, "carrier")
    receive(world, "bank-nl", ATTESTED, body, "carrier")
    with world["bank-nl"].database.read() as session:
        assert len(session.scalars(select(Attestation)).all()) == 1


def test_an_appointment_is_refused_when_it_is_not_the_banks_or_not_ours(
    attested: tuple[World, dict[str, Any]],
) -> None:
    world, _ = attested
    with world["bank-nl"].database.read() as session:
        sent = session.scalars(
            select(SentMessage).where(SentMessage.kind == APPOINT, SentMessage.recipient == "carrier")
        ).one()
        body = {**json.loads(sent.payload), "trade_id": "0x" + "22" * 32}
    entry = body["milestones"][0]
    strangers = {**entry["milestone"], "attesters": ["0x" + "11" * 20]}
    cases = [
        ({}, "fx-amber", "banks"),
        ({"banks": ["fx-amber"]}, "fx-amber", "banks"),
        ({"milestones": [{**entry, "milestone": strangers}]}, "bank-nl", "milestone.attesters"),
        ({"milestones": [{**entry, "index": "0"}]}, "bank-nl", "milestones.index"),
        ({"milestones": []}, "bank-nl", "milestones"),
        ({"shipment": "all"}, "bank-nl", "shipment"),
    ]
    for changes, sender, field in cases:
        with pytest.raises(RejectedError) as caught:
            receive(world, "carrier", APPOINT, {**body, **changes}, sender)
        assert getattr(caught.value, "field", None) == field
    with world["carrier"].database.read() as session:
        assert session.scalars(select(Appointment).where(Appointment.trade_id == b"\x22" * 32)).all() == []
