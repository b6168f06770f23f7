"""What an event or a statement proves, and what it does not."""

import json
from typing import Any

import pytest

from node.trades.errors import DocumentRejectedError, EvidenceMismatchError
from node.trades.logistics.epcis import parse_epcis
from node.trades.logistics.rules import DISPOSITIONS, FAILED, FULFILLED, STEPS, Claim, Expected, claim_from_epcis
from node.trades.logistics.statement import claim_from_statement, parse_statement, sign_statement, verify_statement
from pqc import signatures
from tests.unit.trades.ledger import ALGORITHM, message_pair
from tests.unit.trades.terms_help import complete
from tests.unit.trades.world import example

MILESTONES = [
    Expected(index, item.kind, item.deadline_s, item.place) for index, item in enumerate(complete().milestones)
]
SHIPMENT = complete().shipment.references
LOADED_S = 1_786_502_400
NOW_S = LOADED_S + 3_600


def event(name: str = "loaded", **changes: Any) -> bytes:
    whole = json.loads(example(f"roses/epcis-{name}.json"))
    found = whole["epcisBody"]["eventList"][0]
    for key, value in changes.items():
        found.pop(key, None)
        if value is not None:
            found[key] = value
    return json.dumps(whole).encode()


def claim(data: bytes, milestones: list[Expected] = MILESTONES, now_s: int = NOW_S) -> Claim:
    return claim_from_epcis(parse_epcis(data), data, shipment=SHIPMENT, milestones=milestones, now_s=now_s)


def test_loading_proves_loaded_when_it_names_the_shipment() -> None:
    found = claim(event())
    assert (found.milestone, found.outcome, found.share_bps) == (0, FULFILLED, 10_000)
    assert found.happened_at_s == LOADED_S


def test_receiving_proves_delivered_when_it_names_the_shipment() -> None:
    assert claim(event("delivered"), now_s=1_790_200_000).milestone == 1


def test_the_same_event_has_one_key_when_another_document_carries_it() -> None:
    one, other = claim(event()), claim(event(**{"skyfreight:flight": "SK 703"}))
    assert one.replay_key == other.replay_key
    assert one.evidence_hash != other.evidence_hash


def test_an_event_without_id_is_named_by_its_content() -> None:
    one, other = claim(event(eventID=None)), claim(event(eventID=None, bizStep="departing"))
    assert one.replay_key.startswith("epcis:sha-256;")
    assert one.replay_key != other.replay_key


REJECTS: list[tuple[str, bytes, str]] = [
    (
        "another shipment",
        event(bizTransactionList=None, childEPCs=["urn:epc:id:sscc:6161100.0000000099"]),
        "bizTransactionList",
    ),
    ("another step", event(bizStep="storing"), "eventList.0.bizStep"),
    ("no step", event(bizStep=None), "eventList.0.bizStep"),
    ("damaged", event(disposition="damaged"), "eventList.0.disposition"),
    ("taken back", event(action="DELETE"), "eventList.0.action"),
    (
        "declared in error",
        event(errorDeclaration={"declarationTime": "2026-08-13T00:00:00Z"}),
        "eventList.0.errorDeclaration",
    ),
    (
        "another place",
        event(readPoint={"id": "urn:epc:id:sgln:6161100.00009.0"}, bizLocation=None),
        "eventList.0.readPoint",
    ),
    ("no place", event(readPoint=None, bizLocation=None), "eventList.0.readPoint"),
    ("in the future", event(eventTime="2026-08-13T05:40:00.000+03:00"), "eventList.0.eventTime"),
]


@pytest.mark.parametrize(("data", "field"), [row[1:] for row in REJECTS], ids=[row[0] for row in REJECTS])
def test_an_event_proves_nothing_when_a_field_disagrees(data: bytes, field: str) -> None:
    with pytest.raises(EvidenceMismatchError) as caught:
        claim(data)
    assert caught.value.field == field


