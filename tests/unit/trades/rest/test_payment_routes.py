"""The routes of a trade's payment messages: who sees which, and their XML."""

import pytest

from node.messages.iso20022.codec import parse
from tests.unit.trades import story
from tests.unit.trades.rest.test_routes import TRADE, Api
from tests.unit.trades.world import World


@pytest.fixture(scope="module")
def world() -> World:
    world = story.funded()
    story.load(world)
    story.wait_a_day(world)
    return world


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def names(api: Api, who: str) -> list[str]:
    return [one["message_id"][25:] for one in api.get(who, f"{TRADE}/messages")]


def test_messages_are_listed_with_where_they_are(api: Api) -> None:
    sent, answer, debit, confirmed = api.get("bank-nl", f"{TRADE}/messages")
    assert (sent["direction"], sent["kind"], sent["name"]) == ("sent", "pacs.008.001.08", "customer credit transfer")
    assert (sent["amount"], sent["state"], sent["partner"]) == ("1,500,000.00 KES", "stored", "bank-ke")
    assert (answer["status"], answer["state"], answer["direction"]) == ("ACSP", "handled", "received")
    assert (debit["partner"], debit["amount"], debit["state"]) == ("bloem", "-450,000.00 KES", "issued")
    assert (confirmed["milestone"], confirmed["amount"]) == (0, "440,955.00 KES")
    assert {one["uetr"] for one in (sent, answer, debit, confirmed)} == {api.get("bank-nl", TRADE)["uetr"]}


def test_a_party_sees_what_banks_said_and_everybody_its_own_notifications(api: Api) -> None:
    assert names(api, "bank-ke") == ["PACS008", "PACS002", "CRDT-1-1", "CRDT-1-3", "CONF-1"]
    assert names(api, "naivasha") == ["PACS008", "PACS002", "CRDT-1-3", "CONF-1"]
    assert names(api, "kra") == ["CRDT-1-1"]
    assert names(api, "bloem") == ["PACS008", "PACS002", "DBIT-1", "CONF-1"]


def test_messages_are_not_found_when_the_trade_is_anothers(api: Api) -> None:
    for path in (f"{TRADE}/messages", f"{TRADE}/messages/1"):
        assert api.get("vanrijn", path, 404)["code"] == "trades/12"


def test_xml_is_downloaded_as_it_travelled_when_the_caller_may_see_it(api: Api) -> None:
    for one in api.get("bank-nl", f"{TRADE}/messages"):
        answer = api.download("bank-nl", f"{TRADE}/messages/{one['number']}")
        assert answer.headers["content-type"] == "application/xml"
        assert parse(answer.content).report.findings == ()


def test_xml_is_not_found_when_the_caller_may_not_see_it_or_there_is_none(api: Api) -> None:
    taxes = next(one for one in api.get("bank-ke", f"{TRADE}/messages") if one["partner"] == "kra")
    for number in (taxes["number"], 9_999):
        assert api.get("naivasha", f"{TRADE}/messages/{number}", 404)["code"] == "trades/19"
