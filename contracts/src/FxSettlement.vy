# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title FxSettlement
@license Apache-2.0
@notice Firm quotes of FX providers, settled payment versus payment: both currencies move in one transaction or
        neither does. Behind every quote stands a reserve, a hold of the provider with this contract as notary.
@custom:security Trusts nobody's token: a quote names its tokens, and a token that lies harms only those who agreed to
        it. A quote counts for one taker, once, until `expires_at`; its reserve carries the quote's digest as
        reference, so nobody can release it under a live quote. `deliver` and `take_lock` trust the registry's notaries
        to pay the provider in the same transaction.
@custom:kill None; the registry's governor suspends a provider, its quotes then stop counting.
@custom:invariant A digest is used at most once. This contract owns nothing.
@custom:units Minor units below 2^72; rates num/den below 2^64, bought minor units for one sold; seconds.
"""

from interfaces import IFxSettlement
from interfaces import IParticipantRegistry
from interfaces import ISettlementToken
from modules import eip712
from modules import signatures

implements: IFxSettlement
initializes: eip712

exports: eip712.eip712Domain


event QuoteSettled:
    digest: indexed(bytes32)
    provider: indexed(address)
    taker: indexed(address)
    sell_amount: uint256
    buy_amount: uint256


event LockTaken:
    digest: indexed(bytes32)
    provider: indexed(address)
    taker: indexed(address)
    sell_amount: uint256
    buy_amount: uint256


event QuoteDishonoured:
    digest: indexed(bytes32)
    provider: indexed(address)
    reserve_missing: uint256


FX_PROVIDER: constant(uint256) = 4
SPOT: constant(uint256) = 0
LOCK: constant(uint256) = 1
AMOUNT_LIMIT: constant(uint256) = 2**72
RATE_PART_LIMIT: constant(uint256) = 2**64
# A trade's payees and the exporter's or its financier's remainder.
PAYEES_MAX: constant(uint256) = 9
# typed_data.py, "Quote".
QUOTE_TYPE_HASH: constant(bytes32) = keccak256(
    "Quote(address provider,uint256 kind,uint256 lock_until,address sell_token,address buy_token,uint256 rate_num,uint256 rate_den,uint256 fee_bps,uint256 premium,uint256 cancel_fee,uint256 min_amount,uint256 max_amount,address taker,bytes32 trade_id,bytes32 reserve_id,uint256 expires_at,bytes32 salt)"
)

REGISTRY: immutable(IParticipantRegistry)

used: HashMap[bytes32, bool]
dishonoured: HashMap[bytes32, bool]
# How often a provider was shown to have signed a quote without its reserve.
dishonours: public(HashMap[address, uint256])


@deploy
def __init__(registry: address):
    """
    @param registry The ParticipantRegistry that knows providers and notaries.
    """
    assert registry != empty(address), "fx: no registry"
    REGISTRY = IParticipantRegistry(registry)
    eip712.__init__("FxSettlement")


@external
def exchange(
    quote: IFxSettlement.Quote,
    quote_signature: Bytes[512],
    taker: address,
    buy_amount: uint256,
    sell_hold: IFxSettlement.SignedHold,
):
    """
    @notice Settles a spot quote payment versus payment; anyone submits.
    @param quote The quote; one that names a trade settles through that trade only.
    @param quote_signature The provider's.
    @param taker The quote's taker.
    @param buy_amount What the taker receives, within the quote's bounds.
    @param sell_hold The taker's signed hold in the sell token: this contract as notary, the quote's digest as
           reference, at least the sell amount; what is over goes back.
    """
    assert quote.trade_id == empty(bytes32), "fx: quote is for a trade"
    digest: bytes32 = self._digest_of(quote)
    self._use(quote, SPOT, digest, quote_signature, taker, buy_amount)
    sell_amount: uint256 = self._price(quote, buy_amount)
    assert sell_hold.amount >= sell_amount, "fx: hold below the price"

    sell_token: ISettlementToken = ISettlementToken(quote.sell_token)
    hold_id: bytes32 = extcall sell_token.hold_signed(
        taker,
        sell_hold.amount,
        sell_hold.expires_at,
        digest,
        sell_hold.salt,
        sell_hold.valid_until,
        sell_hold.signature,
    )
    extcall sell_token.execute_hold(hold_id, quote.provider, sell_amount)
    if sell_hold.amount > sell_amount:
        extcall sell_token.release_hold(hold_id, sell_hold.amount - sell_amount)
    extcall ISettlementToken(quote.buy_token).execute_hold(quote.reserve_id, taker, buy_amount)
    log QuoteSettled(
        digest=digest, provider=quote.provider, taker=taker, sell_amount=sell_amount, buy_amount=buy_amount
    )


@external
def deliver(
    quote: IFxSettlement.Quote,
    quote_signature: Bytes[512],
    taker: address,
    buy_amount: uint256,
    payees: DynArray[IFxSettlement.Payment, PAYEES_MAX],
):
    """
    @notice Pays the bought leg out of the reserve to whom a notary names.
    @dev The notary has executed the sold leg to the provider in this transaction and checks the quote's trade id.
    @param quote A spot quote.
    @param quote_signature The provider's.
    @param taker The quote's taker.
    @param buy_amount What the payees receive together, within the quote's bounds.
    @param payees Whom to pay how much; none of it zero.
    """
    assert staticcall REGISTRY.is_notary(msg.sender), "fx: not a notary"
    digest: bytes32 = self._digest_of(quote)
    self._use(quote, SPOT, digest, quote_signature, taker, buy_amount)
    rest: uint256 = buy_amount
    for payee: IFxSettlement.Payment in payees:
        assert 0 < payee.amount and payee.amount <= rest, "fx: payments are not the amount"
        rest -= payee.amount
        extcall ISettlementToken(quote.buy_token).execute_hold(quote.reserve_id, payee.account, payee.amount)
    assert rest == 0, "fx: payments are not the amount"
    log QuoteSettled(
        digest=digest,
        provider=quote.provider,
        taker=taker,
        sell_amount=self._price(quote, buy_amount),
        buy_amount=buy_amount,
    )


@external
def take_lock(quote: IFxSettlement.Quote, quote_signature: Bytes[512], taker: address, buy_amount: uint256):
    """
    @notice Uses a lock quote up and gives its whole reserve back to the provider, whose hold takes its place.
    @dev The notary places the provider's hold and pays the premium in this transaction, and checks the quote's trade id
         and `lock_until`.
    @param quote A lock quote.
    @param quote_signature The provider's.
    @param taker The quote's taker.
    @param buy_amount What is locked for the taker, within the quote's bounds.
    """
    assert staticcall REGISTRY.is_notary(msg.sender), "fx: not a notary"
    digest: bytes32 = self._digest_of(quote)
    self._use(quote, LOCK, digest, quote_signature, taker, buy_amount)
    extcall ISettlementToken(quote.buy_token).release_hold(quote.reserve_id, self._reserve_of(quote, digest))
    log LockTaken(
        digest=digest,
        provider=quote.provider,
        taker=taker,
        sell_amount=self._price(quote, buy_amount),
        buy_amount=buy_amount,
    )


@external
def dishonour(quote: IFxSettlement.Quote, quote_signature: Bytes[512]):
    """
    @notice Records that a provider signed a quote without the reserve behind it; anyone, once per quote.
    @dev The quote stays usable: a provider that supplies the reserve late still has to honour it.
    @param quote A signed, unexpired, unused quote.
    @param quote_signature The provider's.
    """
    digest: bytes32 = self._digest_of(quote)
    self._check_firm(quote, digest, quote_signature)
    assert not self.dishonoured[digest], "fx: already dishonoured"
    reserve: uint256 = self._reserve_of(quote, digest)
    assert reserve < quote.max_amount, "fx: reserve is enough"
    self.dishonoured[digest] = True
    self.dishonours[quote.provider] += 1
    log QuoteDishonoured(digest=digest, provider=quote.provider, reserve_missing=quote.max_amount - reserve)


@external
def release_reserve(quote: IFxSettlement.Quote):
    """
    @notice Gives the rest of a reserve back to its provider, once the quote is used or expired; anyone.
    @dev Needs no signature: the reserve names the quote by its reference.
    @param quote The quote that the reserve stood behind.
    """
    digest: bytes32 = self._digest_of(quote)
    assert self.used[digest] or block.timestamp > quote.expires_at, "fx: quote is live"
    hold: ISettlementToken.Hold = staticcall ISettlementToken(quote.buy_token).get_hold(quote.reserve_id)
    assert hold.amount != 0 and hold.reference == digest, "fx: no reserve of this quote"
    extcall ISettlementToken(quote.buy_token).release_hold(quote.reserve_id, hold.amount)


@external
@view
def quote_digest(quote: IFxSettlement.Quote) -> bytes32:
    """
    @notice What a provider signs, and the reference its reserve must carry.
    @param quote The quote.
    @return EIP-712 digest.
    """
    return self._digest_of(quote)


@external
@view
def is_used(digest: bytes32) -> bool:
    """
    @notice Whether a quote has been settled.
    @param digest The quote's digest.
    @return True once used.
    """
    return self.used[digest]


@external
@pure
def sell_amount(quote: IFxSettlement.Quote, buy_amount: uint256) -> uint256:
    """
    @notice The price of an amount at the quote's all-in rate.
    @param quote The quote.
    @param buy_amount Minor units of the buy token, below 2^72.
    @return Minor units of the sell token, rounded up: a round trip must never create value.
    """
    return self._price(quote, buy_amount)


@internal
def _use(
    quote: IFxSettlement.Quote,
    kind: uint256,
    digest: bytes32,
    signature: Bytes[512],
    taker: address,
    buy_amount: uint256,
):
    """
    @notice Checks that a quote may settle this amount for this taker now, and uses it up.
    @param quote The quote.
    @param kind What the quote has to be, spot or lock.
    @param digest Its digest.
    @param signature The provider's.
    @param taker Who takes it.
    @param buy_amount Minor units of the buy token.
    """
    self._check_firm(quote, digest, signature)
    assert quote.kind == kind, "fx: wrong kind of quote"
    assert quote.taker == taker, "fx: quote is for another taker"
    assert quote.min_amount <= buy_amount and buy_amount <= quote.max_amount, "fx: amount outside the quote"
    assert buy_amount != 0, "fx: amount is zero"
    assert buy_amount <= self._reserve_of(quote, digest), "fx: reserve too small"
    self.used[digest] = True


@internal
@view
def _check_firm(quote: IFxSettlement.Quote, digest: bytes32, signature: Bytes[512]):
    """
    @notice Refuses a quote that is not an active provider's, expired, used, or beyond the limits of arithmetic.
    @param quote The quote.
    @param digest Its digest.
    @param signature The provider's.
    """
    assert not self.used[digest], "fx: quote used"
    assert block.timestamp <= quote.expires_at, "fx: quote expired"
    assert staticcall REGISTRY.has_role(quote.provider, FX_PROVIDER), "fx: not an active provider"
    assert signatures._is_signed(quote.provider, digest, signature), "fx: bad signature"
    assert quote.max_amount < AMOUNT_LIMIT, "fx: amount too large"


@internal
@view
def _reserve_of(quote: IFxSettlement.Quote, digest: bytes32) -> uint256:
    """
    @notice What stands behind a quote: a hold of its provider, for this contract, for this quote, that outlives it.
    @param quote The quote.
    @param digest Its digest.
    @return Minor units of the buy token; 0 if the hold is missing or another one.
    """
    token: ISettlementToken = ISettlementToken(quote.buy_token)
    hold: ISettlementToken.Hold = staticcall token.get_hold(quote.reserve_id)
    if hold.owner != quote.provider or hold.notary != self or hold.reference != digest:
        return 0
    if staticcall token.effective_expiry(quote.reserve_id) <= quote.expires_at:
        return 0
    return hold.amount


@internal
@pure
def _price(quote: IFxSettlement.Quote, buy_amount: uint256) -> uint256:
    """
    @notice ceil(buy_amount * den / num).
    @param quote The quote.
    @param buy_amount Minor units of the buy token.
    @return Minor units of the sell token.
    """
    assert 0 < quote.rate_num and quote.rate_num < RATE_PART_LIMIT, "fx: rate out of range"
    assert 0 < quote.rate_den and quote.rate_den < RATE_PART_LIMIT, "fx: rate out of range"
    assert buy_amount < AMOUNT_LIMIT, "fx: amount too large"
    return (buy_amount * quote.rate_den + quote.rate_num - 1) // quote.rate_num


@internal
@view
def _digest_of(quote: IFxSettlement.Quote) -> bytes32:
    """
    @notice The quote's EIP-712 digest.
    @param quote The quote.
    @return 32 bytes.
    """
    return eip712._digest(keccak256(abi_encode(QUOTE_TYPE_HASH, quote)))
