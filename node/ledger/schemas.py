"""What the API gives about the books."""

from pydantic import Field

from node.web.schemas import Answer, Digits, HexBytes, Time


class BalanceOut(Answer):
    """An owner's money in one currency."""

    owner: str
    currency: str
    available: Digits
    held: Digits
    blocked: Digits
    total: Digits


class LineOut(Answer):
    """One side of an entry."""

    account: str
    side: str = Field(description="debit or credit")
    amount: Digits


class EntryOut(Answer):
    """An entry of the journal."""

    id: int
    kind: str
    currency: str
    block_number: int
    time_s: Time
    tx_hash: HexBytes | None
    log_index: int | None
    payer: str | None
    payee: str | None
    reference: HexBytes | None
    corrects: int | None
    lines: list[LineOut]


class MemoOut(Answer):
    """What an entry was for."""

    purpose: str
    trade_id: str | None
    milestone: int | None
    text: str | None
    amount: Digits | None = Field(None, description="The part of the entry that this is; null: all of it")


class StatementLineOut(Answer):
    """One entry as an owner sees it."""

    entry: int
    kind: str
    time_s: Time
    tx_hash: HexBytes | None
    log_index: int | None
    counterparty: str | None
    available_change: Digits
    held_change: Digits
    blocked_change: Digits
    available: Digits
    held: Digits
    blocked: Digits
    reference: HexBytes | None
    memos: list[MemoOut]


class AccountTotalOut(Answer):
    """A line of the trial balance."""

    account: str
    currency: str
    debit: Digits
    credit: Digits


class DifferenceOut(Answer):
    """Something that books and chain tell differently."""

    what: str
    books: Digits
    chain: Digits


class ReconciliationOut(Answer):
    """Books against chain at one block."""

    block_number: int
    block_hash: HexBytes
    compared: int = Field(description="How many amounts were compared")
    is_equal: bool
    differences: list[DifferenceOut]
