"""Freeze orders of SettlementToken: what they stop, how they move a hold's clock, blocked credit (SPEC section 1)."""

from collections.abc import Callable
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.support import (
    DAY_S,
    SCOPE_ALL,
    SCOPE_AVAILABLE,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    Holds,
    advance,
    advance_to,
    events_of,
    issue,
    now_s,
    salt,
)

PAYER_HAS = 40_000
REASON = b"court order 17".ljust(32, b"\x00")
TEN_YEARS_S = 3660 * DAY_S


@pytest.fixture
def freeze(funded_eur: Any, issuer: Actor) -> Callable[..., int]:
    """Order a freeze for so many seconds, this one included; return the order's number."""

    def order(account: Actor, scope: int, seconds: int) -> int:
        number = int(funded_eur.last_order()) + 1
        funded_eur.order_freeze(account.address, number, scope, now_s() + seconds - 1, REASON, sender=issuer.address)
        return number

    return order


@pytest.fixture
def lift(funded_eur: Any, issuer: Actor) -> Callable[[Actor, int], None]:
    def end(account: Actor, number: int) -> None:
        funded_eur.lift_freeze(account.address, number, sender=issuer.address)

    return end


# ------------------------------------------------------------------ orders


def test_order_freezes_until_its_last_second(funded_eur: Any, issuer: Actor, payer: Actor) -> None:
    expires_at = now_s() + 60
    funded_eur.order_freeze(payer.address, 4, SCOPE_AVAILABLE, expires_at, REASON, sender=issuer.address)

    assert events_of(funded_eur, "FreezeOrdered") == [
        {"account": payer.address, "order": 4, "scope": 1, "expires_at": expires_at, "reason": REASON}
    ]
    assert funded_eur.last_order() == 4
    advance_to(expires_at)
    assert funded_eur.is_frozen(payer.address, SCOPE_AVAILABLE) is True
    assert funded_eur.is_frozen(payer.address, SCOPE_ALL) is False
    advance(1)
    assert funded_eur.is_frozen(payer.address, SCOPE_AVAILABLE) is False


def test_lift_ends_an_order_before_it_expires(
    funded_eur: Any, payer: Actor, freeze: Callable[..., int], lift: Callable[[Actor, int], None]
) -> None:
    number = freeze(payer, SCOPE_ALL, 60)
    assert funded_eur.is_frozen(payer.address, SCOPE_ALL) is True
    lift(payer, number)
    assert events_of(funded_eur, "FreezeLifted") == [{"account": payer.address, "order": number}]
    assert funded_eur.is_frozen(payer.address, SCOPE_AVAILABLE) is False


def test_freeze_and_lift_refuse_when_the_caller_is_not_the_issuer(
    funded_eur: Any, payer: Actor, bank: Actor, governor: Actor, stranger: Actor, freeze: Callable[..., int]
) -> None:
    number = freeze(payer, SCOPE_ALL, 60)
    for caller in (payer, bank, governor, stranger):
        with boa.reverts("token: not the issuer"):
            funded_eur.order_freeze(payer.address, 9, SCOPE_ALL, now_s(), REASON, sender=caller.address)
        with boa.reverts("token: not the issuer"):
            funded_eur.lift_freeze(payer.address, number, sender=caller.address)


@pytest.mark.parametrize(
    ("number", "scope", "seconds", "reason"),
    [
        (7, SCOPE_ALL, 60, "token: order number used"),
        (6, SCOPE_ALL, 60, "token: order number used"),
        (0, SCOPE_ALL, 60, "token: order number used"),
        (8, 0, 60, "token: unknown scope"),
        (8, 3, 60, "token: unknown scope"),
        (8, SCOPE_ALL, -1, "token: order expired"),
        (8, SCOPE_ALL, TEN_YEARS_S + 1, "token: order too long"),
        (8, SCOPE_ALL, 2**255, "token: order too long"),
    ],
)
def test_freeze_refuses_when_the_order_is_malformed(
    funded_eur: Any, issuer: Actor, payer: Actor, payee: Actor, number: int, scope: int, seconds: int, reason: str
) -> None:
    funded_eur.order_freeze(payee.address, 7, SCOPE_ALL, now_s(), REASON, sender=issuer.address)
    with boa.reverts(reason):
        funded_eur.order_freeze(payer.address, number, scope, now_s() + seconds, REASON, sender=issuer.address)
    with boa.reverts("token: no account"):
        funded_eur.order_freeze(ZERO_ADDRESS, 8, SCOPE_ALL, now_s(), REASON, sender=issuer.address)
    funded_eur.order_freeze(payer.address, 8, SCOPE_ALL, now_s() + TEN_YEARS_S, REASON, sender=issuer.address)


