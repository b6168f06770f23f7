"""The first page: why somebody declines is said, and money by date is a page of its own too."""

import pytest

from node.app.pages import network, overview
from tests.unit.trades import story
from tests.unit.trades.pages.browsing import Browsing
from tests.unit.trades.rest.test_routes import TRADE


def asked() -> tuple[Browsing, str]:
    """Return a network whose provider is asked to take over a milestone, and the request's address."""
    pages = Browsing(story.funded(), overview.router, folders=(network.TEMPLATES,))
    pages.post("naivasha", f"{TRADE}/assign", {"milestone": 1, "institution": "fx-amber"}, 202)
    (request,) = pages.get("fx-amber", "/v1/requests")
    return pages, f"/requests/{request['id']}"


def test_request_is_declined_with_its_reason_when_somebody_says_why() -> None:
    pages, path = asked()
    assert f'action="{path}/decline"' in pages.show("fx-amber", "/")
    assert pages.send("fx-amber", f"{path}/decline", {"reason": "Too long a wait"}) == "/?done=declined"
    (motion,) = pages.get("naivasha", f"{TRADE}/motions")
    assert "Too long a wait" in motion["reason"]
    hostile = "<script>w()</script>{{7*7}}"
    pages.send("fx-amber", f"{path}/decline", {"reason": hostile})
    assert "<script>w" not in pages.show("naivasha", f"/trades/{story.REFERENCE}")


def test_request_is_not_declined_when_nobody_says_why() -> None:
    pages, path = asked()
    for reason in ("", "   "):
        refused = pages.send("fx-amber", f"{path}/decline", {"reason": reason}, 422)
        assert "reason: expected why you decline" in refused
    (request,) = pages.get("fx-amber", "/v1/requests")
    assert request["state"] == "asked"


def test_refusal_is_shown_above_what_waits_when_a_request_cannot_be_signed() -> None:
    pages, path = asked()
    refused = pages.send("fx-amber", f"{path[:-4]}0000/sign", {}, 422)
    assert "This was not done." in refused
    assert f'action="{path}/sign"' in refused


def test_money_by_date_is_a_page_unless_it_is_loaded_into_one() -> None:
    pages, _ = asked()
    whole = pages.show("naivasha", "/expected")
    assert "<h1>Money by date</h1>" in whole
    assert "1,050,000.00 KES" in whole.replace("\N{NO-BREAK SPACE}", " ")
    part = pages.show("naivasha", "/expected", headers={"HX-Request": "true"})
    assert "<html" not in part
    assert "if attested in time" in part


def test_money_by_date_says_what_it_leaves_out_when_there_are_more_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    pages, _ = asked()
    monkeypatch.setattr(overview, "_LOOKED_AT_BESIDE_MAX", 0)
    part = pages.show("naivasha", "/expected", headers={"HX-Request": "true"})
    assert "1 trade more is not looked at here." in part
    assert "not looked at here" not in pages.show("naivasha", "/expected")


def test_trade_under_way_says_what_it_waits_for() -> None:
    pages, _ = asked()
    assert "Waits for Amber FX: sign the assignment" in pages.show("naivasha", "/")
