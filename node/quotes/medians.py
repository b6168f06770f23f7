"""The oracle's rounds as this institution saw them recorded: the median that is usable now, or why none is.

What the contract decides by at execution may be newer; this is what a bank looks at before it sends anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from fx.currencies import get_currency
from fx.rates import Rate
from fx.reprice import median_rate
from node.quotes.errors import UnavailableError
from node.quotes.store import OracleReport, OracleRound

ROUNDS_KEPT: Final = 48
"""Reports of older rounds are deleted."""


@dataclass(frozen=True, slots=True)
class OraclePair:
    """A pair `EUR/KES` and the length of its rounds, as configured in FxOracle."""

    name: str
    period_s: int
    heartbeat_s: int = 4 * 86_400
    """Age at which a median is stale, from the start of its round."""
    refresh_s: int = 3 * 86_400
    """Age of the last recorded round at which it is reported anew: well below the heartbeat."""
    deviation_bps: int = 10
    """Move since the last recorded median that is reported at once.

    A quote must keep to the median within the spread limit of its trade, 50 basis points in most: a provider that
    asks for 40 has no more than this to spare.
    """


@dataclass(frozen=True, slots=True)
class Median:
    """A recorded median."""

    value: int
    """Units of the quote currency for one of the base, 18 decimals."""
    round: int
    started_at_s: int
    rate: Rate
    """The same in minor units, as quotes are."""


class MedianBook:
    """Recorded rounds of every pair."""

    def __init__(self, pairs: Sequence[OraclePair]) -> None:
        self.pairs = {pair.name: pair for pair in pairs}

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Book a recorded round and forget what is old."""
        if event.contract != "FxOracle" or event.name != "RoundRecorded":
            return
        name = event.args["pair"].rstrip(b"\0").decode("ascii", "replace")
        row = round_row(session, name, event.args["round"])
        row.submitted, row.median, row.usable = True, event.args["median"], event.args["usable"]
        session.flush()
        self._forget(session, name, event.args["round"] - ROUNDS_KEPT)

    def median(self, session: Session, pair: str, now_s: int) -> Median:
        """Return the median that settles at `now_s`.

        Raises:
            UnavailableError: the pair is unknown, nothing is recorded, a jump waits for its second round, or the
                median is stale; the message says which.
        """
        last = self._last(session, pair)
        if last is None:
            raise UnavailableError(f"median {pair}: expected a recorded round, got none")
        if not last.usable:
            raise UnavailableError(f"median {pair}: expected a second round near the jump of round {last.round}")
        found = self._median(last)
        if now_s > found.started_at_s + self._pair(pair).heartbeat_s:
            raise UnavailableError(f"median {pair}: expected a fresh one, got one of {now_s - found.started_at_s} s")
        return found

    def last_good(self, session: Session, pair: str) -> Median:
        """Return the last median that was usable, of whatever age, as the last resort takes it.

        Raises:
            UnavailableError: the pair is unknown, or there never was one.
        """
        self._pair(pair)
        good = _recorded(pair).where(OracleRound.usable.is_(True)).limit(1)
        found = session.scalar(good)
        if found is None:
            raise UnavailableError(f"median {pair}: expected a usable round, got none")
        return self._median(found)

    def previous(self, session: Session, pair: str) -> Median | None:
        """Return the round recorded before the last one, usable or not; None if there was none."""
        self._pair(pair)
        found = session.scalar(_recorded(pair).offset(1).limit(1))
        return None if found is None else self._median(found)

    def _last(self, session: Session, pair: str) -> OracleRound | None:
        self._pair(pair)
        return session.scalar(_recorded(pair).limit(1))

    def _median(self, row: OracleRound) -> Median:
        value = row.median or 0
        base, quote = row.pair.split("/")
        rate = median_rate(value, get_currency(base), get_currency(quote))
        return Median(value, row.round, row.round * self._pair(row.pair).period_s, rate)

    def _pair(self, name: str) -> OraclePair:
        found = self.pairs.get(name)
        if found is None:
            raise UnavailableError(f"median {name}: expected one of {', '.join(self.pairs) or 'no'} pairs")
        return found

    def _forget(self, session: Session, pair: str, oldest: int) -> None:
        """Delete old rounds; the last two recorded and the last usable one stay, whatever their age."""
        kept = [row.round for row in session.scalars(_recorded(pair).limit(2))]
        good = session.scalar(_recorded(pair).where(OracleRound.usable.is_(True)).limit(1))
        oldest = min([oldest, *kept, *([] if good is None else [good.round])])
        session.execute(delete(OracleReport).where(OracleReport.pair == pair, OracleReport.round < oldest))
        session.execute(delete(OracleRound).where(OracleRound.pair == pair, OracleRound.round < oldest))


def round_row(session: Session, pair: str, number: int) -> OracleRound:
    """Return the row of a round, made if it is new."""
    found = session.get(OracleRound, (pair, number))
    if found is None:
        found = OracleRound(pair=pair, round=number, submitted=False, median=None, usable=None)
        session.add(found)
        session.flush()
    return found


def _recorded(pair: str) -> Select[OracleRound]:
    recorded = select(OracleRound).where(OracleRound.pair == pair, OracleRound.median.is_not(None))
    return recorded.order_by(OracleRound.round.desc())
