"""A real chain process, and desks of its institutions that follow it."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from sqlalchemy.orm import Session

from contracts.client.block_feed import BlockFeed
from contracts.client.chain_client import ChainClient
from contracts.client.deployment import Deployment
from contracts.client.follower import EventFollower, Handlers
from contracts.client.sender import TransactionSender
from node.app.cast import devnet_seed
from node.app.home import validator_key
from node.chain.validator_key import write_validator_key
from node.ledger.issuance import PREFIX, IssuanceService
from node.ledger.orders import PREFIX as ORDERS
from node.ledger.orders import OrderService
from node.ledger.reconciliation import Reconciler
from node.ledger.service import LedgerService
from node.ledger.wallets import PREFIX as WALLET_ORDERS
from node.ledger.wallets import WalletService
from node.participants.directory import Directory
from node.participants.service import WALLETS, ParticipantService
from node.storage import outbox
from node.storage.cursor import SqlFollowerStore
from node.storage.database import Database
from node.storage.migrate import prepare
from node.storage.outbox import Outbox, OutboxRow
from tests.unit.client.fake_chain import no_second_signature
from tests.unit.participants.fake_custody import FakeCustody

START_TIMEOUT_S = 60


@dataclass
class ChainProcess:
    """`python -m node.chain` on the devnet's genesis."""

    home: Path
    process: asyncio.subprocess.Process | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def genesis(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.home / "genesis.json").read_text("utf-8"))
        return document

    def prepare(self) -> None:
        """Write the home directory."""
        self.home.mkdir(parents=True)
        with files("node.app").joinpath("devnet_genesis.json").open("rb") as source:
            (self.home / "genesis.json").write_bytes(source.read())
        (validator,) = self.genesis["landfall"]["validators"]
        write_validator_key(self.home, validator_key(validator["name"]))

    async def start(self) -> None:
        """Start on the port of the first start, and return when it listens."""
        command = [sys.executable, "-W", "ignore", "-m", "node.chain", "--home", str(self.home)]
        log = self.home / "chain.log"
        with log.open("wb") as stderr:
            self.process = await asyncio.create_subprocess_exec(
                *command, "--port", str(self.port), "--instant", stderr=stderr
            )
        async with asyncio.timeout(START_TIMEOUT_S):
            while self.process.returncode is None:
                for line in log.read_text("utf-8").splitlines():
                    if line.endswith("}") and json.loads(line)["event"] == "chain_listening":
                        self.port = json.loads(line)["port"]
                        return
                await asyncio.sleep(0.05)
        raise AssertionError(f"the chain did not start: {log.read_text('utf-8')[-2000:]}")

    async def kill(self) -> None:
        """kill -9, as a crash would."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


@dataclass
class RealDesk:
    """One institution: its database, services and workers."""

    institution_id: str
    client: ChainClient
    feed: BlockFeed
    database: Database
    customers: tuple[str, ...] = ()
    handlers: Handlers[Session] = field(default_factory=Handlers)

    def __post_init__(self) -> None:
        prepare(self.database)
        deployment: Deployment = self.client.deployment
        directory = Directory(deployment)
        custody = FakeCustody(self.institution_id)
        custody.keys["transaction"] = PrivateKey(devnet_seed(self.institution_id, "transaction"))
        self.participants = ParticipantService(
            institution=directory.institution(self.institution_id), directory=directory, custody=custody
        )
        with self.database.transaction() as session:
            for customer in self.customers:
                self.participants.add_customer(session, customer_id=customer, name=customer.title(), now_s=0)
        self.ledger = LedgerService(institution_id=self.institution_id, owners=self.participants, deployment=deployment)
        self.outbox = Outbox(self.database, deployment.participant(self.institution_id).address)
        self.handlers.outcomes.append(self.outbox.on_outcomes)
        self.handlers.blocks.append(self.ledger.on_block)
        self.issuance = IssuanceService(
            participants=self.participants, deployment=deployment, issues=self.ledger.issues
        )
        self.handlers.blocks.append(self.issuance.on_block)
        self.outbox.subscribe(PREFIX, self.issuance.on_outcome)
        self.wallets = WalletService(participants=self.participants, deployment=deployment, issues=self.ledger.issues)
        self.handlers.blocks.append(self.wallets.on_block)
        self.outbox.subscribe(WALLET_ORDERS, self.wallets.on_outcome)
        self.orders = OrderService(participants=self.participants, deployment=deployment)
        self.outbox.subscribe(ORDERS, self.orders.on_outcome)
        self.outbox.subscribe(WALLETS, self.participants.on_wallet_outcome)
        self.follower = EventFollower(self.feed, SqlFollowerStore(self.database), self.handlers)
        self.reconciler = Reconciler(
            database=self.database, ledger=self.ledger, owners=self.participants, chain=self.client
        )
        self.sender = TransactionSender(
            chain=self.client,
            store=self.outbox,
            address=custody.address("transaction"),
            address_of=deployment.address,
            sign_digest=self.participants.sign_digest,
            sign_second=no_second_signature,
            submitted=self.feed.poke,
        )

    @property
    def own(self) -> str:
        return self.participants.institution.address

    def address_of(self, owner: str) -> str:
        with self.database.read() as session:
            return self.participants.address_of(session, owner)

    def queue(self, contract: str, function: str, *args: Any) -> int:
        with self.database.transaction() as session:
            row = outbox.enqueue(session, contract=contract, function=function, args=args, reference="test")
        return row.id

    def row(self, number: int) -> OutboxRow:
        with self.database.read() as session:
            return outbox.get(session, number)

    def parts(self, owner: str, currency: str = "EUR") -> tuple[int, int, int]:
        with self.database.read() as session:
            balance = self.ledger.balance(session, owner, currency)
            return balance.available, balance.held, balance.blocked

    async def finish(self, number: int) -> OutboxRow:
        """Wait until a row is confirmed or failed, with the workers running."""
        bell = self.database.signals.subscribe("outbox")
        async with asyncio.timeout(START_TIMEOUT_S):
            while self.row(number).state not in (outbox.CONFIRMED, outbox.FAILED):
                await bell.wait(1)
        self.database.signals.unsubscribe("outbox", bell)
        return self.row(number)
