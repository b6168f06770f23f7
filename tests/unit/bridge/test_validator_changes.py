"""Links from the genesis set to the set of a height, of real networks and of one made here."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.errors import InsufficientPowerError, InvalidProofError
from bridge.limits import VALIDATOR_CHANGES_MAX
from bridge.proofs.consensus import verify_commit
from bridge.proofs.validator_changes import (
    ValidatorSetChange,
    changes_from_json,
    changes_to_json,
    verify_chain,
)
from tests.unit.bridge.evidence_changes import at, changed, leaves
from tests.unit.bridge.made_chain import CHAIN, MadeChain, sign, validator
from tests.unit.bridge.recorded import ED25519, MLDSA65, Recorded

A, B, C, D, E = (validator(seed, power) for seed, power in ((1, 4), (2, 3), (3, 2), (4, 1), (5, 5)))


def made() -> MadeChain:
    """Return a chain whose set changes at heights 3, 4 and 8."""
    chain = MadeChain((A, B, C, D))
    chain.grow(2)
    chain.grow(following=(A, B, C, D, E))
    chain.grow(following=(B, C, D, E))
    chain.grow(3)
    chain.grow(following=(A, replace(B, power=9), E))
    chain.grow(2)
    return chain


MADE = made()
LINKS = MADE.links()


def verified(links: list[ValidatorSetChange]) -> Any:
    return verify_chain(CHAIN, MADE.genesis, links)


@pytest.mark.parametrize("network", [ED25519, MLDSA65], ids=lambda network: network.chain_id)
def test_chain_of_a_real_network_names_the_set_of_every_height(network: Recorded) -> None:
    history = verify_chain(network.chain_id, network.genesis, network.changes())
    assert len(history.sets) == len(network.set_heights) > 3
    for height, header in network.headers.items():
        verify_commit(network.chain_id, history.at(height), header, network.commits[height])


@pytest.mark.parametrize("network", [ED25519, MLDSA65], ids=lambda network: network.chain_id)
def test_chain_of_a_real_network_is_refused_when_any_link_is_left_out_but_the_last(network: Recorded) -> None:
    links = network.changes()
    for index in range(len(links) - 1):
        with pytest.raises(InvalidProofError, match=rf"validator_changes\[{index}\].header.validators_hash"):
            verify_chain(network.chain_id, network.genesis, [*links[:index], *links[index + 1 :]])


def test_set_holds_from_the_height_after_the_one_that_names_it() -> None:
    history = verified(LINKS)
    assert history.heights == (3, 4, 8)
    for block in MADE.blocks:
        assert history.at(block.height) == block.validators
    assert verified([]).at(1_000) == verified([]).sets[0]


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda links: links[1:], r"\[0\].header.validators_hash"),
        (lambda links: [links[0], links[2]], r"\[1\].header.validators_hash"),
        (lambda links: [links[1], links[0], links[2]], r"\[0\].header.validators_hash"),
        (lambda links: [links[0], links[0]], r"\[1\].header.height"),
        (lambda links: [replace(links[0], validators=links[1].validators), *links[1:]], r"\[0\].validators"),
        (lambda links: [replace(links[0], validators=()), *links[1:]], r"\[0\].validators"),
        (lambda links: [replace(links[0], commit=links[1].commit)], r"\[0\].commit.height"),
        (lambda links: links * 50, f"at most {VALIDATOR_CHANGES_MAX}"),
        (
            lambda _: [ValidatorSetChange(MADE.at(2).header, MADE.at(2).commit, MADE.at(2).validators)],
            "another set than before",
        ),
    ],
)
def test_chain_is_refused_with_the_field_when_links_are(
    spoil: Callable[[list[ValidatorSetChange]], list[ValidatorSetChange]], field: str
) -> None:
    with pytest.raises(InvalidProofError, match=field):
        verified(spoil(LINKS))


def test_chain_is_refused_when_a_set_names_its_heir_with_two_thirds_or_less() -> None:
    header = LINKS[0].header
    enough = replace(LINKS[0], commit=sign(header, (A, B)))
    assert verified([enough]).at(4) == LINKS[0].validators
    with pytest.raises(InsufficientPowerError, match=r"validator_changes\[0\].commit.signatures: .* 10, got 6"):
        verified([replace(LINKS[0], commit=sign(header, (A, C)))])


def test_chain_is_refused_when_the_new_set_signs_for_itself() -> None:
    forged = replace(LINKS[0].header, next_validators_hash=LINKS[2].header.next_validators_hash)
    with pytest.raises(InvalidProofError, match=r"commit.signatures\[0\].validator_address"):
        verified([ValidatorSetChange(forged, sign(forged, (E,)), LINKS[2].validators)])


def test_links_round_trip_as_json_and_an_unknown_or_missing_key_is_refused() -> None:
    document = changes_to_json(LINKS)
    assert list(changes_from_json(document)) == LINKS
    for edit, field in (
        (lambda one: one.update(extra=1), r"\[1\].extra"),
        (lambda one: one.pop("commit"), r"\[1\].commit"),
        (lambda one: one["validators"].reverse(), r"\[1\].validators: expected the order"),
        (lambda one: one["validators"][0].update(power=0), r"\[1\].validators.power"),
        (lambda one: one["validators"].extend(one["validators"] * 60), "at most 200"),
    ):
        spoilt = copy.deepcopy(document)
        edit(spoilt[1])
        with pytest.raises(InvalidProofError, match=field):
            changes_from_json(spoilt)
    with pytest.raises(InvalidProofError, match=f"at most {VALIDATOR_CHANGES_MAX} items"):
        changes_from_json(document * 50)


def test_no_value_of_a_link_can_be_changed() -> None:
    document = changes_to_json(LINKS)
    for path, _ in leaves(document):
        spoilt = copy.deepcopy(document)
        at(spoilt, path[:-1])[path[-1]] = changed(at(spoilt, path))
        with pytest.raises((InvalidProofError, InsufficientPowerError), match="validator"):
            verified(list(changes_from_json(spoilt)))
