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
    unawarded_bps: int | None = Field(default=None, ge=0, le=BPS)
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


def check_terms(terms: TermsInput, salt: bytes, context: Context) -> doc.TermsDocument:
    """Check what the fields say together and return the terms document.

    Accounts of another bank's customers stay open: that bank fills them in.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    _check_currency("invoice.currency", terms.invoice.currency, context)
    _check_currency("funding.currency", terms.funding.currency, context)
    amount = parse_amount("invoice.amount", terms.invoice.amount, terms.invoice.currency)
    _check_policy(terms)
    if _instant(terms.fund_by) < context.now_s:
        _refuse("fund_by", f"a time not before ledger time {_shown(context.now_s)}", terms.fund_by.isoformat())
    _check_parties(terms, context)
    _check_milestones(terms, amount, context)
    _check_payees(terms, context)
    return doc.TermsDocument(
        schema=doc.SCHEMA,
        reference=terms.reference,
        goods=terms.goods,
        incoterms=terms.incoterms,
        importer=_party(terms.importer, context),
        exporter=_party(terms.exporter, context),
        arbiter=_institution("arbiter", terms.arbiter, ARBITER_ROLE, "ARBITER", context),
        invoice=doc.Invoice(number=terms.invoice.number, currency=terms.invoice.currency, amount_minor=str(amount)),
        funding=doc.Funding(currency=terms.funding.currency, policy=doc.POLICIES[terms.funding.policy]),
        shipment=doc.Shipment(references=tuple(terms.shipment.references)),
        milestones=tuple(_milestone(index, item, context) for index, item in enumerate(terms.milestones)),
        payees=tuple(_payee(item, context) for item in terms.payees),
        windows=_windows(terms),
        fund_by_s=_instant(terms.fund_by),
        hold_expires_at_s=_hold_expiry(terms, context),
        salt="0x" + salt.hex(),
    )


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


def _check_currency(field: str, code: str, context: Context) -> None:
    if code not in context.deployment.tokens:
        known = ", ".join(sorted(context.deployment.tokens))
        _refuse(field, f"a currency of this network ({known})", code)


def _check_policy(terms: TermsInput) -> None:
    policy, same = terms.funding.policy, terms.funding.currency == terms.invoice.currency
    if policy not in doc.POLICIES:
        _refuse("funding.policy", f"one of {', '.join(doc.POLICIES)}", policy)
    if policy == "none" and not same:
        _refuse(
            "funding.currency", f"{terms.invoice.currency}, as policy none converts nothing", terms.funding.currency
        )
    if policy == "convert_now" and same:
        _refuse("funding.policy", "none, as both currencies are the same", policy)


def _check_parties(terms: TermsInput, context: Context) -> None:
    for side, party in (("importer", terms.importer), ("exporter", terms.exporter)):
        _bank(f"{side}.bank", party.bank, context)
        if party.bank == context.bank and _account(party.bank, party.customer, party.account, context) is None:
            _refuse(f"{side}.customer", f"a customer of {context.bank}", party.customer)
    if (terms.importer.bank, terms.importer.customer) == (terms.exporter.bank, terms.exporter.customer):
        _refuse("exporter", "another party than the importer", terms.exporter.customer)
    if context.bank not in (terms.importer.bank, terms.exporter.bank):
        _refuse("importer.bank", f"{context.bank} as the bank of one side", terms.importer.bank)


def _check_milestones(terms: TermsInput, amount: int, context: Context) -> None:
    parties = {terms.importer.bank, terms.exporter.bank}
    for index, milestone in enumerate(terms.milestones):
        path = f"milestones.{index}"
        if not 0 < milestone.weight_bps <= BPS:
            _refuse(f"{path}.weight_bps", f"basis points from 1 to {BPS}", milestone.weight_bps)
        if _instant(milestone.deadline) <= context.now_s:
            expected = f"a time after ledger time {_shown(context.now_s)}"
            _refuse(f"{path}.deadline", expected, milestone.deadline.isoformat())
        if _instant(milestone.deadline) <= _instant(terms.fund_by):
            _refuse(f"{path}.deadline", f"a time after fund_by {_shown(_instant(terms.fund_by))}", milestone.deadline)
        count = len(milestone.attesters)
        if len(set(milestone.attesters)) != count:
            _refuse(f"{path}.attesters", "every attester once", ", ".join(milestone.attesters))
        if not count < 2 * milestone.quorum <= 2 * count:
            _refuse(f"{path}.quorum", f"more than half of {count} attesters and not more than all", milestone.quorum)
        for position, attester in enumerate(milestone.attesters):
            if attester in parties or attester == terms.arbiter:
                _refuse(
                    f"{path}.attesters.{position}", "an institution that is no party, bank or arbiter of it", attester
                )
    total = sum(milestone.weight_bps for milestone in terms.milestones)
    if total != BPS:
        _refuse("milestones.weight_bps", f"weights that add up to {BPS}", total)
    try:
        milestone_slices(amount, [milestone.weight_bps for milestone in terms.milestones])
    except FxRejectedError as error:
        raise TermsRejectedError(
            "milestones.weight_bps", "a slice above zero for each milestone", "one of zero"
        ) from error


def _check_payees(terms: TermsInput, context: Context) -> None:
    for index, payee in enumerate(terms.payees):
        if not 0 < payee.share_bps <= BPS:
            _refuse(f"payees.{index}.share_bps", f"basis points from 1 to {BPS}", payee.share_bps)
        _bank(f"payees.{index}.bank", payee.bank, context)
        if payee.bank == context.bank and _account(payee.bank, payee.customer, payee.account, context) is None:
            _refuse(f"payees.{index}.customer", f"a customer of {context.bank}", payee.customer)
    total = sum(payee.share_bps for payee in terms.payees)
    if total > BPS:
        _refuse("payees.share_bps", f"shares that add up to at most {BPS}", total)


def _hold_expiry(terms: TermsInput, context: Context) -> int:
    """Return when the holds expire, after the last deadline and every window that may follow it."""
    last = max(_instant(milestone.deadline) for milestone in terms.milestones)
    windows = terms.windows
    least = last + windows.dispute_s + windows.award_s + windows.call_s + windows.grace_s + DAY_S
    expiry = least if terms.hold_expires is None else _instant(terms.hold_expires)
    if expiry < least:
        expected = f"at or after {_shown(least)} (last deadline, every window, one day)"
        _refuse("hold_expires", expected, _shown(expiry))
    if expiry > context.now_s + HOLD_DAYS_MAX * DAY_S:
        field = "milestones.deadline" if terms.hold_expires is None else "hold_expires"
        _refuse(field, f"a hold of at most {HOLD_DAYS_MAX} days, windows included", _shown(expiry))
    return expiry


def _windows(terms: TermsInput) -> doc.Windows:
    given = terms.windows
    return doc.Windows(
        dispute_s=given.dispute_s,
        award_s=given.award_s,
        unawarded_bps=given.unawarded_bps,
        call_s=given.call_s,
        choice_s=given.choice_s,
        grace_s=given.grace_s,
    )


def _milestone(index: int, item: MilestoneInput, context: Context) -> doc.Milestone:
    return doc.Milestone(
        kind=item.kind,
        weight_bps=item.weight_bps,
        deadline_s=_instant(item.deadline),
        quorum=item.quorum,
        silence=item.silence,
        attesters=tuple(
            _institution(f"milestones.{index}.attesters.{position}", attester, ATTESTER_ROLE, "ATTESTER", context)
            for position, attester in enumerate(item.attesters)
        ),
        place=item.place,
    )


def _party(party: PartyInput, context: Context) -> doc.Party:
    account = _account(party.bank, party.customer, party.account, context)
    return doc.Party(bank=party.bank, customer=party.customer, name=party.name, account=account)


def _payee(payee: PayeeInput, context: Context) -> doc.Payee:
    return doc.Payee(
        name=payee.name,
        bank=payee.bank,
        customer=payee.customer,
        account=_account(payee.bank, payee.customer, payee.account, context),
        share_bps=payee.share_bps,
        purpose=payee.purpose,
    )


def _account(bank: str, customer: str | None, given: str | None, context: Context) -> str | None:
    if given is not None:
        return doc.checked_address(given)
    if customer is None:
        return _bank("bank", bank, context).address
    return context.own_account(customer) if bank == context.bank else None


def _bank(field: str, institution_id: str, context: Context) -> ParticipantInfo:
    try:
        return context.deployment.participant(institution_id)
    except ClientRejectedError as error:
        raise TermsRejectedError(field, "an institution of this network", institution_id) from error


def _institution(field: str, institution_id: str, role: int, role_name: str, context: Context) -> doc.Institution:
    found = _bank(field, institution_id, context)
    if not found.roles & role:
        _refuse(field, f"an institution registered as {role_name}", institution_id)
    return doc.Institution(institution=found.id, account=found.address)


def _instant(moment: datetime) -> int:
    return int(moment.timestamp())


def _shown(seconds: int) -> str:
    return doc.shown_time(seconds)


def _refuse(field: str, expected: str, got: object) -> NoReturn:
    raise TermsRejectedError(field, expected, got)
