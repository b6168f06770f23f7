"""What a terms document must fulfil, ours or the other bank's: against the network, the clock and itself.

The contract checks most of it again at funding; here every refusal names the field, and nobody has signed yet.
"""

from collections.abc import Collection
from typing import Final

from contracts.client.deployment import ParticipantInfo
from contracts.client.errors import RejectedError as ClientRejectedError
from fx.errors import RejectedError as FxRejectedError
from fx.slices import milestone_slices
from node.trades.errors import TermsRejectedError
from node.trades.terms import document as doc
from node.trades.terms.context import BPS, DAY_S, WINDOW_S_MAX, refuse
from node.trades.terms.context import Context as Context
from node.trades.terms.document import TermsDocument, shown_time
from node.trades.terms.fx import check_fx

ATTESTER_ROLE: Final = 8
ARBITER_ROLE: Final = 16
HOLD_DAYS_MAX: Final = 400
"""SettlementToken refuses holds further ahead."""
KINDS: Final = ("loaded", "departed", "arrived", "delivered", "inspected")


def check_document(document: TermsDocument, context: Context) -> None:
    """Check a terms document, ours or the other bank's, against the network, the clock and itself.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    check_fx(document, context)
    _check_windows(document.windows)
    if document.fund_by_s < context.now_s:
        refuse("fund_by", f"a time not before ledger time {shown_time(context.now_s)}", shown_time(document.fund_by_s))
    _check_parties(document, context)
    _check_milestones(document, context, range(len(document.milestones)))
    _check_payees(document, context)
    check_purpose(document, context)
    _check_expiry(document, context)


def check_amended(document: TermsDocument, changed: set[int], context: Context) -> None:
    """Check the terms of a funded trade that are to replace the present ones; deadlines only where they changed.

    Raises:
        TermsRejectedError: names the field that must change.
    """
    check_fx(document, context)
    _check_windows(document.windows)
    _check_parties(document, context)
    _check_milestones(document, context, changed)
    _check_payees(document, context)
    check_purpose(document, context)
    _check_expiry(document, context)


def check_purpose(document: TermsDocument, context: Context) -> None:
    """Check that the purpose of the importer's wallet, as far as accounts are filled in, lets it pay everybody.

    Raises:
        TermsRejectedError: names who may not be paid.
    """
    payer = document.importer.account
    if payer is None:
        return
    paid: list[tuple[str, doc.Party | doc.Payee]] = [("exporter", document.exporter)]
    paid += [(f"payees.{index}", payee) for index, payee in enumerate(document.payees)]
    for path, part in paid:
        purpose = None if part.account is None else context.forbidding(payer, part.account)
        if purpose is not None:
            expected = (
                f"a payee that the purpose {purpose} of the importer's wallet allows; name another, or let its owner "
                f"allow this one, or let the importer pay from a wallet without it"
            )
            refuse(f"{path}.account", expected, f"{part.account} of {part.name}")


def _check_windows(windows: doc.Windows) -> None:
    for name in ("dispute_s", "award_s", "call_s", "choice_s", "grace_s"):
        length_s = getattr(windows, name)
        if length_s > WINDOW_S_MAX:
            refuse(f"windows.{name}", f"at most {WINDOW_S_MAX} seconds", length_s)


def _check_parties(document: TermsDocument, context: Context) -> None:
    importer, exporter = document.importer, document.exporter
    if (importer.bank, importer.customer) == (exporter.bank, exporter.customer):
        refuse("exporter", "another party than the importer", exporter.customer)
    for side, party in (("importer", importer), ("exporter", exporter)):
        find_institution(f"{side}.bank", party.bank, context)
        _check_account(side, party, context)
    if importer.account is not None and importer.account == exporter.account:
        refuse("exporter.account", "another account than the importer's", exporter.account)
    if context.bank not in (importer.bank, exporter.bank):
        refuse("importer.bank", f"{context.bank} as the bank of one side", importer.bank)
    _check_role("arbiter", document.arbiter, ARBITER_ROLE, "ARBITER", context)
    if document.arbiter.institution in (importer.bank, exporter.bank):
        refuse("arbiter", "an institution that is no party or bank of the trade", document.arbiter.institution)


def _check_milestones(document: TermsDocument, context: Context, indexes: Collection[int]) -> None:
    for index, milestone in enumerate(document.milestones):
        if index in indexes:
            _check_deadline(f"milestones.{index}.deadline", milestone.deadline_s, document, context)
            _check_attesters(f"milestones.{index}", milestone, document, context)
    weights = [milestone.weight_bps for milestone in document.milestones]
    if sum(weights) != BPS:
        refuse("milestones.weight_bps", f"weights that add up to {BPS}", sum(weights))
    try:
        milestone_slices(document.amount_minor, weights)
    except FxRejectedError as error:
        expected = "a slice above zero for each milestone"
        raise TermsRejectedError("milestones.weight_bps", expected, "one of zero") from error


def _check_deadline(path: str, deadline_s: int, document: TermsDocument, context: Context) -> None:
    if deadline_s <= context.now_s:
        refuse(path, f"a time after ledger time {shown_time(context.now_s)}", shown_time(deadline_s))
    if deadline_s <= document.fund_by_s:
        refuse(path, f"a time after fund_by {shown_time(document.fund_by_s)}", shown_time(deadline_s))


def _check_attesters(path: str, milestone: doc.Milestone, document: TermsDocument, context: Context) -> None:
    names = [attester.institution for attester in milestone.attesters]
    if milestone.kind not in KINDS:
        refuse(f"{path}.kind", f"one of {', '.join(KINDS)}", milestone.kind)
    if len(set(names)) != len(names):
        refuse(f"{path}.attesters", "every attester once", ", ".join(names))
    if not len(names) < 2 * milestone.quorum <= 2 * len(names):
        expected = f"more than half of {len(names)} attesters and not more than all"
        refuse(f"{path}.quorum", expected, milestone.quorum)
    involved = {document.importer.bank, document.exporter.bank, document.arbiter.institution}
    parties = {document.importer.account, document.exporter.account}
    for position, attester in enumerate(milestone.attesters):
        field = f"{path}.attesters.{position}"
        if attester.institution in involved or attester.account in parties:
            expected = "an institution that is no party, bank or arbiter of the trade"
            refuse(field, expected, attester.institution)
        _check_role(field, attester, ATTESTER_ROLE, "ATTESTER", context)


def _check_payees(document: TermsDocument, context: Context) -> None:
    for index, payee in enumerate(document.payees):
        find_institution(f"payees.{index}.bank", payee.bank, context)
        _check_account(f"payees.{index}", payee, context)
    total = sum(payee.share_bps for payee in document.payees)
    if total > BPS:
        refuse("payees.share_bps", f"shares that add up to at most {BPS}", total)


def _check_account(path: str, part: doc.Party | doc.Payee, context: Context) -> None:
    """Only the bank of a customer knows its account and name; an institution's own are in the directory."""
    deployment = context.deployment
    contracts = [*deployment.contracts.values(), *(token.address for token in deployment.tokens.values())]
    if part.account in contracts:
        refuse(f"{path}.account", "an account of a party, which no contract of the network is", part.account)
    if part.customer is None:
        expected = find_institution(f"{path}.bank", part.bank, context).address
    elif part.bank == context.bank:
        expected = context.own_account(part.customer) or part.account or ""
        name = context.own_name(part.customer)
        if not expected:
            refuse(f"{path}.customer", f"a customer of {context.bank}", part.customer)
        if name is not None and name != part.name:
            refuse(f"{path}.name", f"{name}, as the bank knows {part.customer}", part.name)
    else:
        return
    if part.account is not None and part.account != expected:
        refuse(f"{path}.account", expected, part.account)


