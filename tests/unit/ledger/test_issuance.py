"""Requests for money, as the bank that asks and the central bank that answers keep them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.client.artifacts import encode_call
from contracts.client.blocks import BlockData
from node.ledger.errors import IssuanceStateError, NotEligibleError, NotIssuerError, UnknownCurrencyError
from node.ledger.issuance import PREFIX, IssuanceService
from node.ledger.issuance_routes import router
from node.storage import outbox
from node.storage.errors import UnknownRowError
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from tests.unit.client.fake_chain import Actor, FakeChain, contract_address, deployment
from tests.unit.ledger.conftest import open_books

EUR = contract_address("EUR")


class IssuanceDesk:
    """One institution's requests."""

    def __init__(self, institution_id: str, folder: Path) -> None:
        books = open_books(f"sqlite:///{folder}/{institution_id}.sqlite", institution_id)
        self.institution_id, self.database = institution_id, books.database
        self.service = IssuanceService(
            participants=books.participants, deployment=deployment(), issues=books.ledger.issues
        )

    def request(self, amount: int = 500, currency: str = "EUR") -> str:
        with self.database.transaction() as session:
            row = self.service.request(session, currency=currency, amount_minor=amount, text="for flowers")
            return row.id

    def answer(self, answer: str, request_id: str) -> None:
        with self.database.transaction() as session:
            getattr(self.service, answer)(session, request_id)

    def see(self, block: BlockData) -> None:
        with self.database.transaction() as session:
            self.service.on_block(session, block)

    def fail(self, request_id: str, reason: str) -> None:
        """Let the request's last transaction fail."""
        with self.database.transaction() as session:
            row = outbox.by_reference(session, PREFIX + request_id)[-1]
            row.state, row.reason = outbox.FAILED, reason
            self.service.on_outcome(session, row)

    def state(self, request_id: str) -> tuple[str, str | None]:
        with self.database.read() as session:
            row = self.service.get(session, request_id)
            return row.state, row.reason

    def reference(self, request_id: str) -> bytes:
        with self.database.read() as session:
            return self.service.get(session, request_id).reference

    def queued(self, request_id: str) -> list[bytes]:
        with self.database.read() as session:
            return [row.data for row in outbox.by_reference(session, PREFIX + request_id)]


@pytest.fixture
def bank(tmp_path: Path) -> IssuanceDesk:
    return IssuanceDesk("bank-nl", tmp_path)


@pytest.fixture
def central(tmp_path: Path) -> IssuanceDesk:
    return IssuanceDesk("cb-eur", tmp_path)


@pytest.fixture
def tell(bank: IssuanceDesk, central: IssuanceDesk) -> Callable[..., None]:
    """Log an event of the euro; both see its block."""
    chain = FakeChain()

    def log(name: str, **args: Any) -> None:
        block = chain.mine([{"contract": "SettlementToken", "name": name, "address": EUR, **args}])
        bank.see(block)
        central.see(block)

    return log


@pytest.fixture
def asked(bank: IssuanceDesk, tell: Callable[..., None]) -> str:
    """A request of bank-nl that the chain has recorded."""
    request_id = bank.request()
    tell("IssuanceRequested", requester=Actor("bank-nl").address, amount=500, reference=bank.reference(request_id))
    return request_id


def test_request_is_open_at_both_when_the_chain_has_recorded_it(
    bank: IssuanceDesk, central: IssuanceDesk, tell: Callable[..., None]
) -> None:
    request_id = bank.request()
    reference = bank.reference(request_id)
    assert bank.state(request_id) == ("queued", None)
    assert bank.queued(request_id) == [encode_call("EUR", "request_issuance", (500, reference))]
    with pytest.raises(UnknownRowError):
        central.state(request_id)
    tell("IssuanceRequested", requester=Actor("bank-nl").address, amount=500, reference=reference)
    assert bank.state(request_id) == central.state(request_id) == ("open", None)
    with central.database.read() as session:
        (row,) = session.scalars(central.service.requests("open"))
        assert (central.service.requester_name(row), row.amount_minor, row.text) == ("bank-nl", 500, "")
        assert row.requested_at_s is not None


def test_request_of_another_bank_concerns_the_central_bank_alone(
    bank: IssuanceDesk, central: IssuanceDesk, tell: Callable[..., None]
) -> None:
    tell("IssuanceRequested", requester=Actor("bank-ke").address, amount=1, reference=b"\1" * 32)
    tell("IssuanceRequested", requester=Actor("stranger").address, amount=2, reference=b"\1" * 32)
    with bank.database.read() as session:
        assert not session.scalars(bank.service.requests()).all()
    with central.database.read() as session:
        rows = session.scalars(central.service.requests())
        assert {central.service.requester_name(row) for row in rows} == {"bank-ke", Actor("stranger").address}


