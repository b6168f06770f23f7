"""Holds of SettlementToken: placing, raising, executing and giving back (SPEC section 1)."""

from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from tests.contracts.support import (
    DAY_S,
    UNLIMITED,
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
    token_domain,
)

PAYER_HAS = 40_000
HOLD_S_MAX = 400 * DAY_S
REFERENCE = b"\x07" * 32


def sign_increase(token: Any, owner: Actor, hold_id: bytes, amount: int, expires_at: int, valid_until: int) -> bytes:
    fields = {"hold_id": hold_id, "amount": amount, "expires_at": expires_at, "valid_until": valid_until}
    return owner.sign(token_domain(token), "IncreaseHold", fields)


# ------------------------------------------------------------------ hold


def test_hold_sets_money_aside_when_available(funded_eur: Any, payer: Actor, notary: Actor) -> None:
    expires_at = now_s() + DAY_S
    hold_id = funded_eur.hold(notary.address, 30_000, expires_at, REFERENCE, salt(1), sender=payer.address)

    assert events_of(funded_eur, "HoldPlaced") == [
        {
            "id": hold_id,
            "owner": payer.address,
            "notary": notary.address,
            "amount": 30_000,
            "expires_at": expires_at,
            "reference": REFERENCE,
        }
    ]
    # Held money stays the owner's: nothing is transferred.
    assert events_of(funded_eur, "Transfer") == []
    assert funded_eur.balanceOf(payer.address) == PAYER_HAS
    assert funded_eur.availableOf(payer.address) == 10_000
    assert funded_eur.heldOf(payer.address) == 30_000
    assert tuple(funded_eur.get_hold(hold_id)) == (
        payer.address,
        notary.address,
        30_000,
        expires_at,
        now_s(),
        REFERENCE,
        False,
    )
    assert funded_eur.effective_expiry(hold_id) == expires_at


def test_hold_id_follows_from_chain_token_owner_notary_and_salt(eur: Any, payer: Actor, notary: Actor) -> None:
    expected = keccak(
        encode(
            ["uint256", "address", "address", "address", "bytes32"],
            [boa.env.evm.patch.chain_id, str(eur.address), payer.address, notary.address, salt(1)],
        )
    )
    assert eur.hold_id(payer.address, notary.address, salt(1)) == expected


def test_held_money_cannot_be_spent_when_the_rest_is_too_little(
    funded_eur: Any, payer: Actor, payee: Actor, notary: Actor
) -> None:
    funded_eur.hold(notary.address, 30_000, now_s() + DAY_S, REFERENCE, salt(1), sender=payer.address)
    with boa.reverts("token: not enough available"):
        funded_eur.transfer(payee.address, 10_001, sender=payer.address)
    funded_eur.transfer(payee.address, 10_000, sender=payer.address)


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (0, "token: zero amount"),
        (PAYER_HAS + 1, "token: not enough available"),
        (2**72, "token: not enough available"),
        (UNLIMITED, "token: not enough available"),
    ],
)
def test_hold_refuses_when_the_amount_is_out_of_range(
    funded_eur: Any, payer: Actor, notary: Actor, amount: int, reason: str
) -> None:
    with boa.reverts(reason):
        funded_eur.hold(notary.address, amount, now_s() + DAY_S, REFERENCE, salt(1), sender=payer.address)
    funded_eur.hold(notary.address, PAYER_HAS, now_s() + DAY_S, REFERENCE, salt(1), sender=payer.address)


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (-1, "token: expiry passed"),
        (0, "token: expiry passed"),
        (HOLD_S_MAX + 1, "token: expiry too far"),
        (2**255, "token: expiry too far"),
    ],
)
def test_hold_refuses_when_the_expiry_is_out_of_range(
    funded_eur: Any, payer: Actor, notary: Actor, span: int, reason: str
) -> None:
    with boa.reverts(reason):
        funded_eur.hold(notary.address, 1, now_s() + span, REFERENCE, salt(1), sender=payer.address)
    funded_eur.hold(notary.address, 1, now_s() + 1, REFERENCE, salt(1), sender=payer.address)
    funded_eur.hold(notary.address, 1, now_s() + HOLD_S_MAX, REFERENCE, salt(2), sender=payer.address)


