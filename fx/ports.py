"""What others may plug in here."""

from datetime import date
from typing import Protocol

from fx.rates import Rate


class RateSource(Protocol):
    """Daily mid fixings: a file, a package, later a service."""

    def at(self, day: date, base: str, quote: str) -> Rate:
        """Return major units of `quote` for one unit of `base`: the latest fixing on or before `day`.

        Raises:
            RateMissingError: there is none.
        """
        ...

    def days(self) -> tuple[date, ...]:
        """Return the days with fixings, ascending."""
        ...
