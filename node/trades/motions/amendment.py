"""What an amendment may change, and what it needs held: pure comparison of two terms documents.

`TradeAmendment` decides the same by the milestones' hashes. Source: docs/spec/settlement.md, section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from fx.errors import RejectedError as FxRejectedError
from fx.quotes import sell_amount
from fx.rates import Rate
from fx.reprice import funding_slice
from node.trades import store
from node.trades.agreement.versions import fill_in, known_accounts, require_same_parties
from node.trades.errors import TermsRejectedError
from node.trades.motions.collecting import Increase
from node.trades.store import FxLeg, MilestoneRow
from node.trades.terms import document as doc
from node.trades.terms.checks import check_amended, least_expiry
from node.trades.terms.context import Context, refuse
from node.trades.terms.document import TermsDocument, shown_time
from node.trades.terms.written import build_document, parse_terms

_RESIZING: Final = ("rate_num", "rate_den", "band_bps", "spread_bps")
"""What of a float sets the size of its slices."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be held after an amendment, against before."""

    has_provider: bool
    needs_provider: bool
    """A lock's provider has to hold more or longer, so nothing goes without it."""
    importer_increase: Increase | None
    provider_increase: Increase | None


def amend_document(terms: bytes, invoice: bytes | None, before: TermsDocument, context: Context) -> TermsDocument:
    """Return the terms document of a file that changes `before`: same salt, same time to fund, accounts as known.

    Holds that the file sets no end live as long as the terms need, and no shorter than before.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    invoice_hash = None if invoice is None else sha256(invoice).digest()
    given = parse_terms(terms)
    built = build_document(given, bytes.fromhex(before.salt[2:]), context, invoice_hash, before)
    kept_s = before.hold_expires_at_s if given.hold_expires is None else 0
    known = known_accounts(before)

    filled = fill_in(built, lambda bank, customer: known.get((bank, customer)), lambda _bank, _customer: None)
    return filled.model_copy(
        update={
            "fund_by_s": before.fund_by_s,
            "hold_expires_at_s": max(built.hold_expires_at_s, kept_s),
        }
    )


def check_amendment(
    before: TermsDocument, after: TermsDocument, rows: Sequence[MilestoneRow], context: Context
) -> None:
    """Check what one side proposes, as the contract will.

    Raises:
        TermsRejectedError: another trade, a settled milestone changed, a deadline that has passed, a hold that ends
            earlier or too early; names the field.
    """
    require_same_parties(before, after)
    pairs = (
        ("invoice.currency", before.invoice.currency, after.invoice.currency),
        ("funding.currency", before.funding.currency, after.funding.currency),
        ("funding.policy", before.funding.policy, after.funding.policy),
        ("milestones", len(before.milestones), len(after.milestones)),
        ("importer.account", before.importer.account, after.importer.account),
        ("exporter.account", before.exporter.account, after.exporter.account),
        ("salt", before.salt, after.salt),
        ("fund_by", before.fund_by_s, after.fund_by_s),
    )
    for field, old, new in pairs:
        if old != new:
            refuse(field, f"{old}, which an amendment cannot change", new)
    if after.hold_expires_at_s < before.hold_expires_at_s:
        expected = f"at or after {shown_time(before.hold_expires_at_s)}: a hold is never cut short"
        refuse("hold_expires", expected, shown_time(after.hold_expires_at_s))
    changed = changed_milestones(after, rows)
    for row in rows:
        if row.index in changed and row.state == store.SETTLED:
            refuse(f"milestones.{row.index}", "the terms of a settled milestone as they are", "others")
    check_amended(after, changed, context)
    deadlines = [after.milestones[row.index].deadline_s if row.index in changed else row.deadline_s for row in rows]
    least = least_expiry(deadlines, after.windows)
    if after.hold_expires_at_s < least:
        expected = f"at or after {shown_time(least)} (last deadline, every window, one day)"
        refuse("hold_expires", expected, shown_time(after.hold_expires_at_s))


def changed_milestones(after: TermsDocument, rows: Sequence[MilestoneRow]) -> set[int]:
    """Return the milestones whose terms or amount differ from what the chain has."""
    return {row.index for row in rows if doc.milestone_hash(after, row.index, row.terms_version) != row.terms_hash}


def plan_of(before: TermsDocument, after: TermsDocument, rows: Sequence[MilestoneRow], leg: FxLeg | None) -> Plan:
    """Return what an amendment needs held beside what is.

    Raises:
        TermsRejectedError: a slice would be zero or too large.
    """
    changed = changed_milestones(after, rows)
    invoice = after.invoice.currency
    amounts = doc.milestone_amounts(after)
    open_rows = [row for row in rows if row.state != store.SETTLED]
    added = sum(amounts[row.index] - row.amount for row in open_rows if row.index in changed)
    is_longer = after.hold_expires_at_s > before.hold_expires_at_s
    if leg is None:
        return Plan(False, False, _increase(invoice, added, after, is_longer), None)
    funding_added = _funding_added(before, after, open_rows, changed, leg)
    importer = _increase(after.funding.currency, funding_added, after, is_longer)
    if leg.provider is None:
        return Plan(False, False, importer, None)
    needs = is_longer or added > 0
    return Plan(True, needs, importer, _increase(invoice, added, after, is_longer))


def _funding_added(
    before: TermsDocument, after: TermsDocument, rows: Sequence[MilestoneRow], changed: set[int], leg: FxLeg
) -> int:
    """Return what the importer's slices grow by, in minor units of the funding currency; negative if they shrink."""
    try:
        price = sell_amount(Rate(leg.rate_num, leg.rate_den), after.amount_minor) if leg.provider else 0
        slices = doc.funding_slices(after, price)
        resized = _is_resized(before, after)
        new = {row.index: slices[row.index] for row in rows if row.index in changed}
        if resized:
            new |= {row.index: _float_slice(after, row.amount) for row in rows if row.index not in changed}
    except FxRejectedError as error:
        expected = "an amount of which every milestone gets a part; fewer milestones"
        raise TermsRejectedError("milestones.weight_bps", expected, str(error)) from error
    return sum(new[row.index] - (row.slice_minor or 0) for row in rows if row.index in new)


def _is_resized(before: TermsDocument, after: TermsDocument) -> bool:
    old, new = before.funding.float_, after.funding.float_
    return old is not None and any(getattr(old, name) != getattr(new, name) for name in _RESIZING)


def _float_slice(document: TermsDocument, amount: int) -> int:
    agreed = document.funding.float_
    return 0 if agreed is None else funding_slice(agreed.terms, amount)


def _increase(currency: str, added: int, after: TermsDocument, is_longer: bool) -> Increase | None:
    if added <= 0 and not is_longer:
        return None
    return Increase(currency, max(0, added), after.hold_expires_at_s)
