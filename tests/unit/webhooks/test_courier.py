"""Each event is brought once to each endpoint that wants it, however long it takes; what nobody takes is given up."""

import json

import pytest

from node.web.events import events_after
from node.webhooks.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S, ENDPOINT_FLIGHTS_MAX, GIVE_UP_S
from node.webhooks.posting import Outcome
from node.webhooks.service import Change
from tests.unit.webhooks.conftest import URL, Hooks

REFUSED = Outcome(500, 1, "answer: expected a status from 200 to 299, got 500")
SILENT = Outcome(None, 10_000, "answer: expected one within 10 s, got none")


async def test_event_is_brought_once_when_it_happens_after_registration(hooks: Hooks) -> None:
    hooks.tell(number=1)
    endpoint = hooks.register()
    hooks.tell(number=2)
    for _ in range(2):
        await hooks.courier.drain()
    ((url, body, headers),) = hooks.receiver.got
    assert url == URL
    assert json.loads(body) == {
        "type": "trade.signed",
        "timestamp": "2026-08-17T17:33:20Z",
        "event": 2,
        "data": {"number": 2},
    }
    assert headers["webhook-id"] == "evt_bank-nl_2"
    assert headers["webhook-timestamp"] == str(int(hooks.clock.now_s))
    (delivery,) = hooks.deliveries(endpoint)
    assert (delivery.state, delivery.attempts, delivery.reason) == ("delivered", 1, None)


async def test_event_is_brought_to_those_who_want_it_when_there_are_many(hooks: Hooks) -> None:
    wants = {"all": ((), None), "trades": (("trade",), None), "one": (("trade.signed", "payment"), None)}
    wants |= {"bloem": ((), "bloem"), "tulp": ((), "tulp")}
    for name, (kinds, owner) in wants.items():
        hooks.register(owner, f"https://erp.example/{name}", kinds)
    hooks.tell("trade.signed", "bloem")
    hooks.tell("trade.offered", None)
    hooks.tell("trades.other", None)
    await hooks.courier.drain()
    got = sorted((url.rpartition("/")[2], json.loads(body)["type"]) for url, body, _ in hooks.receiver.got)
    assert got == [
        ("all", "trade.offered"),
        ("all", "trade.signed"),
        ("all", "trades.other"),
        ("bloem", "trade.signed"),
        ("one", "trade.signed"),
        ("trades", "trade.offered"),
        ("trades", "trade.signed"),
    ]


