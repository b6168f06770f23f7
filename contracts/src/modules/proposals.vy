# pragma version 0.4.3
"""
@title Proposals
@license Apache-2.0
@notice Lists of calls that the members vote about: voting, then a time lock in which everybody can read what is
        coming, then a span in which anyone may have them made. All times by ledger time, a deadline's last second
        included.
@custom:security More than two thirds of the members: of those at the proposal, or of those at the vote if they are more
        by then. Votes of who was removed meanwhile count neither when it passes nor when it is executed.
@custom:invariant A proposal is executed at most once, never before its lock ends, and never after it was cancelled.
"""

from modules import members

uses: members


event Proposed:
    id: indexed(uint256)
    proposer: indexed(address)
    title: String[128]
    force: bool
    voting_ends_at: uint256


event Voted:
    id: indexed(uint256)
    member: indexed(address)
    approve: bool


event ProposalPassed:
    id: indexed(uint256)
    ready_at: uint256
    expires_at: uint256


event ProposalCancelled:
    id: indexed(uint256)


event ProposalExecuted:
    id: indexed(uint256)


event PeriodsChanged:
    voting_s: uint256
    lock_s: uint256
    grace_s: uint256


struct Call:
    target: address
    data: Bytes[CALL_BYTES_MAX]


struct Periods:
    voting_s: uint256
    lock_s: uint256
    grace_s: uint256


struct Proposal:
    proposer: address
    title: String[128]
    force: bool
    # Whose two thirds decide.
    members: uint256
    voting_ends_at: uint256
    # Zero until it passes.
    ready_at: uint256
    expires_at: uint256
    # EXECUTED, CANCELLED or zero.
    closed: uint256


CALLS_MAX: constant(uint256) = 8
# A call with an ML-DSA-65 key takes 2,180 bytes at most.
CALL_BYTES_MAX: constant(uint256) = 2_560
TITLE_MAX: constant(uint256) = 128
OPEN_MAX: constant(uint256) = 4

VOTING_S_MIN: constant(uint256) = 60
GRACE_S_MIN: constant(uint256) = 60
PERIOD_S_MAX: constant(uint256) = 90 * 86_400

UNKNOWN: constant(uint256) = 0
VOTING: constant(uint256) = 1
LOCKED: constant(uint256) = 2
READY: constant(uint256) = 3
EXECUTED: constant(uint256) = 4
EXPIRED: constant(uint256) = 5
CANCELLED: constant(uint256) = 6

periods: public(Periods)
proposal_count: public(uint256)
_proposals: HashMap[uint256, Proposal]
_calls: HashMap[uint256, DynArray[Call, CALLS_MAX]]
_yes: HashMap[uint256, DynArray[address, members.VOTERS_MAX]]
_no: HashMap[uint256, DynArray[address, members.VOTERS_MAX]]
# A member's proposals that were open when it made its last.
_open: HashMap[address, DynArray[uint256, OPEN_MAX]]


@external
@view
def proposal(id: uint256) -> Proposal:
    """
    @notice What is known of a proposal.
    @param id Its number, from 1.
    @return The record; all zero for an unknown one.
    """
    return self._proposals[id]


@external
@view
def proposal_calls(id: uint256) -> DynArray[Call, CALLS_MAX]:
    """
    @notice The calls that it would make.
    @param id Its number.
    @return Calls in their order.
    """
    return self._calls[id]


@external
@view
def proposal_votes(id: uint256) -> (DynArray[address, members.VOTERS_MAX], DynArray[address, members.VOTERS_MAX]):
    """
    @notice Who voted, in order; a vote counts while the voter is a member.
    @param id Its number.
    @return Those for it, those against it.
    """
    return self._yes[id], self._no[id]


@external
@view
def proposal_state(id: uint256) -> uint256:
    """
    @notice Where a proposal is in its life.
    @param id Its number.
    @return 0 unknown, 1 voting, 2 passed and locked, 3 ready, 4 executed, 5 expired, 6 cancelled.
    """
    return self._state(id)


@internal
def _set_periods(voting_s: uint256, lock_s: uint256, grace_s: uint256):
    """
    @notice Sets how long later steps take; what has begun keeps its times.
    @param voting_s Seconds of voting.
    @param lock_s Seconds between passing and execution, zero for none.
    @param grace_s Seconds in which it may be executed.
    """
    assert VOTING_S_MIN <= voting_s and voting_s <= PERIOD_S_MAX, "governance: voting period"
    assert lock_s <= PERIOD_S_MAX, "governance: lock period"
    assert GRACE_S_MIN <= grace_s and grace_s <= PERIOD_S_MAX, "governance: grace period"
    self.periods = Periods(voting_s=voting_s, lock_s=lock_s, grace_s=grace_s)
    log PeriodsChanged(voting_s=voting_s, lock_s=lock_s, grace_s=grace_s)


