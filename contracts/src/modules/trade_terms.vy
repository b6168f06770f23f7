# pragma version 0.4.3
"""
@title Trade terms
@license Apache-2.0
@notice The terms of a trade as EIP-712 hashes, the checks they must pass, and the slices they cut the amount into.
        Pure but for time and registry: what a trade does with its terms is the escrow's.
@custom:security Terms are checked once, when both parties have signed them; what would trap money later (a payee that
        cannot be paid, a slice of nothing, a hold that ends before the last window) is refused here.
@custom:units Minor units below 2^72, basis points of 10,000, seconds of ledger time.
@custom:source docs/spec/settlement.md section 2; contracts/client/typed_data.py.
"""

from interfaces import ITradeEscrow
from modules import checks
from modules import network
from modules import trade_fx

uses: network


MILESTONES_MAX: constant(uint256) = 8
ATTESTERS_MAX: constant(uint256) = 8
PAYEES_MAX: constant(uint256) = 8
BPS: constant(uint256) = 10_000
AMOUNT_LIMIT: constant(uint256) = 2**72
# Far beyond any trade (the token's holds last 400 days), and far from overflow in sums.
WINDOW_S_MAX: constant(uint256) = 400 * 86400
# What a hold must outlive its last window by, so that anyone has a day to settle.
LAST_DAY_S: constant(uint256) = 86400
RATE_PART_LIMIT: constant(uint256) = 2**64
SAME_CURRENCY: constant(uint256) = 0
LOCK: constant(uint256) = 2
FLOAT: constant(uint256) = 3
# The state a milestone begins in.
PENDING: constant(uint256) = 1
# Options of `float`: 0 none, then `wait` and `refund`.
WAIT: constant(uint256) = 1
REFUND: constant(uint256) = 2
ATTESTER: constant(uint256) = 8
ARBITER: constant(uint256) = 16

MILESTONE_TYPE_HASH: constant(bytes32) = keccak256(
    "Milestone(bytes32 kind,uint256 weight_bps,uint256 deadline,uint256 quorum,bool silence_pays,address[] attesters)"
)
PAYEE_TYPE_HASH: constant(bytes32) = keccak256("Payee(address account,uint256 share_bps)")
FX_TERMS_TYPE_HASH: constant(bytes32) = keccak256(
    "FxTerms(uint256 policy,uint256 rate_num,uint256 rate_den,uint256 band_bps,uint256 spread_bps,uint256 share_bps,uint256 option,uint256 cool_down_s,uint256 calls_max)"
)
WINDOWS_TYPE_HASH: constant(bytes32) = keccak256(
    "Windows(uint256 dispute_s,uint256 award_s,uint256 unawarded_bps,uint256 call_s,uint256 choice_s,uint256 grace_s)"
)
TERMS_TYPE_HASH: constant(bytes32) = keccak256(
    "Terms(address importer,address exporter,address arbiter,address invoice_token,uint256 invoice_amount,address funding_token,FxTerms fx,Milestone[] milestones,Payee[] payees,Windows windows,uint256 hold_expires_at,uint256 fund_by,bytes32 document_hash,bytes32 salt)FxTerms(uint256 policy,uint256 rate_num,uint256 rate_den,uint256 band_bps,uint256 spread_bps,uint256 share_bps,uint256 option,uint256 cool_down_s,uint256 calls_max)Milestone(bytes32 kind,uint256 weight_bps,uint256 deadline,uint256 quorum,bool silence_pays,address[] attesters)Payee(address account,uint256 share_bps)Windows(uint256 dispute_s,uint256 award_s,uint256 unawarded_bps,uint256 call_s,uint256 choice_s,uint256 grace_s)"
)


