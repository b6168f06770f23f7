"""Holding and flow limits of SettlementToken: who has which, what counts, what comes back (SPEC section 1)."""

from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.support import (
    DAY_S,
    UNLIMITED,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    Holds,
    advance,
    events_of,
    issue,
    now_s,
    salt,
)

ANONYMOUS, REGISTERED = 0, 1
PAYER_HAS = 40_000
WINDOW_S = 7_000  # seven buckets of 1,000 seconds, and an eighth
BUCKET_S = 1_000
NONE = (0, 0, 0)


@pytest.fixture
def limited_eur(funded_eur: Any, issuer: Actor, payer: Actor) -> Any:
    """The payer may spend 10.00 in a window."""
    # Ledger time at the start of a bucket, so that the tests below can count buckets.
    advance(-now_s() % BUCKET_S)
    funded_eur.set_limits(payer.address, 0, 1_000, WINDOW_S, sender=issuer.address)
    return funded_eur


# ------------------------------------------------------------------ setting


def test_limits_are_the_accounts_own_before_the_tiers(
    eur: Any, registry: Any, issuer: Actor, bank: Actor, payer: Actor, payee: Actor, stranger: Actor
) -> None:
    registry.open_wallet(payer.address, REGISTERED, ZERO_BYTES32, sender=bank.address)
    assert tuple(eur.limits_of(payer.address)) == NONE
    eur.set_tier_limits(ANONYMOUS, 50, 20, 60, sender=issuer.address)
    assert events_of(eur, "TierLimitsChanged") == [
        {"tier": ANONYMOUS, "holding_max": 50, "flow_max": 20, "window_s": 60}
    ]
    eur.set_tier_limits(REGISTERED, 500, 200, 60, sender=issuer.address)
    assert tuple(eur.limits_of(payer.address)) == tuple(eur.tier_limits(REGISTERED)) == (500, 200, 60)
    eur.set_limits(payer.address, 70, 0, 0, sender=issuer.address)
    assert events_of(eur, "LimitsChanged") == [
        {"account": payer.address, "holding_max": 70, "flow_max": 0, "window_s": 0}
    ]
    assert tuple(eur.limits_of(payer.address)) == (70, 0, 0)
    assert tuple(eur.limits_of(payee.address)) == tuple(eur.tier_limits(ANONYMOUS)) == (50, 20, 60)
    # Who has no wallet is anonymous.
    registry.open_wallet(payee.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)
    assert tuple(eur.limits_of(stranger.address)) == tuple(eur.limits_of(payee.address)) == (50, 20, 60)
    # An institution has none unless set.
    assert tuple(eur.limits_of(bank.address)) == NONE
    eur.set_limits(bank.address, 0, 5, 60, sender=issuer.address)
    assert tuple(eur.limits_of(bank.address)) == (0, 5, 60)
    # Own limits of zero are own limits.
    eur.set_limits(payee.address, *NONE, sender=issuer.address)
    assert tuple(eur.limits_of(payee.address)) == NONE


def test_limits_follow_when_the_bank_changes_the_tier(
    eur: Any, registry: Any, issuer: Actor, bank: Actor, payer: Actor
) -> None:
    eur.set_tier_limits(ANONYMOUS, 50, 0, 0, sender=issuer.address)
    registry.open_wallet(payer.address, REGISTERED, ZERO_BYTES32, sender=bank.address)
    assert tuple(eur.limits_of(payer.address)) == NONE
    registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)
    assert tuple(eur.limits_of(payer.address)) == (50, 0, 0)


def test_institution_is_anonymous_when_it_is_suspended(
    eur: Any, registry: Any, governor: Actor, issuer: Actor, bank: Actor
) -> None:
    eur.set_tier_limits(ANONYMOUS, 50, 0, 0, sender=issuer.address)
    registry.set_status(bank.address, False, sender=governor.address)
    assert tuple(eur.limits_of(bank.address)) == (50, 0, 0)


def test_setting_limits_refuses_when_the_caller_is_not_the_issuer(
    eur: Any, payer: Actor, bank: Actor, governor: Actor, stranger: Actor
) -> None:
    for caller in (payer, bank, governor, stranger):
        with boa.reverts("token: not the issuer"):
            eur.set_limits(payer.address, *NONE, sender=caller.address)
        with boa.reverts("token: not the issuer"):
            eur.set_tier_limits(ANONYMOUS, *NONE, sender=caller.address)


