# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title TradeAmendment
@license Apache-2.0
@notice How a trade's terms change while it lives. Runs on the storage of `TradeEscrow`, which hands calls on to it by
        way of `TradeFunding`; what it does not know it hands on to `TradePayment`.
@custom:security Called by itself it works on its own empty storage, and no registry knows it as a notary.
@custom:invariant Slices of unsettled milestones add up to what is held, in each currency, before and after.
@custom:units Minor units below 2^72, basis points of 10,000, seconds of ledger time; a deadline includes its second.
"""

from interfaces import ISettlementToken
from interfaces import ITradeEscrow
from modules import checks
from modules import eip712
from modules import network
from modules import trade_consents
from modules import trade_fx
from modules import trade_money
from modules import trade_states
from modules import trade_terms

initializes: network
initializes: eip712
initializes: trade_states
initializes: trade_consents[eip712 := eip712, network := network, trade_states := trade_states]
initializes: trade_money[trade_states := trade_states]
initializes: trade_terms[network := network]


event TradeAmended:
    trade_id: indexed(bytes32)
    version: uint256
    terms_hash: bytes32


event MilestoneAmended:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    terms_hash: bytes32
    amount: uint256
    deadline: uint256
    slice: uint256


MILESTONES_MAX: constant(uint256) = 8

# typed_data.py; the tail is that of `Consent`.
AMEND_TYPE_HASH: constant(bytes32) = keccak256(
    "Amend(bytes32 trade_id,uint256 version,Terms terms,uint256 valid_until,uint256 action)FxTerms(uint256 policy,uint256 rate_num,uint256 rate_den,uint256 band_bps,uint256 spread_bps,uint256 share_bps,uint256 option,uint256 cool_down_s,uint256 calls_max)Milestone(bytes32 kind,uint256 weight_bps,uint256 deadline,uint256 quorum,bool silence_pays,address[] attesters)Payee(address account,uint256 share_bps)Terms(address importer,address exporter,address arbiter,address invoice_token,uint256 invoice_amount,address funding_token,FxTerms fx,Milestone[] milestones,Payee[] payees,Windows windows,uint256 hold_expires_at,uint256 fund_by,bytes32 document_hash,bytes32 salt)Windows(uint256 dispute_s,uint256 award_s,uint256 unawarded_bps,uint256 call_s,uint256 choice_s,uint256 grace_s)"
)

# Where calls go that this contract does not know.
PAYMENT: public(immutable(address))


@deploy
def __init__(registry: address, fx_settlement: address, fx_oracle: address, payment: address):
    """
    @param registry The ParticipantRegistry.
    @param fx_settlement The FxSettlement that honours quotes.
    @param fx_oracle The FxOracle of the network.
    @param payment The TradePayment of the same network.
    """
    network.__init__(registry, fx_settlement, fx_oracle)
    checks._require(payment != empty(address), "escrow: contract is zero")
    PAYMENT = payment
    eip712.__init__("TradeEscrow")


@external
@reentrant
@raw_return
def __default__() -> Bytes[32]:
    """
    @notice Every call that this contract does not know, on the caller's storage.
    @return What it returns: a word at most.
    """
    return raw_call(PAYMENT, msg.data, max_outsize=32, is_delegate_call=True)


@external
def amend(
    trade_id: bytes32,
    terms: ITradeEscrow.Terms,
    importer: ITradeEscrow.SignedConsent,
    holders: DynArray[ITradeEscrow.SignedConsent, MILESTONES_MAX],
    provider: DynArray[ITradeEscrow.SignedConsent, 1],
    increases: DynArray[ITradeEscrow.SignedIncrease, 2],
):
    """
    @notice Puts other terms in the place of the present ones: same parties, tokens, policy and number of milestones.
            Settled milestones stay as they are; one whose terms change is pending again, what was attested of it falls.
    @dev A waiver stands unless its milestone's terms change. A running call for a top-up ends.
    @param trade_id The trade.
    @param terms The new terms.
    @param importer The importer's `Amend`.
    @param holders The `Amend` of everyone on the exporter's side of an unsettled milestone, in order.
    @param provider Under `lock` its provider's, where amount or expiry of its hold change. Without it the amount may
           only shrink, for the cancel fee.
    @param increases `IncreaseHold` of the importer, and of a lock's provider: where a hold must grow or live longer.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    terms_hash: bytes32 = trade_terms._hash_terms(terms)
    content: Bytes[32] = abi_encode(terms_hash)
    checks._require(
        terms.importer == trade.importer
        and terms.exporter == trade.exporter
        and terms.invoice_token == trade.invoice_token
        and terms.funding_token == trade.funding_token
        and terms.fx.policy == trade.policy
        and len(terms.milestones) == trade.milestones,
        "escrow: another trade",
    )
    checks._require(terms.hold_expires_at >= trade.hold_expires_at, "escrow: hold would end earlier")
    trade_terms._check(terms)
    trade_consents._take_about_trade(trade_id, trade.version, trade.importer, AMEND_TYPE_HASH, content, importer)
    trade_consents._take_from_holders(trade_id, trade, AMEND_TYPE_HASH, content, holders)
    provider_agrees: bool = len(provider) != 0
    if provider_agrees:
        checks._require(trade.policy == trade_states.LOCK, "escrow: no provider")
        trade_consents._take_about_trade(
            trade_id, trade.version, fx.provider, AMEND_TYPE_HASH, content, provider[0]
        )
    expires_later: bool = terms.hold_expires_at != trade.hold_expires_at
    other_windows: bool = keccak256(abi_encode(terms.windows)) != keccak256(abi_encode(trade.windows))
    self._restate(trade_id, trade, terms)

    invoice_sum: uint256 = 0
    funding_sum: uint256 = 0
    invoice_sum, funding_sum = self._amend_milestones(
        trade_id, trade.version + 1, terms, fx, other_windows
    )
    log TradeAmended(trade_id=trade_id, version=trade.version + 1, terms_hash=terms_hash)

    if trade.policy == trade_states.FLOAT:
        self._resize(trade.funding_token, fx.hold, funding_sum, terms.hold_expires_at, increases, 0)
    elif trade.policy == trade_states.LOCK:
        held: uint256 = (staticcall ISettlementToken(trade.invoice_token).get_hold(trade.invoice_hold)).amount
        if not provider_agrees:
            checks._require(not expires_later and invoice_sum <= held, "escrow: provider does not agree")
            priced: uint256 = (staticcall ISettlementToken(trade.funding_token).get_hold(fx.hold)).amount
            if funding_sum < priced:
                trade_money._charge_cancel_fee(trade_id, trade, fx, held - invoice_sum, priced - funding_sum)
        self._resize(trade.funding_token, fx.hold, funding_sum, terms.hold_expires_at, increases, 0)
        self._resize(trade.invoice_token, trade.invoice_hold, invoice_sum, terms.hold_expires_at, increases, 1)
    else:
        self._resize(trade.invoice_token, trade.invoice_hold, invoice_sum, terms.hold_expires_at, increases, 0)


