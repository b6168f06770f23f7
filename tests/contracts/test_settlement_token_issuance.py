"""Money in two tiers: who may ask for it, what the issuer can answer, and how it goes back (SPEC section 1)."""

from typing import Any

import boa
import pytest

from tests.contracts.support import (
    UNLIMITED,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    events_of,
    issue,
)

SUPPLY = 100_000
PAYER_HAS = 40_000
REFERENCE = b"\x01" * 32


@pytest.fixture
def asked_eur(eur: Any, bank: Actor) -> Any:
    """The euro; the bank has asked for 5.00."""
    eur.request_issuance(500, REFERENCE, sender=bank.address)
    return eur


# ------------------------------------------------------------------ requests


def test_request_is_recorded_and_creates_nothing_when_a_bank_asks(eur: Any, bank: Actor, stranger: Actor) -> None:
    eur.request_issuance(500, REFERENCE, sender=bank.address)

    assert events_of(eur, "IssuanceRequested") == [{"requester": bank.address, "amount": 500, "reference": REFERENCE}]
    assert eur.requested_of(bank.address, REFERENCE) == 500
    assert eur.requested_of(stranger.address, REFERENCE) == 0
    assert eur.totalSupply() == 0


@pytest.mark.parametrize("caller", ["payer", "issuer", "stranger"])
def test_request_refuses_when_the_caller_is_no_bank_or_fx_provider(eur: Any, fx_provider: Actor, caller: str) -> None:
    with boa.reverts("token: not a bank or FX provider"):
        eur.request_issuance(1, REFERENCE, sender=Actor(caller).address)
    eur.request_issuance(1, REFERENCE, sender=fx_provider.address)


def test_request_refuses_when_the_amount_is_out_of_range(eur: Any, bank: Actor) -> None:
    for amount, reason in (
        (0, "token: zero amount"),
        (2**72, "token: supply too large"),
        (UNLIMITED, "token: supply too large"),
    ):
        with boa.reverts(reason):
            eur.request_issuance(amount, REFERENCE, sender=bank.address)
    eur.request_issuance(2**72 - 1, REFERENCE, sender=bank.address)


def test_request_refuses_when_the_reference_was_used_even_after_the_answer(
    asked_eur: Any, issuer: Actor, bank: Actor, other_bank: Actor
) -> None:
    with boa.reverts("token: request exists"):
        asked_eur.request_issuance(1, REFERENCE, sender=bank.address)
    asked_eur.issue(bank.address, 500, REFERENCE, sender=issuer.address)
    with boa.reverts("token: request exists"):
        asked_eur.request_issuance(1, REFERENCE, sender=bank.address)
    # A reference is its requester's own.
    asked_eur.request_issuance(1, REFERENCE, sender=other_bank.address)


# ------------------------------------------------------------------ answers


def test_issue_raises_balance_and_supply_when_it_answers_a_request(asked_eur: Any, issuer: Actor, bank: Actor) -> None:
    """ERC20-MINTABLE-001."""
    asked_eur.issue(bank.address, 500, REFERENCE, sender=issuer.address)

    assert events_of(asked_eur, "Issued") == [{"to": bank.address, "amount": 500, "reference": REFERENCE}]
    assert events_of(asked_eur, "Transfer") == [{"sender": ZERO_ADDRESS, "receiver": bank.address, "value": 500}]
    assert asked_eur.balanceOf(bank.address) == asked_eur.totalSupply() == 500
    assert asked_eur.requested_of(bank.address, REFERENCE) == 0


@pytest.mark.parametrize("caller", ["governor", "kes_issuer", "bank", "stranger"])
def test_issue_and_decline_refuse_when_the_caller_is_not_the_issuer(asked_eur: Any, bank: Actor, caller: str) -> None:
    with boa.reverts("token: not the issuer"):
        asked_eur.issue(bank.address, 500, REFERENCE, sender=Actor(caller).address)
    with boa.reverts("token: not the issuer"):
        asked_eur.decline_issuance(bank.address, REFERENCE, sender=Actor(caller).address)


