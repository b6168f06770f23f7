"""Balances, journal, statements and reconciliation of the caller's institution."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from node.ledger.reconciliation import Reconciler
from node.ledger.schemas import (
    AccountTotalOut,
    BalanceOut,
    EntryOut,
    LineOut,
    ReconciliationOut,
    StatementLineOut,
)
from node.ledger.service import LedgerService
from node.ledger.store import EntryRow
from node.web.auth import Caller, Staff, check_owner, needs
from node.web.desk import CallersDesk
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["ledger"])

Currency = Annotated[str, Path(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]
OwnerQuery = Annotated[str | None, Query(max_length=64, description="Whose money; the caller's own unless stated")]


@router.get("/balances", dependencies=[needs(Permission.ACCOUNTS_READ)])
async def list_balances(
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("owner"))],
    owner: OwnerQuery = None,
    currency: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$")] = None,
) -> list[BalanceOut]:
    """Return balances: of every owner for staff, of itself for a customer."""
    wanted = owner or principal.customer_id
    if wanted is not None:
        check_owner(principal, wanted)
    with desk.database.read() as session:
        found = desk.get(LedgerService).balances(session, wanted)
    shown = page.items(
        (item for item in found if currency in (None, item.currency)), lambda item: (item.owner, item.currency)
    )
    return [BalanceOut.model_validate(item) for item in shown]


@router.get("/statements/{currency}", dependencies=[needs(Permission.ACCOUNTS_READ)])
async def get_statement(
    currency: Currency,
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("entry"))],
    owner: OwnerQuery = None,
) -> list[StatementLineOut]:
    """Return what changed an owner's money (the caller's own unless stated), oldest first unless asked otherwise."""
    wanted = owner or principal.owner
    check_owner(principal, wanted)
    with desk.database.read() as session:
        lines = desk.get(LedgerService).statement(
            session,
            wanted,
            currency,
            after=page.after,
            limit=page.limit + 1,
            is_newest_first=page.is_descending,
        )
    return [StatementLineOut.model_validate(line) for line in page.items(lines, lambda line: (line.entry,))]


@router.get("/journal", dependencies=[needs(Permission.BOOKS_READ)])
async def list_entries(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("id"))],
    currency: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$")] = None,
) -> list[EntryOut]:
    """Return the journal's entries, oldest first."""
    with desk.database.read() as session:
        return [_entry(row) for row in page.rows(session, desk.get(LedgerService).journal(currency), EntryRow.id)]


@router.get("/trial-balance", dependencies=[needs(Permission.BOOKS_READ)])
async def get_trial_balance(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("account"))]
) -> list[AccountTotalOut]:
    """Return every account with its balance on its side; debits equal credits per currency."""
    with desk.database.read() as session:
        found = desk.get(LedgerService).trial_balance(session)
    return [AccountTotalOut.model_validate(row) for row in page.items(found, lambda row: (row.account,))]


@router.get("/reconciliation", dependencies=[needs(Permission.BOOKS_READ)])
async def reconcile(_staff: Staff, desk: CallersDesk) -> ReconciliationOut:
    """Compare books and chain, amount by amount, at the block the books are written up to."""
    return ReconciliationOut.model_validate(await desk.get(Reconciler).reconcile())


def _entry(row: EntryRow) -> EntryOut:
    lines = [LineOut(account=line.account.name, side=line.side, amount=line.amount) for line in row.lines]
    return EntryOut(
        id=row.id,
        kind=row.kind,
        currency=row.currency,
        block_number=row.block_number,
        time_s=row.time_s,
        tx_hash=row.tx_hash,
        log_index=row.log_index,
        payer=row.payer,
        payee=row.payee,
        reference=row.reference,
        corrects=row.corrects,
        lines=lines,
    )
