"""ParticipantRegistry: who is registered with which roles, notaries, recorded digests, governance."""

from typing import Any

import boa
import pytest

from tests.contracts.support import (
    ARBITER,
    ATTESTER,
    BANK,
    FX_PROVIDER,
    LEI,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    deploy,
    events_of,
)

THUMBPRINT = b"\x11" * 32
DIGEST = b"\x22" * 32


@pytest.fixture
def carrier() -> Actor:
    return Actor("carrier")


@pytest.fixture
def with_carrier(registry: Any, governor: Actor, carrier: Actor) -> Any:
    """The registry with one attester more."""
    registry.register(carrier.address, LEI, "", ATTESTER, THUMBPRINT, sender=governor.address)
    return registry


def test_constructor_refuses_when_there_is_no_governor() -> None:
    with boa.reverts("registry: no governor"):
        deploy("ParticipantRegistry", ZERO_ADDRESS)


def test_register_makes_an_active_institution(registry: Any, governor: Actor, carrier: Actor) -> None:
    registry.register(carrier.address, LEI, "CARRDE2AXXX", ATTESTER | ARBITER, THUMBPRINT, sender=governor.address)

    assert events_of(registry, "ParticipantRegistered") == [
        {
            "account": carrier.address,
            "lei": LEI,
            "bic": "CARRDE2AXXX",
            "roles": ATTESTER | ARBITER,
            "key_thumbprint": THUMBPRINT,
        }
    ]
    assert registry.is_institution(carrier.address) is True
    assert registry.has_role(carrier.address, ATTESTER) is True
    assert registry.has_role(carrier.address, BANK) is False
    assert registry.has_role(carrier.address, BANK | ARBITER) is True
    assert registry.has_role(carrier.address, 0) is False
    assert tuple(registry.institution(carrier.address)) == (
        LEI,
        "CARRDE2AXXX",
        ATTESTER | ARBITER,
        THUMBPRINT,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"account": ZERO_ADDRESS}, "registry: no account"),
        ({"lei": ""}, "registry: LEI is not 20 characters"),
        ({"lei": LEI[:19]}, "registry: LEI is not 20 characters"),
        ({"bic": "PLDRNL2"}, "registry: BIC is not 8 or 11 characters"),
        ({"bic": "PLDRNL2AXX"}, "registry: BIC is not 8 or 11 characters"),
        ({"roles": 0}, "registry: unknown roles"),
        ({"roles": 256}, "registry: unknown roles"),
        ({"roles": 2**256 - 1}, "registry: unknown roles"),
    ],
)
def test_register_refuses_when_a_field_is_wrong(
    registry: Any, governor: Actor, carrier: Actor, change: dict[str, Any], reason: str
) -> None:
    fields = {"account": carrier.address, "lei": LEI, "bic": "", "roles": 255, "thumbprint": ZERO_BYTES32}
    with boa.reverts(reason):
        registry.register(*(fields | change).values(), sender=governor.address)
    registry.register(*fields.values(), sender=governor.address)


def test_register_refuses_when_the_account_is_registered_even_if_suspended(
    with_carrier: Any, governor: Actor, carrier: Actor
) -> None:
    with_carrier.set_status(carrier.address, False, sender=governor.address)
    with boa.reverts("registry: already registered"):
        with_carrier.register(carrier.address, LEI, "", BANK, THUMBPRINT, sender=governor.address)


def test_every_setter_refuses_when_the_caller_is_not_the_governor(
    with_carrier: Any, carrier: Actor, issuer: Actor, stranger: Actor
) -> None:
    registry = with_carrier
    for caller in (carrier, issuer, stranger):
        calls = [
            lambda who: registry.register(who, LEI, "", BANK, ZERO_BYTES32, sender=who),
            lambda who: registry.set_roles(carrier.address, BANK, sender=who),
            lambda who: registry.set_status(carrier.address, False, sender=who),
            lambda who: registry.set_key_thumbprint(carrier.address, DIGEST, sender=who),
            lambda who: registry.set_notary(who, True, False, sender=who),
            lambda who: registry.transfer_governance(who, sender=who),
        ]
        for call in calls:
            with boa.reverts("registry: not the governor"):
                call(caller.address)


def test_every_setter_refuses_when_the_account_is_unknown(registry: Any, governor: Actor, stranger: Actor) -> None:
    with boa.reverts("registry: not registered"):
        registry.set_roles(stranger.address, BANK, sender=governor.address)
    with boa.reverts("registry: not registered"):
        registry.set_status(stranger.address, True, sender=governor.address)
    with boa.reverts("registry: not registered"):
        registry.set_key_thumbprint(stranger.address, THUMBPRINT, sender=governor.address)
    assert registry.is_institution(stranger.address) is False
    assert registry.has_role(stranger.address, 255) is False


def test_roles_are_replaced_when_set(with_carrier: Any, governor: Actor, carrier: Actor) -> None:
    with_carrier.set_roles(carrier.address, BANK | FX_PROVIDER, sender=governor.address)

    assert events_of(with_carrier, "RolesChanged") == [{"account": carrier.address, "roles": BANK | FX_PROVIDER}]
    assert with_carrier.has_role(carrier.address, ATTESTER) is False
    assert with_carrier.has_role(carrier.address, FX_PROVIDER) is True
    for roles in (0, 256):
        with boa.reverts("registry: unknown roles"):
            with_carrier.set_roles(carrier.address, roles, sender=governor.address)


