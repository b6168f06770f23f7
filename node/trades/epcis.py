"""GS1 EPCIS 2.0 in JSON(-LD): the parts a trade reads, checked against the standard's shape.

Written from the standard (GS1 EPCIS 2.0 and CBV 2.0, ISO/IEC 19987 and 19988:2024). A document is refused when a
standard field has the wrong shape or a field is neither standard nor an extension with a namespace; fields a trade
does not use (sensor readings, instance data) are checked for their type only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from node.trades.bounded_json import parse_bounded_json
from node.trades.errors import DocumentRejectedError
from node.trades.limits import EPCIS_EVENTS_MAX
from node.trades.problems import first_problem

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_OFFSET: Final = re.compile(r"[+-]((0\d|1[0-3]):[0-5]\d|14:00)")
_VOCABULARY_PREFIX: Final = re.compile(
    r"(urn:epcglobal:cbv:(bizstep|disp|btt|sdt):|https?://(ref|ns)\.gs1\.org/(cbv|voc)/(BizStep|Bizstep|Disp|BTT|SDT)-)"
)


def _instant(text: Any) -> Any:
    if not isinstance(text, str) or not _DATE_TIME.fullmatch(text):
        raise ValueError("expected a date-time with time zone such as 2026-08-12T09:30:00Z")
    fraction = re.sub(r"\.(\d{1,6})\d*", lambda found: "." + found[1].ljust(6, "0"), text)
    return datetime.fromisoformat(fraction)


def _offset(text: str) -> str:
    if not _OFFSET.fullmatch(text):
        raise ValueError("expected a time zone offset such as +03:00")
    return text


def _uri(text: str) -> str:
    if ":" not in text or len(text) > 1_000 or any(character.isspace() for character in text):
        raise ValueError("expected a URI")
    return text


def _word(text: str) -> str:
    """Return a vocabulary word bare, whichever of the three standard spellings was sent."""
    bare = _VOCABULARY_PREFIX.sub("", text, count=1)
    if not bare or len(bare) > 1_000 or any(character.isspace() for character in bare):
        raise ValueError("expected a word of the Core Business Vocabulary or a URI")
    return bare


Instant = Annotated[datetime, BeforeValidator(_instant)]
Uri = Annotated[str, AfterValidator(_uri)]
Word = Annotated[str, AfterValidator(_word)]
Opaque = dict[str, Any]


class _Shape(BaseModel):
    """A standard object: its own fields strictly, others only as extensions with a namespace."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    extensible: ClassVar[bool] = True

    @model_validator(mode="after")
    def _only_extensions(self) -> "_Shape":
        for key in self.model_extra or {}:
            if not self.extensible or (":" not in key and not key.startswith("@")):
                raise ValueError(f"expected a field of the standard or an extension with a namespace, got {key[:60]!r}")
        return self


_AnyShape = TypeVar("_AnyShape", bound=_Shape)


class BizTransaction(_Shape):
    extensible = False
    bizTransaction: Uri  # noqa: N815 - the standard's spelling
    type: Word | None = None


class Place(_Shape):
    id: Uri


class Quantity(_Shape):
    extensible = False
    epcClass: Uri  # noqa: N815
    quantity: int | float | None = None
    uom: str | None = Field(default=None, pattern=r"^[A-Z0-9]{2,3}$")


class Source(_Shape):
    extensible = False
    type: Word
    source: Uri


class Destination(_Shape):
    extensible = False
    type: Word
    destination: Uri


class ErrorDeclaration(_Shape):
    declarationTime: Instant  # noqa: N815
    reason: Word | None = None
    correctiveEventIDs: list[Uri] = []  # noqa: N815


class PersistentDisposition(_Shape):
    extensible = False
    set: list[Word] = []
    unset: list[Word] = []


class SensorElement(_Shape):
    sensorMetadata: Opaque | None = None  # noqa: N815
    sensorReport: list[Opaque] = Field(min_length=1)  # noqa: N815


class Event(_Shape):
    """What the five event types share and a trade looks at."""

    type: str
    eventTime: Instant  # noqa: N815
    eventTimeZoneOffset: Annotated[str, AfterValidator(_offset)]  # noqa: N815
    recordTime: Instant | None = None  # noqa: N815
    eventID: Uri | None = None  # noqa: N815
    certificationInfo: Uri | list[Uri] | None = None  # noqa: N815
    errorDeclaration: ErrorDeclaration | None = None  # noqa: N815
    bizStep: Word | None = None  # noqa: N815
    disposition: Word | None = None
    readPoint: Place | None = None  # noqa: N815
    bizLocation: Place | None = None  # noqa: N815
    bizTransactionList: list[BizTransaction] = []  # noqa: N815
    sourceList: list[Source] = []  # noqa: N815
    destinationList: list[Destination] = []  # noqa: N815
    sensorElementList: list[SensorElement] = []  # noqa: N815

    @property
    def objects(self) -> tuple[str, ...]:
        """Identifiers of what the event happened to, as sent."""
        return ()

    def named(self) -> frozenset[str]:
        """Every identifier by which this event can be matched to a shipment."""
        return frozenset(entry.bizTransaction for entry in self.bizTransactionList) | frozenset(self.objects)


