"""How the network does: validators by the blocks they sign, a node that does not answer."""

from dataclasses import replace
from typing import Any, cast

import pytest

from contracts.client.chain_client import ChainClient
from contracts.client.errors import ChainUnavailableError, RpcError
from node.app.council.state import Jail
from node.app.pages.health import NetworkHealth, look_at_network, validators_of
from tests.unit.app.council.support import ADDRESS, BANKS, NOW_S, council, validator


def test_validator_is_signing_missing_or_silent_by_the_last_blocks() -> None:
    steady, late, gone = (validator(bank) for bank in BANKS[:3])
    one, both = frozenset({steady.address}), frozenset({steady.address, late.address})
    found = validators_of(council(steady, late, gone), {7: both, 8: one, 9: one})
    assert [(one.state, one.signed, one.looked, one.last_height) for one in found] == [
        ("signing", 3, 3, 9),
        ("misses blocks", 1, 3, 7),
        ("silent", 0, 3, None),
    ]
    late_once = validators_of(council(late), {8: both, 9: one})
    assert late_once[0].state == "signing", "a vote that comes late is left out of a block"
    assert [one.bank for one in found] == list(BANKS[:3])


def test_validator_is_jailed_when_its_bank_is_whatever_it_has_signed() -> None:
    one = validator(BANKS[0])
    jail = Jail(reason="signed twice", evidence_digest=bytes(32), height=3, since_s=NOW_S)
    (found,) = validators_of(council(one, jails={ADDRESS[BANKS[0]]: jail}), {9: frozenset({one.address})})
    assert (found.state, found.jailed) == ("jailed", "signed twice")


@pytest.mark.parametrize(
    ("age_s", "waiting", "state"), [(30, 5, "goes on"), (31, 1, "stands still"), (31, 0, "idle"), (0, 0, "goes on")]
)
def test_network_stands_still_when_something_waits_and_no_block_comes(age_s: int, waiting: int, state: str) -> None:
    assert NetworkHealth("landfall", 9, 9, NOW_S - age_s, NOW_S, 3, waiting, ()).state == state


def test_power_is_shown_as_a_part_of_all() -> None:
    (one,) = validators_of(council(validator(BANKS[0])), {9: frozenset()})
    assert one.share_percent == "100.0 %"
    assert replace(one, power=1, total_power=3).share_percent == "33.3 %"


class Away:
    """A node in trouble, or without a block yet."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def raw(self, method: str, params: list[Any]) -> None:
        assert (method, params) == ("landfall_getLightBlock", ["latest"])
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(
    "error", [ChainUnavailableError("rpc: no answer"), RpcError("net_peerCount", -32002, "CometBFT is away"), None]
)
async def test_nothing_is_known_when_the_node_does_not_answer_or_has_no_block(error: Exception | None) -> None:
    assert await look_at_network(cast(ChainClient, Away(error))) is None


async def test_fault_is_not_taken_for_a_node_that_is_away() -> None:
    with pytest.raises(KeyError):
        await look_at_network(cast(ChainClient, Away(KeyError("header"))))
