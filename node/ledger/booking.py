"""From token events to journal entries: pure, and complete enough that the books equal the chain.

Every event of `SettlementToken` that moves money between `available`, `held` and `blocked` of an account, or between
accounts, gives exactly one balanced entry. A Transfer that only accompanies another event is booked with it, once.

Source: docs/spec/ledger.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from contracts.client.artifacts import ChainEvent
from node.ledger.errors import BrokenBooksError, UnbalancedEntryError

Side = Literal["debit", "credit"]
DEBIT: Final[Side] = "debit"
CREDIT: Final[Side] = "credit"

AVAILABLE: Final = "available"
HELD: Final = "held"
BLOCKED: Final = "blocked"
OUTSIDE: Final = "outside"
"""Everyone for whom these books are not kept."""
ISSUED: Final = "issued"
"""Money in circulation, in the books of its issuer."""
PARTS: Final = (AVAILABLE, HELD, BLOCKED)

_NOBODY: Final = "0x" + "00" * 20
# Events that are logged right after the Transfer they explain.
_EXPLAINING: Final = ("HoldExecuted", "Issued", "Redeemed")


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the journal."""

    currency: str
    owner: str | None
    """Institution or customer id; None for `outside` and `issued`."""
    part: str

    @property
    def name(self) -> str:
        """`EUR:bloem:held`, `EUR:outside`."""
        return ":".join(item for item in (self.currency, self.owner, self.part) if item is not None)


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry."""

    account: Account
    side: Side
    amount: int
    """Minor units, above zero."""

    @property
    def signed(self) -> int:
        """Debit positive."""
        return self.amount if self.side == DEBIT else -self.amount


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking."""

    kind: str
    currency: str
    lines: tuple[Line, ...]
    block_number: int
    time_s: int
    """Ledger time."""
    tx_hash: bytes
    log_index: int
    payer: str | None
    """Address the money left, None when it was issued."""
    payee: str | None
    """Address the money reached, None when it was redeemed."""
    hold_id: bytes | None = None
    reference: bytes | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """The rest of a hold of an owner of these books."""

    id: bytes
    currency: str
    owner: str
    notary: str
    rest: int
    expires_at_s: int
    reference: bytes


def validate_balanced(entry: Entry) -> None:
    """Raise UnbalancedEntryError unless the entry's debits equal its credits, in one currency."""
    total = sum(line.signed for line in entry.lines)
    currencies = {line.account.currency for line in entry.lines}
    if total != 0 or currencies != {entry.currency} or any(line.amount <= 0 for line in entry.lines):
        raise UnbalancedEntryError(
            f"{entry.kind}: expected debits = credits in {entry.currency}, got a difference of {total} in "
            f"{', '.join(sorted(currencies))}"
        )


