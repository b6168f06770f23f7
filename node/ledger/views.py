"""What the ledger tells: balances, statements, trial balance, reconciliation. Amounts in minor units."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Balance:
    """An owner's money in one currency."""

    owner: str
    currency: str
    available: int
    held: int
    blocked: int

    @property
    def total(self) -> int:
        return self.available + self.held + self.blocked


@dataclass(frozen=True, slots=True)
class Memo:
    """What a slice says about an entry."""

    purpose: str
    """`invoice`, `tax`, `fee`, `fx_adjustment`, `premium`, `cancel_fee`, `last_resort`, ..."""
    trade_id: str | None
    milestone: int | None
    text: str | None
    amount: int | None
    """The part of the entry that this is, negative where it takes away; None: all of it."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry as an owner sees it: what changed and what there was afterwards."""

    entry: int
    kind: str
    time_s: int
    tx_hash: bytes | None
    log_index: int | None
    counterparty: str | None
    """Address of the other side, None where there is none."""
    available_change: int
    held_change: int
    blocked_change: int
    available: int
    held: int
    blocked: int
    reference: bytes | None
    memos: tuple[Memo, ...]


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """A line of the trial balance: one of debit and credit is zero."""

    account: str
    currency: str
    debit: int
    credit: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Something books and chain tell differently."""

    what: str
    """`EUR:bloem:held`, `EUR:issued`."""
    books: int
    chain: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Books against chain at one block."""

    block_number: int
    block_hash: bytes
    compared: int
    """How many amounts were compared."""
    differences: tuple[Difference, ...]

    @property
    def is_equal(self) -> bool:
        return not self.differences
