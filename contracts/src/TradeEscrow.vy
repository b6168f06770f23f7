# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title TradeEscrow
@license Apache-2.0
@notice A trade whose money is held for the exporter until its milestones are attested. Policies `none` (one currency)
        and `convert_now` (a firm quote settles at funding, the bought currency is held).
@custom:security Owns no money: it is the notary of holds in the importer's own account, so a fault here can neither
        take money elsewhere than to the terms' payees nor keep it past the hold's expiry. Believes signatures, the
        registry and the clock, never a caller. A token that lies or calls back harms only the trades in it.
@custom:kill None needed: without calls every hold expires and `lapse` books it. The registry's `set_notary` stops new
        trades.
@custom:invariant While a hold lives it equals the sum of the trade's unsettled slices. Nothing is paid twice. Whoever
        stays silent, anyone can close a trade at the latest when its hold has expired.
@custom:units Minor units below 2^72, basis points of 10,000, seconds of ledger time; a deadline includes its second.
"""

from interfaces import IFxSettlement
from interfaces import IParticipantRegistry
from interfaces import ISettlementToken
from interfaces import ITradeEscrow
from modules import checks
from modules import eip712
from modules import trade_consents
from modules import trade_states
from modules import trade_terms

implements: ITradeEscrow
initializes: eip712
initializes: trade_consents[eip712 := eip712]
initializes: trade_states

exports: (
    eip712.eip712Domain,
    trade_consents.revoke,
    trade_consents.is_action_used,
    trade_states.get_trade,
    trade_states.get_milestone,
    trade_states.get_dispute,
    trade_states.state_of,
)


event TradeFunded:
    trade_id: indexed(bytes32)
    importer: indexed(address)
    exporter: indexed(address)
    invoice_token: address
    invoice_amount: uint256
    policy: uint256
    funding_amount: uint256


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


event PaymentMade:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    account: indexed(address)
    token: address
    amount: uint256


SAME_CURRENCY: constant(uint256) = 0
CONVERT_NOW: constant(uint256) = 1
FULFILLED: constant(uint256) = 1
FAILED: constant(uint256) = 2
ATTESTER: constant(uint256) = 8
ARBITER: constant(uint256) = 16
BPS: constant(uint256) = 10_000
PAYEES_MAX: constant(uint256) = 8

# typed_data.py; `Consent` includes the types of `Terms`, its tail.
CONSENT_TYPE_HASH: constant(bytes32) = keccak256(
    "Consent(Terms terms,uint256 valid_until,uint256 action)FxTerms(uint256 policy,uint256 rate_num,uint256 rate_den,uint256 band_bps,uint256 spread_bps,uint256 share_bps,uint256 option,uint256 cool_down_s,uint256 calls_max)Milestone(bytes32 kind,uint256 weight_bps,uint256 deadline,uint256 quorum,bool silence_pays,address[] attesters)Payee(address account,uint256 share_bps)Terms(address importer,address exporter,address arbiter,address invoice_token,uint256 invoice_amount,address funding_token,FxTerms fx,Milestone[] milestones,Payee[] payees,Windows windows,uint256 hold_expires_at,uint256 fund_by,bytes32 document_hash,bytes32 salt)Windows(uint256 dispute_s,uint256 award_s,uint256 unawarded_bps,uint256 call_s,uint256 choice_s,uint256 grace_s)"
)
ATTESTATION_TYPE_HASH: constant(bytes32) = keccak256(
    "Attestation(bytes32 trade_id,uint256 milestone,bytes32 milestone_hash,uint256 outcome,uint256 share_bps,bytes32 evidence_hash,uint256 valid_until,uint256 action)"
)
CANCEL_TYPE_HASH: constant(bytes32) = keccak256(
    "Cancel(bytes32 trade_id,uint256 version,uint256 valid_until,uint256 action)"
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

# Whom the escrow believes; public, so that anyone can check.
REGISTRY: public(immutable(IParticipantRegistry))
FX_SETTLEMENT: public(immutable(IFxSettlement))
FX_ORACLE: public(immutable(address))


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
    FX_ORACLE = fx_oracle
    eip712.__init__("TradeEscrow")


@external
def fund(
    terms: ITradeEscrow.Terms,
    importer: ITradeEscrow.SignedConsent,
    exporter: ITradeEscrow.SignedConsent,
    invoice_hold: IFxSettlement.SignedHold,
    conversion: DynArray[ITradeEscrow.Conversion, 1],
):
    """
    @notice Starts a trade: checks the terms, takes both consents and places the hold; anyone submits, until `fund_by`.
    @dev Whether the importer can pay (available, limits, freezes) is the token's to say; nothing is kept if it cannot.
    @param terms The terms; their EIP-712 digest is the trade id.
    @param importer The importer's `Consent`.
    @param exporter The exporter's `Consent`.
    @param invoice_hold The importer's `Hold` of the invoice amount until `hold_expires_at`, reference the trade id.
    @param conversion Under `convert_now` the quote and the importer's `Hold` in the funding token, else empty.
    """
    terms_hash: bytes32 = trade_terms._hash_terms(terms)
    trade_id: bytes32 = eip712._digest(terms_hash)
    checks._require(block.timestamp <= terms.fund_by, "escrow: funding closed")
    checks._require(trade_states.trades[trade_id].funded_at == 0, "escrow: already funded")
    trade_terms._check(terms, REGISTRY)
    self._take_consent(trade_id, terms.importer, terms_hash, importer)
    self._take_consent(trade_id, terms.exporter, terms_hash, exporter)
    self._open(trade_id, terms)

    funding_amount: uint256 = terms.invoice_amount
    if terms.fx.policy == CONVERT_NOW:
        checks._require(len(conversion) == 1, "escrow: quote missing")
        funding_amount = self._convert(
            trade_id, terms.importer, terms.funding_token, terms.invoice_token, terms.invoice_amount, conversion[0]
        )
    else:
        checks._require(terms.fx.policy == SAME_CURRENCY, "escrow: unknown policy")
        checks._require(len(conversion) == 0, "escrow: no quote needed")
        checks._require(terms.funding_token == terms.invoice_token, "escrow: tokens differ")
    checks._require(invoice_hold.amount == terms.invoice_amount, "escrow: hold of another amount")
    checks._require(invoice_hold.expires_at == terms.hold_expires_at, "escrow: hold of another expiry")
    trade_states.trades[trade_id].invoice_hold = self._hold(
        trade_id, terms.importer, terms.invoice_token, invoice_hold
    )
    log TradeFunded(
        trade_id=trade_id,
        importer=terms.importer,
        exporter=terms.exporter,
        invoice_token=terms.invoice_token,
        invoice_amount=terms.invoice_amount,
        policy=terms.fx.policy,
        funding_amount=funding_amount,
    )


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
    bound: bytes32 = trade_terms._bound_milestone(trade_terms._hash_milestone(milestone), index, record.amount)
    checks._require(bound == record.terms_hash, "escrow: other milestone terms")
    checks._require(record.state != trade_states.SETTLED, "escrow: milestone settled")
    checks._require(attester in milestone.attesters, "escrow: not its attester")
    checks._require(staticcall REGISTRY.has_role(attester, ATTESTER), "escrow: attester not active")
    if outcome == FULFILLED:
        checks._require(0 < share_bps and share_bps <= BPS, "escrow: share out of range")
    else:
        checks._require(outcome == FAILED, "escrow: unknown outcome")
        checks._require(share_bps == 0, "escrow: share out of range")
    digest: bytes32 = trade_consents._take(
        REGISTRY,
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
    record: ITradeEscrow.MilestoneRecord = trade_states._current(trade_id, index)
    checks._require(record.state != trade_states.SETTLED, "escrow: milestone settled")
    struct_hash: bytes32 = keccak256(
        abi_encode(
            ACCEPT_TYPE_HASH,
            trade_id,
            trade.version,
            index,
            record.terms_hash,
            consent.valid_until,
            consent.action,
        )
    )
    self._take(trade_id, trade.importer, struct_hash, consent)
    record = trade_states._due(record, BPS, block.timestamp)
    record.state = trade_states.FINAL
    trade_states._store(trade_id, index, record)
    log MilestoneAccepted(trade_id=trade_id, milestone=index)


@external
def dispute(
    trade_id: bytes32, index: uint256, party: address, reason_hash: bytes32, consent: ITradeEscrow.SignedConsent
):
    """
    @notice Puts a milestone before the arbiter; a party, while it is due and within its dispute window.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param party Importer or exporter.
    @param reason_hash Hash of the party's reasons.
    @param consent The party's `Dispute`.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states._current(trade_id, index)
    checks._require(trade.arbiter != empty(address), "escrow: no arbiter")
    checks._require(party in [trade.importer, trade.exporter], "escrow: not a party")
    checks._require(record.state == trade_states.DUE, "escrow: milestone not due")
    struct_hash: bytes32 = keccak256(
        abi_encode(
            DISPUTE_TYPE_HASH,
            trade_id,
            trade.version,
            index,
            record.terms_hash,
            reason_hash,
            consent.valid_until,
            consent.action,
        )
    )
    digest: bytes32 = self._take(trade_id, party, struct_hash, consent)
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
    checks._require(staticcall REGISTRY.has_role(trade.arbiter, ARBITER), "escrow: arbiter not active")
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
    self._take(trade_id, trade.arbiter, struct_hash, consent)
    record = trade_states._due(record, share_bps, record.due_at)
    record.state = trade_states.FINAL
    trade_states._store(trade_id, index, record)
    log AwardMade(trade_id=trade_id, milestone=index, share_bps=share_bps, reason_hash=reason_hash)


