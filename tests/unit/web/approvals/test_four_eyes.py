"""Maker and checker: held above the limit, approved once by somebody else, refused for everybody who may not."""

import json
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.audit.store import EntryRow
from node.errors import RejectedError
from node.storage.database import Database
from node.storage.migrate import prepare
from node.web import events
from node.web.app import build_app
from node.web.approvals.service import Stake, withdraw_of
from node.web.auth import Caller, Principal, TokenAuthority, needs
from node.web.desk import Desk
from node.web.idempotency import OnceOnly
from node.web.limits import PROPOSAL_LIFETIME_S, PROPOSALS_OPEN_MAX
from node.web.permissions import DEVNET_STAFF, Permission, Role
from node.web.schemas import Order
from node.web.store import EventRow

PEOPLE = {
    "maker": Principal("bank-nl", None, frozenset({Role.BANK_MAKER}), "p-maker"),
    "checker": Principal("bank-nl", None, frozenset({Role.BANK_CHECKER}), "p-checker"),
    "second-checker": Principal("bank-nl", None, frozenset({Role.BANK_CHECKER}), "p-other"),
    "both": Principal("bank-nl", None, frozenset({Role.BANK_MAKER, Role.BANK_CHECKER}), "p-both"),
    "treasurer": Principal("bank-nl", None, frozenset({Role.TREASURER}), "p-treasurer"),
    "treasurer-2": Principal("bank-nl", None, frozenset({Role.TREASURER}), "p-treasurer-2"),
    "bloem": Principal("bank-nl", "bloem", frozenset({Role.IMPORTER}), "p-bloem"),
    "tulp": Principal("bank-nl", "tulp", frozenset({Role.IMPORTER}), "p-tulp"),
    "devnet": Principal("bank-nl", None, DEVNET_STAFF),
    "ke-checker": Principal("bank-ke", None, frozenset({Role.BANK_CHECKER}), "p-checker"),
}
probe = APIRouter()
LIMIT = 1_000


class PayIn(Order):
    """An amount of euros; `fails` as long as the world says so."""

    amount: int
    fails: bool = False


WORLD = {"is_down": False}


@probe.post("/pay", dependencies=[needs(Permission.PAYMENTS_WRITE)])
async def pay(order: PayIn, caller: Caller, once: OnceOnly) -> JSONResponse:
    """Pay, which a notice shows."""

    def effect(session: Session) -> dict[str, Any]:
        if order.fails or WORLD["is_down"]:
            raise RejectedError("amount: expected one that is there, got more")
        session.add(EventRow(kind="paid", owner=None, body={"by": caller.name}, time_s=order.amount))
        return {"paid": order.amount, "by": caller.name}

    return once.run(effect, 201, lambda _session: Stake(f"pay {order.amount}", order.amount, "EUR"))


class Clock:
    now_s = 1_800_000_000

    def __call__(self) -> int:
        return self.now_s


@cache
def application() -> FastAPI:
    return build_app(desks={}, authority=TokenAuthority(PEOPLE), routers=[probe])


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.databases = {name: Database("sqlite://") for name in ("bank-nl", "bank-ke")}
        for database in self.databases.values():
            prepare(database)
        # Building an application takes longer than most tests: all worlds share one.
        self.app = application()
        self.app.state.desks = {
            name: Desk(institution_id=name, database=database, services=[]) for name, database in self.databases.items()
        }
        self.app.state.clock = self.clock
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="https://desk/v1")

    async def post(self, who: str, path: str, body: Any = None, key: str = "k") -> httpx.Response:
        headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": key}
        return await self.client.post(path, json={} if body is None else body, headers=headers)

    async def get(self, who: str, path: str) -> Any:
        return (await self.client.get(path, headers={"Authorization": f"Bearer {who}"})).json()

    def paid(self) -> list[int]:
        with self.databases["bank-nl"].read() as session:
            return [row.time_s for row in events.events_after(session, 0, None) if row.kind == "paid"]

    def told(self, customer: str | None = None) -> list[str]:
        with self.databases["bank-nl"].read() as session:
            found = events.events_after(session, 0, customer)
            return [row.kind for row in found if row.kind.startswith("proposal.")]

    def entries(self) -> list[dict[str, Any]]:
        with self.databases["bank-nl"].read() as session:
            return [json.loads(row.content) for row in session.scalars(select(EntryRow).order_by(EntryRow.number))]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    WORLD["is_down"] = False
    world = World(tmp_path)
    async with world.client:
        body = {"permission": "payments:write", "currency": "EUR", "amount": str(LIMIT)}
        assert (await world.post("devnet", "/alone-limits", body)).status_code == 200
        yield world