def test_freeze_refuses_when_eight_orders_are_in_force_and_takes_one_when_one_has_expired(
    funded_eur: Any, issuer: Actor, payer: Actor, freeze: Callable[..., int]
) -> None:
    for seconds in range(10, 18):
        freeze(payer, SCOPE_ALL, seconds)
    with boa.reverts("token: too many orders"):
        freeze(payer, SCOPE_ALL, 5)
    advance(10)
    freeze(payer, SCOPE_ALL, 5)


def test_lift_refuses_when_the_order_is_another_accounts_lifted_or_expired(
    funded_eur: Any, payer: Actor, payee: Actor, freeze: Callable[..., int], lift: Callable[[Actor, int], None]
) -> None:
    number = freeze(payer, SCOPE_AVAILABLE, 60)
    brief = freeze(payer, SCOPE_AVAILABLE, 1)
    with boa.reverts("token: no such order"):
        lift(payee, number)
    lift(payer, number)
    with boa.reverts("token: no such order"):
        lift(payer, number)
    advance(1)
    with boa.reverts("token: no such order"):
        lift(payer, brief)


# ------------------------------------------------------------------ what a freeze stops


@pytest.mark.parametrize("scope", [SCOPE_AVAILABLE, SCOPE_ALL])
def test_owner_spends_nothing_when_frozen(
    funded_eur: Any,
    eur_holds: Holds,
    bank: Actor,
    payee: Actor,
    notary: Actor,
    relayer: Actor,
    freeze: Callable[..., int],
    scope: int,
) -> None:
    """ERC20-PAUSABLE-001, -002, for one account: the token has no pause."""
    expires_at = now_s() + DAY_S
    own = funded_eur.hold(notary.address, 10, expires_at, REASON, salt(1), sender=bank.address)
    funded_eur.approve(relayer.address, 1_000, sender=bank.address)
    freeze(bank, scope, 60)

    with boa.reverts("token: account frozen"):
        funded_eur.transfer(payee.address, 0, sender=bank.address)
    with boa.reverts("token: account frozen"):
        funded_eur.transferFrom(bank.address, payee.address, 1, sender=relayer.address)
    with boa.reverts("token: account frozen"):
        funded_eur.redeem(1, ZERO_BYTES32, sender=bank.address)
    with boa.reverts("token: account frozen"):
        funded_eur.hold(notary.address, 1, expires_at, REASON, salt(2), sender=bank.address)
    with boa.reverts("token: account frozen"):
        eur_holds.place(bank, notary.address, 1, expires_at)
    with boa.reverts("token: account frozen"):
        funded_eur.hold_from(bank.address, notary.address, 1, expires_at, REASON, salt(3), sender=relayer.address)
    for amount, later_s in ((11, 0), (10, 1)):
        with boa.reverts("token: account frozen"):
            funded_eur.increase_hold(own, amount, expires_at + later_s, 0, b"", sender=bank.address)

    advance(60)
    funded_eur.transfer(payee.address, 1, sender=bank.address)


@pytest.mark.parametrize("scope", [SCOPE_AVAILABLE, SCOPE_ALL])
def test_ordinary_payment_refuses_when_the_receiver_is_frozen(
    funded_eur: Any, issuer: Actor, bank: Actor, payer: Actor, freeze: Callable[..., int], scope: int
) -> None:
    freeze(bank, scope, 60)
    with boa.reverts("token: receiver frozen"):
        funded_eur.transfer(bank.address, 1, sender=payer.address)
    with boa.reverts("token: receiver frozen"):
        issue(funded_eur, issuer, bank, 1)


