# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title TradeEscrow
@license Apache-2.0
@notice A trade whose money is held for the exporter until its milestones are attested. This contract is where a trade
        lives, and what evidence and decisions make of its milestones. What it does not know it hands on to
        `TradeFunding`, that to `TradeAmendment`, and that to `TradePayment` (settlement and every way out), which work
        on this contract's storage. One address, one ABI, one signing domain.
@custom:security Owns no money: it is the notary of holds in the parties' own accounts, so a fault here can neither
        take money elsewhere than to the terms' payees nor keep it past the hold's expiry. Believes signatures, the
        registry and the clock, never a caller. A token that lies or calls back harms only the trades in it. The code
        it delegates to is fixed at deployment and shares modules, storage layout and lock.
@custom:kill None needed: without calls every hold expires and `lapse` books it. The registry's `set_notary` stops new
        trades.
@custom:invariant While a hold lives it equals the sum of the trade's unsettled slices. Nothing is paid twice. Whoever
        stays silent, anyone can close a trade at the latest when its hold has expired.
@custom:units Minor units below 2^72, basis points of 10,000, seconds of ledger time; a deadline includes its second.
"""

from interfaces import ITradeEscrow
from modules import checks
from modules import eip712
from modules import network
from modules import trade_consents
from modules import trade_fx
from modules import trade_money
from modules import trade_states
from modules import trade_terms

implements: ITradeEscrow
initializes: network
initializes: eip712
initializes: trade_states
initializes: trade_consents[eip712 := eip712, network := network, trade_states := trade_states]
initializes: trade_money[trade_states := trade_states]
initializes: trade_terms[network := network]

exports: (
    eip712.eip712Domain,
    network.REGISTRY,
    network.FX_SETTLEMENT,
    network.FX_ORACLE,
    trade_consents.revoke,
    trade_consents.is_action_used,
    trade_states.get_trade,
    trade_states.get_fx,
    trade_states.get_slice,
    trade_states.get_milestone,
    trade_states.get_dispute,
    trade_states.state_of,
)


event AttestationRecorded:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    attester: indexed(address)
    outcome: uint256
    share_bps: uint256
    evidence_hash: bytes32
    signature_digest: bytes32


event EquivocationRecorded:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    attester: indexed(address)
    digest: bytes32


event MilestoneAccepted:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)


event DisputeRaised:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    party: indexed(address)
    digest: bytes32
    reason_hash: bytes32


event AwardMade:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    share_bps: uint256
    reason_hash: bytes32

event MilestoneAssigned:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    assignee: indexed(address)


event AmountWaived:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    amount: uint256
    left: uint256


FULFILLED: constant(uint256) = 1
FAILED: constant(uint256) = 2
ATTESTER: constant(uint256) = 8
ARBITER: constant(uint256) = 16
BPS: constant(uint256) = 10_000

ATTESTATION_TYPE_HASH: constant(bytes32) = keccak256(
    "Attestation(bytes32 trade_id,uint256 milestone,bytes32 milestone_hash,uint256 outcome,uint256 share_bps,bytes32 evidence_hash,uint256 valid_until,uint256 action)"
)
ACCEPT_TYPE_HASH: constant(bytes32) = keccak256(
    "Accept(bytes32 trade_id,uint256 version,uint256 milestone,bytes32 milestone_hash,uint256 valid_until,uint256 action)"
)
DISPUTE_TYPE_HASH: constant(bytes32) = keccak256(
    "Dispute(bytes32 trade_id,uint256 version,uint256 milestone,bytes32 milestone_hash,bytes32 reason_hash,uint256 valid_until,uint256 action)"
)
AWARD_TYPE_HASH: constant(bytes32) = keccak256(
    "Award(bytes32 trade_id,uint256 milestone,bytes32 milestone_hash,bytes32 dispute,uint256 share_bps,bytes32 reason_hash,uint256 valid_until,uint256 action)"
)
WAIVE_TYPE_HASH: constant(bytes32) = keccak256(
    "Waive(bytes32 trade_id,uint256 version,uint256 milestone,bytes32 milestone_hash,uint256 amount,uint256 valid_until,uint256 action)"
)
ASSIGN_TYPE_HASH: constant(bytes32) = keccak256(
    "Assign(bytes32 trade_id,uint256 version,uint256 milestone,bytes32 milestone_hash,address assignee,uint256 valid_until,uint256 action)"
)

# Where calls go that this contract does not know.
FUNDING: public(immutable(address))


@deploy
def __init__(registry: address, fx_settlement: address, fx_oracle: address, funding: address):
    """
    @param registry The ParticipantRegistry.
    @param fx_settlement The FxSettlement that honours quotes.
    @param fx_oracle The FxOracle of the network.
    @param funding The TradeFunding of the same network.
    """
    network.__init__(registry, fx_settlement, fx_oracle)
    checks._require(funding != empty(address), "escrow: contract is zero")
    FUNDING = funding
    eip712.__init__("TradeEscrow")


@external
@reentrant
@raw_return
def __default__() -> Bytes[32]:
    """
    @notice Every call of `TradeFunding`, `TradeAmendment` and `TradePayment`, on this contract's storage.
    @dev Their functions take the lock, which is this contract's too.
    @return What they return: a word at most.
    """
    return raw_call(FUNDING, msg.data, max_outsize=32, is_delegate_call=True)


@external
def attest(
    trade_id: bytes32,
    index: uint256,
    milestone: ITradeEscrow.Milestone,
    attester: address,
    outcome: uint256,
    share_bps: uint256,
    evidence_hash: bytes32,
    valid_until: uint256,
    action: uint256,
    signature: Bytes[512],
):
    """
    @notice Records what an attester found; a quorum on one outcome and share makes the milestone due. Anyone submits.
    @dev Only an attester's first attestation counts. A later one that says otherwise is recorded as equivocation, also
         after the deadline: ground for a dispute, not an undo.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param milestone Its terms.
    @param attester One of its attesters, active now.
    @param outcome 1 fulfilled, 2 failed.
    @param share_bps What was fulfilled, 1 to 10,000; 0 for failed.
    @param evidence_hash Hash of the evidence.
    @param valid_until Last second of the signature.
    @param action The attester's action number in this trade.
    @param signature The attester's; empty where it recorded the digest.
    """
    trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states.milestones[trade_id][index]
    checks._require(record.state != trade_states.SETTLED, "escrow: milestone settled")
    bound: bytes32 = trade_terms._bound_milestone(
        trade_terms._hash_milestone(milestone), index, record.agreed, record.version
    )
    checks._require(bound == record.terms_hash, "escrow: other milestone terms")
    checks._require(attester in milestone.attesters, "escrow: not its attester")
    checks._require(staticcall network.REGISTRY.has_role(attester, ATTESTER), "escrow: attester not active")
    if outcome == FULFILLED:
        checks._require(0 < share_bps and share_bps <= BPS, "escrow: share out of range")
    else:
        checks._require(outcome == FAILED, "escrow: unknown outcome")
        checks._require(share_bps == 0, "escrow: share out of range")
    digest: bytes32 = trade_consents._take(
        trade_id,
        attester,
        keccak256(
            abi_encode(
                ATTESTATION_TYPE_HASH,
                trade_id,
                index,
                bound,
                outcome,
                share_bps,
                evidence_hash,
                valid_until,
                action,
            )
        ),
        valid_until,
        action,
        signature,
    )
    claim: uint256 = outcome << 16 | share_bps
    first: uint256 = trade_states.first_claims[trade_id][bound][attester]
    if first != 0:
        checks._require(first != claim, "escrow: already attested")
        log EquivocationRecorded(trade_id=trade_id, milestone=index, attester=attester, digest=digest)
        return

    checks._require(record.state == trade_states.PENDING, "escrow: milestone not pending")
    checks._require(block.timestamp <= record.deadline, "escrow: deadline passed")
    trade_states.first_claims[trade_id][bound][attester] = claim
    tally: uint256 = trade_states.tallies[trade_id][bound][claim] + 1
    trade_states.tallies[trade_id][bound][claim] = tally
    log AttestationRecorded(
        trade_id=trade_id,
        milestone=index,
        attester=attester,
        outcome=outcome,
        share_bps=share_bps,
        evidence_hash=evidence_hash,
        signature_digest=digest,
    )
    if tally == record.quorum:
        trade_states._store(trade_id, index, trade_states._due(record, share_bps, block.timestamp))


@external
def declare_silence(trade_id: bytes32, index: uint256):
    """
    @notice Stores what silence means for a milestone, as of its deadline; anyone, after the deadline without quorum.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    """
    trade_states._open_trade(trade_id)
    stored: ITradeEscrow.MilestoneRecord = trade_states.milestones[trade_id][index]
    checks._require(stored.state == trade_states.PENDING, "escrow: milestone not pending")
    checks._require(block.timestamp > stored.deadline, "escrow: deadline not passed")
    trade_states._store(
        trade_id, index, trade_states._due(stored, BPS if stored.silence_pays else 0, stored.deadline)
    )


@external
def accept(trade_id: bytes32, index: uint256, consent: ITradeEscrow.SignedConsent):
    """
    @notice The importer's word that a milestone is to be paid in full, final at once; in any unsettled state.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param consent The importer's `Accept`.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states._unsettled(trade_id, index)
    trade_consents._take_about_milestone(
        trade_id, trade.version, index, record.terms_hash, trade.importer, ACCEPT_TYPE_HASH, b"", consent
    )
    # What is final and pays stays final since when it was, or its windows would never end.
    final_at: uint256 = block.timestamp
    if record.state == trade_states.FINAL and record.share_bps != 0:
        final_at = record.final_at
    record = trade_states._due(record, BPS, block.timestamp)
    trade_states._store(trade_id, index, trade_states._final(record, final_at))
    log MilestoneAccepted(trade_id=trade_id, milestone=index)