def test_hold_refuses_when_the_notary_is_not_registered(
    funded_eur: Any, registry: Any, governor: Actor, payer: Actor, notary: Actor, stranger: Actor
) -> None:
    for nobody in (stranger.address, payer.address, ZERO_ADDRESS):
        with boa.reverts("token: no notary for this owner"):
            funded_eur.hold(nobody, 1, now_s() + 1, REFERENCE, salt(1), sender=payer.address)
    registry.set_notary(notary.address, False, False, sender=governor.address)
    with boa.reverts("token: no notary for this owner"):
        funded_eur.hold(notary.address, 1, now_s() + 1, REFERENCE, salt(1), sender=payer.address)


def test_hold_refuses_when_the_salt_was_used_even_after_the_hold_has_closed(
    funded_eur: Any, payer: Actor, notary: Actor
) -> None:
    hold_id = funded_eur.hold(notary.address, 5, now_s() + DAY_S, REFERENCE, salt(1), sender=payer.address)
    with boa.reverts("token: hold exists"):
        funded_eur.hold(notary.address, 5, now_s() + DAY_S, REFERENCE, salt(1), sender=payer.address)
    funded_eur.release_hold(hold_id, 5, sender=notary.address)
    with boa.reverts("token: hold exists"):
        funded_eur.hold(notary.address, 5, now_s() + DAY_S, REFERENCE, salt(1), sender=payer.address)


def test_hold_stays_executable_when_its_notary_is_struck_off_later(
    funded_eur: Any, eur_holds: Holds, registry: Any, governor: Actor, payer: Actor, payee: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 10, now_s() + DAY_S)
    registry.set_notary(notary.address, False, False, sender=governor.address)
    funded_eur.execute_hold(hold_id, payee.address, 10, sender=notary.address)
    assert funded_eur.balanceOf(payee.address) == 10


# ------------------------------------------------------------------ hold_from, hold_signed


def test_hold_from_uses_up_the_allowance_when_the_spender_holds(
    funded_eur: Any, payer: Actor, notary: Actor, relayer: Actor
) -> None:
    funded_eur.approve(relayer.address, 500, sender=payer.address)
    hold_id = funded_eur.hold_from(
        payer.address, notary.address, 400, now_s() + DAY_S, REFERENCE, salt(1), sender=relayer.address
    )
    assert funded_eur.allowance(payer.address, relayer.address) == 100
    assert funded_eur.get_hold(hold_id)[0] == payer.address
    with boa.reverts("token: allowance too small"):
        funded_eur.hold_from(
            payer.address, notary.address, 101, now_s() + DAY_S, REFERENCE, salt(2), sender=relayer.address
        )


def test_hold_from_refuses_when_the_caller_has_no_allowance(
    funded_eur: Any, payer: Actor, notary: Actor, stranger: Actor
) -> None:
    for caller in (stranger, notary, payer):
        with boa.reverts("token: allowance too small"):
            funded_eur.hold_from(
                payer.address, notary.address, 1, now_s() + DAY_S, REFERENCE, salt(1), sender=caller.address
            )


def test_hold_signed_refuses_when_the_caller_is_not_the_notary_who_was_signed_for(
    funded_eur: Any, eur_holds: Holds, registry: Any, governor: Actor, payer: Actor, notary: Actor, stranger: Actor
) -> None:
    registry.set_notary(stranger.address, True, False, sender=governor.address)
    message = eur_holds.sign(payer, notary.address, 10, now_s() + DAY_S)
    for caller in (stranger, payer):
        with boa.reverts("token: bad signature"):
            eur_holds.submit(message, sender=caller.address)
    hold_id = eur_holds.submit(message, sender=notary.address)
    assert funded_eur.get_hold(hold_id)[6] is True


