# pragma version 0.4.3
"""
@title TokenProbe
@license Apache-2.0
@notice Reads many figures of a token in one call; a test compares them with its model after every step.
"""

from ethereum.ercs import IERC20
from interfaces import ISettlementToken


@external
@view
def accounts(token: address, owners: DynArray[address, 8]) -> DynArray[uint256[7], 8]:
    """
    @return Per owner: balance, available, held, blocked, counted toward the flow limit, frozen (1), frozen (2).
    """
    figures: DynArray[uint256[7], 8] = []
    for owner: address in owners:
        figures.append([
            staticcall IERC20(token).balanceOf(owner),
            staticcall ISettlementToken(token).availableOf(owner),
            staticcall ISettlementToken(token).heldOf(owner),
            staticcall ISettlementToken(token).blockedOf(owner),
            staticcall ISettlementToken(token).flow_used(owner),
            convert(staticcall ISettlementToken(token).is_frozen(owner, 1), uint256),
            convert(staticcall ISettlementToken(token).is_frozen(owner, 2), uint256),
        ])
    return figures


@external
@view
def holds(token: address, ids: DynArray[bytes32, 64]) -> DynArray[uint256[3], 64]:
    """
    @return Per hold: rest, nominal expiry, effective expiry.
    """
    figures: DynArray[uint256[3], 64] = []
    for id: bytes32 in ids:
        hold: ISettlementToken.Hold = staticcall ISettlementToken(token).get_hold(id)
        figures.append([hold.amount, hold.expires_at, staticcall ISettlementToken(token).effective_expiry(id)])
    return figures
