"""The light client with sources that answer, lie, contradict each other or are away; no network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.errors import TrustExpiredError
from bridge.proofs.light import light_block_to_json
from node.app.errors import ForkError, SourceUnavailableError, UntrustedSourceError
from node.app.light import LightClient, Trust
from tests.unit.bridge.made_chain import START_S, MadeChain, resigned, validator

OLD = [validator(seed) for seed in range(10, 14)]
NEW = [validator(seed) for seed in range(20, 24)]
PERIOD_S = 86_400


def rotating() -> MadeChain:
    chain = MadeChain(tuple(OLD))
    current = list(OLD)
    for index, one in enumerate(NEW):
        chain.grow(5)
        current[index] = one
        chain.grow(following=current)
    chain.grow(6)
    return chain


CHAIN = rotating()
TOP = len(CHAIN.blocks)


@dataclass
class FakeSource:
    """Answers from a chain; `spoil` changes an answer, `is_away` gives none."""

    name: str
    chain: MadeChain
    top: int = TOP
    is_away: bool = False
    spoil: Callable[[int, Any], Any] = lambda _, value: value
    asked: list[int | str] = field(default_factory=list)

    def call(self, method: str, *params: Any) -> Any:
        assert method == "landfall_getLightBlock"
        (height,) = params
        self.asked.append(height)
        if self.is_away:
            raise SourceUnavailableError(f"{self.name}: expected an answer, got none")
        number = self.top if height == "latest" else height
        return self.spoil(number, light_block_to_json(self.chain.at(number))) if number <= self.top else None


@dataclass
class World:
    told: list[str] = field(default_factory=list)
    now_s: int = START_S + 2_000

    def client(self, *sources: FakeSource, height: int = 1, block_hash: bytes | None = None) -> LightClient:
        start = Trust(height, block_hash or CHAIN.at(height).hash, PERIOD_S)
        return LightClient(sources, start, lambda: self.now_s, self.told.append)


def other_history(height: int) -> MadeChain:
    chain = CHAIN.branch(height, b"other")
    chain.grow(TOP - height)
    return chain


def test_client_follows_to_the_latest_and_on_as_the_chain_grows() -> None:
    world, source = World(), FakeSource("a", CHAIN, top=8)
    client = world.client(source)
    assert client.head == CHAIN.at(1)
    assert client.advance() == CHAIN.at(8)
    source.top = TOP
    assert client.advance() == CHAIN.at(TOP)
    assert client.advance() == CHAIN.at(TOP)
    assert world.told == []


def test_client_proves_heights_below_and_between_what_it_has_proven() -> None:
    source = FakeSource("a", CHAIN)
    client = World().client(source, height=10)
    client.advance()
    for height in (9, 4, 10, 15, TOP):
        assert client.leading(lambda one, wanted=height: client.at(one, wanted)) == CHAIN.at(height)


def test_client_does_not_start_when_the_source_has_another_header_at_the_trusted_height() -> None:
    world = World()
    with pytest.raises(UntrustedSourceError, match="expected one that proves what it says"):
        world.client(FakeSource("a", CHAIN), block_hash=CHAIN.at(2).hash)
    assert "dropped: a: header: expected the trusted hash" in world.told[0]


def test_next_source_leads_when_the_first_is_away_or_lies() -> None:
    world = World()
    away, liar = FakeSource("away", CHAIN, is_away=True), FakeSource("liar", CHAIN, spoil=_cut_votes)
    honest = FakeSource("honest", CHAIN)
    client = world.client(away, liar, honest)
    assert client.advance() == CHAIN.at(TOP)
    assert any("no answer: away" in line for line in world.told)
    assert any("dropped: liar: " in line for line in world.told)
    away.is_away = False
    liar.asked.clear()
    assert client.advance() == CHAIN.at(TOP)
    assert liar.asked == []


def _cut_votes(height: int, value: Any) -> Any:
    return value if height == 1 else value | {"commit": value["commit"] | {"signatures": []}}


def test_client_waits_when_no_source_answers() -> None:
    source = FakeSource("a", CHAIN)
    client = World().client(source)
    source.is_away = True
    with pytest.raises(SourceUnavailableError):
        client.advance()
    source.is_away = False
    assert client.advance() == CHAIN.at(TOP)


def test_client_says_so_when_another_source_is_behind_and_goes_on() -> None:
    world = World()
    client = world.client(FakeSource("a", CHAIN), FakeSource("slow", CHAIN, top=5))
    assert client.advance() == CHAIN.at(TOP)
    assert world.told == [f"not compared: slow: expected height {TOP}, got nothing yet"]


def test_fork_is_found_and_kept_as_evidence_when_two_sources_have_signed_histories() -> None:
    world = World()
    client = world.client(FakeSource("a", CHAIN), FakeSource("b", other_history(10)))
    with pytest.raises(ForkError, match=r"both signed; .* validators signed both; trust neither") as caught:
        client.advance()
    fork = caught.value.fork
    assert fork.one.hash != fork.other.hash
    assert fork.common.height <= 10 < fork.one.height
    assert client.head == CHAIN.at(1)


def test_other_source_is_dropped_when_its_history_is_not_signed_by_enough() -> None:
    world = World()
    forged = other_history(10)
    forged.blocks[10:] = [resigned(block, block.validators[:1]) for block in forged.blocks[10:]]
    client = world.client(FakeSource("a", CHAIN), FakeSource("b", forged))
    assert client.advance() == CHAIN.at(TOP)
    assert any("dropped: b: " in line for line in world.told)


def test_nobody_is_dropped_when_the_trusted_header_is_too_old() -> None:
    world = World()
    client = world.client(FakeSource("a", CHAIN))
    world.now_s = CHAIN.at(1).header.time.seconds + PERIOD_S
    with pytest.raises(TrustExpiredError):
        client.advance()
    assert world.told == []


@pytest.mark.parametrize("value", [[], "text", 5, {}, {"header": {}}, {"header": 1, "commit": 2, "validators": 3}])
def test_source_is_dropped_when_its_answer_is_no_light_block(value: Any) -> None:
    world = World()
    source = FakeSource("a", CHAIN)
    client = world.client(source)
    source.spoil = lambda _, __: value
    with pytest.raises(UntrustedSourceError):
        client.advance()
    assert "dropped: a: " in world.told[0]


def test_source_is_dropped_when_it_takes_back_a_proven_block() -> None:
    world = World()
    source = FakeSource("a", CHAIN)
    client = world.client(source)
    client.advance()
    source.chain = other_history(10)
    with pytest.raises(UntrustedSourceError):
        client.advance()
    assert "dropped: a: header: expected" in world.told[0]