@external
def settle(trade_id: bytes32, index: uint256, payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX]):
    """
    @notice Pays a final milestone to the payees and gives the rest of its slice back; anyone.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param payees The terms' payees.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = trade_states._current(trade_id, index)
    checks._require(record.state == trade_states.FINAL, "escrow: milestone not final")
    checks._require(trade_terms._hash_payees(payees) == trade.payees_hash, "escrow: other payees")
    paid: uint256 = record.amount * record.share_bps // BPS
    trade_states._settle(trade_id, index, record, paid)

    rest: uint256 = paid
    for payee: ITradeEscrow.Payee in payees:
        amount: uint256 = paid * payee.share_bps // BPS
        rest -= amount
        self._pay(trade_id, index, trade, payee.account, amount)
    self._pay(trade_id, index, trade, trade.exporter, rest)
    if paid < record.amount:
        extcall ISettlementToken(trade.invoice_token).release_hold(trade.invoice_hold, record.amount - paid)


@external
def cancel(trade_id: bytes32, importer: ITradeEscrow.SignedConsent, exporter: ITradeEscrow.SignedConsent):
    """
    @notice Ends a trade by both parties' will: what is unsettled goes back to the importer.
    @param trade_id The trade.
    @param importer The importer's `Cancel`.
    @param exporter The exporter's `Cancel`.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    self._take_cancel(trade_id, trade.importer, trade.version, importer)
    self._take_cancel(trade_id, trade.exporter, trade.version, exporter)
    trade_states._refund_rest(trade_id, trade, trade_states.BY_CANCEL)
    self._release_all(trade)


