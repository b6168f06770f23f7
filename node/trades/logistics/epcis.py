"""GS1 EPCIS 2.0 documents in JSON(-LD): bounded, checked against the standard's shape, one clear error each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from node.trades.errors import DocumentRejectedError
from node.trades.limits import EPCIS_EVENTS_MAX
from node.trades.logistics.bounded_json import parse_bounded_json
from node.trades.logistics.epcis_events import (
    AggregationEvent,
    AssociationEvent,
    Event,
    Instant,
    ObjectEvent,
    Opaque,
    Shape,
    TransactionEvent,
    TransformationEvent,
    Uri,
)
from node.trades.terms.problems import first_problem

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
AnyShape = TypeVar("AnyShape", bound=Shape)

_EVENT_TYPES: Final[Mapping[str, type[Event]]] = {
    "ObjectEvent": ObjectEvent,
    "AggregationEvent": AggregationEvent,
    "AssociationEvent": AssociationEvent,
    "TransactionEvent": TransactionEvent,
    "TransformationEvent": TransformationEvent,
}


class _Document(Shape):
    type: Literal["EPCISDocument", "EPCISQueryDocument"]
    schemaVersion: str = Field(pattern=r"^2(\.\d+)*$")  # noqa: N815
    creationDate: Instant  # noqa: N815
    id: Uri | None = None
    sender: str | None = None
    receiver: str | None = None
    instanceIdentifier: str | None = None  # noqa: N815
    epcisHeader: Opaque | None = None  # noqa: N815
    epcisBody: Opaque  # noqa: N815


@dataclass(frozen=True, slots=True)
class EpcisDocument:
    """A checked document: when it was made, and its events in the order sent, each with its own JSON."""

    created_at: datetime
    events: tuple[Event, ...]
    raw_events: tuple[dict[str, Any], ...]


def parse_epcis(data: bytes) -> EpcisDocument:
    """Check one EPCIS 2.0 JSON document.

    Raises:
        DocumentRejectedError: not the standard's shape, or above the limits; names the field.
    """
    raw = parse_bounded_json(data, what="EPCIS document")
    if "@context" not in raw:
        raise DocumentRejectedError("@context", f"the EPCIS 2.0 context ({CONTEXT})", "none")
    _check_context(raw["@context"])
    document = _checked(_Document, raw, "")
    raw_events, path = _event_list(document)
    if len(raw_events) > EPCIS_EVENTS_MAX:
        raise DocumentRejectedError(path, f"at most {EPCIS_EVENTS_MAX} events", f"{len(raw_events)} events")
    events = tuple(_parse_event(event, f"{path}.{index}") for index, event in enumerate(raw_events))
    return EpcisDocument(created_at=document.creationDate, events=events, raw_events=tuple(raw_events))


def _check_context(context: object) -> None:
    entries = context if isinstance(context, list) else [context]
    if not any(isinstance(entry, str) and "epcis-context.jsonld" in entry for entry in entries):
        raise DocumentRejectedError("@context", f"the EPCIS 2.0 context ({CONTEXT})", entries[:1])


def _event_list(document: _Document) -> tuple[list[Any], str]:
    body: Any = document.epcisBody
    path = "epcisBody"
    if document.type == "EPCISQueryDocument":
        for key in ("queryResults", "resultsBody"):
            path = f"{path}.{key}"
            body = body.get(key) if isinstance(body, dict) else None
            if not isinstance(body, dict):
                raise DocumentRejectedError(path, "an object", "none" if body is None else type(body).__name__)
    found = body.get("eventList")
    if found is None and isinstance(body.get("event"), dict):
        found = [body["event"]]
    if not isinstance(found, list):
        raise DocumentRejectedError(f"{path}.eventList", "a list of events", type(found).__name__)
    return found, f"{path}.eventList"


def _parse_event(raw: Any, path: str) -> Event:
    kind = raw.get("type") if isinstance(raw, dict) else None
    if not isinstance(kind, str):
        raise DocumentRejectedError(f"{path}.type", "an event with a type", type(raw).__name__)
    model = _EVENT_TYPES.get(kind, Event if ":" in kind else None)
    if model is None:
        raise DocumentRejectedError(f"{path}.type", f"one of {', '.join(_EVENT_TYPES)}", kind)
    return _checked(model, raw, path)


def _checked(model: type[AnyShape], raw: dict[str, Any], path: str) -> AnyShape:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise DocumentRejectedError(*first_problem(error, path, "document")) from error
