"""SettlementToken and its model, driven together: owners, notaries, strangers, the issuer, time, freezes, limits.

Every call goes to both; both take it, or both refuse it for the same reason. After every step all figures agree and
the invariants of SPEC section 1 hold.
"""

from collections.abc import Callable
from typing import Any

import boa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contracts.client.typed_data import Message
from tests.contracts.support import (
    BANK,
    DAY_S,
    LEI,
    ROOT,
    START_S,
    UNLIMITED,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    Holds,
    advance_to,
    deploy,
    now_s,
    token_domain,
)
from tests.models.token import Limits, Refused, TokenModel

GOVERNOR, ISSUER, STRANGER = Actor("governor"), Actor("issuer"), Actor("stranger")
BANK_A, PAYER, PAYEE = Actor("bank"), Actor("payer"), Actor("payee")
NOTARY_A, NOTARY_B = Actor("notary"), Actor("notary_b")

OWNERS = (BANK_A, PAYER, PAYEE)
NOTARIES = (NOTARY_A, NOTARY_B)
CALLERS = (*OWNERS, *NOTARIES, STRANGER)

owners = st.sampled_from(OWNERS)
notaries = st.sampled_from((NOTARY_A, NOTARY_A, NOTARY_B, STRANGER))
callers = st.sampled_from(CALLERS)
START_BALANCE = 1_000_000

