# pragma version 0.4.3
"""
@title Accounts
@license Apache-2.0
@notice Balances in three parts (available, held, blocked), the limits on them, and the ways money moves between
        accounts. Every change of a balance is made here or in `holds`.
@custom:security `_debit` and `_credit` refuse, `_credit_what_fits` never does: it is the receiving side of an
        executed hold, which a receiver must not be able to stop.
@custom:invariant Sum of available, held and blocked over all accounts = totalSupply < 2**72.
@custom:units Minor units, seconds.
"""

from ethereum.ercs import IERC20

from interfaces import IParticipantRegistry
from interfaces import ISettlementToken
from modules import checks
from modules import flow_window
from modules import freezes

uses: flow_window
uses: freezes


event BlockedCleared:
    account: indexed(address)
    amount: uint256


event LimitsChanged:
    account: indexed(address)
    holding_max: uint256
    flow_max: uint256
    window_s: uint256


event TierLimitsChanged:
    tier: indexed(uint256)
    holding_max: uint256
    flow_max: uint256
    window_s: uint256


struct OwnLimits:
    is_set: bool  # else the tier's apply
    limits: ISettlementToken.Limits


# The supply stays below, so that amount * rate (below 2**64) * basis points fits 256 bits wherever amounts are priced.
SUPPLY_BOUND: constant(uint256) = 2**72
# A window as long as a hold may last (400 days) at most.
WINDOW_S_MAX: constant(uint256) = 400 * 86400
# 0 anonymous, 1 registered; institutions, the registry's tier 2, have no limits unless they have their own.
TIERS: constant(uint256) = 2

registry: public(immutable(IParticipantRegistry))

totalSupply: public(uint256)
availableOf: public(HashMap[address, uint256])
heldOf: public(HashMap[address, uint256])
blockedOf: public(HashMap[address, uint256])

tier_limits: public(HashMap[uint256, ISettlementToken.Limits])
# Whether any tier has ever had limits: while none has, nobody's tier need be asked for.
has_tier_limits: bool
own_limits: HashMap[address, OwnLimits]


@deploy
def __init__(registry_: address):
    """
    @param registry_ ParticipantRegistry.
    """
    assert registry_ != empty(address), "token: no registry"
    registry = IParticipantRegistry(registry_)


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
def claim_blocked(account: address) -> uint256:
    """
    @notice Makes available what no freeze and no limit blocks any more; anyone may call it.
    @param account Whose money.
    @return Minor units made available.
    """
    amount: uint256 = min(self.blockedOf[account], self._room(account))
    checks._require(amount > 0, "token: nothing to clear")
    self.blockedOf[account] -= amount
    self.availableOf[account] += amount
    log BlockedCleared(account=account, amount=amount)
    return amount


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
    @return Its own, else none for an institution, else those of its wallet's tier; 0 = no limit.
    """
    return self._limits(account)


@internal
def _transfer(sender: address, to: address, amount: uint256):
    """
    @notice An ordinary payment: all of it arrives available, or none.
    @param sender Whose money.
    @param to Receiver, not frozen, within its holding limit; one that the purpose of the sender's wallet allows.
    @param amount Minor units, may be zero.
    """
    self._check_receiver(to)
    checks._require(staticcall registry.allows(sender, to), "token: purpose forbids the payee")
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
    checks._require(not freezes._is_frozen(owner, freezes.SCOPE_AVAILABLE), "token: account frozen")
    available: uint256 = self.availableOf[owner]
    checks._require(amount <= available, "token: not enough available")
    self.availableOf[owner] = available - amount


@internal
def _credit(to: address, amount: uint256):
    """
    @notice Adds to what is available, unless a freeze or the holding limit is in the way.
    @param to Receiver.
    @param amount Minor units, may be zero.
    """
    checks._require(not freezes._is_frozen(to, freezes.SCOPE_AVAILABLE), "token: receiver frozen")
    checks._require(amount <= self._room(to), "token: over the holding limit")
    self.availableOf[to] += amount


@internal
def _credit_what_fits(to: address, amount: uint256) -> uint256:
    """
    @notice Adds what fits to what is available and the rest to what is blocked.
    @param to Receiver.
    @param amount Minor units.
    @return Minor units blocked.
    """
    fits: uint256 = min(amount, self._room(to))
    self.availableOf[to] += fits
    self.blockedOf[to] += amount - fits
    return amount - fits


@internal
@view
def _room(account: address) -> uint256:
    """
    @notice How much more the account may have available: nothing while frozen, else the rest of its holding limit, or
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
    has: uint256 = self.availableOf[account] + self.heldOf[account]
    return holding_max - min(holding_max, has)


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
    @param amount Minor units, below 2**72.
    @param flow_max The limit.
    """
    checks._require(flow_window._used(owner) + amount <= flow_max, "token: over the flow limit")


@internal
@view
def _limits(account: address) -> ISettlementToken.Limits:
    """
    @notice The limits in force: the account's own, else none for an institution, else those of its wallet's tier.
    @param account Any address.
    @return The limits; 0 = none.
    """
    if self.own_limits[account].is_set:
        return self.own_limits[account].limits
    if not self.has_tier_limits:
        return empty(ISettlementToken.Limits)
    return self.tier_limits[staticcall registry.tier_of(account)]


@internal
def _set_limits(account: address, limits: ISettlementToken.Limits):
    """
    @notice Sets an account's own limits; the caller has checked the issuer.
    @param account Whose.
    @param limits 0 = none; a window exactly where there is a flow limit.
    """
    self._check_limits(limits)
    self.own_limits[account] = OwnLimits(is_set=True, limits=limits)
    log LimitsChanged(
        account=account, holding_max=limits.holding_max, flow_max=limits.flow_max, window_s=limits.window_s
    )


@internal
def _set_tier_limits(tier: uint256, limits: ISettlementToken.Limits):
    """
    @notice Sets the limits of a tier; the caller has checked the issuer.
    @param tier 0 anonymous, 1 registered.
    @param limits 0 = none; a window exactly where there is a flow limit.
    """
    checks._require(tier < TIERS, "token: unknown tier")
    self._check_limits(limits)
    self.has_tier_limits = True
    self.tier_limits[tier] = limits
    log TierLimitsChanged(
        tier=tier, holding_max=limits.holding_max, flow_max=limits.flow_max, window_s=limits.window_s
    )


@internal
@pure
def _check_limits(limits: ISettlementToken.Limits):
    """
    @notice Refuses a flow limit without a window, a window without one, and one that is too long.
    @param limits 0 = none.
    """
    checks._require((limits.flow_max == 0) == (limits.window_s == 0), "token: flow limit needs a window")
    checks._require(limits.window_s <= WINDOW_S_MAX, "token: window too long")


@internal
@view
def _check_receiver(to: address):
    """
    @notice Refuses receivers who are nobody: the zero address and this contract.
    @param to Receiver.
    """
    checks._require(to != empty(address) and to != self, "token: no receiver")


@internal
@pure
def _check_positive(amount: uint256):
    """
    @notice Refuses nothing.
    @param amount Minor units.
    """
    checks._require(amount > 0, "token: zero amount")
