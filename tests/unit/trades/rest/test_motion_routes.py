"""Amendments, assignments and requests to sign over the routes."""

from tests.unit.trades import story
from tests.unit.trades.agreement.test_funding_policies import FLOAT, LOCK, with_oracle
from tests.unit.trades.motions.test_motions import COUNTERED
from tests.unit.trades.rest.test_routes import TRADE, Api
from tests.unit.trades.terms_help import changed
from tests.unit.trades.world import example


def waited(api: Api, who: str) -> list[tuple[str, str]]:
    """Return who is waited for, and for what."""
    return [(step["who"], step["what"]) for step in api.get(who, TRADE)["next"]]


def test_an_amendment_is_proposed_shown_and_agreed() -> None:
    api = Api(story.funded())
    terms = changed(("2026-09-25T18:00:00Z", "2026-09-27T18:00:00Z"), path=COUNTERED).decode()
    api.post("naivasha", f"{TRADE}/amend", {"terms_toml": terms}, 202)
    (motion,) = api.get("bloem", f"{TRADE}/motions")
    assert (motion["name"], motion["proposed_by"], motion["state"]) == ("amend", "exporter", "open")
    assert [signer["role"] for signer in motion["signers"] if not signer["signed"]] == ["importer"]
    assert ("Bloemenhuis BV", "sign the amendment") in waited(api, "naivasha")
    assert "milestones.1.deadline_s" in [change["field"] for change in motion["changes"]]
    api.post("bloem", f"{TRADE}/agree", {}, 202)
    assert api.get("bloem", f"{TRADE}/motions") == []
    assert "sign the amendment" not in [what for _, what in waited(api, "bloem")]
    assert api.get("naivasha", TRADE)["milestones"][1]["deadline"] == "2026-09-27T18:00:00Z"
    assert api.post("bloem", f"{TRADE}/agree", {}, 409)["field"] == "amendment"


def test_a_financier_sees_what_it_is_asked_and_may_decline_before_it_signs() -> None:
    api = Api(story.funded())
    api.post("naivasha", f"{TRADE}/assign", {"milestone": 1, "institution": "fx-amber"}, 202)
    assert ("fx-amber", "sign the assignment") in waited(api, "naivasha")
    assert api.get("carrier", "/v1/requests") == []
    (request,) = api.get("fx-amber", "/v1/requests")
    assert (request["kind"], request["owner"], request["asked_by"]) == ("Assign", "fx-amber", "bank-ke")
    assert request["summary"].startswith("take over milestone 2 of trade 0x")
    declined = api.post("fx-amber", f"/v1/requests/{request['id']}/decline", {"reason": "not now"})
    assert declined["state"] == "declined"
    assert api.get("naivasha", f"{TRADE}/motions")[0]["reason"] == "fx-amber declined: not now"
    assert api.post("carrier", f"/v1/requests/{request['id']}/sign", None, 422)["field"] == "request"
    api.post("fx-amber", f"/v1/requests/{request['id']}/sign", None, 202)
    assert api.get("naivasha", f"{TRADE}/motions") == []
    assert "MilestoneAssigned" in [event["name"] for event in api.get("bloem", f"{TRADE}/history")]


def test_an_order_is_refused_when_the_caller_may_not_give_it() -> None:
    api = Api(story.funded())
    order = {"milestone": 0, "institution": "fx-amber"}
    assert api.post("bloem", f"{TRADE}/assign", order, 403)["field"] == "actor"
    assert api.post("naivasha", f"{TRADE}/assign", {**order, "milestone": 7}, 422)["field"] == "milestone"
    assert api.post("naivasha", f"{TRADE}/assign", {**order, "institution": "nobody"}, 404)["code"].startswith("parti")
    assert api.post("bloem", f"{TRADE}/cancel", {"ask_provider": True}, 422)["field"] == "ask_provider"


def test_what_the_importer_needs_is_said_before_anybody_signs() -> None:
    api = Api(story.start())
    body = {"terms_toml": changed(LOCK).decode(), "invoice_xml": example("roses/invoice.xml").decode()}
    api.post("naivasha", "/v1/trades", body, 201)
    estimate = api.get("bloem", f"{TRADE}/needs")
    assert (estimate["is_firm"], estimate["available"], estimate["missing"]) == (False, "25,000.00 EUR", None)
    api.post("bloem", f"{TRADE}/quotes")
    firm = api.get("bloem", f"{TRADE}/needs")
    assert firm["is_firm"]
    assert "premium" in firm["consists_of"]
    quotes = api.get("bloem", f"{TRADE}/quotes")["quotes"]
    assert all(quote["premium"] and quote["cancel_fee"] and quote["refusal"] is None for quote in quotes)
    assert firm["amount"] > estimate["amount"]
    assert api.get("naivasha", f"{TRADE}/needs")["available"] is None


def test_a_float_needs_the_sum_of_its_slices() -> None:
    api = Api(with_oracle())
    terms = changed((FLOAT[0], f'{FLOAT[1]}\nrate = "150"')).decode()
    body = {"terms_toml": terms, "invoice_xml": example("roses/invoice.xml").decode()}
    api.post("naivasha", "/v1/trades", body, 201)
    need = api.get("bloem", f"{TRADE}/needs")
    # As in docs/spec/settlement.md, section 5: r0 = 150, band 3 %, spread 0.5 %.
    assert need["amount"] == "10,361.10 EUR"
    assert need["consists_of"].startswith("slices")