def _check_expiry(document: TermsDocument, context: Context) -> None:
    least = least_expiry([milestone.deadline_s for milestone in document.milestones], document.windows)
    expiry = document.hold_expires_at_s
    if expiry < least:
        expected = f"at or after {shown_time(least)} (last deadline, every window, one day)"
        refuse("hold_expires", expected, shown_time(expiry))
    if expiry > context.now_s + HOLD_DAYS_MAX * DAY_S:
        refuse("hold_expires", f"a hold of at most {HOLD_DAYS_MAX} days, windows included", shown_time(expiry))


def least_expiry(deadlines_s: list[int], windows: doc.Windows) -> int:
    """Return the earliest allowed expiry of the holds: every window may follow the last deadline, then a day."""
    return max(deadlines_s) + windows.dispute_s + windows.award_s + windows.call_s + windows.grace_s + DAY_S


def find_institution(field: str, institution_id: str, context: Context) -> ParticipantInfo:
    try:
        return context.deployment.participant(institution_id)
    except ClientRejectedError as error:
        raise TermsRejectedError(field, "an institution of this network", institution_id) from error


def _check_role(field: str, named: doc.Institution, role: int, role_name: str, context: Context) -> None:
    found = find_institution(field, named.institution, context)
    if not found.roles & role:
        refuse(field, f"an institution registered as {role_name}", named.institution)
    if found.address != named.account:
        refuse(f"{field}.account", found.address, named.account)
