"""The light client's steps: over real networks, over chains made here, and against sources that lie."""

import copy
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import InsufficientPowerError, InvalidProofError, TrustExpiredError
from bridge.limits import BACKWARD_STEPS_MAX
from bridge.proofs.consensus import Timestamp, votes_for_block
from bridge.proofs.light import (
    DRIFT_S_MAX,
    LightBlock,
    compare,
    fork_to_json,
    is_within_reach,
    light_block_from_json,
    light_block_to_json,
    trust,
    verify_backwards,
    verify_forwards,
    verify_step,
)
from tests.unit.bridge.evidence_changes import at, changed, leaves
from tests.unit.bridge.made_chain import START_S, MadeChain, resigned, validator
from tests.unit.bridge.recorded import ED25519, MLDSA65

OLD = [validator(seed) for seed in range(10, 14)]
NEW = [validator(seed) for seed in range(20, 24)]
PERIOD_S = 14 * 86_400
NOW_S = START_S + 100_000
Result = TypeVar("Result")


def drive(steps: Generator[int, LightBlock, Result], source: Mapping[int, LightBlock], asked: list[int]) -> Result:
    """Answer a generator from a source; `asked` takes the heights."""
    try:
        height = next(steps)
        while True:
            asked.append(height)
            height = steps.send(source[height])
    except StopIteration as end:
        result: Result = end.value
        return result


def source_of(chain: MadeChain) -> dict[int, LightBlock]:
    return {block.height: block for block in chain.blocks}


def rotating() -> MadeChain:
    """Return 60 heights in which every validator is replaced, one at a time."""
    chain = MadeChain(tuple(OLD))
    current = list(OLD)
    for index, one in enumerate(NEW):
        chain.grow(10)
        current[index] = one
        chain.grow(following=current)
    chain.grow(16)
    return chain


ROTATING = rotating()
BLOCK = ROTATING.at(5)


def forwards(trusted: LightBlock, target: LightBlock, source: Mapping[int, LightBlock], asked: list[int]) -> Any:
    return drive(verify_forwards(trusted, target, PERIOD_S, NOW_S), source, asked)


# -- one step -----------------------------------------------------------------------------------------------------


def test_step_proves_the_next_height_and_one_further_off_with_the_same_set() -> None:
    verify_step(ROTATING.at(1), ROTATING.at(2), PERIOD_S, NOW_S)
    verify_step(ROTATING.at(1), ROTATING.at(11), PERIOD_S, NOW_S)


def test_step_is_refused_when_a_third_or_less_of_the_trusted_power_signed() -> None:
    three = MadeChain(tuple(OLD[:3]))
    three.grow()
    three.grow(following=[OLD[0], *NEW])
    three.grow(2)
    assert not is_within_reach(three.at(1), three.at(4))
    with pytest.raises(InvalidProofError, match="1/3 of the trusted power"):
        verify_step(three.at(1), three.at(4), PERIOD_S, NOW_S)
    two = MadeChain(tuple(OLD[:3]))
    two.grow()
    two.grow(following=[*OLD[:2], NEW[0]])
    two.grow(2)
    verify_step(two.at(1), two.at(4), PERIOD_S, NOW_S)


def test_step_to_the_next_height_is_refused_when_its_set_is_not_the_one_named() -> None:
    other = resigned(
        replace(ROTATING.at(2), validators=tuple(NEW)), NEW, validators_hash=ROTATING.at(60).header.validators_hash
    )
    with pytest.raises(InvalidProofError, match=r"header.validators_hash"):
        verify_step(ROTATING.at(1), other, PERIOD_S, NOW_S)


def test_step_is_refused_when_the_trusted_header_is_as_old_as_the_period() -> None:
    trusted = ROTATING.at(1)
    edge_s = trusted.header.time.seconds + PERIOD_S
    verify_step(trusted, ROTATING.at(2), PERIOD_S, edge_s - 1)
    with pytest.raises(TrustExpiredError, match="give a newer height"):
        verify_step(trusted, ROTATING.at(2), PERIOD_S, edge_s)