class Booking:
    """Books the events of one block; `holds` are those it changed."""

    def __init__(
        self,
        *,
        owners: Mapping[str, str],
        address_of: Callable[[str], str],
        currency_of: Mapping[str, str],
        issues: frozenset[str],
        load_hold: Callable[[bytes], Hold | None],
    ) -> None:
        """Prepare a block.

        Args:
            owners: Address to owner, for everyone in the block's events that the books are kept for.
            address_of: Returns the address of an owner.
            currency_of: Token address to currency.
            issues: Currencies this institution issues.
            load_hold: Returns a hold as the books have it before this block.
        """
        self._owners = owners
        self._address_of = address_of
        self._currency_of = currency_of
        self._issues = issues
        self._load_hold = load_hold
        self.holds: dict[bytes, Hold] = {}

    def entries(self, events: Sequence[ChainEvent]) -> list[Entry]:
        """Return the entries of a block's events, in order."""
        token_events = [event for event in events if event.address in self._currency_of]
        entries = []
        for event, following in zip(token_events, [*token_events[1:], None], strict=True):
            if event.name == "Transfer" and following is not None and _explains(following, event):
                continue
            entry = self._book(event)
            if entry is not None and entry.lines:
                validate_balanced(entry)
                entries.append(entry)
        return entries

    def _book(self, event: ChainEvent) -> Entry | None:
        args = event.args
        match event.name:
            case "Transfer":
                return self._move(event, args["sender"], args["receiver"], args["value"])
            case "Issued":
                return self._move(event, _NOBODY, args["to"], args["amount"])
            case "Redeemed":
                return self._move(event, args["holder"], _NOBODY, args["amount"])
            case "HoldPlaced":
                return self._place(event)
            case "HoldIncreased":
                return self._increase(event)
            case "HoldExecuted":
                return self._execute(event)
            case "HoldReleased":
                self._shrink(event)
                return self._shift(
                    event, args["owner"], self._owners.get(args["owner"]), HELD, AVAILABLE, args["amount"]
                )
            case "BlockedCleared":
                return self._shift(
                    event, args["account"], self._owners.get(args["account"]), BLOCKED, AVAILABLE, args["amount"]
                )
            case _:
                return None

    def _move(self, event: ChainEvent, sender: str, receiver: str, amount: int) -> Entry | None:
        """Available money changes its owner; nobody is the issuer's side."""
        source, target = self._account(event, sender, AVAILABLE), self._account(event, receiver, AVAILABLE)
        kind = {"Issued": "issue", "Redeemed": "redemption"}.get(event.name, "transfer")
        return self._entry(event, kind, [(target, DEBIT, amount), (source, CREDIT, amount)], (sender, receiver))

    def _shift(
        self, event: ChainEvent, address: str, owner: str | None, source: str, target: str, amount: int
    ) -> Entry | None:
        """Money of one owner changes from one part to another; nothing to book where no books are kept for it."""
        if owner is None:
            return None
        kind = {
            "HoldPlaced": "hold",
            "HoldIncreased": "hold_increase",
            "HoldReleased": "hold_release",
            "BlockedCleared": "unblocking",
        }[event.name]
        currency = self._currency_of[event.address]
        lines: list[tuple[Account, Side, int]] = [
            (Account(currency, owner, target), DEBIT, amount),
            (Account(currency, owner, source), CREDIT, amount),
        ]
        return self._entry(event, kind, lines, (address, address))

    def _place(self, event: ChainEvent) -> Entry | None:
        args = event.args
        owner = self._owners.get(args["owner"])
        if owner is None:
            return None
        self.holds[args["id"]] = Hold(
            id=args["id"],
            currency=self._currency_of[event.address],
            owner=owner,
            notary=args["notary"],
            rest=args["amount"],
            expires_at_s=args["expires_at"],
            reference=args["reference"],
        )
        return self._shift(event, args["owner"], owner, AVAILABLE, HELD, args["amount"])

    def _increase(self, event: ChainEvent) -> Entry | None:
        # The event has no owner: a hold that is not in the books is somebody else's.
        hold = self._hold(event.args["id"])
        if hold is None:
            return None
        added = event.args["amount"] - hold.rest
        self.holds[hold.id] = replace(hold, rest=event.args["amount"], expires_at_s=event.args["expires_at"])
        return self._shift(event, self._address_of(hold.owner), hold.owner, AVAILABLE, HELD, added)

    def _execute(self, event: ChainEvent) -> Entry | None:
        args = event.args
        if args["owner"] in self._owners:
            self._shrink(event)
        target = self._account(event, args["to"], AVAILABLE)
        blocked = self._account(event, args["to"], BLOCKED)
        lines = [
            (target, DEBIT, args["amount"] - args["blocked"]),
            (blocked, DEBIT, args["blocked"]),
            (self._account(event, args["owner"], HELD), CREDIT, args["amount"]),
        ]
        return self._entry(event, "hold_execution", lines, (args["owner"], args["to"]))

    def _shrink(self, event: ChainEvent) -> None:
        if event.args["owner"] not in self._owners:
            return
        hold = self._hold(event.args["id"])
        if hold is None:
            raise BrokenBooksError(f"hold 0x{event.args['id'].hex()}: expected in the books, got none")
        self.holds[hold.id] = replace(hold, rest=hold.rest - event.args["amount"])

    def _hold(self, hold_id: bytes) -> Hold | None:
        return self.holds.get(hold_id) or self._load_hold(hold_id)

    def _account(self, event: ChainEvent, address: str, part: str) -> Account:
        """Return the owner's account, or the one for everyone else (the issuer's for nobody)."""
        currency = self._currency_of[event.address]
        owner = self._owners.get(address)
        if owner is not None:
            return Account(currency, owner, part)
        return Account(currency, None, ISSUED if address == _NOBODY and currency in self._issues else OUTSIDE)

    def _entry(
        self,
        event: ChainEvent,
        kind: str,
        lines: Iterable[tuple[Account, Side, int]],
        parties: tuple[str, str],
    ) -> Entry | None:
        """Return the entry, None where it would say nothing: zero, or outside to outside."""
        kept = _netted(lines)
        if not kept:
            return None
        payer, payee = (None if party == _NOBODY else party for party in parties)
        return Entry(
            kind=kind,
            currency=self._currency_of[event.address],
            lines=kept,
            block_number=event.block_number,
            time_s=event.block_time_s,
            tx_hash=event.tx_hash,
            log_index=event.log_index,
            payer=payer,
            payee=payee,
            hold_id=event.args.get("id"),
            reference=event.args.get("reference"),
        )


def _explains(event: ChainEvent, transfer: ChainEvent) -> bool:
    """Return whether `event` books the same money as the Transfer logged right before it."""
    return (
        event.name in _EXPLAINING
        and event.address == transfer.address
        and event.tx_hash == transfer.tx_hash
        and event.log_index == transfer.log_index + 1
        and event.args["amount"] == transfer.args["value"]
    )


def _netted(lines: Iterable[tuple[Account, Side, int]]) -> tuple[Line, ...]:
    """Return one line per account, without those that come to nothing."""
    totals: dict[Account, int] = {}
    for account, side, amount in lines:
        totals[account] = totals.get(account, 0) + (amount if side == DEBIT else -amount)
    return tuple(
        Line(account, DEBIT if total > 0 else CREDIT, abs(total)) for account, total in totals.items() if total
    )
