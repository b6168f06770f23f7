"""Purposes, wallets and limits of tiers, as a central bank and a bank order them and every desk follows them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.client.artifacts import encode_call
from node.ledger.errors import (
    NotEligibleError,
    NotIssuerError,
    PayeeError,
    PurposeNameError,
    PurposeOwnerError,
    UnknownPurposeError,
)
from node.ledger.store import WalletOrderRow
from node.ledger.wallet_routes import router
from node.ledger.wallets import PREFIX, Limits, WalletService, forbidding_purpose, purpose_name, purpose_word
from node.participants.errors import UnknownCustomerError
from node.storage import outbox
from node.storage.errors import UnknownRowError
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from tests.unit.client.fake_chain import Actor, FakeChain, contract_address, deployment
from tests.unit.ledger.conftest import Books, open_books

FODDER = purpose_word("fodder")
SHOP, STRANGER = Actor("shop").address, Actor("stranger").address
CENTRAL, BANK = Actor("cb-eur").address, Actor("bank-nl").address


class WalletDesk:
    """One institution's wallets and purposes."""

    def __init__(self, institution_id: str, folder: Path) -> None:
        self.books: Books = open_books(f"sqlite:///{folder}/{institution_id}.sqlite", institution_id)
        self.database = self.books.database
        self.service = WalletService(
            participants=self.books.participants, deployment=deployment(), issues=self.books.ledger.issues
        )

    def order(self, part: Callable[..., WalletOrderRow], *args: Any, **named: Any) -> str:
        with self.database.transaction() as session:
            return part(session, *args, **named).id

    def queued(self, order_id: str) -> bytes:
        with self.database.read() as session:
            (row,) = outbox.by_reference(session, PREFIX + order_id)
            return row.data

    def end(self, order_id: str, state: str, reason: str | None = None) -> tuple[str, str | None]:
        with self.database.transaction() as session:
            (row,) = outbox.by_reference(session, PREFIX + order_id)
            row.state, row.reason = state, reason
            self.service.on_outcome(session, row)
            order = self.service.order(session, order_id)
            return order.state, order.reason

    def forbids(self, payer: str, payee: str) -> str | None:
        with self.database.read() as session:
            found = forbidding_purpose(session, payer, payee)
            return None if found is None else purpose_name(found.purpose)


@pytest.fixture
def bank(tmp_path: Path) -> WalletDesk:
    return WalletDesk("bank-nl", tmp_path)


@pytest.fixture
def central(tmp_path: Path) -> WalletDesk:
    return WalletDesk("cb-eur", tmp_path)


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


def tell(chain: FakeChain, desks: list[WalletDesk], name: str, *, token: str | None = None, **args: Any) -> None:
    """Log an event of the registry, or of a token; every desk sees its block."""
    contract = "ParticipantRegistry" if token is None else "SettlementToken"
    address = contract_address(contract if token is None else token)
    block = chain.mine([{"contract": contract, "name": name, "address": address, **args}])
    for desk in desks:
        with desk.database.transaction() as session:
            desk.service.on_block(session, block)


def define(chain: FakeChain, desks: list[WalletDesk], owner: str = CENTRAL) -> None:
    tell(chain, desks, "PurposeDefined", purpose=FODDER, owner=owner)


