"""Wallets, tiers and purposes in ParticipantRegistry (docs/adr/0007)."""

from typing import Any

import boa
import pytest

from tests.contracts.support import LEI, ZERO_ADDRESS, ZERO_BYTES32, Actor, events_of

ANONYMOUS, REGISTERED, INSTITUTION = 0, 1, 2
PURPOSE = b"fodder".ljust(32, b"\0")
OTHER = b"school fees".ljust(32, b"\0")


@pytest.fixture
def purpose(registry: Any, bank: Actor) -> bytes:
    """The bank's purpose, with no payees."""
    registry.define_purpose(PURPOSE, sender=bank.address)
    return PURPOSE


# ------------------------------------------------------------------ wallets


def test_open_wallet_notes_bank_tier_and_purpose(registry: Any, bank: Actor, payer: Actor, purpose: bytes) -> None:
    assert (registry.bank_of(payer.address), registry.tier_of(payer.address)) == (ZERO_ADDRESS, ANONYMOUS)
    registry.open_wallet(payer.address, REGISTERED, purpose, sender=bank.address)

    assert events_of(registry, "WalletOpened") == [
        {"account": payer.address, "bank": bank.address, "tier": REGISTERED, "purpose": purpose}
    ]
    assert registry.bank_of(payer.address) == bank.address
    assert registry.tier_of(payer.address) == REGISTERED
    assert bytes(registry.purpose_of(payer.address)) == purpose


def test_open_wallet_changes_it_when_the_same_bank_asks_again(
    registry: Any, bank: Actor, other_bank: Actor, payer: Actor, purpose: bytes
) -> None:
    registry.open_wallet(payer.address, REGISTERED, purpose, sender=bank.address)
    with boa.reverts("registry: another bank's wallet"):
        registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=other_bank.address)
    registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)
    assert registry.tier_of(payer.address) == ANONYMOUS
    assert bytes(registry.purpose_of(payer.address)) == ZERO_BYTES32


@pytest.mark.parametrize("caller", ["governor", "issuer", "fx_provider", "payer", "stranger"])
def test_open_wallet_refuses_when_the_caller_is_no_bank(registry: Any, bank: Actor, payer: Actor, caller: str) -> None:
    with boa.reverts("registry: not a bank"):
        registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=Actor(caller).address)
    registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)


def test_open_wallet_refuses_when_the_bank_is_suspended(
    registry: Any, governor: Actor, bank: Actor, payer: Actor
) -> None:
    registry.set_status(bank.address, False, sender=governor.address)
    with boa.reverts("registry: not a bank"):
        registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)


def test_open_wallet_refuses_when_a_field_is_wrong(registry: Any, bank: Actor, payer: Actor) -> None:
    for account, tier, purpose, reason in (
        (ZERO_ADDRESS, ANONYMOUS, ZERO_BYTES32, "registry: no account"),
        (payer.address, INSTITUTION, ZERO_BYTES32, "registry: unknown tier"),
        (payer.address, 2**256 - 1, ZERO_BYTES32, "registry: unknown tier"),
        (payer.address, ANONYMOUS, PURPOSE, "registry: unknown purpose"),
    ):
        with boa.reverts(reason):
            registry.open_wallet(account, tier, purpose, sender=bank.address)


def test_open_wallet_refuses_when_the_account_is_an_institution_even_if_suspended(
    registry: Any, governor: Actor, bank: Actor, other_bank: Actor
) -> None:
    for account in (bank, other_bank):
        with boa.reverts("registry: account is an institution"):
            registry.open_wallet(account.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)
    registry.set_status(other_bank.address, False, sender=governor.address)
    with boa.reverts("registry: account is an institution"):
        registry.open_wallet(other_bank.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)


def test_register_refuses_when_the_account_is_a_wallet(
    registry: Any, governor: Actor, bank: Actor, payer: Actor, payee: Actor
) -> None:
    registry.open_wallet(payer.address, ANONYMOUS, ZERO_BYTES32, sender=bank.address)
    with boa.reverts("registry: account is a wallet"):
        registry.register(payer.address, LEI, "", 8, ZERO_BYTES32, sender=governor.address)
    registry.register(payee.address, LEI, "", 8, ZERO_BYTES32, sender=governor.address)


def test_tier_of_an_institution_is_its_own_while_active(
    registry: Any, governor: Actor, bank: Actor, stranger: Actor
) -> None:
    assert (registry.tier_of(bank.address), registry.tier_of(stranger.address)) == (INSTITUTION, ANONYMOUS)
    registry.set_status(bank.address, False, sender=governor.address)
    assert registry.tier_of(bank.address) == ANONYMOUS


