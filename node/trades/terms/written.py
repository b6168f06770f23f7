"""Terms as a person writes them: one TOML file, checked field by field.

The file names parties, amounts and times as people do; `check_terms` turns it into the terms document
(`document.py`), which is what both sides sign. Format: docs/spec/terms.md.
"""

import tomllib
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from fx.money import Money
from node.participants.addresses import PostalAddress
from node.trades.errors import TermsRejectedError
from node.trades.limits import (
    ATTESTERS_MAX,
    MILESTONES_MAX,
    PAYEES_MAX,
    SHIPMENT_REFERENCES_MAX,
    TERMS_BYTES_MAX,
    TEXT_LENGTH_MAX,
)
from node.trades.terms import document as doc
from node.trades.terms.checks import check_document, find_institution, least_expiry
from node.trades.terms.context import BPS, DAY_S, Context, check_currency, refuse
from node.trades.terms.document import TermsDocument
from node.trades.terms.fx import FloatInput, build_float
from node.trades.terms.problems import first_problem

CHOICE_S: Final = 3_600
"""How long a float's importer chooses the quote, unless the terms say otherwise."""

MilestoneKind = Literal["loaded", "departed", "arrived", "delivered", "inspected"]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,34}$")]
Name = Annotated[str, Field(min_length=1, max_length=140)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Text = Annotated[str, Field(max_length=TEXT_LENGTH_MAX)]


def _uri(text: str) -> str:
    if ":" not in text or any(character.isspace() for character in text) or len(text) > 300:
        raise ValueError("expected a URI such as urn:epc:id:sscc:6161234.1000000017")
    return text


Uri = Annotated[str, AfterValidator(_uri)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class PartyInput(_Strict):
    """A customer of a bank. `account` is only needed for a wallet the bank does not hold.

    Without `address` its bank puts in what it knows, together with the account.
    """

    bank: Id
    customer: Id
    name: Name
    account: str | None = None
    address: PostalAddress | None = None


class InvoiceInput(_Strict):
    number: Annotated[str, Field(min_length=1, max_length=35)]
    currency: CurrencyCode
    amount: str


class FundingInput(_Strict):
    currency: CurrencyCode
    policy: str
    float_: FloatInput | None = Field(default=None, alias="float")


class ShipmentInput(_Strict):
    """Identifiers that mark an event as being about these goods, compared as written."""

    references: list[Uri] = Field(min_length=1, max_length=SHIPMENT_REFERENCES_MAX)


class MilestoneInput(_Strict):
    kind: MilestoneKind
    weight_bps: int
    deadline: AwareDatetime
    attesters: list[Id] = Field(min_length=1, max_length=ATTESTERS_MAX)
    quorum: int
    silence: Literal["refund", "pay"] = "refund"
    place: Uri | None = None


class PayeeInput(_Strict):
    """A share of what the exporter earns, paid at each settlement; without `customer`, the bank's own account."""

    name: Name
    bank: Id
    customer: Id | None = None
    account: str | None = None
    share_bps: int
    purpose: Literal["tax", "fee", "financing", "other"]


class WindowsInput(_Strict):
    dispute_s: int = Field(default=DAY_S, ge=0, le=60 * DAY_S)
    award_s: int = Field(default=7 * DAY_S, ge=0, le=120 * DAY_S)
    unawarded_bps: int | None = Field(default=None, ge=1, le=BPS)
    call_s: int | None = Field(default=None, ge=0, le=30 * DAY_S)
    choice_s: int | None = Field(default=None, ge=0, le=DAY_S)
    grace_s: int = Field(default=3 * DAY_S, ge=0, le=30 * DAY_S)


class TermsInput(_Strict):
    """One terms file."""

    schema_: Literal["landfall-terms/1"] = Field(alias="schema")
    reference: Reference
    goods: Text
    incoterms: Annotated[str, Field(max_length=140)] | None = None
    arbiter: Id
    fund_by: AwareDatetime
    hold_expires: AwareDatetime | None = None
    importer: PartyInput
    exporter: PartyInput
    invoice: InvoiceInput
    funding: FundingInput
    shipment: ShipmentInput
    milestones: list[MilestoneInput] = Field(min_length=1, max_length=MILESTONES_MAX)
    payees: list[PayeeInput] = Field(default=[], max_length=PAYEES_MAX)
    windows: WindowsInput = WindowsInput()


def parse_terms(data: bytes) -> TermsInput:
    """Read a terms file.

    Raises:
        TermsRejectedError: too large, not TOML, an unknown key or a value of the wrong type; names the field.
    """
    if len(data) > TERMS_BYTES_MAX:
        refuse("terms", f"at most {TERMS_BYTES_MAX} bytes", f"{len(data)} bytes")
    try:
        raw = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TermsRejectedError("terms", "UTF-8 text", f"byte {error.start} that is not UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TermsRejectedError("terms", "TOML", str(error)[:200] or "too deep nesting") from error
    try:
        return TermsInput.model_validate(raw)
    except ValidationError as error:
        raise TermsRejectedError(*first_problem(error, whole="terms")) from error


def check_terms(
    terms: TermsInput,
    salt: bytes,
    context: Context,
    invoice_hash: bytes | None = None,
    known: TermsDocument | None = None,
) -> TermsDocument:
    """Check what the fields say together and return the terms document.

    Accounts of another bank's customers stay open: that bank fills them in.

    Args:
        known: The version before; its agreed rate stays unless the terms name one.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    document = build_document(terms, salt, context, invoice_hash, known)
    check_document(document, context)
    return document


def parse_amount(field: str, text: str, currency: str) -> int:
    """Return `text`, a plain decimal number above zero, in minor units of the currency."""
    try:
        amount = Money.parse(text, currency).amount_minor
    except FxRejectedError as error:
        exponent = get_currency(currency).exponent
        expected = f"a decimal number above zero with at most {exponent} decimals, as text"
        raise TermsRejectedError(field, expected, text) from error
    if amount <= 0:
        refuse(field, "an amount above zero", text)
    return amount


def build_document(
    terms: TermsInput, salt: bytes, context: Context, invoice_hash: bytes | None, known: TermsDocument | None
) -> TermsDocument:
    """Return the terms document of a file, with what has to be right for one to be made."""
    check_currency("invoice.currency", terms.invoice.currency, context)
    check_currency("funding.currency", terms.funding.currency, context)
    if terms.funding.policy not in doc.POLICIES:
        refuse("funding.policy", f"one of {', '.join(doc.POLICIES)}", terms.funding.policy)
    policy = doc.POLICIES[terms.funding.policy]
    agreed = None if known is None else known.funding.float_
    currencies = (terms.funding.currency, terms.invoice.currency)
    float_part = build_float(terms.funding.float_, policy, *currencies, context, agreed)
    amount = parse_amount("invoice.amount", terms.invoice.amount, terms.invoice.currency)
    for index, milestone in enumerate(terms.milestones):
        if not 0 < milestone.weight_bps <= BPS:
            refuse(f"milestones.{index}.weight_bps", f"basis points from 1 to {BPS}", milestone.weight_bps)
        if not 0 < milestone.quorum <= len(milestone.attesters):
            expected = f"more than half of {len(milestone.attesters)} attesters and not more than all"
            refuse(f"milestones.{index}.quorum", expected, milestone.quorum)
    for index, payee in enumerate(terms.payees):
        if not 0 < payee.share_bps <= BPS:
            refuse(f"payees.{index}.share_bps", f"basis points from 1 to {BPS}", payee.share_bps)
    return TermsDocument(
        schema=doc.SCHEMA,
        reference=terms.reference,
        goods=terms.goods,
        incoterms=terms.incoterms,
        importer=_party("importer", terms.importer, context, known),
        exporter=_party("exporter", terms.exporter, context, known),
        arbiter=_institution("arbiter", terms.arbiter, context),
        invoice=doc.Invoice(
            number=terms.invoice.number,
            currency=terms.invoice.currency,
            amount_minor=str(amount),
            sha256=None if invoice_hash is None else invoice_hash.hex(),
        ),
        funding=doc.Funding(currency=terms.funding.currency, policy=policy, float=float_part),
        shipment=doc.Shipment(references=tuple(terms.shipment.references)),
        milestones=tuple(_milestone(index, item, context) for index, item in enumerate(terms.milestones)),
        payees=tuple(_payee(f"payees.{index}", item, context) for index, item in enumerate(terms.payees)),
        windows=_windows(terms.windows, float_part),
        fund_by_s=_instant(terms.fund_by),
        hold_expires_at_s=_hold_expiry(terms, float_part),
        salt="0x" + salt.hex(),
    )


def _hold_expiry(terms: TermsInput, float_part: doc.FloatPart | None) -> int:
    if terms.hold_expires is not None:
        return _instant(terms.hold_expires)
    windows = _windows(terms.windows, float_part)
    return least_expiry([_instant(item.deadline) for item in terms.milestones], windows)


def _windows(given: WindowsInput, float_part: doc.FloatPart | None) -> doc.Windows:
    """Return the windows; what is left out is nothing where the policy has no use for it."""
    call_s = DAY_S if float_part is not None and float_part.calls_max else 0
    choice_s = 0 if float_part is None else CHOICE_S
    return doc.Windows(
        dispute_s=given.dispute_s,
        award_s=given.award_s,
        unawarded_bps=given.unawarded_bps,
        call_s=call_s if given.call_s is None else given.call_s,
        choice_s=choice_s if given.choice_s is None else given.choice_s,
        grace_s=given.grace_s,
    )


def _milestone(index: int, item: MilestoneInput, context: Context) -> doc.Milestone:
    attesters = enumerate(item.attesters)
    return doc.Milestone(
        kind=item.kind,
        weight_bps=item.weight_bps,
        deadline_s=_instant(item.deadline),
        quorum=item.quorum,
        silence=item.silence,
        attesters=tuple(_institution(f"milestones.{index}.attesters.{at}", name, context) for at, name in attesters),
        place=item.place,
    )


def _party(path: str, party: PartyInput, context: Context, known: TermsDocument | None) -> doc.Party:
    account = _account(path, party.bank, party.customer, party.account, context)
    address = party.address
    if address is None and known is not None:
        address = known.side(path).address
    if address is None and party.bank == context.bank:
        address = context.own_address(party.customer)
    return doc.Party(bank=party.bank, customer=party.customer, name=party.name, account=account, address=address)


def _payee(path: str, payee: PayeeInput, context: Context) -> doc.Payee:
    return doc.Payee(
        name=payee.name,
        bank=payee.bank,
        customer=payee.customer,
        account=_account(path, payee.bank, payee.customer, payee.account, context),
        share_bps=payee.share_bps,
        purpose=payee.purpose,
    )


def _account(path: str, bank: str, customer: str | None, given: str | None, context: Context) -> str | None:
    if given is not None:
        try:
            return doc.checked_address(given)
        except ValueError as error:
            raise TermsRejectedError(f"{path}.account", str(error).removeprefix("expected "), given) from error
    if customer is None:
        return find_institution(f"{path}.bank", bank, context).address
    return context.own_account(customer) if bank == context.bank else None


def _institution(field: str, institution_id: str, context: Context) -> doc.Institution:
    found = find_institution(field, institution_id, context)
    return doc.Institution(institution=found.id, account=found.address)


def _instant(moment: datetime) -> int:
    return int(moment.timestamp())
