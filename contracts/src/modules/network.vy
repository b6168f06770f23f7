# pragma version 0.4.3
"""
@title Network contracts
@license Apache-2.0
@notice Whom the escrow believes; public, so that anyone can check. Fixed at deployment.
"""

from interfaces import IFxOracle
from interfaces import IFxSettlement
from interfaces import IParticipantRegistry
from modules import checks


REGISTRY: public(immutable(IParticipantRegistry))
FX_SETTLEMENT: public(immutable(IFxSettlement))
FX_ORACLE: public(immutable(IFxOracle))


@deploy
def __init__(registry: address, fx_settlement: address, fx_oracle: address):
    """
    @param registry The ParticipantRegistry.
    @param fx_settlement The FxSettlement that honours quotes.
    @param fx_oracle The FxOracle of the network.
    """
    checks._require(empty(address) not in [registry, fx_settlement, fx_oracle], "escrow: contract is zero")
    REGISTRY = IParticipantRegistry(registry)
    FX_SETTLEMENT = IFxSettlement(fx_settlement)
    FX_ORACLE = IFxOracle(fx_oracle)
