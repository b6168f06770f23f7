"""One transaction of a trade while it is replayed: its events one after the other, and the money they must explain.

A step's events are taken in order; whoever takes one says which it must be. What the rules make the escrow move is
noted, and compared at the end with what the tokens moved out of the trade's holds: no event and no unit is left over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import EvidenceError
from bridge.proofs.event_logs import Event
from bridge.proofs.fields import expect
from bridge.proofs.milestones import holder_of
from bridge.proofs.records import (
    Happening,
    Hold,
    Milestone,
    Payment,
    Signed,
    Story,
    Transaction,
)
from fx.slices import payee_split

Has = Callable[[Signed], Mapping[str, Any] | None]
"""Tells what the pack holds of a message the escrow took: its fields, proven, or None."""


@dataclass(frozen=True, slots=True)
class _Move:
    token: str
    id: bytes
    to: str
    amount_minor: int
    milestone: int | None
    """Of a payment to a payee."""


class Step:
    """A transaction's own events, and what it owes."""

    def __init__(self, story: Story, transaction: Transaction, has: Has) -> None:
        self.story = story
        self.tx = transaction
        self.now_s = transaction.time_s
        self._has = has
        self._own = [event for event in transaction.events if _is_own(event, story)]
        self._at = 0
        self._moves: list[_Move] = []
        self._released: dict[bytes, int] = {}
        self._watched: dict[bytes, str] = {}

    @property
    def left(self) -> int:
        """Return how many own events are not taken yet."""
        return len(self._own) - self._at

    def peek(self, ahead: int = 0) -> Event | None:
        """Return the next own event, or one further on."""
        place = self._at + ahead
        return self._own[place] if place < len(self._own) else None

    def take(self, name: str, **demanded: object) -> Mapping[str, Any]:
        """Return the next own event's fields, which must be of this name and have these values."""
        event = self.peek()
        if event is None or event.name != name:
            raise self.refuse(name, event.name if event else "nothing")
        for field, value in demanded.items():
            self.expect(f"{name}.{field}", value, event.args[field])
        self._at += 1
        return event.args

    def refuse(self, expected: object, got: object) -> EvidenceError:
        """Return the error that names this transaction."""
        return EvidenceError(self.tx.path, expected, got)

    def expect(self, what: str, expected: object, got: object) -> None:
        """Raise unless both are equal."""
        expect(f"{self.tx.path} ({what})", expected, got)

    def require(self, holds: bool, expected: object, got: object) -> None:
        """Raise unless a rule holds."""
        if not holds:
            raise self.refuse(expected, got)

    def milestone(self, index: int) -> Milestone:
        """Return a milestone of the trade."""
        self.require(index < len(self.story.milestones), f"a milestone below {len(self.story.milestones)}", index)
        return self.story.milestones[index]

    def store(self, one: Milestone) -> None:
        """Store a milestone; where its outcome is new, the escrow said so."""
        before = self.story.milestones[one.index]
        if (before.outcome, before.share_bps) != (one.outcome, one.share_bps):
            values = {"outcome": one.outcome, "share_bps": one.share_bps, "due_at": one.due_at}
            self.take("MilestoneDue", milestone=one.index, **values)
        self.story.milestones[one.index] = one

    def note(self, kind: str, milestone: int | None, amount_minor: int = 0, **more: Any) -> None:
        """Note something that a reader should know."""
        self.story.happenings.append(Happening(kind, milestone, self.now_s, self.tx.block, amount_minor, **more))

    def signed(self, type_: str, signer: str, /, **fields: Any) -> Mapping[str, Any] | None:
        """Return what the pack holds of a message that the escrow took now; None where it holds only the escrow's word.

        Each call counts one message, so that a pack can name it by its number.
        """
        number, self.story.signed = self.story.signed, self.story.signed + 1
        place = (self.tx.block, self.tx.index)
        return self._has(Signed(number, type_, signer, {"trade_id": self.story.trade_id, **fields}, self.now_s, place))

    def about(self, type_: str, signer: str, one: Milestone, /, **fields: Any) -> Mapping[str, Any] | None:
        """Return the same of a message about one milestone."""
        version = {} if type_ == "Award" else {"version": self.story.version}
        return self.signed(type_, signer, **version, milestone=one.index, milestone_hash=one.bound, **fields)

    def effective_expiry(self, hold: Hold) -> int:
        """Return a hold's expiry as the pack's freeze orders have moved it."""
        return self.story.freezes.moved(hold.token, hold.owner, hold.expires_at, hold.placed_at)

    def paying_hold(self) -> Hold:
        """Return the importer's hold."""
        hold = self.story.funding_hold or self.story.invoice_hold
        if hold is None:
            raise self.refuse("a funded trade", "no hold")
        return hold

    def execute(self, hold: Hold, to: str, amount_minor: int, milestone: int | None = None) -> None:
        """Note that a part of a hold must have gone to someone."""
        expiry = self.effective_expiry(hold)
        self.require(self.now_s <= expiry, f"payment until {expiry}, or the freeze orders that moved it", self.now_s)
        self.require(amount_minor <= hold.rest_minor, f"at most {hold.rest_minor} left in the hold", amount_minor)
        hold.rest_minor -= amount_minor
        self._moves.append(_Move(hold.token, hold.id, to, amount_minor, milestone))

    def release(self, hold: Hold | None, amount_minor: int) -> None:
        """Note that a part of a hold must have gone back to its owner, or what is left of it."""
        if hold is None:
            return
        part = min(amount_minor, hold.rest_minor)
        hold.rest_minor -= part
        self._released[hold.id] = self._released.get(hold.id, 0) + part

    def increase(self, hold: Hold, total_minor: int, expires_at: int) -> None:
        """Take the token's word that a hold was raised, in amount, life or both."""
        raised = [args for args in self.outside("HoldIncreased", hold.token) if args["id"] == hold.id]
        wanted = (total_minor, expires_at)
        self.require(
            any((args["amount"], args["expires_at"]) == wanted for args in raised),
            f"the hold raised to {total_minor} minor units until {expires_at}",
            [(args["amount"], args["expires_at"]) for args in raised],
        )
        hold.rest_minor, hold.expires_at = total_minor, expires_at

    def pay(self, hold: Hold, one: Milestone, amount_minor: int) -> None:
        """Note a payment of a milestone out of a hold, divided among the payees."""
        for account, part in self.split(one, amount_minor):
            self.execute(hold, account, part, one.index)
        self.paid(one, hold.token, amount_minor)

    def pay_from_reserve(self, token: str, reserve_id: bytes, one: Milestone, amount_minor: int) -> None:
        """Note a payment that a quote's reserve delivers to the payees."""
        for account, part in self.split(one, amount_minor):
            self.deliver(token, reserve_id, account, part, one.index)
        self.paid(one, token, amount_minor)

    def deliver(self, token: str, reserve_id: bytes, to: str, amount_minor: int, milestone: int | None = None) -> None:
        """Note that a quote's reserve must have paid someone."""
        self._watched[reserve_id] = token
        self._moves.append(_Move(token, reserve_id, to, amount_minor, milestone))

    def paid(self, one: Milestone, token: str, amount_minor: int) -> None:
        """Take the events that tell a payment."""
        for account, part in self.split(one, amount_minor):
            self.take("PaymentMade", milestone=one.index, account=account, token=token, amount=part)

    def split(self, one: Milestone, amount_minor: int) -> list[tuple[str, int]]:
        """Return who gets how much: the payees' shares, the rest to the milestone's holder; no zeros."""
        payees = self.story.terms["payees"]
        parts, rest = payee_split(amount_minor, [payee["share_bps"] for payee in payees])
        shares = [(payee["account"], part) for payee, part in zip(payees, parts, strict=True)]
        return [(account, part) for account, part in [*shares, (holder_of(self.story, one), rest)] if part]

    def outside(self, name: str, address: str) -> list[Mapping[str, Any]]:
        """Return the fields of another contract's events."""
        return [event.args for event in self.tx.events if event.name == name and event.address == address]

    def finish(self) -> None:
        """Compare what was owed with what the tokens moved out of the trade's holds and the used reserves."""
        self.require(not self.left, "no further event", self.peek())
        for hold in (self.story.invoice_hold, self.story.funding_hold):
            if hold is not None:
                self._watched[hold.id] = hold.token
        for id_, token in self._watched.items():
            owed = [move for move in self._moves if (move.token, move.id) == (token, id_)]
            moved = [args for args in self.outside("HoldExecuted", token) if args["id"] == id_]
            self.expect(
                "moved by the token",
                [(move.to, move.amount_minor) for move in owed],
                [(args["to"], args["amount"]) for args in moved],
            )
            for move, args in zip(owed, moved, strict=True):
                if move.milestone is not None:
                    payment = Payment(move.milestone, move.to, token, move.amount_minor, args["blocked"])
                    self.story.payments.append(payment)
        for hold in (self.story.invoice_hold, self.story.funding_hold):
            if hold is not None:
                self._check_released(hold)

    def watch(self, hold: Hold) -> None:
        """Compare the moves of a hold that is the trade's in this transaction only."""
        self._watched[hold.id] = hold.token

    def _check_released(self, hold: Hold) -> None:
        owed = self._released.get(hold.id, 0)
        released = sum(args["amount"] for args in self.outside("HoldReleased", hold.token) if args["id"] == hold.id)
        # Once a hold has expired, anyone may have had the token give the rest back, in a transaction of its own.
        if not (released == 0 and self.now_s > self.effective_expiry(hold)):
            self.expect("released by the token", owed, released)


def _is_own(event: Event, story: Story) -> bool:
    return event.address == story.escrow and event.args.get("trade_id") == story.trade_id
