"""Two banks that share a chain: bank-ke's customer asks to be paid, bank-nl's customer pays."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from contracts.client.artifacts import encode_call
from contracts.client.follower import Cursor
from fx.money import Money
from node.ledger.orders import OrderRow, OrderService
from node.participants.addresses import PostalAddress
from node.payment_requests.service import PaymentRequestService, Wanted
from node.payment_requests.store import PaymentRequestRow
from node.storage.cursor import SqlFollowerStore, booked_until_s
from node.storage.outbox import OutboxRow
from node.web.store import EventRow
from tests.unit.client.fake_chain import GENESIS_TIME_S, contract_address, deployment
from tests.unit.ledger.conftest import Books, open_books

TOWN = PostalAddress(town="Naivasha", country="KE")


@dataclass
class Bank:
    """A bank with its customer bloem."""

    books: Books
    orders: OrderService
    requests: PaymentRequestService

    @property
    def account(self) -> str:
        return self.books.customer

    def ask(self, amount: str = "12.50", reference: str = "INV-1", expires_in_s: int = 900) -> PaymentRequestRow:
        wanted = Wanted("bloem", Money.parse(amount, "EUR"), reference, expires_in_s)
        with self.books.database.transaction() as session:
            return self.requests.make(session, wanted, given_by="test")

    def pay(self, payload: str, agreed: str = "12.50", owner: str = "bloem") -> OrderRow:
        with self.books.database.transaction() as session:
            return self.requests.pay(session, payload, owner=owner, agreed=Money.parse(agreed, "EUR"), given_by="test")

    def advance(self, seconds: int) -> None:
        self.books.chain.mine([], seconds)
        self.books.book()

    def see_payment(self, row: PaymentRequestRow, payer: str, amount: int | None = None) -> None:
        """Let a block bring what the chain logs of an authorized transfer."""
        token = self.books.token
        nonce = bytes.fromhex(row.id)
        authorized = {"contract": "SettlementToken", "name": "AuthorizationUsed", "address": contract_address("EUR")}
        token.available[payer] += 10**9
        token.transfer(payer, row.account, row.amount_minor if amount is None else amount)
        block = self.books.chain.mine([authorized | {"authorizer": payer, "nonce": nonce}, *token.take_events()])
        store = SqlFollowerStore(self.books.database)
        with store.transaction() as session:
            self.books.ledger.on_block(session, block)
            self.requests.on_block(session, block)
            store.save_cursor(session, Cursor(block.info.number, block.info.hash), block.info.time_s)

    def state(self, row: PaymentRequestRow) -> PaymentRequestRow:
        with self.books.database.read() as session:
            return self.requests.request(session, row.id)

    def events(self) -> list[tuple[str, str | None]]:
        with self.books.database.read() as session:
            rows = session.scalars(select(EventRow).where(EventRow.kind.startswith("payment_request.")))
            return [(row.kind.partition(".")[2], row.owner) for row in rows]

    def queued(self) -> list[OutboxRow]:
        with self.books.database.read() as session:
            return list(session.scalars(select(OutboxRow).where(OutboxRow.reference.startswith("orders:"))))

    def now_s(self) -> int:
        with self.books.database.read() as session:
            return booked_until_s(session)


def open_bank(institution_id: str) -> Bank:
    books = open_books("sqlite://", institution_id)
    with books.database.transaction() as session:
        books.participants.add_customer(
            session, customer_id="bloem", name="Bloemenhuis BV", now_s=GENESIS_TIME_S, postal_address=TOWN
        )
    books.book()
    orders = OrderService(participants=books.participants, deployment=deployment())
    requests = PaymentRequestService(
        participants=books.participants, orders=orders, ledger=books.ledger, deployment=deployment()
    )
    return Bank(books, orders, requests)


def authorization(payer: str, payee: str, amount: int, valid: tuple[int, int], nonce: str) -> bytes:
    """Return how the call of an authorized transfer begins."""
    args = (payer, payee, amount, *valid, bytes.fromhex(nonce), b"")
    return encode_call("EUR", "transferWithAuthorization", args)


@pytest.fixture
def payee() -> Iterator[Bank]:
    bank = open_bank("bank-ke")
    yield bank
    bank.books.database.close()


@pytest.fixture
def payer() -> Iterator[Bank]:
    bank = open_bank("bank-nl")
    yield bank
    bank.books.database.close()
