"""What the API takes and gives about applications."""

from typing import Annotated, Any, Literal

from pydantic import Field

from node.customers.kyc import Fields
from node.customers.limits import REASON_CHARS_MAX
from node.customers.onboarding import shown_fields
from node.customers.store import ApplicationRow, KycDocumentRow
from node.web.schemas import Answer, Order, Time

Risk = Literal["low", "medium", "high"]
DocumentKind = Literal["identity", "register", "address", "ownership", "other"]
State = Literal["draft", "submitted", "approved", "declined"]


class ApplicationIn(Order):
    """Somebody who wants to become a customer."""

    customer: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,54}$", description="Id that the customer will have; it stays")
    fields: Fields


class FieldsIn(Order):
    """Another version of the fields."""

    fields: Fields


class ApprovalIn(Order):
    """The checker's view."""

    risk: Risk


class DeclineApplicationIn(Order):
    """Why not."""

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARS_MAX)]


class KycDocumentOut(Answer):
    """A document of an application."""

    id: str
    kind: DocumentKind
    name: str
    media_type: str
    sha256: str = Field(description="Hex")
    added_by: str
    added_at_s: Time

    @classmethod
    def of(cls, row: KycDocumentRow) -> "KycDocumentOut":
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "sha256"}
        return cls(**fields, sha256=row.sha256.hex())


class ApplicationOut(Answer):
    """An application."""

    id: str
    customer: str
    kind: Literal["company", "person"]
    state: State
    fields: dict[str, Any]
    documents: list[KycDocumentOut]
    writers: list[str] = Field(description="None of them decides")
    risk: Risk | None
    decided_by: str | None
    reason: str | None
    made_at_s: Time = Field(description="Of the clock on the wall, as all times here")
    changed_at_s: Time

    @classmethod
    def of(cls, row: ApplicationRow, documents: "list[KycDocumentRow]") -> "ApplicationOut":
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in ("documents", "fields")}
        return cls(**plain, fields=shown_fields(row), documents=[KycDocumentOut.of(one) for one in documents])


class ClosedOut(Answer):
    """A customer that the institution has parted from, or forgotten."""

    id: str
    name: str = Field(description="Empty once it is erased")
    closed_at_s: Time | None
