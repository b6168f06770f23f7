# pragma version 0.4.3
"""
@title TradeProbe
@license Apache-2.0
@notice Reads many figures in one call; a test compares them with its model after every step.
"""

from interfaces import ISettlementToken
from interfaces import ITradeEscrow


@external
@view
def balances(token: address, owners: DynArray[address, 8]) -> DynArray[uint256[3], 8]:
    """
    @notice What accounts have in one token.
    @param token The token.
    @param owners The accounts.
    @return Per account: available, held, blocked.
    """
    figures: DynArray[uint256[3], 8] = []
    for owner: address in owners:
        figures.append([
            staticcall ISettlementToken(token).availableOf(owner),
            staticcall ISettlementToken(token).heldOf(owner),
            staticcall ISettlementToken(token).blockedOf(owner),
        ])
    return figures


@external
@view
def trade(escrow: address, trade_id: bytes32) -> (uint256, bool, uint256, uint256, DynArray[uint256, 8]):
    """
    @notice Where a trade stands.
    @param escrow The escrow.
    @param trade_id The trade.
    @return Unsettled milestones, closed, rest and effective expiry of the hold, state of each milestone.
    """
    record: ITradeEscrow.Trade = staticcall ITradeEscrow(escrow).get_trade(trade_id)
    token: ISettlementToken = ISettlementToken(record.invoice_token)
    hold: ISettlementToken.Hold = staticcall token.get_hold(record.invoice_hold)
    expiry: uint256 = staticcall token.effective_expiry(record.invoice_hold)
    states: DynArray[uint256, 8] = []
    for index: uint256 in range(record.milestones, bound=8):
        states.append(staticcall ITradeEscrow(escrow).state_of(trade_id, index))
    return record.unsettled, record.closed, hold.amount, expiry, states
