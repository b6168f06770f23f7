"""The plan of a rotation: which step is next, whether it waits for votes, and what follows."""

from dataclasses import replace
from typing import Any

from node.app.council.changes import read_changes
from node.app.council.keys import ValidatorKey
from node.app.council.rotation import plan_rotation, rotation_json, rotation_lines
from node.app.council.state import Council
from tests.unit.app.council.support import ADDRESS, council, key_pair, proposal, validator

NEW = ValidatorKey("Ed25519", key_pair("A-next").public_key, b"\x09" * 20)
WORDS = "A next.json"
OTHERS = tuple(validator(bank) for bank in "BCD")
HALF = council(validator("A", 5), validator("A", 5, "A-next"), *OTHERS)


def planned(of: Council, power: int | None = None) -> dict[str, Any]:
    plan = plan_rotation(of, ADDRESS["A"], NEW, power)
    return rotation_json(of, plan, WORDS)


def test_first_step_brings_the_new_key_with_its_own_node() -> None:
    plan = plan_rotation(council(), ADDRESS["A"], NEW)
    assert (plan.step, plan.is_safe) == (1, True)
    assert [(call.arguments or {})["node_id"] for call in plan.calls] == [b"\x07" * 20, NEW.node_id]
    assert planned(council())["next"] == [
        "start the new node with the new key and let it catch up; the old node goes on",
        f"landfall validator propose rotate {WORDS}",
    ]


def test_open_proposal_of_the_step_is_voted_about_before_anything_else() -> None:
    words = ["rotate", "A", NEW.public_key.hex()]
    plan = plan_rotation(council(), ADDRESS["A"], replace(NEW, node_id=bytes(20)))
    waiting = replace(council(), proposals=(proposal(4, read_changes(words, council())[0]),))
    assert plan.proposed is None
    found = plan_rotation(waiting, ADDRESS["A"], replace(NEW, node_id=bytes(20)))
    assert found.proposed is not None
    assert found.is_safe
    assert rotation_json(waiting, found, WORDS)["next"][0].startswith("landfall validator vote 4 yes")


def test_second_step_waits_until_the_new_key_signs() -> None:
    assert planned(HALF)["next"][0] == "wait until the new key signs: landfall validator list"
    signing = replace(HALF, signers=frozenset({validator("A", name="A-next").address}))
    assert planned(signing)["next"] == [f"landfall validator propose rotate {WORDS}"]
    lines = rotation_lines(planned(signing))
    assert "  step 1 [done ] the new key joins with half of the power" in lines
    assert "  step 2 [next ] the new key gets all of it, the old one leaves" in lines


def test_rotation_is_done_when_the_new_key_is_alone() -> None:
    done = council(validator("A", 10, "A-next"), *OTHERS)
    assert (planned(done)["step"], planned(done)["is_done"]) == (0, True)
    assert planned(done)["next"][0].startswith("stop the old node for good")


def test_step_is_unsafe_when_the_bank_gets_heavier() -> None:
    ones = council(*(validator(bank, 1) for bank in "ABC"), validator("D", 1))
    shown = planned(ones)
    assert shown["calls"][0].startswith("add a key of A: Ed25519, power 1")
    assert any("A: expected less than a third of 5, got 2; alone it could halt all" in one for one in shown["reasons"])
    assert any(line.startswith("    unsafe: ") for line in rotation_lines(shown))
