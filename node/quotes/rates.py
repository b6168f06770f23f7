"""Reference rates by ledger time: daily fixings read at the day the chain says it is.

On a devnet this is the rate player: advancing the ledger's clock moves through the fixings of a file.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from fx.currencies import get_currency
from fx.errors import FxError
from fx.ports import RateSource
from fx.rates import Rate, Rounding, minor_rate
from node.quotes.errors import UnavailableError

ORACLE_DECIMALS: Final = 18


@dataclass(frozen=True, slots=True)
class LedgerRates:
    """Mid rates of a source at ledger time."""

    source: RateSource

    def major(self, now_s: int, base: str, quote: str) -> Rate:
        """Return units of `quote` for one unit of `base` (major units), latest fixing at `now_s`.

        Raises:
            UnavailableError: the source has no such fixing.
        """
        try:
            return self.source.at(ledger_day(now_s), base, quote)
        except FxError as error:
            raise UnavailableError(f"rate {base}/{quote}: {error}") from error

    def mid(self, now_s: int, sold: str, bought: str) -> Rate:
        """Return the mid rate in minor units of `bought` for one minor unit of `sold`."""
        return minor_rate(self.major(now_s, sold, bought), get_currency(sold), get_currency(bought))

    def oracle_rate(self, now_s: int, pair: str) -> int:
        """Return the rate of a pair `EUR/KES` with 18 decimals, as FxOracle counts.

        Rounded down: a median of many needs one rule, and neither side is favoured by the last of 18 decimals.
        """
        base, quote = pair.split("/")
        return self.major(now_s, base, quote).scaled(10**ORACLE_DECIMALS, rounding=Rounding.FLOOR)


def ledger_day(now_s: int) -> date:
    """Return the UTC day of a ledger time."""
    return datetime.fromtimestamp(now_s, UTC).date()


def pair_id(pair: str) -> bytes:
    """Return a pair's id on chain: its name as ASCII, padded with zeros."""
    return pair.encode("ascii").ljust(32, b"\0")
