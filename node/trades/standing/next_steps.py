"""Who may do what next in a funded trade, by when, and what happens if nobody does: the list a person works from.

A pure function over what the chain says. Which calls there are, from which states, with whose word and in which
windows is the state table's (`contracts.trade_table`); here the table meets one trade's names, times and rates.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from contracts.trade_table import TABLE, leaving, passing
from contracts.trade_transitions import Life, Moment, Option, Party, Policy, State, Transition, Weight

BPS: Final = 10_000
DAY_S: Final = 86_400
ANYONE: Final = "anyone"


@dataclass(frozen=True, slots=True)
class WindowLengths:
    """Of the terms, seconds; `unawarded_bps` 0: without an award what was due stands."""

    dispute_s: int
    award_s: int
    unawarded_bps: int
    call_s: int
    choice_s: int
    grace_s: int


@dataclass(frozen=True, slots=True)
class MilestoneFacts:
    """A milestone as the chain has stored it; times are seconds of ledger time, None while not yet so."""

    kind: str
    state: State
    deadline_s: int
    silence_pays: bool
    share_bps: int | None = None
    """What is due to the exporter's side."""
    due_at_s: int | None = None
    raised_at_s: int | None = None
    final_at_s: int | None = None
    assignee: str | None = None
    attesters: tuple[str, ...] = ()
    attested: frozenset[str] = frozenset()
    """Attesters that have said something."""


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """A funded trade with the names its parties go by."""

    policy: Policy
    importer: str
    exporter: str
    windows: WindowLengths
    expires_at_s: int
    """Effective expiry of the paying hold."""
    milestones: tuple[MilestoneFacts, ...]
    arbiter: str | None = None
    provider: str | None = None
    option: Option = Option.SHARE
    importer_share_bps: int = 0
    """Of what lies beyond the band, under `float`."""
    cool_down_s: int = 0
    calls_left: int = 0
    call_ends_at_s: int = 0
    """Of the last call for a top-up, 0 if there was none."""


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """What rates and the provider's hold allow now."""

    is_usable: bool = True
    """Whether the oracle has a median that counts."""
    is_below_band: bool = False
    is_out_twice: bool = False
    """The usable median and the round before it are outside the band."""
    is_too_small: bool = False
    """An open slice is below what the median asks for."""
    missing: int = 0
    """What a top-up has to bring, minor units of the funding currency; 0: nothing to top up."""
    short: frozenset[int] = frozenset()
    """Milestones whose slice cannot pay in full."""
    provider_failed: bool = False
    """Under `lock`: its hold has expired or it is frozen with scope `all`."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing that one party may do."""

    who: str
    """A party's name, or `anyone`."""
    role: str
    call: str
    """Of the contract."""
    milestone: int | None
    what: str
    weight: Weight
    from_s: int | None
    """First second it is possible; None: now."""
    until_s: int | None
    """Last second; None: as long as things stay as they are."""
    otherwise: str
    """What happens by itself if it is not done; empty: nothing."""


CALM: Final = MarketFacts()
"""A market that asks for nothing: what a caller that knows no rates starts from."""


def next_steps(trade: TradeFacts, now_s: int, market: MarketFacts = CALM) -> list[NextStep]:
    """Return what each party may do next, the most urgent first.

    Args:
        trade: The trade as stored; what time has made of it since is applied here.
        now_s: Ledger time of the next call.
        market: Without it, what only a rate or a failed provider allows is left out.
    """
    current = replace(trade, milestones=tuple(as_of(one, trade.windows, now_s) for one in trade.milestones))
    found: dict[tuple[str, str, int | None], NextStep] = {}
    for case in _cases(current, now_s, market):
        for step in _steps(case):
            found.setdefault((step.who, step.call, step.milestone), step)
    return sorted(found.values(), key=_urgency)


def as_of(milestone: MilestoneFacts, windows: WindowLengths, now_s: int) -> MilestoneFacts:
    """Return a milestone with time applied: silence after the deadline, finality after the windows."""
    while (row := passing(milestone.state)) is not None:
        end_s = _of_milestone(row.window.after[0], milestone, windows)
        if end_s is None or now_s <= end_s:
            break
        milestone = _passed(milestone, windows, end_s)
    return milestone


def _passed(milestone: MilestoneFacts, windows: WindowLengths, end_s: int) -> MilestoneFacts:
    if milestone.state is State.PENDING:
        share_bps = BPS if milestone.silence_pays else 0
        return replace(milestone, state=State.DUE, share_bps=share_bps, due_at_s=end_s)
    unawarded = windows.unawarded_bps if milestone.state is State.DISPUTED else 0
    return replace(milestone, state=State.FINAL, share_bps=unawarded or milestone.share_bps, final_at_s=end_s)


