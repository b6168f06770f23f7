"""Every state that a small trade can reach, breadth first: who may act, acts; time moves in steps of a day.

All windows are a day long, so both sides of every edge are visited: the second in which something ends, and the one
after it. States that have the same future are one state. A failure names the acts that led to it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tests.models.escrow import BPS, DAY_S, Policy, Rejected, State
from tests.models.plays import START_S, Act, Plan, Play
from tests.models.token import SCOPE_ALL, Refused

Key = int


@dataclass(frozen=True)
class Instance:
    """A plan and what its actors do beside attesting, settling and waiting."""

    name: str
    plan: Plan
    decides: bool = False
    """Parties accept, dispute and cancel, the arbiter awards."""
    waives: tuple[int, ...] = ()
    assigns: bool = False
    amends: tuple[tuple[int, int, Fraction | None], ...] = ()
    """Amount, later by, rate."""
    medians: tuple[Fraction, ...] = ()
    """What the oracle may say after funding, each once."""
    oracle_may_die: bool = False
    freezes: tuple[tuple[str, str, int], ...] = ()
    """Token, account, seconds; one order at a time and two in all."""
    attests: tuple[tuple[int, int], ...] = ((1, BPS), (2, 0))
    shares: tuple[int, ...] = (0, 5_000)


@dataclass
class Explored:
    """What was found."""

    states: int = 0
    acts: int = 0
    refusals: int = 0
    closed: int = 0


def explore(instance: Instance) -> Explored:
    """Visit every state and check it.

    Raises:
        AssertionError: an invariant fails; its notes are the acts from funding to there.
    """
    start = Play(instance.plan)
    parents: dict[Key, tuple[Key, Act] | None] = {hash(start.key()): None}
    queue, found = deque([start]), Explored()
    while queue:
        play = queue.popleft()
        key = hash(play.key())
        found.states += 1
        try:
            check_state(play)
        except AssertionError as failure:
            failure.add_note(f"{instance.name}: {path_to(parents, key)}")
            raise
        if play.trade.cause is not None:
            found.closed += 1
            continue
        for act in acts_of(play, instance):
            found.acts += 1
            after = play.clone()
            try:
                after.act(act)
            except (Rejected, Refused):
                found.refusals += 1
                continue
            after_key = hash(after.key())
            if after_key not in parents:
                parents[after_key] = (key, act)
                queue.append(after)
    return found


def check_state(play: Play) -> None:
    """What must hold in every state of every trade."""
    play.check()
    play.check_ways_out()
    check_nothing_waits(play)


def check_nothing_waits(play: Play) -> None:
    """Once grace has passed anyone can pay what is final, unless a freeze or a running call stands in the way."""
    escrow, trade = play.escrow, play.trade
    if trade.cause is not None or escrow.now_s > escrow.expiry_of(trade.paying) or escrow.is_call_open(trade):
        return
    if escrow.tokens[trade.paying.token].is_frozen("importer", SCOPE_ALL, escrow.now_s):
        return
    for index, milestone in enumerate(trade.milestones):
        state, share, _, final_at = escrow._after_time(trade, index)
        if state == State.FINAL and (share == 0 or escrow.now_s > final_at + trade.windows.grace_s):
            way_out = play.takes(("settle", index)) or play.takes(("last_resort", index))
            assert way_out, f"milestone {index} waits"
            assert len(way_out.trade.milestones[index].payments) == (share > 0) + len(milestone.payments)


def acts_of(play: Play, instance: Instance) -> Iterator[Act]:
    """Everything the instance's actors may try now, and the next two seconds that matter."""
    trade = play.trade
    for index, milestone in enumerate(trade.milestones):
        if milestone.state != State.SETTLED:
            yield from _milestone_acts(play, instance, index)
    yield ("lapse",)
    if instance.decides:
        yield ("cancel", "importer", *trade.holders())
        if trade.policy == Policy.LOCK:
            yield ("cancel", "importer", "provider", *trade.holders())
    for amount, later_s, rate in instance.amends:
        if trade.version == 1:
            yield ("amend", amount, later_s, rate, "importer", "provider", *trade.holders())
            if trade.policy == Policy.LOCK:
                yield ("amend", amount, later_s, rate, "importer", *trade.holders())
    if trade.policy == Policy.FLOAT:
        yield from _rate_acts(play, instance)
    yield from _freeze_acts(play, instance)
    if play.escrow.now_s <= max(play.escrow.expiry_of(leg) for leg in trade.legs()):
        yield ("go", _next_instant(play))


def path_to(parents: dict[Key, tuple[Key, Act] | None], key: Key) -> list[Act]:
    """The acts that led to a state."""
    path = []
    while (step := parents[key]) is not None:
        key, act = step
        path.append(act)
    return path[::-1]


def _next_instant(play: Play) -> int:
    """The next whole day since the start, or the second after one; beyond that, where the holds end."""
    now_s = play.escrow.now_s
    day = START_S + (now_s - START_S) // DAY_S * DAY_S
    ends = [play.escrow.expiry_of(leg) + after for leg in play.trade.legs() for after in (-DAY_S, 1 - DAY_S, 0, 1)]
    return min(time for time in (day + 1, day + DAY_S, *ends) if time > now_s)


def _milestone_acts(play: Play, instance: Instance, index: int) -> Iterator[Act]:
    trade = play.trade
    milestone, holder = trade.milestones[index], trade.holder(index)
    if milestone.state == State.PENDING:
        for attester in milestone.attesters:
            yield from (("attest", index, attester, *claim) for claim in instance.attests)
        yield ("silence", index)
    if instance.decides:
        yield ("accept", index, "importer")
        yield from (("dispute", index, party) for party in ("importer", holder))
        yield from (("award", index, share) for share in instance.shares)
    yield from (("waive", index, amount, holder) for amount in instance.waives)
    if instance.assigns:
        yield ("assign", index, "exporter")
    yield ("settle", index)
    yield ("last_resort", index)
    if trade.policy == Policy.FLOAT:
        yield ("settle_float", index, 0, None)
        yield ("settle_float", index, 25, "importer")
        yield ("settle_float", index, 0, holder)
        if trade.rule and trade.rule.option:
            yield ("defer", index, play.plan.slack_s, holder)


def _rate_acts(play: Play, instance: Instance) -> Iterator[Act]:
    trade, oracle = play.trade, play.escrow.oracle
    heard = 0 if oracle.last is None or oracle.before is None else 1 + _place_of(oracle.last.rate, instance)
    if heard < len(instance.medians) and oracle.heartbeat_s >= 0:
        yield ("median", instance.medians[heard])
    if instance.oracle_may_die and oracle.heartbeat_s >= 0:
        yield ("oracle_dies",)
    if trade.rule and trade.rule.share_bps:
        yield ("reprice",)
        yield ("top_up",)
    if trade.rule and trade.rule.option:
        yield ("close_out_of_band", "importer")
        yield ("close_out_of_band", *trade.holders())


def _place_of(rate: int, instance: Instance) -> int:
    """Medians come in the instance's order and differ."""
    return [int(median * 10**18) for median in instance.medians].index(rate)


def _freeze_acts(play: Play, instance: Instance) -> Iterator[Act]:
    for token, account, span_s in instance.freezes:
        model = play.escrow.tokens[token]
        orders = [order for order in model.orders.get(account, []) if order.end >= play.escrow.now_s]
        if not orders and model.last_order < 1:
            yield ("freeze", token, account, SCOPE_ALL, span_s)
        yield from (("lift", token, account, order.number) for order in orders)
