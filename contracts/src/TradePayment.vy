# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title TradePayment
@license Apache-2.0
@notice How a trade's money moves on: settlement in each policy, the calls for a top-up that `float` knows, and every
        way out. Runs on the storage of `TradeEscrow`, which hands calls on to it last.
@custom:security Called by itself it works on its own empty storage, and no registry knows it as a notary. Books before
        it pays, so that a token that calls back finds the milestone settled.
@custom:invariant A milestone is paid once, at most its slice. A milestone final for the exporter can always be paid: in
        the invoice currency, or at the last in the funding currency.
@custom:units Minor units below 2^72, basis points of 10,000, seconds of ledger time; a deadline includes its second.
"""

from interfaces import IFxSettlement
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


event FundingSliceSettled:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    provider: indexed(address)
    sold: uint256
    refunded: uint256
    median: uint256


event LastResort:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    cause: uint256


event Repriced:
    trade_id: indexed(bytes32)
    median: uint256
    missing: uint256
    ends_at: uint256


event ToppedUp:
    trade_id: indexed(bytes32)
    amount: uint256
    in_call: bool


event DeadlineDeferred:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    deadline: uint256


BPS: constant(uint256) = 10_000
PAYEES_MAX: constant(uint256) = 8
MILESTONES_MAX: constant(uint256) = 8
LAST_DAY_S: constant(uint256) = 86400
SCOPE_ALL: constant(uint256) = 2

# Why a last resort paid.
ORDINARY: constant(uint256) = 1
PROVIDER_EXPIRED: constant(uint256) = 2
PROVIDER_FROZEN: constant(uint256) = 3
NO_CONVERSION: constant(uint256) = 4

CHOOSE_QUOTE_TYPE_HASH: constant(bytes32) = keccak256(
    "ChooseQuote(bytes32 trade_id,uint256 version,uint256 milestone,bytes32 milestone_hash,bytes32 quote,uint256 least,uint256 valid_until,uint256 action)"
)
DEFER_TYPE_HASH: constant(bytes32) = keccak256(
    "Defer(bytes32 trade_id,uint256 version,uint256 milestone,bytes32 milestone_hash,uint256 deadline,uint256 valid_until,uint256 action)"
)
CLOSE_OUT_OF_BAND_TYPE_HASH: constant(bytes32) = keccak256(
    "CloseOutOfBand(bytes32 trade_id,uint256 version,uint256 valid_until,uint256 action)"
)
CANCEL_TYPE_HASH: constant(bytes32) = keccak256(
    "Cancel(bytes32 trade_id,uint256 version,uint256 valid_until,uint256 action)"
)


@deploy
def __init__(registry: address, fx_settlement: address, fx_oracle: address):
    """
    @param registry The ParticipantRegistry.
    @param fx_settlement The FxSettlement that honours quotes.
    @param fx_oracle The FxOracle of the network.
    """
    network.__init__(registry, fx_settlement, fx_oracle)
    eip712.__init__("TradeEscrow")


# Settlement ----------------------------------------------------------------------------------------------------------


@external
def settle(trade_id: bytes32, index: uint256, payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX]):
    """
    @notice Pays a final milestone to the payees and gives the rest of its slices back; anyone. Under `float` only what
            is to be refunded whole; what pays goes by `settle_float`.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param payees The terms' payees.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = self._final(trade_id, index, trade, payees)
    due: uint256 = record.amount * record.share_bps // BPS
    if trade.policy == trade_states.FLOAT:
        checks._require(due == 0, "escrow: needs a quote")
    self._settle(trade_id, index, trade, record, due, payees)


