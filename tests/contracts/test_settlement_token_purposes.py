"""A wallet's purpose in every way money can leave it: payments, authorizations, holds (docs/adr/0007)."""

from collections.abc import Callable
from typing import Any

import boa
import pytest

from tests.contracts.support import (
    DAY_S,
    UNLIMITED,
    ZERO_BYTES32,
    Actor,
    Holds,
    issue,
    now_s,
    salt,
    token_domain,
)

PAYER_HAS = 40_000
PURPOSE = b"fodder".ljust(32, b"\0")
ANONYMOUS = 0
FORBIDDEN = "token: purpose forbids the payee"
NO_NOTARY = "token: no notary for this owner"

Pay = Callable[[Any, Actor, Actor], None]


@pytest.fixture
def shop() -> Actor:
    """Whom the purpose allows."""
    return Actor("shop")


@pytest.fixture
def purposed(funded_eur: Any, registry: Any, bank: Actor, payer: Actor, shop: Actor) -> Any:
    """The euro; the payer's wallet is for the shop."""
    registry.define_purpose(PURPOSE, sender=bank.address)
    registry.allow_payee(PURPOSE, shop.address, True, sender=bank.address)
    registry.open_wallet(payer.address, ANONYMOUS, PURPOSE, sender=bank.address)
    return funded_eur


def pay_transfer(token: Any, payer: Actor, to: Actor) -> None:
    token.transfer(to.address, 100, sender=payer.address)


def pay_transfer_from(token: Any, payer: Actor, to: Actor) -> None:
    spender = Actor("relayer")
    token.approve(spender.address, UNLIMITED, sender=payer.address)
    token.transferFrom(payer.address, to.address, 100, sender=spender.address)


def pay_authorized(token: Any, payer: Actor, to: Actor) -> None:
    message = _authorization(token, payer, to)
    signature = payer.sign(token_domain(token), "TransferWithAuthorization", message)
    relayer = Actor("relayer")
    token.transferWithAuthorization(*message.values(), *_parts(signature), sender=relayer.address)


def pay_received(token: Any, payer: Actor, to: Actor) -> None:
    message = _authorization(token, payer, to)
    signature = payer.sign(token_domain(token), "ReceiveWithAuthorization", message)
    token.receiveWithAuthorization(*message.values(), *_parts(signature), sender=to.address)


def _parts(signature: bytes) -> tuple[int, bytes, bytes]:
    """v, r, s."""
    return signature[64], signature[:32], signature[32:64]


def _authorization(token: Any, payer: Actor, to: Actor) -> dict[str, Any]:
    return {
        "from": payer.address,
        "to": to.address,
        "value": 100,
        "validAfter": 0,
        "validBefore": now_s() + 1,
        "nonce": salt(token.balanceOf(payer.address)),
    }


PAYMENTS = [pay_transfer, pay_transfer_from, pay_authorized, pay_received]


@pytest.mark.parametrize("pay", PAYMENTS)
def test_payment_is_refused_when_the_purpose_forbids_the_payee(
    purposed: Any, payer: Actor, payee: Actor, other_bank: Actor, pay: Pay
) -> None:
    for forbidden in (payee, other_bank):
        with boa.reverts(FORBIDDEN):
            pay(purposed, payer, forbidden)
    assert purposed.balanceOf(payer.address) == PAYER_HAS


@pytest.mark.parametrize("pay", PAYMENTS)
def test_payment_arrives_when_the_purpose_allows_the_payee(
    purposed: Any, bank: Actor, payer: Actor, shop: Actor, pay: Pay
) -> None:
    """The list, the bank that opened the wallet, the payer itself."""
    before = purposed.balanceOf(bank.address)
    for payee in (shop, bank, payer):
        pay(purposed, payer, payee)
    assert [purposed.balanceOf(actor.address) for actor in (shop, bank, payer)] == [100, before + 100, PAYER_HAS - 200]


def test_payment_to_a_wallet_with_a_purpose_is_free(purposed: Any, bank: Actor, payer: Actor, stranger: Actor) -> None:
    purposed.transfer(stranger.address, 100, sender=bank.address)
    purposed.transfer(payer.address, 100, sender=stranger.address)
    assert purposed.balanceOf(payer.address) == PAYER_HAS + 100