Action = Literal["OBSERVE", "ADD", "DELETE"]


class ObjectEvent(Event):
    type: Literal["ObjectEvent"]
    action: Action
    epcList: list[Uri] | None = None  # noqa: N815
    quantityList: list[Quantity] = []  # noqa: N815
    persistentDisposition: PersistentDisposition | None = None  # noqa: N815
    ilmd: Opaque | None = None

    @property
    def objects(self) -> tuple[str, ...]:
        return (*(self.epcList or ()), *(item.epcClass for item in self.quantityList))

    @model_validator(mode="after")
    def _about_something(self) -> "ObjectEvent":
        if self.epcList is None and not self.quantityList and not (self.sensorElementList and self.readPoint):
            raise ValueError("expected epcList or quantityList (or sensor data with a readPoint), got none")
        if self.ilmd is not None and self.action != "ADD":
            raise ValueError("expected ilmd only with action ADD")
        return self


class _ParentEvent(Event):
    action: Action
    parentID: Uri | None = None  # noqa: N815
    childEPCs: list[Uri] = []  # noqa: N815
    childQuantityList: list[Quantity] = []  # noqa: N815

    @property
    def objects(self) -> tuple[str, ...]:
        parent = () if self.parentID is None else (self.parentID,)
        return (*parent, *self.childEPCs, *(item.epcClass for item in self.childQuantityList))

    @model_validator(mode="after")
    def _has_children(self) -> "_ParentEvent":
        if self.action != "DELETE" and not self.childEPCs and not self.childQuantityList:
            raise ValueError("expected childEPCs or childQuantityList, got none")
        return self


class AggregationEvent(_ParentEvent):
    type: Literal["AggregationEvent"]


class AssociationEvent(_ParentEvent):
    type: Literal["AssociationEvent"]

    @model_validator(mode="after")
    def _has_parent(self) -> "AssociationEvent":
        if self.parentID is None:
            raise ValueError("expected parentID, got none")
        return self


class TransactionEvent(Event):
    type: Literal["TransactionEvent"]
    action: Action
    bizTransactionList: list[BizTransaction] = Field(min_length=1)  # noqa: N815
    parentID: Uri | None = None  # noqa: N815
    epcList: list[Uri] | None = None  # noqa: N815
    quantityList: list[Quantity] | None = None  # noqa: N815

    @property
    def objects(self) -> tuple[str, ...]:
        parent = () if self.parentID is None else (self.parentID,)
        return (*parent, *(self.epcList or ()), *(item.epcClass for item in self.quantityList or ()))

    @model_validator(mode="after")
    def _about_something(self) -> "TransactionEvent":
        if self.action != "DELETE" and self.epcList is None and not self.quantityList:
            raise ValueError("expected epcList or quantityList, got none")
        return self


class TransformationEvent(Event):
    type: Literal["TransformationEvent"]
    inputEPCList: list[Uri] = []  # noqa: N815
    inputQuantityList: list[Quantity] = []  # noqa: N815
    outputEPCList: list[Uri] = []  # noqa: N815
    outputQuantityList: list[Quantity] = []  # noqa: N815
    transformationID: Uri | None = None  # noqa: N815
    persistentDisposition: PersistentDisposition | None = None  # noqa: N815
    ilmd: Opaque | None = None

    @property
    def objects(self) -> tuple[str, ...]:
        outputs = (item.epcClass for item in self.outputQuantityList)
        return (*self.inputEPCList, *self.outputEPCList, *outputs)

    @model_validator(mode="after")
    def _has_both_sides(self) -> "TransformationEvent":
        goes_in = bool(self.inputEPCList or self.inputQuantityList)
        comes_out = bool(self.outputEPCList or self.outputQuantityList)
        if not (goes_in and comes_out) and not (self.transformationID and (goes_in or comes_out)):
            raise ValueError("expected inputs and outputs, or one of them with a transformationID")
        return self


_EVENT_TYPES: Final[Mapping[str, type[Event]]] = {
    "ObjectEvent": ObjectEvent,
    "AggregationEvent": AggregationEvent,
    "AssociationEvent": AssociationEvent,
    "TransactionEvent": TransactionEvent,
    "TransformationEvent": TransformationEvent,
}


class _Document(_Shape):
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


def _checked(model: type[_AnyShape], raw: dict[str, Any], path: str) -> _AnyShape:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise DocumentRejectedError(*first_problem(error, path, "document")) from error
