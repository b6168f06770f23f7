"""ParticipantRegistry: the keys that confirm institutions' transactions."""

from hashlib import sha256
from typing import Any

import boa
import pytest

from tests.contracts.gas import GasSnapshot
from tests.contracts.support import Actor, events_of

KEY, NEXT_KEY = b"\x01" * 1952, b"\x02" * 1952
UNSET, SET, REVOKED = 0, 1, 2
# Leaves room for one signer.
FILL = """
@external
def fill():
    for number: uint160 in range(1, 1024):
        transaction_keys._signers.append(convert(number, address))
"""


def _record(registry: Any, account: Actor) -> tuple[bytes, int]:
    return registry.transaction_key(account.address), registry.transaction_key_state(account.address)


def _change(account: Actor, key: bytes, state: int) -> dict[str, Any]:
    return {"account": account.address, "key_hash": sha256(key).digest(), "state": state}


def test_key_is_registered_and_replaced_by_the_institution_itself(
    registry: Any, bank: Actor, other_bank: Actor, gas_snapshot: GasSnapshot
) -> None:
    assert _record(registry, bank) == (b"", UNSET)
    assert registry.dual_signers() == []

    registry.register_transaction_key(KEY, sender=bank.address)
    gas_snapshot.check(registry, "register_transaction_key")
    assert events_of(registry, "TransactionKeyChanged") == [_change(bank, KEY, SET)]
    assert _record(registry, bank) == (KEY, SET)

    registry.register_transaction_key(NEXT_KEY, sender=bank.address)
    assert events_of(registry, "TransactionKeyChanged") == [_change(bank, NEXT_KEY, SET)]
    assert _record(registry, bank) == (NEXT_KEY, SET)
    registry.register_transaction_key(KEY, sender=other_bank.address)
    assert registry.dual_signers() == [bank.address, other_bank.address]


@pytest.mark.parametrize("length", [0, 1951])
def test_key_is_refused_when_it_is_too_short(registry: Any, governor: Actor, bank: Actor, length: int) -> None:
    with boa.reverts("registry: key is not 1952 bytes"):
        registry.register_transaction_key(KEY[:length], sender=bank.address)
    with boa.reverts("registry: key is not 1952 bytes"):
        registry.assign_transaction_key(bank.address, KEY[:length], sender=governor.address)
    assert _record(registry, bank) == (b"", UNSET)
    registry.register_transaction_key(KEY, sender=bank.address)


def test_key_is_refused_when_the_caller_is_no_active_institution(
    registry: Any, governor: Actor, bank: Actor, stranger: Actor
) -> None:
    registry.set_status(bank.address, False, sender=governor.address)
    for caller in (bank, stranger, governor):
        with boa.reverts("registry: not an active institution"):
            registry.register_transaction_key(KEY, sender=caller.address)
    registry.set_status(bank.address, True, sender=governor.address)
    registry.register_transaction_key(KEY, sender=bank.address)


def test_key_is_assigned_and_revoked_by_the_governor_alone(
    registry: Any, governor: Actor, bank: Actor, issuer: Actor, stranger: Actor
) -> None:
    for caller in (bank, issuer, stranger):
        with boa.reverts("registry: not the governor"):
            registry.assign_transaction_key(bank.address, KEY, sender=caller.address)
        with boa.reverts("registry: not the governor"):
            registry.revoke_transaction_key(bank.address, sender=caller.address)
    registry.assign_transaction_key(bank.address, KEY, sender=governor.address)
    assert events_of(registry, "TransactionKeyChanged") == [_change(bank, KEY, SET)]

    registry.revoke_transaction_key(bank.address, sender=governor.address)
    assert events_of(registry, "TransactionKeyChanged") == [_change(bank, KEY, REVOKED)]
    assert _record(registry, bank) == (b"", REVOKED)


def test_account_stays_a_dual_signer_when_its_key_is_revoked(registry: Any, governor: Actor, bank: Actor) -> None:
    registry.register_transaction_key(KEY, sender=bank.address)
    registry.revoke_transaction_key(bank.address, sender=governor.address)
    assert registry.dual_signers() == [bank.address]
    # Whoever stole the key must not give the account another.
    with boa.reverts("registry: transaction key revoked"):
        registry.register_transaction_key(NEXT_KEY, sender=bank.address)
    with boa.reverts("registry: no transaction key"):
        registry.revoke_transaction_key(bank.address, sender=governor.address)

    registry.assign_transaction_key(bank.address, NEXT_KEY, sender=governor.address)
    assert _record(registry, bank) == (NEXT_KEY, SET)
    registry.register_transaction_key(KEY, sender=bank.address)
    assert registry.dual_signers() == [bank.address]


def test_key_of_an_unknown_account_is_refused(registry: Any, governor: Actor, stranger: Actor) -> None:
    with boa.reverts("registry: not registered"):
        registry.assign_transaction_key(stranger.address, KEY, sender=governor.address)
    with boa.reverts("registry: no transaction key"):
        registry.revoke_transaction_key(stranger.address, sender=governor.address)
    assert registry.dual_signers() == []


def test_dual_signers_are_bounded(registry: Any, governor: Actor, bank: Actor, other_bank: Actor) -> None:
    registry.inject_function(FILL)
    registry.inject.fill()
    registry.assign_transaction_key(bank.address, KEY, sender=governor.address)
    with boa.reverts("registry: too many dual signers"):
        registry.register_transaction_key(KEY, sender=other_bank.address)
    registry.register_transaction_key(NEXT_KEY, sender=bank.address)
    assert len(registry.dual_signers()) == 1024
