"""The SDK against a fake transport: what it sends, when it tries again, how it walks lists and streams."""

import asyncio
import itertools

import httpx
import pytest

from node.client import AsyncLandfallClient, LandfallClient, ProblemError, UnavailableError


class Node:
    """Answers as it is told to, one after the other, the last one again and again; keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> LandfallClient:
        return LandfallClient("http://node", "secret", httpx.MockTransport(self), sleep=self.slept.append)

    def async_client(self) -> AsyncLandfallClient:
        async def sleep(wait_s: float) -> None:
            self.slept.append(wait_s)

        return AsyncLandfallClient("http://node", "secret", httpx.MockTransport(self), sleep=sleep)


def test_client_sends_token_and_key_when_it_posts() -> None:
    node = Node(httpx.Response(202, json={"ok": True}))
    assert node.client().post("/payments", {"amount": "1"}, key="once") == {"ok": True}
    assert node.asked[0].url == "http://node/v1/payments"
    assert node.asked[0].headers["Authorization"] == "Bearer secret"
    assert node.asked[0].headers["Idempotency-Key"] == "once"


def test_client_raises_the_nodes_words_when_it_is_refused() -> None:
    problem = {"status": 422, "detail": "amount: expected digits, got 'x'", "code": "web/12", "field": "amount"}
    node = Node(httpx.Response(422, json=problem | {"next_step": "Correct it."}))
    with pytest.raises(ProblemError, match="amount: expected digits") as refused:
        node.client().get("/balances")
    assert (refused.value.status, refused.value.field, refused.value.next_step) == (422, "amount", "Correct it.")
    assert len(node.asked) == 1


def test_client_says_unavailable_when_nobody_listens() -> None:
    node = Node(httpx.ConnectError("refused"))
    with pytest.raises(UnavailableError, match="expected an answer"):
        node.client().get("/balances")
    assert (len(node.asked), len(node.slept)) == (3, 2)
    assert node.slept[0] < node.slept[1] * 2


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("late"), httpx.Response(503, json={"detail": "not now"})])
def test_change_is_sent_again_under_the_same_key_when_its_answer_did_not_come(
    failure: httpx.Response | Exception,
) -> None:
    node = Node(failure, failure, httpx.Response(202, json={"id": "1"}))
    assert node.client().payments.pay({"payee": "bloem", "currency": "EUR", "amount": "1"})["id"] == "1"
    assert len({request.headers["Idempotency-Key"] for request in node.asked}) == 1
    assert len(node.asked) == 3


def test_change_without_a_key_is_not_sent_again_when_its_answer_did_not_come() -> None:
    node = Node(httpx.ReadTimeout("late"))
    with pytest.raises(UnavailableError):
        node.client().webhooks.delete_webhook("wh_1")
    assert len(node.asked) == 1


def test_client_waits_as_long_as_the_node_asks_when_it_has_asked_too_often() -> None:
    node = Node(httpx.Response(429, json={"detail": "x"}, headers={"Retry-After": "7"}), httpx.Response(200, json=[]))
    assert node.client().get("/balances") == []
    assert node.slept == [7.0]


def test_client_says_what_a_proxy_says_when_it_is_no_problem() -> None:
    node = Node(httpx.Response(404, text="<html>no such host</html>"))
    with pytest.raises(ProblemError, match="no such host") as refused:
        node.client().get("/balances")
    assert refused.value.status == 404
    with pytest.raises(UnavailableError, match="bad gateway"):
        Node(httpx.Response(502, text="bad gateway")).client().get("/balances")


def test_list_is_walked_to_its_end_when_it_has_pages() -> None:
    def page(*rows: str, cursor: str = "") -> httpx.Response:
        link = {"Link": f'</v1/payments?state=settled&limit=2&cursor={cursor}>; rel="next"'} if cursor else {}
        return httpx.Response(200, json=[{"id": row} for row in rows], headers=link)

    node = Node(page("a", "b", cursor="x%3D"), page("c", "d", cursor="y"), page("e"))
    found = [one["id"] for one in node.client().payments.list_payments(state="settled", limit=2)]
    assert found == ["a", "b", "c", "d", "e"]
    assert [request.url.params.get("cursor") for request in node.asked] == [None, "x=", "y"]
    assert all(request.url.params["state"] == "settled" for request in node.asked)
    lazy = Node(page("a", "b", cursor="x"), page("c"))
    assert next(iter(lazy.client().payments.list_payments()))["id"] == "a"
    assert len(lazy.asked) == 1


def test_change_names_what_was_seen_last_when_there_was_anything() -> None:
    shown = httpx.Response(200, json={"currency": "EUR"}, headers={"ETag": '"1"'})
    changed = httpx.Response(200, json={"currency": "EUR"}, headers={"ETag": '"2"'})
    node = Node(shown, changed, changed, changed)
    client = node.client()
    client.reports.get_cut_off("EUR")
    for _ in range(2):
        client.reports.set_cut_off("EUR", {"at": "16:00", "zone": "UTC"})
    client.reports.set_cut_off("KES", {"at": "16:00", "zone": "UTC"})
    client.reports.set_cut_off("EUR", {"at": "16:00", "zone": "UTC"}, if_match="*")
    seen = [request.headers.get("If-Match") for request in node.asked]
    assert seen == [None, '"1"', '"2"', None, "*"]


def test_path_keeps_its_shape_when_a_name_has_slashes() -> None:
    node = Node(httpx.Response(200, json={}))
    node.client().trades.get_trade("a/../b?c#d")
    assert node.asked[0].url.raw_path == b"/v1/trades/a%2F..%2Fb%3Fc%23d"


def test_document_is_given_byte_for_byte_when_downloaded() -> None:
    node = Node(httpx.Response(200, content=b"{not json"))
    assert node.client().trades.download_evidence("NR-1") == b"{not json"


def test_stream_goes_on_after_the_last_event_when_it_was_cut() -> None:
    def stream(*numbers: int) -> httpx.Response:
        text = "".join(f'id: {one}\nevent: x\ndata: {{"id": {one}}}\n\n: nothing new\n\n' for one in numbers)
        return httpx.Response(200, text=text)

    node = Node(stream(3, 4), httpx.ConnectError("away"), stream(5))
    events = node.client().follow_events(after=2, kind="trade")
    assert [event["id"] for event in itertools.islice(events, 3)] == [3, 4, 5]
    assert [request.url.params["after"] for request in node.asked] == ["2", "4", "4"]
    refused = Node(httpx.Response(401, json={"status": 401, "detail": "who?"}))
    with pytest.raises(ProblemError, match="who"):
        next(iter(refused.client().follow_events()))


def test_async_client_does_the_same_when_awaited() -> None:
    async def use() -> None:
        failed = Node(httpx.ReadTimeout("late"), httpx.Response(202, json={"id": "1"}))
        async with failed.async_client() as client:
            assert (await client.payments.pay({"payee": "b", "currency": "EUR", "amount": "1"}))["id"] == "1"
        assert len({request.headers["Idempotency-Key"] for request in failed.asked}) == 1
        paged = Node(
            httpx.Response(200, json=[{"id": 1}], headers={"Link": '</v1/events?cursor=x>; rel="next"'}),
            httpx.Response(200, json=[{"id": 2}]),
        )
        assert [one["id"] async for one in paged.async_client().events.list_events()] == [1, 2]
        streamed = Node(httpx.Response(200, text='data: {"id": 9}\n\n'), httpx.ConnectError("away"))
        async for event in streamed.async_client().follow_events():
            assert event["id"] == 9
            break
        refused = Node(httpx.Response(422, json={"status": 422, "detail": "no"}))
        with pytest.raises(ProblemError, match="no"):
            await refused.async_client().trades.get_trade("x")
        away = Node(httpx.ConnectError("refused"))
        with pytest.raises(UnavailableError):
            await away.async_client().trades.get_trade("x")
        assert len(away.asked) == 3

    asyncio.run(use())
