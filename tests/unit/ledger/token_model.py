"""A token as the books must see it: balances by part, and the events the contract logs for each call, in its order."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.unit.client.fake_chain import contract_address

NOBODY = "0x" + "00" * 20


@dataclass
class TokenModel:
    """One currency's token."""

    currency: str
    available: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    held: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    blocked: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    holds: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    supply: int = 0

    def parts(self, address: str) -> tuple[int, int, int]:
        """Return available, held, blocked."""
        return self.available[address], self.held[address], self.blocked[address]

    def issue(self, to: str, amount: int) -> None:
        self.supply += amount
        self.available[to] += amount
        self._log("Transfer", sender=NOBODY, receiver=to, value=amount)
        self._log("Issued", to=to, amount=amount, reference=b"\5" * 32)

    def redeem(self, holder: str, amount: int) -> None:
        self.supply -= amount
        self.available[holder] -= amount
        self._log("Transfer", sender=holder, receiver=NOBODY, value=amount)
        self._log("Redeemed", holder=holder, amount=amount, reference=b"\6" * 32)

    def transfer(self, sender: str, to: str, amount: int) -> None:
        self.available[sender] -= amount
        self.available[to] += amount
        self._log("Transfer", sender=sender, receiver=to, value=amount)

    def place(self, owner: str, amount: int) -> bytes:
        hold_id = (len(self.holds) + 1).to_bytes(32, "big")
        self.available[owner] -= amount
        self.held[owner] += amount
        self.holds[hold_id] = (owner, amount)
        notary = contract_address("TradeEscrow")
        reference = b"\7" * 32
        self._log(
            "HoldPlaced", id=hold_id, owner=owner, notary=notary, amount=amount, expires_at=9, reference=reference
        )
        return hold_id

    def increase(self, hold_id: bytes, added: int) -> None:
        owner, rest = self.holds[hold_id]
        self.available[owner] -= added
        self.held[owner] += added
        self.holds[hold_id] = (owner, rest + added)
        self._log("HoldIncreased", id=hold_id, amount=rest + added, expires_at=10)

    def execute(self, hold_id: bytes, to: str, amount: int, blocked: int) -> None:
        owner, rest = self.holds[hold_id]
        self.held[owner] -= amount
        self.holds[hold_id] = (owner, rest - amount)
        self.available[to] += amount - blocked
        self.blocked[to] += blocked
        self._log("Transfer", sender=owner, receiver=to, value=amount)
        self._log("HoldExecuted", id=hold_id, owner=owner, to=to, amount=amount, blocked=blocked)

    def release(self, hold_id: bytes, amount: int) -> None:
        owner, rest = self.holds[hold_id]
        self.held[owner] -= amount
        self.available[owner] += amount
        self.holds[hold_id] = (owner, rest - amount)
        self._log("HoldReleased", id=hold_id, owner=owner, amount=amount)

    def clear(self, account: str, amount: int) -> None:
        self.blocked[account] -= amount
        self.available[account] += amount
        self._log("BlockedCleared", account=account, amount=amount)

    def take_events(self) -> list[dict[str, Any]]:
        """Return and forget what was logged."""
        events, self.events = self.events, []
        return events

    def _log(self, name: str, **args: Any) -> None:
        address = contract_address(self.currency)
        self.events.append({"contract": "SettlementToken", "name": name, "address": address, **args})