def test_hold_executes_and_releases_when_only_available_is_frozen(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor, freeze: Callable[..., int]
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    freeze(payer, SCOPE_AVAILABLE, 3_600)
    assert funded_eur.effective_expiry(hold_id) == expires_at
    funded_eur.execute_hold(hold_id, payee.address, 60, sender=notary.address)
    funded_eur.release_hold(hold_id, 40, sender=notary.address)
    assert funded_eur.availableOf(payer.address) == PAYER_HAS - 60


def test_hold_stands_still_when_all_is_frozen(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    payee: Actor,
    notary: Actor,
    stranger: Actor,
    freeze: Callable[..., int],
) -> None:
    expires_at = now_s() + 10
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    freeze(payer, SCOPE_ALL, 3_600)
    for seconds in (0, 11, 3_588):
        advance(seconds)
        with boa.reverts("token: hold stands still"):
            funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)
        with boa.reverts("token: hold not expired"):
            funded_eur.release_hold(hold_id, 100, sender=stranger.address)
    # The notary may give back all the same: it becomes available, and is frozen there.
    funded_eur.release_hold(hold_id, 1, sender=notary.address)
    with boa.reverts("token: account frozen"):
        funded_eur.transfer(payee.address, 1, sender=payer.address)

    advance(1)
    funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)


# ------------------------------------------------------------------ how the clock moves


def test_expiry_moves_by_every_frozen_second_first_and_last_included(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    payee: Actor,
    notary: Actor,
    freeze: Callable[..., int],
    lift: Callable[[Actor, int], None],
) -> None:
    expires_at = now_s() + 100
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    advance(50)
    number = freeze(payer, SCOPE_ALL, 1_000)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 1_000
    advance(9)
    lift(payer, number)
    # Seconds 50 to 59 were frozen: ten of them.
    assert funded_eur.effective_expiry(hold_id) == expires_at + 10
    advance_to(expires_at + 10)
    with boa.env.anchor():
        funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)
    advance(1)
    with boa.reverts("token: hold expired"):
        funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)


def test_expiry_moves_by_one_second_when_ordered_and_lifted_in_the_same(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    notary: Actor,
    freeze: Callable[..., int],
    lift: Callable[[Actor, int], None],
) -> None:
    expires_at = now_s() + 100
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    for _ in range(3):
        lift(payer, freeze(payer, SCOPE_ALL, 10))
    assert funded_eur.effective_expiry(hold_id) == expires_at + 1


def test_overlapping_orders_count_once(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    notary: Actor,
    freeze: Callable[..., int],
    lift: Callable[[Actor, int], None],
) -> None:
    expires_at = now_s() + 1_000
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    first = freeze(payer, SCOPE_ALL, 100)
    advance(50)
    freeze(payer, SCOPE_ALL, 100)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 150
    # The first is lifted: the second still covers its seconds.
    lift(payer, first)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 150
    advance(99)
    freeze(payer, SCOPE_AVAILABLE, 500)
    advance(1)
    # A gap of no second, and then another order: 150 + 20 in one row.
    freeze(payer, SCOPE_ALL, 20)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 170


def test_shorter_order_does_not_end_a_longer_one_when_it_follows(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor, freeze: Callable[..., int]
) -> None:
    expires_at = now_s() + 1_000
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    freeze(payer, SCOPE_ALL, 300)
    freeze(payer, SCOPE_ALL, 30)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 300


@pytest.mark.parametrize("others", [(30,), (30, 80), (80, 30)])
def test_freeze_lasts_as_long_as_the_orders_left_when_the_longest_is_lifted(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    notary: Actor,
    freeze: Callable[..., int],
    lift: Callable[[Actor, int], None],
    others: tuple[int, ...],
) -> None:
    expires_at = now_s() + 1_000
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    for seconds in others:
        freeze(payer, SCOPE_ALL, seconds)
    longest = freeze(payer, SCOPE_ALL, 300)
    advance(10)
    lift(payer, longest)
    assert funded_eur.effective_expiry(hold_id) == expires_at + max(others)


