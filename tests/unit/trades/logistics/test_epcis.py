"""EPCIS documents: the standard's shapes, and what is refused."""

import json
from typing import Any

import pytest

from node.trades.errors import DocumentRejectedError
from node.trades.limits import EPCIS_EVENTS_MAX
from node.trades.logistics.epcis import CONTEXT, parse_epcis
from tests.unit.trades.world import example

WHEN = {"eventTime": "2026-08-12T05:40:00.123456789+03:00", "eventTimeZoneOffset": "+03:00"}
EPC = "urn:epc:id:sgtin:6161100.107346.2017"
OBJECT: dict[str, Any] = {"type": "ObjectEvent", **WHEN, "action": "OBSERVE", "epcList": [EPC], "bizStep": "loading"}
EVENTS: dict[str, dict[str, Any]] = {
    "object": OBJECT,
    "object of quantities": {
        **{key: value for key, value in OBJECT.items() if key != "epcList"},
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:6161100.107346.9", "quantity": 200.5, "uom": "KGM"}],
    },
    "sensor data": {
        "type": "ObjectEvent",
        **WHEN,
        "action": "OBSERVE",
        "readPoint": {"id": "urn:epc:id:sgln:6161100.00001.0"},
        "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 3.4, "uom": "CEL"}]}],
    },
    "aggregation": {
        "type": "AggregationEvent",
        **WHEN,
        "action": "ADD",
        "parentID": "urn:epc:id:sscc:6161100.0000000017",
        "childEPCs": [EPC],
    },
    "association": {
        "type": "AssociationEvent",
        **WHEN,
        "action": "DELETE",
        "parentID": "urn:epc:id:grai:6161100.00042.7",
    },
    "transaction": {
        "type": "TransactionEvent",
        **WHEN,
        "action": "ADD",
        "bizTransactionList": [{"type": "po", "bizTransaction": "https://bloemenhuis.example/po/1"}],
        "epcList": [EPC],
    },
    "transformation": {
        "type": "TransformationEvent",
        **WHEN,
        "inputEPCList": [EPC],
        "outputEPCList": ["urn:epc:id:sgtin:6161100.107346.2018"],
    },
    "extended": {"type": "https://skyfreight.example/epcis/SealEvent", **WHEN, "skyfreight:seal": "4711"},
    "declared in error": {
        **OBJECT,
        "errorDeclaration": {"declarationTime": "2026-08-13T00:00:00Z", "reason": "did_not_occur"},
    },
    "extension": {**OBJECT, "skyfreight:flight": {"skyfreight:number": "SK 702"}},
    "persistent disposition": {**OBJECT, "persistentDisposition": {"set": ["completeness_verified"]}},
}


