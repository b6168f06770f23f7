"""The webhooks of one institution: a fake receiver, a clock and a database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.events import publish
from node.webhooks.courier import Courier
from node.webhooks.guard import Guard
from node.webhooks.posting import Outcome
from node.webhooks.service import WebhookService
from node.webhooks.store import AttemptRow, DeliveryRow, EndpointRow
from tests.postgres import NewDatabase, new_database, postgresql
from tests.unit.messages.bank import Clock

__all__ = ["new_database", "postgresql"]

URL = "https://erp.example/hook"
DELIVERED = Outcome(200, 3, None)


@dataclass
class Receiver:
    """Takes what is posted, and answers as it is told to."""

    answers: dict[str, Outcome] = field(default_factory=dict)
    got: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        self.got.append((url, body, headers))
        return self.answers.get(url, DELIVERED)


@dataclass
class Hooks:
    """Service and courier over one database."""

    database: Database
    receiver: Receiver = field(default_factory=Receiver)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        prepare(self.database)
        self.service = WebhookService(Guard(), clock=self.clock)
        self.courier = Courier(self.database, "bank-nl", self.receiver, clock=self.clock, dice=lambda: 1.0)

    def register(
        self, owner: str | None = None, url: str = URL, kinds: tuple[str, ...] = (), scheme: str = "hmac"
    ) -> str:
        with self.database.transaction() as session:
            row, _ = self.service.register(session, owner, url=url, text="", kinds=list(kinds), scheme=scheme)
            return row.id

    def tell(self, kind: str = "trade.signed", owner: str | None = None, number: int = 0) -> None:
        with self.database.transaction() as session:
            publish(session, kind=kind, owner=owner, body={"number": number}, time_s=1_786_988_000)

    def endpoint(self, endpoint_id: str) -> EndpointRow:
        with self.database.read() as session:
            return session.get_one(EndpointRow, endpoint_id)

    def deliveries(self, endpoint_id: str) -> list[DeliveryRow]:
        with self.database.read() as session:
            wanted = self.service.deliveries(self.endpoint(endpoint_id)).order_by(DeliveryRow.id)
            return list(session.scalars(wanted))

    def attempts(self, endpoint_id: str) -> list[AttemptRow]:
        with self.database.read() as session:
            (delivery,) = self.deliveries(endpoint_id)
            return list(self.service.delivery(session, self.endpoint(endpoint_id), delivery.id)[1])


@pytest.fixture
def hooks(new_database: NewDatabase) -> Iterator[Hooks]:
    hooks = Hooks(Database(new_database()))
    yield hooks
    hooks.database.close()


LOOPBACK = ip_network("127.0.0.0/8")
