"""The flight simulator: what a change of the validator set would do, before anyone votes for it.

Pure arithmetic over powers. A set decides with more than two thirds of its power; so who has a third can halt it, and
who has more than two thirds can write what they like. A bank may have two keys while it rotates; here they are one.

Source: docs/spec/governance.md; CometBFT 0.38 spec/consensus/consensus.md.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

VALIDATORS_MAX: Final = 200
KEYS_PER_OWNER_MAX: Final = 2
TOTAL_POWER_MAX: Final = 2**48
"""As the contract (contracts/src/modules/validator_set.vy), which refuses what exceeds these."""
GROUPS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Seat:
    """A consensus key in the set, whose it is, and its voting power; in a change, the new power, zero removes."""

    key: str
    owner: str
    power: int


@dataclass(frozen=True, slots=True)
class InFlight:
    """A proposal that may be executed before or after the change that is simulated."""

    name: str
    changes: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of as few banks as possible that can do something; no group where no number of banks can."""

    groups: tuple[tuple[str, ...], ...]
    is_complete: bool
    """False where there are more than GROUPS_SHOWN of this size."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who can do what in one validator set."""

    total: int
    quorum: int
    """The least power that decides."""
    powers: Mapping[str, int]
    """By owner, the largest first."""
    halting: Groups
    forking: Groups

    @property
    def can_halt_alone(self) -> tuple[str, ...]:
        """Return every bank with a third of the power."""
        return tuple(owner for owner, power in self.powers.items() if 3 * power >= self.total)

    @property
    def can_fork_alone(self) -> tuple[str, ...]:
        """Return the bank with more than two thirds of the power, if there is one."""
        return tuple(owner for owner, power in self.powers.items() if 3 * power > 2 * self.total)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the change would do; `reasons` say why it is unsafe."""

    before: Standing
    after: Standing
    moved: int
    """Power that joins and power that leaves, together."""
    keeps_quorum: bool
    """Whether the rest decides while the nodes that the change is about, and those known to be offline, are silent."""
    conflicts: tuple[str, ...]
    """Names of proposals in flight that change a key which this one changes too."""
    reasons: tuple[str, ...]

    @property
    def is_safe(self) -> bool:
        """Tell whether nothing speaks against the change."""
        return not self.reasons


def simulate(
    seats: Sequence[Seat],
    changes: Sequence[Seat],
    *,
    in_flight: Sequence[InFlight] = (),
    offline: Collection[str] = (),
    is_forced: bool = False,
) -> Verdict:
    """Say what a change does to a validator set.

    Args:
        seats: The set as it is, every key once.
        changes: New powers by key, executed in one block; a key that is new joins.
        in_flight: Other proposals that change validators and have not ended.
        offline: Owners known not to vote now.
        is_forced: The proposal is flagged to move more than a third of the power in one block.
    """
    before, after = _standing(seats), _standing(_applied(seats, changes))
    moved = _moved(seats, changes)
    keeps_quorum = _keeps_quorum(seats, changes, offline)
    conflicts = tuple(one.name for one in in_flight if _keys(one.changes) & _keys(changes))
    reasons = [
        *_refusals(seats, changes),
        *_power_reasons(before, after, moved, is_forced),
        *([] if keeps_quorum else [_silent_reason(seats, changes, offline)]),
        *(f"{name}: expected other keys than this change has, got one that both change" for name in conflicts),
        *_in_flight_reasons(seats, changes, in_flight, offline, keeps_quorum),
    ]
    return Verdict(before, after, moved, keeps_quorum, conflicts, tuple(reasons))


def _standing(seats: Sequence[Seat]) -> Standing:
    owned: Counter[str] = Counter()
    for seat in seats:
        owned[seat.owner] += seat.power
    powers = dict(sorted(owned.items(), key=lambda item: (-item[1], item[0])))
    total = sum(powers.values())
    return Standing(
        total=total,
        quorum=2 * total // 3 + 1,
        powers=powers,
        halting=_smallest_groups(powers, lambda power: total > 0 and 3 * power >= total),
        forking=_smallest_groups(powers, lambda power: 3 * power > 2 * total),
    )


def _smallest_groups(powers: Mapping[str, int], suffices: Callable[[int], bool]) -> Groups:
    """Return the smallest groups whose power suffices; `powers` has the largest first."""
    ordered = list(powers.items())
    size, reached = 0, 0
    while size < len(ordered) and not suffices(reached):
        reached += ordered[size][1]
        size += 1
    if not size or not suffices(reached):
        return Groups((), True)
    found: list[tuple[str, ...]] = []
    _extend(ordered, 0, (), 0, size, suffices, found)
    return Groups(tuple(found[:GROUPS_SHOWN]), len(found) <= GROUPS_SHOWN)


def _extend(
    ordered: Sequence[tuple[str, int]],
    start: int,
    group: tuple[str, ...],
    power: int,
    missing: int,
    suffices: Callable[[int], bool],
    found: list[tuple[str, ...]],
) -> None:
    """Collect the groups that begin with `group`; a branch is left when even the largest of the rest do not suffice."""
    if not missing:
        found.append(group)
        return
    for place in range(start, len(ordered) - missing + 1):
        best = power + sum(next_power for _, next_power in ordered[place : place + missing])
        if not suffices(best) or len(found) > GROUPS_SHOWN:
            return
        owner, own = ordered[place]
        _extend(ordered, place + 1, (*group, owner), power + own, missing - 1, suffices, found)


def _applied(seats: Sequence[Seat], changes: Sequence[Seat]) -> list[Seat]:
    by_key = {seat.key: seat for seat in (*seats, *changes)}
    return [seat for seat in by_key.values() if seat.power]


def _keys(changes: Sequence[Seat]) -> frozenset[str]:
    return frozenset(change.key for change in changes)


def _moved(seats: Sequence[Seat], changes: Sequence[Seat]) -> int:
    powers = {seat.key: seat.power for seat in seats}
    return sum(abs(change.power - powers.get(change.key, 0)) for change in changes)


def _silent_power(seats: Sequence[Seat], changes: Sequence[Seat], offline: Collection[str]) -> tuple[int, int]:
    """Return the power that may be silent after the change, and the total."""
    after, affected = _applied(seats, changes), _keys(changes)
    silent = sum(seat.power for seat in after if seat.key in affected or seat.owner in offline)
    return silent, sum(seat.power for seat in after)


def _keeps_quorum(seats: Sequence[Seat], changes: Sequence[Seat], offline: Collection[str]) -> bool:
    silent, total = _silent_power(seats, changes, offline)
    return 3 * (total - silent) > 2 * total


def _silent_reason(seats: Sequence[Seat], changes: Sequence[Seat], offline: Collection[str]) -> str:
    silent, total = _silent_power(seats, changes, offline)
    return (
        f"quorum: expected {2 * total // 3 + 1} of {total} without the nodes that change and those that are offline, "
        f"got {total - silent}; change fewer at a time, or bring nodes back first"
    )


def _refusals(seats: Sequence[Seat], changes: Sequence[Seat]) -> list[str]:
    """Return why the contract would refuse the change, whoever votes for it."""
    held = {seat.key: seat for seat in seats}
    reasons = []
    for change in changes:
        seat = held.get(change.key)
        if seat is None and not change.power:
            reasons.append(f"{change.key}: expected a key of the set to remove, got none")
        elif seat is not None and seat.owner != change.owner:
            reasons.append(f"{change.key}: expected its owner {seat.owner}, got {change.owner}")
    if len(_keys(changes)) != len(changes):
        reasons.append("changes: expected every key once, got a key twice; a key changes once in a block")
    after = _applied(seats, changes)
    if not after:
        reasons.append("set: expected a validator to be left, got none")
    if len(after) > VALIDATORS_MAX:
        reasons.append(f"set: expected at most {VALIDATORS_MAX} validators, got {len(after)}")
    if (total := sum(seat.power for seat in after)) > TOTAL_POWER_MAX:
        reasons.append(f"power: expected at most {TOTAL_POWER_MAX} together, got {total}")
    for owner, keys in sorted(Counter(seat.owner for seat in after).items()):
        if keys > KEYS_PER_OWNER_MAX:
            reasons.append(f"{owner}: expected at most {KEYS_PER_OWNER_MAX} keys, got {keys}; remove its old one first")
    return reasons


def _power_reasons(before: Standing, after: Standing, moved: int, is_forced: bool) -> list[str]:
    """Return what the new powers make possible that was not."""
    reasons = []
    if before.total and 3 * moved > before.total and not is_forced:
        reasons.append(
            f"moved: expected at most a third of {before.total} in one block, got {moved}; "
            "split the change, or force the proposal"
        )
    for owner in after.can_halt_alone:
        if owner not in before.can_halt_alone:
            got = after.powers[owner]
            reasons.append(f"{owner}: expected less than a third of {after.total}, got {got}; alone it could halt all")
    for owner in after.can_fork_alone:
        if owner not in before.can_fork_alone:
            got = after.powers[owner]
            reasons.append(f"{owner}: expected at most two thirds of {after.total}, got {got}; alone it could fork")
    return reasons


def _in_flight_reasons(
    seats: Sequence[Seat],
    changes: Sequence[Seat],
    in_flight: Sequence[InFlight],
    offline: Collection[str],
    keeps_quorum: bool,
) -> list[str]:
    """Return what goes wrong only when others are executed too: each alone, and all of them."""
    cases: list[tuple[Sequence[InFlight], str]] = [([one], one.name) for one in in_flight]
    if len(in_flight) > 1:
        cases.append((in_flight, "all in flight"))
    reasons = []
    for others, name in cases:
        together = [*(change for other in others for change in other.changes), *changes]
        if keeps_quorum and not _keeps_quorum(seats, together, offline):
            reasons.append(f"{name}: together with this, {_silent_reason(seats, together, offline)}")
        if not _applied(seats, together):
            reasons.append(f"{name}: together with this, set: expected a validator to be left, got none")
    return reasons
