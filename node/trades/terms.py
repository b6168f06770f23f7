"""Terms as a person writes them: one TOML file, checked field by field.

The file names parties, amounts and times as people do; `check_terms` turns it into the terms document
(`document.py`), which is what both sides sign. Format: docs/spec/terms.md.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, NoReturn

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contracts.client.deployment import Deployment, ParticipantInfo
from contracts.client.errors import RejectedError as ClientRejectedError
from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from fx.money import Money
from fx.slices import milestone_slices
from node.trades import document as doc
from node.trades.document import TermsDocument, shown_time
from node.trades.errors import TermsRejectedError
from node.trades.limits import (
    ATTESTERS_MAX,
    MILESTONES_MAX,
    PAYEES_MAX,
    SHIPMENT_REFERENCES_MAX,
    TERMS_BYTES_MAX,
    TEXT_LENGTH_MAX,
)
from node.trades.problems import first_problem

ATTESTER_ROLE: Final = 8
ARBITER_ROLE: Final = 16
BPS: Final = 10_000
DAY_S: Final = 86_400
HOLD_DAYS_MAX: Final = 400
"""SettlementToken refuses holds further ahead."""
AMOUNT_BITS: Final = 72
KINDS: Final = ("loaded", "departed", "arrived", "delivered", "inspected")

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
    """A customer of a bank. `account` is only needed for a wallet the bank does not hold."""

    bank: Id
    customer: Id
    name: Name
    account: str | None = None


class InvoiceInput(_Strict):
    number: Annotated[str, Field(min_length=1, max_length=35)]
    currency: CurrencyCode
    amount: str


class FundingInput(_Strict):
    currency: CurrencyCode
    policy: str


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
    call_s: int = Field(default=0, ge=0, le=30 * DAY_S)
    choice_s: int = Field(default=0, ge=0, le=DAY_S)
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


@dataclass(frozen=True, slots=True)
class Context:
    """What terms are checked against."""

    now_s: int
    deployment: Deployment
    bank: str
    """Whose desk checks: it fills in the accounts of its own customers."""
    own_account: Callable[[str], str | None]
    """Customer id of this bank to address, None if unknown."""


def parse_terms(data: bytes) -> TermsInput:
    """Read a terms file.

    Raises:
        TermsRejectedError: too large, not TOML, an unknown key or a value of the wrong type; names the field.
    """
    if len(data) > TERMS_BYTES_MAX:
        _refuse("terms", f"at most {TERMS_BYTES_MAX} bytes", f"{len(data)} bytes")
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


def check_terms(terms: TermsInput, salt: bytes, context: Context, invoice_hash: bytes | None = None) -> TermsDocument:
    """Check what the fields say together and return the terms document.

    Accounts of another bank's customers stay open: that bank fills them in.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    document = _build(terms, salt, context, invoice_hash)
    check_document(document, context)
    return document


