# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
"""
@title Governance
@license Apache-2.0
@notice What the members decide together: any calls, and the network's validators, peers and block limits. Governor of the
        registry, and through it of all that asks the registry, on a network of banks.
@custom:security One member, one vote; whatever this contract does follows from a passed proposal, except that more than
        half of the members jail a double signer at once. Anyone may execute what has passed. It owns no money.
@custom:kill None; the members can hand governance on by `transfer_governance` of the registry.
@custom:invariant At least one member is left after every proposal. Modules `proposals` and `validator_set` have theirs.
@custom:units Times: whole seconds of ledger time. Power: voting power in consensus.
"""

from modules import members
from modules import proposals
from modules import validator_set

initializes: members
initializes: proposals[members := members]
initializes: validator_set

exports: (
    members.REGISTRY,
    proposals.periods,
    proposals.proposal_count,
    proposals.proposal,
    proposals.proposal_calls,
    proposals.proposal_votes,
    proposals.proposal_state,
    validator_set.total_power,
    validator_set.validators,
    validator_set.node_ids,
    validator_set.jail_of,
)


event ConsensusParamsChanged:
    block_bytes: uint256
    block_gas: uint256


event DoubleSignReported:
    owner: indexed(address)
    member: indexed(address)
    evidence_digest: bytes32
    height: uint256


struct ConsensusParams:
    block_bytes: uint256
    block_gas: uint256


# The commit of two hundred validators takes 0.7 MB of a block; nodes read no block above 4 MiB.
BLOCK_BYTES_MIN: constant(uint256) = 1_048_576
BLOCK_BYTES_MAX: constant(uint256) = 4_194_304
# The largest transaction fits; above it a block takes longer than seconds on any engine.
BLOCK_GAS_MIN: constant(uint256) = 30_000_000
BLOCK_GAS_MAX: constant(uint256) = 500_000_000
DOUBLE_SIGN: constant(bytes32) = 0x646f75626c65207369676e000000000000000000000000000000000000000000

consensus_params: public(ConsensusParams)
# Members who reported, by hash of owner, evidence and height.
_reports: HashMap[bytes32, DynArray[address, members.VOTERS_MAX]]
_used_evidence: HashMap[bytes32, bool]
# Whether the proposal being executed may move more than a third of the power.
_forced: transient(bool)


@deploy
def __init__(registry: address, voting_s: uint256, lock_s: uint256, grace_s: uint256, block_bytes: uint256, block_gas: uint256):
    """
    @notice Begins without validators; a genesis sets the first.
    @param registry The ParticipantRegistry, which knows the members.
    @param voting_s Seconds of voting.
    @param lock_s Seconds between passing and execution.
    @param grace_s Seconds in which a proposal may be executed.
    @param block_bytes Largest consensus block.
    @param block_gas Gas of its transactions at most.
    """
    members.__init__(registry)
    proposals._set_periods(voting_s, lock_s, grace_s)
    self._set_consensus_params(block_bytes, block_gas)


@external
def propose(
    calls: DynArray[proposals.Call, proposals.CALLS_MAX], force: bool, title: String[proposals.TITLE_MAX]
) -> uint256:
    """
    @notice A member puts calls to the vote.
    @param calls One to eight calls that this contract would make, in order, all or none.
    @param force Whether they may move more than a third of the voting power in one block.
    @param title For people.
    @return Number of the proposal.
    """
    return proposals._propose(calls, force, title)


@external
def vote(id: uint256, approve: bool):
    """
    @notice A member votes, once; more than two thirds for it start the time lock.
    @param id A proposal that is being voted about.
    @param approve For or against it.
    """
    proposals._vote(id, approve)


@external
def cancel(id: uint256):
    """
    @notice Its proposer takes a proposal back before it has passed.
    @param id Its number.
    """
    proposals._cancel(id)


@external
def execute(id: uint256):
    """
    @notice Anyone has a proposal carried out whose lock has ended.
    @param id Its number.
    """
    before: bool = self._forced
    self._forced = proposals._proposals[id].force
    proposals._execute(id)
    self._forced = before
    assert members._number() != 0, "governance: no member left"