@external
def settle_float(
    trade_id: bytes32,
    index: uint256,
    payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX],
    quote: IFxSettlement.Quote,
    quote_signature: Bytes[512],
    choice: DynArray[ITradeEscrow.Choice, 1],
):
    """
    @notice Converts a final milestone of a `float` at a firm quote, payment versus payment, and pays the payees.
    @dev The importer chooses the quote, the exporter's side where the slice is short; after the choice window anyone,
         with a quote for this trade, and where the slice is short only if no call for a top-up runs or is possible.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param payees The terms' payees.
    @param quote A spot quote for the importer, at most the spread limit below the median.
    @param quote_signature The provider's.
    @param choice The chooser's `ChooseQuote` and the least it takes, or none.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = self._final(trade_id, index, trade, payees)
    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    checks._require(trade.policy == trade_states.FLOAT, "escrow: not a float")
    checks._require(record.share_bps != 0, "escrow: nothing to pay")
    checks._require(
        quote.sell_token == trade.funding_token and quote.buy_token == trade.invoice_token,
        "escrow: quote for other tokens",
    )
    checks._require(quote.trade_id in [empty(bytes32), trade_id], "escrow: quote for another trade")
    median: uint256 = (staticcall network.FX_ORACLE.median(fx.pair))[0]
    rate: trade_fx.Rate = trade_fx._rate_of(median, fx)
    checks._require(quote.rate_den != 0, "escrow: quote has no rate")
    checks._require(
        trade_fx._is_firm_enough(quote.rate_num, quote.rate_den, rate, fx.terms),
        "escrow: quote over the spread",
    )

    due: uint256 = record.amount * record.share_bps // BPS
    slice_: uint256 = trade_states.slices[trade_id][index].amount
    usable: uint256 = trade_fx._scaled_up(slice_, record.share_bps, BPS)
    full: uint256 = trade_fx._full_payment(due, trade_fx._divisor(rate, fx.terms), rate, fx.terms)
    paid: uint256 = min(full, usable * quote.rate_num // quote.rate_den)
    checks._require(paid != 0, "escrow: nothing to pay")
    if len(choice) != 0:
        chooser: address = trade_states._holder(trade, record) if paid < full else trade.importer
        self._take_choice(trade_id, trade.version, index, record.terms_hash, chooser, quote, choice[0])
        checks._require(paid >= choice[0].least, "escrow: less than agreed")
    else:
        checks._require(block.timestamp > record.final_at + trade.windows.choice_s, "escrow: choice window open")
        checks._require(quote.trade_id == trade_id, "escrow: quote for any trade")
        checks._require(
            paid == full or not (
                self._is_call_open(fx) or self._is_call_possible(trade, fx, rate)
            ),
            "escrow: slice may be topped up",
        )

    trade_states._settle(trade_id, index, record, paid, record.amount - due)
    sold: uint256 = staticcall network.FX_SETTLEMENT.sell_amount(quote, paid)
    extcall ISettlementToken(trade.funding_token).execute_hold(fx.hold, quote.provider, sold)
    payments: DynArray[IFxSettlement.Payment, 9] = trade_money._split(
        paid, payees, trade_states._holder(trade, record)
    )
    extcall network.FX_SETTLEMENT.deliver(quote, quote_signature, trade.importer, paid, payments)
    trade_money._log_payments(trade_id, index, trade.invoice_token, payments)
    trade_money._give_back(trade.funding_token, fx.hold, slice_ - sold)
    log FundingSliceSettled(
        trade_id=trade_id,
        milestone=index,
        provider=quote.provider,
        sold=sold,
        refunded=slice_ - sold,
        median=median,
    )


@external
def last_resort(trade_id: bytes32, index: uint256, payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX]):
    """
    @notice Pays a milestone that has been final for the grace time, or is in its hold's last day, without a quote or a
            fresh median; anyone. Under `lock` only while the provider's hold cannot be executed, under `float` not
            while a call for a top-up runs, but for the last day: the payees then get the funding currency.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param payees The terms' payees.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    record: ITradeEscrow.MilestoneRecord = self._final(trade_id, index, trade, payees)
    checks._require(record.share_bps != 0, "escrow: nothing to pay")
    is_last_day: bool = block.timestamp + LAST_DAY_S > self._paying_expiry(trade_id, trade)
    checks._require(
        is_last_day or block.timestamp > record.final_at + trade.windows.grace_s, "escrow: not yet the last resort"
    )
    due: uint256 = record.amount * record.share_bps // BPS
    if trade.policy == trade_states.SAME_CURRENCY or trade.policy == trade_states.CONVERT_NOW:
        log LastResort(trade_id=trade_id, milestone=index, cause=ORDINARY)
        self._settle(trade_id, index, trade, record, due, payees)
        return

    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    slice_: uint256 = trade_states.slices[trade_id][index].amount
    paid: uint256 = trade_fx._scaled_up(slice_, record.share_bps, BPS)
    median: uint256 = 0
    cause: uint256 = NO_CONVERSION
    if trade.policy == trade_states.LOCK:
        cause = self._provider_fault(trade, fx)
    else:
        # An order that was lifted may have brought the expiry nearer than the call's end.
        checks._require(is_last_day or not self._is_call_open(fx), "escrow: a call runs")
        median = (staticcall network.FX_ORACLE.last_good(fx.pair))[0]
        rate: trade_fx.Rate = trade_fx._rate_of(median, fx)
        paid = min(paid, trade_fx._needed(due, trade_fx._divisor(rate, fx.terms), rate, fx.terms))
    trade_states._settle(trade_id, index, record, 0, record.amount - due)
    trade_money._pay(
        trade_id,
        index,
        trade.funding_token,
        fx.hold,
        trade_money._split(paid, payees, trade_states._holder(trade, record)),
    )
    trade_money._give_back(trade.funding_token, fx.hold, slice_ - paid)
    trade_money._give_back(trade.invoice_token, trade.invoice_hold, record.amount)
    log LastResort(trade_id=trade_id, milestone=index, cause=cause)
    log FundingSliceSettled(
        trade_id=trade_id,
        milestone=index,
        provider=empty(address),
        sold=paid,
        refunded=slice_ - paid,
        median=median,
    )