def check_document(document: TermsDocument, context: Context) -> None:
    """Check a terms document, ours or the other bank's, against the network, the clock and itself.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    _check_money(document, context)
    if document.fund_by_s < context.now_s:
        _refuse("fund_by", f"a time not before ledger time {shown_time(context.now_s)}", shown_time(document.fund_by_s))
    _check_parties(document, context)
    _check_milestones(document, context)
    _check_payees(document, context)
    _check_expiry(document, context)


def parse_amount(field: str, text: str, currency: str) -> int:
    """Return `text`, a plain decimal number above zero, in minor units of the currency."""
    try:
        amount = Money.parse(text, currency).amount_minor
    except FxRejectedError as error:
        exponent = get_currency(currency).exponent
        expected = f"a decimal number above zero with at most {exponent} decimals, as text"
        raise TermsRejectedError(field, expected, text) from error
    if amount <= 0:
        _refuse(field, "an amount above zero", text)
    return amount


def _build(terms: TermsInput, salt: bytes, context: Context, invoice_hash: bytes | None) -> TermsDocument:
    _check_currency("invoice.currency", terms.invoice.currency, context)
    _check_currency("funding.currency", terms.funding.currency, context)
    if terms.funding.policy not in doc.POLICIES:
        _refuse("funding.policy", f"one of {', '.join(doc.POLICIES)}", terms.funding.policy)
    amount = parse_amount("invoice.amount", terms.invoice.amount, terms.invoice.currency)
    for index, milestone in enumerate(terms.milestones):
        if not 0 < milestone.weight_bps <= BPS:
            _refuse(f"milestones.{index}.weight_bps", f"basis points from 1 to {BPS}", milestone.weight_bps)
        if not 0 < milestone.quorum <= len(milestone.attesters):
            expected = f"more than half of {len(milestone.attesters)} attesters and not more than all"
            _refuse(f"milestones.{index}.quorum", expected, milestone.quorum)
    for index, payee in enumerate(terms.payees):
        if not 0 < payee.share_bps <= BPS:
            _refuse(f"payees.{index}.share_bps", f"basis points from 1 to {BPS}", payee.share_bps)
    return TermsDocument(
        schema=doc.SCHEMA,
        reference=terms.reference,
        goods=terms.goods,
        incoterms=terms.incoterms,
        importer=_party("importer", terms.importer, context),
        exporter=_party("exporter", terms.exporter, context),
        arbiter=_institution("arbiter", terms.arbiter, context),
        invoice=doc.Invoice(
            number=terms.invoice.number,
            currency=terms.invoice.currency,
            amount_minor=str(amount),
            sha256=None if invoice_hash is None else invoice_hash.hex(),
        ),
        funding=doc.Funding(currency=terms.funding.currency, policy=doc.POLICIES[terms.funding.policy]),
        shipment=doc.Shipment(references=tuple(terms.shipment.references)),
        milestones=tuple(_milestone(index, item, context) for index, item in enumerate(terms.milestones)),
        payees=tuple(_payee(f"payees.{index}", item, context) for index, item in enumerate(terms.payees)),
        windows=_windows(terms.windows),
        fund_by_s=_instant(terms.fund_by),
        hold_expires_at_s=_hold_expiry(terms),
        salt="0x" + salt.hex(),
    )


def _check_currency(field: str, code: str, context: Context) -> None:
    if code not in context.deployment.tokens:
        known = ", ".join(sorted(context.deployment.tokens))
        _refuse(field, f"a currency of this network ({known})", code)


def _check_money(document: TermsDocument, context: Context) -> None:
    invoice, funding = document.invoice, document.funding
    _check_currency("invoice.currency", invoice.currency, context)
    _check_currency("funding.currency", funding.currency, context)
    if document.amount_minor.bit_length() > AMOUNT_BITS:
        _refuse("invoice.amount", f"an amount below 2^{AMOUNT_BITS} minor units", invoice.amount_minor)
    if funding.policy == "none" and funding.currency != invoice.currency:
        _refuse("funding.currency", f"{invoice.currency}, as policy none converts nothing", funding.currency)
    if funding.policy == "convert_now" and funding.currency == invoice.currency:
        _refuse("funding.policy", "none, as both currencies are the same", funding.policy)


def _check_parties(document: TermsDocument, context: Context) -> None:
    importer, exporter = document.importer, document.exporter
    for side, party in (("importer", importer), ("exporter", exporter)):
        _find(f"{side}.bank", party.bank, context)
        _check_account(side, party.bank, party.customer, party.account, context)
    if (importer.bank, importer.customer) == (exporter.bank, exporter.customer):
        _refuse("exporter", "another party than the importer", exporter.customer)
    if importer.account is not None and importer.account == exporter.account:
        _refuse("exporter.account", "another account than the importer's", exporter.account)
    if context.bank not in (importer.bank, exporter.bank):
        _refuse("importer.bank", f"{context.bank} as the bank of one side", importer.bank)
    _check_role("arbiter", document.arbiter, ARBITER_ROLE, "ARBITER", context)
    if document.arbiter.institution in (importer.bank, exporter.bank):
        _refuse("arbiter", "an institution that is no party or bank of the trade", document.arbiter.institution)


def _check_milestones(document: TermsDocument, context: Context) -> None:
    for index, milestone in enumerate(document.milestones):
        _check_deadline(f"milestones.{index}.deadline", milestone.deadline_s, document, context)
        _check_attesters(f"milestones.{index}", milestone, document, context)
    weights = [milestone.weight_bps for milestone in document.milestones]
    if sum(weights) != BPS:
        _refuse("milestones.weight_bps", f"weights that add up to {BPS}", sum(weights))
    try:
        milestone_slices(document.amount_minor, weights)
    except FxRejectedError as error:
        expected = "a slice above zero for each milestone"
        raise TermsRejectedError("milestones.weight_bps", expected, "one of zero") from error


def _check_deadline(path: str, deadline_s: int, document: TermsDocument, context: Context) -> None:
    if deadline_s <= context.now_s:
        _refuse(path, f"a time after ledger time {shown_time(context.now_s)}", shown_time(deadline_s))
    if deadline_s <= document.fund_by_s:
        _refuse(path, f"a time after fund_by {shown_time(document.fund_by_s)}", shown_time(deadline_s))


def _check_attesters(path: str, milestone: doc.Milestone, document: TermsDocument, context: Context) -> None:
    names = [attester.institution for attester in milestone.attesters]
    if milestone.kind not in KINDS:
        _refuse(f"{path}.kind", f"one of {', '.join(KINDS)}", milestone.kind)
    if len(set(names)) != len(names):
        _refuse(f"{path}.attesters", "every attester once", ", ".join(names))
    if not len(names) < 2 * milestone.quorum <= 2 * len(names):
        expected = f"more than half of {len(names)} attesters and not more than all"
        _refuse(f"{path}.quorum", expected, milestone.quorum)
    involved = {document.importer.bank, document.exporter.bank, document.arbiter.institution}
    parties = {document.importer.account, document.exporter.account}
    for position, attester in enumerate(milestone.attesters):
        field = f"{path}.attesters.{position}"
        if attester.institution in involved or attester.account in parties:
            expected = "an institution that is no party, bank or arbiter of the trade"
            _refuse(field, expected, attester.institution)
        _check_role(field, attester, ATTESTER_ROLE, "ATTESTER", context)


def _check_payees(document: TermsDocument, context: Context) -> None:
    for index, payee in enumerate(document.payees):
        _find(f"payees.{index}.bank", payee.bank, context)
        _check_account(f"payees.{index}", payee.bank, payee.customer, payee.account, context)
    total = sum(payee.share_bps for payee in document.payees)
    if total > BPS:
        _refuse("payees.share_bps", f"shares that add up to at most {BPS}", total)


def _check_account(path: str, bank: str, customer: str | None, account: str | None, context: Context) -> None:
    """Only the bank of a customer knows whether the account is right; an institution's own is in the directory."""
    if customer is None:
        expected = _find(f"{path}.bank", bank, context).address
    elif bank == context.bank:
        known = context.own_account(customer)
        if known is None and account is None:
            _refuse(f"{path}.customer", f"a customer of {context.bank}", customer)
        expected = known or account or ""
    else:
        return
    if account is not None and account != expected:
        _refuse(f"{path}.account", expected, account)


