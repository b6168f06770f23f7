"""What a provider asks for: spread and fee on the mid rate, and for a lock a premium by time and a cancel fee."""

from dataclasses import dataclass
from typing import Any, Final

from contracts.client.deployment import Deployment
from fx import quotes as fx_quotes
from fx.errors import FxError
from fx.rates import Rate
from node.quotes.errors import RejectedError
from node.quotes.requests import LOCK_S_MAX, Wanted

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Pricing:
    """What this provider puts on the mid rate, and for how long it stands behind a quote."""

    spread_bps: int
    fee_bps: int
    valid_s: int = 600
    lock_premium_bps_per_30d: int = 40
    """Of the price, for each 30 days that a lock stands ready."""
    cancel_fee_bps: int = 50
    """Of the price, when a lock is given up."""


def build_quote(
    pricing: Pricing,
    wanted: Wanted,
    mid: Rate,
    *,
    provider: str,
    deployment: Deployment,
    reserve_id: bytes,
    salt: bytes,
    now_s: int,
) -> dict[str, Any]:
    """Return the typed message `Quote` that answers a request at this mid rate.

    Raises:
        RejectedError: the amount or the time is none that this provider quotes.
    """
    try:
        priced = fx_quotes.price(mid, pricing.spread_bps, pricing.fee_bps)
        sold = fx_quotes.sell_amount(priced.all_in, wanted.buy_minor)
        premium, cancel_fee = _lock_costs(pricing, wanted, sold, now_s)
    except FxError as error:
        raise RejectedError("request", "an amount and a pair this desk can price", str(error)) from error
    return {
        "provider": provider,
        "kind": wanted.kind,
        "lock_until": wanted.lock_until_s or 0,
        "sell_token": deployment.address(wanted.sell_currency),
        "buy_token": deployment.address(wanted.buy_currency),
        "rate_num": priced.all_in.numerator,
        "rate_den": priced.all_in.denominator,
        "fee_bps": priced.fee_bps,
        "premium": premium,
        "cancel_fee": cancel_fee,
        "min_amount": wanted.min_minor,
        "max_amount": wanted.max_minor,
        "taker": wanted.taker,
        "trade_id": wanted.trade_id,
        "reserve_id": reserve_id,
        "expires_at": now_s + pricing.valid_s,
        "salt": salt,
    }


def _lock_costs(pricing: Pricing, wanted: Wanted, sold: int, now_s: int) -> tuple[int, int]:
    """Return (premium, cancel fee) in minor units of the sold currency: nothing for spot."""
    if wanted.lock_until_s is None:
        return 0, 0
    length_s = wanted.lock_until_s - now_s
    if not pricing.valid_s < length_s <= LOCK_S_MAX:
        expected = f"more than {pricing.valid_s} s and at most {LOCK_S_MAX // DAY_S} days from now"
        raise RejectedError("lock_until_s", expected, f"{length_s} s")
    premium = fx_quotes.lock_premium(sold, pricing.lock_premium_bps_per_30d, length_s)
    return premium, fx_quotes.cancel_fee(sold, pricing.cancel_fee_bps)
