# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
"""
@title SettlementToken
@license Apache-2.0
@notice Money of one currency, issued by its central bank to banks and FX providers. An ERC-20 token (EIP-2612,
        EIP-3009, EIP-5267) in which a part of a balance can be held: set aside in the owner's own account for a notary
        contract, which may pay it out or give it back until the hold expires.
@custom:security The owner spends what is available, a notary only its own holds and only until they expire; after that
        anyone may give the rest back. The receiver of a hold's execution cannot make it fail: what it may not have is
        credited blocked. The only untrusted code called is an EIP-1271 account, by a static call, before any effect.
        The issuer freezes by numbered order and sets limits; it cannot move anyone's money.
@custom:kill None. The issuer freezes single accounts for a stated time; holds given back stay possible.
@custom:invariant balanceOf = availableOf + heldOf + blockedOf; their sum over accounts = totalSupply < 2**72; heldOf =
        sum of the rests of the account's holds; no second exists in which a hold can both be executed and be released
        by anyone.
@custom:units Amounts in minor units of `currency`, times in whole seconds of ledger time; a deadline is inclusive.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

from interfaces import IParticipantRegistry
from interfaces import ISettlementToken
from modules import eip712
from modules import flow_window
from modules import freezes
from modules import signatures

implements: IERC20
implements: IERC20Detailed
implements: ISettlementToken

initializes: eip712
initializes: flow_window
initializes: freezes

exports: (eip712.eip712Domain, freezes.last_order)


event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)


event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)


event DigestRevoked:
    signer: indexed(address)
    digest: indexed(bytes32)


event Issued:
    to: indexed(address)
    amount: uint256
    reference: bytes32


event Redeemed:
    holder: indexed(address)
    amount: uint256
    reference: bytes32


event HoldPlaced:
    id: indexed(bytes32)
    owner: indexed(address)
    notary: indexed(address)
    amount: uint256
    expires_at: uint256
    reference: bytes32


event HoldIncreased:
    id: indexed(bytes32)
    amount: uint256
    expires_at: uint256


event HoldExecuted:
    id: indexed(bytes32)
    owner: indexed(address)
    to: indexed(address)
    amount: uint256
    blocked: uint256


event HoldReleased:
    id: indexed(bytes32)
    owner: indexed(address)
    amount: uint256


event BlockedCleared:
    account: indexed(address)
    amount: uint256


event FreezeOrdered:
    account: indexed(address)
    order: indexed(uint256)
    scope: uint256
    expires_at: uint256
    reason: bytes32


event FreezeLifted:
    account: indexed(address)
    order: indexed(uint256)


event LimitsChanged:
    account: indexed(address)  # zero: the default
    holding_max: uint256
    flow_max: uint256
    window_s: uint256


struct HoldBook:
    hold: ISettlementToken.Hold
    frozen_before: uint256  # the owner's frozen seconds before it was placed
    counted: uint256  # part of the amount that the owner's flow window counted at `counted_at`
    counted_at: uint256


struct AccountLimits:
    own: bool  # set for this account; else the default applies, or none for an institution
    limits: ISettlementToken.Limits


# BANK | FX_PROVIDER: who may be issued money and redeem it.
ISSUE_ROLES: constant(uint256) = 2 | 4
# The supply stays below, so that amount * rate (below 2**64) * basis points fits 256 bits wherever amounts are priced.
SUPPLY_BOUND: constant(uint256) = 2**72
# A trade's longest life: a year and a month's grace.
HOLD_S_MAX: constant(uint256) = 400 * 86400
# Windows as long as a hold at most.
WINDOW_S_MAX: constant(uint256) = 400 * 86400

HOLD_TYPE_HASH: constant(bytes32) = keccak256(
    "Hold(address owner,address notary,uint256 amount,uint256 expires_at,bytes32 reference,bytes32 salt,uint256 valid_until)"
)
INCREASE_HOLD_TYPE_HASH: constant(bytes32) = keccak256(
    "IncreaseHold(bytes32 hold_id,uint256 amount,uint256 expires_at,uint256 valid_until)"
)
PERMIT_TYPE_HASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
TRANSFER_TYPE_HASH: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_TYPE_HASH: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_TYPE_HASH: constant(bytes32) = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)")

IDENTITY_PRECOMPILE: constant(address) = 0x0000000000000000000000000000000000000004

name: public(immutable(String[64]))
symbol: public(immutable(String[11]))
currency: public(immutable(String[3]))
decimals: public(immutable(uint8))
registry: public(immutable(IParticipantRegistry))
issuer: public(immutable(address))

totalSupply: public(uint256)
availableOf: public(HashMap[address, uint256])
heldOf: public(HashMap[address, uint256])
blockedOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

nonces: public(HashMap[address, uint256])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])
is_digest_used: public(HashMap[address, HashMap[bytes32, bool]])

books: HashMap[bytes32, HoldBook]
default_limits: public(ISettlementToken.Limits)
account_limits: HashMap[address, AccountLimits]


@deploy
def __init__(
    name_: String[64],
    symbol_: String[11],
    currency_: String[3],
    decimals_: uint8,
    registry_: address,
    issuer_: address,
):
    """
    @param name_ The token's name, also the name of its EIP-712 domain.
    @param symbol_ Ticker.
    @param currency_ ISO 4217 code.
    @param decimals_ ISO 4217 exponent.
    @param registry_ ParticipantRegistry.
    @param issuer_ The central bank's account.
    """
    assert registry_ != empty(address), "token: no registry"
    assert issuer_ != empty(address), "token: no issuer"
    eip712.__init__(name_)
    name = name_
    symbol = symbol_
    currency = currency_
    decimals = decimals_
    registry = IParticipantRegistry(registry_)
    issuer = issuer_


# ------------------------------------------------------------------ ERC-20


@external
@view
def balanceOf(account: address) -> uint256:
    """
    @notice All of the account's money: available, held and blocked.
    @param account Any address.
    @return Minor units.
    """
    return self.availableOf[account] + self.heldOf[account] + self.blockedOf[account]


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Pays from the caller's available money.
    @param to Receiver; not frozen, within its holding limit.
    @param amount Minor units, may be zero.
    @return True.
    """
    self._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Pays from the owner's available money, by its allowance for the caller.
    @param owner Whose money.
    @param to Receiver; not frozen, within its holding limit.
    @param amount Minor units, may be zero.
    @return True.
    """
    self._use_allowance(owner, amount)
    self._transfer(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Lets `spender` pay or hold up to `amount` of the caller's money; replaces an earlier allowance.
    @param spender Who may.
    @param amount Minor units; 2**256 - 1 is never used up.
    @return True.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
def increaseAllowance(spender: address, added: uint256) -> bool:
    """
    @notice Raises an allowance.
    @param spender Who may.
    @param added Minor units.
    @return True.
    """
    self._approve(msg.sender, spender, self.allowance[msg.sender][spender] + added)
    return True


@external
def decreaseAllowance(spender: address, taken: uint256) -> bool:
    """
    @notice Lowers an allowance, never below zero.
    @param spender Who may.
    @param taken Minor units.
    @return True.
    """
    allowed: uint256 = self.allowance[msg.sender][spender]
    assert taken <= allowed, "token: allowance too small"
    self._approve(msg.sender, spender, allowed - taken)
    return True


# ------------------------------------------------------------------ EIP-2612, EIP-3009


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice The EIP-712 domain separator on this chain.
    @return 32 bytes.
    """
    return eip712._domain_separator()