@external
def waive(trade_id: bytes32, index: uint256, amount: uint256, consent: ITradeEscrow.SignedConsent):
    """
    @notice The exporter's side gives up a part of a milestone, or all of it; in any unsettled state. What is held for
            the part goes back at once; under `lock` less the part of the cancel fee that it owes.
    @dev All of it leaves a milestone of nothing, final at once. What was attested or decided of the rest stands.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param amount Minor units of the invoice currency, at most what is left.
    @param consent The holder's `Waive`.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states._unsettled(trade_id, index)
    checks._require(0 < amount and amount <= record.amount, "escrow: more than the milestone")
    trade_consents._take_about_milestone(
        trade_id,
        trade.version,
        index,
        record.terms_hash,
        trade_states._holder(trade, record),
        WAIVE_TYPE_HASH,
        abi_encode(amount),
        consent,
    )
    left: uint256 = record.amount - amount
    record.amount = left
    if left == 0:
        record = trade_states._final(trade_states._due(record, 0, block.timestamp), block.timestamp)
    elif record.outcome != 0 and left * record.share_bps // BPS == 0:
        record.share_bps = 0
        record.outcome = trade_states.REFUND
    trade_states._store(trade_id, index, record)
    log AmountWaived(trade_id=trade_id, milestone=index, amount=amount, left=left)

    if trade.policy == trade_states.LOCK or trade.policy == trade_states.FLOAT:
        self._shrink_slice(trade_id, index, trade, amount, left)
    trade_money._give_back(trade.invoice_token, trade.invoice_hold, amount)


@external
def assign(
    trade_id: bytes32,
    index: uint256,
    milestone: ITradeEscrow.Milestone,
    assignee: address,
    exporter: ITradeEscrow.SignedConsent,
    consent: ITradeEscrow.SignedConsent,
):
    """
    @notice Gives the exporter's own share of an unsettled milestone to a financier, who from then on signs in the
            exporter's place; once per milestone, for good.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param milestone Its terms.
    @param assignee Who gets it: not a party, nor an attester of the milestone.
    @param exporter The exporter's `Assign`.
    @param consent The assignee's.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states._unsettled(trade_id, index)
    checks._require(record.assignee == empty(address), "escrow: milestone assigned")
    checks._require(
        trade_terms._bound_milestone(
            trade_terms._hash_milestone(milestone), index, record.agreed, record.version
        )
        == record.terms_hash,
        "escrow: other milestone terms",
    )
    trade_terms._check_payee(assignee, trade.importer, trade.invoice_token, trade.funding_token)
    checks._require(assignee not in [trade.importer, trade.exporter, trade.arbiter], "escrow: assignee is a party")
    checks._require(assignee not in milestone.attesters, "escrow: assignee attests")
    self._take_assign(trade_id, trade.version, index, record.terms_hash, trade.exporter, assignee, exporter)
    self._take_assign(trade_id, trade.version, index, record.terms_hash, assignee, assignee, consent)
    trade_states.milestones[trade_id][index].assignee = assignee
    log MilestoneAssigned(trade_id=trade_id, milestone=index, assignee=assignee)