async def test_effect_happens_at_once_when_it_is_within_the_limit(world: World) -> None:
    answer = await world.post("maker", "/pay", {"amount": LIMIT})
    assert (answer.status_code, answer.json()["paid"]) == (201, LIMIT)
    assert world.paid() == [LIMIT]


async def test_effect_waits_and_happens_once_when_another_person_approves(world: World) -> None:
    held = await world.post("maker", "/pay", {"amount": LIMIT + 1}, key="mine")
    proposal = held.json()
    assert (held.status_code, proposal["state"], proposal["checked_by"]) == (202, "open", "payments:approve")
    assert proposal["preview"] == {"paid": LIMIT + 1, "by": "bank-nl/p-maker"}
    assert held.headers["Location"] == f"/v1/approvals/{proposal['id']}"
    assert world.paid() == []
    again = await world.post("maker", "/pay", {"amount": LIMIT + 1}, key="mine")
    assert (again.json()["id"], again.headers["Idempotent-Replayed"]) == (proposal["id"], "true")

    path = f"/approvals/{proposal['id']}/approve"
    decided = (await world.post("checker", path)).json()
    assert (decided["status"], decided["answer"]["paid"]) == (201, LIMIT + 1)
    assert (decided["proposal"]["state"], decided["proposal"]["checker"]) == ("done", "bank-nl/p-checker")
    assert world.paid() == [LIMIT + 1]
    # The maker's key now has the effect's own answer; approving again, by anybody, changes nothing.
    final = await world.post("maker", "/pay", {"amount": LIMIT + 1}, key="mine")
    assert (final.status_code, final.json()["paid"]) == (201, LIMIT + 1)
    assert (await world.post("checker", path, key="k2")).json()["answer"]["paid"] == LIMIT + 1
    late = await world.post("second-checker", path)
    assert (late.status_code, late.json()["code"]) == (409, "web/62")
    assert world.paid() == [LIMIT + 1]


