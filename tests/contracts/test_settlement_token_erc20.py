"""SettlementToken as an ERC-20 token.

The ids are the names in crytic/properties, PROPERTIES.md; what each says is in that file. Where a property has no
subject, the reason is in its place. `issuance` is test_settlement_token_issuance.py, `freezes`
test_settlement_token_freezes.py; what has no prefix is here.

| property | shown by |
|---|---|
| ERC20-BASE-001, -002, -003 | `supply_is_conserved_when_anyone_pays_anyone` |
| ERC20-BASE-004, -005, -006 | `transfer_refuses_when_the_receiver_is_nobody` |
| ERC20-BASE-007, -008 | `transfer_leaves_balances_as_they_were_when_sent_to_oneself` |
| ERC20-BASE-009, -010 | `transfer_refuses_and_changes_nothing_when_more_than_available` |
| ERC20-BASE-011, -012 | `transfer_changes_no_balance_when_the_amount_is_zero` |
| ERC20-BASE-013 | `transfer_moves_the_amount_when_available` |
| ERC20-BASE-014, -017 | `transfer_from_uses_up_the_allowance_when_limited`, `..._keeps_the_allowance_when_unlimited` |
| ERC20-BASE-015, -016 | `approve_replaces_the_allowance_when_repeated` |
| ERC20-ALLOWANCE-001, -002 | `allowance_moves_by_exactly_the_amount_when_raised_and_lowered` |
| ERC20-MINTABLE-001 | issuance: `issue_raises_balance_and_supply_when_it_answers_a_request` |
| ERC20-BURNABLE-001 | issuance: `redeem_lowers_balance_and_supply_when_available` |
| ERC20-BURNABLE-002, -003 | no subject: nobody redeems on someone's behalf, `redeem` takes the caller's own money |
| ERC20-PAUSABLE-001, -002 | no pause of the token; of one account, freezes: `owner_spends_nothing_when_frozen` |
"""

from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.support import UNLIMITED, ZERO_ADDRESS, Actor, call_raw, deploy, events_of

SUPPLY = 100_000
PAYER_HAS = 40_000


def test_constructor_refuses_when_registry_or_issuer_is_missing(registry: Any, issuer: Actor) -> None:
    with boa.reverts("token: no registry"):
        deploy("SettlementToken", "E", "E", "EUR", 2, ZERO_ADDRESS, issuer.address)
    with boa.reverts("token: no issuer"):
        deploy("SettlementToken", "E", "E", "EUR", 2, registry.address, ZERO_ADDRESS)


def test_metadata_reads_as_deployed_when_asked(eur: Any, registry: Any, issuer: Actor) -> None:
    assert (eur.name(), eur.symbol(), eur.currency(), eur.decimals()) == ("Landfall Euro", "lfEUR", "EUR", 2)
    assert (eur.registry(), eur.issuer()) == (registry.address, issuer.address)


# ------------------------------------------------------------------ transfers


def test_transfer_moves_the_amount_when_available(funded_eur: Any, payer: Actor, payee: Actor) -> None:
    """ERC20-BASE-013."""
    assert funded_eur.transfer(payee.address, 15_000, sender=payer.address) is True

    assert events_of(funded_eur, "Transfer") == [{"sender": payer.address, "receiver": payee.address, "value": 15_000}]
    assert funded_eur.balanceOf(payer.address) == PAYER_HAS - 15_000
    assert funded_eur.balanceOf(payee.address) == 15_000
    assert funded_eur.totalSupply() == SUPPLY


@pytest.mark.parametrize("amount", [PAYER_HAS + 1, 2**72, UNLIMITED])
def test_transfer_refuses_and_changes_nothing_when_more_than_available(
    funded_eur: Any, payer: Actor, payee: Actor, stranger: Actor, amount: int
) -> None:
    """ERC20-BASE-009, -010."""
    funded_eur.approve(stranger.address, UNLIMITED, sender=payer.address)
    with boa.reverts("token: not enough available"):
        funded_eur.transfer(payee.address, amount, sender=payer.address)
    with boa.reverts("token: not enough available"):
        funded_eur.transferFrom(payer.address, payee.address, amount, sender=stranger.address)
    assert funded_eur.balanceOf(payer.address) == PAYER_HAS
    assert funded_eur.balanceOf(payee.address) == 0


def test_transfer_refuses_when_the_receiver_is_nobody(funded_eur: Any, payer: Actor, stranger: Actor) -> None:
    """ERC20-BASE-004, -005, -006."""
    funded_eur.approve(stranger.address, UNLIMITED, sender=payer.address)
    for nobody in (ZERO_ADDRESS, funded_eur.address):
        with boa.reverts("token: no receiver"):
            funded_eur.transfer(nobody, 1, sender=payer.address)
        with boa.reverts("token: no receiver"):
            funded_eur.transferFrom(payer.address, nobody, 1, sender=stranger.address)
        assert funded_eur.balanceOf(nobody) == 0


@pytest.mark.parametrize("amount", [0, 1, PAYER_HAS])
def test_transfer_leaves_balances_as_they_were_when_sent_to_oneself(
    funded_eur: Any, payer: Actor, stranger: Actor, amount: int
) -> None:
    """ERC20-BASE-007, -008."""
    funded_eur.approve(stranger.address, amount, sender=payer.address)
    funded_eur.transfer(payer.address, amount, sender=payer.address)
    funded_eur.transferFrom(payer.address, payer.address, amount, sender=stranger.address)
    assert funded_eur.balanceOf(payer.address) == PAYER_HAS
    assert funded_eur.totalSupply() == SUPPLY


