"""Holds of SettlementToken: placing, raising, executing and giving back (SPEC section 1)."""

from typing import Any

from tests.contracts.support import DAY_S, Actor, Holds, events_of, now_s


def test_execute_hold_pays_any_part_when_live(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor
) -> None:
    hold_id = eur_holds.place(payer, notary.address, 30_000, now_s() + DAY_S)

    funded_eur.execute_hold(hold_id, payee.address, 10_000, sender=notary.address)

    (event,) = events_of(funded_eur, "HoldExecuted")
    assert event["amount"] == 10_000
    assert event["blocked"] == 0
    assert funded_eur.availableOf(payee.address) == 10_000
    assert funded_eur.heldOf(payer.address) == 20_000
    assert funded_eur.balanceOf(payer.address) == 30_000