def document(*events: Any, **changes: Any) -> bytes:
    whole = {
        "@context": [CONTEXT, {"skyfreight": "https://skyfreight.example/epcis/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-08-12T05:41:00.0Z",
        "epcisBody": {"eventList": list(events)},
        **changes,
    }
    return json.dumps(whole).encode()


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_an_event_is_taken_when_it_has_the_standards_shape(event: dict[str, Any]) -> None:
    assert len(parse_epcis(document(event)).events) == 1


@pytest.mark.parametrize("name", ["loaded", "delivered"])
def test_the_example_is_taken(name: str) -> None:
    assert len(parse_epcis(example(f"roses/epcis-{name}.json")).events) == 1


def test_a_query_document_is_taken_when_its_events_are_in_the_results() -> None:
    body = {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": [OBJECT]}}}
    data = document(type="EPCISQueryDocument", epcisBody=body)
    assert parse_epcis(data).events[0].bizStep == "loading"


@pytest.mark.parametrize(
    "spelling", ["loading", "urn:epcglobal:cbv:bizstep:loading", "https://ref.gs1.org/cbv/BizStep-loading"]
)
def test_a_business_step_reads_the_same_when_spelled_as_word_urn_or_web_uri(spelling: str) -> None:
    assert parse_epcis(document({**OBJECT, "bizStep": spelling})).events[0].bizStep == "loading"


def without(event: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != key}


REJECTS: list[tuple[str, bytes, str]] = [
    ("no context", document(OBJECT, **{"@context": "https://other.example/context.jsonld"}), "@context"),
    ("version 1", document(OBJECT, schemaVersion="1.2"), "schemaVersion"),
    ("no date", document(OBJECT, creationDate="yesterday"), "creationDate"),
    ("other type", document(OBJECT, type="Letter"), "type"),
    ("no body", document(epcisBody={}), "epcisBody.eventList"),
    ("no results", document(type="EPCISQueryDocument", epcisBody={}), "epcisBody.queryResults"),
    ("unknown key above", document(OBJECT, colour="red"), "document"),
    ("unknown event type", document({**OBJECT, "type": "SingEvent"}), "epcisBody.eventList.0.type"),
    ("event is text", document("event"), "epcisBody.eventList.0.type"),
    ("unknown key", document({**OBJECT, "colour": "red"}), "epcisBody.eventList.0"),
    ("no time", document(without(OBJECT, "eventTime")), "epcisBody.eventList.0.eventTime"),
    ("time without zone", document({**OBJECT, "eventTime": "2026-08-12T05:40:00"}), "epcisBody.eventList.0.eventTime"),
    ("time as number", document({**OBJECT, "eventTime": 1786502400}), "epcisBody.eventList.0.eventTime"),
    ("month 13", document({**OBJECT, "eventTime": "2026-13-12T05:40:00Z"}), "epcisBody.eventList.0.eventTime"),
    (
        "offset of a day",
        document({**OBJECT, "eventTimeZoneOffset": "+24:00"}),
        "epcisBody.eventList.0.eventTimeZoneOffset",
    ),
    ("no action", document(without(OBJECT, "action")), "epcisBody.eventList.0.action"),
    ("other action", document({**OBJECT, "action": "SING"}), "epcisBody.eventList.0.action"),
    ("about nothing", document(without(OBJECT, "epcList")), "epcisBody.eventList.0"),
    ("epc is no uri", document({**OBJECT, "epcList": ["pallet 17"]}), "epcisBody.eventList.0.epcList.0"),
    ("epcs as text", document({**OBJECT, "epcList": EPC}), "epcisBody.eventList.0.epcList"),
    ("ilmd while observing", document({**OBJECT, "ilmd": {"skyfreight:lot": "1"}}), "epcisBody.eventList.0"),
    ("no children", document(without(EVENTS["aggregation"], "childEPCs")), "epcisBody.eventList.0"),
    ("no parent", document(without(EVENTS["association"], "parentID")), "epcisBody.eventList.0"),
    (
        "no transaction",
        document(without(EVENTS["transaction"], "bizTransactionList")),
        "epcisBody.eventList.0.bizTransactionList",
    ),
    ("nothing comes out", document(without(EVENTS["transformation"], "outputEPCList")), "epcisBody.eventList.0"),
    ("unknown step", document({**OBJECT, "bizStep": "flying"}), "epcisBody.eventList.0.bizStep"),
    (
        "unknown step as URN",
        document({**OBJECT, "bizStep": "urn:epcglobal:cbv:bizstep:flying"}),
        "epcisBody.eventList.0.bizStep",
    ),
    ("unknown disposition", document({**OBJECT, "disposition": "fine"}), "epcisBody.eventList.0.disposition"),
    ("epc twice", document({**OBJECT, "epcList": [EPC, EPC]}), "epcisBody.eventList.0.epcList"),
    (
        "persistent disposition of nothing",
        document({**OBJECT, "persistentDisposition": {}}),
        "epcisBody.eventList.0.persistentDisposition",
    ),
    (
        "reading of nothing",
        document({**OBJECT, "sensorElementList": [{"sensorReport": [{"value": 3}]}]}),
        "epcisBody.eventList.0.sensorElementList.0.sensorReport.0.type",
    ),
    (
        "transaction type unknown",
        document({**OBJECT, "bizTransactionList": [{"type": "song", "bizTransaction": "https://a.example/1"}]}),
        "epcisBody.eventList.0.bizTransactionList.0.type",
    ),
    ("second event wrong", document(OBJECT, without(OBJECT, "eventTime")), "epcisBody.eventList.1.eventTime"),
    ("too many events", document(*[{"a": 1}] * (EPCIS_EVENTS_MAX + 1)), "epcisBody.eventList"),
]


@pytest.mark.parametrize(("data", "field"), [row[1:] for row in REJECTS], ids=[row[0] for row in REJECTS])
def test_a_document_is_refused_with_the_field_when_it_has_another_shape(data: bytes, field: str) -> None:
    with pytest.raises(DocumentRejectedError) as caught:
        parse_epcis(data)
    assert caught.value.field == field
