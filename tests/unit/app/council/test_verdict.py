"""Verdicts: a change alone, and beside the proposals in flight."""

from dataclasses import replace

from node.app.council.changes import read_changes
from node.app.council.shown import flight_json, flight_lines, share, votes_needed
from node.app.council.state import Council
from node.app.council.verdict import Flight, fly
from tests.unit.app.council.support import ADDRESS, BANKS, council, key_pair, proposal, validator

FOUR = council()
FIVE = council(*(validator(bank) for bank in BANKS))
JOIN = f"add E {key_pair('E').public_key.hex()}"


def flown(words: str, of: Council = FOUR, offline: tuple[str, ...] = (), *, is_forced: bool = False) -> Flight:
    calls, numbers = read_changes(words.split(), of)
    return fly(of, calls, numbers=numbers, offline=offline, is_forced=is_forced)


def with_proposal(words: str, of: Council = FOUR, *, is_forced: bool = False) -> Council:
    return replace(of, proposals=(proposal(1, read_changes(words.split(), of)[0], is_forced=is_forced),))


def test_change_is_safe_when_nothing_speaks_against_it() -> None:
    assert flown(JOIN).is_safe
    assert flown("remove E", FIVE).is_safe
    assert flown("params block_gas=40000000").is_safe


def test_change_is_unsafe_when_the_contract_would_refuse_it_or_a_bank_could_halt() -> None:
    refused = flown("params block_gas=1")
    assert refused.reasons == ("block_gas: expected 30000000 to 500000000, got 1",)
    halting = flown("remove A")
    assert len(halting.reasons) == 3
    assert all("alone it could halt all" in reason for reason in halting.reasons)


def test_more_than_a_third_moves_only_when_forced() -> None:
    words = "power A 20 power B 20"
    assert any("moved: expected at most a third of 50" in one for one in flown(words, FIVE).reasons)
    assert not any("moved" in one for one in flown(words, FIVE, is_forced=True).reasons)


def test_offline_banks_count_as_silent() -> None:
    assert flown("remove E", FIVE, ("A",)).is_safe
    assert flown("remove E", FIVE, ("A", "B")).reasons[0].startswith("quorum: expected 27 of 40")


def test_no_change_leaves_the_council_without_members() -> None:
    last = replace(FOUR, members=frozenset({ADDRESS["A"]}), members_count=1)
    from tests.unit.app.council.test_effects import call

    dismissed = [call("ParticipantRegistry", "set_roles", ADDRESS["A"], 2)]
    assert fly(last, dismissed).reasons == ("members: expected one to be left, got none",)


def test_a_proposal_is_not_in_flight_beside_itself() -> None:
    waiting = with_proposal("remove E", FIVE)
    assert flown("1", waiting).others == ()
    assert flown("1", waiting).is_safe
    assert [one.proposal.id for one in flown("power A 9", waiting).others] == [1]


def test_change_is_unsafe_when_a_proposal_before_it_makes_it_fail() -> None:
    waiting = with_proposal("jail E", FIVE)
    found = flown("power E 9", waiting)
    jailed = "E: expected a bank that is not jailed, got one jailed for 'by this proposal'"
    assert found.others[0].change_second == (jailed,)
    assert f"proposal 1 first: {jailed}" in found.reasons


def test_change_is_unsafe_when_it_makes_a_proposal_after_it_fail() -> None:
    waiting = with_proposal(JOIN)
    found = flown(f"add E {key_pair('E-next').public_key.hex()} 5", waiting)
    assert found.others[0].proposal_second == ()
    two = flown("jail E", with_proposal("power E 9", FIVE))
    assert "E: expected a bank that is not jailed" in two.others[0].proposal_second[0]
    assert any(reason.startswith("proposal 1 afterwards: E: expected a bank") for reason in two.reasons)


def test_reasons_that_a_proposal_has_alone_are_not_held_against_the_change() -> None:
    waiting = with_proposal("params block_gas=1")
    found = flown(JOIN, waiting)
    assert (found.others[0].proposal_second, found.is_safe) == ((), True)


def test_two_removals_that_are_safe_alone_are_unsafe_together() -> None:
    found = flown("remove A", with_proposal("remove B", FIVE))
    assert any("proposal 1 first: C: expected less than a third of 30" in reason for reason in found.reasons)


def test_verdict_is_shown_with_quorum_groups_and_what_waits() -> None:
    shown = flight_json(flown("remove A", replace(with_proposal("params block_gas=40000000"), pending=7)))
    assert (shown["verdict"], shown["before"]["quorum"], shown["after"]["quorum"]) == ("unsafe", 27, 21)
    assert shown["after"]["can_halt_alone"] == ["B", "C", "D"]
    assert shown["before"]["halt"]["groups"][0] == ["A", "B"]
    assert shown["in_flight"]["transactions"] == 7
    lines = flight_lines(shown)
    assert "in flight: 7 transactions wait for a block" in lines
    assert "  Governance.set_consensus_params(block_bytes=4194304, block_gas=40000000)" in lines
    assert "quorum          27           21" in lines
    assert lines[lines.index("unsafe") + 1].startswith("  B: expected less than a third")


def test_shares_round_down_and_votes_are_more_than_two_thirds() -> None:
    assert (share(1, 3), share(2, 3), share(5, 5), share(0, 0)) == ("33.3", "66.6", "100.0", "0.0")
    assert [votes_needed(members) for members in (1, 2, 3, 4, 5, 6, 7)] == [1, 2, 3, 3, 4, 5, 5]
