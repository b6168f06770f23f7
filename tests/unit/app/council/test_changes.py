"""From words to calls: what each change sets, and what is no change."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.client.artifacts import decode_call
from node.app.council.changes import addresses_in, bank_address, jail_call, read_changes
from node.app.council.state import Council
from node.app.errors import ChangeError
from tests.unit.app.council.support import ADDRESS, BANKS, NODE, council, key_pair, proposal, validator

E_KEY = key_pair("E").public_key.hex()
NEXT = key_pair("A-next").public_key.hex()
FOUR = council()


def sets(words: str, of: Council = FOUR) -> list[tuple[str, int]]:
    """Return (key's short name, power) of each call that sets a key."""
    calls, _ = read_changes(words.split(), of)
    names = {validator(bank, name=name).public_key: name for bank in "ABCDE" for name in (bank, f"{bank}-next")}
    found = []
    for call in calls:
        decoded = decode_call("Governance", call.data)
        assert decoded == (call.function, dict(call.arguments or {}))
        assert call.target == of.deployment.address("Governance")
        found.append((names[decoded[1]["public_key"]], decoded[1]["power"]))
    return found


def test_each_change_sets_what_it_says() -> None:
    assert sets(f"add E {E_KEY}") == [("E", 10)]
    assert sets(f"add E 0x{E_KEY} 3") == [("E", 3)]
    assert sets("remove A") == [("A", 0)]
    assert sets("power LEI-A 7") == [("A", 7)]
    assert sets(f"power {ADDRESS['A'].lower()} 7") == [("A", 7)]
    assert sets("remove A power B 9") == [("A", 0), ("B", 9)]


def test_a_new_key_gets_the_least_power_that_a_bank_has() -> None:
    banks = (validator("A", 5), validator("A", 3, "A-next"), validator("B", 9))
    assert sets(f"add E {E_KEY}", council(*banks)) == [("E", 8)]


def test_bank_with_two_keys_leaves_with_both() -> None:
    two = council(validator("A", 5), validator("A", 3, "A-next"), validator("B", 9))
    assert sets("remove A", two) == [("A", 0), ("A-next", 0)]
    with pytest.raises(ChangeError, match="power: expected one key of A, got 2; finish its rotation first"):
        sets("power A 7", two)


def test_a_key_that_changes_keeps_its_node() -> None:
    calls, _ = read_changes(["power", "A", "7"], FOUR)
    assert (calls[0].arguments or {})["node_id"] == NODE


@pytest.mark.parametrize(
    ("power", "first", "second"),
    [
        (10, [("A", 5), ("A-next", 5)], [("A", 0), ("A-next", 10)]),
        (5, [("A", 3), ("A-next", 2)], [("A", 0), ("A-next", 5)]),
        (2, [("A", 1), ("A-next", 1)], None),
        (1, [("A-next", 1)], None),
    ],
)
def test_rotation_moves_half_and_then_the_rest(
    power: int, first: list[tuple[str, int]], second: list[tuple[str, int]] | None
) -> None:
    words = f"rotate A {NEXT}"
    assert sets(words, council(validator("A", power), validator("B"))) == first
    powers = {"A": power} | dict(first)
    half = council(*(validator("A", each, name) for name, each in powers.items()), validator("B"))
    if second is None:
        # Powers 1 and 1 do not tell what there was before.
        with pytest.raises(ChangeError, match="both keys have power 1: expected POWER"):
            sets(words, half)
        assert sets(f"{words} 2", half) == [("A", 0), ("A-next", 2)]
        assert sets(f"{words} 1", half) == [("A", 0)]
    else:
        assert sets(words, half) == second


def test_rotation_is_refused_when_there_is_nothing_to_rotate() -> None:
    for words, of, message in (
        (f"rotate E {E_KEY}", FOUR, "expected E to have one other key than the new one, got 0"),
        (f"rotate A {key_pair('A').public_key.hex()}", FOUR, "the rotation is done"),
        (f"rotate A {key_pair('B').public_key.hex()}", FOUR, "got one of another bank"),
        (
            f"rotate A {E_KEY}",
            council(validator("A", 5), validator("A", 5, "A-next"), validator("B")),
            "to have one other key than the new one, got 2",
        ),
    ):
        with pytest.raises(ChangeError, match=message):
            sets(words, of)


def test_params_keep_what_they_do_not_name() -> None:
    calls, _ = read_changes(["params", "block_gas=40000000"], FOUR)
    assert calls[0].arguments == {"block_bytes": 4_194_304, "block_gas": 40_000_000}
    calls, _ = read_changes(["params", "block_gas=40000000", "block_bytes=2000000"], FOUR)
    assert calls[0].arguments == {"block_bytes": 2_000_000, "block_gas": 40_000_000}


def test_jail_names_its_reason_and_evidence() -> None:
    calls, _ = read_changes(["jail", "B"], FOUR)
    arguments = calls[0].arguments or {}
    assert (arguments["owner"], arguments["reason"].rstrip(b"\0"), arguments["evidence_digest"]) == (
        ADDRESS["B"],
        b"members' vote",
        bytes(32),
    )
    found = jail_call(FOUR, ADDRESS["B"], "double sign", b"\1" * 32, 9).arguments or {}
    assert (found["evidence_digest"], found["height"]) == (b"\1" * 32, 9)
    with pytest.raises(ChangeError, match="reason: expected 1 to 32 ASCII characters, got 33"):
        jail_call(FOUR, ADDRESS["B"], "x" * 33)


def test_proposals_stand_for_their_calls() -> None:
    calls, _ = read_changes(["remove", "B"], FOUR)
    open_ = replace(FOUR, proposals=(proposal(3, calls),))
    read, numbers = read_changes(["3", "power", "A", "9"], open_)
    assert ([call.function for call in read], numbers) == (["set_validator"] * 2, {3})
    with pytest.raises(ChangeError, match=r"expected one that has not ended \(3\), got 4"):
        read_changes(["4"], open_)


def test_quoted_changes_and_paths_with_spaces_are_taken_apart_where_they_end(tmp_path: Path) -> None:
    path = tmp_path / "the key of E.json"
    path.write_text(f'{{"algorithm": "Ed25519", "public_key": "{E_KEY}"}}')
    calls, _ = read_changes(["add", "E", str(path), "remove A"], FOUR)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "got nothing"),
        ("add", "BANK: expected a value, got nothing"),
        ("add E", "KEY: expected a value, got nothing"),
        (f"add A {E_KEY}", "expected a bank without a key, got A"),
        (f"add E {key_pair('A').public_key.hex()}", "expected a key that is not in the set"),
        (f"add E {E_KEY} 0", "power: expected 1 to"),
        ("remove E", "expected one with a key in the set, got E"),
        ("remove F", "BANK: expected one of A, B, C, D, E, or an address"),
        ("power A", "N: expected a value, got nothing"),
        ("power A 0", "power: expected 1 to"),
        ("power A 281474976710657", "power: expected 1 to 281474976710656"),
        ("power A -1", "power: expected 1 to"),
        ("params", "expected block_bytes=N or block_gas=N, got 'nothing'"),
        ("params gas=1", "expected block_bytes=N or block_gas=N, got 'gas=1'"),
        ("jail E", "expected one with a key in the set, got E"),
        ("swap A B", "change: expected add, remove"),
        (" ".join(["power A 9"] * 9), "expected at most 8 calls in one proposal, got 9"),
    ],
)
def test_words_are_refused_when_they_are_no_change(words: str, message: str) -> None:
    with pytest.raises(ChangeError, match=message):
        read_changes(words.split(), FOUR)


def test_addresses_among_the_words_are_found() -> None:
    stranger = "0x" + "ab" * 20
    assert addresses_in(["add", stranger, E_KEY]) == {bank_address(FOUR, stranger)}
    assert addresses_in(["add", *BANKS]) == set()
