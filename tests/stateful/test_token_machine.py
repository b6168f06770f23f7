"""SettlementToken and its model, driven together: owners, notaries, strangers, the issuer, time, freezes, limits,
wallets with purposes.

Every call goes to both; both take it, or both refuse it for the same reason. After every step all figures agree and
the invariants of SPEC section 1 hold.
"""

from collections.abc import Callable
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, Phase, settings
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
    salt,
    token_domain,
)
from tests.models.token import ANONYMOUS, REGISTERED, Hold, Limits, Refused, TokenModel, Wallet

GOVERNOR, ISSUER, STRANGER = Actor("governor"), Actor("issuer"), Actor("stranger")
BANK_A, PAYER, PAYEE = Actor("bank"), Actor("payer"), Actor("payee")
NOTARY_A, NOTARY_B = Actor("notary"), Actor("notary_b")

OWNERS = (BANK_A, PAYER, PAYEE)
NOTARIES = (NOTARY_A, NOTARY_B)
CALLERS = (*OWNERS, *NOTARIES, STRANGER)

Call = Callable[[], Any]

START_BALANCE = 1_000_000
PURPOSE = "fodder"
PURPOSE_ID = PURPOSE.encode().ljust(32, b"\0")

owners = st.sampled_from(OWNERS)
# Weights by repetition: mostly what can succeed, so that long histories arise; now and then anything.
notaries = st.sampled_from((NOTARY_A, NOTARY_A, NOTARY_A, NOTARY_B, NOTARY_B, STRANGER))
someone_else = st.one_of(*[st.none()] * 5, st.sampled_from(CALLERS))
# Halves of a bound, its edges, and anything up to the largest amount.
parts = st.sampled_from(("one", "one", "half", "half", "all", "zero", "over", "any"))
any_amount = st.one_of(st.integers(0, 2 * START_BALANCE), st.integers(0, 2**72))
spans = st.sampled_from((60, 3_600, DAY_S, DAY_S, 30 * DAY_S, 400 * DAY_S, 1, 0, 400 * DAY_S + 1))
limits = st.builds(
    lambda holding_max, flow: Limits(holding_max, *flow),
    st.sampled_from((0, 0, START_BALANCE, START_BALANCE * 3 // 2, 2**71)),
    st.sampled_from(((0, 0), (1_000, 60), (1_000, 420), (100_000, DAY_S), (100_000, DAY_S), (2**70, 7), (0, 1))),
)


def _deploy_contracts() -> tuple[Any, Any, Any]:
    """Deploy the registry, the token and the probe that reads it."""
    boa.env.timestamp = START_S
    registry = deploy("ParticipantRegistry", GOVERNOR.address)
    registry.register(BANK_A.address, LEI, "PLDRNL2A", BANK, ZERO_BYTES32, sender=GOVERNOR.address)
    for notary in NOTARIES:
        registry.set_notary(notary.address, True, notary is NOTARY_B, sender=GOVERNOR.address)
    registry.define_purpose(PURPOSE_ID, sender=BANK_A.address)
    token = deploy("SettlementToken", "Landfall Euro", "lfEUR", "EUR", 2, registry.address, ISSUER.address)
    probe = deploy("TokenProbe", folder=ROOT / "tests" / "contracts" / "helpers")
    return registry, token, probe


class TokenMachine(RuleBasedStateMachine):
    """Contract and model side by side. titanoboa undoes on chain what an example did."""

    registry: Any
    token: Any
    probe: Any

    def __init__(self) -> None:
        super().__init__()
        self.signing = Holds(self.token)
        self.model = TokenModel(
            issuer=ISSUER.address,
            banks=frozenset({BANK_A.address}),
            notaries=frozenset(notary.address for notary in NOTARIES),
            checking_notaries=frozenset({NOTARY_B.address}),
        )
        self.signed: list[tuple[str, Message]] = []
        self.steps = 0

    @initialize()
    def begin(self) -> None:
        """Everyone has money, everyone may spend some of another's, and two holds are placed."""
        for owner in OWNERS:
            self.ask(BANK_A, "any", START_BALANCE)
            self.answer("issue", ISSUER, 0)
            self.pay("transfer", BANK_A, owner, BANK_A, "any", START_BALANCE)
        for owner, spender, amount in ((PAYER, PAYEE, UNLIMITED), (PAYEE, BANK_A, START_BALANCE)):
            self.token.approve(spender.address, amount, sender=owner.address)
            self.model.approve(owner.address, spender.address, amount)
        self.place("own", PAYER, PAYER, NOTARY_A, "half", 0, DAY_S)
        self.place("signed", PAYEE, PAYEE, NOTARY_B, "half", 0, 3_600)

    # ------------------------------------------------------------------ money

    @rule(
        kind=st.sampled_from(("transfer", "transfer", "transfer_from", "redeem", "claim")),
        owner=owners,
        to=owners,
        spender=st.sampled_from((PAYEE, BANK_A)),
        part=parts,
        amount=any_amount,
    )
    def pay(self, kind: str, owner: Actor, to: Actor, spender: Actor, part: str, amount: int) -> None:
        """Pay or destroy money, or clear what is blocked."""
        value = _amount(part, amount, self._spendable(owner.address))
        token, model, now = self.token, self.model, now_s()
        calls: dict[str, tuple[Call, Call]] = {
            "transfer": (
                lambda: token.transfer(to.address, value, sender=owner.address),
                lambda: model.transfer(owner.address, now, to.address, value),
            ),
            "transfer_from": (
                lambda: token.transferFrom(owner.address, to.address, value, sender=spender.address),
                lambda: model.transfer_from(spender.address, now, owner.address, to.address, value),
            ),
            "redeem": (
                lambda: token.redeem(value, ZERO_BYTES32, sender=owner.address),
                lambda: model.redeem(owner.address, now, value),
            ),
            "claim": (
                lambda: token.claim_blocked(owner.address, sender=STRANGER.address),
                lambda: model.claim_blocked(now, owner.address),
            ),
        }
        self.both(*calls[kind])

    @rule(caller=st.sampled_from((BANK_A, BANK_A, BANK_A, PAYER)), part=parts, amount=any_amount)
    def ask(self, caller: Actor, part: str, amount: int) -> None:
        """Ask for money, now and then under a reference that was used."""
        value = _amount(part, amount, START_BALANCE)
        reference = salt(len(self.model.requests) * (amount % 7 > 0))
        self.both(
            lambda: self.token.request_issuance(value, reference, sender=caller.address),
            lambda: self.model.request(caller.address, value, reference),
        )

    @precondition(lambda self: self.model.requests)
    @rule(
        kind=st.sampled_from(("issue", "issue", "decline")),
        caller=st.sampled_from((ISSUER, ISSUER, ISSUER, BANK_A)),
        wrong=st.sampled_from((0, 0, 0, 1)),
    )
    def answer(self, kind: str, caller: Actor, wrong: int) -> None:
        """Answer the last request, often answered before, or one for another amount."""
        (requester, reference), asked = list(self.model.requests.items())[-1]
        value = asked + wrong
        if kind == "issue":
            self.both(
                lambda: self.token.issue(requester, value, reference, sender=caller.address),
                lambda: self.model.issue(caller.address, now_s(), requester, value, reference),
            )
        else:
            self.both(
                lambda: self.token.decline_issuance(requester, reference, sender=caller.address),
                lambda: self.model.decline(caller.address, requester, reference),
            )
        assert self.token.requested_of(requester, reference) == self.model.requests[requester, reference]

    @precondition(lambda self: any(self.model.blocked.values()))
    @rule(account=owners)
    def claim_blocked(self, account: Actor) -> None:
        self.pay("claim", account, account, account, "one", 0)

    # ------------------------------------------------------------------ holds

    @rule(
        kind=st.sampled_from(("signed", "signed", "own", "from")),
        owner=owners,
        spender=st.sampled_from((PAYEE, BANK_A)),
        notary=notaries,
        part=parts,
        amount=any_amount,
        span=spans,
    )
    def place(self, kind: str, owner: Actor, spender: Actor, notary: Actor, part: str, amount: int, span: int) -> None:
        """Place a hold: by the owner, by a spender, or by the notary with the owner's signature."""
        value = _amount(part, amount, self._spendable(owner.address))
        message = self.signing.message(owner.address, notary.address, value, now_s() + span)
        hold_id = bytes(self.token.hold_id(owner.address, notary.address, message["salt"]))
        terms = tuple(message[name] for name in ("notary", "amount", "expires_at", "reference", "salt"))
        placed = (hold_id, owner.address, notary.address, value, message["expires_at"])
        if kind == "own":
            self.both(
                lambda: self.token.hold(*terms, sender=owner.address),
                lambda: self.model.place(now_s(), *placed, signed=False),
            )
        elif kind == "from":
            self.both(
                lambda: self.token.hold_from(owner.address, *terms, sender=spender.address),
                lambda: self.model.hold_from(spender.address, now_s(), *placed),
            )
        else:
            message["signature"] = owner.sign(token_domain(self.token), "Hold", message)
            taken = self.both(
                lambda: self.signing.submit(message, sender=notary.address),
                lambda: self.model.place(now_s(), *placed, signed=True),
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

    @rule(
        data=st.data(),
        instead=someone_else,
        part=st.sampled_from(("one", "half", "zero", "over", "less")),
        later_s=st.sampled_from((0, 0, 1, DAY_S, -1, 400 * DAY_S)),
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

    @rule(data=st.data(), instead=someone_else, to=owners, part=parts, amount=any_amount)
    def execute(self, data: Any, instead: Actor | None, to: Actor, part: str, amount: int) -> None:
        hold_id, hold = self._draw_hold(data)
        caller = instead.address if instead else hold.notary
        value = _amount(part, amount, hold.amount)
        self.both(
            lambda: self.token.execute_hold(hold_id, to.address, value, sender=caller),
            lambda: self.model.execute(caller, now_s(), hold_id, to.address, value),
        )

    @rule(data=st.data(), instead=someone_else, part=st.sampled_from(("one", "half", "all", "all", "zero", "over")))
    def release(self, data: Any, instead: Actor | None, part: str) -> None:
        hold_id, hold = self._draw_hold(data)
        caller = instead.address if instead else hold.notary
        value = _amount(part, 0, hold.amount)
        self.both(
            lambda: self.token.release_hold(hold_id, value, sender=caller),
            lambda: self.model.release(caller, now_s(), hold_id, value),
        )

    @rule(data=st.data())
    def never_both(self, data: Any) -> None:
        """In one second a hold can be executed, or given back by a stranger, or neither; never both."""
        hold_id, hold = self._draw_hold(data)
        if hold.amount == 0:
            return
        can_execute = _succeeds(lambda: self.token.execute_hold(hold_id, PAYEE.address, 1, sender=hold.notary))
        can_release = _succeeds(lambda: self.token.release_hold(hold_id, hold.amount, sender=STRANGER.address))
        stands_still = self.token.is_frozen(hold.owner, 2) and now_s() <= self.model.effective_expiry(hold_id)
        assert (can_execute, can_release) in ([(False, False)] if stands_still else [(True, False), (False, True)])

    # ------------------------------------------------------------------ orders, limits, time

    @rule(
        account=owners,
        rise=st.sampled_from((1, 1, 1, 5, 0)),
        scope=st.sampled_from((2, 2, 2, 1, 3)),
        span=st.sampled_from((0, 1, 60, 3_600, DAY_S, -1)),
        caller=st.sampled_from((*[ISSUER] * 6, BANK_A)),
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
    @rule(data=st.data())
    def lift_freeze(self, data: Any) -> None:
        orders = [(account, order) for account, found in self.model.orders.items() for order in found]
        in_force = [(account, order) for account, order in orders if now_s() <= order.end]
        account, order = data.draw(st.sampled_from(in_force or orders))
        self.both(
            lambda: self.token.lift_freeze(account, order.number, sender=ISSUER.address),
            lambda: self.model.lift_freeze(ISSUER.address, now_s(), account, order.number),
        )

    @rule(account=st.one_of(st.sampled_from((ANONYMOUS, REGISTERED)), owners), limits=limits)
    def set_limits(self, account: Actor | int, limits: Limits) -> None:
        figures = (limits.holding_max, limits.flow_max, limits.window_s)
        if isinstance(account, int):
            self.both(
                lambda: self.token.set_tier_limits(account, *figures, sender=ISSUER.address),
                lambda: self.model.set_limits(ISSUER.address, account, limits),
            )
        else:
            self.both(
                lambda: self.token.set_limits(account.address, *figures, sender=ISSUER.address),
                lambda: self.model.set_limits(ISSUER.address, account.address, limits),
            )

    @rule(
        account=st.sampled_from((PAYER, PAYEE)),
        tier=st.sampled_from((ANONYMOUS, REGISTERED)),
        purpose=st.sampled_from((None, None, PURPOSE)),
    )
    def open_wallet(self, account: Actor, tier: int, purpose: str | None) -> None:
        """The bank opens or changes a wallet."""
        purpose_id = ZERO_BYTES32 if purpose is None else PURPOSE_ID
        self.registry.open_wallet(account.address, tier, purpose_id, sender=BANK_A.address)
        self.model.wallets[account.address] = Wallet(BANK_A.address, tier, purpose)

    @rule(payee=st.sampled_from((PAYER, PAYEE)), allowed=st.booleans())
    def allow_payee(self, payee: Actor, allowed: bool) -> None:
        self.registry.allow_payee(PURPOSE_ID, payee.address, allowed, sender=BANK_A.address)
        if allowed:
            self.model.payees.add((PURPOSE, payee.address))
        else:
            self.model.payees.discard((PURPOSE, payee.address))

    @rule(seconds=st.sampled_from((1, 1, 9, 60, 60, 3_600, DAY_S, 40 * DAY_S)))
    def let_time_pass(self, seconds: int) -> None:
        advance_to(now_s() + seconds)

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
        """All of one owner's figures agree, and one hold's; every sixth step everyone's and every hold's.

        Reading costs more than acting, and a difference stays, so it is found a few steps later.
        """
        self.steps += 1
        everything = self.steps % 6 == 0
        addresses = [owner.address for owner in OWNERS]
        ids = list(self.model.holds)
        self._check_owners(addresses if everything else [addresses[self.steps % 3]])
        self._check_holds(ids if everything else ids[self.steps % max(1, len(ids)) :][:1])
        assert self.token.totalSupply() == self.model.supply < 2**72

    # ------------------------------------------------------------------ inside

    def _check_owners(self, addresses: list[str]) -> None:
        """Balance = available + held + blocked; held = the rests of the holds; all together = the supply."""
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
            assert figures[1] == sum(hold.amount for hold in self.model.holds.values() if hold.owner == address)
        if len(rows) == len(OWNERS):
            assert sum(row[0] for row in rows) == self.model.supply
            assert self.token.balanceOf(ZERO_ADDRESS) == 0

    def _check_holds(self, ids: list[bytes]) -> None:
        """Rests and both expiries."""
        holds = self.model.holds
        expected = [[holds[id_].amount, holds[id_].expires_at, self.model.effective_expiry(id_)] for id_ in ids]
        assert self.probe.holds(self.token.address, ids) == expected

    def both(self, call: Call, model_call: Call) -> bool:
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

    def _draw_hold(self, data: Any) -> tuple[bytes, Hold]:
        """Draw a hold, mostly one with a rest."""
        holds = list(self.model.holds.items())
        rest = [(hold_id, hold) for hold_id, hold in holds if hold.amount]
        is_any = data.draw(st.integers(0, 9)) == 0
        drawn: tuple[bytes, Hold] = data.draw(st.sampled_from(holds if is_any or not rest else rest))
        return drawn


def _amount(part: str, anything: int, bound: int) -> int:
    """Return an amount at, inside or just outside of `bound`."""
    chosen = {"zero": 0, "one": 1, "half": bound // 2, "all": bound, "over": bound + 1, "any": anything}
    return max(0, chosen[part])


def _succeeds(call: Call) -> bool:
    """Try a call and undo it."""
    with boa.env.anchor():
        try:
            call()
        except boa.BoaError:
            return False
        return True


@pytest.mark.parametrize(("examples", "steps"), [(25, 40), pytest.param(1_000, 80, marks=pytest.mark.soak, id="soak")])
def test_token_and_model_agree_when_anyone_does_anything(examples: int, steps: int) -> None:
    TokenMachine.registry, TokenMachine.token, TokenMachine.probe = _deploy_contracts()
    run_state_machine_as_test(
        TokenMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # A failure is shown as it was found: shrinking whole trades takes longer than reading one.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