@internal
def _restate(trade_id: bytes32, trade: ITradeEscrow.Trade, terms: ITradeEscrow.Terms):
    """
    @notice Stores what an amendment says of the whole trade; a running call ends.
    @param trade_id The trade.
    @param trade Its record.
    @param terms The new terms.
    """
    trade_states.trades[trade_id].arbiter = terms.arbiter
    trade_states.trades[trade_id].invoice_amount = terms.invoice_amount
    trade_states.trades[trade_id].version = trade.version + 1
    trade_states.trades[trade_id].payees_hash = trade_terms._hash_payees(terms.payees)
    trade_states.trades[trade_id].windows = terms.windows
    trade_states.trades[trade_id].hold_expires_at = terms.hold_expires_at
    if trade.policy == trade_states.LOCK:
        trade_states.fx_legs[trade_id].cancel_fee = trade_fx._scaled_up(
            trade_states.fx_legs[trade_id].cancel_fee, terms.invoice_amount, trade.invoice_amount
        )
    if trade.policy == trade_states.FLOAT:
        trade_states.fx_legs[trade_id].terms = terms.fx
        if block.timestamp <= trade_states.fx_legs[trade_id].call_ends_at:
            trade_states.fx_legs[trade_id].call_ends_at = block.timestamp - 1