@internal
@pure
def _hash_terms(terms: ITradeEscrow.Terms) -> bytes32:
    """
    @notice hashStruct of the terms.
    @param terms The terms.
    @return 32 bytes.
    """
    milestones: DynArray[bytes32, MILESTONES_MAX] = []
    for milestone: ITradeEscrow.Milestone in terms.milestones:
        milestones.append(self._hash_milestone(milestone))
    return keccak256(
        abi_encode(
            TERMS_TYPE_HASH,
            terms.importer,
            terms.exporter,
            terms.arbiter,
            terms.invoice_token,
            terms.invoice_amount,
            terms.funding_token,
            keccak256(abi_encode(FX_TERMS_TYPE_HASH, terms.fx)),
            self._hash_words(milestones),
            self._hash_payees(terms.payees),
            keccak256(abi_encode(WINDOWS_TYPE_HASH, terms.windows)),
            terms.hold_expires_at,
            terms.fund_by,
            terms.document_hash,
            terms.salt,
        )
    )


@internal
@pure
def _hash_milestone(milestone: ITradeEscrow.Milestone) -> bytes32:
    """
    @notice hashStruct of a milestone.
    @param milestone The milestone's terms.
    @return 32 bytes.
    """
    attesters: DynArray[bytes32, ATTESTERS_MAX] = []
    for attester: address in milestone.attesters:
        attesters.append(convert(attester, bytes32))
    return keccak256(
        abi_encode(
            MILESTONE_TYPE_HASH,
            milestone.kind,
            milestone.weight_bps,
            milestone.deadline,
            milestone.quorum,
            milestone.silence_pays,
            self._hash_words(attesters),
        )
    )


@internal
@pure
def _bound_milestone(milestone_hash: bytes32, index: uint256, amount: uint256, version: uint256) -> bytes32:
    """
    @notice What is signed about a milestone: its terms, its place, its amount and the version that brought them, so
            that nothing said under other terms revives if they come back.
    @param milestone_hash hashStruct of the milestone.
    @param index Its place in the terms, from 0.
    @param amount Its slice, minor units of the invoice token.
    @param version Version of the trade's terms in which the milestone got its present ones.
    @return 32 bytes.
    """
    return keccak256(abi_encode(milestone_hash, index, amount, version))


@internal
@pure
def _hash_payees(payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX]) -> bytes32:
    """
    @notice keccak of the payees' hashStructs, one after the other.
    @param payees The payees; none is keccak of nothing.
    @return 32 bytes.
    """
    hashes: DynArray[bytes32, PAYEES_MAX] = []
    for payee: ITradeEscrow.Payee in payees:
        hashes.append(keccak256(abi_encode(PAYEE_TYPE_HASH, payee)))
    return self._hash_words(hashes)


@internal
@pure
def _hash_words(words: DynArray[bytes32, 8]) -> bytes32:
    """
    @notice keccak of the words without the length before them, as EIP-712 encodes an array.
    @param words The words.
    @return 32 bytes.
    """
    return keccak256(slice(abi_encode(words), 64, 32 * len(words)))


@internal
@view
def _check(terms: ITradeEscrow.Terms):
    """
    @notice Refuses terms that could trap or misdirect money; each milestone is `_check_milestone`'s.
    @param terms The terms.
    """
    checks._require(terms.importer != empty(address), "terms: importer is zero")
    checks._require(terms.importer != terms.exporter, "terms: parties are the same")
    if terms.arbiter != empty(address):
        checks._require(
            terms.arbiter != terms.importer and terms.arbiter != terms.exporter, "terms: arbiter is a party"
        )
        checks._require(
            staticcall network.REGISTRY.has_role(terms.arbiter, ARBITER), "terms: arbiter not registered"
        )
    checks._require(0 < terms.invoice_amount and terms.invoice_amount < AMOUNT_LIMIT, "terms: amount out of range")
    self._check_fx(terms)
    self._check_payees(terms)
    weights: uint256 = 0
    for milestone: ITradeEscrow.Milestone in terms.milestones:
        weights += milestone.weight_bps
    checks._require(weights == BPS, "terms: weights are not 10000")