@internal
def _propose(calls: DynArray[Call, CALLS_MAX], force: bool, title: String[TITLE_MAX]) -> uint256:
    """
    @notice Opens a proposal of the caller, a member.
    @param calls What it would do, at least one call.
    @param force Whether its validator changes may exceed a third of the power.
    @param title For people.
    @return Its number.
    """
    members._check_member(msg.sender)
    assert len(calls) != 0, "governance: no call"
    for one: Call in calls:
        assert one.target.is_contract, "governance: target has no code"
    still_open: DynArray[uint256, OPEN_MAX] = []
    for other: uint256 in self._open[msg.sender]:
        if self._state(other) in [VOTING, LOCKED, READY]:
            still_open.append(other)
    assert len(still_open) < OPEN_MAX, "governance: too many proposals"
    id: uint256 = self.proposal_count + 1
    self.proposal_count = id
    still_open.append(id)
    self._open[msg.sender] = still_open
    voting_ends_at: uint256 = block.timestamp + self.periods.voting_s
    self._proposals[id] = Proposal(
        proposer=msg.sender,
        title=title,
        force=force,
        members=members._number(),
        voting_ends_at=voting_ends_at,
        ready_at=0,
        expires_at=0,
        closed=0,
    )
    self._calls[id] = calls
    log Proposed(id=id, proposer=msg.sender, title=title, force=force, voting_ends_at=voting_ends_at)
    return id


@internal
def _vote(id: uint256, approve: bool):
    """
    @notice Counts the caller's vote, its only one; the one that makes two thirds starts the lock.
    @param id A proposal that is being voted about.
    @param approve For or against it.
    """
    members._check_member(msg.sender)
    assert self._state(id) == VOTING, "governance: not open"
    assert msg.sender not in self._yes[id] and msg.sender not in self._no[id], "governance: voted already"
    if approve:
        assert len(self._yes[id]) < members.VOTERS_MAX, "governance: too many votes"
        self._yes[id].append(msg.sender)
    else:
        assert len(self._no[id]) < members.VOTERS_MAX, "governance: too many votes"
        self._no[id].append(msg.sender)
    log Voted(id=id, member=msg.sender, approve=approve)
    self._proposals[id].members = max(self._proposals[id].members, members._number())
    if approve and self._has_majority(id):
        ready_at: uint256 = block.timestamp + self.periods.lock_s
        expires_at: uint256 = ready_at + self.periods.grace_s
        self._proposals[id].ready_at = ready_at
        self._proposals[id].expires_at = expires_at
        log ProposalPassed(id=id, ready_at=ready_at, expires_at=expires_at)


@internal
def _cancel(id: uint256):
    """
    @notice Ends a proposal of the caller that has not passed.
    @param id Its number.
    """
    assert self._state(id) == VOTING, "governance: not open"
    assert self._proposals[id].proposer == msg.sender, "governance: not the proposer"
    self._proposals[id].closed = CANCELLED
    log ProposalCancelled(id=id)


@internal
def _execute(id: uint256):
    """
    @notice Makes a proposal's calls; if one fails nothing has happened, and it can be tried again.
    @param id A proposal that is ready.
    """
    assert self._state(id) == READY, "governance: not ready"
    assert self._has_majority(id), "governance: majority lost"
    # Before the calls: one of them could ask again.
    self._proposals[id].closed = EXECUTED
    for one: Call in self._calls[id]:
        raw_call(one.target, one.data)
    log ProposalExecuted(id=id)


@internal
@view
def _has_majority(id: uint256) -> bool:
    """
    @notice Tells whether more than two thirds are for it, counting only who is a member now.
    @param id Its number.
    @return True if so.
    """
    return 3 * members._standing(self._yes[id]) > 2 * self._proposals[id].members


@internal
@view
def _state(id: uint256) -> uint256:
    """
    @notice Where a proposal is in its life, by ledger time.
    @param id Its number.
    @return One of the states above.
    """
    found: Proposal = self._proposals[id]
    if found.proposer == empty(address):
        return UNKNOWN
    if found.closed != 0:
        return found.closed
    if found.ready_at == 0:
        return VOTING if block.timestamp <= found.voting_ends_at else EXPIRED
    if block.timestamp < found.ready_at:
        return LOCKED
    return READY if block.timestamp <= found.expires_at else EXPIRED
