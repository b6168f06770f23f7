"""The books of one institution: its own money and its customers', as the chain has them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Select, bindparam, func, select
from sqlalchemy.orm import Session, lazyload

from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockData
from contracts.client.deployment import Deployment
from node.ledger import store
from node.ledger.booking import AVAILABLE, BLOCKED, HELD, PARTS, Account, Booking
from node.ledger.errors import (
    NotBookedError,
    PageError,
    UnknownCurrencyError,
    UnknownEntryError,
    UnknownOwnerError,
)
from node.ledger.ports import Owners
from node.ledger.store import AccountRow, EntryRow, HoldRow, LineRow, MemoRow
from node.ledger.views import AccountTotal, Balance, Memo, StatementLine
from node.participants.errors import UnknownCustomerError

PAGE_MAX: Final = 501
"""One more than the API's page: it tells whether another follows."""
_NAMES: Final[BindParameter[Any]] = bindparam("names", expanding=True)
_NUMBERS: Final[BindParameter[Any]] = bindparam("numbers", expanding=True)
# Asked at every statement, so made once.
_ENTRIES_OF: Final = select(LineRow.entry_id).join(AccountRow).where(AccountRow.name.in_(_NAMES)).distinct()
_ENTRIES: Final = (
    select(EntryRow).where(EntryRow.id.in_(_NUMBERS)).order_by(EntryRow.id).options(lazyload(EntryRow.lines))
)
_MOVED: Final = (
    select(LineRow.entry_id, AccountRow.part, LineRow.side, LineRow.amount, LineRow.balance_after)
    .join(AccountRow)
    .where(AccountRow.name.in_(_NAMES), LineRow.entry_id.in_(_NUMBERS))
    .order_by(LineRow.id)
)
_MEMOS: Final = (
    select(
        MemoRow.tx_hash,
        MemoRow.log_index,
        MemoRow.purpose,
        MemoRow.trade_id,
        MemoRow.milestone,
        MemoRow.text,
        MemoRow.amount,
    )
    .where(MemoRow.tx_hash.in_(bindparam("hashes", expanding=True)))
    .order_by(MemoRow.id)
)