@external
def dispute(
    trade_id: bytes32, index: uint256, party: address, reason_hash: bytes32, consent: ITradeEscrow.SignedConsent
):
    """
    @notice Puts a milestone before the arbiter; a party, while it is due and within its dispute window.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param party The importer, or who stands on the exporter's side of the milestone.
    @param reason_hash Hash of the party's reasons.
    @param consent The party's `Dispute`.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states._current(trade_id, index)
    checks._require(trade.arbiter != empty(address), "escrow: no arbiter")
    checks._require(party in [trade.importer, trade_states._holder(trade, record)], "escrow: not a party")
    checks._require(record.state == trade_states.DUE, "escrow: milestone not due")
    digest: bytes32 = trade_consents._take_about_milestone(
        trade_id,
        trade.version,
        index,
        record.terms_hash,
        party,
        DISPUTE_TYPE_HASH,
        abi_encode(reason_hash),
        consent,
    )
    record.state = trade_states.DISPUTED
    trade_states._store(trade_id, index, record)
    trade_states.disputes[trade_id][index] = ITradeEscrow.Dispute(digest=digest, raised_at=block.timestamp)
    log DisputeRaised(trade_id=trade_id, milestone=index, party=party, digest=digest, reason_hash=reason_hash)


@external
def award(
    trade_id: bytes32,
    index: uint256,
    share_bps: uint256,
    reason_hash: bytes32,
    consent: ITradeEscrow.SignedConsent,
):
    """
    @notice The arbiter's decision replaces what was due and is final at once; within the award time.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param share_bps The exporter's share of the whole slice.
    @param reason_hash Hash of the arbiter's reasons.
    @param consent The arbiter's `Award`.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states._current(trade_id, index)
    checks._require(record.state == trade_states.DISPUTED, "escrow: milestone not disputed")
    checks._require(share_bps <= BPS, "escrow: share out of range")
    checks._require(staticcall network.REGISTRY.has_role(trade.arbiter, ARBITER), "escrow: arbiter not active")
    struct_hash: bytes32 = keccak256(
        abi_encode(
            AWARD_TYPE_HASH,
            trade_id,
            index,
            record.terms_hash,
            trade_states.disputes[trade_id][index].digest,
            share_bps,
            reason_hash,
            consent.valid_until,
            consent.action,
        )
    )
    trade_consents._take_signed(trade_id, trade.arbiter, struct_hash, consent)
    record = trade_states._due(record, share_bps, record.due_at)
    trade_states._store(trade_id, index, trade_states._final(record, block.timestamp))
    log AwardMade(trade_id=trade_id, milestone=index, share_bps=share_bps, reason_hash=reason_hash)


