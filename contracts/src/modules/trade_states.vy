# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Trade states
@license Apache-2.0
@notice The records of trades and milestones, and what time alone makes of them. A milestone goes
        pending -> due -> final -> settled, and over disputed from due; silence and finality are read off the clock,
        so nobody has to call for a window to end.
@custom:invariant A settled milestone never changes. A trade is closed exactly when none of its milestones is unsettled.
@custom:units Minor units, basis points of 10,000, seconds; a deadline or window includes its last second.
@custom:source docs/spec/settlement.md section 3.
"""

from interfaces import ITradeEscrow
from modules import checks


event MilestoneDue:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    outcome: uint256
    share_bps: uint256
    due_at: uint256


event MilestoneSettled:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    paid: uint256
    refunded: uint256


event TradeClosed:
    trade_id: indexed(bytes32)
    cause: uint256


BPS: constant(uint256) = 10_000

# States of a milestone; 0 is a milestone that does not exist.
PENDING: constant(uint256) = 1
DUE: constant(uint256) = 2
DISPUTED: constant(uint256) = 3
FINAL: constant(uint256) = 4
SETTLED: constant(uint256) = 5

# Outcomes of a milestone; 0 is none yet.
PAY: constant(uint256) = 1
REFUND: constant(uint256) = 2
PARTIAL: constant(uint256) = 3

# Why a trade closed.
BY_SETTLEMENT: constant(uint256) = 1
BY_CANCEL: constant(uint256) = 2
BY_LAPSE: constant(uint256) = 3
OUT_OF_BAND: constant(uint256) = 4

# Policies of the terms.
SAME_CURRENCY: constant(uint256) = 0
CONVERT_NOW: constant(uint256) = 1
LOCK: constant(uint256) = 2
FLOAT: constant(uint256) = 3

trades: HashMap[bytes32, ITradeEscrow.Trade]
milestones: HashMap[bytes32, HashMap[uint256, ITradeEscrow.MilestoneRecord]]
disputes: HashMap[bytes32, HashMap[uint256, ITradeEscrow.Dispute]]
# The funding currency's leg and its slices, under `lock` and `float`.
fx_legs: HashMap[bytes32, ITradeEscrow.FxLeg]
slices: HashMap[bytes32, HashMap[uint256, ITradeEscrow.FundingSlice]]
# By trade, bound milestone hash and attester, or claim: what is attested falls with the terms it was attested under.
first_claims: HashMap[bytes32, HashMap[bytes32, HashMap[address, uint256]]]
tallies: HashMap[bytes32, HashMap[bytes32, HashMap[uint256, uint256]]]


@external
@view
def get_trade(trade_id: bytes32) -> ITradeEscrow.Trade:
    """
    @notice The record of a trade; all zero for an unknown one.
    @param trade_id The trade.
    @return The record.
    """
    return self.trades[trade_id]


@external
@view
def get_fx(trade_id: bytes32) -> ITradeEscrow.FxLeg:
    """
    @notice The funding currency's leg of a trade; all zero under `none` and `convert_now`.
    @param trade_id The trade.
    @return The record.
    """
    return self.fx_legs[trade_id]


@external
@view
def get_slice(trade_id: bytes32, index: uint256) -> ITradeEscrow.FundingSlice:
    """
    @notice What is held of the funding currency for a milestone, and what the last call asks for.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @return Minor units of the funding currency; all zero under `none` and `convert_now`.
    """
    return self.slices[trade_id][index]


@external
@view
def get_milestone(trade_id: bytes32, index: uint256) -> ITradeEscrow.MilestoneRecord:
    """
    @notice The record of a milestone as stored, without what time has made of it since.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @return The record; all zero for an unknown one.
    """
    return self.milestones[trade_id][index]


@external
@view
def get_dispute(trade_id: bytes32, index: uint256) -> ITradeEscrow.Dispute:
    """
    @notice The dispute about a milestone; all zero if there is none.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @return Digest of the dispute's message and when it was raised.
    """
    return self.disputes[trade_id][index]


@external
@view
def state_of(trade_id: bytes32, index: uint256) -> uint256:
    """
    @notice The state of a milestone with time applied.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @return 0 none, 1 pending, 2 due, 3 disputed, 4 final, 5 settled.
    """
    if self.milestones[trade_id][index].state == 0:
        return 0
    return self._current(trade_id, index).state


@internal
@view
def _open_trade(trade_id: bytes32) -> ITradeEscrow.Trade:
    """
    @notice A trade in which something can still happen.
    @param trade_id The trade.
    @return Its record.
    """
    trade: ITradeEscrow.Trade = self.trades[trade_id]
    checks._require(trade.funded_at != 0, "escrow: no such trade")
    checks._require(not trade.closed, "escrow: trade closed")
    return trade


@internal
@view
def _current(trade_id: bytes32, index: uint256) -> ITradeEscrow.MilestoneRecord:
    """
    @notice A milestone with time applied: silence after the deadline, finality after the windows.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @return The record as it would be stored now.
    """
    record: ITradeEscrow.MilestoneRecord = self.milestones[trade_id][index]
    windows: ITradeEscrow.Windows = self.trades[trade_id].windows
    checks._require(record.state != 0, "escrow: no such milestone")
    if record.state == PENDING and block.timestamp > record.deadline:
        record = self._due(record, BPS if record.silence_pays else 0, record.deadline)
    if record.state == DUE and block.timestamp > record.due_at + windows.dispute_s:
        return self._final(record, record.due_at + windows.dispute_s)
    if record.state == DISPUTED:
        award_ends_at: uint256 = self.disputes[trade_id][index].raised_at + windows.award_s
        if block.timestamp > award_ends_at:
            if windows.unawarded_bps != 0:
                record = self._due(record, windows.unawarded_bps, record.due_at)
            return self._final(record, award_ends_at)
    return record


@internal
@view
def _unsettled(trade_id: bytes32, index: uint256) -> ITradeEscrow.MilestoneRecord:
    """
    @notice A milestone with time applied in which something can still happen.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @return The record as it would be stored now.
    """
    record: ITradeEscrow.MilestoneRecord = self._current(trade_id, index)
    checks._require(record.state != SETTLED, "escrow: milestone settled")
    return record


@internal
@view
def _is_open(trade_id: bytes32, index: uint256) -> bool:
    """
    @notice Whether a milestone may still pay something: pending, or due, disputed or final with a share.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @return True if so.
    """
    record: ITradeEscrow.MilestoneRecord = self._current(trade_id, index)
    return record.state == PENDING or (record.state != SETTLED and record.share_bps != 0)


@internal
@pure
def _holder(trade: ITradeEscrow.Trade, record: ITradeEscrow.MilestoneRecord) -> address:
    """
    @notice Who stands on the exporter's side of a milestone, and gets what its payees leave.
    @param trade The trade.
    @param record The milestone.
    @return Its assignee, else the exporter.
    """
    if record.assignee != empty(address):
        return record.assignee
    return trade.exporter


@internal
@pure
def _final(before: ITradeEscrow.MilestoneRecord, final_at: uint256) -> ITradeEscrow.MilestoneRecord:
    """
    @notice A milestone whose outcome stands.
    @param before The milestone, due.
    @param final_at Since when.
    @return The milestone, final.
    """
    record: ITradeEscrow.MilestoneRecord = before
    record.state = FINAL
    record.final_at = final_at
    return record


@internal
@pure
def _due(
    before: ITradeEscrow.MilestoneRecord, share_bps: uint256, due_at: uint256
) -> ITradeEscrow.MilestoneRecord:
    """
    @notice A milestone of which a share is due to the exporter; a share of nothing is a refund.
    @param before The milestone.
    @param share_bps The exporter's share of the slice.
    @param due_at Since when; the dispute window runs from there.
    @return The milestone, due.
    """
    record: ITradeEscrow.MilestoneRecord = before
    record.state = DUE
    record.due_at = due_at
    record.share_bps = share_bps
    record.outcome = PARTIAL
    if record.amount * share_bps // BPS == 0:
        record.share_bps = 0
        record.outcome = REFUND
    elif share_bps == BPS:
        record.outcome = PAY
    return record


@internal
def _store(trade_id: bytes32, index: uint256, record: ITradeEscrow.MilestoneRecord):
    """
    @notice Stores a milestone and, if its outcome is new, tells it.
    @param trade_id The trade.
    @param index The milestone's place.
    @param record The milestone as it is now.
    """
    before: ITradeEscrow.MilestoneRecord = self.milestones[trade_id][index]
    self.milestones[trade_id][index] = record
    if before.outcome != record.outcome or before.share_bps != record.share_bps:
        log MilestoneDue(
            trade_id=trade_id,
            milestone=index,
            outcome=record.outcome,
            share_bps=record.share_bps,
            due_at=record.due_at,
        )


@internal
def _settle(
    trade_id: bytes32, index: uint256, final: ITradeEscrow.MilestoneRecord, paid: uint256, refunded: uint256
):
    """
    @notice Books a milestone as settled; closes the trade with its last one.
    @param trade_id The trade.
    @param index The milestone's place.
    @param final The milestone, final.
    @param paid What goes to the payees in the invoice currency.
    @param refunded What of the milestone is not due. Beside the two, the effect of the rate under `float`, or what a
           last resort pays in the funding currency.
    """
    record: ITradeEscrow.MilestoneRecord = final
    record.state = SETTLED
    self._store(trade_id, index, record)
    unsettled: uint256 = self.trades[trade_id].unsettled - 1
    self.trades[trade_id].unsettled = unsettled
    log MilestoneSettled(trade_id=trade_id, milestone=index, paid=paid, refunded=refunded)
    if unsettled == 0:
        self._close(trade_id, BY_SETTLEMENT)


@internal
@view
def _unsettled_amount(trade_id: bytes32, trade: ITradeEscrow.Trade) -> uint256:
    """
    @notice What has neither been paid nor given back of a trade.
    @param trade_id The trade.
    @param trade Its record.
    @return Minor units of the invoice currency.
    """
    amount: uint256 = 0
    for index: uint256 in range(trade.milestones, bound=8):
        if self.milestones[trade_id][index].state != SETTLED:
            amount += self.milestones[trade_id][index].amount
    return amount


@internal
def _refund_rest(trade_id: bytes32, trade: ITradeEscrow.Trade, cause: uint256):
    """
    @notice Books every unsettled milestone as refunded and closes the trade.
    @param trade_id The trade.
    @param trade Its record.
    @param cause Why it closes.
    """
    for index: uint256 in range(trade.milestones, bound=8):
        record: ITradeEscrow.MilestoneRecord = self.milestones[trade_id][index]
        if record.state != SETTLED:
            record.state = SETTLED
            record.outcome = REFUND
            record.share_bps = 0
            self.milestones[trade_id][index] = record
            log MilestoneSettled(trade_id=trade_id, milestone=index, paid=0, refunded=record.amount)
    self.trades[trade_id].unsettled = 0
    self._close(trade_id, cause)


@internal
def _close(trade_id: bytes32, cause: uint256):
    """
    @notice Marks a trade as closed.
    @param trade_id The trade.
    @param cause 1 settled, 2 cancelled, 3 lapsed, 4 out of band.
    """
    self.trades[trade_id].closed = True
    log TradeClosed(trade_id=trade_id, cause=cause)
