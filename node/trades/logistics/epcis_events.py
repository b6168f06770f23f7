"""The event types of EPCIS 2.0 as checked shapes: what a trade reads, and the type of everything else.

A standard field of the wrong shape is refused, and so is a field that is neither standard nor an extension with a
namespace. Written from the standard (GS1 EPCIS 2.0 and CBV 2.0, ISO/IEC 19987 and 19988:2024).
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from node.trades.logistics import cbv

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


def _word(known: frozenset[str]) -> Callable[[str], str]:
    """Return a reader of a vocabulary's word: bare, whichever of the three standard spellings was sent, or a URI."""

    def read(text: str) -> str:
        bare = _VOCABULARY_PREFIX.sub("", text, count=1)
        if bare in known:
            return bare
        if bare != text or ":" not in text or len(text) > 1_000 or any(character.isspace() for character in text):
            raise ValueError("expected a word of the Core Business Vocabulary or a URI")
        return text

    return read


def _distinct(items: list[str]) -> list[str]:
    if len(set(items)) != len(items):
        raise ValueError("expected every identifier once")
    return items


Instant = Annotated[datetime, BeforeValidator(_instant)]
Uri = Annotated[str, AfterValidator(_uri)]
Uris = Annotated[list[Uri], AfterValidator(_distinct)]
BizStep = Annotated[str, AfterValidator(_word(cbv.BIZ_STEPS))]
Disposition = Annotated[str, AfterValidator(_word(cbv.DISPOSITIONS))]
TransactionType = Annotated[str, AfterValidator(_word(cbv.TRANSACTION_TYPES))]
PartyType = Annotated[str, AfterValidator(_word(cbv.PARTY_TYPES))]
Reason = Annotated[str, AfterValidator(_word(cbv.ERROR_REASONS))]
Opaque = dict[str, Any]


class Shape(BaseModel):
    """A standard object: its own fields strictly, others only as extensions with a namespace."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    extensible: ClassVar[bool] = True

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, raw: Any) -> Any:
        for key, value in raw.items() if isinstance(raw, dict) else ():
            if value is None and key in cls.model_fields:
                raise ValueError(f"expected a value or no key at all, got null in {key}")
        return raw

    @model_validator(mode="after")
    def _only_extensions(self) -> "Shape":
        for key in self.model_extra or {}:
            if not self.extensible or (":" not in key and not key.startswith("@")):
                raise ValueError(f"expected a field of the standard or an extension with a namespace, got {key[:60]!r}")
        return self


class BizTransaction(Shape):
    extensible = False
    bizTransaction: Uri  # noqa: N815 - the standard's spelling
    type: TransactionType | None = None


class Place(BaseModel):
    """Where; what else is said about the place is not looked at."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")
    id: Uri


class Quantity(Shape):
    extensible = False
    epcClass: Uri  # noqa: N815
    quantity: int | float | None = None
    uom: str | None = Field(default=None, pattern=r"^[A-Z0-9]{2,3}$")


class Source(Shape):
    extensible = False
    type: PartyType
    source: Uri


class Destination(Shape):
    extensible = False
    type: PartyType
    destination: Uri


class ErrorDeclaration(Shape):
    declarationTime: Instant  # noqa: N815
    reason: Reason | None = None
    correctiveEventIDs: list[Uri] = []  # noqa: N815


class PersistentDisposition(Shape):
    extensible = False
    set: Annotated[list[Disposition], AfterValidator(_distinct), Field(min_length=1)] | None = None
    unset: Annotated[list[Disposition], AfterValidator(_distinct), Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "PersistentDisposition":
        if self.set is None and self.unset is None:
            raise ValueError("expected set or unset, got none")
        return self


Number = int | float | None


class SensorMetadata(Shape):
    time: Instant | None = None
    startTime: Instant | None = None  # noqa: N815
    endTime: Instant | None = None  # noqa: N815
    deviceID: Uri | None = None  # noqa: N815
    deviceMetadata: Uri | None = None  # noqa: N815
    rawData: Uri | None = None  # noqa: N815
    dataProcessingMethod: Uri | None = None  # noqa: N815
    bizRules: Uri | None = None  # noqa: N815


class SensorReport(SensorMetadata):
    """A reading: a trade does not look at it, but it has to be one."""

    type: str
    exception: str | None = None
    microorganism: Uri | None = None
    chemicalSubstance: Uri | None = None  # noqa: N815
    coordinateReferenceSystem: Uri | None = None  # noqa: N815
    component: str | None = None
    value: Number = None
    minValue: Number = None  # noqa: N815
    maxValue: Number = None  # noqa: N815
    meanValue: Number = None  # noqa: N815
    sDev: Number = None  # noqa: N815
    percRank: Number = None  # noqa: N815
    percValue: Number = None  # noqa: N815
    stringValue: str | None = None  # noqa: N815
    booleanValue: bool | None = None  # noqa: N815
    hexBinaryValue: str | None = None  # noqa: N815
    uriValue: Uri | None = None  # noqa: N815
    uom: str | None = None


class SensorElement(Shape):
    sensorMetadata: SensorMetadata | None = None  # noqa: N815
    sensorReport: list[SensorReport] = Field(min_length=1)  # noqa: N815


class Event(Shape):
    """What the five event types share and a trade looks at."""

    type: str
    eventTime: Instant  # noqa: N815
    eventTimeZoneOffset: Annotated[str, AfterValidator(_offset)]  # noqa: N815
    recordTime: Instant | None = None  # noqa: N815
    eventID: Uri | None = None  # noqa: N815
    certificationInfo: Uri | list[Uri] | None = None  # noqa: N815
    errorDeclaration: ErrorDeclaration | None = None  # noqa: N815
    bizStep: BizStep | None = None  # noqa: N815
    disposition: Disposition | None = None
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
    epcList: Uris | None = None  # noqa: N815
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
    epcList: Uris | None = None  # noqa: N815
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
    inputEPCList: Uris = []  # noqa: N815
    inputQuantityList: list[Quantity] = []  # noqa: N815
    outputEPCList: Uris = []  # noqa: N815
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