def test_issue_refuses_when_it_is_not_exactly_what_was_asked(
    asked_eur: Any, issuer: Actor, bank: Actor, other_bank: Actor
) -> None:
    for to, amount, reference in (
        (other_bank, 500, REFERENCE),
        (bank, 500, ZERO_BYTES32),
        (bank, 499, REFERENCE),
        (bank, 501, REFERENCE),
        (bank, 0, REFERENCE),
        (bank, 0, ZERO_BYTES32),
        (bank, UNLIMITED, REFERENCE),
    ):
        with boa.reverts("token: no such request"):
            asked_eur.issue(to.address, amount, reference, sender=issuer.address)
    asked_eur.issue(bank.address, 500, REFERENCE, sender=issuer.address)


def test_issue_and_decline_refuse_when_the_request_was_granted(asked_eur: Any, issuer: Actor, bank: Actor) -> None:
    asked_eur.issue(bank.address, 500, REFERENCE, sender=issuer.address)
    for amount in (500, UNLIMITED):
        with boa.reverts("token: no such request"):
            asked_eur.issue(bank.address, amount, REFERENCE, sender=issuer.address)
    with boa.reverts("token: no such request"):
        asked_eur.decline_issuance(bank.address, REFERENCE, sender=issuer.address)


def test_issue_refuses_when_the_request_was_declined(asked_eur: Any, issuer: Actor, bank: Actor) -> None:
    asked_eur.decline_issuance(bank.address, REFERENCE, sender=issuer.address)

    assert events_of(asked_eur, "IssuanceDeclined") == [{"requester": bank.address, "reference": REFERENCE}]
    assert asked_eur.requested_of(bank.address, REFERENCE) == 0
    with boa.reverts("token: no such request"):
        asked_eur.issue(bank.address, 500, REFERENCE, sender=issuer.address)
    with boa.reverts("token: request exists"):
        asked_eur.request_issuance(500, REFERENCE, sender=bank.address)


def test_decline_refuses_when_nothing_was_asked(asked_eur: Any, issuer: Actor, bank: Actor, other_bank: Actor) -> None:
    for requester, reference in ((bank, ZERO_BYTES32), (other_bank, REFERENCE)):
        with boa.reverts("token: no such request"):
            asked_eur.decline_issuance(requester.address, reference, sender=issuer.address)


def test_issue_refuses_when_the_bank_was_suspended_meanwhile(
    asked_eur: Any, registry: Any, governor: Actor, issuer: Actor, bank: Actor
) -> None:
    registry.set_status(bank.address, False, sender=governor.address)
    with boa.reverts("token: not a bank or FX provider"):
        asked_eur.issue(bank.address, 500, REFERENCE, sender=issuer.address)
    # A refused grant does not use the request up.
    registry.set_status(bank.address, True, sender=governor.address)
    asked_eur.issue(bank.address, 500, REFERENCE, sender=issuer.address)


def test_issue_accepts_the_largest_supply_and_refuses_one_more(
    eur: Any, issuer: Actor, bank: Actor, fx_provider: Actor
) -> None:
    issue(eur, issuer, fx_provider, 2**72 - 1)

    assert eur.totalSupply() == 2**72 - 1
    with boa.reverts("token: supply too large"):
        issue(eur, issuer, bank, 1)


# ------------------------------------------------------------------ redemption


def test_redeem_lowers_balance_and_supply_when_available(funded_eur: Any, bank: Actor) -> None:
    """ERC20-BURNABLE-001."""
    funded_eur.redeem(10_000, b"\x02" * 32, sender=bank.address)

    assert events_of(funded_eur, "Redeemed") == [{"holder": bank.address, "amount": 10_000, "reference": b"\x02" * 32}]
    assert funded_eur.balanceOf(bank.address) == SUPPLY - PAYER_HAS - 10_000
    assert funded_eur.totalSupply() == SUPPLY - 10_000


def test_redeem_refuses_when_zero_or_more_than_available_or_a_customer(
    funded_eur: Any, bank: Actor, payer: Actor
) -> None:
    with boa.reverts("token: zero amount"):
        funded_eur.redeem(0, ZERO_BYTES32, sender=bank.address)
    with boa.reverts("token: not enough available"):
        funded_eur.redeem(SUPPLY - PAYER_HAS + 1, ZERO_BYTES32, sender=bank.address)
    with boa.reverts("token: not a bank or FX provider"):
        funded_eur.redeem(1, ZERO_BYTES32, sender=payer.address)
    funded_eur.redeem(SUPPLY - PAYER_HAS, ZERO_BYTES32, sender=bank.address)