@internal
def _amend_milestones(
    trade_id: bytes32,
    version: uint256,
    terms: ITradeEscrow.Terms,
    before: ITradeEscrow.FxLeg,
    other_windows: bool,
) -> (uint256, uint256):
    """
    @notice Stores the milestones whose terms change, and the slices of a float whose rate, band or spread does.
    @param trade_id The trade.
    @param version The new version.
    @param terms The new terms.
    @param before The funding leg as it was.
    @param other_windows Whether the windows change: not while a milestone that stays is disputed.
    @return What must be held for the unsettled milestones, in the invoice and in the funding currency.
    """
    amounts: DynArray[uint256, MILESTONES_MAX] = trade_terms._slices(terms)
    slices: DynArray[uint256, MILESTONES_MAX] = []
    has_funding_leg: bool = before.hold != empty(bytes32)
    if has_funding_leg:
        slices = trade_terms._funding_slices(terms, amounts, trade_states.fx_legs[trade_id])
    resized: bool = terms.fx.policy == trade_states.FLOAT and (
        terms.fx.rate_num != before.terms.rate_num
        or terms.fx.rate_den != before.terms.rate_den
        or terms.fx.band_bps != before.terms.band_bps
        or terms.fx.spread_bps != before.terms.spread_bps
    )
    invoice_sum: uint256 = 0
    funding_sum: uint256 = 0
    last_deadline: uint256 = 0
    index: uint256 = 0
    for milestone: ITradeEscrow.Milestone in terms.milestones:
        record: ITradeEscrow.MilestoneRecord = trade_states.milestones[trade_id][index]
        bound: bytes32 = trade_terms._bound_milestone(
            trade_terms._hash_milestone(milestone), index, amounts[index], record.version
        )
        if record.state == trade_states.SETTLED:
            checks._require(bound == record.terms_hash, "escrow: milestone settled")
        elif bound != record.terms_hash:
            trade_terms._check_milestone(
                milestone, [terms.importer, terms.exporter, terms.arbiter, record.assignee]
            )
            record = trade_terms._pending(milestone, index, amounts[index], version, record.assignee)
            trade_states.milestones[trade_id][index] = record
            if has_funding_leg:
                trade_states.slices[trade_id][index] = ITradeEscrow.FundingSlice(amount=slices[index], target=0)
            log MilestoneAmended(
                trade_id=trade_id,
                milestone=index,
                terms_hash=record.terms_hash,
                amount=record.amount,
                deadline=record.deadline,
                slice=trade_states.slices[trade_id][index].amount,
            )
        else:
            # An award's time was counted against the expiry with the windows that the dispute began under.
            checks._require(
                record.state != trade_states.DISPUTED or not other_windows, "escrow: milestone disputed"
            )
            if resized:
                trade_states.slices[trade_id][index] = ITradeEscrow.FundingSlice(
                    amount=trade_fx._float_slice(record.amount, terms.fx), target=0
                )
        if record.state != trade_states.SETTLED:
            checks._require(
                terms.arbiter == empty(address) or record.assignee != terms.arbiter, "escrow: assignee is a party"
            )
            invoice_sum += record.amount
            funding_sum += trade_states.slices[trade_id][index].amount
        last_deadline = max(last_deadline, record.deadline)
        index += 1
    trade_terms._check_expiry(terms.windows, last_deadline, terms.hold_expires_at)
    return invoice_sum, funding_sum


@internal
def _resize(
    token: address,
    hold_id: bytes32,
    amount: uint256,
    expires_at: uint256,
    increases: DynArray[ITradeEscrow.SignedIncrease, 2],
    place: uint256,
):
    """
    @notice Makes a hold what an amendment asks for: grown with its owner's signature, or given back in part.
    @param token The hold's token.
    @param hold_id The hold.
    @param amount What must be held.
    @param expires_at Until when.
    @param increases The owners' signatures.
    @param place Which of them is this owner's.
    """
    hold: ISettlementToken.Hold = staticcall ISettlementToken(token).get_hold(hold_id)
    if amount > hold.amount or expires_at > hold.expires_at:
        checks._require(place < len(increases), "escrow: increase missing")
        increase: ITradeEscrow.SignedIncrease = increases[place]
        extcall ISettlementToken(token).increase_hold(
            hold_id, max(amount, hold.amount), expires_at, increase.valid_until, increase.signature
        )
    if amount < hold.amount:
        trade_money._give_back(token, hold_id, hold.amount - amount)