def _check_expiry(document: TermsDocument, context: Context) -> None:
    least = _least_expiry([milestone.deadline_s for milestone in document.milestones], document.windows)
    expiry = document.hold_expires_at_s
    if expiry < least:
        expected = f"at or after {shown_time(least)} (last deadline, every window, one day)"
        _refuse("hold_expires", expected, shown_time(expiry))
    if expiry > context.now_s + HOLD_DAYS_MAX * DAY_S:
        _refuse("hold_expires", f"a hold of at most {HOLD_DAYS_MAX} days, windows included", shown_time(expiry))


def _least_expiry(deadlines_s: list[int], windows: doc.Windows) -> int:
    """Return the earliest allowed expiry of the holds: every window may follow the last deadline, then a day."""
    return max(deadlines_s) + windows.dispute_s + windows.award_s + windows.call_s + windows.grace_s + DAY_S


def _hold_expiry(terms: TermsInput) -> int:
    if terms.hold_expires is not None:
        return _instant(terms.hold_expires)
    return _least_expiry([_instant(item.deadline) for item in terms.milestones], _windows(terms.windows))


def _windows(given: WindowsInput) -> doc.Windows:
    return doc.Windows(
        dispute_s=given.dispute_s,
        award_s=given.award_s,
        unawarded_bps=given.unawarded_bps,
        call_s=given.call_s,
        choice_s=given.choice_s,
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


def _party(path: str, party: PartyInput, context: Context) -> doc.Party:
    account = _account(path, party.bank, party.customer, party.account, context)
    return doc.Party(bank=party.bank, customer=party.customer, name=party.name, account=account)


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
        return _find(f"{path}.bank", bank, context).address
    return context.own_account(customer) if bank == context.bank else None


def _find(field: str, institution_id: str, context: Context) -> ParticipantInfo:
    try:
        return context.deployment.participant(institution_id)
    except ClientRejectedError as error:
        raise TermsRejectedError(field, "an institution of this network", institution_id) from error


def _institution(field: str, institution_id: str, context: Context) -> doc.Institution:
    found = _find(field, institution_id, context)
    return doc.Institution(institution=found.id, account=found.address)


def _check_role(field: str, named: doc.Institution, role: int, role_name: str, context: Context) -> None:
    found = _find(field, named.institution, context)
    if not found.roles & role:
        _refuse(field, f"an institution registered as {role_name}", named.institution)
    if found.address != named.account:
        _refuse(f"{field}.account", found.address, named.account)


def _instant(moment: datetime) -> int:
    return int(moment.timestamp())


def _refuse(field: str, expected: str, got: object) -> NoReturn:
    raise TermsRejectedError(field, expected, got)
