"""The routes of trades and quotes over the real application, as the command line uses them."""

import asyncio
from typing import Any

import httpx
from fastapi import APIRouter

from node.client.times import to_seconds
from node.quotes.routes import router as quotes_router
from node.trades.evidence.packs import EvidenceRoom
from node.trades.rest.routes import router as trades_router
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from tests.unit.trades import story
from tests.unit.trades.world import World, example

PEOPLE = {
    "naivasha": Principal("bank-ke", "naivasha", DEVNET_CUSTOMER),
    "kra": Principal("bank-ke", "kra", DEVNET_CUSTOMER),
    "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "vanrijn": Principal("bank-nl", "vanrijn", DEVNET_CUSTOMER),
    "bank-nl": Principal("bank-nl", None, DEVNET_STAFF),
    "bank-ke": Principal("bank-ke", None, DEVNET_STAFF),
    "carrier": Principal("carrier", None, DEVNET_STAFF),
    "inspector": Principal("inspector", None, DEVNET_STAFF),
    "arbiter": Principal("arbiter", None, DEVNET_STAFF),
    "fx-amber": Principal("fx-amber", None, DEVNET_STAFF),
    "rwenzori": Principal("bank-ug", "rwenzori", DEVNET_CUSTOMER),
    "bank-ug": Principal("bank-ug", None, DEVNET_STAFF),
}
TRADE = f"/v1/trades/{story.REFERENCE}"


class NoProofs:
    """A chain that has no finality proof yet."""

    async def genesis(self) -> dict[str, Any]:
        return {"ethereum_genesis_hash": "0x" + "00" * 32, "landfall": {}}

    async def receipts(self, block: int) -> list[dict[str, Any]]:
        raise AssertionError(block)

    async def finality_proof(self, block: int) -> dict[str, Any]:
        return {}

    async def validator_changes(self, first: int, last: int) -> list[dict[str, Any]]:
        raise AssertionError((first, last))


class Api:
    """Requests by name; every write gets a key of its own unless the test gives one."""

    def __init__(self, world: World, *more: APIRouter) -> None:
        self.world = world
        desks = {name: self._desk(name) for name in world.desks}
        self._app = build_app(
            desks=desks, authority=TokenAuthority(dict(PEOPLE)), routers=[trades_router, quotes_router, *more]
        )
        self._keys = iter(range(10_000))

    def _desk(self, name: str) -> Desk:
        desk = self.world[name]
        evidence = EvidenceRoom(desk.trades.desk, desk.database, NoProofs())
        services = [desk.trades, desk.quotes, evidence, desk.trades.desk.participants]
        return Desk(institution_id=name, database=desk.database, services=services)

    def get(self, who: str, path: str, status: int = 200) -> Any:
        return self._ask("GET", who, path, None, None, status).json()

    def download(self, who: str, path: str) -> httpx.Response:
        return self._ask("GET", who, path, None, None, 200)

    def post(self, who: str, path: str, body: Any = None, status: int = 200, key: str | None = None) -> Any:
        return self._ask("POST", who, path, body, key or f"key-{next(self._keys)}", status).json()

    def _ask(self, method: str, who: str, path: str, body: Any, key: str | None, status: int) -> httpx.Response:
        async def ask() -> httpx.Response:
            headers = {"Authorization": f"Bearer {who}"} | ({} if key is None else {"Idempotency-Key": key})
            content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
            if isinstance(body, bytes):
                headers["Content-Type"] = "application/json"
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
                return await client.request(method, path, headers=headers, **(content if body is not None else {}))

        answer = asyncio.run(ask())
        assert answer.status_code == status, answer.text
        self.world.settle_down()
        return answer


def draft_body() -> dict[str, Any]:
    return {
        "terms_toml": example("roses/terms.toml").decode(),
        "invoice_xml": example("roses/invoice.xml").decode(),
    }