@pytest.mark.parametrize(
    ("flow_max", "window_s", "reason"),
    [
        (1, 0, "token: flow limit needs a window"),
        (0, 1, "token: flow limit needs a window"),
        (1, 400 * DAY_S + 1, "token: window too long"),
        (1, UNLIMITED, "token: window too long"),
    ],
)
def test_setting_limits_refuses_when_flow_and_window_do_not_fit(
    eur: Any, issuer: Actor, payer: Actor, flow_max: int, window_s: int, reason: str
) -> None:
    with boa.reverts(reason):
        eur.set_limits(payer.address, 0, flow_max, window_s, sender=issuer.address)
    with boa.reverts(reason):
        eur.set_tier_limits(REGISTERED, 0, flow_max, window_s, sender=issuer.address)
    with boa.reverts("token: no account"):
        eur.set_limits(ZERO_ADDRESS, *NONE, sender=issuer.address)
    eur.set_limits(payer.address, 0, UNLIMITED, 400 * DAY_S, sender=issuer.address)


def test_setting_tier_limits_refuses_when_the_tier_is_not_a_wallets(eur: Any, issuer: Actor, bank: Actor) -> None:
    for tier in (2, UNLIMITED):
        with boa.reverts("token: unknown tier"):
            eur.set_tier_limits(tier, 1, 0, 0, sender=issuer.address)
    eur.set_tier_limits(REGISTERED, 1, 0, 0, sender=issuer.address)
    assert tuple(eur.limits_of(bank.address)) == NONE


# ------------------------------------------------------------------ holding limit


def test_holding_limit_refuses_an_ordinary_payment_over_it(
    funded_eur: Any, issuer: Actor, bank: Actor, payee: Actor
) -> None:
    funded_eur.set_tier_limits(ANONYMOUS, 1_000, 0, 0, sender=issuer.address)
    funded_eur.transfer(payee.address, 1_000, sender=bank.address)
    with boa.reverts("token: over the holding limit"):
        funded_eur.transfer(payee.address, 1, sender=bank.address)
    # To itself an account pays whatever it has.
    funded_eur.transfer(payee.address, 1_000, sender=payee.address)


def test_holding_limit_counts_held_money_when_more_arrives(
    funded_eur: Any, eur_holds: Holds, issuer: Actor, bank: Actor, payer: Actor, notary: Actor
) -> None:
    """Else an account would hold first, fill up, and be over its limit when the hold is given back."""
    funded_eur.set_limits(payer.address, PAYER_HAS, 0, 0, sender=issuer.address)
    hold_id = eur_holds.place(payer, notary.address, 10_000, now_s() + DAY_S)
    with boa.reverts("token: over the holding limit"):
        funded_eur.transfer(payer.address, 1, sender=bank.address)
    funded_eur.release_hold(hold_id, 10_000, sender=notary.address)
    assert funded_eur.availableOf(payer.address) == PAYER_HAS


def test_release_gives_everything_back_when_the_limit_was_lowered_meanwhile(
    funded_eur: Any, eur_holds: Holds, issuer: Actor, payer: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 10_000, now_s() + DAY_S)
    funded_eur.set_limits(payer.address, 1, 0, 0, sender=issuer.address)
    funded_eur.release_hold(hold_id, 10_000, sender=notary.address)
    assert funded_eur.availableOf(payer.address) == PAYER_HAS


def test_issue_refuses_when_over_an_institutions_own_limit(eur: Any, issuer: Actor, bank: Actor) -> None:
    eur.set_limits(bank.address, 100, 0, 0, sender=issuer.address)
    with boa.reverts("token: over the holding limit"):
        issue(eur, issuer, bank, 101)
    issue(eur, issuer, bank, 100)


# ------------------------------------------------------------------ flow limit


