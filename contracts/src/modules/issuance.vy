# pragma version 0.4.3
"""
@title Issuance
@license Apache-2.0
@notice Money in two tiers: a bank or FX provider asks its central bank for money by a recorded request, the central
        bank issues exactly that or declines, and what is no longer needed goes back by redemption.
@custom:security New money needs two parties on record: who asked, and the issuer, each by its own transaction.
@custom:invariant A request is answered at most once, and only in full; a requester's reference is used once.
@custom:units Minor units.
"""

from ethereum.ercs import IERC20

from modules import accounts
from modules import checks

uses: accounts


event IssuanceRequested:
    requester: indexed(address)
    amount: uint256
    reference: bytes32


event IssuanceDeclined:
    requester: indexed(address)
    reference: bytes32


event Issued:
    to: indexed(address)
    amount: uint256
    reference: bytes32


event Redeemed:
    holder: indexed(address)
    amount: uint256
    reference: bytes32


# BANK | FX_PROVIDER: who may ask for money and redeem it.
ISSUE_ROLES: constant(uint256) = 2 | 4
# Stands for a request that was answered; no amount is as large.
ANSWERED: constant(uint256) = max_value(uint256)

requests: HashMap[address, HashMap[bytes32, uint256]]


@external
def request_issuance(amount: uint256, reference: bytes32):
    """
    @notice A bank or FX provider asks the issuer for money.
    @param amount Minor units, above zero, below 2**72.
    @param reference The caller's own, used once.
    """
    self._check_role(msg.sender)
    accounts._check_positive(amount)
    checks._require(amount < accounts.SUPPLY_BOUND, "token: supply too large")
    checks._require(self.requests[msg.sender][reference] == 0, "token: request exists")
    self.requests[msg.sender][reference] = amount
    log IssuanceRequested(requester=msg.sender, amount=amount, reference=reference)


@external
def redeem(amount: uint256, reference: bytes32):
    """
    @notice A bank or FX provider gives available money back to the issuer. The flow limit does not apply: money may
            always go back.
    @param amount Minor units, above zero.
    @param reference The holder's own.
    """
    self._check_role(msg.sender)
    accounts._check_positive(amount)
    accounts._debit(msg.sender, amount)
    accounts.totalSupply -= amount
    log IERC20.Transfer(sender=msg.sender, receiver=empty(address), value=amount)
    log Redeemed(holder=msg.sender, amount=amount, reference=reference)


@external
@view
def requested_of(requester: address, reference: bytes32) -> uint256:
    """
    @notice What an open request asks for.
    @param requester Who asked.
    @param reference Under which reference.
    @return Minor units; 0 if there is no request or it has been answered.
    """
    amount: uint256 = self.requests[requester][reference]
    return 0 if amount == ANSWERED else amount


@internal
def _issue(to: address, amount: uint256, reference: bytes32):
    """
    @notice Creates money and answers the request for it; the caller has checked the issuer.
    @param to Active bank or FX provider, not frozen, within its holding limit.
    @param amount What was asked for.
    @param reference The request's.
    """
    self._check_role(to)
    self._answer(to, reference, amount)
    checks._require(amount < accounts.SUPPLY_BOUND - accounts.totalSupply, "token: supply too large")
    accounts.totalSupply += amount
    accounts._credit(to, amount)
    log IERC20.Transfer(sender=empty(address), receiver=to, value=amount)
    log Issued(to=to, amount=amount, reference=reference)


@internal
def _decline(requester: address, reference: bytes32):
    """
    @notice Answers a request with no; the caller has checked the issuer.
    @param requester Who asked.
    @param reference The request's.
    """
    self._answer(requester, reference, self.requests[requester][reference])
    log IssuanceDeclined(requester=requester, reference=reference)


@internal
def _answer(requester: address, reference: bytes32, amount: uint256):
    """
    @notice Uses an open request up.
    @param requester Who asked.
    @param reference The request's.
    @param amount What it must ask for.
    """
    asked: uint256 = self.requests[requester][reference]
    checks._require(asked != 0 and asked != ANSWERED and asked == amount, "token: no such request")
    self.requests[requester][reference] = ANSWERED


@internal
@view
def _check_role(account: address):
    """
    @notice Refuses who may neither be issued money nor redeem it.
    @param account Any address.
    """
    checks._require(staticcall accounts.registry.has_role(account, ISSUE_ROLES), "token: not a bank or FX provider")