def test_a_trade_goes_from_draft_to_first_payment_over_the_routes() -> None:
    api = Api(story.start())
    drafted = api.post("naivasha", "/v1/trades", draft_body(), 201, key="draft")
    assert drafted["open_accounts"] == ["importer.account"]
    # The same request again is answered the same; another one under its key is refused.
    assert api.post("naivasha", "/v1/trades", draft_body(), 201, key="draft") == drafted
    api.post("naivasha", "/v1/trades", {**draft_body(), "side": "exporter"}, 422, key="draft")

    counter = {"terms_toml": example("roses/terms-counter.toml").decode()}
    assert api.post("bloem", f"{TRADE}/counter", counter)["version"] == 2
    assert [version["version"] for version in api.get("naivasha", f"{TRADE}/versions")] == [1, 2]
    for who in ("naivasha", "bloem"):
        api.post(who, f"{TRADE}/sign", {})
    assert api.get("bloem", TRADE)["state"] == "agreed"

    api.post("bloem", f"{TRADE}/quotes")
    quotes = api.get("bloem", f"{TRADE}/quotes")
    assert [quote["total_percent"] for quote in quotes["quotes"]] == ["0.38 %", "0.55 %"]
    taken = api.post("bloem", f"{TRADE}/quotes/accept", {})
    assert (taken["provider"], taken["pays"], taken["fee"]) == ("fx-baobab", "10,121.21 EUR", "8.09 EUR")
    api.post("bloem", f"{TRADE}/fund", status=202)
    assert api.get("naivasha", TRADE)["state"] == "funded"
    assert {issued["state"] for issued in api.get("fx-amber", "/v1/quotes/issued")} == {"offered"}

    api.world.advance_to(story.LOADED_S)
    assert len(api.get("carrier", "/v1/appointments")) == 2
    event = example("roses/epcis-loaded.json")
    attested = api.post("carrier", f"{TRADE}/events", event, 202)
    assert (attested["milestone"], attested["outcome"]) == (0, "fulfilled")
    replayed = api.post("carrier", f"{TRADE}/events", event, 409)
    assert replayed["code"] == "trades/11"
    api.post("inspector", f"{TRADE}/statements", example("roses/statement-loaded.json"), 202)
    story.wait_a_day(api.world)
    milestone = api.get("bloem", TRADE)["milestones"][0]
    assert (milestone["state"], milestone["paid"]) == ("settled", "450,000.00 KES")
    names = [event["name"] for event in api.get("bloem", f"{TRADE}/history")]
    assert names[0] == "TradeFunded"
    assert "MilestoneSettled" in names
    assert [line["reference"] for line in api.get("bank-nl", "/v1/trades")] == [story.REFERENCE]
    assert api.get("vanrijn", "/v1/trades") == []
    steps = api.get("bloem", f"{TRADE}/next")
    assert {step["who"] for step in steps if step["call"] == "attest"} == {"carrier", "inspector"}
    (lapse,) = [step for step in steps if step["call"] == "lapse"]
    assert lapse["who"] == "anyone"
    assert to_seconds(lapse["from"]) == to_seconds(api.get("bloem", TRADE)["hold_expires_at"]) + 1
    assert [step["call"] for step in steps if step["who"] == importer_name(api) and step["milestone"] == 1] == [
        "accept"
    ]


def importer_name(api: "Api") -> str:
    return str(api.get("bloem", TRADE)["importer"])


def test_requests_are_refused_with_a_problem_when_they_are_not_allowed() -> None:
    api = Api(story.funded())
    unknown = api.get("vanrijn", TRADE, 404)
    assert unknown["code"] == "trades/12"
    assert api.post("carrier", f"{TRADE}/events", b"[]", 422)["field"] == "EPCIS document"
    assert api.post("fx-amber", f"{TRADE}/events", example("roses/epcis-loaded.json"), 403)["field"] == "attester"
    assert api.post("bloem", f"{TRADE}/events", b"{}", 403)["code"].startswith("web/")
    bad = {"terms_toml": example("roses/terms.toml").decode().replace("6000", "5000")}
    assert api.post("naivasha", "/v1/trades", bad, 422)["field"] == "milestones.weight_bps"
    assert api.post("naivasha", "/v1/trades", {**bad, "colour": "red"}, 422)["field"] == "colour"
    assert api.get("bloem", f"{TRADE}/evidence", 409)["detail"].startswith("state: expected a closed trade")


def test_the_rate_is_that_of_the_ledgers_day() -> None:
    api = Api(story.funded())
    answer = api.get("bank-nl", "/v1/rates/EUR/KES")
    assert answer["day"] == "2026-08-04"
    assert answer["rate"].startswith("148.")
    assert api.get("bank-nl", "/v1/rates/EUR/XXX", 404)["field"] == "currency"
    assert api.get("bank-nl", "/v1/oracle/rounds") == []
    assert api.get("bank-nl", "/v1/quotes/issued", 422)["field"] == "institution"


def test_evidence_waits_when_the_chain_has_no_proof_yet() -> None:
    api = Api(story.funded())
    for who in ("naivasha", "bloem"):
        api.post(who, f"{TRADE}/cancel", {}, 202)
    assert api.get("naivasha", TRADE)["closed_cause"] == "cancelled"
    assert "finality proof" in api.get("naivasha", f"{TRADE}/evidence", 503)["detail"]