@external
@nonreentrant
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice `approve` by signature (EIP-2612).
    @param owner Who signed `Permit` with its next nonce.
    @param spender Who may.
    @param amount Minor units.
    @param deadline Last second in which the signature counts.
    """
    nonce: uint256 = self.nonces[owner]
    assert block.timestamp <= deadline, "token: signature expired"
    self._check_signature(
        owner,
        eip712._digest(keccak256(abi_encode(PERMIT_TYPE_HASH, owner, spender, amount, nonce, deadline))),
        self._joined(v, r, s),
    )
    self.nonces[owner] = nonce + 1
    self._approve(owner, spender, amount)


@external
@nonreentrant
def transferWithAuthorization(
    sender: address,
    to: address,
    amount: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `transfer` by signature, relayed by anyone (EIP-3009). The same with a signature in bytes is answered by
            `__default__`.
    @param sender Whose money; who signed.
    @param to Receiver.
    @param amount Minor units.
    @param validAfter The signature counts after this second.
    @param validBefore The signature counts before this second.
    @param nonce Random, used once.
    """
    self._authorized_transfer(
        TRANSFER_TYPE_HASH, sender, to, amount, validAfter, validBefore, nonce, self._joined(v, r, s)
    )


@external
@nonreentrant
def receiveWithAuthorization(
    sender: address,
    to: address,
    amount: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `transfer` by signature, fetched by the receiver itself (EIP-3009).
    @param sender Whose money; who signed.
    @param to Receiver and caller.
    @param amount Minor units.
    @param validAfter The signature counts after this second.
    @param validBefore The signature counts before this second.
    @param nonce Random, used once.
    """
    assert msg.sender == to, "token: caller is not the receiver"
    self._authorized_transfer(
        RECEIVE_TYPE_HASH, sender, to, amount, validAfter, validBefore, nonce, self._joined(v, r, s)
    )


@external
@nonreentrant
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Uses up a nonce without paying (EIP-3009).
    @param authorizer Who signed.
    @param nonce An unused one.
    """
    self._cancel_authorization(authorizer, nonce, self._joined(v, r, s))


@external
@nonreentrant
def __default__():
    """
    @notice The EIP-3009 calls with the signature as bytes (interfaces/IAuthorizationBytes.vyi).
    @dev Vyper has no overloads, so their selectors arrive here. The identity precompile copies the call data, which
         has no fixed length, to memory.
    """
    assert 4 <= len(msg.data) and len(msg.data) <= 1024, "token: unknown call"
    call: Bytes[1024] = raw_call(IDENTITY_PRECOMPILE, msg.data, max_outsize=1024, is_static_call=True)
    selector: Bytes[4] = slice(call, 0, 4)
    arguments: Bytes[1024] = slice(call, 4, len(call) - 4)

    if selector == method_id("cancelAuthorization(address,bytes32,bytes)"):
        authorizer: address = empty(address)
        cancelled: bytes32 = empty(bytes32)
        cancel_signature: Bytes[512] = b""
        authorizer, cancelled, cancel_signature = abi_decode(arguments, (address, bytes32, Bytes[512]))
        self._cancel_authorization(authorizer, cancelled, cancel_signature)
        return

    type_hash: bytes32 = TRANSFER_TYPE_HASH
    sender: address = empty(address)
    to: address = empty(address)
    amount: uint256 = 0
    valid_after: uint256 = 0
    valid_before: uint256 = 0
    nonce: bytes32 = empty(bytes32)
    signature: Bytes[512] = b""
    is_receive: bool = selector == method_id(
        "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    )
    assert is_receive or selector == method_id(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    ), "token: unknown call"
    sender, to, amount, valid_after, valid_before, nonce, signature = abi_decode(
        arguments, (address, address, uint256, uint256, uint256, bytes32, Bytes[512])
    )
    if is_receive:
        assert msg.sender == to, "token: caller is not the receiver"
        type_hash = RECEIVE_TYPE_HASH
    self._authorized_transfer(type_hash, sender, to, amount, valid_after, valid_before, nonce, signature)


@external
def revoke(digest: bytes32):
    """
    @notice The caller's own signature over this `Hold` or `IncreaseHold` no longer counts.
    @param digest EIP-712 digest, unused.
    """
    assert not self.is_digest_used[msg.sender][digest], "token: signature used"
    self.is_digest_used[msg.sender][digest] = True
    log DigestRevoked(signer=msg.sender, digest=digest)


# ------------------------------------------------------------------ issuance


@external
def issue(to: address, amount: uint256, reference: bytes32):
    """
    @notice The issuer creates money for a bank or FX provider.
    @param to Active institution of one of these roles, not frozen, within its holding limit.
    @param amount Minor units, above zero; the supply stays below 2**72.
    @param reference The issuer's own.
    """
    self._check_issuer()
    assert amount > 0, "token: zero amount"
    assert staticcall registry.has_role(to, ISSUE_ROLES), "token: not a bank or FX provider"
    assert amount < SUPPLY_BOUND - self.totalSupply, "token: supply too large"
    self.totalSupply += amount
    self._credit(to, amount)
    log IERC20.Transfer(sender=empty(address), receiver=to, value=amount)
    log Issued(to=to, amount=amount, reference=reference)


@external
def redeem(amount: uint256, reference: bytes32):
    """
    @notice A bank or FX provider gives available money back to the issuer.
    @param amount Minor units, above zero.
    @param reference The holder's own.
    """
    assert amount > 0, "token: zero amount"
    assert staticcall registry.has_role(msg.sender, ISSUE_ROLES), "token: not a bank or FX provider"
    self._debit(msg.sender, amount)
    self.totalSupply -= amount
    log IERC20.Transfer(sender=msg.sender, receiver=empty(address), value=amount)
    log Redeemed(holder=msg.sender, amount=amount, reference=reference)


# ------------------------------------------------------------------ holds


@external
def hold(notary: address, amount: uint256, expires_at: uint256, reference: bytes32, salt: bytes32) -> bytes32:
    """
    @notice Sets part of the caller's available money aside for a notary.
    @param notary Registered notary contract.
    @param amount Minor units, above zero.
    @param expires_at Last second in which the notary can execute; at most 400 days from now.
    @param reference What it is for.
    @param salt Makes the id; used once per owner and notary.
    @return The hold's id.
    """
    return self._place(msg.sender, notary, amount, expires_at, reference, salt, False)


@external
def hold_from(
    owner: address, notary: address, amount: uint256, expires_at: uint256, reference: bytes32, salt: bytes32
) -> bytes32:
    """
    @notice The same from the owner's money, by its allowance for the caller.
    @param owner Whose money.
    @param notary Registered notary contract.
    @param amount Minor units, above zero.
    @param expires_at Last second in which the notary can execute.
    @param reference What it is for.
    @param salt Makes the id; used once per owner and notary.
    @return The hold's id.
    """
    self._use_allowance(owner, amount)
    return self._place(owner, notary, amount, expires_at, reference, salt, False)


@external
@nonreentrant
def hold_signed(
    owner: address,
    amount: uint256,
    expires_at: uint256,
    reference: bytes32,
    salt: bytes32,
    valid_until: uint256,
    signature: Bytes[512],
) -> bytes32:
    """
    @notice The notary places a hold for itself with the owner's signed `Hold`. Nobody else can use the signature, and
            no order of nonces stands in its way.
    @param owner Whose money; who signed.
    @param amount Minor units, above zero.
    @param expires_at Last second in which the notary can execute.
    @param reference What it is for.
    @param salt Makes the id; used once per owner and notary.
    @param valid_until Last second in which the signature counts.
    @param signature The owner's.
    @return The hold's id.
    """
    self._use_signature(
        owner,
        keccak256(
            abi_encode(HOLD_TYPE_HASH, owner, msg.sender, amount, expires_at, reference, salt, valid_until)
        ),
        valid_until,
        signature,
    )
    return self._place(owner, msg.sender, amount, expires_at, reference, salt, True)


@external
@nonreentrant
def increase_hold(id: bytes32, amount: uint256, expires_at: uint256, valid_until: uint256, signature: Bytes[512]):
    """
    @notice Raises a live hold's amount, its expiry or both.
    @param id The hold. Its owner calls if it placed the hold itself, else its notary with the owner's `IncreaseHold`.
    @param amount The new rest, not below the present one.
    @param expires_at The new nominal expiry, not below the present one, at most 400 days from now. Seconds for which
           the hold stood still come on top.
    @param valid_until Last second in which the signature counts; unused without one.
    @param signature The owner's; empty where the owner calls.
    """
    book: HoldBook = self._live(id)
    owner: address = book.hold.owner
    if book.hold.signed:
        assert msg.sender == book.hold.notary, "token: not the notary"
        self._use_signature(
            owner,
            keccak256(abi_encode(INCREASE_HOLD_TYPE_HASH, id, amount, expires_at, valid_until)),
            valid_until,
            signature,
        )
    else:
        assert msg.sender == owner, "token: not the owner"
        assert len(signature) == 0, "token: signature not needed"
    assert amount >= book.hold.amount and expires_at >= book.hold.expires_at, "token: hold would shrink"
    added: uint256 = amount - book.hold.amount
    assert added > 0 or expires_at > book.hold.expires_at, "token: nothing to increase"
    assert expires_at <= block.timestamp + HOLD_S_MAX, "token: expiry too far"

    # Debits nothing but checks for a freeze when only the expiry moves: a creditor's order keeps what would come free.
    self._debit(owner, added)
    if added > 0 and self._consume_flow(owner, added):
        # One hold has one place in the window: what the window still counts for it moves to now.
        carried: uint256 = min(book.counted, book.hold.amount)
        if carried > 0 and flow_window._give_back(owner, carried, book.counted_at):
            flow_window._record(owner, carried, self._limits(owner).window_s)
        else:
            carried = 0
        book.counted = carried + added
        book.counted_at = block.timestamp
    self.heldOf[owner] += added
    book.hold.amount = amount
    book.hold.expires_at = expires_at
    self.books[id] = book
    log HoldIncreased(id=id, amount=amount, expires_at=expires_at)


@external
def execute_hold(id: bytes32, to: address, amount: uint256):
    """
    @notice The notary pays out of a hold. The receiver cannot make it fail: what it may not have is credited blocked.
    @param id A live hold of the caller's; its owner is not frozen with scope `all`.
    @param to Receiver.
    @param amount Minor units, above zero, at most the rest.
    """
    book: HoldBook = self._live(id)
    owner: address = book.hold.owner
    assert msg.sender == book.hold.notary, "token: not the notary"
    assert not freezes._is_frozen(owner, freezes.SCOPE_ALL), "token: hold stands still"
    self._check_receiver(to)
    self._shrink(id, book.hold, amount)

    available: uint256 = min(amount, self._room(to))
    blocked: uint256 = amount - available
    self.availableOf[to] += available
    self.blockedOf[to] += blocked
    log IERC20.Transfer(sender=owner, receiver=to, value=amount)
    log HoldExecuted(id=id, owner=owner, to=to, amount=amount, blocked=blocked)


@external
def release_hold(id: bytes32, amount: uint256):
    """
    @notice Gives held money back to its owner, also while the owner is frozen, and its flow limit with it.
    @param id The hold.
    @param amount Minor units, above zero: any part for the notary, at any time; the whole rest for anyone, once the
           hold has expired.
    """
    book: HoldBook = self.books[id]
    self._check_open(book.hold)
    owner: address = book.hold.owner
    if msg.sender != book.hold.notary:
        assert block.timestamp > self._effective_expiry(book), "token: hold not expired"
        assert amount == book.hold.amount, "token: not the whole rest"
    self._shrink(id, book.hold, amount)

    given_back: uint256 = min(amount, book.counted)
    if given_back > 0:
        self.books[id].counted = book.counted - given_back
        # Whether or not the window still counts it, the hold has no further claim to it.
        flow_window._give_back(owner, given_back, book.counted_at)
    self.availableOf[owner] += amount
    log HoldReleased(id=id, owner=owner, amount=amount)


@external
def claim_blocked(account: address) -> uint256:
    """
    @notice Makes available what no freeze and no limit blocks any more; anyone may call it.
    @param account Whose money.
    @return Minor units made available.
    """
    amount: uint256 = min(self.blockedOf[account], self._room(account))
    assert amount > 0, "token: nothing to clear"
    self.blockedOf[account] -= amount
    self.availableOf[account] += amount
    log BlockedCleared(account=account, amount=amount)
    return amount


# ------------------------------------------------------------------ the issuer's orders


@external
def order_freeze(account: address, order: uint256, scope: uint256, expires_at: uint256, reason: bytes32):
    """
    @notice Freezes an account from this second on.
    @param account Whose.
    @param order Number of the order, above every earlier one.
    @param scope 1 `available`: the owner cannot spend. 2 `all`: nor can its holds be executed, and their clocks stand
           still.
    @param expires_at Last second of the order, at most ten years from now.
    @param reason Hash of the order's text.
    """
    self._check_issuer()
    assert account != empty(address), "token: no account"
    freezes._order(account, order, scope, expires_at)
    log FreezeOrdered(account=account, order=order, scope=scope, expires_at=expires_at, reason=reason)


@external
def lift_freeze(account: address, order: uint256):
    """
    @notice Ends an order before it expires; holds still count this second as frozen.
    @param account Whose.
    @param order Number of an order in force on it.
    """
    self._check_issuer()
    freezes._lift(account, order)
    log FreezeLifted(account=account, order=order)


@external
def set_limits(account: address, holding_max: uint256, flow_max: uint256, window_s: uint256):
    """
    @notice Sets an account's own limits, which then apply instead of the default.
    @param account Whose.
    @param holding_max Most it may have available and held, 0 = no limit.
    @param flow_max Most it may spend or hold in a window, 0 = no limit.
    @param window_s Length of the window; 0 only without a flow limit.
    """
    self._check_issuer()
    assert account != empty(address), "token: no account"
    self.account_limits[account] = AccountLimits(own=True, limits=self._checked_limits(holding_max, flow_max, window_s))
    log LimitsChanged(account=account, holding_max=holding_max, flow_max=flow_max, window_s=window_s)


@external
def set_default_limits(holding_max: uint256, flow_max: uint256, window_s: uint256):
    """
    @notice Sets the limits of every account that has none of its own and is no institution.
    @param holding_max Most an account may have available and held, 0 = no limit.
    @param flow_max Most it may spend or hold in a window, 0 = no limit.
    @param window_s Length of the window; 0 only without a flow limit.
    """
    self._check_issuer()
    self.default_limits = self._checked_limits(holding_max, flow_max, window_s)
    log LimitsChanged(account=empty(address), holding_max=holding_max, flow_max=flow_max, window_s=window_s)


# ------------------------------------------------------------------ views


@external
@view
def hold_id(owner: address, notary: address, salt: bytes32) -> bytes32:
    """
    @notice The id a hold has or would have.
    @param owner Whose money.
    @param notary Who may execute it.
    @param salt The owner's choice.
    @return keccak(abi.encode(chain id, token, owner, notary, salt)).
    """
    return self._hold_id(owner, notary, salt)


@external
@view
def get_hold(id: bytes32) -> ISettlementToken.Hold:
    """
    @notice A hold as it stands.
    @param id Any id.
    @return The hold, `amount` being the rest; all zero if there never was one.
    """
    return self.books[id].hold


@external
@view
def effective_expiry(id: bytes32) -> uint256:
    """
    @notice The last second in which a hold can be executed, if freeze orders in force run to their end.
    @param id Any id.
    @return The nominal expiry moved by the frozen seconds; 0 if there never was such a hold.
    """
    return self._effective_expiry(self.books[id])


@external
@view
def is_frozen(account: address, scope: uint256) -> bool:
    """
    @notice Tells whether an order of this scope or a wider one is in force.
    @param account Any address.
    @param scope 1 `available`, 2 `all`.
    @return True while frozen.
    """
    return freezes._is_frozen(account, scope)


@external
@view
def flow_used(account: address) -> uint256:
    """
    @notice What counts toward the account's flow limit now.
    @param account Any address.
    @return Minor units.
    """
    return flow_window._used(account)


@external
@view
def limits_of(account: address) -> ISettlementToken.Limits:
    """
    @notice The limits in force for an account.
    @param account Any address.
    @return Its own, else none for an institution, else the default; 0 = no limit.
    """
    return self._limits(account)


# ------------------------------------------------------------------ moving money


@internal
def _transfer(sender: address, to: address, amount: uint256):
    """
    @notice An ordinary payment: all of it arrives available, or none.
    @param sender Whose money.
    @param to Receiver.
    @param amount Minor units, may be zero.
    """
    self._check_receiver(to)
    self._debit(sender, amount)
    self._consume_flow(sender, amount)
    self._credit(to, amount)
    log IERC20.Transfer(sender=sender, receiver=to, value=amount)


@internal
def _debit(owner: address, amount: uint256):
    """
    @notice Takes from what is available, unless the owner is frozen.
    @param owner Whose money.
    @param amount Minor units, may be zero.
    """
    assert not freezes._is_frozen(owner, freezes.SCOPE_AVAILABLE), "token: account frozen"
    available: uint256 = self.availableOf[owner]
    assert amount <= available, "token: not enough available"
    self.availableOf[owner] = available - amount


@internal
def _credit(to: address, amount: uint256):
    """
    @notice Adds to what is available, unless a freeze or the holding limit is in the way.
    @param to Receiver.
    @param amount Minor units, may be zero.
    """
    assert not freezes._is_frozen(to, freezes.SCOPE_AVAILABLE), "token: receiver frozen"
    assert amount <= self._room(to), "token: over the holding limit"
    self.availableOf[to] += amount


@internal
@view
def _room(account: address) -> uint256:
    """
    @notice How much more the account may have available: nothing while frozen, the rest of its holding limit, or
            everything.
    @dev Held money counts toward the limit, so that giving it back never exceeds it; blocked money does not.
    @param account Any address.
    @return Minor units.
    """
    if freezes._is_frozen(account, freezes.SCOPE_AVAILABLE):
        return 0
    holding_max: uint256 = self._limits(account).holding_max
    if holding_max == 0:
        return max_value(uint256)
    used: uint256 = self.availableOf[account] + self.heldOf[account]
    return holding_max - min(holding_max, used)


@internal
def _consume_flow(owner: address, amount: uint256) -> bool:
    """
    @notice Checks the owner's flow limit and counts the amount toward it.
    @param owner Whose limit.
    @param amount Minor units.
    @return False if no flow limit applies, so nothing was counted.
    """
    limits: ISettlementToken.Limits = self._limits(owner)
    if limits.flow_max == 0:
        return False
    self._check_flow(owner, amount, limits.flow_max)
    flow_window._record(owner, amount, limits.window_s)
    return True


@internal
@view
def _check_flow(owner: address, amount: uint256, flow_max: uint256):
    """
    @notice Refuses what would exceed the flow limit; changes nothing.
    @param owner Whose limit.
    @param amount Minor units.
    @param flow_max The limit.
    """
    used: uint256 = flow_window._used(owner)
    assert used <= flow_max and amount <= flow_max - used, "token: over the flow limit"


@internal
def _place(
    owner: address,
    notary: address,
    amount: uint256,
    expires_at: uint256,
    reference: bytes32,
    salt: bytes32,
    signed: bool,
) -> bytes32:
    """
    @notice Places a hold; the caller has checked who may.
    @param signed Placed with the owner's signature, so raised only with it.
    @return The hold's id.
    """
    id: bytes32 = self._hold_id(owner, notary, salt)
    assert amount > 0, "token: zero amount"
    assert block.timestamp < expires_at, "token: expiry passed"
    assert expires_at <= block.timestamp + HOLD_S_MAX, "token: expiry too far"
    assert staticcall registry.is_notary(notary), "token: not a notary"
    assert self.books[id].hold.created_at == 0, "token: hold exists"

    self._debit(owner, amount)
    counted: uint256 = 0
    if self._consume_flow(owner, amount):
        counted = amount
    self.heldOf[owner] += amount
    self.books[id] = HoldBook(
        hold=ISettlementToken.Hold(
            owner=owner,
            notary=notary,
            amount=amount,
            expires_at=expires_at,
            created_at=block.timestamp,
            reference=reference,
            signed=signed,
        ),
        frozen_before=freezes._frozen_before_now(owner),
        counted=counted,
        counted_at=block.timestamp,
    )
    log HoldPlaced(id=id, owner=owner, notary=notary, amount=amount, expires_at=expires_at, reference=reference)
    return id


@internal
def _shrink(id: bytes32, hold: ISettlementToken.Hold, amount: uint256):
    """
    @notice Takes a part out of a hold; the caller credits it.
    @param id The hold's id.
    @param hold The hold as it stands.
    @param amount Minor units, above zero, at most the rest.
    """
    assert amount > 0, "token: zero amount"
    assert amount <= hold.amount, "token: more than is held"
    self.books[id].hold.amount = hold.amount - amount
    self.heldOf[hold.owner] -= amount


# ------------------------------------------------------------------ checks


@internal
@view
def _live(id: bytes32) -> HoldBook:
    """
    @notice The book of a hold that has a rest and has not expired.
    @param id Any id.
    @return Its book.
    """
    book: HoldBook = self.books[id]
    self._check_open(book.hold)
    assert block.timestamp <= self._effective_expiry(book), "token: hold expired"
    return book


@internal
@pure
def _check_open(hold: ISettlementToken.Hold):
    """
    @notice Refuses a hold that never was or has nothing left.
    @param hold The hold as it stands.
    """
    assert hold.created_at != 0, "token: unknown hold"
    assert hold.amount > 0, "token: hold closed"


@internal
@view
def _effective_expiry(book: HoldBook) -> uint256:
    """
    @notice A hold's expiry moved by the seconds it stood still.
    @param book Its book.
    @return Last second in which it lives; 0 if there never was such a hold.
    """
    if book.hold.created_at == 0:
        return 0
    return freezes._moved(book.hold.owner, book.hold.expires_at, book.frozen_before)


@internal
@view
def _hold_id(owner: address, notary: address, salt: bytes32) -> bytes32:
    """
    @notice The id of a hold.
    @return keccak(abi.encode(chain id, token, owner, notary, salt)).
    """
    return keccak256(abi_encode(chain.id, self, owner, notary, salt))


@internal
@view
def _limits(account: address) -> ISettlementToken.Limits:
    """
    @notice The limits in force: the account's own, else none for an institution, else the default.
    @param account Any address.
    @return The limits; 0 = none.
    """
    entry: AccountLimits = self.account_limits[account]
    if entry.own:
        return entry.limits
    limits: ISettlementToken.Limits = self.default_limits
    if limits.holding_max == 0 and limits.flow_max == 0:
        return limits
    if staticcall registry.is_institution(account):
        return empty(ISettlementToken.Limits)
    return limits


@internal
@pure
def _checked_limits(holding_max: uint256, flow_max: uint256, window_s: uint256) -> ISettlementToken.Limits:
    """
    @notice Limits that make sense: a window exactly where there is a flow limit.
    @return The limits.
    """
    assert (flow_max == 0) == (window_s == 0), "token: flow limit and window belong together"
    assert window_s <= WINDOW_S_MAX, "token: window too long"
    return ISettlementToken.Limits(holding_max=holding_max, flow_max=flow_max, window_s=window_s)


@internal
@view
def _check_receiver(to: address):
    """
    @notice Refuses receivers who are nobody: the zero address and this contract.
    @param to Receiver.
    """
    assert to != empty(address) and to != self, "token: no receiver"


@internal
@view
def _check_issuer():
    """
    @notice Refuses everyone but the issuer.
    """
    assert msg.sender == issuer, "token: not the issuer"


# ------------------------------------------------------------------ consent


@internal
def _approve(owner: address, spender: address, amount: uint256):
    """
    @notice Replaces an allowance.
    @param owner Whose money.
    @param spender Who may.
    @param amount Minor units.
    """
    assert spender != empty(address), "token: no spender"
    self.allowance[owner][spender] = amount
    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
def _use_allowance(owner: address, amount: uint256):
    """
    @notice Uses up the caller's allowance; the unlimited one stays.
    @param owner Whose money.
    @param amount Minor units.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert amount <= allowed, "token: allowance too small"
        self._approve(owner, msg.sender, allowed - amount)


@internal
def _use_signature(signer: address, struct_hash: bytes32, valid_until: uint256, signature: Bytes[512]):
    """
    @notice Accepts a signed message once, while it is valid and not revoked.
    @param signer Who should have signed.
    @param struct_hash hashStruct of the message.
    @param valid_until Last second in which it counts.
    @param signature The signer's.
    """
    assert block.timestamp <= valid_until, "token: signature expired"
    digest: bytes32 = eip712._digest(struct_hash)
    assert not self.is_digest_used[signer][digest], "token: signature used"
    self._check_signature(signer, digest, signature)
    self.is_digest_used[signer][digest] = True


@internal
@view
def _check_signature(signer: address, digest: bytes32, signature: Bytes[512]):
    """
    @notice Refuses a signature that is not the signer's.
    @param signer Who should have signed.
    @param digest What was signed.
    @param signature 65 bytes, or what an EIP-1271 account takes.
    """
    assert signatures._is_signed(signer, digest, signature), "token: bad signature"


@internal
@pure
def _joined(v: uint8, r: bytes32, s: bytes32) -> Bytes[512]:
    """
    @notice A signature in one piece.
    @return r, s, v; 65 bytes.
    """
    return concat(r, s, convert(v, bytes1))


@internal
def _authorized_transfer(
    type_hash: bytes32,
    sender: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    signature: Bytes[512],
):
    """
    @notice EIP-3009: pays once, between the two times (both exclusive).
    @param type_hash Of `TransferWithAuthorization` or `ReceiveWithAuthorization`; both have the same fields.
    """
    assert valid_after < block.timestamp, "token: signature not yet valid"
    assert block.timestamp < valid_before, "token: signature expired"
    self._use_nonce(
        sender,
        nonce,
        keccak256(abi_encode(type_hash, sender, to, amount, valid_after, valid_before, nonce)),
        signature,
    )
    log AuthorizationUsed(authorizer=sender, nonce=nonce)
    self._transfer(sender, to, amount)


@internal
def _cancel_authorization(authorizer: address, nonce: bytes32, signature: Bytes[512]):
    """
    @notice EIP-3009: uses up a nonce.
    """
    self._use_nonce(authorizer, nonce, keccak256(abi_encode(CANCEL_TYPE_HASH, authorizer, nonce)), signature)
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@internal
def _use_nonce(signer: address, nonce: bytes32, struct_hash: bytes32, signature: Bytes[512]):
    """
    @notice EIP-3009: accepts a signed message if its nonce is unused.
    """
    assert not self.authorizationState[signer][nonce], "token: authorization used"
    self._check_signature(signer, eip712._digest(struct_hash), signature)
    self.authorizationState[signer][nonce] = True