def test_an_event_proves_nothing_when_it_happened_after_the_deadline() -> None:
    late = event(eventTime="2026-08-19T18:00:01Z")
    with pytest.raises(EvidenceMismatchError, match="after the milestone's deadline"):
        claim(late, now_s=NOW_S + 30 * 86_400)
    assert claim(event(eventTime="2026-08-19T18:00:00Z"), now_s=NOW_S + 30 * 86_400).milestone == 0


def test_an_event_proves_nothing_when_no_milestone_waits() -> None:
    with pytest.raises(EvidenceMismatchError, match="milestone"):
        claim(event(), milestones=[])


def test_every_kind_has_steps_and_dispositions() -> None:
    assert set(STEPS) == set(DISPOSITIONS)
    assert not any("damaged" in allowed for allowed in DISPOSITIONS.values())


def statement(**changes: Any) -> bytes:
    return json.dumps({**json.loads(example("roses/statement-loaded.json")), **changes}).encode()


def said(data: bytes, milestones: list[Expected] = MILESTONES) -> Claim:
    parsed, _ = parse_statement(data)
    return claim_from_statement(parsed, data, shipment=SHIPMENT, milestones=milestones, now_s=NOW_S)


def test_a_statement_proves_what_it_says() -> None:
    assert (said(statement()).outcome, said(statement()).share_bps) == (FULFILLED, 10_000)
    assert (said(statement(outcome="failed")).outcome, said(statement(outcome="failed")).share_bps) == (FAILED, 0)
    assert said(statement(share_bps=9_000)).share_bps == 9_000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"shipment": "urn:epc:id:sscc:6161100.0000000099"}, "shipment"),
        ({"milestone": "arrived"}, "milestone"),
        ({"place": "urn:epc:id:sgln:6161100.00009.0"}, "place"),
        ({"inspected_at": "2026-08-13T04:55:00+03:00"}, "inspected_at"),
        ({"share_bps": 0}, "share_bps"),
    ],
)
def test_a_statement_proves_nothing_when_a_field_disagrees(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(EvidenceMismatchError) as caught:
        said(statement(**changes))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"statement_id": "a b"}, "statement_id"),
        ({"share_bps": 10_001}, "share_bps"),
        ({"share_bps": 9_000.5}, "share_bps"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"inspected_at": "2026-08-12T04:55:00"}, "inspected_at"),
        ({"inspected_at": 5}, "inspected_at"),
        ({"findings": "x" * 2_001}, "findings"),
        ({"schema": "landfall-statement/9"}, "schema"),
    ],
)
def test_a_statement_is_refused_when_its_shape_is_another(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(DocumentRejectedError) as caught:
        parse_statement(statement(**changes))
    assert caught.value.field == field


def signed(**changes: Any) -> dict[str, Any]:
    _, raw = parse_statement(statement())
    pair = message_pair("inspector")
    data = sign_statement(raw, ALGORITHM, pair.public_key, lambda text, context: signatures.sign(pair, text, context))
    return {**json.loads(data), **changes}


def verify(document: dict[str, Any], owner: str = "inspector") -> None:
    parsed, raw = parse_statement(json.dumps(document).encode())
    verify_statement(parsed, raw, signatures.thumbprint(ALGORITHM, message_pair(owner).public_key))


def test_a_signed_statement_is_the_inspectors_when_its_key_is_registered() -> None:
    verify(signed())


def test_a_signed_statement_is_refused_when_the_key_is_another_institutions() -> None:
    with pytest.raises(DocumentRejectedError, match=r"signature.key: expected the registered key"):
        verify(signed(), owner="carrier")


@pytest.mark.parametrize("changes", [{"share_bps": 9_999}, {"findings": "all well"}, {"outcome": "failed"}])
def test_a_signed_statement_is_refused_when_a_field_was_changed(changes: dict[str, Any]) -> None:
    with pytest.raises(DocumentRejectedError, match=r"signature.value: expected the inspector's signature"):
        verify(signed(**changes))


def test_an_unsigned_statement_is_no_proof_of_its_inspector() -> None:
    with pytest.raises(DocumentRejectedError, match="signature: expected the inspector's signature, got none"):
        verify(signed(signature=None))