def test_status_takes_every_role_away_and_gives_it_back(with_carrier: Any, governor: Actor, carrier: Actor) -> None:
    with_carrier.set_status(carrier.address, False, sender=governor.address)
    assert events_of(with_carrier, "StatusChanged") == [{"account": carrier.address, "active": False}]
    assert with_carrier.is_institution(carrier.address) is False
    assert with_carrier.has_role(carrier.address, ATTESTER) is False
    with_carrier.set_status(carrier.address, True, sender=governor.address)
    assert with_carrier.has_role(carrier.address, ATTESTER) is True


def test_role_count_follows_every_change(with_carrier: Any, governor: Actor, carrier: Actor) -> None:
    registry, sender = with_carrier, governor.address

    def counts() -> tuple[int, int, int]:
        return tuple(registry.role_count(role) for role in (ATTESTER, ARBITER, BANK))  # type: ignore[return-value]

    # Two banks are registered from the start.
    assert counts() == (1, 0, 2)
    registry.set_roles(carrier.address, ATTESTER | ARBITER, sender=sender)
    assert counts() == (1, 1, 2)
    registry.set_status(carrier.address, False, sender=sender)
    registry.set_status(carrier.address, False, sender=sender)
    assert counts() == (0, 0, 2)
    # Changed while suspended: counts only once active.
    registry.set_roles(carrier.address, BANK, sender=sender)
    assert counts() == (0, 0, 2)
    registry.set_status(carrier.address, True, sender=sender)
    registry.set_status(carrier.address, True, sender=sender)
    assert counts() == (0, 0, 3)


def test_key_thumbprint_is_replaced_when_set(with_carrier: Any, governor: Actor, carrier: Actor) -> None:
    with_carrier.set_key_thumbprint(carrier.address, DIGEST, sender=governor.address)
    assert events_of(with_carrier, "KeyThumbprintChanged") == [{"account": carrier.address, "key_thumbprint": DIGEST}]
    assert with_carrier.institution(carrier.address)[3] == DIGEST


def test_notary_is_known_while_allowed(registry: Any, governor: Actor, stranger: Actor) -> None:
    assert registry.is_notary(stranger.address) is False
    registry.set_notary(stranger.address, True, False, sender=governor.address)
    assert events_of(registry, "NotaryChanged") == [
        {"notary": stranger.address, "registered": True, "checks_purpose": False}
    ]
    assert registry.is_notary(stranger.address) is True
    registry.set_notary(stranger.address, False, False, sender=governor.address)
    assert registry.is_notary(stranger.address) is False
    with boa.reverts("registry: no notary"):
        registry.set_notary(ZERO_ADDRESS, True, False, sender=governor.address)


# ------------------------------------------------------------------ digests


def test_record_counts_until_withdrawn(with_carrier: Any, carrier: Actor, issuer: Actor) -> None:
    with_carrier.record(DIGEST, sender=carrier.address)
    assert events_of(with_carrier, "DigestRecorded") == [{"institution": carrier.address, "digest": DIGEST}]
    assert with_carrier.is_recorded(carrier.address, DIGEST) is True
    # Each institution speaks for itself.
    assert with_carrier.is_recorded(issuer.address, DIGEST) is False
    with boa.reverts("registry: digest not recorded"):
        with_carrier.withdraw(DIGEST, sender=issuer.address)
    with boa.reverts("registry: digest recorded"):
        with_carrier.record(DIGEST, sender=carrier.address)

    with_carrier.withdraw(DIGEST, sender=carrier.address)
    assert events_of(with_carrier, "DigestWithdrawn") == [{"institution": carrier.address, "digest": DIGEST}]
    assert with_carrier.is_recorded(carrier.address, DIGEST) is False
    with boa.reverts("registry: digest not recorded"):
        with_carrier.withdraw(DIGEST, sender=carrier.address)


def test_record_and_withdraw_refuse_when_the_caller_is_no_active_institution(
    with_carrier: Any, governor: Actor, carrier: Actor, stranger: Actor
) -> None:
    with_carrier.record(DIGEST, sender=carrier.address)
    with_carrier.set_status(carrier.address, False, sender=governor.address)
    for caller in (carrier, stranger, governor):
        with boa.reverts("registry: not an active institution"):
            with_carrier.record(THUMBPRINT, sender=caller.address)
        with boa.reverts("registry: not an active institution"):
            with_carrier.withdraw(DIGEST, sender=caller.address)


# ------------------------------------------------------------------ governance


def test_governance_moves_when_offered_and_accepted(registry: Any, governor: Actor, bank: Actor, payee: Actor) -> None:
    registry.transfer_governance(bank.address, sender=governor.address)
    assert events_of(registry, "GovernanceOffered") == [
        {"governor": governor.address, "pending_governor": bank.address}
    ]
    # Until accepted, nothing has changed.
    assert registry.governor() == governor.address
    for caller in (payee, governor):
        with boa.reverts("registry: not the pending governor"):
            registry.accept_governance(sender=caller.address)

    registry.accept_governance(sender=bank.address)
    assert events_of(registry, "GovernanceAccepted") == [{"governor": bank.address}]
    assert (registry.governor(), registry.pending_governor()) == (bank.address, ZERO_ADDRESS)
    with boa.reverts("registry: not the governor"):
        registry.set_notary(payee.address, True, False, sender=governor.address)
    with boa.reverts("registry: not the pending governor"):
        registry.accept_governance(sender=bank.address)


def test_governance_stays_when_the_offer_is_withdrawn(registry: Any, governor: Actor, bank: Actor) -> None:
    registry.transfer_governance(bank.address, sender=governor.address)
    registry.transfer_governance(ZERO_ADDRESS, sender=governor.address)
    with boa.reverts("registry: not the pending governor"):
        registry.accept_governance(sender=bank.address)
