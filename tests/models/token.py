"""SettlementToken and its holds, written down again from their definitions.

Where the contract counts cleverly the model enumerates: frozen time is a set of intervals walked from the hold's birth,
a flow window a list of entries. It refuses with the contract's own reasons, so that both can be compared call by call.
Signatures are not modelled: who may call and what was used before is.

Source: docs/spec/contracts.md; SPEC section 1.
"""

from dataclasses import dataclass, field
from typing import Final

SCOPE_AVAILABLE: Final = 1
SCOPE_ALL: Final = 2

SUPPLY_BOUND: Final = 2**72
HOLD_S_MAX: Final = 400 * 86_400
WINDOW_S_MAX: Final = 400 * 86_400
ORDER_S_MAX: Final = 3660 * 86_400
ORDERS_MAX: Final = 8
BUCKETS: Final = 8

ANONYMOUS: Final = 0
REGISTERED: Final = 1

HoldId = bytes


class Refused(Exception):  # noqa: N818 - what the model does, not what went wrong with it
    """The call is refused and nothing has changed; the text is the contract's reason without its prefix."""


@dataclass(frozen=True)
class Limits:
    """0 = no limit; times in seconds."""

    holding_max: int = 0
    flow_max: int = 0
    window_s: int = 0


@dataclass
class Hold:
    """A part of `owner`'s balance for `notary`; `amount` is the rest."""

    owner: str
    notary: str
    amount: int
    expires_at: int
    created_at: int
    signed: bool
    counted: int = 0
    """What the flow window counted for it, less what was given back."""


@dataclass
class Order:
    """A freeze order; frozen seconds are `start` to `end`, both included."""

    number: int
    scope: int
    start: int
    end: int


@dataclass
class Entry:
    """Money spent at a time; `hold_id` if it is a hold's and may come back."""

    time_s: int
    amount: int
    hold_id: HoldId | None


