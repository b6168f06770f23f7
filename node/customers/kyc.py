"""What is asked before somebody becomes a customer: who they are, who owns them, what they want to do.

Source: FATF recommendations 10 and 24; Wolfsberg CBDDQ for the words.
"""

import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from node.customers.limits import LONG_TEXT_CHARS_MAX, OWNERS_MAX, TEXT_CHARS_MAX
from node.participants.addresses import PostalAddress
from node.participants.errors import InvalidIdentifierError
from node.participants.identifiers import validate_country, validate_lei
from node.web.schemas import Order

DOCUMENT_KINDS: Final = ("identity", "register", "address", "ownership", "other")
REQUIRED_DOCUMENTS: Final = {"company": ("register", "ownership"), "person": ("identity", "address")}
"""Kinds of documents that an application needs before it is submitted."""


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("expected printable characters with no space at either end")
    return text


def _country(text: str) -> str:
    try:
        validate_country(text)
    except InvalidIdentifierError as error:
        raise ValueError("expected a country of ISO 3166, two capital letters") from error
    return text


def _lei(text: str) -> str:
    try:
        validate_lei(text)
    except InvalidIdentifierError as error:
        raise ValueError("expected an LEI (ISO 17442) with right check digits") from error
    return text


def _past(date: datetime.date) -> datetime.date:
    if not datetime.date(1850, 1, 1) <= date <= datetime.datetime.now(datetime.UTC).date():
        raise ValueError("expected a date between 1850 and today")
    return date


Text = Annotated[str, AfterValidator(_printable), Field(min_length=1, max_length=TEXT_CHARS_MAX)]
LongText = Annotated[str, Field(min_length=1, max_length=LONG_TEXT_CHARS_MAX)]
Country = Annotated[str, AfterValidator(_country), Field(examples=["NL"])]
Lei = Annotated[str, AfterValidator(_lei), Field(examples=["9999DEV02PLDRBANK004"])]
PastDate = Annotated[datetime.date, AfterValidator(_past)]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164", examples=["+31201234567"])]
Email = Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$", max_length=254)]
Share = Annotated[int, Field(ge=0, le=10_000, description="Basis points")]


class Person(Order):
    """A natural person."""

    name: Text
    born_on: PastDate
    nationality: Country
    address: PostalAddress
    is_politically_exposed: bool


class Owner(Person):
    """Somebody who owns or controls a company."""

    share_bps: Share
    controls_otherwise: bool = Field(False, description="Without owning a quarter: as a director, by contract")


class CompanyFields(Order):
    """A company that wants to become a customer."""

    kind: Literal["company"]
    legal_name: Text
    registered_in: Country
    registration_number: Text
    founded_on: PastDate
    lei: Lei | None = None
    tax_number: Text | None = None
    address: PostalAddress
    business: LongText = Field(description="What it does, with what goods")
    trades_with: list[Country] = Field(max_length=50, description="Countries it will pay or be paid from")
    expected_monthly: Text = Field(description="Amount and currency it expects to move", examples=["250,000 EUR"])
    funds_come_from: LongText
    owners: list[Owner] = Field(min_length=1, max_length=OWNERS_MAX)
    contact: Text
    email: Email
    phone: Phone


class PersonFields(Person):
    """A natural person who wants to become a customer."""

    kind: Literal["person"]
    occupation: Text
    tax_number: Text | None = None
    expected_monthly: Text
    funds_come_from: LongText
    email: Email
    phone: Phone


Fields = Annotated[CompanyFields | PersonFields, Field(discriminator="kind")]


def name_of(fields: CompanyFields | PersonFields) -> str:
    """Return the name that a customer will have."""
    return fields.legal_name if isinstance(fields, CompanyFields) else fields.name


def is_exposed(fields: CompanyFields | PersonFields) -> bool:
    """Tell whether a politically exposed person is among them: then nothing below `high` is right."""
    people = fields.owners if isinstance(fields, CompanyFields) else [fields]
    return any(one.is_politically_exposed for one in people)
