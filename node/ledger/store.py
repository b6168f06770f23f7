"""Tables of the journal, and the only code that writes them (requests for money are `issuance.py`'s).

Entries are never changed; corrections are new ones.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from node.ledger.booking import PARTS, Account, Entry, Hold, Line, validate_balanced
from node.ledger.errors import NegativeBalanceError
from node.storage.database import Base
from node.storage.types import Amount


class AccountRow(Base):
    """An account and its balance."""

    __tablename__ = "ledger_account"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(unique=True)
    currency: Mapped[str]
    owner: Mapped[str | None] = mapped_column(index=True)
    part: Mapped[str]
    balance: Mapped[int] = mapped_column(Amount)
    """Minor units, debits positive."""

    @property
    def account(self) -> Account:
        return Account(self.currency, self.owner, self.part)


class EntryRow(Base):
    """An entry of the journal."""

    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("tx_hash", "log_index"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    currency: Mapped[str]
    block_number: Mapped[int]
    time_s: Mapped[int] = mapped_column(index=True)
    tx_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """None for a correction."""
    log_index: Mapped[int | None]
    payer: Mapped[str | None]
    payee: Mapped[str | None]
    hold_id: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    reference: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    corrects: Mapped[int | None] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    reason: Mapped[str | None]
    """Of a correction."""
    lines: Mapped[list["LineRow"]] = relationship(order_by="LineRow.id", lazy="selectin")


class LineRow(Base):
    """One side of an entry."""

    __tablename__ = "ledger_line"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"), index=True)
    side: Mapped[str]
    amount: Mapped[int] = mapped_column(Amount)
    balance_after: Mapped[int] = mapped_column(Amount)
    """Of the account, debits positive."""
    account: Mapped[AccountRow] = relationship(lazy="joined")

    @property
    def signed(self) -> int:
        return self.amount if self.side == "debit" else -self.amount


class HoldRow(Base):
    """The rest of a hold of an owner of these books."""

    __tablename__ = "ledger_hold"

    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    currency: Mapped[str]
    owner: Mapped[str] = mapped_column(index=True)
    notary: Mapped[str]
    rest: Mapped[int] = mapped_column(Amount)
    expires_at_s: Mapped[int]
    reference: Mapped[bytes] = mapped_column(LargeBinary(32))


class MemoRow(Base):
    """What a slice says about a transaction's log: the statement shows it beside the entry."""

    __tablename__ = "ledger_memo"
    __table_args__ = (UniqueConstraint("tx_hash", "log_index", "purpose"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tx_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    log_index: Mapped[int]
    purpose: Mapped[str]
    trade_id: Mapped[str | None] = mapped_column(index=True)
    milestone: Mapped[int | None]
    text: Mapped[str | None]
    amount: Mapped[int | None] = mapped_column(Amount)
    """The part of the entry that the purpose is for, in minor units, negative where it takes away; None: all of it."""


class IssuanceRow(Base):
    """A bank's or FX provider's request for money, in its own books and in those of the central bank."""

    __tablename__ = "ledger_issuance"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The same at both: a hash of currency, requester and reference, in hex."""
    currency: Mapped[str]
    requester: Mapped[str]
    """Address."""
    reference: Mapped[bytes] = mapped_column(LargeBinary(32))
    amount_minor: Mapped[int] = mapped_column(Amount)
    text: Mapped[str]
    """The requester's own note; empty at the central bank, the chain does not carry it."""
    state: Mapped[str] = mapped_column(index=True)
    """`queued`, `open`, `answering`, then `issued`, `declined` or `failed`."""
    reason: Mapped[str | None]
    """Why the request or the last answer failed."""
    requested_at_s: Mapped[int | None]
    """Ledger time of the recorded request."""
    ordered_at_s: Mapped[int] = mapped_column(server_default="0")
    """Ledger time at which these books came to know it."""


class FreezeRow(Base):
    """A freeze order of a currency."""

    __tablename__ = "ledger_freeze"

    currency: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str] = mapped_column(index=True)
    scope: Mapped[str]
    """`available` or `all`."""
    expires_at_s: Mapped[int]
    reason_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    reasons: Mapped[str]
    """Of whoever gave the order; empty elsewhere, the chain has only the hash."""
    state: Mapped[str] = mapped_column(index=True)
    """`queued`, `in force`, `lifting`, then `lifted` or `failed`; an order that has expired stays in force here."""
    failure: Mapped[str | None] = mapped_column(default=None)
    ordered_at_s: Mapped[int | None] = mapped_column(default=None)
    lifted_at_s: Mapped[int | None] = mapped_column(default=None)


class WalletRow(Base):
    """A wallet that a bank has opened in ParticipantRegistry, as the chain says; of every bank."""

    __tablename__ = "ledger_wallet"

    account: Mapped[str] = mapped_column(primary_key=True)
    bank: Mapped[str]
    """Account of the bank that opened it."""
    tier: Mapped[int]
    """0 anonymous, 1 registered."""
    purpose: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class PurposeRow(Base):
    """A purpose that a bank or central bank has defined, as the chain says."""

    __tablename__ = "ledger_purpose"

    purpose: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    owner: Mapped[str]
    """Account of who keeps its list."""


class PurposePayeeRow(Base):
    """A payee on a purpose's list."""

    __tablename__ = "ledger_purpose_payee"

    purpose: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    payee: Mapped[str] = mapped_column(primary_key=True)


class TierLimitRow(Base):
    """The limits of a tier in one currency, as the chain says; 0: none."""

    __tablename__ = "ledger_tier_limit"

    currency: Mapped[str] = mapped_column(primary_key=True)
    tier: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holding_max: Mapped[int] = mapped_column(Amount)
    flow_max: Mapped[int] = mapped_column(Amount)
    window_s: Mapped[int]


class WalletOrderRow(Base):
    """What this institution has ordered about wallets, purposes or limits; the chain decides."""

    __tablename__ = "ledger_wallet_order"

    id: Mapped[str] = mapped_column(primary_key=True)
    summary: Mapped[str]
    state: Mapped[str]
    """`queued`, then `done` or `failed`."""
    reason: Mapped[str | None]


# Asked at every block and request, so made once.
_ACCOUNTS: Final = select(AccountRow).order_by(AccountRow.name)
_NAMED: Final = select(AccountRow).where(AccountRow.name.in_(bindparam("names", expanding=True)))


def post(session: Session, entry: Entry, known: dict[str, AccountRow]) -> EntryRow:
    """Write a balanced entry and move its accounts.

    Args:
        known: Its accounts, by name; gets those that the entry is the first of.

    Raises:
        UnbalancedEntryError: debits and credits differ.
    """
    validate_balanced(entry)
    row = EntryRow(
        kind=entry.kind,
        currency=entry.currency,
        block_number=entry.block_number,
        time_s=entry.time_s,
        tx_hash=entry.tx_hash,
        log_index=entry.log_index,
        payer=entry.payer,
        payee=entry.payee,
        hold_id=entry.hold_id,
        reference=entry.reference,
    )
    _write(session, row, entry.lines, known)
    return row


def post_correction(session: Session, wrong: EntryRow, reason: str, time_s: int) -> EntryRow:
    """Write the mirror image of an entry."""
    row = EntryRow(
        kind="correction",
        currency=wrong.currency,
        block_number=wrong.block_number,
        time_s=time_s,
        payer=wrong.payee,
        payee=wrong.payer,
        hold_id=wrong.hold_id,
        reference=wrong.reference,
        corrects=wrong.id,
        reason=reason,
    )
    lines = [
        Line(line.account.account, "credit" if line.side == "debit" else "debit", line.amount) for line in wrong.lines
    ]
    _write(session, row, lines, accounts_of(session, lines))
    session.flush()
    return row


def validate_not_negative(rows: Iterable[AccountRow]) -> None:
    """Raise NegativeBalanceError if an owner's account is below zero: the books gave away what was not there."""
    for row in rows:
        if row.part in PARTS and row.balance < 0:
            raise NegativeBalanceError(f"{row.name}: expected at least 0, got {row.balance}; reconcile with the chain")


def accounts(session: Session) -> Sequence[AccountRow]:
    """Return every account, by name."""
    return session.scalars(_ACCOUNTS).all()


def accounts_of(session: Session, lines: Iterable[Line]) -> dict[str, AccountRow]:
    """Return the accounts that lines move, those that there are, by name."""
    names = {line.account.name for line in lines}
    return {row.name: row for row in session.scalars(_NAMED, {"names": list(names)})}


def load_hold(session: Session, hold_id: bytes) -> Hold | None:
    """Return a hold, None when it is not in these books."""
    row = session.get(HoldRow, hold_id)
    if row is None:
        return None
    return Hold(row.id, row.currency, row.owner, row.notary, row.rest, row.expires_at_s, row.reference)


def save_hold(session: Session, hold: Hold) -> None:
    """Write a hold's present rest and expiry."""
    session.merge(
        HoldRow(
            id=hold.id,
            currency=hold.currency,
            owner=hold.owner,
            notary=hold.notary,
            rest=hold.rest,
            expires_at_s=hold.expires_at_s,
            reference=hold.reference,
        )
    )


def holds(session: Session) -> Sequence[HoldRow]:
    """Return every hold, also those that are used up."""
    return session.scalars(select(HoldRow)).all()


def _write(session: Session, row: EntryRow, lines: Sequence[Line], known: dict[str, AccountRow]) -> None:
    for line in lines:
        target = known.get(line.account.name) or _opened(line.account, known)
        target.balance += line.signed
        row.lines.append(LineRow(account=target, side=line.side, amount=line.amount, balance_after=target.balance))
    session.add(row)


def _opened(wanted: Account, known: dict[str, AccountRow]) -> AccountRow:
    row = AccountRow(name=wanted.name, currency=wanted.currency, owner=wanted.owner, part=wanted.part, balance=0)
    known[wanted.name] = row
    return row