# Mostly the one who may; now and then anyone.
someone_else = st.one_of(st.none(), st.none(), st.none(), callers)
# Halves of a bound, its edges, and anything up to the largest amount.
parts = st.sampled_from(("zero", "one", "half", "all", "over", "any"))
any_amount = st.one_of(st.integers(0, 2_000_000), st.integers(0, 2**72))
spans = st.sampled_from((1, 2, 59, 60, 3_600, DAY_S, 30 * DAY_S, 400 * DAY_S, 400 * DAY_S + 1))
limits = st.builds(
    lambda holding_max, flow: Limits(holding_max, *flow),
    st.sampled_from((0, 0, START_BALANCE, START_BALANCE * 3 // 2, 2**71)),
    st.sampled_from(((0, 0), (1_000, 60), (1_000, 60), (100_000, DAY_S), (100_000, DAY_S), (2**70, 7), (1, 0), (0, 1))),
)


def _deploy_contracts() -> tuple[Any, Any]:
    """Deploy the token and the probe that reads it."""
    boa.env.timestamp = START_S
    registry = deploy("ParticipantRegistry", GOVERNOR.address)
    registry.register(BANK_A.address, LEI, "PLDRNL2A", BANK, ZERO_BYTES32, sender=GOVERNOR.address)
    for notary in NOTARIES:
        registry.set_notary(notary.address, True, sender=GOVERNOR.address)
    token = deploy("SettlementToken", "Landfall Euro", "lfEUR", "EUR", 2, registry.address, ISSUER.address)
    probe = deploy("TokenProbe", folder=ROOT / "tests" / "contracts" / "helpers")
    return token, probe


class TokenMachine(RuleBasedStateMachine):
    """Contract and model side by side. titanoboa undoes on chain what an example did."""

    token: Any
    probe: Any

    def __init__(self) -> None:
        super().__init__()
        self.signing = Holds(self.token)
        self.model = TokenModel(
            issuer=ISSUER.address,
            banks=frozenset({BANK_A.address}),
            notaries=frozenset(notary.address for notary in NOTARIES),
        )
        self.signed: list[tuple[str, Message]] = []

    @initialize()
    def give_everyone_money(self) -> None:
        for owner in OWNERS:
            self.issue(BANK_A, "any", START_BALANCE)
            self.transfer(BANK_A, owner, "any", START_BALANCE)

    # ------------------------------------------------------------------ money

    @rule(to=st.sampled_from((BANK_A, BANK_A, PAYER)), part=parts, amount=any_amount)
    def issue(self, to: Actor, part: str, amount: int) -> None:
        value = _amount(part, amount, 2**72 - 1 - self.model.supply)
        self.both(
            lambda: self.token.issue(to.address, value, ZERO_BYTES32, sender=ISSUER.address),
            lambda: self.model.issue(ISSUER.address, now_s(), to.address, value),
        )

    @rule(holder=st.sampled_from((BANK_A, BANK_A, PAYER)), part=parts, amount=any_amount)
    def redeem(self, holder: Actor, part: str, amount: int) -> None:
        value = _amount(part, amount, self.model.available.get(holder.address, 0))
        self.both(
            lambda: self.token.redeem(value, ZERO_BYTES32, sender=holder.address),
            lambda: self.model.redeem(holder.address, now_s(), value),
        )

    @rule(sender=owners, to=owners, part=parts, amount=any_amount)
    def transfer(self, sender: Actor, to: Actor, part: str, amount: int) -> None:
        value = _amount(part, amount, self._spendable(sender.address))
        self.both(
            lambda: self.token.transfer(to.address, value, sender=sender.address),
            lambda: self.model.transfer(sender.address, now_s(), to.address, value),
        )

    @rule(owner=owners, spender=callers, amount=st.one_of(any_amount, st.just(UNLIMITED)))
    def approve(self, owner: Actor, spender: Actor, amount: int) -> None:
        self.both(
            lambda: self.token.approve(spender.address, amount, sender=owner.address),
            lambda: self.model.approve(owner.address, spender.address, amount),
        )

    @rule(owner=owners, spender=callers, to=owners, part=parts, amount=any_amount)
    def transfer_from(self, owner: Actor, spender: Actor, to: Actor, part: str, amount: int) -> None:
        value = _amount(part, amount, self._spendable(owner.address))
        self.both(
            lambda: self.token.transferFrom(owner.address, to.address, value, sender=spender.address),
            lambda: self.model.transfer_from(spender.address, now_s(), owner.address, to.address, value),
        )

    @rule(account=owners)
    def claim_blocked(self, account: Actor) -> None:
        self.both(
            lambda: self.token.claim_blocked(account.address, sender=STRANGER.address),
            lambda: self.model.claim_blocked(now_s(), account.address),
        )

    # ------------------------------------------------------------------ holds

    @rule(owner=owners, notary=notaries, part=parts, amount=any_amount, span=spans)
    def hold(self, owner: Actor, notary: Actor, part: str, amount: int, span: int) -> None:
        message = self._message(owner, notary, part, amount, span)
        self.both(
            lambda: self.token.hold(*_hold_fields(message), sender=owner.address),
            lambda: self.model.place(
                now_s(),
                self._id(message),
                owner.address,
                notary.address,
                message["amount"],
                message["expires_at"],
                False,
            ),
        )

    @rule(owner=owners, spender=callers, notary=notaries, part=parts, amount=any_amount, span=spans)
    def hold_from(self, owner: Actor, spender: Actor, notary: Actor, part: str, amount: int, span: int) -> None:
        message = self._message(owner, notary, part, amount, span)
        self.both(
            lambda: self.token.hold_from(owner.address, *_hold_fields(message), sender=spender.address),
            lambda: self.model.hold_from(
                spender.address,
                now_s(),
                self._id(message),
                owner.address,
                notary.address,
                message["amount"],
                message["expires_at"],
            ),
        )

    @rule(owner=owners, notary=notaries, part=parts, amount=any_amount, span=spans)
    def hold_signed(self, owner: Actor, notary: Actor, part: str, amount: int, span: int) -> None:
        message = self._message(owner, notary, part, amount, span)
        message["signature"] = owner.sign(token_domain(self.token), "Hold", message)
        taken = self.both(
            lambda: self.signing.submit(message, sender=notary.address),
            lambda: self.model.place(
                now_s(),
                self._id(message),
                owner.address,
                notary.address,
                message["amount"],
                message["expires_at"],
                True,
            ),
        )
        if taken:
            self.signed.append((notary.address, message))

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def replay(self, data: Any) -> None:
        notary, message = data.draw(st.sampled_from(self.signed))
        late = now_s() > message["valid_until"]
        with boa.reverts("token: signature expired" if late else "token: signature used"):
            self.signing.submit(message, sender=notary)

    @precondition(lambda self: self.model.holds)
    @rule(
        data=st.data(),
        instead=someone_else,
        part=st.sampled_from(("zero", "one", "half", "all", "over", "less")),
        later_s=st.sampled_from((-1, 0, 0, 1, DAY_S, 400 * DAY_S)),
    )
    def increase(self, data: Any, instead: Actor | None, part: str, later_s: int) -> None:
        hold_id, hold = self._draw_hold(data)
        rightful = hold.notary if hold.signed else hold.owner
        caller = instead.address if instead else rightful
        added = -1 if part == "less" else _amount(part, 0, self._spendable(hold.owner))
        amount, expires_at = max(0, hold.amount + added), hold.expires_at + later_s
        signature, valid_until = b"", UNLIMITED
        if hold.signed:
            # A signature counts once, so each is made to differ.
            valid_until -= self.signing.next_number()
            fields = {"hold_id": hold_id, "amount": amount, "expires_at": expires_at, "valid_until": valid_until}
            owner = next(actor for actor in OWNERS if actor.address == hold.owner)
            signature = owner.sign(token_domain(self.token), "IncreaseHold", fields)
        self.both(
            lambda: self.token.increase_hold(hold_id, amount, expires_at, valid_until, signature, sender=caller),
            lambda: self.model.increase(caller, now_s(), hold_id, amount, expires_at),
        )

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), instead=someone_else, to=owners, part=parts, amount=any_amount)
    def execute(self, data: Any, instead: Actor | None, to: Actor, part: str, amount: int) -> None:
        hold_id, hold = self._draw_hold(data)
        caller = instead.address if instead else hold.notary
        value = _amount(part, amount, hold.amount)
        self.both(
            lambda: self.token.execute_hold(hold_id, to.address, value, sender=caller),
            lambda: self.model.execute(caller, now_s(), hold_id, to.address, value),
        )

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), instead=someone_else, part=st.sampled_from(("zero", "half", "all", "all", "over")))
    def release(self, data: Any, instead: Actor | None, part: str) -> None:
        hold_id, hold = self._draw_hold(data)
        caller = instead.address if instead else hold.notary
        value = _amount(part, 0, hold.amount)
        self.both(
            lambda: self.token.release_hold(hold_id, value, sender=caller),
            lambda: self.model.release(caller, now_s(), hold_id, value),
        )

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data())
    def never_both(self, data: Any) -> None:
        """In one second a hold can be executed, or given back by a stranger, or neither; never both."""
        hold_id, hold = self._draw_hold(data)
        if hold.amount == 0:
            return
        can_execute = _succeeds(lambda: self.token.execute_hold(hold_id, PAYEE.address, 1, sender=hold.notary))
        can_release = _succeeds(lambda: self.token.release_hold(hold_id, hold.amount, sender=STRANGER.address))
        stands_still = self.token.is_frozen(hold.owner, 2)
        assert (can_execute, can_release) in ([(False, False)] if stands_still else [(True, False), (False, True)])

    # ------------------------------------------------------------------ orders, limits, time

    @rule(
        account=owners,
        rise=st.sampled_from((0, 1, 1, 1, 5)),
        scope=st.sampled_from((1, 2, 2, 2, 3)),
        span=st.sampled_from((-1, 0, 1, 60, DAY_S, 30 * DAY_S)),
        caller=st.sampled_from((ISSUER, ISSUER, ISSUER, BANK_A)),
    )
    def order_freeze(self, account: Actor, rise: int, scope: int, span: int, caller: Actor) -> None:
        number, expires_at = self.model.last_order + rise, now_s() + span
        self.both(
            lambda: self.token.order_freeze(
                account.address, number, scope, expires_at, ZERO_BYTES32, sender=caller.address
            ),
            lambda: self.model.order_freeze(caller.address, now_s(), account.address, number, scope, expires_at),
        )

    @precondition(lambda self: self.model.last_order)
    @rule(account=owners, data=st.data())
    def lift_freeze(self, account: Actor, data: Any) -> None:
        orders = self.model.orders.get(account.address, [])
        number = data.draw(st.sampled_from([order.number for order in orders] or [1]))
        self.both(
            lambda: self.token.lift_freeze(account.address, number, sender=ISSUER.address),
            lambda: self.model.lift_freeze(ISSUER.address, now_s(), account.address, number),
        )

    @rule(account=st.one_of(st.none(), owners), limits=limits)
    def set_limits(self, account: Actor | None, limits: Limits) -> None:
        figures = (limits.holding_max, limits.flow_max, limits.window_s)
        if account is None:
            self.both(
                lambda: self.token.set_default_limits(*figures, sender=ISSUER.address),
                lambda: self.model.set_limits(ISSUER.address, None, limits),
            )
        else:
            self.both(
                lambda: self.token.set_limits(account.address, *figures, sender=ISSUER.address),
                lambda: self.model.set_limits(ISSUER.address, account.address, limits),
            )

    @rule(seconds=st.sampled_from((1, 1, 2, 8, 60, 3_600, DAY_S, 40 * DAY_S)))
    def let_time_pass(self, seconds: int) -> None:
        advance_to(now_s() + seconds)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), after_s=st.sampled_from((-1, 0, 1)))
    def go_to_an_edge(self, data: Any, after_s: int) -> None:
        """Jump to about the second at which a hold or an order ends."""
        edges = [self.model.effective_expiry(hold_id) for hold_id in self.model.holds]
        edges += [order.end for orders in self.model.orders.values() for order in orders]
        ahead = [edge for edge in edges if now_s() <= edge + after_s]
        if ahead:
            advance_to(data.draw(st.sampled_from(ahead)) + after_s)

    # ------------------------------------------------------------------ always

    @invariant()
    def figures_agree(self) -> None:
        """Contract and model agree; balance = available + held + blocked; balances sum to the supply."""
        addresses = [owner.address for owner in OWNERS]
        rows = self.probe.accounts(self.token.address, addresses)
        for address, (balance, *figures) in zip(addresses, rows, strict=True):
            expected = [
                self.model.available.get(address, 0),
                self.model.held.get(address, 0),
                self.model.blocked.get(address, 0),
                self.model.flow_used(address, now_s()),
                self.model.is_frozen(address, 1, now_s()),
                self.model.is_frozen(address, 2, now_s()),
            ]
            assert figures == expected
            assert balance == sum(figures[:3])
            rests = (hold.amount for hold in self.model.holds.values() if hold.owner == address)
            assert figures[1] == sum(rests)
        assert sum(row[0] for row in rows) == self.token.totalSupply() == self.model.supply < 2**72
        assert self.token.balanceOf(ZERO_ADDRESS) == 0

    @invariant()
    def holds_agree(self) -> None:
        """Rests and both expiries agree."""
        ids = list(self.model.holds)
        expected = [
            [hold.amount, hold.expires_at, self.model.effective_expiry(hold_id)]
            for hold_id, hold in self.model.holds.items()
        ]
        assert self.probe.holds(self.token.address, ids) == expected

    # ------------------------------------------------------------------ inside

    def both(self, call: Callable[[], Any], model_call: Callable[[], Any]) -> bool:
        """Do the same to both; return whether both took it."""
        try:
            model_call()
        except Refused as refusal:
            with boa.reverts(f"token: {refusal}"):
                call()
            return False
        call()
        return True

    def _spendable(self, owner: str) -> int:
        """The tighter of what is available and what the flow limit leaves."""
        available, flow_max = self.model.available.get(owner, 0), self.model.limits_of(owner).flow_max
        return min(available, max(0, flow_max - self.model.flow_used(owner, now_s()))) if flow_max else available

    def _message(self, owner: Actor, notary: Actor, part: str, amount: int, span: int) -> dict[str, Any]:
        value = _amount(part, amount, self._spendable(owner.address))
        return self.signing.message(owner.address, notary.address, value, now_s() + span)

    def _id(self, message: Message) -> bytes:
        return bytes(self.token.hold_id(message["owner"], message["notary"], message["salt"]))

    def _draw_hold(self, data: Any) -> tuple[bytes, Any]:
        return data.draw(st.sampled_from(list(self.model.holds.items())))  # type: ignore[no-any-return]


def _amount(part: str, anything: int, bound: int) -> int:
    """Return an amount at, inside or just outside of `bound`."""
    chosen = {"zero": 0, "one": 1, "half": bound // 2, "all": bound, "over": bound + 1, "any": anything}
    return max(0, chosen[part])


def _hold_fields(message: Message) -> tuple[Any, ...]:
    return tuple(message[name] for name in ("notary", "amount", "expires_at", "reference", "salt"))


def _succeeds(call: Callable[[], Any]) -> bool:
    """Try a call and undo it."""
    with boa.env.anchor():
        try:
            call()
        except boa.BoaError:
            return False
        return True


def test_token_and_model_agree_when_anyone_does_anything() -> None:
    TokenMachine.token, TokenMachine.probe = _deploy_contracts()
    run_state_machine_as_test(
        TokenMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