# ------------------------------------------------------------------ purposes


def test_define_purpose_belongs_to_who_defines_it(registry: Any, issuer: Actor, bank: Actor) -> None:
    for owner, name in ((bank, PURPOSE), (issuer, OTHER)):
        registry.define_purpose(name, sender=owner.address)
        assert events_of(registry, "PurposeDefined") == [{"purpose": name, "owner": owner.address}]
        assert registry.purpose_owner(name) == owner.address


def test_define_purpose_refuses_when_taken_empty_or_by_a_stranger(
    registry: Any, issuer: Actor, bank: Actor, purpose: bytes
) -> None:
    for caller in (bank, issuer):
        with boa.reverts("registry: purpose is defined"):
            registry.define_purpose(purpose, sender=caller.address)
    with boa.reverts("registry: purpose is empty"):
        registry.define_purpose(ZERO_BYTES32, sender=bank.address)
    for caller_name in ("governor", "fx_provider", "payer"):
        with boa.reverts("registry: not a bank"):
            registry.define_purpose(OTHER, sender=Actor(caller_name).address)


def test_allow_payee_is_its_owners_alone(
    registry: Any, governor: Actor, bank: Actor, other_bank: Actor, payee: Actor, stranger: Actor, purpose: bytes
) -> None:
    for caller, reason in (
        (other_bank, "registry: not the purpose's owner"),
        (governor, "registry: not a bank"),
        (stranger, "registry: not a bank"),
    ):
        with boa.reverts(reason):
            registry.allow_payee(purpose, payee.address, True, sender=caller.address)
    # Nobody owns what is not defined.
    with boa.reverts("registry: not the purpose's owner"):
        registry.allow_payee(OTHER, payee.address, True, sender=bank.address)
    registry.allow_payee(purpose, payee.address, True, sender=bank.address)
    assert events_of(registry, "PayeeAllowed") == [{"purpose": purpose, "payee": payee.address, "allowed": True}]
    assert registry.is_allowed_payee(purpose, payee.address) is True
    registry.allow_payee(purpose, payee.address, False, sender=bank.address)
    assert registry.is_allowed_payee(purpose, payee.address) is False


def test_allow_payee_refuses_when_its_owner_is_suspended(
    registry: Any, governor: Actor, bank: Actor, payee: Actor, purpose: bytes
) -> None:
    registry.set_status(bank.address, False, sender=governor.address)
    with boa.reverts("registry: not a bank"):
        registry.allow_payee(purpose, payee.address, True, sender=bank.address)


def test_allows_whom_the_purpose_names_the_payer_and_its_bank(
    registry: Any, issuer: Actor, bank: Actor, other_bank: Actor, payer: Actor, payee: Actor, stranger: Actor
) -> None:
    registry.define_purpose(PURPOSE, sender=issuer.address)
    registry.allow_payee(PURPOSE, payee.address, True, sender=issuer.address)
    everyone = (payee, payer, bank, other_bank, issuer, stranger)
    assert all(registry.allows(payer.address, actor.address) for actor in everyone)

    registry.open_wallet(payer.address, REGISTERED, PURPOSE, sender=bank.address)
    allowed = [actor for actor in everyone if registry.allows(payer.address, actor.address)]
    assert allowed == [payee, payer, bank]
    # It binds the wallet, not who pays it.
    assert registry.allows(stranger.address, payer.address)


def test_may_hold_asks_for_a_notary_that_checks_purposes_when_the_wallet_has_one(
    registry: Any, governor: Actor, bank: Actor, payer: Actor, payee: Actor, notary: Actor, purpose: bytes
) -> None:
    checking, nobody = Actor("checking notary"), Actor("stranger")
    registry.set_notary(checking.address, True, True, sender=governor.address)
    registry.open_wallet(payer.address, ANONYMOUS, purpose, sender=bank.address)

    def notaries_of(owner: Actor) -> list[bool]:
        return [registry.may_hold(owner.address, one.address) for one in (notary, checking, nobody)]

    assert notaries_of(payee) == [True, True, False]
    assert notaries_of(payer) == [False, True, False]


def test_set_notary_refuses_one_that_checks_purposes_and_is_not_registered(
    registry: Any, governor: Actor, payee: Actor
) -> None:
    with boa.reverts("registry: not registered"):
        registry.set_notary(payee.address, False, True, sender=governor.address)
    registry.set_notary(payee.address, True, True, sender=governor.address)
    assert registry.is_notary(payee.address) is True
    registry.set_notary(payee.address, False, False, sender=governor.address)
    assert registry.is_notary(payee.address) is False