class LedgerService:
    """Books what the follower brings, and answers from the books."""

    def __init__(self, *, institution_id: str, owners: Owners, deployment: Deployment) -> None:
        self._owners = owners
        self._currency_of = {token.address: currency for currency, token in deployment.tokens.items()}
        own_address = deployment.participant(institution_id).address
        self.currencies = tuple(sorted(deployment.tokens))
        self.issues = frozenset(
            currency
            for currency, token in deployment.tokens.items()
            if token.issuer.lower() in (institution_id, own_address.lower())
        )

    def on_block(self, session: Session, block: BlockData) -> None:
        """Book every token event of a block; a block handler of the follower, before those of the slices.

        Raises:
            InvariantError: the entry does not balance, or the books would go below zero.
        """
        tokens = [event for event in block.events if event.address in self._currency_of]
        if not tokens:
            return
        addresses = {value for event in tokens for value in event.args.values() if isinstance(value, str)}
        booking = Booking(
            owners=self._owners.owners_at(session, addresses),
            address_of=lambda owner: self._owners.address_of(session, owner),
            currency_of=self._currency_of,
            issues=self.issues,
            load_hold=lambda hold_id: store.load_hold(session, hold_id),
        )
        entries = booking.entries(tokens)
        if entries:
            known = store.accounts_of(session, (line for entry in entries for line in entry.lines))
            for entry in entries:
                store.post(session, entry, known)
            store.validate_not_negative(known.values())
        for hold in booking.holds.values():
            store.save_hold(session, hold)
        session.flush()

    def balances(self, session: Session, owner: str | None = None) -> list[Balance]:
        """Return the balance of each owner (or of one) in each currency that it ever had."""
        parts: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for row in store.accounts(session):
            if row.owner is not None and owner in (None, row.owner):
                parts[row.owner, row.currency][row.part] = row.balance
        return [
            Balance(who, currency, held.get(AVAILABLE, 0), held.get(HELD, 0), held.get(BLOCKED, 0))
            for (who, currency), held in sorted(parts.items())
        ]

    def balance(self, session: Session, owner: str, currency: str) -> Balance:
        """Return an owner's balance in one currency, zero if it never had any.

        Raises:
            UnknownOwnerError, UnknownCurrencyError: no books are kept for that.
        """
        self._check_known(session, owner, currency)
        for balance in self.balances(session, owner):
            if balance.currency == currency:
                return balance
        return Balance(owner, currency, 0, 0, 0)

    def trial_balance(self, session: Session) -> list[AccountTotal]:
        """Return every account with its balance on its side; both sides sum to the same per currency."""
        return [
            AccountTotal(row.name, row.currency, max(row.balance, 0), max(-row.balance, 0))
            for row in store.accounts(session)
        ]

    def journal(self, currency: str | None = None) -> Select[EntryRow]:
        """Return the query of the entries with their lines, of one currency or all."""
        wanted = select(EntryRow)
        return wanted if currency is None else wanted.where(EntryRow.currency == currency)

    def statement(
        self,
        session: Session,
        owner: str,
        currency: str,
        *,
        after: int = 0,
        limit: int = 100,
        is_newest_first: bool = False,
    ) -> list[StatementLine]:
        """Return what changed an owner's money in one currency, with the slices' memos.

        Args:
            after: Number of the last entry already seen, 0 for none.
            limit: 1 to 501.
            is_newest_first: Otherwise the oldest come first.

        Raises:
            UnknownOwnerError, UnknownCurrencyError, PageError
        """
        _check_page(limit)
        address = self._address_of(session, owner)
        self.require_currency(currency)
        names = [Account(currency, owner, part).name for part in PARTS]
        wanted = _ENTRIES_OF
        if after:
            wanted = wanted.where(LineRow.entry_id < after if is_newest_first else LineRow.entry_id > after)
        order = LineRow.entry_id.desc() if is_newest_first else LineRow.entry_id
        numbers = session.scalars(wanted.order_by(order).limit(limit), {"names": names}).all()
        running = self._parts_until(session, names, min(numbers, default=1) - 1)
        lines = []
        entries = session.scalars(_ENTRIES, {"numbers": numbers}).all()
        moved = self._moved(session, names, entries)
        memos = self._memos(session, entries)
        for entry in entries:
            changes = dict.fromkeys(PARTS, 0)
            for part, side, amount, balance_after in moved[entry.id]:
                changes[part] += amount if side == "debit" else -amount
                running[part] = balance_after
            lines.append(
                StatementLine(
                    entry=entry.id,
                    kind=entry.kind,
                    time_s=entry.time_s,
                    tx_hash=entry.tx_hash,
                    log_index=entry.log_index,
                    counterparty=entry.payee if entry.payer == address else entry.payer,
                    available_change=changes[AVAILABLE],
                    held_change=changes[HELD],
                    blocked_change=changes[BLOCKED],
                    available=running[AVAILABLE],
                    held=running[HELD],
                    blocked=running[BLOCKED],
                    reference=entry.reference,
                    memos=tuple(memos[entry.tx_hash, entry.log_index]),
                )
            )
        return lines[::-1] if is_newest_first else lines

    def last_entry_before(self, session: Session, time_s: int) -> int:
        """Return the number of the last entry before a ledger time, 0 if there is none."""
        return session.scalar(select(func.max(EntryRow.id)).where(EntryRow.time_s < time_s)) or 0

    def balance_after(self, session: Session, owner: str, currency: str, entry: int) -> Balance:
        """Return an owner's balance in one currency as it was after entry number `entry`.

        Raises:
            UnknownOwnerError, UnknownCurrencyError: no books are kept for that.
        """
        self._check_known(session, owner, currency)
        parts = self._parts_until(session, [Account(currency, owner, part).name for part in PARTS], entry)
        return Balance(owner, currency, parts[AVAILABLE], parts[HELD], parts[BLOCKED])

    def require_currency(self, currency: str) -> None:
        """Return when the network has this currency, or raise UnknownCurrencyError."""
        if currency not in self.currencies:
            raise UnknownCurrencyError(currency, self.currencies)

    def add_memo(
        self,
        session: Session,
        *,
        tx_hash: bytes,
        log_index: int,
        purpose: str,
        trade_id: str | None = None,
        milestone: int | None = None,
        text: str | None = None,
        part: int | None = None,
    ) -> None:
        """Say what the money of a log was for; the same purpose said again replaces what was said before.

        Args:
            part: What of the entry the purpose is, negative where it takes away; None: all of it.
        """
        found = session.scalar(
            select(MemoRow).where(
                MemoRow.tx_hash == tx_hash, MemoRow.log_index == log_index, MemoRow.purpose == purpose
            )
        )
        if found is None:
            found = MemoRow(tx_hash=tx_hash, log_index=log_index, purpose=purpose)
            session.add(found)
        found.trade_id, found.milestone, found.text, found.amount = trade_id, milestone, text, part
        session.flush()

    def add_payment_memo(
        self,
        session: Session,
        event: ChainEvent,
        *,
        currency: str,
        account: str,
        amount: int,
        purpose: str,
        trade_id: str | None = None,
        milestone: int | None = None,
        text: str | None = None,
        part: int | None = None,
        payer: str | None = None,
    ) -> None:
        """Say what a payment was for that `event` of another contract tells about (`PaymentMade`).

        The payment is the last entry of the same transaction before the event that brings `account` that amount,
        from `payer` if one is named.

        Raises:
            NotBookedError: these books have no such entry (the account is not one of theirs).
        """
        candidates = session.scalars(
            select(EntryRow)
            .where(
                EntryRow.tx_hash == event.tx_hash,
                EntryRow.log_index < event.log_index,
                EntryRow.currency == currency,
                EntryRow.payee == account,
            )
            .order_by(EntryRow.log_index.desc())
        )
        for entry in candidates:
            if (
                entry.log_index is not None
                and payer in (None, entry.payer)
                and sum(line.amount for line in entry.lines if line.side == "debit") == amount
            ):
                self.add_memo(
                    session,
                    tx_hash=event.tx_hash,
                    log_index=entry.log_index,
                    purpose=purpose,
                    trade_id=trade_id,
                    milestone=milestone,
                    text=text,
                    part=part,
                )
                return
        raise NotBookedError(f"payment: expected an entry of {amount} {currency} to {account}, got none in these books")

    def hold(self, session: Session, reference: bytes, owner: str, currency: str) -> HoldRow:
        """Return the hold of that reference that `owner` has in a currency.

        Raises:
            NotBookedError: there is none in these books.
        """
        wanted = select(HoldRow).where(
            HoldRow.reference == reference, HoldRow.owner == owner, HoldRow.currency == currency, HoldRow.rest != 0
        )
        found = session.scalar(wanted)
        if found is None:
            raise NotBookedError(f"hold: expected one of {owner} in {currency} for this reference, got none")
        return found

    def correct(self, session: Session, entry: int, *, reason: str, now_s: int) -> EntryRow:
        """Undo an entry by a new one with the opposite sides; the wrong one stays readable.

        Raises:
            UnknownEntryError: there is no such entry, or it has been corrected.
        """
        wrong = session.get(EntryRow, entry)
        corrected = session.scalar(select(EntryRow).where(EntryRow.corrects == entry))
        if wrong is None or corrected is not None:
            raise UnknownEntryError(f"entry: expected one that is not corrected yet, got {entry}")
        return store.post_correction(session, wrong, reason, now_s)

    def _check_known(self, session: Session, owner: str, currency: str) -> None:
        self._address_of(session, owner)
        self.require_currency(currency)

    def _address_of(self, session: Session, owner: str) -> str:
        try:
            return self._owners.address_of(session, owner)
        except UnknownCustomerError as error:
            raise UnknownOwnerError(owner) from error

    def _parts_until(self, session: Session, names: Sequence[str], after: int) -> dict[str, int]:
        """Return what was in each part after entry `after`."""
        running = dict.fromkeys(PARTS, 0)
        for name in names if after else ():
            last = session.scalar(
                select(LineRow)
                .join(AccountRow)
                .where(AccountRow.name == name, LineRow.entry_id <= after)
                .order_by(LineRow.id.desc())
                .limit(1)
            )
            if last is not None:
                running[last.account.part] = last.balance_after
        return running

    def _moved(
        self, session: Session, names: Sequence[str], entries: Sequence[EntryRow]
    ) -> defaultdict[int, list[tuple[str, str, int, int]]]:
        """Return (part, side, amount, balance after) of what entries changed in these accounts, by entry."""
        found: defaultdict[int, list[tuple[str, str, int, int]]] = defaultdict(list)
        wanted = {"names": names, "numbers": [entry.id for entry in entries]}
        for entry, part, side, amount, balance_after in session.execute(_MOVED, wanted):
            found[entry].append((part, side, amount, balance_after))
        return found

    def _memos(
        self, session: Session, entries: Sequence[EntryRow]
    ) -> defaultdict[tuple[bytes | None, int | None], list[Memo]]:
        """Return the memos of entries by transaction and log."""
        hashes = {entry.tx_hash for entry in entries if entry.tx_hash is not None}
        found: defaultdict[tuple[bytes | None, int | None], list[Memo]] = defaultdict(list)
        for row in session.execute(_MEMOS, {"hashes": list(hashes)}):
            memo = Memo(row.purpose, row.trade_id, row.milestone, row.text, row.amount)
            found[row.tx_hash, row.log_index].append(memo)
        return found


def _check_page(limit: int) -> None:
    if not 1 <= limit <= PAGE_MAX:
        raise PageError(limit, PAGE_MAX)
