# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize codesize
"""
@title SettlementToken
@license Apache-2.0
@notice Money of one currency, issued by its central bank to banks and FX providers. An ERC-20 token (EIP-2612,
        EIP-3009, EIP-5267) in which a part of a balance can be held: set aside in the owner's own account for a notary
        contract, which may pay it out or give it back until the hold expires. This file composes the modules
        `accounts` (balances, limits), `issuance`, `consent` (allowances, signatures), `holds`, `freezes` and adds the
        issuer's part.
@custom:security The owner spends what is available, a notary only its own holds and only until they expire; after that
        anyone may give the rest back. The receiver of a hold's execution cannot make it fail: what it may not have is
        credited blocked. The only untrusted code called is an EIP-1271 account, by a static call, before any effect.
        The issuer answers requests for money, freezes by numbered order and sets limits; it cannot move anyone's money.
        A wallet with a purpose pays only whom the registry allows, and names only notaries that check it.
@custom:kill None. The issuer freezes single accounts for a stated time; giving held money back stays possible.
@custom:invariant balanceOf = availableOf + heldOf + blockedOf; their sum over accounts = totalSupply < 2**72; heldOf =
        sum of the rests of the account's holds; no second exists in which a hold can both be executed and be given back
        by anyone.
@custom:units Amounts in minor units of `currency`, times in whole seconds of ledger time; a deadline is inclusive.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

from interfaces import ISettlementToken
from modules import accounts
from modules import checks
from modules import consent
from modules import eip712
from modules import flow_window
from modules import freezes
from modules import holds
from modules import issuance

implements: IERC20
implements: IERC20Detailed
implements: ISettlementToken

initializes: eip712
initializes: flow_window
initializes: freezes
initializes: accounts[flow_window := flow_window, freezes := freezes]
initializes: issuance[accounts := accounts]
initializes: consent[accounts := accounts, eip712 := eip712]
initializes: holds[accounts := accounts, consent := consent, flow_window := flow_window, freezes := freezes]

exports: (
    eip712.eip712Domain,
    freezes.last_order,
    accounts.registry,
    accounts.totalSupply,
    accounts.balanceOf,
    accounts.availableOf,
    accounts.heldOf,
    accounts.blockedOf,
    accounts.claim_blocked,
    accounts.flow_used,
    accounts.limits_of,
    accounts.tier_limits,
    issuance.request_issuance,
    issuance.redeem,
    issuance.requested_of,
    consent.allowance,
    consent.approve,
    consent.increaseAllowance,
    consent.decreaseAllowance,
    consent.DOMAIN_SEPARATOR,
    consent.nonces,
    consent.permit,
    consent.authorizationState,
    consent.transferWithAuthorization,
    consent.receiveWithAuthorization,
    consent.cancelAuthorization,
    consent.is_digest_used,
    consent.revoke,
    holds.hold,
    holds.hold_from,
    holds.hold_signed,
    holds.increase_hold,
    holds.execute_hold,
    holds.release_hold,
    holds.hold_id,
    holds.get_hold,
    holds.effective_expiry,
)


event FreezeOrdered:
    account: indexed(address)
    order: indexed(uint256)
    scope: uint256
    expires_at: uint256
    reason: bytes32


event FreezeLifted:
    account: indexed(address)
    order: indexed(uint256)


IDENTITY_PRECOMPILE: constant(address) = 0x0000000000000000000000000000000000000004

name: public(immutable(String[64]))
symbol: public(immutable(String[11]))
currency: public(immutable(String[3]))
decimals: public(immutable(uint8))
issuer: public(immutable(address))


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
    assert issuer_ != empty(address), "token: no issuer"
    eip712.__init__(name_)
    accounts.__init__(registry_)
    name = name_
    symbol = symbol_
    currency = currency_
    decimals = decimals_
    issuer = issuer_


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Pays from the caller's available money.
    @param to Receiver; not frozen, within its holding limit.
    @param amount Minor units, may be zero.
    @return True.
    """
    accounts._transfer(msg.sender, to, amount)
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
    consent._use_allowance(owner, amount)
    accounts._transfer(owner, to, amount)
    return True


