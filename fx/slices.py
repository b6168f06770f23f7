"""Dividing an invoice: milestones by weight, payments among payees. Nothing is lost, nothing is made.

Source: docs/spec/settlement.md, section 2.
"""

from collections.abc import Sequence

from fx.checks import BPS, check_amount, check_bps, check_int
from fx.errors import WeightsError


def milestone_slices(amount: int, weights_bps: Sequence[int]) -> tuple[int, ...]:
    """Return each milestone's part of `amount` (minor units): floor by weight, the last takes the rest.

    Raises:
        InvalidNumberError: amount or a weight is no int in range.
        WeightsError: the weights do not sum to 10,000, or a slice would be zero.
    """
    check_amount("amount", amount)
    for position, weight in enumerate(weights_bps):
        check_int(f"weights_bps[{position}]", weight, 1, BPS)
    if sum(weights_bps) != BPS:
        raise WeightsError(f"weights_bps: expected a sum of {BPS}, got {sum(weights_bps)}")
    floors = [amount * weight // BPS for weight in weights_bps[:-1]]
    slices = (*floors, amount - sum(floors))
    if 0 in slices:
        raise WeightsError(f"weights_bps: expected no slice of zero, got {slices} of {amount}; use fewer milestones")
    return slices


def share_of(amount: int, share_bps: int) -> int:
    """Return a partial outcome's part of a slice (minor units), rounded down: the rest is refunded."""
    check_amount("amount", amount)
    check_bps("share_bps", share_bps)
    return amount * share_bps // BPS


def payee_split(amount: int, shares_bps: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Return (each payee's part, the exporter's): floor by share, the remainder to the exporter.

    A part of zero is not paid at all; it stays in the result so that positions match.

    Raises:
        InvalidNumberError: amount or a share is no int in range.
        WeightsError: the shares sum to more than 10,000.
    """
    check_amount("amount", amount)
    for position, share in enumerate(shares_bps):
        check_int(f"shares_bps[{position}]", share, 1, BPS)
    if sum(shares_bps) > BPS:
        raise WeightsError(f"shares_bps: expected a sum of at most {BPS}, got {sum(shares_bps)}")
    parts = tuple(amount * share // BPS for share in shares_bps)
    return parts, amount - sum(parts)