async def test_key_is_refused_when_it_holds_another_proposal(world: World) -> None:
    await world.post("maker", "/pay", {"amount": LIMIT + 1}, key="mine")
    other = await world.post("maker", "/pay", {"amount": LIMIT + 2}, key="mine")
    assert (other.status_code, other.json()["code"]) == (422, "web/9")


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("maker", 403, "web/60"),
        ("treasurer", 403, "web/60"),
        ("bloem", 403, "web/60"),
        ("devnet", 403, "web/61"),
        ("ke-checker", 404, "storage/9"),
    ],
)
async def test_approval_is_refused_when_it_is_not_a_checkers_of_this_bank(
    world: World, who: str, status: int, code: str
) -> None:
    proposal = (await world.post("maker", "/pay", {"amount": LIMIT + 1})).json()
    answer = await world.post(who, f"/approvals/{proposal['id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.paid() == []


async def test_nobody_approves_what_they_made_when_they_hold_both_roles(world: World) -> None:
    proposal = (await world.post("both", "/pay", {"amount": LIMIT + 1})).json()
    for decision in ("approve", "reject"):
        body = {"reason": "x"} if decision == "reject" else None
        answer = await world.post("both", f"/approvals/{proposal['id']}/{decision}", body, key=decision)
        assert (answer.status_code, answer.json()["code"]) == (403, "web/61")
    assert (await world.post("checker", f"/approvals/{proposal['id']}/approve")).status_code == 200


async def test_proposal_ends_when_it_is_rejected_withdrawn_or_too_old(world: World) -> None:
    ids = [(await world.post("maker", "/pay", {"amount": LIMIT + n}, key=str(n))).json()["id"] for n in (1, 2, 3)]
    rejected = await world.post("checker", f"/approvals/{ids[0]}/reject", {"reason": "wrong payee"})
    assert (rejected.json()["state"], rejected.json()["reason"]) == ("rejected", "wrong payee")
    assert (await world.post("checker", f"/approvals/{ids[1]}/withdraw", key="w")).status_code == 403
    assert (await world.post("maker", f"/approvals/{ids[1]}/withdraw")).json()["state"] == "withdrawn"
    world.clock.now_s += PROPOSAL_LIFETIME_S - 1
    assert [one["id"] for one in await world.get("checker", "/approvals?state=open")] == [ids[2]]
    world.clock.now_s += 1
    assert [one["id"] for one in await world.get("checker", "/approvals?state=expired")] == [ids[2]]
    for one in ids:
        answer = await world.post("checker", f"/approvals/{one}/approve", key=one)
        assert (answer.status_code, answer.json()["code"]) == (409, "web/62")
    assert world.paid() == []


async def test_maker_is_told_at_once_when_it_cannot_be_done(world: World) -> None:
    answer = await world.post("maker", "/pay", {"amount": LIMIT + 1, "fails": True})
    assert (answer.status_code, answer.json()["code"]) == (422, "node/3")
    assert await world.get("checker", "/approvals") == []


async def test_proposal_stays_open_when_it_can_no_longer_be_done(world: World) -> None:
    proposal = (await world.post("maker", "/pay", {"amount": LIMIT + 1})).json()
    WORLD["is_down"] = True
    refused = await world.post("checker", f"/approvals/{proposal['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "web/66")
    WORLD["is_down"] = False
    assert (await world.get("checker", f"/approvals/{proposal['id']}"))["state"] == "open"
    assert (await world.post("checker", f"/approvals/{proposal['id']}/approve")).status_code == 200
    assert world.paid() == [LIMIT + 1]


async def test_amount_takes_two_when_its_currency_has_no_limit_and_limits_always_do(world: World) -> None:
    body = {"permission": "payments:write", "currency": "EUR", "amount": "999999"}
    held = await world.post("treasurer", "/alone-limits", body)
    assert held.status_code == 202
    assert (await world.post("treasurer-2", f"/approvals/{held.json()['id']}/approve")).status_code == 200
    assert (await world.get("checker", "/alone-limits"))[0]["amount"] == "999999"
    assert (await world.post("maker", "/pay", {"amount": 999_999})).status_code == 201


async def test_customers_see_and_withdraw_their_own_when_their_bank_checks(world: World) -> None:
    proposal = (await world.post("bloem", "/pay", {"amount": LIMIT + 1})).json()
    assert [one["id"] for one in await world.get("bloem", "/approvals")] == [proposal["id"]]
    assert await world.get("tulp", "/approvals") == []
    assert (await world.get("tulp", f"/approvals/{proposal['id']}"))["code"] == "storage/9"
    assert (await world.post("checker", f"/approvals/{proposal['id']}/approve")).json()["answer"][
        "by"
    ] == "bank-nl/bloem/p-bloem"


async def test_people_are_told_when_something_waits_and_what_became_of_it(world: World) -> None:
    proposal = (await world.post("bloem", "/pay", {"amount": LIMIT + 1})).json()
    await world.post("checker", f"/approvals/{proposal['id']}/reject", {"reason": "no"})
    assert world.told() == world.told("bloem") == ["proposal.made", "proposal.rejected"]
    assert world.told("tulp") == []


async def test_devnets_token_acts_alone_when_nobody_else_would(world: World) -> None:
    assert (await world.post("devnet", "/pay", {"amount": LIMIT * 9}, key="n")).status_code == 201


async def test_log_names_maker_and_checker_when_a_proposal_takes_effect(world: World) -> None:
    proposal = (await world.post("maker", "/pay", {"amount": LIMIT + 1})).json()
    await world.post("checker", f"/approvals/{proposal['id']}/approve")
    made, done = world.entries()[-2:]
    assert (made["action"], made["actor"], made["changes"][0]["proposal"]) == (
        "proposal.made",
        "bank-nl/p-maker",
        proposal["id"],
    )
    assert (done["action"], done["actor"], done["approved_by"]) == (
        "payments:write",
        "bank-nl/p-maker",
        "bank-nl/p-checker",
    )


async def test_maker_has_to_wait_when_too_many_proposals_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.web.approvals.service.PROPOSALS_OPEN_MAX", 2)
    assert PROPOSALS_OPEN_MAX > 2
    codes = [(await world.post("maker", "/pay", {"amount": LIMIT + 1}, key=str(n))).status_code for n in range(3)]
    assert codes == [202, 202, 429]


async def test_proposals_of_somebody_end_when_they_may_no_longer_act(world: World) -> None:
    proposal = (await world.post("maker", "/pay", {"amount": LIMIT + 1})).json()
    with world.databases["bank-nl"].transaction() as session:
        assert withdraw_of(session, "p-maker", "left", world.clock()) == 1
        assert session.scalar(select(func.count()).select_from(EntryRow)) == 2
    answer = await world.post("checker", f"/approvals/{proposal['id']}/approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "web/62")


async def test_word_of_a_checker_counts_for_nothing_when_it_comes_over_the_network(world: World) -> None:
    headers = {"landfall_approval": "x", "landfall_principal": "x", "Idempotency-Key": "z"}
    assert (await world.client.post("/pay", json={"amount": 1}, headers=headers)).status_code == 401