# ------------------------------------------------------------------ increase_hold


def test_increase_hold_raises_amount_and_expiry_when_the_owner_asks(
    funded_eur: Any, payer: Actor, notary: Actor
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = funded_eur.hold(notary.address, 100, expires_at, REFERENCE, salt(1), sender=payer.address)

    funded_eur.increase_hold(hold_id, 150, expires_at + 5, 0, b"", sender=payer.address)

    assert events_of(funded_eur, "HoldIncreased") == [{"id": hold_id, "amount": 150, "expires_at": expires_at + 5}]
    assert funded_eur.heldOf(payer.address) == 150
    assert funded_eur.availableOf(payer.address) == PAYER_HAS - 150
    assert funded_eur.effective_expiry(hold_id) == expires_at + 5


def test_increase_hold_refuses_when_the_caller_is_not_the_owner_of_an_own_hold(
    funded_eur: Any, payer: Actor, notary: Actor, stranger: Actor
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = funded_eur.hold(notary.address, 100, expires_at, REFERENCE, salt(1), sender=payer.address)
    signature = sign_increase(funded_eur, payer, hold_id, 150, expires_at, UNLIMITED)
    for caller in (notary, stranger):
        with boa.reverts("token: not the owner"):
            funded_eur.increase_hold(hold_id, 150, expires_at, UNLIMITED, signature, sender=caller.address)
    with boa.reverts("token: not the owner"):
        funded_eur.increase_hold(hold_id, 150, expires_at, UNLIMITED, signature, sender=payer.address)


@pytest.mark.parametrize(
    ("amount", "later_s", "reason"),
    [
        (99, 1, "token: hold would shrink"),
        (101, -1, "token: hold would shrink"),
        (100, 0, "token: nothing to increase"),
        (101, HOLD_S_MAX - DAY_S + 1, "token: expiry too far"),
        (PAYER_HAS + 1, 0, "token: not enough available"),
        (UNLIMITED, 0, "token: not enough available"),
    ],
)
def test_increase_hold_refuses_when_the_new_totals_are_out_of_range(
    funded_eur: Any, payer: Actor, notary: Actor, amount: int, later_s: int, reason: str
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = funded_eur.hold(notary.address, 100, expires_at, REFERENCE, salt(1), sender=payer.address)
    with boa.reverts(reason):
        funded_eur.increase_hold(hold_id, amount, expires_at + later_s, 0, b"", sender=payer.address)
    funded_eur.increase_hold(hold_id, PAYER_HAS, expires_at + HOLD_S_MAX - DAY_S, 0, b"", sender=payer.address)


def test_increase_hold_needs_notary_and_signature_when_the_hold_was_signed(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor, relayer: Actor
) -> None:
    expires_at, valid_until = now_s() + DAY_S, now_s() + 60
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    signature = sign_increase(funded_eur, payer, hold_id, 150, expires_at, valid_until)
    for caller in (payer, relayer):
        with boa.reverts("token: not the notary"):
            funded_eur.increase_hold(hold_id, 150, expires_at, valid_until, signature, sender=caller.address)
    for other in (
        b"",
        sign_increase(funded_eur, notary, hold_id, 150, expires_at, valid_until),
        sign_increase(funded_eur, payer, hold_id, 151, expires_at, valid_until),
        sign_increase(funded_eur, payer, hold_id, 150, expires_at, valid_until + 1),
    ):
        with boa.reverts("token: bad signature"):
            funded_eur.increase_hold(hold_id, 150, expires_at, valid_until, other, sender=notary.address)

    advance_to(valid_until)
    funded_eur.increase_hold(hold_id, 150, expires_at, valid_until, signature, sender=notary.address)
    assert funded_eur.heldOf(payer.address) == 150


def test_increase_hold_refuses_when_the_signature_has_expired(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor
) -> None:
    expires_at, valid_until = now_s() + DAY_S, now_s() + 60
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    signature = sign_increase(funded_eur, payer, hold_id, 150, expires_at, valid_until)
    advance_to(valid_until + 1)
    with boa.reverts("token: signature expired"):
        funded_eur.increase_hold(hold_id, 150, expires_at, valid_until, signature, sender=notary.address)


def test_increase_hold_refuses_when_the_signature_is_replayed_after_a_part_was_executed(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor
) -> None:
    """Without single use the same consent would refill the hold each time something was paid out of it."""
    expires_at = now_s() + DAY_S
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    signature = sign_increase(funded_eur, payer, hold_id, 150, expires_at, UNLIMITED)
    funded_eur.increase_hold(hold_id, 150, expires_at, UNLIMITED, signature, sender=notary.address)
    funded_eur.execute_hold(hold_id, payee.address, 60, sender=notary.address)
    with boa.reverts("token: signature used"):
        funded_eur.increase_hold(hold_id, 150, expires_at, UNLIMITED, signature, sender=notary.address)
    assert funded_eur.heldOf(payer.address) == 90


def test_increase_hold_refuses_when_expired_closed_or_unknown(funded_eur: Any, payer: Actor, notary: Actor) -> None:
    expires_at = now_s() + DAY_S
    expired = funded_eur.hold(notary.address, 100, expires_at, REFERENCE, salt(1), sender=payer.address)
    closed = funded_eur.hold(notary.address, 100, expires_at + 9, REFERENCE, salt(2), sender=payer.address)
    funded_eur.release_hold(closed, 100, sender=notary.address)
    advance_to(expires_at + 1)
    for hold_id, reason in (
        (expired, "token: hold expired"),
        (closed, "token: hold closed"),
        (ZERO_BYTES32, "token: unknown hold"),
    ):
        with boa.reverts(reason):
            funded_eur.increase_hold(hold_id, 200, expires_at + DAY_S, 0, b"", sender=payer.address)


# ------------------------------------------------------------------ execute_hold


def test_execute_hold_pays_any_part_when_live(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 30_000, now_s() + DAY_S)

    funded_eur.execute_hold(hold_id, payee.address, 10_000, sender=notary.address)

    assert events_of(funded_eur, "HoldExecuted") == [
        {"id": hold_id, "owner": payer.address, "to": payee.address, "amount": 10_000, "blocked": 0}
    ]
    assert events_of(funded_eur, "Transfer") == [{"sender": payer.address, "receiver": payee.address, "value": 10_000}]
    assert funded_eur.availableOf(payee.address) == 10_000
    assert funded_eur.heldOf(payer.address) == 20_000
    assert funded_eur.balanceOf(payer.address) == 30_000

    funded_eur.execute_hold(hold_id, payee.address, 20_000, sender=notary.address)
    with boa.reverts("token: hold closed"):
        funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)


def test_execute_hold_refuses_when_the_caller_is_not_the_notary(
    funded_eur: Any, eur_holds: Holds, issuer: Actor, payer: Actor, payee: Actor, notary: Actor, stranger: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 10, now_s() + DAY_S)
    for caller in (payer, payee, issuer, stranger):
        with boa.reverts("token: not the notary"):
            funded_eur.execute_hold(hold_id, payee.address, 1, sender=caller.address)


def test_execute_hold_lasts_until_the_expiry_second_and_release_begins_after_it(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor, stranger: Actor
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = eur_holds.place(payer, notary.address, 10, expires_at)

    advance_to(expires_at)
    funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)
    with boa.reverts("token: hold not expired"):
        funded_eur.release_hold(hold_id, 9, sender=stranger.address)

    advance(1)
    with boa.reverts("token: hold expired"):
        funded_eur.execute_hold(hold_id, payee.address, 1, sender=notary.address)
    funded_eur.release_hold(hold_id, 9, sender=stranger.address)
    assert funded_eur.availableOf(payer.address) == PAYER_HAS - 1


@pytest.mark.parametrize(
    ("amount", "reason"),
    [(0, "token: zero amount"), (11, "token: more than is held"), (UNLIMITED, "token: more than is held")],
)
def test_execute_and_release_refuse_when_the_amount_is_out_of_range(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor, amount: int, reason: str
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 10, now_s() + DAY_S)
    with boa.reverts(reason):
        funded_eur.execute_hold(hold_id, payee.address, amount, sender=notary.address)
    with boa.reverts(reason):
        funded_eur.release_hold(hold_id, amount, sender=notary.address)


def test_execute_hold_refuses_when_the_receiver_is_nobody(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 10, now_s() + DAY_S)
    for nobody in (ZERO_ADDRESS, funded_eur.address):
        with boa.reverts("token: no receiver"):
            funded_eur.execute_hold(hold_id, nobody, 1, sender=notary.address)


def test_execute_and_release_refuse_when_the_hold_is_unknown(funded_eur: Any, payee: Actor, notary: Actor) -> None:
    with boa.reverts("token: unknown hold"):
        funded_eur.execute_hold(salt(9), payee.address, 1, sender=notary.address)
    with boa.reverts("token: unknown hold"):
        funded_eur.release_hold(salt(9), 1, sender=notary.address)
    assert funded_eur.effective_expiry(salt(9)) == 0


def test_execute_hold_gives_the_money_back_when_the_receiver_is_the_owner(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 10, now_s() + DAY_S)
    funded_eur.execute_hold(hold_id, payer.address, 10, sender=notary.address)
    assert funded_eur.availableOf(payer.address) == funded_eur.balanceOf(payer.address) == PAYER_HAS


def test_largest_amount_passes_through_every_step_when_it_is_the_whole_supply(
    eur: Any, eur_holds: Holds, issuer: Actor, bank: Actor, payee: Actor, notary: Actor
) -> None:
    amount = 2**72 - 1
    issue(eur, issuer, bank, amount)
    hold_id = eur_holds.place(bank, notary.address, amount, now_s() + DAY_S)
    eur.execute_hold(hold_id, payee.address, amount - 1, sender=notary.address)
    eur.release_hold(hold_id, 1, sender=notary.address)
    assert eur.balanceOf(payee.address) == amount - 1
    assert eur.availableOf(bank.address) == 1


# ------------------------------------------------------------------ release_hold


def test_release_hold_gives_any_part_back_when_the_notary_asks(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)

    funded_eur.release_hold(hold_id, 40, sender=notary.address)

    assert events_of(funded_eur, "HoldReleased") == [{"id": hold_id, "owner": payer.address, "amount": 40}]
    assert events_of(funded_eur, "Transfer") == []
    assert funded_eur.heldOf(payer.address) == 60
    # The notary may still give back after the expiry, in parts.
    advance_to(expires_at + 1)
    funded_eur.release_hold(hold_id, 1, sender=notary.address)
    assert funded_eur.heldOf(payer.address) == 59


def test_release_hold_refuses_when_someone_else_asks_early_or_for_a_part(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor, stranger: Actor
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = eur_holds.place(payer, notary.address, 100, expires_at)
    for caller in (payer, stranger):
        with boa.reverts("token: hold not expired"):
            funded_eur.release_hold(hold_id, 100, sender=caller.address)
    advance_to(expires_at + 1)
    for amount in (99, 101):
        with boa.reverts("token: not the whole rest"):
            funded_eur.release_hold(hold_id, amount, sender=stranger.address)
    funded_eur.release_hold(hold_id, 100, sender=stranger.address)
    with boa.reverts("token: hold closed"):
        funded_eur.release_hold(hold_id, 100, sender=stranger.address)