def test_step_is_refused_when_the_header_is_of_the_future() -> None:
    time_s = ROTATING.at(2).header.time.seconds
    verify_step(ROTATING.at(1), ROTATING.at(2), PERIOD_S, time_s - DRIFT_S_MAX + 1)
    with pytest.raises(InvalidProofError, match=r"header.time"):
        verify_step(ROTATING.at(1), ROTATING.at(2), PERIOD_S, time_s - DRIFT_S_MAX)


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (ROTATING.at(5), "header.height"),
        (ROTATING.at(4), "header.height"),
        (resigned(ROTATING.at(7), OLD, time=ROTATING.at(5).header.time), "header.time"),
        (resigned(ROTATING.at(7), OLD, time=Timestamp(START_S)), "header.time"),
        (resigned(ROTATING.at(7), OLD, chain_id="another"), "header.chain_id"),
        (replace(ROTATING.at(7), commit=ROTATING.at(8).commit), "commit.height"),
        (replace(ROTATING.at(7), validators=tuple(OLD[:3])), "header.validators_hash"),
        (replace(ROTATING.at(7), header=replace(ROTATING.at(7).header, app_hash=bytes(32))), "commit.block_id.hash"),
    ],
)
def test_step_is_refused_with_the_field_when_the_block_does_not_fit(other: LightBlock, field: str) -> None:
    verify_step(BLOCK, ROTATING.at(7), PERIOD_S, NOW_S)
    with pytest.raises(InvalidProofError, match=field):
        verify_step(BLOCK, other, PERIOD_S, NOW_S)


def test_step_is_refused_when_too_few_of_its_own_set_signed() -> None:
    with pytest.raises(InsufficientPowerError, match="voting power 4, got 2"):
        verify_step(BLOCK, resigned(ROTATING.at(7), OLD[:2]), PERIOD_S, NOW_S)


def test_trust_takes_only_the_header_of_the_hash_with_its_votes() -> None:
    assert trust(BLOCK, 5, BLOCK.hash) == BLOCK
    for block, height, trusted_hash, field in (
        (BLOCK, 6, BLOCK.hash, "header.height"),
        (BLOCK, 5, ROTATING.at(6).hash, "trusted hash"),
        (replace(BLOCK, validators=tuple(NEW)), 5, BLOCK.hash, "validators_hash"),
        (replace(BLOCK, commit=replace(BLOCK.commit, round=1)), 5, BLOCK.hash, "signature"),
    ):
        with pytest.raises(InvalidProofError, match=field):
            trust(block, height, trusted_hash)


def test_no_value_of_a_block_can_be_changed() -> None:
    document = light_block_to_json(ROTATING.at(6))
    assert light_block_from_json(document) == ROTATING.at(6)
    for path, _ in leaves(document):
        spoilt = copy.deepcopy(document)
        at(spoilt, path[:-1])[path[-1]] = changed(at(spoilt, path))
        with pytest.raises((InvalidProofError, InsufficientPowerError)):
            verify_step(BLOCK, light_block_from_json(spoilt), PERIOD_S, NOW_S)


def test_no_byte_of_a_block_can_be_changed() -> None:
    document = light_block_to_json(ROTATING.at(6))
    tried = 0
    for path, value in leaves(document):
        if not isinstance(value, str) or not value.startswith("0x"):
            continue
        for position in range(2, len(value), 2):
            spoilt = copy.deepcopy(document)
            other = f"{int(value[position : position + 2], 16) ^ 0x40:02x}"
            at(spoilt, path[:-1])[path[-1]] = value[:position] + other + value[position + 2 :]
            tried += 1
            with pytest.raises((InvalidProofError, InsufficientPowerError)):
                verify_step(BLOCK, light_block_from_json(spoilt), PERIOD_S, NOW_S)
    assert tried > 700