def test_flow_limit_counts_payments_and_holds_together(
    limited_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor, relayer: Actor
) -> None:
    limited_eur.approve(relayer.address, UNLIMITED, sender=payer.address)
    expires_at = now_s() + DAY_S
    limited_eur.transfer(payee.address, 100, sender=payer.address)
    limited_eur.transferFrom(payer.address, payee.address, 100, sender=relayer.address)
    own = limited_eur.hold(notary.address, 100, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    limited_eur.hold_from(payer.address, notary.address, 100, expires_at, ZERO_BYTES32, salt(2), sender=relayer.address)
    eur_holds.place(payer, notary.address, 100, expires_at, salt=salt(3))
    limited_eur.increase_hold(own, 400, expires_at, 0, b"", sender=payer.address)
    assert limited_eur.flow_used(payer.address) == 800

    with boa.reverts("token: over the flow limit"):
        limited_eur.transfer(payee.address, 201, sender=payer.address)
    with boa.reverts("token: over the flow limit"):
        limited_eur.hold(notary.address, 201, expires_at, ZERO_BYTES32, salt(4), sender=payer.address)
    with boa.reverts("token: over the flow limit"):
        limited_eur.increase_hold(own, 601, expires_at, 0, b"", sender=payer.address)
    assert limited_eur.flow_used(payer.address) == 800
    limited_eur.transfer(payee.address, 200, sender=payer.address)


def test_flow_limit_does_not_count_what_is_received_executed_or_redeemed(
    funded_eur: Any, issuer: Actor, bank: Actor, payer: Actor, payee: Actor, notary: Actor
) -> None:
    holds = Holds(funded_eur)
    hold_id = holds.place(payer, notary.address, 900, now_s() + DAY_S)
    for account in (payer, payee, bank):
        funded_eur.set_limits(account.address, 0, 10, 60, sender=issuer.address)
    funded_eur.execute_hold(hold_id, payee.address, 900, sender=notary.address)
    funded_eur.redeem(1_000, ZERO_BYTES32, sender=bank.address)
    for account in (payer, payee, bank):
        assert funded_eur.flow_used(account.address) == 0


def test_flow_window_rolls_with_time(limited_eur: Any, payer: Actor, payee: Actor) -> None:
    limited_eur.transfer(payee.address, 600, sender=payer.address)
    advance(3 * BUCKET_S)
    limited_eur.transfer(payee.address, 400, sender=payer.address)
    # The first counts through its eighth bucket, at least the whole window.
    advance(5 * BUCKET_S - 1)
    assert limited_eur.flow_used(payer.address) == 1_000
    with boa.reverts("token: over the flow limit"):
        limited_eur.transfer(payee.address, 1, sender=payer.address)
    advance(1)
    assert limited_eur.flow_used(payer.address) == 400
    limited_eur.transfer(payee.address, 600, sender=payer.address)
    advance(3 * BUCKET_S)
    assert limited_eur.flow_used(payer.address) == 600
    advance(100 * BUCKET_S)
    assert limited_eur.flow_used(payer.address) == 0


@pytest.mark.parametrize("expires_first", [False, True])
def test_flow_limit_comes_back_when_a_hold_is_released(
    limited_eur: Any,
    eur_holds: Holds,
    payer: Actor,
    payee: Actor,
    notary: Actor,
    stranger: Actor,
    expires_first: bool,
) -> None:
    limited_eur.transfer(payee.address, 100, sender=payer.address)
    hold_id = eur_holds.place(payer, notary.address, 900, now_s() + 10)
    limited_eur.execute_hold(hold_id, payee.address, 300, sender=notary.address)
    # What was executed is spent.
    assert limited_eur.flow_used(payer.address) == 1_000
    if expires_first:
        advance(11)
        limited_eur.release_hold(hold_id, 600, sender=stranger.address)
    else:
        limited_eur.release_hold(hold_id, 200, sender=notary.address)
        assert limited_eur.flow_used(payer.address) == 800
        limited_eur.release_hold(hold_id, 400, sender=notary.address)
    assert limited_eur.flow_used(payer.address) == 400


def test_flow_limit_gives_nothing_back_when_the_hold_has_left_the_window(
    limited_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor
) -> None:
    """A hold released late must not erase what was spent since."""
    hold_id = eur_holds.place(payer, notary.address, 900, now_s() + 30 * DAY_S)
    advance(8 * BUCKET_S)
    limited_eur.transfer(payee.address, 1_000, sender=payer.address)
    limited_eur.release_hold(hold_id, 900, sender=notary.address)
    assert limited_eur.flow_used(payer.address) == 1_000


def test_flow_limit_gives_nothing_back_when_none_applied_to_the_hold(
    funded_eur: Any, eur_holds: Holds, issuer: Actor, payer: Actor, payee: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 900, now_s() + DAY_S)
    funded_eur.set_limits(payer.address, 0, 1_000, WINDOW_S, sender=issuer.address)
    funded_eur.transfer(payee.address, 1_000, sender=payer.address)
    funded_eur.release_hold(hold_id, 900, sender=notary.address)
    assert funded_eur.flow_used(payer.address) == 1_000


def test_raised_hold_counts_once_and_comes_back_whole(limited_eur: Any, payer: Actor, notary: Actor) -> None:
    """Its older part moves along, so that one release takes all of it back."""
    expires_at = now_s() + DAY_S
    hold_id = limited_eur.hold(notary.address, 300, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    advance(4 * BUCKET_S)
    limited_eur.increase_hold(hold_id, 500, expires_at, 0, b"", sender=payer.address)
    assert limited_eur.flow_used(payer.address) == 500
    advance(5 * BUCKET_S)
    assert limited_eur.flow_used(payer.address) == 500
    limited_eur.release_hold(hold_id, 500, sender=notary.address)
    assert limited_eur.flow_used(payer.address) == 0


def test_raised_hold_gives_back_only_what_the_window_counts(
    limited_eur: Any, payer: Actor, payee: Actor, notary: Actor
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = limited_eur.hold(notary.address, 300, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    advance(8 * BUCKET_S)
    limited_eur.increase_hold(hold_id, 500, expires_at, 0, b"", sender=payer.address)
    limited_eur.transfer(payee.address, 700, sender=payer.address)
    limited_eur.release_hold(hold_id, 500, sender=notary.address)
    assert limited_eur.flow_used(payer.address) == 700


def test_hold_gives_back_once_what_it_counted_when_released_in_parts(
    funded_eur: Any, issuer: Actor, payer: Actor, payee: Actor, notary: Actor
) -> None:
    """Placed before there was a limit, raised under it: only what was added counts, and comes back once."""
    expires_at = now_s() + DAY_S
    hold_id = funded_eur.hold(notary.address, 100, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    funded_eur.set_limits(payer.address, 0, 1_000, WINDOW_S, sender=issuer.address)
    funded_eur.increase_hold(hold_id, 150, expires_at, 0, b"", sender=payer.address)
    funded_eur.transfer(payee.address, 500, sender=payer.address)
    assert funded_eur.flow_used(payer.address) == 550
    for amount in (50, 60, 40):
        funded_eur.release_hold(hold_id, amount, sender=notary.address)
        assert funded_eur.flow_used(payer.address) == 500


def test_raised_hold_leaves_behind_what_was_executed(
    limited_eur: Any, payer: Actor, payee: Actor, notary: Actor
) -> None:
    """Only the rest moves along; the executed part leaves the window with the moment it was held."""
    expires_at = now_s() + DAY_S
    hold_id = limited_eur.hold(notary.address, 300, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    limited_eur.execute_hold(hold_id, payee.address, 200, sender=notary.address)
    advance(4 * BUCKET_S)
    limited_eur.increase_hold(hold_id, 150, expires_at, 0, b"", sender=payer.address)
    assert limited_eur.flow_used(payer.address) == 350
    advance(4 * BUCKET_S)
    assert limited_eur.flow_used(payer.address) == 150


@pytest.mark.parametrize("later_s", [0, 1, 70_000])
def test_release_succeeds_and_gives_no_room_when_the_window_was_lengthened(
    limited_eur: Any, eur_holds: Holds, issuer: Actor, payer: Actor, payee: Actor, notary: Actor, later_s: int
) -> None:
    """What was carried over has no hold; looking for it in another bucket must not stop the release."""
    hold_id = eur_holds.place(payer, notary.address, 300, now_s() + 30 * DAY_S)
    advance(BUCKET_S)
    limited_eur.set_limits(payer.address, 0, 1_000, 700_000, sender=issuer.address)
    limited_eur.transfer(payee.address, 100, sender=payer.address)
    advance(later_s)
    limited_eur.release_hold(hold_id, 300, sender=notary.address)
    assert limited_eur.availableOf(payer.address) == PAYER_HAS - 100
    assert limited_eur.flow_used(payer.address) == 400


def test_changed_window_carries_what_still_counts_to_now(
    limited_eur: Any, eur_holds: Holds, issuer: Actor, payer: Actor, payee: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 300, now_s() + DAY_S)
    advance(BUCKET_S)
    limited_eur.set_limits(payer.address, 0, 1_000, 70, sender=issuer.address)
    # Nothing recorded under the new window yet: the old one counts on.
    assert limited_eur.flow_used(payer.address) == 300
    limited_eur.transfer(payee.address, 100, sender=payer.address)
    assert limited_eur.flow_used(payer.address) == 400
    # What was carried belongs to no hold any more.
    limited_eur.release_hold(hold_id, 300, sender=notary.address)
    assert limited_eur.flow_used(payer.address) == 400
    advance(80)
    assert limited_eur.flow_used(payer.address) == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 600)), min_size=1, max_size=20),
    phase=st.integers(0, BUCKET_S - 1),
)
def test_flow_limit_is_never_exceeded_in_any_window(
    limited_eur: Any, payer: Actor, payee: Actor, steps: list[tuple[int, int]], phase: int
) -> None:
    """What is taken stays within the limit in any span of the window; what is refused would not, in 8/7 of it."""
    advance(phase)
    taken: list[tuple[int, int]] = []
    for seconds, amount in steps:
        advance(seconds)
        try:
            limited_eur.transfer(payee.address, amount, sender=payer.address)
        except boa.BoaError:
            wide = sum(value for time_s, value in taken if time_s > now_s() - WINDOW_S - BUCKET_S)
            assert wide + amount > 1_000
        else:
            taken.append((now_s(), amount))
            assert sum(value for time_s, value in taken if time_s > now_s() - WINDOW_S) <= 1_000
