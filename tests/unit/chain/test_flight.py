"""The flight simulator: cases worked out by hand, and random sets against counting every group."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.flight import GROUPS_SHOWN, InFlight, Seat, Standing, simulate


def _set(*powers: int) -> list[Seat]:
    """Banks A, B, ... with one key each."""
    return [Seat(f"key-{name}", name, power) for name, power in zip("ABCDEFGH", powers, strict=False)]


def _joins(owner: str, power: int, key: str = "new") -> Seat:
    return Seat(key, owner, power)


def _leaves(owner: str) -> Seat:
    return Seat(f"key-{owner}", owner, 0)


FOUR = _set(1, 1, 1, 1)


# ------------------------------------------------------------------ what a set is


def test_standing_of_four_equal_banks() -> None:
    standing = simulate(FOUR, []).before
    assert (standing.total, standing.quorum) == (4, 3)
    assert standing.powers == {"A": 1, "B": 1, "C": 1, "D": 1}
    assert len(standing.halting.groups) == 6
    assert all(len(group) == 2 for group in standing.halting.groups)
    assert len(standing.forking.groups) == 4
    assert all(len(group) == 3 for group in standing.forking.groups)
    assert (standing.can_halt_alone, standing.can_fork_alone) == ((), ())


def test_standing_of_three_equal_banks_which_each_can_halt() -> None:
    standing = simulate(_set(1, 1, 1), []).before
    assert standing.quorum == 3
    assert standing.can_halt_alone == ("A", "B", "C")
    assert standing.halting.groups == (("A",), ("B",), ("C",))
    assert standing.forking.groups == (("A", "B", "C"),)


def test_standing_counts_both_keys_of_a_bank_together() -> None:
    standing = simulate([*FOUR, Seat("second", "A", 1)], []).before
    assert standing.powers == {"A": 2, "B": 1, "C": 1, "D": 1}
    assert standing.can_halt_alone == ("A",)


def test_standing_of_a_bank_with_more_than_two_thirds() -> None:
    exactly, more = simulate(_set(4, 1, 1), []).before, simulate(_set(5, 1, 1), []).before
    assert (exactly.can_fork_alone, more.can_fork_alone) == ((), ("A",))
    assert more.forking.groups == (("A",),)


def test_groups_are_bounded_and_say_so() -> None:
    standing = simulate([Seat(f"key-{number}", f"bank {number:03}", 1) for number in range(200)], []).before
    assert len(standing.halting.groups) == GROUPS_SHOWN
    assert not standing.halting.is_complete
    assert {len(group) for group in standing.halting.groups} == {67}
    assert {len(group) for group in standing.forking.groups} == {134}


powers = st.lists(st.integers(1, 12), min_size=1, max_size=7)


@given(powers)
def test_groups_are_the_smallest_there_are(chosen: list[int]) -> None:
    seats = _set(*chosen)
    standing, total = simulate(seats, []).before, sum(chosen)
    for groups, is_enough in (
        (standing.halting, lambda power: power >= total / 3),
        (standing.forking, lambda power: power > total - total / 3 + 1e-9),
    ):
        by_size = {
            size: [group for group in combinations(seats, size) if is_enough(sum(seat.power for seat in group))]
            for size in range(1, len(seats) + 1)
        }
        smallest = next(found for found in by_size.values() if found)
        expected = {frozenset(seat.owner for seat in group) for group in smallest}
        shown = {frozenset(group) for group in groups.groups}
        assert len(shown) == len(groups.groups) == min(len(expected), GROUPS_SHOWN)
        assert shown <= expected
        assert groups.is_complete == (len(expected) <= GROUPS_SHOWN)


# ------------------------------------------------------------------ what a change does


def test_fifth_bank_may_join_four() -> None:
    verdict = simulate(FOUR, [_joins("E", 1)])
    assert (verdict.is_safe, verdict.reasons) == (True, ())
    assert (verdict.before.quorum, verdict.after.quorum) == (3, 4)
    assert (verdict.after.total, verdict.moved, verdict.keeps_quorum) == (5, 1, True)


def test_third_bank_that_is_still_down_would_stop_two() -> None:
    verdict = simulate(_set(1, 1), [_joins("C", 1)], is_forced=True)
    assert not verdict.keeps_quorum
    assert any("expected 3 of 3" in reason and "got 2" in reason for reason in verdict.reasons)


def test_removal_is_unsafe_when_it_lets_single_banks_halt() -> None:
    verdict = simulate(FOUR, [_leaves("D")])
    assert verdict.keeps_quorum
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["A", "B", "C"]
    assert simulate(_set(1, 1, 1, 1, 1), [_leaves("E")]).is_safe


def test_removal_is_unsafe_when_another_bank_is_offline() -> None:
    seats = _set(1, 1, 1, 1, 1)
    assert simulate(seats, [_leaves("E")], offline=["E"]).is_safe
    assert simulate(seats, [_leaves("E")], offline=["D"]).is_safe
    verdict = simulate(seats, [_leaves("E")], offline=["C", "D"])
    assert verdict.reasons == (
        "quorum: expected 3 of 4 without the nodes that change and those that are offline, got 2; "
        "change fewer at a time, or bring nodes back first",
    )


def test_more_than_a_third_is_unsafe_unless_forced() -> None:
    seats = _set(*[10] * 8)
    more = [_leaves("A"), _leaves("B"), _leaves("C")]
    assert simulate(seats, more[:2]).is_safe
    verdict = simulate(seats, more)
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["moved"]
    assert verdict.moved == 30
    # Forcing answers this reason and no other.
    assert simulate(seats, more, is_forced=True).is_safe
    assert not simulate(seats, [Seat("key-A", "A", 100)], is_forced=True).is_safe


def test_bank_that_could_halt_or_fork_alone_is_named() -> None:
    seats = _set(10, 10, 10, 10)
    assert any(
        reason.startswith("A:") and "halt" in reason for reason in simulate(seats, [Seat("key-A", "A", 15)]).reasons
    )
    verdict = simulate(seats, [Seat("key-A", "A", 61)], is_forced=True)
    assert any(reason.startswith("A:") and "fork" in reason for reason in verdict.reasons)
    # Who could before is no news.
    assert not any("halt" in reason for reason in simulate(_set(2, 1, 1), [_joins("D", 1)]).reasons)


def test_rotation_by_halves_is_safe_where_a_swap_is_not() -> None:
    seats = _set(10, 10, 10, 10)
    halves = [Seat("key-A", "A", 5), _joins("A", 5)]
    verdict = simulate(seats, halves)
    assert (verdict.is_safe, verdict.moved) == (True, 10)
    assert verdict.after.powers == verdict.before.powers
    rest = [Seat("key-A", "A", 0), _joins("A", 10)]
    assert simulate([Seat("key-A", "A", 5), *seats[1:], _joins("A", 5)], rest).is_safe
    assert [reason.split(":")[0] for reason in simulate(seats, rest).reasons] == ["moved"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([_leaves("X")], "expected a key of the set to remove"),
        ([Seat("key-A", "B", 2)], "expected its owner A, got B"),
        ([_joins("E", 1), _joins("E", 2)], "a key changes once in a block"),
        ([_leaves(owner) for owner in "ABCD"], "expected a validator to be left"),
        ([_joins("E", 2**48)], "power: expected at most"),
        ([_joins("A", 1, "two"), _joins("A", 1, "three")], "expected at most 2 keys, got 3"),
        ([_joins(f"bank {number}", 1, f"new {number}") for number in range(197)], "expected at most 200 validators"),
    ],
)
def test_change_that_the_contract_refuses_is_unsafe(changes: list[Seat], words: str) -> None:
    verdict = simulate(FOUR, changes, is_forced=True)
    assert any(words in reason for reason in verdict.reasons)


# ------------------------------------------------------------------ what is in flight


def test_proposals_in_flight_are_unsafe_only_together() -> None:
    seats = _set(1, 1, 1, 1)
    other = InFlight("proposal 7", (_joins("F", 1, "other"),))
    assert simulate(seats, [_joins("E", 1)]).is_safe
    verdict = simulate(seats, [_joins("E", 1)], in_flight=[other])
    assert verdict.keeps_quorum
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["proposal 7"]
    assert "expected 5 of 6" in verdict.reasons[0]
    assert simulate(_set(*[1] * 8), [_joins("I", 1)], in_flight=[other]).is_safe


def test_proposals_in_flight_are_also_judged_all_together() -> None:
    seats = _set(*[1] * 6)
    flying = [InFlight(f"proposal {number}", (_joins(f"bank {number}", 1, f"new {number}"),)) for number in (1, 2)]
    verdict = simulate(seats, [_joins("I", 1)], in_flight=flying)
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["all in flight"]


def test_proposal_in_flight_about_the_same_key_is_a_conflict() -> None:
    flying = [InFlight("proposal 7", (_joins("E", 2),)), InFlight("proposal 8", (_joins("F", 1, "other"),))]
    verdict = simulate(_set(*[1] * 8), [_joins("E", 1)], in_flight=flying)
    assert verdict.conflicts == ("proposal 7",)
    assert any(reason.startswith("proposal 7:") for reason in verdict.reasons)


def test_set_that_two_proposals_empty_is_unsafe() -> None:
    seats = _set(3, 1)
    verdict = simulate(seats, [_leaves("B")], in_flight=[InFlight("proposal 7", (_leaves("A"),))])
    assert any("proposal 7: together with this, set" in reason for reason in verdict.reasons)


# ------------------------------------------------------------------ always

seats_strategy = st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.integers(1, 20)), min_size=1, max_size=8).map(
    lambda entries: [Seat(f"key {number}", owner, power) for number, (owner, power) in enumerate(entries)]
)


@given(
    seats=seats_strategy,
    changed=st.dictionaries(st.integers(0, 10), st.integers(0, 20), max_size=4),
    offline=st.sets(st.sampled_from("ABCDEFG")),
)
def test_safe_change_keeps_the_network_going(seats: list[Seat], changed: dict[int, int], offline: set[str]) -> None:
    """Counted again from the definitions: the silent leave a quorum, a third moves at most, nobody gets a veto."""
    owners = {seat.key: seat.owner for seat in seats}
    changes = [Seat(f"key {number}", owners.get(f"key {number}", "H"), power) for number, power in changed.items()]
    verdict = simulate(seats, changes, offline=offline)
    powers = {seat.key: seat for seat in seats} | {change.key: change for change in changes}
    left = [seat for seat in powers.values() if seat.power]
    total = sum(seat.power for seat in left)
    voting = sum(seat.power for seat in left if seat.owner not in offline and seat not in changes)
    assert verdict.after.total == total
    assert verdict.keeps_quorum == (voting > total * 2 / 3 + 1e-9)
    assert verdict.after.quorum * 3 > total * 2 >= (verdict.after.quorum - 1) * 3
    if verdict.is_safe:
        assert verdict.keeps_quorum
        assert 3 * verdict.moved <= verdict.before.total
        assert _over_a_third(verdict.after) <= _over_a_third(verdict.before)
        assert max(Counter(seat.owner for seat in left).values()) <= 2


def _over_a_third(standing: Standing) -> set[str]:
    return {owner for owner, power in standing.powers.items() if power * 3 >= standing.total}