def test_order_for_creditors_does_not_keep_the_clock_still_when_the_other_is_lifted(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    notary: Actor,
    freeze: Callable[..., int],
    lift: Callable[[Actor, int], None],
) -> None:
    expires_at = now_s() + 1_000
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    creditors = freeze(payer, SCOPE_AVAILABLE, 500)
    sanctions = freeze(payer, SCOPE_ALL, 300)
    advance(9)
    lift(payer, sanctions)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 10
    lift(payer, creditors)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 10


def test_hold_that_had_expired_does_not_revive_when_a_freeze_follows(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    payee: Actor,
    notary: Actor,
    stranger: Actor,
    freeze: Callable[..., int],
) -> None:
    expires_at = now_s() + 10
    expired = eur_holds.place(payer, notary.address, 100, expires_at)
    alive = eur_holds.place(payer, notary.address, 100, expires_at + 1)
    advance_to(expires_at + 1)
    freeze(payer, SCOPE_ALL, 3_600)
    assert funded_eur.effective_expiry(expired) == expires_at
    assert funded_eur.effective_expiry(alive) == expires_at + 1 + 3_600
    with boa.reverts("token: hold expired"):
        funded_eur.execute_hold(expired, payee.address, 1, sender=notary.address)
    # Given back also while frozen.
    funded_eur.release_hold(expired, 100, sender=stranger.address)


def test_freeze_in_the_last_second_keeps_the_hold_alive(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor, freeze: Callable[..., int]
) -> None:
    expires_at = now_s() + 10
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    advance_to(expires_at)
    freeze(payer, SCOPE_ALL, 5)
    advance(5)
    funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)
    assert funded_eur.effective_expiry(hold_id) == now_s()


def test_freeze_before_a_hold_was_placed_does_not_move_it(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    notary: Actor,
    freeze: Callable[..., int],
    lift: Callable[[Actor, int], None],
) -> None:
    freeze(payer, SCOPE_ALL, 50)
    advance(50)
    hold_id = eur_holds.place(payer, notary.address, 100, now_s() + 10)
    assert funded_eur.effective_expiry(hold_id) == now_s() + 10
    # Nor does the freeze of someone else, the notary and the receiver among them.
    freeze(notary, SCOPE_ALL, 50)
    assert funded_eur.effective_expiry(hold_id) == now_s() + 10


def test_increased_expiry_moves_by_the_frozen_seconds_too(
    funded_eur: Any, payer: Actor, notary: Actor, freeze: Callable[..., int]
) -> None:
    expires_at = now_s() + 100
    hold_id = funded_eur.hold(notary.address, 10, expires_at, REASON, salt(1), sender=payer.address)
    freeze(payer, SCOPE_ALL, 20)
    advance(20)
    funded_eur.increase_hold(hold_id, 10, expires_at + 5, 0, b"", sender=payer.address)
    assert funded_eur.effective_expiry(hold_id) == expires_at + 5 + 20


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_effective_expiry_counts_frozen_seconds_one_by_one(
    funded_eur: Any, eur_holds: Holds, issuer: Actor, payer: Actor, notary: Actor, data: st.DataObject
) -> None:
    """Against a walk over single seconds: from birth on, a second that is frozen is not lived."""
    orders: dict[int, tuple[int, int]] = {}
    holds: list[tuple[bytes, int, int]] = []
    for number in range(1, data.draw(st.integers(1, 9)) + 1):
        advance(data.draw(st.integers(0, 6)))
        in_force = [order for order, (_, end) in orders.items() if end > now_s()]
        action = data.draw(st.sampled_from(("hold", "order", "order", "lift") if in_force else ("hold", "order")))
        if action == "order":
            end = now_s() + data.draw(st.integers(0, 12))
            funded_eur.order_freeze(payer.address, number, SCOPE_ALL, end, REASON, sender=issuer.address)
            orders[number] = (now_s(), end)
        elif action == "lift":
            order = data.draw(st.sampled_from(in_force))
            funded_eur.lift_freeze(payer.address, order, sender=issuer.address)
            orders[order] = (orders[order][0], now_s())
        elif not funded_eur.is_frozen(payer.address, SCOPE_AVAILABLE):
            span = data.draw(st.integers(1, 20))
            holds.append((eur_holds.place(payer, notary.address, 1, now_s() + span), now_s(), span))
    frozen = {second for begin, end in orders.values() for second in range(begin, end + 1)}
    for hold_id, born, span in holds:
        second, lived = born, 0
        while lived <= span:
            lived += second not in frozen
            second += 1
        assert funded_eur.effective_expiry(hold_id) == second - 1