# Calls for a top-up --------------------------------------------------------------------------------------------------


@external
def reprice(trade_id: bytes32):
    """
    @notice Calls the importer of a `float` for what a falling rate has made its slices too small by; anyone. It asks
            for a band below the present rate.
    @param trade_id The trade.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    checks._require(trade.policy == trade_states.FLOAT, "escrow: not a float")
    median: uint256 = (staticcall network.FX_ORACLE.median(fx.pair))[0]
    rate: trade_fx.Rate = trade_fx._rate_of(median, fx)
    checks._require(not self._is_call_open(fx), "escrow: a call runs")
    checks._require(self._is_call_possible(trade, fx, rate), "escrow: no call possible")

    divisor: uint256 = trade_fx._divisor(rate, fx.terms)
    divisor_after: uint256 = trade_fx._divisor_after_call(rate, fx.terms)
    is_short: bool = False
    missing: uint256 = 0
    for index: uint256 in range(trade.milestones, bound=MILESTONES_MAX):
        if not trade_states._is_open(trade_id, index):
            continue
        amount: uint256 = trade_states.milestones[trade_id][index].amount
        slice_: uint256 = trade_states.slices[trade_id][index].amount
        if slice_ < trade_fx._needed(amount, divisor, rate, fx.terms):
            is_short = True
        target: uint256 = max(slice_, trade_fx._needed(amount, divisor_after, rate, fx.terms))
        trade_states.slices[trade_id][index].target = target
        missing += target - slice_
    checks._require(is_short, "escrow: no slice too small")
    ends_at: uint256 = block.timestamp + trade.windows.call_s
    trade_states.fx_legs[trade_id].calls = fx.calls + 1
    trade_states.fx_legs[trade_id].call_ends_at = ends_at
    log Repriced(trade_id=trade_id, median=median, missing=missing, ends_at=ends_at)


@external
def top_up(trade_id: bytes32, amount: uint256, valid_until: uint256, signature: Bytes[512]):
    """
    @notice Raises every open slice to what the last call asked for, in time or later; anyone submits.
    @param trade_id The trade.
    @param amount What is added: exactly what is missing.
    @param valid_until Last second of the signature.
    @param signature The importer's `IncreaseHold` to the rest and the amount, same expiry.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    missing: uint256 = 0
    for index: uint256 in range(trade.milestones, bound=MILESTONES_MAX):
        slice_: ITradeEscrow.FundingSlice = trade_states.slices[trade_id][index]
        if slice_.target > slice_.amount and trade_states._is_open(trade_id, index):
            missing += slice_.target - slice_.amount
            trade_states.slices[trade_id][index].amount = slice_.target
    checks._require(missing != 0, "escrow: nothing to top up")
    checks._require(amount == missing, "escrow: not what is missing")
    in_call: bool = self._is_call_open(fx)
    if in_call:
        trade_states.fx_legs[trade_id].calls = fx.calls - 1
        trade_states.fx_legs[trade_id].call_ends_at = block.timestamp - 1
    hold: ISettlementToken.Hold = staticcall ISettlementToken(trade.funding_token).get_hold(fx.hold)
    extcall ISettlementToken(trade.funding_token).increase_hold(
        fx.hold, hold.amount + amount, hold.expires_at, valid_until, signature
    )
    log ToppedUp(trade_id=trade_id, amount=amount, in_call=in_call)