@external
def report_double_sign(owner: address, evidence_digest: bytes32, height: uint256):
    """
    @notice A member's node saw a validator sign twice; more than half of the members jail its owner at once.
    @param owner Who has the validator.
    @param evidence_digest SHA-256 of the evidence, which nodes keep.
    @param height Consensus height of the double signature.
    """
    members._check_member(msg.sender)
    assert evidence_digest != empty(bytes32), "governance: no evidence"
    case_: bytes32 = keccak256(abi_encode(owner, evidence_digest, height))
    assert not self._used_evidence[case_], "governance: evidence used"
    assert len(validator_set._keys_of[owner]) != 0, "governance: owner has no validator"
    assert msg.sender not in self._reports[case_], "governance: reported already"
    assert len(self._reports[case_]) < members.VOTERS_MAX, "governance: too many votes"
    self._reports[case_].append(msg.sender)
    log DoubleSignReported(owner=owner, member=msg.sender, evidence_digest=evidence_digest, height=height)
    if 2 * members._standing(self._reports[case_]) > members._number():
        self._used_evidence[case_] = True
        validator_set._jail(owner, DOUBLE_SIGN, evidence_digest, height, False)


@external
def set_validator(
    owner: address,
    algorithm: uint8,
    public_key: Bytes[validator_set.KEY_BYTES_MAX],
    power: uint256,
    node_id: bytes20,
):
    """
    @notice Adds a validator, changes its power or node, or removes it; by a passed proposal only.
    @param owner A member; for removal whoever owns it.
    @param algorithm 1 ML-DSA-65, 2 Ed25519.
    @param public_key Its consensus key; a second one of the same owner overlaps with the first.
    @param power The new power, zero removes.
    @param node_id Its node, or zero.
    """
    self._check_self()
    if power != 0:
        members._check_member(owner)
    validator_set._set(owner, algorithm, public_key, power, node_id, self._forced)


@external
def jail(owner: address, reason: bytes32, evidence_digest: bytes32, height: uint256):
    """
    @notice Removes an owner's validators and lets it have none; by a passed proposal only.
    @param owner Who has a validator.
    @param reason Short ASCII text, padded right with zeros.
    @param evidence_digest SHA-256 of the evidence, or zero.
    @param height Consensus height of the offence, or zero.
    """
    self._check_self()
    validator_set._jail(owner, reason, evidence_digest, height, self._forced)


@external
def unjail(owner: address):
    """
    @notice Lets an owner have validators again; by a passed proposal only.
    @param owner Who is jailed.
    """
    self._check_self()
    validator_set._unjail(owner)


@external
def allow_node(node_id: bytes20, allowed: bool):
    """
    @notice Lets a node besides those of validators connect, or no longer; by a passed proposal only.
    @param node_id The node.
    @param allowed Whether it may.
    """
    self._check_self()
    validator_set._allow_node(node_id, allowed)


@external
def set_consensus_params(block_bytes: uint256, block_gas: uint256):
    """
    @notice Sets what a block may hold; by a passed proposal only.
    @param block_bytes Largest consensus block, 1 to 4 MiB.
    @param block_gas Gas of its transactions at most, 30 to 500 million.
    """
    self._check_self()
    self._set_consensus_params(block_bytes, block_gas)


@external
def set_periods(voting_s: uint256, lock_s: uint256, grace_s: uint256):
    """
    @notice Sets how long later steps take; by a passed proposal only.
    @param voting_s Seconds of voting, one minute to 90 days.
    @param lock_s Seconds between passing and execution, up to 90 days.
    @param grace_s Seconds in which a proposal may be executed, one minute to 90 days.
    """
    self._check_self()
    proposals._set_periods(voting_s, lock_s, grace_s)


@external
@view
def reports_of(owner: address, evidence_digest: bytes32, height: uint256) -> DynArray[address, members.VOTERS_MAX]:
    """
    @notice Which members reported a double signature; a report counts while they are members.
    @param owner Who has the validator.
    @param evidence_digest SHA-256 of the evidence.
    @param height Consensus height of the double signature.
    @return Members in the order of their reports.
    """
    return self._reports[keccak256(abi_encode(owner, evidence_digest, height))]


@internal
def _set_consensus_params(block_bytes: uint256, block_gas: uint256):
    """
    @notice Sets what a block may hold, within what every node can carry.
    @param block_bytes Largest consensus block.
    @param block_gas Gas of its transactions at most.
    """
    assert BLOCK_BYTES_MIN <= block_bytes and block_bytes <= BLOCK_BYTES_MAX, "governance: block bytes"
    assert BLOCK_GAS_MIN <= block_gas and block_gas <= BLOCK_GAS_MAX, "governance: block gas"
    self.consensus_params = ConsensusParams(block_bytes=block_bytes, block_gas=block_gas)
    log ConsensusParamsChanged(block_bytes=block_bytes, block_gas=block_gas)


@internal
@view
def _check_self():
    """
    @notice Refuses whatever is no call of a passed proposal.
    """
    assert msg.sender == self, "governance: not by a proposal"
