"""Messages on their way: order in a lane, lanes and peers apart, trying again, giving up."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from node.errors import InvariantError
from node.messages.errors import PeerUnavailableError, RefusedByPeerError
from node.messages.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S, FLIGHTS_MAX, GIVE_UP_S, LOOK_MAX, PEER_FLIGHTS_MAX
from node.messages.ports import Message, Receipt
from node.messages.store import DEAD, QUEUED, REFUSED, STORED
from node.storage.database import Database
from tests.unit.messages.bank import Bank, Clock

HOUR_S = 3_600.0


@dataclass
class Road:
    """A transport that fails as it is told, and holds messages until they may arrive."""

    away: set[str] = field(default_factory=set)
    faults: dict[str, Exception] = field(default_factory=dict)
    held: int = 0
    """How many have to be on the road before a test goes on and releases them."""
    tried: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    arrived: list[str] = field(default_factory=list)
    on_road: list[str] = field(default_factory=list)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, message: Message) -> Receipt:
        self.tried[message.recipient].append(message.message_id)
        if self.held:
            self.on_road.append(message.message_id)
            if len(self.on_road) == self.held:
                self.full.set()
            await self.release.wait()
        if message.recipient in self.away:
            raise PeerUnavailableError(f"{message.recipient}: no connection")
        fault = self.faults.get(message.message_id)
        if fault is not None:
            raise fault
        self.arrived.append(message.message_id)
        return Receipt(1, None, b"acknowledgement")


@pytest.fixture
def road() -> Road:
    return Road()


@pytest.fixture
def bank(tmp_path: Path, road: Road) -> Bank:
    return Bank("nl", Database(f"sqlite:///{tmp_path}/nl"), road)


async def test_messages_of_a_lane_go_one_after_the_other_when_lanes_go_together(bank: Bank, road: Road) -> None:
    road.held = 4
    for lane in ("a", "b"):
        for number in (1, 2):
            bank.send("ke", f"{lane}{number}", thread=lane)
    bank.send("ke", "free1")
    bank.send("ke", "free2")
    delivery = asyncio.ensure_future(bank.service.deliver_queued())
    await asyncio.wait_for(road.full.wait(), 10)
    assert sorted(road.on_road) == ["a1", "b1", "free1", "free2"]
    road.release.set()
    await delivery
    assert road.arrived.index("a1") < road.arrived.index("a2")
    assert set(bank.sent_states()) == {STORED}


async def test_peers_have_room_when_one_of_them_is_slow(bank: Bank, road: Road) -> None:
    road.held = PEER_FLIGHTS_MAX + 1
    for number in range(PEER_FLIGHTS_MAX + 5):
        bank.send("slow", f"s{number}")
    bank.send("ke", "m1")
    delivery = asyncio.ensure_future(bank.service.deliver_queued())
    await asyncio.wait_for(road.full.wait(), 10)
    assert "m1" in road.on_road
    assert len(road.on_road) == PEER_FLIGHTS_MAX + 1 <= FLIGHTS_MAX
    road.release.set()
    await delivery
    assert len(road.arrived) == PEER_FLIGHTS_MAX + 6


async def test_peers_have_room_when_one_look_finds_only_those_to_a_slow_one(bank: Bank, road: Road) -> None:
    road.held = PEER_FLIGHTS_MAX + 1
    for number in range(LOOK_MAX + 1):
        bank.send("slow", f"s{number}")
    bank.send("ke", "m1")
    delivery = asyncio.ensure_future(bank.service.deliver_queued())
    await asyncio.wait_for(road.full.wait(), 10)
    assert "m1" in road.on_road
    road.release.set()
    await delivery
    assert len(road.arrived) == LOOK_MAX + 2


async def test_peer_that_is_away_is_tried_by_one_message_later_and_later(bank: Bank, road: Road) -> None:
    road.away = {"ke"}
    for number in range(3):
        bank.send("ke", f"m{number}", thread="t")
    bank.send("amber", "a1")
    await bank.service.deliver_queued()
    assert (road.tried["ke"], road.arrived) == (["m0"], ["a1"])
    waits = [bank.sent()[0].next_attempt_at_s - bank.clock.now_s]
    for _ in range(14):
        bank.clock.now_s = bank.sent()[0].next_attempt_at_s
        await bank.service.deliver_queued()
        waits.append(bank.sent()[0].next_attempt_at_s - bank.clock.now_s)
    assert waits[:3] == pytest.approx([BACKOFF_FIRST_S, BACKOFF_FIRST_S * 2, BACKOFF_FIRST_S * 4])
    assert waits[-1] == pytest.approx(BACKOFF_MAX_S)
    assert road.tried["ke"] == ["m0"] * 15
    assert [row.attempts for row in bank.sent()[:3]] == [15, 0, 0]
    assert "no connection" in str(bank.sent()[0].reason)


async def test_everything_flows_in_order_when_a_peer_is_back_after_an_hour(bank: Bank, road: Road) -> None:
    road.away = {"ke"}
    end_s = bank.clock.now_s + HOUR_S
    for number in range(30):
        bank.send("ke", f"m{number:02}", thread=f"t{number % 3}")
    while bank.clock.now_s < end_s:
        await bank.service.deliver_queued()
        bank.clock.now_s += 5
    assert set(bank.sent_states()) == {QUEUED}
    assert len(road.tried["ke"]) < 200
    road.away = set()
    bank.clock.now_s += BACKOFF_MAX_S
    await bank.service.deliver_queued()
    assert set(bank.sent_states()) == {STORED}
    for lane in range(3):
        assert [one for one in road.arrived if int(one[1:]) % 3 == lane] == [f"m{one:02}" for one in range(lane, 30, 3)]


async def test_restart_waits_as_long_as_before_when_a_peer_was_away(bank: Bank, road: Road, tmp_path: Path) -> None:
    road.away = {"ke"}
    bank.send("ke", "m1")
    for _ in range(10):
        await bank.service.deliver_queued()
        bank.clock.now_s = bank.sent()[0].next_attempt_at_s
    await bank.service.deliver_queued()
    tried, due_at_s = len(road.tried["ke"]), bank.sent()[0].next_attempt_at_s
    again = Bank("nl", Database(f"sqlite:///{tmp_path}/nl"), road, clock=Clock(due_at_s - 1))
    await again.service.deliver_queued()
    assert len(road.tried["ke"]) == tried
    again.clock.now_s = due_at_s
    await again.service.deliver_queued()
    assert len(road.tried["ke"]) == tried + 1


async def test_message_is_due_when_the_clock_was_set_back(bank: Bank, road: Road) -> None:
    road.away = {"ke"}
    bank.send("ke", "m1")
    await bank.service.deliver_queued()
    road.away = set()
    again = Bank("nl", bank.database, road, clock=Clock(bank.clock.now_s - 365 * 86_400))
    await again.service.deliver_queued()
    assert bank.sent_states() == [STORED]


async def test_messages_are_dead_letters_when_a_peer_is_away_for_too_long(bank: Bank, road: Road) -> None:
    road.away = {"ke"}
    bank.send("ke", "m1")
    bank.send("ke", "m2", thread="t")
    bank.send("ke", "m3", thread="t")
    await bank.service.deliver_queued()
    bank.clock.now_s += GIVE_UP_S - 1
    bank.send("ke", "m4")
    await bank.service.deliver_queued()
    assert bank.sent_states() == [QUEUED] * 4
    bank.clock.now_s += BACKOFF_MAX_S
    await bank.service.deliver_queued()
    assert bank.sent_states() == [DEAD, DEAD, DEAD, QUEUED]
    assert all("no connection" in str(row.reason) for row in bank.sent()[:3])


async def test_message_is_refused_and_its_lane_goes_on_when_the_recipient_signs_so(bank: Bank, road: Road) -> None:
    road.faults["m1"] = RefusedByPeerError("messages/7", "another content", b"signed refusal")
    bank.send("ke", "m1", thread="t")
    bank.send("ke", "m2", thread="t")
    await bank.service.deliver_queued()
    first = bank.sent()[0]
    assert bank.sent_states() == [REFUSED, STORED]
    assert (first.acknowledgement, "messages/7" in str(first.reason)) == (b"signed refusal", True)


async def test_message_stays_unanswered_when_a_later_attempt_was_not_even_sent(bank: Bank, road: Road) -> None:
    bank.send("ke", "m1")
    for is_unanswered, told in ((False, False), (True, True), (False, True)):
        road.faults["m1"] = PeerUnavailableError("gone", is_unanswered=is_unanswered)
        await bank.service.deliver_queued()
        assert bank.sent()[0].is_unanswered is told
        bank.clock.now_s += BACKOFF_MAX_S
    road.faults.clear()
    await bank.service.deliver_queued()
    assert (bank.sent_states(), bank.sent()[0].is_unanswered) == ([STORED], False)


async def test_delivery_stops_when_an_invariant_is_broken(bank: Bank, road: Road) -> None:
    road.faults["m1"] = InvariantError("keys")
    bank.send("ke", "m1")
    with pytest.raises(ExceptionGroup) as told:
        await bank.service.deliver_queued()
    assert told.group_contains(InvariantError, match="keys")
    assert bank.sent_states() == [QUEUED]
