"""Books of bank-nl and its customer bloem, fed from a token model through a fake chain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.client.blocks import BlockData
from contracts.client.follower import Cursor
from node.ledger.reconciliation import Reconciler
from node.ledger.service import LedgerService
from node.participants.directory import Directory
from node.participants.service import ParticipantService
from node.storage.cursor import SqlFollowerStore
from node.storage.database import Database
from node.storage.migrate import prepare
from tests.unit.client.fake_chain import Actor, FakeChain, deployment
from tests.unit.ledger.token_model import TokenModel
from tests.unit.participants.fake_custody import FakeCustody


@dataclass
class Books:
    """The ledger of one institution, with the chain it follows."""

    database: Database
    chain: FakeChain
    token: TokenModel
    participants: ParticipantService
    ledger: LedgerService
    institution_id: str
    customer: str
    """Address of bloem."""
    block_hash_asked: int = 0

    @property
    def own(self) -> str:
        return Actor(self.institution_id).address

    def book(self) -> BlockData:
        """Mine what the token logged and book the block."""
        block = self.chain.mine(self.token.take_events())
        store = SqlFollowerStore(self.database)
        with store.transaction() as session:
            self.ledger.on_block(session, block)
            store.save_cursor(session, Cursor(block.info.number, block.info.hash), block.info.time_s)
        return block

    def parts(self, owner: str, currency: str = "EUR") -> tuple[int, int, int]:
        with self.database.read() as session:
            balance = self.ledger.balance(session, owner, currency)
            return balance.available, balance.held, balance.blocked

    @property
    def reconciler(self) -> Reconciler:
        return Reconciler(database=self.database, ledger=self.ledger, owners=self.participants, chain=self)

    async def call(self, contract: str, function: str, *args: Any, block: int | str = "latest") -> Any:
        """Answer as the token's views do."""
        assert block == len(self.chain.blocks) - 1
        if contract != self.token.currency:
            return 0
        if function == "totalSupply":
            return self.token.supply
        return getattr(self.token, function.removesuffix("Of"))[args[0]]

    async def block_hash(self, number: int) -> bytes:
        return self.chain.blocks[number].info.hash


def open_books(url: str, institution_id: str = "bank-nl") -> Books:
    database = Database(url)
    prepare(database)
    directory = Directory(deployment())
    participants = ParticipantService(
        institution=directory.institution(institution_id), directory=directory, custody=FakeCustody(institution_id)
    )
    with database.transaction() as session:
        customer = participants.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=0).address
    ledger = LedgerService(institution_id=institution_id, owners=participants, deployment=deployment())
    return Books(database, FakeChain(), TokenModel("EUR"), participants, ledger, institution_id, customer)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return open_books(f"sqlite:///{tmp_path}/desk.sqlite")
