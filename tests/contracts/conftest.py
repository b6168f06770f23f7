"""Shared contracts and actors. Deployed once per process; titanoboa's plugin undoes what a test did, time included."""

from typing import Any

import boa
import pytest

from tests.contracts.gas import GasSnapshot
from tests.contracts.support import (
    BANK,
    CENTRAL_BANK,
    FX_PROVIDER,
    LEI,
    START_S,
    ZERO_BYTES32,
    Actor,
    Holds,
    deploy,
    issue,
)
from tests.contracts.trades_fx import FxWorld


@pytest.fixture(scope="session")
def governor() -> Actor:
    return Actor("governor")


@pytest.fixture(scope="session")
def issuer() -> Actor:
    """The euro's central bank."""
    return Actor("issuer")


@pytest.fixture(scope="session")
def kes_issuer() -> Actor:
    """The shilling's central bank."""
    return Actor("kes_issuer")


@pytest.fixture(scope="session")
def bank() -> Actor:
    return Actor("bank")


@pytest.fixture(scope="session")
def other_bank() -> Actor:
    return Actor("other_bank")


@pytest.fixture(scope="session")
def fx_provider() -> Actor:
    return Actor("fx_provider")


@pytest.fixture(scope="session")
def notary() -> Actor:
    """A registered notary; a key instead of a contract, so that tests can call as it."""
    return Actor("notary")


@pytest.fixture(scope="session")
def payer() -> Actor:
    """A customer with money."""
    return Actor("payer")


@pytest.fixture(scope="session")
def payee() -> Actor:
    """A customer without."""
    return Actor("payee")


@pytest.fixture(scope="session")
def relayer() -> Actor:
    """Submits what others have signed."""
    return Actor("relayer")


@pytest.fixture(scope="session")
def stranger() -> Actor:
    """Has no role anywhere."""
    return Actor("stranger")


@pytest.fixture(scope="session")
def registry(
    governor: Actor,
    issuer: Actor,
    kes_issuer: Actor,
    bank: Actor,
    other_bank: Actor,
    fx_provider: Actor,
    notary: Actor,
) -> Any:
    """ParticipantRegistry with two central banks, two banks, an FX provider and a notary."""
    boa.env.timestamp = START_S
    contract = deploy("ParticipantRegistry", governor.address)
    members = [
        (issuer, CENTRAL_BANK),
        (kes_issuer, CENTRAL_BANK),
        (bank, BANK),
        (other_bank, BANK),
        (fx_provider, FX_PROVIDER),
    ]
    for member, roles in members:
        contract.register(member.address, LEI, "PLDRNL2A", roles, ZERO_BYTES32, sender=governor.address)
    contract.set_notary(notary.address, True, False, sender=governor.address)
    return contract


@pytest.fixture(scope="session")
def eur(registry: Any, issuer: Actor) -> Any:
    """SettlementToken of the euro, nothing issued."""
    return deploy("SettlementToken", "Landfall Euro", "lfEUR", "EUR", 2, registry.address, issuer.address)


@pytest.fixture(scope="session")
def kes(registry: Any, kes_issuer: Actor) -> Any:
    """SettlementToken of the Kenyan shilling, nothing issued."""
    return deploy("SettlementToken", "Landfall Shilling", "lfKES", "KES", 2, registry.address, kes_issuer.address)


@pytest.fixture
def eur_holds(eur: Any) -> Holds:
    return Holds(eur)


@pytest.fixture
def kes_holds(kes: Any) -> Holds:
    return Holds(kes)


@pytest.fixture
def funded_eur(eur: Any, issuer: Actor, bank: Actor, payer: Actor) -> Any:
    """The euro with 1,000.00 issued: 600.00 at the bank, 400.00 at the payer."""
    issue(eur, issuer, bank, 100_000)
    eur.transfer(payer.address, 40_000, sender=bank.address)
    return eur


@pytest.fixture(scope="session")
def world() -> FxWorld:
    """A whole network with escrow, FX and oracle, for the tests of trades."""
    boa.env.timestamp = START_S
    return FxWorld()


@pytest.fixture
def market(world: FxWorld) -> FxWorld:
    """The network with shillings to buy, and 150 of them to the euro."""
    world.open_market()
    return world


@pytest.fixture
def gas_snapshot() -> GasSnapshot:
    """Compares the last call's gas with the snapshot: `gas_snapshot.check(token, "transfer")`."""
    return GasSnapshot()