MLDSA_BLOCK = light_block_to_json(
    replace(MLDSA65.light_block(10), header=replace(MLDSA65.headers[10], app_hash=bytes(32)))
)
"""In the form of the wire; kvstore's own application hash has eight bytes."""


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_byte_of_a_real_block_can_be_changed(data: st.DataObject) -> None:
    """Flip one hex digit anywhere in header, commit or set of a block that CometBFT made with ML-DSA-65 keys."""
    document = copy.deepcopy(MLDSA_BLOCK)
    fields = [(path, value) for path, value in leaves(document) if isinstance(value, str) and len(value) > 2]
    path, value = data.draw(st.sampled_from([one for one in fields if one[0] != ("header", "app_hash")]))
    start = 2 if value.startswith("0x") else 0
    position = data.draw(st.integers(start, len(value) - 1))
    digit = data.draw(st.sampled_from([one for one in "0123456789abcdef" if one != value[position]]))
    at(document, path[:-1])[path[-1]] = value[:position] + digit + value[position + 1 :]
    before = MLDSA65.light_block(9)
    verify_step(before, MLDSA65.light_block(10), PERIOD_S, before.header.time.seconds + 60)
    with pytest.raises((InvalidProofError, InsufficientPowerError)):
        verify_step(before, _real(light_block_from_json(document)), PERIOD_S, before.header.time.seconds + 60)


def _real(block: LightBlock) -> LightBlock:
    return replace(block, header=replace(block.header, app_hash=MLDSA65.headers[10].app_hash))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_reading_names_a_field_when_anything_stands_in_its_place(data: st.DataObject) -> None:
    document = light_block_to_json(ROTATING.at(6))
    path = data.draw(st.sampled_from([path for path, _ in leaves(document)]))
    cut = path[: data.draw(st.integers(1, len(path)))]
    value = data.draw(JSON_VALUES)
    if value == at(document, cut):
        return
    at(document, cut[:-1])[cut[-1]] = value
    with pytest.raises((InvalidProofError, InsufficientPowerError)):
        verify_step(BLOCK, light_block_from_json(document), PERIOD_S, NOW_S)


# -- many steps ---------------------------------------------------------------------------------------------------


def test_forwards_takes_one_step_while_enough_of_the_trusted_are_left() -> None:
    asked: list[int] = []
    assert forwards(ROTATING.at(1), ROTATING.at(30), source_of(ROTATING), asked) == (ROTATING.at(30),)
    assert asked == []


def test_forwards_proves_heights_between_when_too_few_are_left() -> None:
    asked: list[int] = []
    proven = forwards(ROTATING.at(1), ROTATING.at(60), source_of(ROTATING), asked)
    assert [block.height for block in proven] == [30, 60]
    assert asked == [30]


def test_forwards_reaches_the_change_itself_when_all_change_at_once() -> None:
    chain = MadeChain(tuple(OLD))
    chain.grow(20)
    chain.grow(following=NEW)
    chain.grow(20)
    asked: list[int] = []
    proven = forwards(chain.at(1), chain.at(41), source_of(chain), asked)
    assert {21, 22} <= {block.height for block in proven}
    assert len(asked) < 12


def test_forwards_is_refused_when_the_change_was_not_named_by_the_old_set() -> None:
    chain = MadeChain(tuple(OLD))
    chain.grow(20)
    forged = MadeChain(tuple(NEW), blocks=chain.blocks[:20], sets=[*chain.sets[:19], tuple(NEW)])
    forged.grow(20)
    with pytest.raises(InvalidProofError, match=r"header.validators_hash"):
        forwards(chain.at(1), forged.at(40), source_of(forged), [])


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_forwards_proves_any_height_of_any_chain_of_changes(data: st.DataObject) -> None:
    pool = [validator(seed, power) for seed, power in ((30, 1), (31, 2), (32, 3), (33, 5), (34, 8), (35, 1))]
    some = st.lists(st.sampled_from(pool), min_size=1, max_size=6, unique_by=lambda one: one.address)
    chain = MadeChain(tuple(data.draw(some)))
    for _ in range(data.draw(st.integers(3, 12))):
        chain.grow(following=data.draw(st.none() | some))
    first = data.draw(st.integers(1, len(chain.blocks) - 1))
    last = data.draw(st.integers(first + 1, len(chain.blocks)))
    proven = forwards(chain.at(first), chain.at(last), source_of(chain), [])
    assert proven[-1] == chain.at(last)


def test_forwards_is_refused_when_a_source_answers_with_another_height() -> None:
    source = source_of(ROTATING) | {30: ROTATING.at(29)}
    with pytest.raises(InvalidProofError, match=r"header.height: expected 30, got 29"):
        forwards(ROTATING.at(1), ROTATING.at(60), source, [])


