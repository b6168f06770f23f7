"""Rates, the float rule and the oracle in fractions, written from SPEC sections 5 and 6 alone."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from tests.models.escrow.records import BPS, Option, Rejected, require


@dataclass
class FloatRule:
    """FX terms under `float`; rates in minor units of X for one of F."""

    rate: Fraction
    band_bps: int = 300
    spread_bps: int = 50
    share_bps: int = 0
    option: Option = Option.SHARE
    cool_down_s: int = 0
    calls_max: int = 0
    scale: Fraction = Fraction(1, 10**18)
    """What turns a median (18 decimals, major units) into such a rate."""

    @property
    def lo(self) -> Fraction:
        return self.rate * (BPS - self.band_bps) / BPS

    @property
    def hi(self) -> Fraction:
        return self.rate * (BPS + self.band_bps) / BPS

    def covers(self, median: Fraction) -> bool:
        """Whether the median lies in the band."""
        return self.lo <= median <= self.hi

    def effective(self, median: Fraction) -> Fraction:
        """e(r): the edge and the importer's share of what is beyond it."""
        inside = min(max(median, self.lo), self.hi)
        return inside + (median - inside) * self.share_bps / BPS

    def costs(self, amount: int, rate: Fraction) -> int:
        """What an amount in X costs in F at a rate less the spread, rounded up."""
        return ceil(amount / (rate * (BPS - self.spread_bps) / BPS))

    def slice_of(self, amount: int) -> int:
        """B: enough down to the band's edge."""
        return self.costs(amount, self.lo)

    def threshold(self, amount: int, median: Fraction) -> int:
        """Below it a slice may be called for."""
        return self.costs(amount, self.effective(median))

    def target(self, amount: int, median: Fraction) -> int:
        """What restores a band below the median."""
        return self.costs(amount, self.effective(median * (BPS - self.band_bps) / BPS))

    def full(self, amount: int, median: Fraction) -> int:
        """What is owed in X."""
        return floor(amount * median / self.effective(median))

    def least_price(self, median: Fraction) -> Fraction:
        """The lowest quote that settles."""
        return median * (BPS - self.spread_bps) / BPS


def share_up(amount: int, share_bps: int) -> int:
    """A share of a slice in F, rounded up."""
    return ceil(Fraction(amount * share_bps, BPS))


def lock_slices(total: int, amounts: list[int]) -> list[int]:
    """Differences of the rounded-up running sums."""
    whole = sum(amounts)
    sums = [ceil(Fraction(total * sum(amounts[:count]), whole)) for count in range(len(amounts) + 1)]
    return [sums[index + 1] - sums[index] for index in range(len(amounts))]


@dataclass(frozen=True)
class Round:
    """A recorded round; the rate has 18 decimals."""

    rate: int
    started_at: int
    is_usable: bool


@dataclass
class Oracle:
    """One pair: the rounds that still matter. Reports and signatures are not modelled, only their median."""

    heartbeat_s: int
    jump_bps: int = BPS
    last: Round | None = None
    before: Round | None = None
    good: Round | None = None

    def record(self, rate: int, started_at: int) -> None:
        """A round's median; a jump counts only with a second round near it."""
        is_usable = self.good is None or self._near(rate, self.good.rate)
        if not is_usable and self.last is not None and not self.last.is_usable:
            is_usable = self._near(rate, self.last.rate)
        self.before, self.last = self.last, Round(rate, started_at, is_usable)
        if is_usable:
            self.good = self.last

    def median(self, now_s: int) -> int:
        """The usable median."""
        require(self.good is not None, "oracle: no median yet")
        assert self.good is not None
        require(self.last is self.good or self.last == self.good, "oracle: median waits after a jump")
        require(now_s - self.good.started_at <= self.heartbeat_s, "oracle: median stale")
        return self.good.rate

    def is_dead(self, now_s: int) -> bool:
        """Whether no median is usable."""
        try:
            self.median(now_s)
        except Rejected:
            return True
        return False

    def _near(self, rate: int, base: int) -> bool:
        return abs(rate - base) * BPS <= base * self.jump_bps
