"""What calls do to the council, and why the contracts would refuse them."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.client.artifacts import encode_call
from node.app.council.changes import read_changes
from node.app.council.effects import effects
from node.app.council.state import Call, Council, Jail, read_call
from tests.unit.app.council.support import ADDRESS, council, key_pair, validator

FOUR = council()
JAILED = replace(FOUR, jails={ADDRESS["E"]: Jail("late", bytes(32), 0, 1)})
JOIN = f"add E {key_pair('E').public_key.hex()}"


def calls(words: str, of: Council = FOUR) -> tuple[Call, ...]:
    return read_changes(words.split(), of)[0]


def call(contract: str, function: str, *args: Any) -> Call:
    return read_call(FOUR.deployment, FOUR.deployment.address(contract), encode_call(contract, function, args))


def test_keys_join_change_and_leave() -> None:
    done = effects(FOUR, calls(f"{JOIN} power A 9 remove B"))
    assert {one.owner: one.power for one in done.after.validators} == {
        ADDRESS["A"]: 9,
        ADDRESS["C"]: 10,
        ADDRESS["D"]: 10,
        ADDRESS["E"]: 10,
    }
    assert [(seat.owner, seat.power) for seat in done.changes] == [("E", 10), ("A", 9), ("B", 0)]
    assert done.refusals == ()


def test_nobody_joins_who_is_no_member_or_jailed() -> None:
    stranger = replace(FOUR, members=FOUR.members - {ADDRESS["E"]})
    assert effects(stranger, calls(JOIN)).refusals == (
        "E: expected an active institution with the role validator, got none; register it first",
    )
    assert effects(JAILED, calls(JOIN)).refusals == (
        "E: expected a bank that is not jailed, got one jailed for 'late'",
    )
    # Whoever is no member any more can still be removed.
    left = replace(FOUR, members=frozenset())
    assert effects(left, calls("remove A", left)).refusals == ()


def test_jail_takes_every_key_and_unjail_gives_none_back() -> None:
    two = council(validator("A", 5), validator("A", 5, "A-next"), validator("B"))
    done = effects(two, calls("jail A", two))
    assert [(seat.owner, seat.power) for seat in done.changes] == [("A", 0), ("A", 0)]
    assert ADDRESS["A"] in done.after.jails
    back = effects(done.after, [call("Governance", "unjail", ADDRESS["A"])])
    assert (back.after.jails, len(back.after.validators), back.refusals) == ({}, 1, ())
    again = effects(back.after, [call("Governance", "unjail", ADDRESS["A"])])
    assert again.refusals == ("A: expected a jailed bank, got another",)
    assert effects(FOUR, [call("Governance", "jail", ADDRESS["E"], bytes(32), bytes(32), 0)]).refusals == (
        "E: expected a bank with a validator to jail, got none",
    )


@pytest.mark.parametrize(
    ("limits", "is_good"),
    [
        ((1_048_576, 30_000_000), True),
        ((4_194_304, 500_000_000), True),
        ((1_048_575, 30_000_000), False),
        ((4_194_305, 30_000_000), False),
        ((1_048_576, 29_999_999), False),
        ((1_048_576, 500_000_001), False),
    ],
)
def test_limits_hold_within_what_the_contract_takes(limits: tuple[int, int], is_good: bool) -> None:
    done = effects(FOUR, [call("Governance", "set_consensus_params", *limits)])
    assert (done.after.block_bytes, done.after.block_gas) == limits
    assert (done.refusals == ()) is is_good


def test_members_come_and_go_with_their_role() -> None:
    registered = call("ParticipantRegistry", "register", "0x" + "99" * 20, "", "", 66, bytes(32))
    dismissed = call("ParticipantRegistry", "set_roles", ADDRESS["A"], 2)
    suspended = call("ParticipantRegistry", "set_status", ADDRESS["B"], False)
    done = effects(FOUR, [registered, dismissed, suspended])
    assert (done.after.members_count, len(done.after.members)) == (4, 4)
    # One proposal can register a bank and give it its key.
    outside = replace(FOUR, members=FOUR.members - {ADDRESS["E"]}, members_count=4)
    both = [call("ParticipantRegistry", "set_roles", ADDRESS["E"], 66), *calls(JOIN)]
    assert effects(outside, both).refusals == ()


def test_other_calls_have_no_effect_and_unknown_ones_are_kept_as_bytes() -> None:
    other = call("ParticipantRegistry", "set_notary", ADDRESS["A"], True, False)
    unknown = read_call(FOUR.deployment, "0x" + "12" * 20, b"\1\2\3\4")
    strange = read_call(FOUR.deployment, FOUR.deployment.address("Governance"), b"\1\2\3\4")
    assert effects(FOUR, [other, unknown, strange]).after == FOUR
    assert (unknown.contract, strange.contract, strange.function) == ("", "Governance", "")
