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


struct Figures:
    unsettled: uint256
    closed: bool
    version: uint256
    calls: uint256
    call_ends_at: uint256
    # Rest and effective expiry of each leg's hold, the invoice leg first; zero where there is none.
    rests: uint256[2]
    expiries: uint256[2]
    states: DynArray[uint256, 8]
    amounts: DynArray[uint256, 8]
    slices: DynArray[uint256, 8]
    targets: DynArray[uint256, 8]


@external
@view
def trade(escrow: address, trade_id: bytes32) -> Figures:
    """
    @notice Where a trade stands.
    @param escrow The escrow.
    @param trade_id The trade.
    @return Its figures.
    """
    record: ITradeEscrow.Trade = staticcall ITradeEscrow(escrow).get_trade(trade_id)
    fx: ITradeEscrow.FxLeg = staticcall ITradeEscrow(escrow).get_fx(trade_id)
    figures: Figures = empty(Figures)
    figures.unsettled = record.unsettled
    figures.closed = record.closed
    figures.version = record.version
    figures.calls = fx.calls
    figures.call_ends_at = fx.call_ends_at
    figures.rests[0] = (staticcall ISettlementToken(record.invoice_token).get_hold(record.invoice_hold)).amount
    figures.rests[1] = (staticcall ISettlementToken(record.funding_token).get_hold(fx.hold)).amount
    figures.expiries[0] = staticcall ISettlementToken(record.invoice_token).effective_expiry(record.invoice_hold)
    figures.expiries[1] = staticcall ISettlementToken(record.funding_token).effective_expiry(fx.hold)
    for index: uint256 in range(record.milestones, bound=8):
        slice_: ITradeEscrow.FundingSlice = staticcall ITradeEscrow(escrow).get_slice(trade_id, index)
        figures.states.append(staticcall ITradeEscrow(escrow).state_of(trade_id, index))
        figures.amounts.append((staticcall ITradeEscrow(escrow).get_milestone(trade_id, index)).amount)
        figures.slices.append(slice_.amount)
        figures.targets.append(slice_.target)
    return figures
