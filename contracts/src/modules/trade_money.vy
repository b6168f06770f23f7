# pragma version 0.4.3
"""
@title Trade money
@license Apache-2.0
@notice What the escrow does with the holds it is the notary of: pay parts of them out, give parts of them back.
@custom:security A receiver cannot make a payment fail, a frozen owner can: its hold stands still and lives longer.
@custom:units Minor units of the token named.
"""

from interfaces import IFxSettlement
from interfaces import ISettlementToken
from interfaces import ITradeEscrow
from modules import trade_fx
from modules import trade_states

uses: trade_states


event PaymentMade:
    trade_id: indexed(bytes32)
    milestone: indexed(uint256)
    account: indexed(address)
    token: address
    amount: uint256


event CancelFeePaid:
    trade_id: indexed(bytes32)
    provider: indexed(address)
    amount: uint256


BPS: constant(uint256) = 10_000
PAYEES_MAX: constant(uint256) = 8
PAYMENTS_MAX: constant(uint256) = 9


@internal
@pure
def _split(
    amount: uint256, payees: DynArray[ITradeEscrow.Payee, PAYEES_MAX], holder: address
) -> DynArray[IFxSettlement.Payment, PAYMENTS_MAX]:
    """
    @notice Divides a payment: floor of the basis points to each payee, the rest to the holder, nothing skipped.
    @param amount What is paid.
    @param payees The terms' payees.
    @param holder Who gets the rest.
    @return The payments; none is zero, together they are the amount.
    """
    payments: DynArray[IFxSettlement.Payment, PAYMENTS_MAX] = []
    rest: uint256 = amount
    for payee: ITradeEscrow.Payee in payees:
        part: uint256 = amount * payee.share_bps // BPS
        rest -= part
        if part != 0:
            payments.append(IFxSettlement.Payment(account=payee.account, amount=part))
    if rest != 0:
        payments.append(IFxSettlement.Payment(account=holder, amount=rest))
    return payments


@internal
def _pay(
    trade_id: bytes32,
    index: uint256,
    token: address,
    hold_id: bytes32,
    payments: DynArray[IFxSettlement.Payment, PAYMENTS_MAX],
):
    """
    @notice Pays out of a hold.
    @param trade_id The trade.
    @param index The milestone's place.
    @param token The hold's token.
    @param hold_id The hold.
    @param payments Whom and how much.
    """
    for payment: IFxSettlement.Payment in payments:
        extcall ISettlementToken(token).execute_hold(hold_id, payment.account, payment.amount)
    self._log_payments(trade_id, index, token, payments)


@internal
def _log_payments(
    trade_id: bytes32, index: uint256, token: address, payments: DynArray[IFxSettlement.Payment, PAYMENTS_MAX]
):
    """
    @notice Tells who has been paid.
    @param trade_id The trade.
    @param index The milestone's place.
    @param token In which token.
    @param payments Whom and how much.
    """
    for payment: IFxSettlement.Payment in payments:
        log PaymentMade(
            trade_id=trade_id, milestone=index, account=payment.account, token=token, amount=payment.amount
        )


@internal
def _give_back(token: address, hold_id: bytes32, amount: uint256):
    """
    @notice Gives held money back to its owner: the amount, or what the token has not given back itself.
    @param token The hold's token.
    @param hold_id The hold; zero where the trade has none.
    @param amount Minor units.
    """
    if hold_id == empty(bytes32):
        return
    rest: uint256 = min(amount, (staticcall ISettlementToken(token).get_hold(hold_id)).amount)
    if rest != 0:
        extcall ISettlementToken(token).release_hold(hold_id, rest)


@internal
def _release_all(trade_id: bytes32, trade: ITradeEscrow.Trade):
    """
    @notice Gives back whatever the holds of a trade still have.
    @param trade_id The trade.
    @param trade Its record.
    """
    self._give_back(trade.invoice_token, trade.invoice_hold, max_value(uint256))
    self._give_back(trade.funding_token, trade_states.fx_legs[trade_id].hold, max_value(uint256))


@internal
def _charge_cancel_fee(
    trade_id: bytes32, trade: ITradeEscrow.Trade, fx: ITradeEscrow.FxLeg, amount: uint256, most: uint256
) -> uint256:
    """
    @notice Pays the provider of a lock for what will not be bought.
    @param trade_id The trade.
    @param trade Its record, with the amount that the fee is for the whole of.
    @param fx Its funding leg, with that fee.
    @param amount Minor units of the invoice currency not bought.
    @param most What would otherwise be given back, minor units of the funding currency.
    @return The part of the quote's fee that was paid.
    """
    fee: uint256 = min(most, trade_fx._scaled_up(fx.cancel_fee, amount, trade.invoice_amount))
    if fee != 0:
        extcall ISettlementToken(trade.funding_token).execute_hold(fx.hold, fx.provider, fee)
        log CancelFeePaid(trade_id=trade_id, provider=fx.provider, amount=fee)
    return fee
