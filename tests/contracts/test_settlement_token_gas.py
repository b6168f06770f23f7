"""Gas of the calls a trade makes on SettlementToken and ParticipantRegistry."""

from typing import Any

from tests.contracts.gas import GasSnapshot
from tests.contracts.support import DAY_S, SCOPE_ALL, ZERO_BYTES32, Actor, Holds, advance, now_s, salt


def test_token_gas_equals_the_snapshot(
    funded_eur: Any,
    eur_holds: Holds,
    gas_snapshot: GasSnapshot,
    issuer: Actor,
    payer: Actor,
    payee: Actor,
    notary: Actor,
) -> None:
    eur = funded_eur
    expires_at = now_s() + DAY_S
    eur.transfer(payee.address, 1_000, sender=payer.address)
    gas_snapshot.check(eur, "transfer (new account)")
    eur.transfer(payee.address, 1_000, sender=payer.address)
    gas_snapshot.check(eur, "transfer")
    eur.hold(notary.address, 100, expires_at, ZERO_BYTES32, salt(1), sender=payer.address)
    gas_snapshot.check(eur, "hold")
    hold_id = eur_holds.place(payer, notary.address, 1_000, expires_at)
    gas_snapshot.check(eur, "hold_signed")
    eur.execute_hold(hold_id, payee.address, 300, sender=notary.address)
    gas_snapshot.check(eur, "execute_hold (part)")
    eur.release_hold(hold_id, 700, sender=notary.address)
    gas_snapshot.check(eur, "release_hold (rest)")


def test_token_gas_under_limits_equals_the_snapshot(
    funded_eur: Any, gas_snapshot: GasSnapshot, issuer: Actor, payer: Actor, payee: Actor
) -> None:
    funded_eur.set_tier_limits(0, 50_000, 10_000, DAY_S, sender=issuer.address)
    funded_eur.transfer(payee.address, 1_000, sender=payer.address)
    funded_eur.transfer(payee.address, 1_000, sender=payer.address)
    gas_snapshot.check(funded_eur, "transfer (limits)")


def test_token_gas_after_many_freezes_equals_the_snapshot(
    funded_eur: Any,
    eur_holds: Holds,
    gas_snapshot: GasSnapshot,
    issuer: Actor,
    payer: Actor,
    payee: Actor,
    notary: Actor,
) -> None:
    """The number of past orders hardly matters: the search is binary."""
    hold_id = eur_holds.place(payer, notary.address, 1_000, now_s() + DAY_S)
    for number in range(1, 65):
        funded_eur.order_freeze(payer.address, number, SCOPE_ALL, now_s(), ZERO_BYTES32, sender=issuer.address)
        advance(2)
    funded_eur.execute_hold(hold_id, payee.address, 300, sender=notary.address)
    gas_snapshot.check(funded_eur, "execute_hold (64 past freezes)")


def test_registry_gas_equals_the_snapshot(registry: Any, gas_snapshot: GasSnapshot, bank: Actor) -> None:
    registry.record(b"\x01" * 32, sender=bank.address)
    gas_snapshot.check(registry, "record")
