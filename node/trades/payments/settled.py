"""What a settled milestone has moved, by the escrow's events: whom it paid for what, what it sold and gave back."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.trade_transitions import Policy
from fx.currencies import get_currency
from fx.money import Money
from fx.slices import payee_split, share_of
from node.trades.context import Desk
from node.trades.standing.rates import WITH_FUNDING_LEG, policy_of
from node.trades.store import EscrowEvent, FxLeg, MilestoneRow, Trade
from node.trades.terms.document import TermsDocument

FUNDED: Final = "TradeFunded"
SETTLED: Final = "MilestoneSettled"
CLOSED: Final = "TradeClosed"
INVOICE: Final = "invoice"
"""Purpose of what is left for the exporter's side."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one payee got."""

    account: str
    name: str | None
    """None: an account that nobody here knows."""
    purpose: str
    amount: Money
    due: Money | None
    """What was due to it of the invoice; None where it got the funding currency."""


@dataclass(frozen=True, slots=True)
class SettledMilestone:
    """A milestone after its settlement."""

    index: int
    kind: str
    time_s: int
    shares: tuple[Share, ...]
    """Nothing where everything was given back."""
    spent: Money | None
    """What left the importer's account, None if nothing did."""
    released: Money | None
    """What of its hold the importer has again, None if nothing."""


def settled_milestone(session: Session, desk: Desk, trade: Trade, event: EscrowEvent) -> SettledMilestone:
    """Return what a MilestoneSettled and the events of the same call say."""
    index = int(event.args["milestone"])
    document = desk.document(session, trade)
    row = session.get_one(MilestoneRow, (trade.trade_id, index))
    beside = events_beside(session, event, index)
    paid: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in beside:
        if one.name == "PaymentMade":
            paid[one.args["account"], one.args["token"]] += int(one.args["amount"])
    shares = tuple(
        _share(session, desk, document, row, account, token, amount) for (account, token), amount in paid.items()
    )
    leg = session.get(FxLeg, trade.trade_id)
    if leg is None:
        currency = get_currency(document.invoice.currency)
        spent, released = int(event.args["paid"]), int(event.args["refunded"])
    else:
        currency = get_currency(leg.currency)
        converted = next((one.args for one in beside if one.name == "FundingSliceSettled"), None)
        spent = 0 if converted is None else int(converted["sold"])
        released = row.slice_minor or 0 if converted is None else int(converted["refunded"])
    return SettledMilestone(
        index=index,
        kind=row.kind,
        time_s=event.block_time_s,
        shares=shares,
        spent=Money(spent, currency) if spent else None,
        released=Money(released, currency) if released else None,
    )


def events_beside(session: Session, event: EscrowEvent, milestone: int | None = None) -> list[EscrowEvent]:
    """Return the events of the same transaction about the same trade, or about one milestone of it."""
    same = (EscrowEvent.trade_id == event.trade_id, EscrowEvent.tx_hash == event.tx_hash)
    found = session.scalars(select(EscrowEvent).where(*same).order_by(EscrowEvent.log_index))
    return [one for one in found if milestone is None or one.args.get("milestone") == str(milestone)]


def purpose_of(document: TermsDocument, account: str) -> str:
    """Return what a payee is paid for."""
    return {payee.account: payee.purpose for payee in document.payees}.get(account, INVOICE)


def is_last_resort(desk: Desk, document: TermsDocument, token: str) -> bool:
    """Tell whether a payment in this token came without the conversion that the terms foresee."""
    in_funding = token == desk.deployment.address(document.funding.currency)
    return in_funding and policy_of(document) in WITH_FUNDING_LEG


def due_part(document: TermsDocument, row: MilestoneRow, account: str) -> int:
    """Return what of the milestone's due amount is this account's, before the rate has its effect."""
    due = share_of(row.amount, row.share_bps or 0)
    parts, rest = payee_split(due, [payee.share_bps for payee in document.payees])
    of_account = [part for payee, part in zip(document.payees, parts, strict=True) if payee.account == account]
    return sum(of_account) if of_account else rest


def _share(
    session: Session,
    desk: Desk,
    document: TermsDocument,
    row: MilestoneRow,
    account: str,
    token: str,
    amount_minor: int,
) -> Share:
    amount = Money(amount_minor, get_currency(desk.deployment.currency_of(token)))
    due: Money | None = amount
    if is_last_resort(desk, document, token):
        due = None
    elif policy_of(document) is Policy.FLOAT:
        due = Money(due_part(document, row, account), amount.currency)
    return Share(account, _name(session, desk, document, account), purpose_of(document, account), amount, due)


def _name(session: Session, desk: Desk, document: TermsDocument, account: str) -> str | None:
    named = {payee.account: payee.name for payee in document.payees}
    if document.exporter.account is not None:
        named.setdefault(document.exporter.account, document.exporter.name)
    if account in named:
        return named[account]
    institution = desk.participants.directory.at_address(account)
    if institution is not None:
        return institution.name
    return next((one.name for one in desk.participants.customers(session) if one.address == account), None)
