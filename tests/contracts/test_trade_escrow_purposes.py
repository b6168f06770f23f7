"""TradeEscrow: money of a wallet with a purpose goes to the payees of that purpose, in whichever currency."""

import boa
import pytest

from tests.contracts.support import ZERO_BYTES32, Actor
from tests.contracts.trades_fx import FxWorld

PURPOSE = b"seeds and tools".ljust(32, b"\0")
FORBIDDEN = "terms: purpose forbids the payee"


@pytest.fixture
def bound(world: FxWorld) -> FxWorld:
    """The importer's money is for exporter and tax alone."""
    world.registry.define_purpose(PURPOSE, sender=world.bank.address)
    for payee in (world.exporter, world.tax):
        allow(world, payee)
    world.registry.open_wallet(world.importer.address, 1, PURPOSE, sender=world.bank.address)
    return world


def allow(world: FxWorld, payee: Actor, allowed: bool = True) -> None:
    world.registry.allow_payee(PURPOSE, payee.address, allowed, sender=world.bank.address)


def test_fund_pays_whom_the_purpose_allows_and_no_other_payee(bound: FxWorld) -> None:
    with boa.reverts(FORBIDDEN):
        bound.fund(bound.terms())  # the fee is not on the list
    terms = bound.terms(payees=[{"account": bound.tax.address, "share_bps": 1_600}])
    bound.fund(terms)
    bound.accept(terms)
    bound.settle(terms)
    assert bound.balances(bound.eur, bound.exporter, bound.tax) == [25_200, 4_800]


def test_fund_is_refused_when_the_purpose_does_not_allow_the_exporter(bound: FxWorld) -> None:
    allow(bound, bound.exporter, False)
    with boa.reverts(FORBIDDEN):
        bound.fund(bound.terms(payees=[]))
    bound.registry.open_wallet(bound.importer.address, 1, ZERO_BYTES32, sender=bound.bank.address)
    bound.fund(bound.terms(payees=[]))


def test_assign_is_refused_when_the_purpose_does_not_allow_the_financier(bound: FxWorld) -> None:
    terms = bound.terms(payees=[])
    bound.fund(terms)
    with boa.reverts(FORBIDDEN):
        bound.assign(terms)
    allow(bound, bound.financier)
    bound.assign(terms)


def test_amend_is_refused_when_the_purpose_does_not_allow_a_new_payee(bound: FxWorld) -> None:
    terms = bound.terms(payees=[])
    bound.fund(terms)
    with boa.reverts(FORBIDDEN):
        bound.amend(terms, bound.amended(terms, payees=[{"account": bound.fee.address, "share_bps": 1}]))
    bound.amend(terms, bound.amended(terms, payees=[{"account": bound.tax.address, "share_bps": 1}]))