def test_transfer_changes_no_balance_when_the_amount_is_zero(
    funded_eur: Any, payer: Actor, payee: Actor, stranger: Actor
) -> None:
    """ERC20-BASE-011, -012."""
    funded_eur.transfer(payee.address, 0, sender=payer.address)
    funded_eur.transferFrom(payer.address, payee.address, 0, sender=stranger.address)
    assert funded_eur.balanceOf(payer.address) == PAYER_HAS
    assert funded_eur.balanceOf(payee.address) == 0


def test_transfer_from_uses_up_the_allowance_when_limited(
    funded_eur: Any, payer: Actor, payee: Actor, stranger: Actor
) -> None:
    """ERC20-BASE-014, -017."""
    funded_eur.approve(stranger.address, 10_000, sender=payer.address)

    assert funded_eur.transferFrom(payer.address, payee.address, 4_000, sender=stranger.address) is True

    assert funded_eur.balanceOf(payer.address) == PAYER_HAS - 4_000
    assert funded_eur.balanceOf(payee.address) == 4_000
    assert funded_eur.allowance(payer.address, stranger.address) == 6_000
    with boa.reverts("token: allowance too small"):
        funded_eur.transferFrom(payer.address, payee.address, 6_001, sender=stranger.address)


def test_transfer_from_keeps_the_allowance_when_unlimited(
    funded_eur: Any, payer: Actor, payee: Actor, stranger: Actor
) -> None:
    funded_eur.approve(stranger.address, UNLIMITED, sender=payer.address)
    funded_eur.transferFrom(payer.address, payee.address, 4_000, sender=stranger.address)
    assert funded_eur.allowance(payer.address, stranger.address) == UNLIMITED


def test_transfer_from_refuses_when_nothing_was_allowed(
    funded_eur: Any, payer: Actor, payee: Actor, stranger: Actor
) -> None:
    with boa.reverts("token: allowance too small"):
        funded_eur.transferFrom(payer.address, payee.address, 1, sender=stranger.address)
    # Also the owner itself spends by `transfer`, not by its own allowance.
    with boa.reverts("token: allowance too small"):
        funded_eur.transferFrom(payer.address, payee.address, 1, sender=payer.address)


# ------------------------------------------------------------------ allowances


def test_approve_replaces_the_allowance_when_repeated(eur: Any, payer: Actor, stranger: Actor) -> None:
    """ERC20-BASE-015, -016."""
    for amount in (7, 5, 0, UNLIMITED):
        assert eur.approve(stranger.address, amount, sender=payer.address) is True
        assert events_of(eur, "Approval") == [{"owner": payer.address, "spender": stranger.address, "value": amount}]
        assert eur.allowance(payer.address, stranger.address) == amount


def test_allowance_moves_by_exactly_the_amount_when_raised_and_lowered(eur: Any, payer: Actor, stranger: Actor) -> None:
    """ERC20-ALLOWANCE-001, -002."""
    eur.approve(stranger.address, 100, sender=payer.address)
    eur.increaseAllowance(stranger.address, 11, sender=payer.address)
    assert eur.allowance(payer.address, stranger.address) == 111
    eur.decreaseAllowance(stranger.address, 12, sender=payer.address)
    assert eur.allowance(payer.address, stranger.address) == 99


def test_allowance_refuses_when_it_would_leave_its_range(eur: Any, payer: Actor, stranger: Actor) -> None:
    eur.approve(stranger.address, 100, sender=payer.address)
    with boa.reverts():
        eur.increaseAllowance(stranger.address, UNLIMITED, sender=payer.address)
    with boa.reverts("token: allowance too small"):
        eur.decreaseAllowance(stranger.address, 101, sender=payer.address)
    assert eur.allowance(payer.address, stranger.address) == 100


def test_approve_refuses_when_the_spender_is_nobody(eur: Any, payer: Actor) -> None:
    with boa.reverts("token: no spender"):
        eur.approve(ZERO_ADDRESS, 1, sender=payer.address)


# ------------------------------------------------------------------ any sequence


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payments=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, SUPPLY + 1)), min_size=1, max_size=8
    )
)
def test_supply_is_conserved_when_anyone_pays_anyone(
    funded_eur: Any, bank: Actor, payer: Actor, payee: Actor, stranger: Actor, payments: list[tuple[int, int, int]]
) -> None:
    """ERC20-BASE-001, -002, -003."""
    actors = [bank, payer, payee, stranger]
    for sender, to, amount in payments:
        if amount <= funded_eur.balanceOf(actors[sender].address):
            funded_eur.transfer(actors[to].address, amount, sender=actors[sender].address)
        else:
            with boa.reverts("token: not enough available"):
                funded_eur.transfer(actors[to].address, amount, sender=actors[sender].address)
    balances = [funded_eur.balanceOf(actor.address) for actor in actors]
    assert max(balances) <= funded_eur.totalSupply() == sum(balances) == SUPPLY


def test_unknown_calls_and_ether_are_refused_when_sent(eur: Any, stranger: Actor) -> None:
    boa.env.set_balance(stranger.address, 10**18)
    for data in (b"", b"\x01\x02\x03", b"\xde\xad\xbe\xef", b"\xde\xad\xbe\xef" + bytes(1021)):
        with boa.reverts("token: unknown call"):
            call_raw(eur, data, stranger)
    assert boa.env.execute_code(eur.address, value=1, sender=stranger.address).is_error
