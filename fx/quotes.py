"""Pricing of firm quotes: mid, spread and fee as separate entries, one all-in rate; of a lock, premium and cancel fee.

Of what the taker sells, the fee is kept first and the rest is exchanged at mid less the spread:

    all_in = mid * (1 - spread) * (1 - fee)

A lock's premium is paid on top, at funding, for standing ready; its cancel fee is what giving the lock up costs.

All rates here are minor units of the bought currency for one minor unit of the sold one.

Source: docs/spec/settlement.md, sections 4 and 6; docs/spec/money.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol, TypeVar

from fx.checks import AMOUNT_BITS, BPS, check_amount, check_bps, check_int
from fx.errors import InvalidNumberError, NoOfferError
from fx.rates import Rate, Rounding, divide

PREMIUM_PERIOD_S: Final = 30 * 86_400
"""What a lock's premium is stated for: 30 days."""


@dataclass(frozen=True, slots=True)
class Price:
    """One provider's price for a pair, in minor units of the bought per minor unit of the sold currency."""

    mid: Rate
    spread_bps: int
    fee_bps: int
    all_in: Rate
    """Both parts below 2**64, as the contract takes them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one exchange costs, in minor units of the sold currency; the three parts add up to `sell_minor`."""

    sell_minor: int
    value_minor: int
    """The bought amount at mid, rounded down."""
    spread_minor: int
    """What the provider earns by the rate, roundings included."""
    fee_minor: int

    @property
    def total_minor(self) -> int:
        return self.spread_minor + self.fee_minor


class Offer(Protocol):
    """A firm quote as far as choosing needs it; amounts in minor units of the bought currency."""

    @property
    def all_in(self) -> Rate: ...

    @property
    def premium(self) -> int:
        """Paid on top, in minor units of the sold currency."""
        ...

    @property
    def min_amount(self) -> int: ...

    @property
    def max_amount(self) -> int: ...


AnyOffer = TypeVar("AnyOffer", bound=Offer)


def price(mid: Rate, spread_bps: int, fee_bps: int) -> Price:
    """Return the price at this mid (minor units).

    The all-in rate is rounded down where it needs more than 64 bits: toward the provider, who stands behind it.

    Raises:
        InvalidNumberError: spread or fee outside 0 to 9,999 basis points, or a rate outside 64 bits.
    """
    check_int("spread_bps", spread_bps, 0, BPS - 1)
    check_int("fee_bps", fee_bps, 0, BPS - 1)
    exact = Rate(mid.numerator * (BPS - spread_bps) * (BPS - fee_bps), mid.denominator * BPS * BPS)
    return Price(mid, spread_bps, fee_bps, exact.bounded(rounding=Rounding.FLOOR))


def sell_amount(all_in: Rate, buy_minor: int) -> int:
    """Return what must be paid for `buy_minor`, in minor units of the sold currency.

    Rounds up, toward the provider: paying for many parts is never cheaper than for the whole.

    Raises:
        InvalidNumberError: the result exceeds 2**72 - 1 minor units.
    """
    sold = all_in.inverse().scaled(buy_minor, rounding=Rounding.CEIL)
    check_int("sell_amount", sold, 0, 2**AMOUNT_BITS - 1)
    return sold


def lock_premium(sell_minor: int, bps_per_30d: int, length_s: int) -> int:
    """Return what standing ready to sell for `length_s` seconds costs, in minor units of the sold currency.

    In proportion to time, rounded up, toward the provider, who stands ready.

    Raises:
        InvalidNumberError: a number out of range, or a premium above 2**72 - 1 minor units.
    """
    check_amount("sell_minor", sell_minor)
    check_bps("bps_per_30d", bps_per_30d)
    check_int("length_s", length_s, 0, 2**32 - 1)
    premium = divide(sell_minor * bps_per_30d * length_s, BPS * PREMIUM_PERIOD_S, rounding=Rounding.CEIL)
    check_int("premium", premium, 0, 2**AMOUNT_BITS - 1)
    return premium


def cancel_fee(sell_minor: int, fee_bps: int) -> int:
    """Return what giving a whole lock up costs, in minor units of the sold currency: rounded up, at most the price."""
    check_amount("sell_minor", sell_minor)
    check_bps("fee_bps", fee_bps)
    return divide(sell_minor * fee_bps, BPS, rounding=Rounding.CEIL)


def effective_rate(all_in: Rate, premium_minor: int, buy_minor: int) -> Rate:
    """Return what is bought for one unit paid, premium included: the all-in rate itself where there is none.

    Raises:
        InvalidNumberError: nothing is bought, or the premium is no amount.
    """
    check_amount("premium_minor", premium_minor)
    check_int("buy_minor", buy_minor, 1, 2**AMOUNT_BITS - 1)
    paid = buy_minor * all_in.denominator + premium_minor * all_in.numerator
    return Rate(buy_minor * all_in.numerator, paid)


def total_cost_bps(mid: Rate, all_in: Rate) -> Fraction:
    """Return what the all-in rate takes away from mid, exactly, in basis points; negative when better than mid."""
    return BPS * (1 - Fraction(all_in.numerator * mid.denominator, all_in.denominator * mid.numerator))


def total_cost_percent(mid: Rate, all_in: Rate) -> Fraction:
    """Return the same in percent, exactly."""
    return total_cost_bps(mid, all_in) / 100


def percent_text(percent: Fraction, places: int = 2) -> str:
    """Return a percentage for people, rounded half away from zero, such as `0.45 %`."""
    scaled = (2 * abs(percent.numerator) * 10**places + percent.denominator) // (2 * percent.denominator)
    whole, rest = divmod(scaled, 10**places)
    sign = "-" if percent < 0 and scaled else ""
    return f"{sign}{whole}.{rest:0{places}d} %" if places else f"{sign}{whole} %"


def cost_of(mid: Rate, all_in: Rate, fee_bps: int, buy_minor: int) -> Cost:
    """Split what is paid for `buy_minor` into value at mid, spread and fee (floor of the sold amount's share).

    Raises:
        InvalidNumberError: the all-in rate is better than mid after the fee, so there is no spread to show.
    """
    check_bps("fee_bps", fee_bps)
    sold = sell_amount(all_in, buy_minor)
    value = mid.inverse().scaled(buy_minor, rounding=Rounding.FLOOR)
    fee = divide(sold * fee_bps, BPS, rounding=Rounding.FLOOR)
    spread = sold - value - fee
    if spread < 0:
        raise InvalidNumberError("all_in", "a rate not above mid less the fee", f"{-spread} minor units less than mid")
    return Cost(sell_minor=sold, value_minor=value, spread_minor=spread, fee_minor=fee)


def best_quote(offers: Iterable[AnyOffer], buy_minor: int) -> AnyOffer:
    """Return the offer that costs least for `buy_minor`, premium included; the first of equals.

    Raises:
        NoOfferError: no offer's minimum and maximum include the amount.
    """
    check_amount("buy_minor", buy_minor)
    usable = [offer for offer in offers if offer.min_amount <= buy_minor <= offer.max_amount]
    if not usable:
        raise NoOfferError(f"buy_minor: expected an amount that an offer covers, got {buy_minor}; ask for quotes again")
    return min(usable, key=lambda offer: sell_amount(offer.all_in, buy_minor) + offer.premium)