@internal
@pure
def _check_fx(terms: ITradeEscrow.Terms):
    """
    @notice Refuses FX terms that a policy does not know, or that would not fit the arithmetic.
    @param terms The terms.
    """
    fx: ITradeEscrow.FxTerms = terms.fx
    checks._require(fx.policy <= FLOAT, "terms: unknown policy")
    checks._require(
        (fx.policy == SAME_CURRENCY) == (terms.funding_token == terms.invoice_token), "terms: tokens and policy"
    )
    if fx.policy != FLOAT:
        bare: ITradeEscrow.FxTerms = empty(ITradeEscrow.FxTerms)
        bare.policy = fx.policy
        checks._require(keccak256(abi_encode(fx)) == keccak256(abi_encode(bare)), "terms: only float has a rate")
        return
    checks._require(0 < fx.rate_num and fx.rate_num < RATE_PART_LIMIT, "terms: rate out of range")
    checks._require(0 < fx.rate_den and fx.rate_den < RATE_PART_LIMIT, "terms: rate out of range")
    checks._require(0 < fx.band_bps and fx.band_bps < BPS, "terms: band out of range")
    checks._require(fx.spread_bps < BPS, "terms: spread out of range")
    checks._require(fx.share_bps <= BPS, "terms: share out of range")
    checks._require(fx.option <= REFUND, "terms: unknown option")
    checks._require(fx.option == 0 or fx.share_bps == 0, "terms: option and share")
    checks._require(fx.cool_down_s <= WINDOW_S_MAX, "terms: window too long")


@internal
@view
def _check_payees(terms: ITradeEscrow.Terms):
    """
    @notice Refuses payees that a settlement could not pay (a token pays neither nobody nor itself), that could not
            spend it (this contract), or that get more than there is.
    @param terms The terms; the exporter gets what the payees leave.
    """
    self._check_payee(terms.exporter, terms.importer, terms.invoice_token, terms.funding_token)
    shares: uint256 = 0
    for payee: ITradeEscrow.Payee in terms.payees:
        self._check_payee(payee.account, terms.importer, terms.invoice_token, terms.funding_token)
        checks._require(0 < payee.share_bps and payee.share_bps <= BPS, "terms: payee share")
        shares += payee.share_bps
    checks._require(shares <= BPS, "terms: payees get more than all")


@internal
@view
def _check_payee(account: address, importer: address, invoice_token: address, funding_token: address):
    """
    @notice Refuses an account that a settlement could not pay, or that the importer's money may not be spent on.
    @param account Who is to be paid.
    @param importer Whose money it is.
    @param invoice_token The trade's.
    @param funding_token The trade's.
    """
    checks._require(
        account not in [empty(address), self, invoice_token, funding_token], "terms: payee cannot be paid"
    )
    checks._require(
        staticcall network.REGISTRY.allows(importer, account), "terms: purpose forbids the payee"
    )


@internal
@view
def _check_milestone(milestone: ITradeEscrow.Milestone, parties: address[4]):
    """
    @notice Refuses a milestone that nobody could attest, or whose attesters could not be trusted.
    @param milestone The milestone.
    @param parties Importer, exporter, arbiter and assignee, none of which may attest; zero where there is none.
    """
    count: uint256 = len(milestone.attesters)
    checks._require(0 < milestone.weight_bps and milestone.weight_bps <= BPS, "terms: weight")
    checks._require(milestone.deadline > block.timestamp, "terms: deadline passed")
    checks._require(milestone.quorum <= count and 2 * milestone.quorum > count, "terms: quorum not above half")
    seen: DynArray[address, ATTESTERS_MAX] = []
    for attester: address in milestone.attesters:
        checks._require(attester not in seen, "terms: attester twice")
        checks._require(attester not in parties, "terms: attester is a party")
        checks._require(staticcall network.REGISTRY.has_role(attester, ATTESTER), "terms: attester not registered")
        seen.append(attester)