async def test_delivery_is_tried_later_and_later_when_it_is_not_taken(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.receiver.answers[URL] = REFUSED
    hooks.tell()
    waits = []
    for _ in range(12):
        await hooks.courier.drain()
        (delivery,) = hooks.deliveries(endpoint)
        assert delivery.state == "queued"
        waits.append(delivery.next_attempt_at_s - hooks.clock.now_s)
        await hooks.courier.drain()
        hooks.clock.now_s = delivery.next_attempt_at_s
    assert waits[:3] == [BACKOFF_FIRST_S, 2 * BACKOFF_FIRST_S, 4 * BACKOFF_FIRST_S]
    assert waits[-1] == BACKOFF_MAX_S
    hooks.receiver.answers.clear()
    await hooks.courier.drain()
    assert [one.status for one in hooks.attempts(endpoint)] == [500] * 12 + [200]
    assert len({headers["webhook-id"] for _, _, headers in hooks.receiver.got}) == 1


async def test_delivery_waits_as_long_as_the_receiver_asks_when_it_says(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.receiver.answers[URL] = Outcome(429, 1, "answer: 429", retry_after_s=120)
    hooks.tell()
    await hooks.courier.drain()
    (delivery,) = hooks.deliveries(endpoint)
    assert delivery.next_attempt_at_s == hooks.clock.now_s + 120


async def test_delivery_is_given_up_and_told_when_nobody_has_taken_it_for_days(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.receiver.answers[URL] = SILENT
    hooks.tell()
    await hooks.courier.drain()
    hooks.clock.now_s += GIVE_UP_S + 1
    await hooks.courier.drain()
    (delivery,) = hooks.deliveries(endpoint)
    assert (delivery.state, delivery.reason) == ("failed", SILENT.reason)
    with hooks.database.read() as session:
        told = events_after(session, 1, None)
    assert [(one.kind, one.body["webhook"]) for one in told] == [("webhook.failed", endpoint)]
    await hooks.courier.drain()
    assert len(hooks.deliveries(endpoint)) == 1


async def test_endpoint_is_disabled_when_it_says_that_it_is_gone(hooks: Hooks) -> None:
    endpoint = hooks.register("bloem")
    hooks.receiver.answers[URL] = Outcome(410, 1, "answer: 410")
    hooks.tell(owner="bloem", number=1)
    await hooks.courier.drain()
    hooks.tell(owner="bloem", number=2)
    hooks.clock.now_s += BACKOFF_MAX_S
    await hooks.courier.drain()
    assert (hooks.endpoint(endpoint).state, len(hooks.receiver.got)) == ("disabled", 1)
    hooks.receiver.answers.clear()
    with hooks.database.transaction() as session:
        row = hooks.service.endpoint(session, "bloem", endpoint)
        hooks.service.change(session, row, Change(state="active"))
    await hooks.courier.drain()
    brought = [json.loads(body)["data"]["number"] for _, body, _ in hooks.receiver.got if b"number" in body]
    assert brought == [1, 1, 2]
    assert hooks.endpoint(endpoint).reason is None


async def test_message_is_signed_by_old_and_new_keys_when_they_overlap_and_by_the_new_alone_after(hooks: Hooks) -> None:
    endpoint = hooks.register()
    with hooks.database.transaction() as session:
        row = hooks.service.endpoint(session, None, endpoint)
        hooks.service.rotate(session, row, "ed25519", 60)
    for wait_s in (0, 59, 1):
        hooks.clock.now_s += wait_s
        hooks.tell()
        await hooks.courier.drain()
    signed = [[one[:3] for one in headers["webhook-signature"].split()] for _, _, headers in hooks.receiver.got]
    assert signed == [["v1a", "v1,"], ["v1a", "v1,"], ["v1a"]]


async def test_endpoint_gets_few_at_once_and_others_theirs_when_it_has_many_waiting(hooks: Hooks) -> None:
    hooks.register(url="https://slow.example/")
    hooks.register(url="https://quick.example/", kinds=("payment",))
    for number in range(100):
        hooks.tell(number=number)
    hooks.tell("payment.settled")
    flying: list[str] = []

    async def post(url: str, body: bytes, headers: object) -> Outcome:
        flying.append(url)
        most.append(sum(one == url for one in flying))
        try:
            return Outcome(200, 1, None)
        finally:
            order.append(url)

    most: list[int] = []
    order: list[str] = []
    hooks.receiver.post = post  # type: ignore[method-assign, assignment]
    await hooks.courier.drain()
    assert order.index("https://quick.example/") <= ENDPOINT_FLIGHTS_MAX
    assert order.count("https://slow.example/") == 101


@pytest.mark.parametrize("removes", [False, True])
async def test_outcome_is_forgotten_when_the_endpoint_was_deleted_under_way(hooks: Hooks, removes: bool) -> None:
    endpoint = hooks.register()
    hooks.tell()

    async def post(url: str, body: bytes, headers: object) -> Outcome:
        if removes:
            with hooks.database.transaction() as session:
                hooks.service.remove(session, hooks.service.endpoint(session, None, endpoint))
        return Outcome(200, 1, None)

    hooks.receiver.post = post  # type: ignore[method-assign, assignment]
    await hooks.courier.drain()
    with hooks.database.read() as session:
        left = session.scalars(hooks.service.endpoints(None)).all()
    assert len(left) == (0 if removes else 1)