def test_forwards_proves_a_real_network_from_its_first_block_to_its_last() -> None:
    source = {height: ED25519.light_block(height) for height in ED25519.headers}
    now_s = ED25519.headers[65].time.seconds + 1
    asked: list[int] = []
    for target in range(2, 66):
        proven = drive(verify_forwards(source[1], source[target], PERIOD_S, now_s), source, asked)
        assert proven[-1] == source[target]
    only_votes = {height: replace(one, commit=votes_for_block(one.commit)) for height, one in source.items()}
    assert drive(verify_forwards(only_votes[1], only_votes[65], PERIOD_S, now_s), only_votes, asked)


def test_backwards_follows_the_hash_of_the_block_before() -> None:
    source = source_of(ROTATING)
    asked: list[int] = []
    assert drive(verify_backwards(ROTATING.at(40), 37), source, asked) == ROTATING.at(37)
    assert asked == [39, 38, 37]
    forged = source | {38: resigned(ROTATING.at(38), ROTATING.at(38).validators, app_hash=bytes(32))}
    with pytest.raises(InvalidProofError, match="header: expected"):
        drive(verify_backwards(ROTATING.at(40), 37), forged, [])


@pytest.mark.parametrize("height", [0, -1, 40, 41])
def test_backwards_is_refused_when_the_height_is_not_below(height: int) -> None:
    with pytest.raises(InvalidProofError, match="height: expected"):
        drive(verify_backwards(ROTATING.at(40), height), {}, [])


def test_backwards_is_refused_when_the_height_is_too_far_below() -> None:
    far = resigned(ROTATING.at(40), OLD, height=BACKWARD_STEPS_MAX + 10)
    with pytest.raises(InvalidProofError, match="trust an older header"):
        drive(verify_backwards(far, 9), {}, [])


# -- two sources --------------------------------------------------------------------------------------------------


def trace() -> list[LightBlock]:
    source = source_of(ROTATING)
    return [ROTATING.at(1), *forwards(ROTATING.at(1), ROTATING.at(60), source, [])]


def test_compare_finds_nothing_when_sources_agree() -> None:
    asked: list[int] = []
    assert drive(compare(trace(), PERIOD_S, NOW_S), source_of(ROTATING), asked) is None
    assert asked == [60]


def test_compare_finds_the_fork_and_who_signed_both_when_another_history_is_signed() -> None:
    other = ROTATING.branch(35, b"other")
    other.silent = (ROTATING.at(50).validators[0].address,)
    other.grow(25)
    fork = drive(compare(trace(), PERIOD_S, NOW_S), source_of(other), [])
    assert fork is not None
    assert fork.common == ROTATING.at(30)
    assert (fork.one, fork.other) == (ROTATING.at(60), other.at(60))
    both = {one.address for one in ROTATING.at(60).validators} & {one.address for one in other.at(60).validators}
    assert set(fork.signers) == both - set(other.silent)
    document = fork_to_json(fork)
    assert light_block_from_json(document["other"]) == other.at(60)
    assert len(document["signers"]) == len(fork.signers)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda block: resigned(block, OLD[:1], app_hash=bytes(32)),
        lambda block: replace(block, header=replace(block.header, app_hash=bytes(32))),
        lambda block: resigned(replace(block, validators=tuple(OLD)), OLD, app_hash=bytes(32)),
    ],
    ids=["too few votes", "votes for another", "a set that is gone"],
)
def test_compare_refuses_the_other_source_when_its_block_proves_nothing(
    spoil: Callable[[LightBlock], LightBlock],
) -> None:
    source = source_of(ROTATING)
    source[60] = spoil(source[60])
    with pytest.raises((InvalidProofError, InsufficientPowerError)):
        drive(compare(trace(), PERIOD_S, NOW_S), source, [])


def test_compare_refuses_the_other_source_when_it_contradicts_the_trusted_header() -> None:
    source = source_of(ROTATING) | {1: resigned(ROTATING.at(1), OLD, app_hash=bytes(32))}
    with pytest.raises(InvalidProofError, match="header: expected"):
        drive(compare([ROTATING.at(1)], PERIOD_S, NOW_S), source, [])
