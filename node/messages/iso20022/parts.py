"""What messages are made of: who, which account, which payment, why. Plain values; they are judged in a message."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fx.money import Money


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address, structured, with up to two lines for what has no place of its own."""

    country: str
    """ISO 3166, two letters."""
    town: str
    street: str | None = None
    building: str | None = None
    post_code: str | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClearingMember:
    """A member of a clearing system: its code (`USABA`), where it is told, and the member's id there."""

    system: str | None
    member: str


@dataclass(frozen=True, slots=True)
class Agent:
    """A financial institution: by BIC, by LEI, or by clearing member with name and address."""

    bic: str | None = None
    lei: str | None = None
    clearing: ClearingMember | None = None
    name: str | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """A customer."""

    name: str | None
    address: Address | None = None
    lei: str | None = None
    bic: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its IBAN, or its number (at most 34 characters) where it has none."""

    iban: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Remittance:
    """What a payment is for: a reference (of a trade) of at most 35 characters, and words of at most 140."""

    reference: str | None = None
    text: str | None = None
    invoice: str | None = None
    """Number of the commercial invoice that is paid, at most 35 characters."""


class ChargeBearer(StrEnum):
    """Who bears the charges."""

    DEBTOR = "DEBT"
    CREDITOR = "CRED"
    SHARED = "SHAR"


class SettlementMethod(StrEnum):
    """On whose books, or by which cover, a transfer settles."""

    INSTRUCTED_AGENT = "INDA"
    INSTRUCTING_AGENT = "INGA"
    COVER = "COVE"


@dataclass(frozen=True, slots=True)
class Settlement:
    """How agents settle between themselves."""

    method: SettlementMethod
    account: Account | None = None
    instructing_reimbursement: Agent | None = None
    """With COVER."""
    instructed_reimbursement: Agent | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The payment that another message speaks of."""

    message_id: str
    definition: str
    """Such as pacs.008.001.08."""
    uetr: str
    end_to_end_id: str | None = None
    instruction_id: str | None = None
    amount: Money | None = None
    settlement_on: date | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a code of the ISO 20022 external code sets, and words of at most 105 characters a line."""

    code: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """The business application header of a message; its message definition is the message's."""

    message_id: str
    sender: Agent
    recipient: Agent
    created_s: int
    service: str | None = None
    """Such as swift.cbprplus.02."""
    is_duplicate: bool = False