# Ways out ------------------------------------------------------------------------------------------------------------


@external
def defer(trade_id: bytes32, index: uint256, deadline: uint256, consent: ITradeEscrow.SignedConsent):
    """
    @notice Option `wait`: the exporter's side moves a deadline, as far as the expiry of the hold allows, while every
            milestone is pending.
    @param trade_id The trade.
    @param index The milestone's place, from 0.
    @param deadline The later deadline.
    @param consent The holder's `Defer`.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    self._check_option(trade_id, trade, trade_terms.WAIT)
    checks._require(index < trade.milestones, "escrow: no such milestone")
    record: ITradeEscrow.MilestoneRecord = trade_states.milestones[trade_id][index]
    checks._require(deadline > record.deadline, "escrow: deadline not later")
    trade_terms._check_expiry(trade.windows, deadline, trade.hold_expires_at)
    trade_consents._take_about_milestone(
        trade_id,
        trade.version,
        index,
        record.terms_hash,
        trade_states._holder(trade, record),
        DEFER_TYPE_HASH,
        abi_encode(deadline),
        consent,
    )
    trade_states.milestones[trade_id][index].deadline = deadline
    log DeadlineDeferred(trade_id=trade_id, milestone=index, deadline=deadline)


@external
def close_out_of_band(
    trade_id: bytes32, by_importer: bool, consents: DynArray[ITradeEscrow.SignedConsent, MILESTONES_MAX]
):
    """
    @notice Option `refund`: either side ends the trade while every milestone is pending and the last two rounds of the
            oracle both lie outside the band.
    @param trade_id The trade.
    @param by_importer Whose will it is: the importer's, or that of everyone on the exporter's side.
    @param consents The `CloseOutOfBand` of one or of the others, in the order of their milestones.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    self._check_option(trade_id, trade, trade_terms.REFUND)
    self._check_outside(fx, (staticcall network.FX_ORACLE.median(fx.pair))[0])
    self._check_outside(fx, (staticcall network.FX_ORACLE.previous(fx.pair))[0])
    if by_importer:
        checks._require(len(consents) == 1, "escrow: too many consents")
        trade_consents._take_about_trade(
            trade_id, trade.version, trade.importer, CLOSE_OUT_OF_BAND_TYPE_HASH, b"", consents[0]
        )
    else:
        trade_consents._take_from_holders(trade_id, trade, CLOSE_OUT_OF_BAND_TYPE_HASH, b"", consents)
    trade_states._refund_rest(trade_id, trade, trade_states.OUT_OF_BAND)
    trade_money._release_all(trade_id, trade)