@external
def lapse(trade_id: bytes32):
    """
    @notice Books what the token gave back, or lets it give it back now; anyone, once the hold has expired.
    @param trade_id The trade.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    expiry: uint256 = staticcall ISettlementToken(trade.invoice_token).effective_expiry(trade.invoice_hold)
    checks._require(block.timestamp > expiry, "escrow: hold not expired")
    trade_states._refund_rest(trade_id, trade, trade_states.BY_LAPSE)
    self._release_all(trade)


@external
@view
def trade_id_of(terms: ITradeEscrow.Terms) -> bytes32:
    """
    @notice The id a trade of these terms has.
    @param terms The terms.
    @return EIP-712 digest of `Terms`.
    """
    return eip712._digest(trade_terms._hash_terms(terms))


@internal
def _open(trade_id: bytes32, terms: ITradeEscrow.Terms):
    """
    @notice Stores a trade and its milestones, all pending.
    @param trade_id The trade.
    @param terms Its checked terms.
    """
    trade_states.trades[trade_id] = ITradeEscrow.Trade(
        importer=terms.importer,
        exporter=terms.exporter,
        arbiter=terms.arbiter,
        invoice_token=terms.invoice_token,
        invoice_amount=terms.invoice_amount,
        funding_token=terms.funding_token,
        policy=terms.fx.policy,
        version=1,
        milestones=len(terms.milestones),
        unsettled=len(terms.milestones),
        invoice_hold=empty(bytes32),
        payees_hash=trade_terms._hash_payees(terms.payees),
        windows=terms.windows,
        hold_expires_at=terms.hold_expires_at,
        funded_at=block.timestamp,
        closed=False,
    )
    slices: DynArray[uint256, 8] = trade_terms._slices(terms)
    index: uint256 = 0
    for milestone: ITradeEscrow.Milestone in terms.milestones:
        trade_states.milestones[trade_id][index] = ITradeEscrow.MilestoneRecord(
            terms_hash=trade_terms._bound_milestone(trade_terms._hash_milestone(milestone), index, slices[index]),
            amount=slices[index],
            deadline=milestone.deadline,
            silence_pays=milestone.silence_pays,
            quorum=milestone.quorum,
            state=trade_states.PENDING,
            outcome=0,
            share_bps=0,
            due_at=0,
        )
        index += 1


@internal
def _convert(
    trade_id: bytes32,
    importer: address,
    funding_token: address,
    invoice_token: address,
    invoice_amount: uint256,
    conversion: ITradeEscrow.Conversion,
) -> uint256:
    """
    @notice Buys the invoice amount for the importer, payment versus payment, at a firm quote.
    @param trade_id The trade.
    @param importer The quote's taker.
    @param funding_token What is sold.
    @param invoice_token What is bought.
    @param invoice_amount How much is bought.
    @param conversion The quote and the importer's hold in the funding token.
    @return What was sold.
    """
    quote: IFxSettlement.Quote = conversion.quote
    checks._require(
        quote.sell_token == funding_token and quote.buy_token == invoice_token, "escrow: quote for other tokens"
    )
    checks._require(quote.trade_id in [empty(bytes32), trade_id], "escrow: quote for another trade")
    sold: uint256 = staticcall FX_SETTLEMENT.sell_amount(quote, invoice_amount)
    checks._require(conversion.sell_hold.amount >= sold, "escrow: hold below the price")
    hold_id: bytes32 = self._hold(trade_id, importer, funding_token, conversion.sell_hold)
    extcall ISettlementToken(funding_token).execute_hold(hold_id, quote.provider, sold)
    if conversion.sell_hold.amount > sold:
        extcall ISettlementToken(funding_token).release_hold(hold_id, conversion.sell_hold.amount - sold)
    extcall FX_SETTLEMENT.deliver(
        quote,
        conversion.quote_signature,
        importer,
        invoice_amount,
        [IFxSettlement.Payment(account=importer, amount=invoice_amount)],
    )
    return sold


@internal
def _hold(trade_id: bytes32, owner: address, token: address, hold: IFxSettlement.SignedHold) -> bytes32:
    """
    @notice Places a signed hold with this contract as notary and the trade as reference.
    @param trade_id The trade.
    @param owner Who signed the hold.
    @param token The token it is in.
    @param hold The hold.
    @return Its id.
    """
    return extcall ISettlementToken(token).hold_signed(
        owner, hold.amount, hold.expires_at, trade_id, hold.salt, hold.valid_until, hold.signature
    )


@internal
def _pay(trade_id: bytes32, index: uint256, trade: ITradeEscrow.Trade, account: address, amount: uint256):
    """
    @notice Pays a part of the hold; nothing is no payment.
    @param trade_id The trade.
    @param index The milestone's place.
    @param trade The trade's record.
    @param account Whom to pay.
    @param amount Minor units of the invoice token.
    """
    if amount == 0:
        return
    extcall ISettlementToken(trade.invoice_token).execute_hold(trade.invoice_hold, account, amount)
    log PaymentMade(
        trade_id=trade_id, milestone=index, account=account, token=trade.invoice_token, amount=amount
    )


@internal
def _release_all(trade: ITradeEscrow.Trade):
    """
    @notice Gives back whatever the hold still has.
    @param trade The trade's record.
    """
    token: ISettlementToken = ISettlementToken(trade.invoice_token)
    rest: uint256 = (staticcall token.get_hold(trade.invoice_hold)).amount
    if rest != 0:
        extcall token.release_hold(trade.invoice_hold, rest)


@internal
def _take_consent(trade_id: bytes32, signer: address, terms_hash: bytes32, consent: ITradeEscrow.SignedConsent):
    """
    @notice Takes a party's consent to the terms.
    @param trade_id The trade.
    @param signer The party.
    @param terms_hash hashStruct of the terms.
    @param consent Its `Consent`.
    """
    struct_hash: bytes32 = keccak256(abi_encode(CONSENT_TYPE_HASH, terms_hash, consent.valid_until, consent.action))
    self._take(trade_id, signer, struct_hash, consent)


@internal
def _take_cancel(trade_id: bytes32, signer: address, version: uint256, consent: ITradeEscrow.SignedConsent):
    """
    @notice Takes a party's wish to cancel.
    @param trade_id The trade.
    @param signer The party.
    @param version Version of the terms.
    @param consent Its `Cancel`.
    """
    struct_hash: bytes32 = keccak256(
        abi_encode(CANCEL_TYPE_HASH, trade_id, version, consent.valid_until, consent.action)
    )
    self._take(trade_id, signer, struct_hash, consent)


@internal
def _take(
    trade_id: bytes32, signer: address, struct_hash: bytes32, consent: ITradeEscrow.SignedConsent
) -> bytes32:
    """
    @notice Takes a signed message.
    @param trade_id The trade.
    @param signer Whose message it is.
    @param struct_hash hashStruct of the message.
    @param consent Its validity, action number and signature.
    @return The message's digest.
    """
    return trade_consents._take(
        REGISTRY, trade_id, signer, struct_hash, consent.valid_until, consent.action, consent.signature
    )