# Rows that apply -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """A row of the table where it applies: to a milestone, or (`index` None) to the trade."""

    row: Transition
    trade: TradeFacts
    """With time applied."""
    index: int | None
    now_s: int
    market: MarketFacts

    @property
    def milestone(self) -> MilestoneFacts:
        return self.trade.milestones[self.index or 0]

    @property
    def is_short(self) -> bool:
        return self.index in self.market.short

    def moment_s(self, moment: Moment) -> int | None:
        """Return a moment's second; None where it has not been set."""
        found = _of_trade(moment, self.trade)
        return _of_milestone(moment, self.milestone, self.trade.windows) if found is None else found


def _cases(current: TradeFacts, now_s: int, market: MarketFacts) -> Iterator[_Case]:
    unsettled = [index for index, one in enumerate(current.milestones) if one.state is not State.SETTLED]
    for index in unsettled:
        for row in leaving(current.milestones[index].state, current.policy, current.option):
            if not row.about_trade:
                yield _Case(row, current, index, now_s, market)
    for row in _about_open_trades(current.policy, current.option):
        if unsettled and all(current.milestones[index].state in row.before for index in unsettled):
            yield _Case(row, current, None, now_s, market)


@cache
def _about_open_trades(policy: Policy, option: Option) -> tuple[Transition, ...]:
    return tuple(row for row in TABLE if row.about_trade and row.life[0] is Life.OPEN and row.fits(policy, option))


def _steps(case: _Case) -> Iterator[NextStep]:
    row, window = case.row, case.row.window
    if case.now_s > case.trade.expires_at_s and Moment.EXPIRY not in window.after:
        # Nothing can be paid any more.
        return
    condition = _CONDITIONS.get((row.call, row.case), _CONDITIONS.get((row.call, "")))
    if row.is_time or (condition is not None and not condition(case)):
        return
    after = [second for moment in window.after if (second := case.moment_s(moment)) is not None]
    opens_s = min(after) + 1 if after else None
    until = _asked_until(case) or window.until
    until_s = None if until is None else case.moment_s(until)
    first_s = max(case.now_s, opens_s or 0)
    if until_s is not None and first_s > until_s:
        return
    for role in row.signers or (None,):
        for who in _names(role, case):
            yield NextStep(
                who=who,
                role=ANYONE if role is None else str(role),
                call=row.call,
                milestone=case.index,
                what=row.says.format(kind=case.milestone.kind),
                weight=row.weight,
                from_s=opens_s if opens_s is not None and opens_s > case.now_s else None,
                until_s=None if row.weight is Weight.OPTION else until_s,
                otherwise=_otherwise(case),
            )


def _asked_until(case: _Case) -> Moment | None:
    """Return until when a call is waited for, where it stays possible for longer: what follows waits no more."""
    if case.row.call == "top_up" and _is_called(case):
        return Moment.CALL_ENDS
    ends_s = case.moment_s(Moment.CHOICE_ENDS)
    is_choice = case.row.call == "settle_float" and bool(case.row.signers)
    return Moment.CHOICE_ENDS if is_choice and ends_s is not None and case.now_s <= ends_s else None


def _names(role: Party | None, case: _Case) -> list[str]:
    """Return who a role is, here."""
    trade, milestone = case.trade, case.milestone
    match role:
        case None:
            return [ANYONE]
        case Party.IMPORTER:
            return [trade.importer]
        case Party.HOLDER:
            return [milestone.assignee or trade.exporter]
        case Party.HOLDERS:
            open_ones = [one for one in trade.milestones if one.state is not State.SETTLED]
            return list(dict.fromkeys(one.assignee or trade.exporter for one in open_ones))
        case Party.ATTESTER:
            return [name for name in milestone.attesters if name not in milestone.attested]
        case Party.ARBITER:
            return [] if trade.arbiter is None else [trade.arbiter]
        case Party.PROVIDER:
            return [] if trade.provider is None else [trade.provider]
    # An assignee is whoever the exporter agrees with: nobody yet.
    return [trade.exporter] if role is Party.EXPORTER else []


# What else a row needs -----------------------------------------------------------------------------------------------


def _is_owed(case: _Case) -> bool:
    return bool(case.milestone.share_bps)


def _is_called(case: _Case) -> bool:
    return case.now_s <= case.trade.call_ends_at_s


def _is_last_day(case: _Case) -> bool:
    return case.now_s + DAY_S > case.trade.expires_at_s


