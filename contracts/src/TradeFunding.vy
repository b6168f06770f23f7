# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title TradeFunding
@license Apache-2.0
@notice How a trade begins: its terms checked, both consents taken, the holds of its policy placed. Runs on the storage
        of `TradeEscrow`, which hands calls on to it; what it does not know it hands on to `TradeAmendment`.
@custom:security Called by itself it works on its own empty storage, and no registry knows it as a notary.
@custom:invariant A funded trade's slices add up to what is held for it, in each currency.
@custom:units Minor units below 2^72, basis points of 10,000, seconds of ledger time; a deadline includes its second.
"""

from ethereum.ercs import IERC20Detailed

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


event TradeFunded:
    trade_id: indexed(bytes32)
    importer: indexed(address)
    exporter: indexed(address)
    invoice_token: address
    invoice_amount: uint256
    policy: uint256
    funding_amount: uint256


event FundingLegOpened:
    trade_id: indexed(bytes32)
    provider: indexed(address)
    token: address
    amount: uint256
    rate_num: uint256
    rate_den: uint256
    premium: uint256


LOCK_QUOTE: constant(uint256) = 1
AMOUNT_LIMIT: constant(uint256) = 2**72
EXPONENTS_APART_MAX: constant(uint256) = 3
MILESTONES_MAX: constant(uint256) = 8

# typed_data.py; `Consent` includes the types of `Terms`, its tail.
CONSENT_TYPE_HASH: constant(bytes32) = keccak256(
    "Consent(Terms terms,uint256 valid_until,uint256 action)FxTerms(uint256 policy,uint256 rate_num,uint256 rate_den,uint256 band_bps,uint256 spread_bps,uint256 share_bps,uint256 option,uint256 cool_down_s,uint256 calls_max)Milestone(bytes32 kind,uint256 weight_bps,uint256 deadline,uint256 quorum,bool silence_pays,address[] attesters)Payee(address account,uint256 share_bps)Terms(address importer,address exporter,address arbiter,address invoice_token,uint256 invoice_amount,address funding_token,FxTerms fx,Milestone[] milestones,Payee[] payees,Windows windows,uint256 hold_expires_at,uint256 fund_by,bytes32 document_hash,bytes32 salt)Windows(uint256 dispute_s,uint256 award_s,uint256 unawarded_bps,uint256 call_s,uint256 choice_s,uint256 grace_s)"
)

# Where calls go that this contract does not know.
AMENDMENT: public(immutable(address))


@deploy
def __init__(registry: address, fx_settlement: address, fx_oracle: address, amendment: address):
    """
    @param registry The ParticipantRegistry.
    @param fx_settlement The FxSettlement that honours quotes.
    @param fx_oracle The FxOracle of the network.
    @param amendment The TradeAmendment of the same network.
    """
    network.__init__(registry, fx_settlement, fx_oracle)
    checks._require(amendment != empty(address), "escrow: contract is zero")
    AMENDMENT = amendment
    eip712.__init__("TradeEscrow")


@external
@reentrant
@raw_return
def __default__() -> Bytes[32]:
    """
    @notice Every call that this contract does not know, on the caller's storage.
    @return What it returns: a word at most.
    """
    return raw_call(AMENDMENT, msg.data, max_outsize=32, is_delegate_call=True)


@external
def fund(
    terms: ITradeEscrow.Terms,
    importer: ITradeEscrow.SignedConsent,
    exporter: ITradeEscrow.SignedConsent,
    hold: IFxSettlement.SignedHold,
    conversion: DynArray[ITradeEscrow.Conversion, 1],
):
    """
    @notice Starts a trade: checks the terms, takes both consents and places the holds; anyone submits, until `fund_by`.
    @dev Whether an owner can pay (available, limits, freezes) is the token's to say; nothing is kept if it cannot.
    @param terms The terms; their EIP-712 digest is the trade id.
    @param importer The importer's `Consent`.
    @param exporter The exporter's `Consent`.
    @param hold The importer's `Hold` until `hold_expires_at`, reference the trade id: the invoice amount, under `lock`
           the quote's price and premium with the quote's digest as salt, under `float` the sum of the slices, both in
           the funding token.
    @param conversion A quote under `convert_now` (with the importer's `Hold` in the funding token) and `lock` (with the
           provider's in the invoice token: the invoice amount until `hold_expires_at`, reference the trade id).
    """
    terms_hash: bytes32 = trade_terms._hash_terms(terms)
    trade_id: bytes32 = eip712._digest(terms_hash)
    checks._require(block.timestamp <= terms.fund_by, "escrow: funding closed")
    checks._require(trade_states.trades[trade_id].funded_at == 0, "escrow: already funded")
    self._check_terms(terms)
    self._take_consent(trade_id, terms.importer, terms_hash, importer)
    self._take_consent(trade_id, terms.exporter, terms_hash, exporter)
    checks._require(hold.expires_at == terms.hold_expires_at, "escrow: hold of another expiry")

    amounts: DynArray[uint256, MILESTONES_MAX] = trade_terms._slices(terms)
    self._open(trade_id, terms, amounts)
    needs_quote: bool = terms.fx.policy in [trade_states.CONVERT_NOW, trade_states.LOCK]
    checks._require(len(conversion) == (1 if needs_quote else 0), "escrow: quotes of another policy")
    funding_amount: uint256 = terms.invoice_amount
    if terms.fx.policy == trade_states.LOCK:
        funding_amount = self._lock(trade_id, terms, amounts, hold, conversion[0])
    elif terms.fx.policy == trade_states.FLOAT:
        funding_amount = self._float(trade_id, terms, amounts, hold)
    else:
        checks._require(hold.amount == terms.invoice_amount, "escrow: hold of another amount")
        if needs_quote:
            funding_amount = self._convert(trade_id, terms, conversion[0])
        trade_states.trades[trade_id].invoice_hold = self._hold(
            trade_id, terms.importer, terms.invoice_token, hold
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
@view
def trade_id_of(terms: ITradeEscrow.Terms) -> bytes32:
    """
    @notice The id a trade of these terms has.
    @param terms The terms.
    @return EIP-712 digest of `Terms`.
    """
    return eip712._digest(trade_terms._hash_terms(terms))


@internal
@view
def _check_terms(terms: ITradeEscrow.Terms):
    """
    @notice Refuses terms that could trap or misdirect money.
    @param terms The terms of a new trade.
    """
    trade_terms._check(terms)
    last_deadline: uint256 = 0
    for milestone: ITradeEscrow.Milestone in terms.milestones:
        trade_terms._check_milestone(
            milestone, [terms.importer, terms.exporter, terms.arbiter, empty(address)]
        )
        last_deadline = max(last_deadline, milestone.deadline)
    trade_terms._check_expiry(terms.windows, last_deadline, terms.hold_expires_at)


@internal
def _open(trade_id: bytes32, terms: ITradeEscrow.Terms, amounts: DynArray[uint256, MILESTONES_MAX]):
    """
    @notice Stores a trade and its milestones, all pending.
    @param trade_id The trade.
    @param terms Its checked terms.
    @param amounts Its milestones' amounts.
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
    index: uint256 = 0
    for milestone: ITradeEscrow.Milestone in terms.milestones:
        trade_states.milestones[trade_id][index] = trade_terms._pending(
            milestone, index, amounts[index], 1, empty(address)
        )
        index += 1


@internal
def _convert(trade_id: bytes32, terms: ITradeEscrow.Terms, conversion: ITradeEscrow.Conversion) -> uint256:
    """
    @notice Buys the invoice amount for the importer, payment versus payment, at a firm quote.
    @param trade_id The trade.
    @param terms Its terms.
    @param conversion The quote and the importer's hold in the funding token.
    @return What was sold.
    """
    quote: IFxSettlement.Quote = conversion.quote
    self._check_quote(terms, quote)
    checks._require(quote.trade_id in [empty(bytes32), trade_id], "escrow: quote for another trade")
    sold: uint256 = staticcall network.FX_SETTLEMENT.sell_amount(quote, terms.invoice_amount)
    checks._require(conversion.hold.amount >= sold, "escrow: hold below the price")
    hold_id: bytes32 = self._hold(trade_id, terms.importer, terms.funding_token, conversion.hold)
    extcall ISettlementToken(terms.funding_token).execute_hold(hold_id, quote.provider, sold)
    trade_money._give_back(terms.funding_token, hold_id, conversion.hold.amount - sold)
    extcall network.FX_SETTLEMENT.deliver(
        quote,
        conversion.quote_signature,
        terms.importer,
        terms.invoice_amount,
        [IFxSettlement.Payment(account=terms.importer, amount=terms.invoice_amount)],
    )
    return sold


@internal
def _lock(
    trade_id: bytes32,
    terms: ITradeEscrow.Terms,
    amounts: DynArray[uint256, MILESTONES_MAX],
    hold: IFxSettlement.SignedHold,
    conversion: ITradeEscrow.Conversion,
) -> uint256:
    """
    @notice Places both legs of a lock: the importer's price in the funding token, the provider's invoice amount.
    @param trade_id The trade.
    @param terms Its terms.
    @param amounts Its milestones' amounts.
    @param hold The importer's hold: price and premium.
    @param conversion The lock quote and the provider's hold.
    @return The price.
    """
    quote: IFxSettlement.Quote = conversion.quote
    self._check_quote(terms, quote)
    checks._require(quote.kind == LOCK_QUOTE, "escrow: not a lock quote")
    checks._require(quote.trade_id == trade_id, "escrow: quote for another trade")
    checks._require(quote.lock_until >= terms.hold_expires_at, "escrow: lock ends too early")
    checks._require(quote.provider not in [terms.importer, terms.exporter], "escrow: provider is a party")
    price: uint256 = staticcall network.FX_SETTLEMENT.sell_amount(quote, terms.invoice_amount)
    checks._require(price < AMOUNT_LIMIT and quote.cancel_fee <= price, "escrow: fee above the price")
    checks._require(hold.amount == price + quote.premium, "escrow: hold of another amount")
    # The amount alone would let another quote in: a higher premium at a better rate, a higher cancel fee.
    checks._require(
        hold.salt == staticcall network.FX_SETTLEMENT.quote_digest(quote), "escrow: hold for another quote"
    )
    checks._require(
        conversion.hold.amount == terms.invoice_amount
        and conversion.hold.expires_at == terms.hold_expires_at,
        "escrow: provider's hold differs",
    )
    extcall network.FX_SETTLEMENT.take_lock(
        quote, conversion.quote_signature, terms.importer, terms.invoice_amount
    )
    trade_states.trades[trade_id].invoice_hold = self._hold(
        trade_id, quote.provider, terms.invoice_token, conversion.hold
    )
    fx: ITradeEscrow.FxLeg = empty(ITradeEscrow.FxLeg)
    fx.provider = quote.provider
    fx.terms = terms.fx
    fx.terms.rate_num = quote.rate_num
    fx.terms.rate_den = quote.rate_den
    fx.cancel_fee = quote.cancel_fee
    fx.hold = self._hold(trade_id, terms.importer, terms.funding_token, hold)
    trade_states.fx_legs[trade_id] = fx
    if quote.premium != 0:
        extcall ISettlementToken(terms.funding_token).execute_hold(fx.hold, quote.provider, quote.premium)
    self._store_slices(trade_id, trade_terms._funding_slices(terms, amounts, fx))
    log FundingLegOpened(
        trade_id=trade_id,
        provider=quote.provider,
        token=terms.funding_token,
        amount=price,
        rate_num=quote.rate_num,
        rate_den=quote.rate_den,
        premium=quote.premium,
    )
    return price


@internal
def _float(
    trade_id: bytes32,
    terms: ITradeEscrow.Terms,
    amounts: DynArray[uint256, MILESTONES_MAX],
    hold: IFxSettlement.SignedHold,
) -> uint256:
    """
    @notice Places the funding currency's slices of a float; a fresh median must lie within the band.
    @param trade_id The trade.
    @param terms Its terms.
    @param amounts Its milestones' amounts.
    @param hold The importer's hold: the sum of the slices.
    @return That sum.
    """
    fx: ITradeEscrow.FxLeg = empty(ITradeEscrow.FxLeg)
    fx.terms = terms.fx
    fx.pair = self._pair(terms.funding_token, terms.invoice_token)
    funding_decimals: uint256 = convert(staticcall IERC20Detailed(terms.funding_token).decimals(), uint256)
    invoice_decimals: uint256 = convert(staticcall IERC20Detailed(terms.invoice_token).decimals(), uint256)
    shared: uint256 = min(funding_decimals, invoice_decimals)
    apart: uint256 = max(funding_decimals, invoice_decimals) - shared
    checks._require(apart <= EXPONENTS_APART_MAX, "terms: exponents too far apart")
    fx.scale_num = 10 ** (invoice_decimals - shared)
    fx.scale_den = 10 ** (funding_decimals - shared)
    rate: trade_fx.Rate = trade_fx._rate_of((staticcall network.FX_ORACLE.median(fx.pair))[0], fx)
    checks._require(
        not trade_fx._is_below(rate, fx.terms) and not trade_fx._is_above(rate, fx.terms),
        "escrow: rate outside the band",
    )
    slices: DynArray[uint256, MILESTONES_MAX] = trade_terms._funding_slices(terms, amounts, fx)
    total: uint256 = 0
    for slice_: uint256 in slices:
        total += slice_
    checks._require(hold.amount == total, "escrow: hold of another amount")
    fx.hold = self._hold(trade_id, terms.importer, terms.funding_token, hold)
    trade_states.fx_legs[trade_id] = fx
    self._store_slices(trade_id, slices)
    log FundingLegOpened(
        trade_id=trade_id,
        provider=empty(address),
        token=terms.funding_token,
        amount=total,
        rate_num=terms.fx.rate_num,
        rate_den=terms.fx.rate_den,
        premium=0,
    )
    return total


@internal
@view
def _pair(funding_token: address, invoice_token: address) -> bytes32:
    """
    @notice The oracle's name of a pair: units of the invoice currency for one of the funding currency.
    @param funding_token The base.
    @param invoice_token The quote currency.
    @return ASCII such as EUR/UGX, padded right.
    """
    base: String[3] = staticcall ISettlementToken(funding_token).currency()
    other: String[3] = staticcall ISettlementToken(invoice_token).currency()
    return convert(convert(concat(base, "/", other), Bytes[7]), bytes32)


@internal
def _store_slices(trade_id: bytes32, slices: DynArray[uint256, MILESTONES_MAX]):
    """
    @notice Stores the slices of a new trade.
    @param trade_id The trade.
    @param slices Minor units of the funding currency.
    """
    index: uint256 = 0
    for slice_: uint256 in slices:
        trade_states.slices[trade_id][index].amount = slice_
        index += 1


@internal
@pure
def _check_quote(terms: ITradeEscrow.Terms, quote: IFxSettlement.Quote):
    """
    @notice Refuses a quote for other tokens.
    @param terms Its terms.
    @param quote The quote.
    """
    checks._require(
        quote.sell_token == terms.funding_token and quote.buy_token == terms.invoice_token,
        "escrow: quote for other tokens",
    )


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
def _take_consent(trade_id: bytes32, signer: address, terms_hash: bytes32, consent: ITradeEscrow.SignedConsent):
    """
    @notice Takes a party's consent to the terms.
    @param trade_id The trade.
    @param signer The party.
    @param terms_hash hashStruct of the terms.
    @param consent Its `Consent`.
    """
    struct_hash: bytes32 = keccak256(abi_encode(CONSENT_TYPE_HASH, terms_hash, consent.valid_until, consent.action))
    trade_consents._take_signed(trade_id, signer, struct_hash, consent)