@internal
@pure
def _check_expiry(windows: ITradeEscrow.Windows, last_deadline: uint256, hold_expires_at: uint256):
    """
    @notice Refuses windows that do not end a day before the hold does, counted from the last deadline.
    @param windows The windows.
    @param last_deadline The latest deadline of a milestone.
    @param hold_expires_at When the hold ends.
    """
    for window_s: uint256 in [windows.dispute_s, windows.award_s, windows.call_s, windows.choice_s, windows.grace_s]:
        checks._require(window_s <= WINDOW_S_MAX, "terms: window too long")
    # Also keeps the sum below from overflowing.
    checks._require(last_deadline <= hold_expires_at, "terms: hold ends too early")
    checks._require(windows.unawarded_bps <= BPS, "terms: unawarded share")
    checks._require(hold_expires_at >= (
        last_deadline + windows.dispute_s + windows.award_s + windows.call_s + windows.grace_s + LAST_DAY_S
    ), "terms: hold ends too early")


@internal
@pure
def _slices(terms: ITradeEscrow.Terms) -> DynArray[uint256, MILESTONES_MAX]:
    """
    @notice Cuts the invoice amount: floor(A w / 10000) each, the last takes the rest.
    @param terms Checked terms.
    @return The slices; none is zero.
    """
    slices: DynArray[uint256, MILESTONES_MAX] = []
    rest: uint256 = terms.invoice_amount
    for milestone: ITradeEscrow.Milestone in terms.milestones:
        amount: uint256 = rest
        if len(slices) + 1 < len(terms.milestones):
            amount = terms.invoice_amount * milestone.weight_bps // BPS
        checks._require(amount != 0, "terms: slice is zero")
        slices.append(amount)
        rest -= amount
    return slices


@internal
@pure
def _pending(
    milestone: ITradeEscrow.Milestone, index: uint256, amount: uint256, version: uint256, assignee: address
) -> ITradeEscrow.MilestoneRecord:
    """
    @notice A milestone of which nothing is known yet.
    @param milestone Its terms.
    @param index Its place.
    @param amount Minor units of the invoice currency.
    @param version Version of the trade's terms.
    @param assignee Who has it, or zero.
    @return The record.
    """
    return ITradeEscrow.MilestoneRecord(
        terms_hash=self._bound_milestone(
            self._hash_milestone(milestone), index, amount, version
        ),
        agreed=amount,
        version=version,
        amount=amount,
        deadline=milestone.deadline,
        silence_pays=milestone.silence_pays,
        quorum=milestone.quorum,
        state=PENDING,
        outcome=0,
        share_bps=0,
        due_at=0,
        final_at=0,
        assignee=assignee,
    )


@internal
@view
def _funding_slices(
    terms: ITradeEscrow.Terms, amounts: DynArray[uint256, MILESTONES_MAX], fx: ITradeEscrow.FxLeg
) -> DynArray[uint256, MILESTONES_MAX]:
    """
    @notice What is held of the funding currency for each milestone.
    @param terms The terms.
    @param amounts Its milestones' amounts.
    @param fx The leg, with the lock's rate.
    @return Minor units; none is zero.
    """
    slices: DynArray[uint256, MILESTONES_MAX] = []
    price: uint256 = trade_fx._ceil_div(terms.invoice_amount * fx.terms.rate_den, fx.terms.rate_num)
    sum: uint256 = 0
    for amount: uint256 in amounts:
        slice_: uint256 = 0
        if terms.fx.policy == LOCK:
            slice_ = trade_fx._lock_slice(price, sum, sum + amount, terms.invoice_amount)
        else:
            slice_ = trade_fx._float_slice(amount, fx.terms)
        checks._require(0 < slice_ and slice_ < AMOUNT_LIMIT, "terms: slice out of range")
        slices.append(slice_)
        sum += amount
    return slices
