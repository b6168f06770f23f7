"""camt.054: what a settlement has put on an account, and what it has taken from one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fx.money import Money
from node.messages.iso20022.formats.cash import CashReport, CashReportKind, Entry, EntryStatus
from node.messages.iso20022.parts import Party
from node.participants.directory import Institution
from node.trades.payments.people import NAME_CHARS_MAX, account_of, agent_of, party_of
from node.trades.payments.settled import INVOICE, SettledMilestone, Share
from node.trades.payments.transfer import Banks, remittance_of
from node.trades.payments.wording import end_to_end_id, in_set_x
from node.trades.terms.document import TermsDocument

DEFINITION: Final = CashReportKind.NOTIFICATION.value
# ISO 20022 bank transaction codes: families, then sub-families.
_RECEIVED: Final = "RCDT"
_ISSUED: Final = "ICDT"
_ADJUSTMENT: Final = "ADJT"
_CHARGE: Final = "CHRG"
_RETURN: Final = "RRTN"
_TEXT_CHARS_MAX: Final = 500
_REMARK_CHARS_MAX: Final = 140
# So that nine payees fit into one text.
_SHORT_NAME_CHARS: Final = 24


@dataclass(frozen=True, slots=True)
class About:
    """The payment that notifications are about."""

    document: TermsDocument
    banks: Banks
    uetr: str | None

    @property
    def transfer_code(self) -> str:
        """Sub-family of a transfer between these banks: within one's books, within a country, across a border."""
        if self.banks.are_one:
            return "BOOK"
        countries = {bank.bic[4:6] for bank in (self.banks.importer, self.banks.exporter)}
        return "XBCT" if len(countries) > 1 else "DMCT"


@dataclass(frozen=True, slots=True)
class Line:
    """An entry to be: a negative amount is a debit, none at all is left out."""

    amount: Money
    family: str
    sub_family: str
    text: str
    status: EntryStatus = EntryStatus.BOOKED


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose account it is, and who keeps it or speaks for it."""

    account: str
    owner: Party
    servicer: Institution
    creditor: Party
    """To whom what is told of has been paid: the owner, or the exporter."""


def credit_lines(about: About, settled: SettledMilestone, share: Share) -> list[Line]:
    """Return what a settlement has put on a payee's account; what the rate has made of it stands apart."""
    due = share.amount if share.due is None else share.due
    # Of the others' shares only the exporter's side is told: it is what is missing from its own.
    text = split_text(settled) if share.purpose == INVOICE else f"{milestone_text(settled)}: {share.purpose}"
    adjusted = f"FX adjustment: what the rate has made of {due} due"
    return [
        Line(due, _RECEIVED, about.transfer_code, text),
        Line(share.amount - due, _RECEIVED, _ADJUSTMENT, adjusted),
    ]


def debit_lines(about: About, settled: SettledMilestone) -> list[Line]:
    """Return what a settlement has taken from the importer's account, and what of its hold it has given back."""
    lines = []
    if settled.spent is not None:
        lines.append(Line(-settled.spent, _ISSUED, about.transfer_code, split_text(settled)))
    if settled.released is not None:
        lines.append(released_line(settled.released, "settled"))
    return lines


def released_line(amount: Money, cause: str) -> Line:
    """Return the end of a hold: the money had never left the account, so nothing is booked."""
    text = f"No longer held, never debited: milestone {cause}"
    return Line(amount, _ISSUED, _RETURN, text, EntryStatus.INFORMATION)


def cancel_fee_line(amount: Money) -> Line:
    """Return what giving up a lock has cost."""
    return Line(-amount, _ISSUED, _CHARGE, "Cancel fee of the rate that was locked")


def payee(share: Share, servicer: Institution) -> Holder:
    """Return a payee as the holder of its account."""
    owner = Party(None if share.name is None else in_set_x(share.name, NAME_CHARS_MAX))
    return Holder(share.account, owner, servicer, creditor=owner)


def importer(about: About) -> Holder:
    """Return the importer as the holder of its account."""
    payer, paid = about.document.importer, about.document.exporter
    return Holder(
        payer.account or "",
        party_of(payer.name, payer.address),
        about.banks.importer,
        creditor=party_of(paid.name, paid.address),
    )


def notification(
    about: About, holder: Holder, lines: Iterable[Line], *, message_id: str, time_s: int, remark: str
) -> CashReport | None:
    """Return the notification of these lines, all of one currency; None where nothing is left to tell."""
    told = [line for line in lines if line.amount.amount_minor]
    if not told:
        return None
    return CashReport(
        kind=CashReportKind.NOTIFICATION,
        message_id=message_id,
        created_s=time_s,
        report_id=message_id,
        account=account_of(holder.account),
        currency=told[0].amount.currency.code,
        owner=holder.owner,
        servicer=agent_of(holder.servicer),
        entries=tuple(
            _entry(about, holder, line, f"{message_id}-{number}", time_s, remark)
            for number, line in enumerate(told, start=1)
        ),
    )


def milestone_text(settled: SettledMilestone) -> str:
    """Return which milestone it was, counted from one."""
    return f"Milestone {settled.index + 1}, {settled.kind}"


def split_text(settled: SettledMilestone) -> str:
    """Return whom a settlement has paid how much, for what."""
    parts = [
        f"{share.amount} {share.purpose} to {(share.name or 'an account')[:_SHORT_NAME_CHARS]}"
        for share in settled.shares
    ]
    return f"{milestone_text(settled)}: {', '.join(parts)}"


def _entry(about: About, holder: Holder, line: Line, reference: str, time_s: int, remark: str) -> Entry:
    document = about.document
    return Entry(
        reference=reference,
        amount=line.amount,
        booked_s=time_s,
        value_on=datetime.fromtimestamp(time_s, UTC).date(),
        family=line.family,
        sub_family=line.sub_family,
        status=line.status,
        end_to_end_id=end_to_end_id(document.reference),
        uetr=about.uetr,
        debtor=party_of(document.importer.name, document.importer.address),
        creditor=holder.creditor,
        remittance=remittance_of(document, in_set_x(remark, _REMARK_CHARS_MAX)),
        text=in_set_x(line.text, _TEXT_CHARS_MAX),
    )
