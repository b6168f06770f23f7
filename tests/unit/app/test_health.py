"""How the network does: validators by the blocks they sign, a node that does not answer."""

from dataclasses import replace
from typing import Any, cast

import pytest

from contracts.client.chain_client import ChainClient
from contracts.client.errors import UnavailableError
from node.app.council.state import Jail
from node.app.pages.health import NetworkHealth, ValidatorHealth, look_at_network, validators_of
from tests.unit.app.council.support import ADDRESS, BANKS, NOW_S, council, validator


def health(*validators: ValidatorHealth, height: int = 9) -> NetworkHealth:
    return NetworkHealth("landfall", height, 9, NOW_S, NOW_S, 3, 0, validators)


def test_validator_is_signing_missing_or_silent_by_the_last_blocks() -> None:
    steady, late, gone = (validator(bank) for bank in BANKS[:3])
    both = frozenset({steady.address, late.address})
    found = validators_of(council(steady, late, gone), {7: both, 8: both, 9: frozenset({steady.address})})
    assert [(one.state, one.signed, one.looked, one.last_height) for one in found] == [
        ("signing", 3, 3, 9),
        ("misses blocks", 2, 3, 8),
        ("silent", 0, 3, None),
    ]
    assert [one.bank for one in found] == list(BANKS[:3])


def test_validator_is_jailed_when_its_bank_is_whatever_it_has_signed() -> None:
    one = validator(BANKS[0])
    jail = Jail(reason="signed twice", evidence_digest=bytes(32), height=3, since_s=NOW_S)
    (found,) = validators_of(council(one, jails={ADDRESS[BANKS[0]]: jail}), {9: frozenset({one.address})})
    assert (found.state, found.jailed) == ("jailed", "signed twice")


@pytest.mark.parametrize(("signing", "is_deciding"), [(4, True), (3, True), (2, False), (0, False)])
def test_blocks_are_decided_when_more_than_two_thirds_of_the_power_sign(signing: int, is_deciding: bool) -> None:
    members = [validator(bank) for bank in BANKS[:4]]
    signers = frozenset(one.address for one in members[:signing])
    found = validators_of(council(*members), {9: signers})
    assert health(*found).is_deciding == is_deciding
    assert sum(one.power for one in found) == found[0].total_power


def test_power_is_shown_as_a_part_of_all() -> None:
    (one,) = validators_of(council(validator(BANKS[0])), {9: frozenset()})
    assert one.share_percent == "100.0 %"
    assert replace(one, power=1, total_power=3).share_percent == "33.3 %"


class Away:
    """A node that does not answer, or has no block yet."""

    def __init__(self, *, is_away: bool) -> None:
        self._is_away = is_away

    async def raw(self, method: str, params: list[Any]) -> None:
        assert (method, params) == ("landfall_getLightBlock", ["latest"])
        if self._is_away:
            raise UnavailableError("rpc: expected an answer, got none")


@pytest.mark.parametrize("is_away", [True, False])
async def test_nothing_is_known_when_the_node_does_not_answer_or_has_no_block(*, is_away: bool) -> None:
    assert await look_at_network(cast(ChainClient, Away(is_away=is_away))) is None