@external
def cancel(
    trade_id: bytes32,
    importer: ITradeEscrow.SignedConsent,
    holders: DynArray[ITradeEscrow.SignedConsent, MILESTONES_MAX],
    provider: DynArray[ITradeEscrow.SignedConsent, 1],
):
    """
    @notice Ends a trade by both sides' will: what is unsettled goes back. Under `lock` the provider agrees too, or is
            paid the cancel fee for what is not bought.
    @param trade_id The trade.
    @param importer The importer's `Cancel`.
    @param holders The `Cancel` of everyone on the exporter's side of an unsettled milestone, in order.
    @param provider A lock's provider's `Cancel`, or none.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    trade_consents._take_about_trade(trade_id, trade.version, trade.importer, CANCEL_TYPE_HASH, b"", importer)
    trade_consents._take_from_holders(trade_id, trade, CANCEL_TYPE_HASH, b"", holders)
    unbought: uint256 = 0
    if len(provider) != 0:
        checks._require(trade.policy == trade_states.LOCK, "escrow: no provider")
        trade_consents._take_about_trade(trade_id, trade.version, fx.provider, CANCEL_TYPE_HASH, b"", provider[0])
    elif trade.policy == trade_states.LOCK:
        unbought = trade_states._unsettled_amount(trade_id, trade)
    trade_states._refund_rest(trade_id, trade, trade_states.BY_CANCEL)
    if unbought != 0:
        rest: uint256 = (staticcall ISettlementToken(trade.funding_token).get_hold(fx.hold)).amount
        trade_money._charge_cancel_fee(trade_id, trade, fx, unbought, rest)
    trade_money._release_all(trade_id, trade)


@external
def lapse(trade_id: bytes32):
    """
    @notice Books what the token gave back, or lets it give it back now; anyone, once the paying hold has expired.
    @param trade_id The trade.
    """
    trade: ITradeEscrow.Trade = trade_states._open_trade(trade_id)
    checks._require(block.timestamp > self._paying_expiry(trade_id, trade), "escrow: hold not expired")
    trade_states._refund_rest(trade_id, trade, trade_states.BY_LAPSE)
    trade_money._release_all(trade_id, trade)


# Inside --------------------------------------------------------------------------------------------------------------


@internal
@view
def _final(
    trade_id: bytes32,
    index: uint256,
    trade: ITradeEscrow.Trade,
    payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX],
) -> ITradeEscrow.MilestoneRecord:
    """
    @notice A final milestone, to be paid to the terms' payees.
    @param trade_id The trade.
    @param index The milestone's place.
    @param trade The trade's record.
    @param payees Who is said to be paid.
    @return The milestone.
    """
    record: ITradeEscrow.MilestoneRecord = trade_states._current(trade_id, index)
    checks._require(record.state == trade_states.FINAL, "escrow: milestone not final")
    checks._require(trade_terms._hash_payees(payees) == trade.payees_hash, "escrow: other payees")
    return record


@internal
def _settle(
    trade_id: bytes32,
    index: uint256,
    trade: ITradeEscrow.Trade,
    record: ITradeEscrow.MilestoneRecord,
    due: uint256,
    payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX],
):
    """
    @notice Pays what is due out of the invoice currency's hold and, under `lock`, its price to the provider; gives the
            rest of both slices back.
    @param trade_id The trade.
    @param index The milestone's place.
    @param trade The trade's record.
    @param record The milestone, final.
    @param due Minor units of the invoice currency.
    @param payees The terms' payees.
    """
    trade_states._settle(trade_id, index, record, due, record.amount - due)
    fx: ITradeEscrow.FxLeg = trade_states.fx_legs[trade_id]
    if fx.hold != empty(bytes32):
        slice_: uint256 = trade_states.slices[trade_id][index].amount
        sold: uint256 = trade_fx._scaled_up(slice_, record.share_bps, BPS)
        if sold != 0:
            extcall ISettlementToken(trade.funding_token).execute_hold(fx.hold, fx.provider, sold)
        trade_money._give_back(trade.funding_token, fx.hold, slice_ - sold)
        log FundingSliceSettled(
            trade_id=trade_id,
            milestone=index,
            provider=fx.provider,
            sold=sold,
            refunded=slice_ - sold,
            median=0,
        )
    trade_money._pay(
        trade_id,
        index,
        trade.invoice_token,
        trade.invoice_hold,
        trade_money._split(due, payees, trade_states._holder(trade, record)),
    )
    trade_money._give_back(trade.invoice_token, trade.invoice_hold, record.amount - due)


@internal
@view
def _paying_expiry(trade_id: bytes32, trade: ITradeEscrow.Trade) -> uint256:
    """
    @notice When the importer's hold ends, as freeze orders have moved it.
    @param trade_id The trade.
    @param trade Its record.
    @return Its last second.
    """
    fx_hold: bytes32 = trade_states.fx_legs[trade_id].hold
    if fx_hold != empty(bytes32):
        return staticcall ISettlementToken(trade.funding_token).effective_expiry(fx_hold)
    return staticcall ISettlementToken(trade.invoice_token).effective_expiry(trade.invoice_hold)


@internal
@view
def _provider_fault(trade: ITradeEscrow.Trade, fx: ITradeEscrow.FxLeg) -> uint256:
    """
    @notice Why a lock's provider cannot pay; refused while it can.
    @param trade The trade's record.
    @param fx Its funding leg.
    @return The cause.
    """
    token: ISettlementToken = ISettlementToken(trade.invoice_token)
    if block.timestamp > staticcall token.effective_expiry(trade.invoice_hold):
        return PROVIDER_EXPIRED
    checks._require(staticcall token.is_frozen(fx.provider, SCOPE_ALL), "escrow: provider can pay")
    return PROVIDER_FROZEN


@internal
@view
def _is_call_open(fx: ITradeEscrow.FxLeg) -> bool:
    """
    @notice Whether a call for a top-up runs.
    @param fx The funding leg.
    @return True in its window.
    """
    return block.timestamp <= fx.call_ends_at


@internal
@view
def _is_call_possible(trade: ITradeEscrow.Trade, fx: ITradeEscrow.FxLeg, rate: trade_fx.Rate) -> bool:
    """
    @notice Whether anyone could call for a top-up now if a slice is too small.
    @param trade The trade's record.
    @param fx Its funding leg; no call runs.
    @param rate The median's rate.
    @return True if the importer bears a share, the rate lies below the band, and number, cool-down and time allow it.
    """
    if fx.terms.share_bps == 0 or fx.calls >= fx.terms.calls_max or not trade_fx._is_below(rate, fx.terms):
        return False
    if fx.call_ends_at != 0 and block.timestamp <= fx.call_ends_at + fx.terms.cool_down_s:
        return False
    expiry: uint256 = staticcall ISettlementToken(trade.funding_token).effective_expiry(fx.hold)
    return block.timestamp + trade.windows.call_s + trade.windows.grace_s <= expiry


@internal
@view
def _check_option(trade_id: bytes32, trade: ITradeEscrow.Trade, option: uint256):
    """
    @notice Refuses an option that the terms do not have, or once a milestone is no longer pending.
    @param trade_id The trade.
    @param trade Its record.
    @param option The option.
    """
    checks._require(
        trade.policy == trade_states.FLOAT and trade_states.fx_legs[trade_id].terms.option == option,
        "escrow: not the terms' option",
    )
    for index: uint256 in range(trade.milestones, bound=MILESTONES_MAX):
        checks._require(
            trade_states._current(trade_id, index).state == trade_states.PENDING, "escrow: not all pending"
        )


@internal
@pure
def _check_outside(fx: ITradeEscrow.FxLeg, median: uint256):
    """
    @notice Refuses a rate within the band.
    @param fx The funding leg.
    @param median The rate.
    """
    rate: trade_fx.Rate = trade_fx._rate_of(median, fx)
    checks._require(
        median != 0 and (trade_fx._is_below(rate, fx.terms) or trade_fx._is_above(rate, fx.terms)),
        "escrow: rate within the band",
    )


@internal
def _take_choice(
    trade_id: bytes32,
    version: uint256,
    index: uint256,
    terms_hash: bytes32,
    chooser: address,
    quote: IFxSettlement.Quote,
    choice: ITradeEscrow.Choice,
):
    """
    @notice Takes a `ChooseQuote`.
    @param trade_id The trade.
    @param version Version of the terms.
    @param index The milestone's place.
    @param terms_hash Hash of the milestone's terms, place, amount and version.
    @param chooser Importer or holder.
    @param quote The quote chosen.
    @param choice The least taken for the slice, and the rest of the message.
    """
    trade_consents._take_about_milestone(
        trade_id,
        version,
        index,
        terms_hash,
        chooser,
        CHOOSE_QUOTE_TYPE_HASH,
        abi_encode(staticcall network.FX_SETTLEMENT.quote_digest(quote), choice.least),
        choice.consent,
    )