def _can_call(case: _Case) -> bool:
    trade, market = case.trade, case.market
    is_wanted = trade.importer_share_bps > 0 and trade.calls_left > 0 and market.is_below_band and market.is_too_small
    return is_wanted and market.is_usable and not _is_called(case)


def _can_convert(case: _Case) -> bool:
    return _is_owed(case) and case.market.is_usable


def _all_pending(case: _Case) -> bool:
    return all(one.state is State.PENDING for one in case.trade.milestones)


_CONDITIONS: Final[Mapping[tuple[str, str], Callable[[_Case], bool]]] = {
    ("assign", ""): lambda case: case.milestone.assignee is None,
    # Every call reads silence off the clock: storing it changes nothing for anyone.
    ("declare_silence", ""): lambda case: False,
    ("dispute", ""): lambda case: case.trade.arbiter is not None,
    ("settle", "pays"): _is_owed,
    ("settle", "refunds"): lambda case: not _is_owed(case),
    ("settle_float", "the importer chose the quote"): lambda case: _can_convert(case) and not case.is_short,
    ("settle_float", "short, the holder chose the quote"): lambda case: _can_convert(case) and case.is_short,
    ("settle_float", "nobody chose"): lambda case: (
        _can_convert(case) and not (case.is_short and (_is_called(case) or _can_call(case)))
    ),
    # The ordinary payment needs no last resort.
    ("last_resort", "same currency or converted"): lambda case: False,
    ("last_resort", "the lock failed"): lambda case: _is_owed(case) and case.market.provider_failed,
    ("last_resort", "no conversion"): lambda case: _is_owed(case) and (not _is_called(case) or _is_last_day(case)),
    ("reprice", ""): _can_call,
    ("top_up", ""): lambda case: case.market.missing > 0,
    ("defer", ""): _all_pending,
    ("close_out_of_band", ""): lambda case: _all_pending(case) and case.market.is_out_twice,
}


# When ----------------------------------------------------------------------------------------------------------------


def _of_trade(moment: Moment, trade: TradeFacts) -> int | None:
    called = trade.call_ends_at_s or None
    match moment:
        case Moment.EXPIRY:
            return trade.expires_at_s
        case Moment.LAST_DAY:
            return trade.expires_at_s - DAY_S
        case Moment.LAST_CALL:
            return trade.expires_at_s - trade.windows.call_s - trade.windows.grace_s
        case Moment.CALL_ENDS:
            return called
        case Moment.COOLED_DOWN:
            return _after(called, trade.cool_down_s)
    return None


def _of_milestone(moment: Moment, milestone: MilestoneFacts, windows: WindowLengths) -> int | None:
    match moment:
        case Moment.DEADLINE:
            return milestone.deadline_s
        case Moment.DISPUTE_ENDS:
            return _after(milestone.due_at_s, windows.dispute_s)
        case Moment.AWARD_ENDS:
            return _after(milestone.raised_at_s, windows.award_s)
        case Moment.CHOICE_ENDS:
            return _after(milestone.final_at_s, windows.choice_s)
        case Moment.GRACE_ENDS:
            return _after(milestone.final_at_s, windows.grace_s)
    return None


def _after(start_s: int | None, seconds: int) -> int | None:
    return None if start_s is None else start_s + seconds


def _urgency(step: NextStep) -> tuple[bool, bool, float, str, str]:
    """What can be done now before what opens later, what is waited for before what is only possible, then by time."""
    last_s = float("inf") if step.until_s is None else step.until_s
    return (
        step.weight is Weight.OPTION,
        step.from_s is not None,
        last_s if step.from_s is None else step.from_s,
        step.call,
        step.who,
    )


# What happens otherwise ----------------------------------------------------------------------------------------------


def _otherwise(case: _Case) -> str:
    """Return what comes of it if nobody does it, in words."""
    if case.row.weight is Weight.OPTION:
        return ""
    match case.row.call:
        case "attest":
            return "it is paid" if case.milestone.silence_pays else "it is refunded"
        case "dispute":
            return f"{_share(case.milestone.share_bps)} of it is final"
        case "award":
            share_bps = case.trade.windows.unawarded_bps or case.milestone.share_bps
            return f"{_share(share_bps)} of it is final"
        case "settle_float" if case.row.signers:
            return "anyone may settle at a firm quote after the choice window"
        case "settle" | "settle_float" | "last_resort":
            return "the money goes back when the hold expires"
        case "top_up" | "reprice":
            return "what is held decides what is paid"
    return ""


def _share(share_bps: int | None) -> str:
    bps = share_bps or 0
    return f"{bps // 100}.{bps % 100:02d} %" if bps % 100 else f"{bps // 100} %"