def test_request_is_refused_when_the_institution_may_not_ask(bank: IssuanceDesk, central: IssuanceDesk) -> None:
    with pytest.raises(NotEligibleError, match="central_bank"):
        central.request()
    with pytest.raises(UnknownCurrencyError):
        bank.request(currency="USD")
    bank.request(currency="KES")


@pytest.mark.parametrize(
    ("answer", "event", "field", "state"),
    [("approve", "Issued", "to", "issued"), ("decline", "IssuanceDeclined", "requester", "declined")],
)
def test_answer_reaches_both_when_the_chain_has_it(
    bank: IssuanceDesk,
    central: IssuanceDesk,
    tell: Callable[..., None],
    asked: str,
    answer: str,
    event: str,
    field: str,
    state: str,
) -> None:
    requester, reference = Actor("bank-nl").address, bank.reference(asked)
    central.answer(answer, asked)
    calls = {
        "approve": encode_call("EUR", "issue", (requester, 500, reference)),
        "decline": encode_call("EUR", "decline_issuance", (requester, reference)),
    }
    assert central.queued(asked) == [calls[answer]]
    assert (central.state(asked), bank.state(asked)) == (("answering", None), ("open", None))
    amount = {"amount": 500} if event == "Issued" else {}
    tell(event, **{field: requester}, **amount, reference=reference)
    assert central.state(asked) == bank.state(asked) == (state, None)
    for again in ("approve", "decline"):
        with pytest.raises(IssuanceStateError, match=state):
            central.answer(again, asked)


def test_answer_is_refused_while_another_is_on_its_way(central: IssuanceDesk, asked: str) -> None:
    central.answer("approve", asked)
    with pytest.raises(IssuanceStateError, match="answering"):
        central.answer("decline", asked)


def test_answer_is_refused_when_it_is_not_the_issuers(bank: IssuanceDesk, asked: str) -> None:
    for answer in ("approve", "decline"):
        with pytest.raises(NotIssuerError):
            bank.answer(answer, asked)
    with pytest.raises(UnknownRowError):
        bank.answer("approve", "00" * 32)


def test_request_can_be_answered_again_when_the_answer_failed(central: IssuanceDesk, asked: str) -> None:
    central.answer("approve", asked)
    central.fail(asked, "token: receiver frozen")
    assert central.state(asked) == ("open", "token: receiver frozen")
    central.answer("decline", asked)
    assert central.state(asked) == ("answering", None)


def test_request_fails_when_the_chain_refuses_it(bank: IssuanceDesk) -> None:
    request_id = bank.request(0)
    bank.fail(request_id, "token: zero amount")
    assert bank.state(request_id) == ("failed", "token: zero amount")


async def test_routes_let_staff_ask_and_answer_and_refuse_customers(
    bank: IssuanceDesk, central: IssuanceDesk, tell: Callable[..., None]
) -> None:
    desks = {
        one.institution_id: Desk(institution_id=one.institution_id, database=one.database, services=[one.service])
        for one in (bank, central)
    }
    tokens = {
        "bank": Principal("bank-nl", None, DEVNET_STAFF),
        "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
        "central": Principal("cb-eur", None, DEVNET_STAFF),
    }
    app = build_app(desks=desks, authority=TokenAuthority(tokens), routers=[router])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:

        async def call(who: str, method: str, path: str, body: Any = None) -> httpx.Response:
            headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": f"{who}{path}"}
            return await client.request(method, f"/issuance-requests{path}", json=body, headers=headers)

        order = {"currency": "EUR", "amount": "500", "text": "for flowers"}
        assert (await call("bloem", "POST", "", order)).status_code == 403
        assert (await call("bloem", "GET", "")).status_code == 403
        assert (await call("central", "POST", "", order)).status_code == 403
        answer = await call("bank", "POST", "", order)
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert (await call("bank", "POST", "", order)).json() == answer.json()
        request_id = answer.json()["id"]
        tell("IssuanceRequested", requester=Actor("bank-nl").address, amount=500, reference=bank.reference(request_id))
        (shown,) = (await call("central", "GET", "?state=open")).json()
        assert (shown["id"], shown["requester"], shown["amount"]) == (request_id, "bank-nl", "500")
        assert (await call("central", "GET", "?state=issued")).json() == []
        assert (await call("bank", "POST", f"/{request_id}/approve")).status_code == 403
        approved = await call("central", "POST", f"/{request_id}/approve")
        assert (approved.status_code, approved.json()["state"]) == (202, "answering")
        assert (await call("central", "POST", f"/{request_id}/decline")).status_code == 409
        assert (await call("central", "GET", f"/{request_id}")).json() == approved.json()
        assert (await call("central", "GET", "/ff")).status_code == 404
