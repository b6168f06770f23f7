"""Balances, journal, statements and reconciliation of the caller's institution."""

from typing import Annotated

from fastapi import APIRouter, Query

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
from node.web.limits import PAGE_MAX
from node.web.permissions import Permission

router = APIRouter(tags=["ledger"])

After = Annotated[int, Query(ge=0, description="Number of the last entry already seen")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


@router.get("/balances", dependencies=[needs(Permission.ACCOUNTS_READ)])
async def list_balances(principal: Caller, desk: CallersDesk, owner: str | None = None) -> list[BalanceOut]:
    """Return balances: of every owner for staff, of itself for a customer."""
    wanted = owner or principal.customer_id
    if wanted is not None:
        check_owner(principal, wanted)
    with desk.database.read() as session:
        return [BalanceOut.model_validate(item) for item in desk.get(LedgerService).balances(session, wanted)]


@router.get("/statements/{currency}", dependencies=[needs(Permission.ACCOUNTS_READ)])
async def get_statement(
    currency: str,
    principal: Caller,
    desk: CallersDesk,
    owner: str | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> list[StatementLineOut]:
    """Return what changed an owner's money (the caller's own unless stated), oldest first."""
    wanted = owner or principal.owner
    check_owner(principal, wanted)
    with desk.database.read() as session:
        lines = desk.get(LedgerService).statement(session, wanted, currency, after=after, limit=limit)
        return [StatementLineOut.model_validate(line) for line in lines]


@router.get("/journal", dependencies=[needs(Permission.BOOKS_READ)])
async def list_entries(_staff: Staff, desk: CallersDesk, after: After = 0, limit: Limit = 100) -> list[EntryOut]:
    """Return the journal's entries, oldest first."""
    with desk.database.read() as session:
        return [_entry(row) for row in desk.get(LedgerService).journal(session, after=after, limit=limit)]


@router.get("/trial-balance", dependencies=[needs(Permission.BOOKS_READ)])
async def get_trial_balance(_staff: Staff, desk: CallersDesk) -> list[AccountTotalOut]:
    """Return every account with its balance on its side; debits equal credits per currency."""
    with desk.database.read() as session:
        return [AccountTotalOut.model_validate(row) for row in desk.get(LedgerService).trial_balance(session)]


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
