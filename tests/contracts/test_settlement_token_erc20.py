"""SettlementToken as an ERC-20 token; ids such as ERC20-BASE-001 are the names in crytic/properties, PROPERTIES.md."""

from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.support import UNLIMITED, ZERO_ADDRESS, ZERO_BYTES32, Actor, call_raw, deploy, events_of

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


# ------------------------------------------------------------------ issue and redeem


def test_issue_raises_balance_and_supply_when_called_by_the_issuer(eur: Any, issuer: Actor, bank: Actor) -> None:
    """ERC20-MINTABLE-001."""
    eur.issue(bank.address, 500, b"\x01" * 32, sender=issuer.address)

    assert events_of(eur, "Issued") == [{"to": bank.address, "amount": 500, "reference": b"\x01" * 32}]
    assert events_of(eur, "Transfer") == [{"sender": ZERO_ADDRESS, "receiver": bank.address, "value": 500}]
    assert eur.balanceOf(bank.address) == eur.totalSupply() == 500


@pytest.mark.parametrize("caller", ["governor", "bank", "stranger"])
def test_issue_refuses_when_the_caller_is_not_the_issuer(eur: Any, bank: Actor, caller: str) -> None:
    with boa.reverts("token: not the issuer"):
        eur.issue(bank.address, 1, ZERO_BYTES32, sender=Actor(caller).address)


@pytest.mark.parametrize("receiver", ["payer", "issuer", "stranger"])
def test_issue_refuses_when_the_receiver_is_no_bank_or_fx_provider(eur: Any, issuer: Actor, receiver: str) -> None:
    with boa.reverts("token: not a bank or FX provider"):
        eur.issue(Actor(receiver).address, 1, ZERO_BYTES32, sender=issuer.address)


def test_issue_refuses_when_the_bank_is_suspended(
    eur: Any, registry: Any, governor: Actor, issuer: Actor, bank: Actor
) -> None:
    registry.set_status(bank.address, False, sender=governor.address)
    with boa.reverts("token: not a bank or FX provider"):
        eur.issue(bank.address, 1, ZERO_BYTES32, sender=issuer.address)


def test_issue_accepts_the_largest_supply_and_refuses_one_more(eur: Any, issuer: Actor, fx_provider: Actor) -> None:
    eur.issue(fx_provider.address, 2**72 - 1, ZERO_BYTES32, sender=issuer.address)

    assert eur.totalSupply() == 2**72 - 1
    for amount in (1, UNLIMITED):
        with boa.reverts("token: supply too large"):
            eur.issue(fx_provider.address, amount, ZERO_BYTES32, sender=issuer.address)


def test_issue_and_redeem_refuse_when_the_amount_is_zero(eur: Any, issuer: Actor, bank: Actor) -> None:
    with boa.reverts("token: zero amount"):
        eur.issue(bank.address, 0, ZERO_BYTES32, sender=issuer.address)
    with boa.reverts("token: zero amount"):
        eur.redeem(0, ZERO_BYTES32, sender=bank.address)


def test_redeem_lowers_balance_and_supply_when_available(funded_eur: Any, bank: Actor) -> None:
    """ERC20-BURNABLE-001. Nobody redeems on someone's behalf, so BURNABLE-002 and -003 have no subject."""
    funded_eur.redeem(10_000, b"\x02" * 32, sender=bank.address)

    assert events_of(funded_eur, "Redeemed") == [{"holder": bank.address, "amount": 10_000, "reference": b"\x02" * 32}]
    assert funded_eur.balanceOf(bank.address) == SUPPLY - PAYER_HAS - 10_000
    assert funded_eur.totalSupply() == SUPPLY - 10_000


def test_redeem_refuses_when_more_than_available_or_a_customer(funded_eur: Any, bank: Actor, payer: Actor) -> None:
    with boa.reverts("token: not enough available"):
        funded_eur.redeem(SUPPLY - PAYER_HAS + 1, ZERO_BYTES32, sender=bank.address)
    with boa.reverts("token: not a bank or FX provider"):
        funded_eur.redeem(1, ZERO_BYTES32, sender=payer.address)


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