# ------------------------------------------------------------------ blocked credit


@pytest.mark.parametrize("scope", [SCOPE_AVAILABLE, SCOPE_ALL])
def test_execution_is_credited_blocked_when_the_receiver_is_frozen(
    funded_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    payee: Actor,
    notary: Actor,
    relayer: Actor,
    freeze: Callable[..., int],
    lift: Callable[[Actor, int], None],
    scope: int,
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 100, now_s() + DAY_S)
    number = freeze(payee, scope, 3_600)

    funded_eur.execute_hold(hold_id, payee.address, 100, sender=notary.address)

    assert events_of(funded_eur, "HoldExecuted")[0]["blocked"] == 100
    assert funded_eur.balanceOf(payee.address) == funded_eur.blockedOf(payee.address) == 100
    with boa.reverts("token: nothing to clear"):
        funded_eur.claim_blocked(payee.address, sender=relayer.address)

    lift(payee, number)
    # Blocked money is not available by itself.
    with boa.reverts("token: not enough available"):
        funded_eur.transfer(payer.address, 1, sender=payee.address)
    assert funded_eur.claim_blocked(payee.address, sender=relayer.address) == 100
    assert events_of(funded_eur, "BlockedCleared") == [{"account": payee.address, "amount": 100}]
    assert funded_eur.availableOf(payee.address) == 100
    with boa.reverts("token: nothing to clear"):
        funded_eur.claim_blocked(payee.address, sender=relayer.address)


def test_execution_blocks_only_the_excess_when_over_the_holding_limit(
    funded_eur: Any, eur_holds: Holds, issuer: Actor, payer: Actor, payee: Actor, notary: Actor, relayer: Actor
) -> None:
    funded_eur.set_limits(payee.address, 1_000, 0, 0, sender=issuer.address)
    hold_id = eur_holds.place(payer, notary.address, 1_300, now_s() + DAY_S)

    funded_eur.execute_hold(hold_id, payee.address, 900, sender=notary.address)
    assert funded_eur.blockedOf(payee.address) == 0
    funded_eur.execute_hold(hold_id, payee.address, 400, sender=notary.address)

    assert events_of(funded_eur, "HoldExecuted")[0]["blocked"] == 300
    assert (funded_eur.availableOf(payee.address), funded_eur.blockedOf(payee.address)) == (1_000, 300)

    # What is spent makes room; a raised limit makes more.
    funded_eur.transfer(payer.address, 50, sender=payee.address)
    assert funded_eur.claim_blocked(payee.address, sender=relayer.address) == 50
    funded_eur.set_limits(payee.address, 1_100, 0, 0, sender=issuer.address)
    assert funded_eur.claim_blocked(payee.address, sender=relayer.address) == 100
    funded_eur.set_limits(payee.address, 0, 0, 0, sender=issuer.address)
    assert funded_eur.claim_blocked(payee.address, sender=relayer.address) == 150


def test_execution_does_not_fail_when_the_receiver_is_already_over_its_limit(
    funded_eur: Any, eur_holds: Holds, issuer: Actor, bank: Actor, payer: Actor, payee: Actor, notary: Actor
) -> None:
    funded_eur.transfer(payee.address, 500, sender=bank.address)
    funded_eur.set_limits(payee.address, 100, 0, 0, sender=issuer.address)
    hold_id = eur_holds.place(payer, notary.address, 10, now_s() + DAY_S)
    funded_eur.execute_hold(hold_id, payee.address, 10, sender=notary.address)
    assert (funded_eur.availableOf(payee.address), funded_eur.blockedOf(payee.address)) == (500, 10)