def test_a_purpose_binds_a_wallet_at_every_desk_when_the_chain_has_taken_it(
    bank: WalletDesk, central: WalletDesk, chain: FakeChain
) -> None:
    both, bloem = [bank, central], bank.books.customer
    defined = central.order(central.service.define, "fodder")
    assert central.queued(defined) == encode_call("ParticipantRegistry", "define_purpose", (FODDER,))
    assert central.end(defined, outbox.CONFIRMED) == ("done", None)
    define(chain, both)
    allowed = central.order(central.service.allow, "fodder", SHOP.lower(), allowed=True)
    assert central.queued(allowed) == encode_call("ParticipantRegistry", "allow_payee", (FODDER, SHOP, True))
    tell(chain, both, "PayeeAllowed", purpose=FODDER, payee=SHOP, allowed=True)
    opened = bank.order(bank.service.open, "bloem", tier="anonymous", purpose="fodder")
    assert bank.queued(opened) == encode_call("ParticipantRegistry", "open_wallet", (bloem, 0, FODDER))
    assert bank.forbids(bloem, STRANGER) is None
    tell(chain, both, "WalletOpened", account=bloem, bank=BANK, tier=0, purpose=FODDER)
    for desk in both:
        assert [desk.forbids(bloem, payee) for payee in (SHOP, BANK, bloem)] == [None, None, None]
        assert desk.forbids(bloem, STRANGER) == "fodder"
        assert desk.forbids(STRANGER, bloem) is None
    with bank.database.read() as session:
        assert [(row.purpose, owner, payees) for row, owner, payees in bank.service.purposes(session)] == [
            (FODDER, "cb-eur", [SHOP])
        ]
        assert [(customer, row.tier) for customer, row in bank.service.wallets(session)] == [("bloem", 0)]
    # Off the list again; then the purpose is taken away.
    tell(chain, both, "PayeeAllowed", purpose=FODDER, payee=SHOP, allowed=False)
    assert bank.forbids(bloem, SHOP) == "fodder"
    tell(chain, both, "WalletOpened", account=bloem, bank=BANK, tier=1, purpose=bytes(32))
    assert bank.forbids(bloem, STRANGER) is None


def test_a_banks_own_purpose_names_its_customers_when_it_allows_them(bank: WalletDesk, chain: FakeChain) -> None:
    bank.order(bank.service.define, "fodder")
    define(chain, [bank], BANK)
    allowed = bank.order(bank.service.allow, "fodder", "bloem", allowed=False)
    account = bank.books.customer
    assert bank.queued(allowed) == encode_call("ParticipantRegistry", "allow_payee", (FODDER, account, False))


def test_orders_are_refused_when_the_institution_may_not_give_them(
    bank: WalletDesk, central: WalletDesk, chain: FakeChain
) -> None:
    define(chain, [bank, central])
    with pytest.raises(NotEligibleError, match="expected the role bank, got central_bank"):
        central.order(central.service.open, "bloem", tier="anonymous")
    with pytest.raises(PurposeOwnerError, match="expected its owner cb-eur to ask, or another name, got bank-nl"):
        bank.order(bank.service.allow, "fodder", SHOP, allowed=True)
    with pytest.raises(PurposeOwnerError, match="to define it again"):
        bank.order(bank.service.define, "fodder")
    with pytest.raises(NotIssuerError):
        bank.order(bank.service.limit, "EUR", "anonymous", Limits(1, 0, 0))
    with pytest.raises(NotIssuerError):
        central.order(central.service.limit, "KES", "anonymous", Limits(1, 0, 0))


@pytest.mark.parametrize("name", ["", "Fodder", "a" * 33, "fod der", "fodder\0"])
def test_a_purpose_is_refused_when_its_name_is_none(central: WalletDesk, name: str) -> None:
    with pytest.raises(PurposeNameError, match="1 to 32 of a-z, 0-9 and -"):
        central.order(central.service.define, name)
    central.order(central.service.define, "a" * 32)


def test_orders_are_refused_when_they_name_nobody(bank: WalletDesk, central: WalletDesk, chain: FakeChain) -> None:
    with pytest.raises(UnknownPurposeError):
        bank.order(bank.service.open, "bloem", tier="registered", purpose="fodder")
    with pytest.raises(UnknownPurposeError):
        central.order(central.service.allow, "fodder", SHOP, allowed=True)
    define(chain, [bank, central])
    with pytest.raises(UnknownCustomerError):
        bank.order(bank.service.open, "nobody", tier="registered", purpose="fodder")
    with pytest.raises(PayeeError):
        central.order(central.service.allow, "fodder", "nobody", allowed=True)
    with central.database.read() as session, pytest.raises(UnknownRowError):
        central.service.order(session, "0" * 32)