def test_purpose_holds_in_every_currency(
    purposed: Any, kes: Any, kes_issuer: Actor, bank: Actor, payer: Actor, payee: Actor, shop: Actor
) -> None:
    issue(kes, kes_issuer, bank, 1_000)
    kes.transfer(payer.address, 1_000, sender=bank.address)
    with boa.reverts(FORBIDDEN):
        kes.transfer(payee.address, 1, sender=payer.address)
    kes.transfer(shop.address, 1, sender=payer.address)


def test_payment_follows_the_list_when_it_changes(
    purposed: Any, registry: Any, bank: Actor, payer: Actor, shop: Actor
) -> None:
    registry.allow_payee(PURPOSE, shop.address, False, sender=bank.address)
    with boa.reverts(FORBIDDEN):
        pay_transfer(purposed, payer, shop)
    registry.allow_payee(PURPOSE, shop.address, True, sender=bank.address)
    pay_transfer(purposed, payer, shop)


def test_payment_is_free_when_the_bank_takes_the_purpose_away(
    purposed: Any, registry: Any, bank: Actor, payer: Actor, payee: Actor
) -> None:
    registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)
    pay_transfer(purposed, payer, payee)
    assert purposed.balanceOf(payee.address) == 100


# ------------------------------------------------------------------ holds


def hold_own(token: Any, payer: Actor, notary: Actor) -> None:
    token.hold(notary.address, 100, now_s() + DAY_S, ZERO_BYTES32, salt(1), sender=payer.address)


def hold_from(token: Any, payer: Actor, notary: Actor) -> None:
    spender = Actor("relayer")
    token.approve(spender.address, 100, sender=payer.address)
    token.hold_from(payer.address, notary.address, 100, now_s() + DAY_S, ZERO_BYTES32, salt(1), sender=spender.address)


def hold_signed(token: Any, payer: Actor, notary: Actor) -> None:
    Holds(token).place(payer, notary.address, 100, now_s() + DAY_S)


@pytest.mark.parametrize("place", [hold_own, hold_from, hold_signed])
def test_hold_needs_a_notary_that_checks_purposes_when_the_wallet_has_one(
    purposed: Any, registry: Any, governor: Actor, payer: Actor, notary: Actor, place: Pay
) -> None:
    with boa.reverts(NO_NOTARY):
        place(purposed, payer, notary)
    registry.set_notary(notary.address, True, True, sender=governor.address)
    place(purposed, payer, notary)
    assert purposed.heldOf(payer.address) == 100


def test_hold_names_any_notary_when_the_wallet_has_no_purpose(
    purposed: Any, registry: Any, bank: Actor, governor: Actor, payer: Actor, notary: Actor
) -> None:
    registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)
    hold_own(purposed, payer, notary)
    assert purposed.heldOf(payer.address) == 100


def test_hold_is_not_raised_when_the_wallet_got_a_purpose_that_its_notary_does_not_check(
    funded_eur: Any, registry: Any, governor: Actor, bank: Actor, payer: Actor, notary: Actor
) -> None:
    expires_at = now_s() + DAY_S
    hold_id = funded_eur.hold(notary.address, 1, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    registry.define_purpose(PURPOSE, sender=bank.address)
    registry.open_wallet(payer.address, ANONYMOUS, PURPOSE, sender=bank.address)

    with boa.reverts(NO_NOTARY):
        funded_eur.increase_hold(hold_id, 2, expires_at, 0, b"", sender=payer.address)
    # More time adds no money.
    funded_eur.increase_hold(hold_id, 1, expires_at + 1, 0, b"", sender=payer.address)
    registry.set_notary(notary.address, True, True, sender=governor.address)
    funded_eur.increase_hold(hold_id, 2, expires_at + 1, 0, b"", sender=payer.address)
    assert funded_eur.heldOf(payer.address) == 2


def test_hold_is_raised_when_its_notary_was_struck_off_and_there_is_no_purpose(
    funded_eur: Any, registry: Any, governor: Actor, payer: Actor, notary: Actor
) -> None:
    """A trade under way can still be topped up."""
    expires_at = now_s() + DAY_S
    hold_id = funded_eur.hold(notary.address, 1, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    registry.set_notary(notary.address, False, False, sender=governor.address)
    funded_eur.increase_hold(hold_id, 2, expires_at, 0, b"", sender=payer.address)
    assert funded_eur.heldOf(payer.address) == 2
