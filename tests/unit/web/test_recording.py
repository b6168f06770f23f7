"""A change without a key is in the audit log, in one transaction with its effect."""

import json
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.store import EntryRow
from node.errors import RejectedError
from node.web.app import build_app
from node.web.auth import TokenAuthority, needs
from node.web.permissions import Permission
from node.web.recording import Recorded
from node.web.store import AnswerRow
from tests.unit.ledger.conftest import Books
from tests.unit.web.conftest import TOKENS, bearer, desk_of

router = APIRouter(tags=["things"])


@router.put("/things/{name}", dependencies=[needs(Permission.BOOKS_WRITE)])
async def put(name: str, call: Recorded) -> dict[str, str]:
    """Keep a thing, unless it is called so."""

    def effect(session: Session) -> dict[str, str]:
        session.add(AnswerRow(caller="things", key=name, fingerprint=bytes(32), status=200, body=name))
        session.flush()
        if name == "refused":
            raise RejectedError("name: expected another one, got refused")
        return {"name": name}

    return call.run(effect)


@pytest.fixture
def app(books: Books) -> FastAPI:
    return build_app(desks={"bank-nl": desk_of(books)}, authority=TokenAuthority(TOKENS), routers=[router])


def entries(books: Books) -> list[dict[str, Any]]:
    with books.database.read() as session:
        return [json.loads(row.content) for row in session.scalars(select(EntryRow).order_by(EntryRow.number))]


async def test_change_is_in_the_log_when_it_takes_effect(client: httpx.AsyncClient, books: Books) -> None:
    headers = bearer("staff-nl", X_Request_Id="r-1")
    assert (await client.put("/v1/things/kept", headers=headers)).json() == {"name": "kept"}
    (entry,) = entries(books)
    assert (entry["actor"], entry["action"], entry["subject"]) == ("bank-nl", "books:write", "PUT /v1/things/kept")
    assert entry["origin"]["request_id"] == "r-1"


async def test_nothing_is_kept_or_logged_when_the_effect_is_refused(client: httpx.AsyncClient, books: Books) -> None:
    assert (await client.put("/v1/things/refused", headers=bearer("staff-nl"))).status_code == 422
    assert entries(books) == []
    with books.database.read() as session:
        assert session.get(AnswerRow, ("things", "refused")) is None