@internal
def _shrink_slice(
    trade_id: bytes32, index: uint256, trade: ITradeEscrow.Trade, waived: uint256, left: uint256
):
    """
    @notice Gives back what a waiver frees of the funding currency; under `lock` less its part of the cancel fee.
    @param trade_id The trade.
    @param index The milestone's place.
    @param trade The trade's record.
    @param waived Minor units of the invoice currency given up.
    @param left What is left of the milestone.
    """
    slice_: ITradeEscrow.FundingSlice = trade_states.slices[trade_id][index]
    kept: uint256 = trade_fx._scaled_up(slice_.amount, left, left + waived)
    freed: uint256 = slice_.amount - kept
    fee: uint256 = 0
    if trade.policy == trade_states.LOCK:
        fee = trade_money._charge_cancel_fee(
            trade_id, trade, trade_states.fx_legs[trade_id], waived, freed
        )
    trade_states.slices[trade_id][index] = ITradeEscrow.FundingSlice(
        amount=kept, target=trade_fx._scaled_up(slice_.target, left, left + waived)
    )
    trade_money._give_back(trade.funding_token, trade_states.fx_legs[trade_id].hold, freed - fee)


@internal
def _take_assign(
    trade_id: bytes32,
    version: uint256,
    index: uint256,
    terms_hash: bytes32,
    signer: address,
    assignee: address,
    consent: ITradeEscrow.SignedConsent,
):
    """
    @notice Takes a signer's `Assign`.
    @param trade_id The trade.
    @param version Version of the terms.
    @param index The milestone's place.
    @param terms_hash Hash of the milestone's terms, place, amount and version.
    @param signer Exporter or assignee.
    @param assignee Who gets the milestone.
    @param consent The rest of the message.
    """
    trade_consents._take_about_milestone(
        trade_id, version, index, terms_hash, signer, ASSIGN_TYPE_HASH, abi_encode(assignee), consent
    )
