"""The routes of decisions about a funded trade and of the arbiter's desk, over the real application."""

from tests.unit.trades import story
from tests.unit.trades.acting.test_deciding import AWARD_REASONS, REASONS, loaded
from tests.unit.trades.rated import float_terms, funded, wait_until_final
from tests.unit.trades.rest.test_routes import TRADE, Api

FIRST = f"{TRADE}/milestones/0"


def test_a_dispute_goes_to_the_arbiter_and_back_over_the_routes() -> None:
    api = Api(loaded())
    refused = api.post("bloem", f"{TRADE}/milestones/1/dispute", {"reasons": REASONS}, 409)
    assert (refused["code"], refused["field"]) == ("trades/13", "milestone.state")
    assert "disputes open once attesters agree, or after" in refused["detail"]
    order = {"reasons": REASONS}
    sent = api.post("bloem", f"{FIRST}/dispute", order, 202, key="dispute")
    # The same request again is answered the same and changes nothing.
    assert api.post("bloem", f"{FIRST}/dispute", order, 202, key="dispute") == sent
    for who in ("bloem", "naivasha"):
        (raised,) = api.get(who, f"{TRADE}/disputes")
        assert (raised["raised_by"], raised["reasons"], raised["share_bps"]) == ("importer", REASONS, None)

    (case,) = api.get("arbiter", "/v1/disputes")
    assert (case["amount"], case["milestone_kind"], case["raised_by"]) == ("450,000.00 KES", "loaded", "importer")
    assert case["terms"]["reference"] == story.REFERENCE
    (event,) = [one for one in case["exhibits"] if one["kind"] == "epcis"]
    document = api.get("arbiter", f"/v1/disputes/{case['dispute']}/documents/{event['sha256']}")
    assert document["type"] == "EPCISDocument"
    api.get("arbiter", f"/v1/disputes/{case['dispute']}/documents/{'0' * 64}", 404)
    assert api.get("bank-nl", "/v1/disputes", 403)["field"] == "institution"
    assert api.get("bloem", "/v1/disputes", 403)["code"].startswith("web/")
    path = f"/v1/disputes/{case['dispute']}/award"
    assert api.post("arbiter", path, {"share_bps": 10_001, "reasons": AWARD_REASONS}, 422)["field"] == "share_bps"
    assert api.post("arbiter", path, {"share_bps": 7_000, "reasons": " "}, 422)["field"] == "reasons"
    api.post("arbiter", path, {"share_bps": 7_000, "reasons": AWARD_REASONS}, 202)
    assert api.get("arbiter", f"/v1/disputes/{case['dispute']}")["awarded_at"] is not None
    assert api.post("arbiter", path, {"share_bps": 0, "reasons": AWARD_REASONS}, 409)["code"] == "trades/13"
    (decided,) = api.get("naivasha", f"{TRADE}/disputes")
    assert (decided["share_bps"], decided["award_reasons"]) == (7_000, AWARD_REASONS)


def test_acceptance_and_waiver_are_refused_with_a_problem_when_they_are_not_the_callers() -> None:
    api = Api(loaded())
    assert api.post("naivasha", f"{FIRST}/accept", status=403)["field"] == "side"
    assert api.post("bloem", f"{FIRST}/waive", {"amount": "1"}, 403)["field"] == "actor"
    assert api.post("naivasha", f"{FIRST}/waive", {"amount": "45000001"}, 422)["field"] == "amount"
    assert api.post("vanrijn", f"{FIRST}/accept", status=404)["code"] == "trades/12"
    assert api.post("bloem", f"{TRADE}/milestones/5/accept", status=422)["field"] == "milestone"
    assert api.post("bloem", f"{FIRST}/quotes", status=409)["field"] == "funding.policy"
    api.post("naivasha", f"{FIRST}/waive", {"amount": "5000000"}, 202)
    api.post("bloem", f"{FIRST}/accept", status=202)
    api.world.advance_to(api.world.ledger.now_s + 1)
    assert api.get("bloem", TRADE)["milestones"][0]["paid"] == "400,000.00 KES"
    steps = {step["step"]: step["state"] for step in api.get("naivasha", TRADE)["steps"]}
    assert (steps["waive:0"], steps["settle:0"]) == ("done", "done")


def test_a_float_is_settled_by_choice_over_the_routes() -> None:
    world = funded(float_terms(0))
    story.load(world)
    api = Api(world)
    assert api.post("bloem", f"{FIRST}/settle", {}, 409)["field"] == "milestone.state"
    assert api.post("bloem", f"{TRADE}/top-up", {}, 409)["field"] == "top_up"
    assert api.post("bloem", f"{TRADE}/reprice", status=409)["field"] == "call"
    assert (
        api.post("naivasha", f"{FIRST}/defer", {"deadline": "2026-09-01T00:00:00Z"}, 409)["field"]
        == "funding.float.option"
    )
    assert api.post("naivasha", f"{TRADE}/close", {}, 409)["field"] == "funding.float.option"
    wait_until_final(world)
    assert api.get("bloem", f"{FIRST}/quotes", 409)["field"] == "quotes"
    api.post("bloem", f"{FIRST}/quotes")
    best, other = api.get("bloem", f"{FIRST}/quotes")["quotes"]
    assert (best["paid"], best["paid_minor"], best["chooser"]) == ("600,000.00 KES", "60000000", "importer")
    assert other["paid"] is None
    assert api.post("bloem", f"{FIRST}/last-resort", status=409)["field"] == "time"
    chosen = {"quote": best["quote"]["digest"], "least": "60000000"}
    api.post("bloem", f"{FIRST}/settle", chosen, 202)
    assert api.get("naivasha", TRADE)["milestones"][0]["paid"] == "600,000.00 KES"
    assert api.get("naivasha", TRADE)["fx"]["provider"] is None


def test_the_watch_is_set_by_staff_alone() -> None:
    api = Api(story.start(("bank-nl",)))
    assert set(api.get("bank-nl", "/v1/watch").values()) == {True}
    assert api.post("bank-nl", "/v1/watch", {"step": "reprice", "performs": False})["reprice"] is False
    assert api.get("bank-nl", "/v1/watch") == {
        "silence": True,
        "settle": True,
        "last_resort": True,
        "reprice": False,
        "lapse": True,
    }
    assert api.post("bank-nl", "/v1/watch", {"step": "pay", "performs": False}, 422)["field"] == "step"
    assert api.get("bloem", "/v1/watch", 403)["code"].startswith("web/")