@dataclass
class Window:
    """What an account has spent lately. An entry lives for eight buckets, each a seventh of the window."""

    bucket_s: int = 0
    entries: list[Entry] = field(default_factory=list)

    def used(self, now_s: int) -> int:
        return sum(entry.amount for entry in self._live(now_s))

    def record(self, amount: int, window_s: int, now_s: int, hold_id: HoldId | None) -> None:
        """Count `amount` as spent now; a new length of the window carries what the old one still counts to now."""
        bucket_s = -(-window_s // (BUCKETS - 1))
        live = self._live(now_s)
        if bucket_s != self.bucket_s:
            carried = sum(entry.amount for entry in live if entry.time_s != now_s)
            live = [entry for entry in live if entry.time_s == now_s] + [Entry(now_s, carried, None)]
            self.bucket_s = bucket_s
        self.entries = [*live, Entry(now_s, amount, hold_id)]

    def give_back(self, hold_id: HoldId, amount: int, now_s: int) -> bool:
        """Take back what the hold counted; False if the window has left it behind."""
        for entry in self._live(now_s):
            if entry.hold_id == hold_id:
                entry.amount -= amount
                return True
        return False

    def _live(self, now_s: int) -> list[Entry]:
        if not self.bucket_s:
            return []
        now_bucket = now_s // self.bucket_s
        return [entry for entry in self.entries if entry.time_s // self.bucket_s + BUCKETS > now_bucket]


@dataclass
class Wallet:
    """What a bank says of a customer's account; `purpose` None is none."""

    bank: str
    tier: int
    purpose: str | None


@dataclass
class TokenModel:
    """The token's state; calls take the caller and the time first."""

    issuer: str
    banks: frozenset[str]
    """Institutions that may be issued money; also the only institutions there are."""
    notaries: frozenset[str]
    checking_notaries: frozenset[str] = frozenset()
    """Those of the notaries that check purposes."""
    wallets: dict[str, Wallet] = field(default_factory=dict)
    payees: set[tuple[str, str]] = field(default_factory=set)
    """(purpose, payee)."""
    requests: dict[tuple[str, bytes], int] = field(default_factory=dict)
    """Open requests for money; an answered one stays with 0."""
    supply: int = 0
    available: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    holds: dict[HoldId, Hold] = field(default_factory=dict)
    orders: dict[str, list[Order]] = field(default_factory=dict)
    last_order: int = 0
    tier_limits: dict[int, Limits] = field(default_factory=dict)
    own_limits: dict[str, Limits] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)

    # ------------------------------------------------------------------ money

    def request(self, caller: str, amount: int, reference: bytes) -> None:
        _require(caller in self.banks, "not a bank or FX provider")
        _require(amount > 0, "zero amount")
        _require(amount < SUPPLY_BOUND, "supply too large")
        _require((caller, reference) not in self.requests, "request exists")
        self.requests[caller, reference] = amount

    def issue(self, caller: str, now_s: int, to: str, amount: int, reference: bytes) -> None:
        self._check_issuer(caller)
        _require(to in self.banks, "not a bank or FX provider")
        asked = self.requests.get((to, reference), 0)
        _require(asked > 0 and asked == amount, "no such request")
        _require(self.supply + amount < SUPPLY_BOUND, "supply too large")
        self._credit(to, amount, now_s)
        self.supply += amount
        self.requests[to, reference] = 0

    def decline(self, caller: str, requester: str, reference: bytes) -> None:
        self._check_issuer(caller)
        _require(self.requests.get((requester, reference), 0) > 0, "no such request")
        self.requests[requester, reference] = 0

    def redeem(self, caller: str, now_s: int, amount: int) -> None:
        _require(caller in self.banks, "not a bank or FX provider")
        _require(amount > 0, "zero amount")
        self._check_debit(caller, amount, now_s)
        _add(self.available, caller, -amount)
        self.supply -= amount

    def transfer(self, caller: str, now_s: int, to: str, amount: int) -> None:
        self._pay(caller, to, amount, now_s)

    def approve(self, caller: str, spender: str, amount: int) -> None:
        self.allowances[caller, spender] = amount

    def transfer_from(self, caller: str, now_s: int, owner: str, to: str, amount: int) -> None:
        self._check_allowance(owner, caller, amount)
        self._pay(owner, to, amount, now_s)
        self._use_allowance(owner, caller, amount)

    def claim_blocked(self, now_s: int, account: str) -> int:
        amount = min(self.blocked.get(account, 0), self._room(account, now_s))
        _require(amount > 0, "nothing to clear")
        _add(self.blocked, account, -amount)
        _add(self.available, account, amount)
        return amount

    # ------------------------------------------------------------------ holds

    def place(
        self, now_s: int, hold_id: HoldId, owner: str, notary: str, amount: int, expires_at: int, signed: bool
    ) -> None:
        _require(amount > 0, "zero amount")
        _require(now_s < expires_at, "expiry passed")
        _require(expires_at <= now_s + HOLD_S_MAX, "expiry too far")
        _require(self._may_hold(owner, notary), "no notary for this owner")
        _require(hold_id not in self.holds, "hold exists")
        self._check_debit(owner, amount, now_s)
        counted = self._consume_flow(owner, amount, now_s, hold_id)
        _add(self.available, owner, -amount)
        _add(self.held, owner, amount)
        self.holds[hold_id] = Hold(owner, notary, amount, expires_at, now_s, signed, amount if counted else 0)

    def hold_from(
        self, caller: str, now_s: int, hold_id: HoldId, owner: str, notary: str, amount: int, expires_at: int
    ) -> None:
        self._check_allowance(owner, caller, amount)
        self.place(now_s, hold_id, owner, notary, amount, expires_at, signed=False)
        self._use_allowance(owner, caller, amount)

    def increase(self, caller: str, now_s: int, hold_id: HoldId, amount: int, expires_at: int) -> None:
        """Raise a hold; where it is a signed one the owner's signature is given."""
        hold = self._live(hold_id, now_s)
        if hold.signed:
            _require(caller == hold.notary, "not the notary")
        else:
            _require(caller == hold.owner, "not the owner")
        _require(amount >= hold.amount and expires_at >= hold.expires_at, "hold would shrink")
        _require((amount, expires_at) != (hold.amount, hold.expires_at), "nothing to increase")
        _require(expires_at <= now_s + HOLD_S_MAX, "expiry too far")
        added = amount - hold.amount
        has_purpose = self._purpose(hold.owner) is not None
        _require(not (added and has_purpose) or self._may_hold(hold.owner, hold.notary), "no notary for this owner")
        self._check_debit(hold.owner, added, now_s)
        if added and self._consume_flow(hold.owner, added, now_s, None):
            self._merge_counts(hold_id, hold, added, now_s)
        _add(self.available, hold.owner, -added)
        _add(self.held, hold.owner, added)
        hold.amount, hold.expires_at = amount, expires_at

    def execute(self, caller: str, now_s: int, hold_id: HoldId, to: str, amount: int) -> int:
        """Pay out of a hold; return what the receiver gets blocked."""
        hold = self._live(hold_id, now_s)
        _require(caller == hold.notary, "not the notary")
        _require(not self.is_frozen(hold.owner, SCOPE_ALL, now_s), "hold stands still")
        self._shrink(hold, amount)
        fits = min(amount, self._room(to, now_s))
        _add(self.available, to, fits)
        _add(self.blocked, to, amount - fits)
        return amount - fits

    def release(self, caller: str, now_s: int, hold_id: HoldId, amount: int) -> None:
        hold = self._open(hold_id)
        if caller != hold.notary:
            _require(now_s > self.effective_expiry(hold_id), "hold not expired")
            _require(amount == hold.amount, "not the whole rest")
        self._shrink(hold, amount)
        _add(self.available, hold.owner, amount)
        given = min(amount, hold.counted)
        if given:
            self._window(hold.owner).give_back(hold_id, given, now_s)
            hold.counted -= given

    def effective_expiry(self, hold_id: HoldId) -> int:
        """Nominal expiry plus every frozen second from the hold's birth to its death, each once."""
        hold = self.holds[hold_id]
        expiry = hold.expires_at
        for start, end in self._frozen_intervals(hold.owner):
            counts_from = max(start, hold.created_at)
            if counts_from > expiry:
                break
            expiry += max(0, end + 1 - counts_from)
        return expiry

    # ------------------------------------------------------------------ orders and limits

    def order_freeze(self, caller: str, now_s: int, account: str, number: int, scope: int, expires_at: int) -> None:
        self._check_issuer(caller)
        _require(number > self.last_order, "order number used")
        _require(scope in (SCOPE_AVAILABLE, SCOPE_ALL), "unknown scope")
        _require(now_s <= expires_at, "order expired")
        _require(expires_at <= now_s + ORDER_S_MAX, "order too long")
        _require(len(self._in_force(account, now_s)) < ORDERS_MAX, "too many orders")
        self.last_order = number
        self.orders.setdefault(account, []).append(Order(number, scope, now_s, expires_at))
        self._lifted.discard(number)

    def lift_freeze(self, caller: str, now_s: int, account: str, number: int) -> None:
        self._check_issuer(caller)
        found = [order for order in self._in_force(account, now_s) if order.number == number]
        _require(bool(found), "no such order")
        found[0].end = now_s
        self._lifted.add(number)

    def is_frozen(self, account: str, scope: int, now_s: int) -> bool:
        return any(order.scope >= scope for order in self._in_force(account, now_s))

    def set_limits(self, caller: str, account: str | int, limits: Limits) -> None:
        """Set an account's own limits, or a tier's."""
        self._check_issuer(caller)
        _require((limits.flow_max == 0) == (limits.window_s == 0), "flow limit needs a window")
        _require(limits.window_s <= WINDOW_S_MAX, "window too long")
        if isinstance(account, int):
            self.tier_limits[account] = limits
        else:
            self.own_limits[account] = limits

    def limits_of(self, account: str) -> Limits:
        if account in self.own_limits:
            return self.own_limits[account]
        if account in self.banks:
            return Limits()
        tier = self.wallets[account].tier if account in self.wallets else ANONYMOUS
        return self.tier_limits.get(tier, Limits())

    def flow_used(self, account: str, now_s: int) -> int:
        return self._window(account).used(now_s)

    # ------------------------------------------------------------------ inside

    _lifted: set[int] = field(default_factory=set)

    def _purpose(self, account: str) -> str | None:
        return self.wallets[account].purpose if account in self.wallets else None

    def _may_hold(self, owner: str, notary: str) -> bool:
        return notary in (self.notaries if self._purpose(owner) is None else self.checking_notaries)

    def _allows(self, payer: str, payee: str) -> bool:
        purpose = self._purpose(payer)
        if purpose is None:
            return True
        return (purpose, payee) in self.payees or payee in (payer, self.wallets[payer].bank)

    def _pay(self, sender: str, to: str, amount: int, now_s: int) -> None:
        _require(self._allows(sender, to), "purpose forbids the payee")
        self._check_debit(sender, amount, now_s)
        self._check_flow(sender, amount, now_s)
        _add(self.available, sender, -amount)
        try:
            self._credit(to, amount, now_s)
        except Refused:
            _add(self.available, sender, amount)
            raise
        self._consume_flow(sender, amount, now_s, None)

    def _check_debit(self, owner: str, amount: int, now_s: int) -> None:
        _require(not self.is_frozen(owner, SCOPE_AVAILABLE, now_s), "account frozen")
        _require(amount <= self.available.get(owner, 0), "not enough available")

    def _credit(self, to: str, amount: int, now_s: int) -> None:
        _require(not self.is_frozen(to, SCOPE_AVAILABLE, now_s), "receiver frozen")
        _require(amount <= self._room(to, now_s), "over the holding limit")
        _add(self.available, to, amount)

    def _room(self, account: str, now_s: int) -> int:
        if self.is_frozen(account, SCOPE_AVAILABLE, now_s):
            return 0
        holding_max = self.limits_of(account).holding_max
        if not holding_max:
            return SUPPLY_BOUND
        return max(0, holding_max - self.available.get(account, 0) - self.held.get(account, 0))

    def _check_flow(self, owner: str, amount: int, now_s: int) -> None:
        limits = self.limits_of(owner)
        if limits.flow_max:
            _require(self.flow_used(owner, now_s) + amount <= limits.flow_max, "over the flow limit")

    def _consume_flow(self, owner: str, amount: int, now_s: int, hold_id: HoldId | None) -> bool:
        self._check_flow(owner, amount, now_s)
        limits = self.limits_of(owner)
        if limits.flow_max:
            self._window(owner).record(amount, limits.window_s, now_s, hold_id)
        return bool(limits.flow_max)

    def _merge_counts(self, hold_id: HoldId, hold: Hold, added: int, now_s: int) -> None:
        """Give the hold one entry now: what was just added and what the window still counts for its rest."""
        window = self._window(hold.owner)
        carried = min(hold.counted, hold.amount)
        if not window.give_back(hold_id, carried, now_s):
            carried = 0
        for entry in window.entries:
            if entry.hold_id == hold_id:
                entry.hold_id = None
        window.entries[-1].hold_id = hold_id
        window.entries[-1].amount += carried
        hold.counted = carried + added

    def _live(self, hold_id: HoldId, now_s: int) -> Hold:
        hold = self._open(hold_id)
        _require(now_s <= self.effective_expiry(hold_id), "hold expired")
        return hold

    def _open(self, hold_id: HoldId) -> Hold:
        _require(hold_id in self.holds, "unknown hold")
        _require(self.holds[hold_id].amount > 0, "hold closed")
        return self.holds[hold_id]

    def _shrink(self, hold: Hold, amount: int) -> None:
        _require(amount > 0, "zero amount")
        _require(amount <= hold.amount, "more than is held")
        hold.amount -= amount
        _add(self.held, hold.owner, -amount)

    def _frozen_intervals(self, account: str) -> list[tuple[int, int]]:
        """Disjoint intervals of scope `all`, in order, both ends included."""
        merged: list[tuple[int, int]] = []
        spans = sorted((order.start, order.end) for order in self.orders.get(account, []) if order.scope == SCOPE_ALL)
        for start, end in spans:
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return merged

    def _in_force(self, account: str, now_s: int) -> list[Order]:
        orders = self.orders.get(account, [])
        return [order for order in orders if now_s <= order.end and order.number not in self._lifted]

    def _window(self, account: str) -> Window:
        return self.windows.setdefault(account, Window())

    def _check_issuer(self, caller: str) -> None:
        _require(caller == self.issuer, "not the issuer")

    def _check_allowance(self, owner: str, spender: str, amount: int) -> None:
        _require(amount <= self.allowances.get((owner, spender), 0), "allowance too small")

    def _use_allowance(self, owner: str, spender: str, amount: int) -> None:
        allowed = self.allowances.get((owner, spender), 0)
        if allowed != 2**256 - 1:
            self.allowances[owner, spender] = allowed - amount


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def _add(balances: dict[str, int], account: str, amount: int) -> None:
    balances[account] = balances.get(account, 0) + amount