def test_limits_are_the_issuers_and_everybody_reads_them(
    bank: WalletDesk, central: WalletDesk, chain: FakeChain
) -> None:
    ordered = central.order(central.service.limit, "EUR", "anonymous", Limits(15_000, 10_000, 86_400))
    assert central.queued(ordered) == encode_call("EUR", "set_tier_limits", (0, 15_000, 10_000, 86_400))
    limits = {"tier": 0, "holding_max": 15_000, "flow_max": 10_000, "window_s": 86_400}
    tell(chain, [bank, central], "TierLimitsChanged", token="EUR", **limits)
    for desk in (bank, central):
        with desk.database.read() as session:
            (row,) = desk.service.limits(session)
            assert (row.currency, row.tier, row.holding_max, row.flow_max) == ("EUR", 0, 15_000, 10_000)


def test_an_order_says_why_when_the_chain_refuses_it(bank: WalletDesk) -> None:
    ordered = bank.order(bank.service.open, "bloem", tier="anonymous")
    assert bank.end(ordered, outbox.FAILED, "registry: another bank's wallet") == (
        "failed",
        "registry: another bank's wallet",
    )


def test_a_purpose_is_shown_as_hex_when_it_was_not_named_here() -> None:
    assert purpose_name(FODDER) == "fodder"
    assert purpose_name(b"\xff" * 32) == "0x" + "ff" * 32


async def test_routes_let_staff_order_and_refuse_customers(bank: WalletDesk, chain: FakeChain) -> None:
    define(chain, [bank], BANK)
    tell(chain, [bank], "WalletOpened", account=bank.books.customer, bank=BANK, tier=1, purpose=bytes(32))
    desk = Desk(institution_id="bank-nl", database=bank.database, services=[bank.service])
    tokens = {
        "staff": Principal("bank-nl", None, DEVNET_STAFF),
        "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    }
    app = build_app(desks={"bank-nl": desk}, authority=TokenAuthority(tokens), routers=[router])
    orders: list[tuple[str, dict[str, Any]]] = [
        ("/v1/purposes", {"purpose": "seed"}),
        ("/v1/purposes/fodder/payees", {"payee": SHOP}),
        ("/v1/wallets", {"customer": "bloem", "tier": "anonymous", "purpose": "fodder"}),
    ]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://desk") as client:

        async def post(who: str, path: str, body: dict[str, Any]) -> httpx.Response:
            headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": f"{who}{path}{body}"[:64]}
            return await client.post(path, json=body, headers=headers)

        async def get(path: str) -> Any:
            return (await client.get(path, headers={"Authorization": "Bearer staff"})).json()

        for path, body in orders:
            answer = await post("staff", path, body)
            assert (answer.status_code, answer.json()["state"]) == (202, "queued")
            assert (await get(f"/v1/wallet-orders/{answer.json()['id']}"))["summary"] == answer.json()["summary"]
            assert (await post("bloem", path, body)).status_code == 403
        limits = {"holding_max": "1", "flow_max": "0"}
        assert (await post("staff", "/v1/tier-limits/EUR/anonymous", limits)).status_code == 403
        assert (await post("staff", "/v1/tier-limits/EUR/golden", limits)).status_code == 422
        assert (await post("staff", "/v1/purposes", {"purpose": "x" * 33})).status_code == 422
        assert (await post("staff", "/v1/wallets", {"customer": "bloem", "tier": "golden"})).status_code == 422
        assert (await get("/v1/purposes"))[0] == {"purpose": "fodder", "owner": "bank-nl", "payees": []}
        assert [(one["customer"], one["tier"]) for one in await get("/v1/wallets")] == [("bloem", "registered")]
        assert await get("/v1/tier-limits") == []