@external
@nonreentrant
def __default__():
    """
    @notice The EIP-3009 calls with the signature as bytes (interfaces/IAuthorizationBytes.vyi).
    @dev Vyper has no overloads, so their selectors arrive here. The identity precompile copies the call data, which
         has no fixed length, to memory.
    """
    checks._require(4 <= len(msg.data) and len(msg.data) <= 1024, "token: unknown call")
    call: Bytes[1024] = raw_call(IDENTITY_PRECOMPILE, msg.data, max_outsize=1024, is_static_call=True)
    selector: Bytes[4] = slice(call, 0, 4)
    arguments: Bytes[1024] = slice(call, 4, len(call) - 4)

    if selector == method_id("cancelAuthorization(address,bytes32,bytes)"):
        authorizer: address = empty(address)
        cancelled: bytes32 = empty(bytes32)
        proof: Bytes[512] = b""
        authorizer, cancelled, proof = abi_decode(arguments, (address, bytes32, Bytes[512]))
        consent._cancel_authorization(authorizer, cancelled, proof)
        return

    type_hash: bytes32 = consent.RECEIVE_TYPE_HASH
    if selector == method_id("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"):
        type_hash = consent.TRANSFER_TYPE_HASH
    else:
        checks._require(
            selector == method_id("receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"),
            "token: unknown call",
        )
    sender: address = empty(address)
    to: address = empty(address)
    amount: uint256 = 0
    valid_after: uint256 = 0
    valid_before: uint256 = 0
    nonce: bytes32 = empty(bytes32)
    signature: Bytes[512] = b""
    sender, to, amount, valid_after, valid_before, nonce, signature = abi_decode(
        arguments, (address, address, uint256, uint256, uint256, bytes32, Bytes[512])
    )
    consent._pay_authorized(type_hash, sender, to, amount, valid_after, valid_before, nonce, signature)


@external
def issue(to: address, amount: uint256, reference: bytes32):
    """
    @notice The issuer grants a request: creates the money for the bank or FX provider that asked.
    @param to Who asked; still active in one of these roles, not frozen, within its holding limit.
    @param amount What it asked for; the supply stays below 2**72.
    @param reference The request's.
    """
    self._check_issuer()
    issuance._issue(to, amount, reference)


@external
def decline_issuance(requester: address, reference: bytes32):
    """
    @notice The issuer declines a request.
    @param requester Who asked.
    @param reference The request's.
    """
    self._check_issuer()
    issuance._decline(requester, reference)


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
    checks._require(account != empty(address), "token: no account")
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
    @notice Sets an account's own limits, which then apply instead of its tier's.
    @param account Whose.
    @param holding_max Most it may have available and held, 0 = no limit.
    @param flow_max Most it may spend or hold in a window, 0 = no limit.
    @param window_s Length of the window; 0 only without a flow limit.
    """
    self._check_issuer()
    checks._require(account != empty(address), "token: no account")
    accounts._set_limits(
        account, ISettlementToken.Limits(holding_max=holding_max, flow_max=flow_max, window_s=window_s)
    )


@external
def set_tier_limits(tier: uint256, holding_max: uint256, flow_max: uint256, window_s: uint256):
    """
    @notice Sets the limits of every account of a tier that has none of its own and is no institution.
    @param tier 0 anonymous, also who has no wallet; 1 registered.
    @param holding_max Most an account may have available and held, 0 = no limit.
    @param flow_max Most it may spend or hold in a window, 0 = no limit.
    @param window_s Length of the window; 0 only without a flow limit.
    """
    self._check_issuer()
    accounts._set_tier_limits(
        tier, ISettlementToken.Limits(holding_max=holding_max, flow_max=flow_max, window_s=window_s)
    )


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


@internal
@view
def _check_issuer():
    """
    @notice Refuses everyone but the issuer.
    """
    checks._require(msg.sender == issuer, "token: not the issuer")
