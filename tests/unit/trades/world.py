"""A network of desks over one ledger: real services, messages, outboxes and contracts; no socket, no thread."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from contracts.client.artifacts import encode_call
from contracts.client.blocks import BlockData, BlockInfo
from contracts.client.follower import EventFollower, Handlers
from contracts.client.sender import TransactionSender
from fx.money import Money
from fx.rate_files import DailyRates, read_daily_rates
from node.app.cast import devnet_seed
from node.app.home import message_key
from node.compliance.service import ComplianceService
from node.ledger.service import LedgerService
from node.ledger.wallets import PREFIX as WALLET_ORDERS
from node.ledger.wallets import WalletService
from node.messages.documents import check_document
from node.messages.limits import BACKOFF_MAX_S
from node.messages.papers import PaperPost
from node.messages.service import MessageService
from node.participants.directory import Directory
from node.participants.keys import MessageKey
from node.participants.own import ANCHORS, OwnPapers
from node.participants.papers import Endpoints
from node.participants.peers import Peers
from node.participants.registry import RegistryFollower
from node.participants.service import ParticipantService
from node.quotes.medians import OraclePair
from node.quotes.pricing import Pricing
from node.quotes.rates import LedgerRates
from node.quotes.service import QuoteService
from node.storage.cursor import SqlFollowerStore, booked_until_s
from node.storage.database import Database
from node.storage.migrate import prepare
from node.storage.outbox import Outbox
from node.trades.context import Actor
from node.trades.service import TradeService
from pqc import sealing, secp256k1, signatures
from pqc.keys import KeyInfo, key_info
from tests.unit.client.fake_chain import no_second_signature
from tests.unit.messages.post import Post
from tests.unit.trades.ledger import Ledger, address_of, genesis

EXAMPLES = Path(__file__).parents[3] / "examples"
RATES = EXAMPLES / "rates" / "eur-daily-2026.csv"
ROUNDS_MAX = 200
CORE = ("bank-nl", "bank-ke", "fx-amber", "fx-baobab", "carrier", "inspector")
"""Who takes part in a trade; nobody else needs a desk."""


@cache
def daily_rates() -> DailyRates:
    return read_daily_rates(RATES)


@cache
def sealing_pair(owner: str) -> sealing.SealingKey:
    return sealing.from_seed(sealing.DEFAULT, devnet_seed(owner, "sealing"))


@dataclass
class FakeKeystore:
    """Keys that follow from their owner, so that a restarted desk has the same ones."""

    owner: str
    names: set[str] = field(default_factory=lambda: {"transaction"})
    generations: list[bytes] = field(default_factory=list)
    """Seeds of the message key, after the devnet's."""

    def add(self, name: str, alg: str, role: str) -> None:
        self.names.add(name)

    def address(self, name: str) -> str:
        return secp256k1.address_of(secp256k1.public_key(self._seed(name)))

    def sign_digest(self, name: str, digest: bytes) -> bytes:
        return secp256k1.sign_digest(self._seed(name), digest)

    def keys(self) -> list[KeyInfo]:
        sealing_key = sealing_pair(self.owner)
        infos = [self.history("message")[-1]]
        return [*infos, key_info("sealing", sealing_key.kem, "sealing", sealing_key.public_key, 0)]

    def history(self, name: str) -> list[KeyInfo]:
        assert name == "message"
        pairs = self._message_pairs()
        return [key_info(name, pair.alg, "message", pair.public_key, 0) for pair in pairs]

    def rotate(self, name: str, now_s: int, overlap_s: int) -> KeyInfo:
        self.generations.append(devnet_seed(f"{self.owner}/{len(self.generations)}", name))
        return self.history(name)[-1]

    def sign_message(
        self, name: str, message: bytes, context: bytes = b"", *, thumbprint: bytes | None = None
    ) -> bytes:
        for info, pair in zip(self.history(name), self._message_pairs(), strict=True):
            if info.thumbprint == thumbprint:
                return signatures.sign(pair, message, context)
        raise AssertionError("no such generation")

    def _message_pairs(self) -> list[signatures.KeyPair]:
        later = [signatures.from_seed(signatures.MESSAGE_ALGORITHM, seed) for seed in self.generations]
        return [message_key(self.owner), *later]

    def _seed(self, name: str) -> bytes:
        return devnet_seed(self.owner if name == "transaction" else f"{self.owner}/{name}", "transaction")


class CountingDatabase(Database):
    """Counts commits: a round of work without any is a world at rest."""

    commits = 0

    @contextmanager
    def transaction(self, *, is_synced: bool = True) -> Iterator[Session]:
        with super().transaction(is_synced=is_synced) as session:
            yield session
        self.commits += 1

    def image(self) -> bytes:
        """Return the whole database of one in memory."""
        with self._connection() as connection:
            return bytes(connection.serialize())

    @classmethod
    def of_image(cls, image: bytes) -> "CountingDatabase":
        database = cls("sqlite://")
        with database._connection() as connection:
            connection.deserialize(image)
        return database

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        connection = self.engine.raw_connection()
        yield connection.driver_connection
        connection.close()


class HeadFeed:
    """What a follower takes blocks from: the ledger itself."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    @property
    def head(self) -> BlockInfo:
        found: BlockInfo = self._ledger.head
        return found

    async def block(self, number: int) -> BlockData:
        found: BlockData = await self._ledger.block(number)
        return found


class TestDesk:
    """One institution, wired as the product wires it."""

    __test__ = False

    def __init__(self, world: "World", institution_id: str) -> None:
        cast, deployment, _ = genesis()
        self.id = institution_id
        self.world = world
        self.database = world.open_database(institution_id)
        prepare(self.database)
        entry = cast.institution(institution_id)
        directory = Directory(deployment)
        registry = RegistryFollower(directory=directory, deployment=deployment)
        with self.database.transaction() as session:
            registry.open(session)
        self.keystore = keystore = FakeKeystore(institution_id)
        key = MessageKey(keystore, directory, institution_id)
        self.participants = ParticipantService(
            institution=directory.institution(institution_id), directory=directory, custody=keystore
        )
        self.messages = MessageService(
            self.database, institution_id, world.transport, check_document, clock=world.wall_clock, dice=lambda: 0.5
        )
        world.transport.connect(institution_id, self.messages.receive)
        self.peers = Peers(directory=directory, deployment=deployment)
        post = PaperPost(institution_id=institution_id, directory=directory, messages=self.messages, peers=self.peers)
        self.own = OwnPapers(
            institution_id=institution_id,
            directory=directory,
            deployment=deployment,
            peers=self.peers,
            ring=keystore,
            endpoints=Endpoints(rest=f"https://{institution_id}.example/v1"),
            spread=post.spread,
        )
        rates = LedgerRates(world.rates)
        pricing = None if entry.pricing is None else Pricing(entry.pricing.spread_bps, entry.pricing.fee_bps)
        self.quotes = QuoteService(
            deployment=deployment,
            participants=self.participants,
            messages=self.messages,
            rates=rates,
            pricing=pricing,
            message_key=key,
            oracle_pairs=[OraclePair(pair.name, pair.period_s) for pair in cast.pairs] if world.with_oracle else (),
        )
        self.ledger = LedgerService(institution_id=institution_id, owners=self.participants, deployment=deployment)
        self.trades = TradeService(
            deployment=deployment,
            participants=self.participants,
            messages=self.messages,
            quotes=self.quotes,
            compliance=ComplianceService(),
            ledger=self.ledger,
            message_key=key,
        )
        self.outbox = Outbox(self.database, deployment.participant(institution_id).address)
        handlers: Handlers[Session] = Handlers()
        handlers.blocks.append(registry.on_block)
        handlers.blocks.append(self.ledger.on_block)
        self.wallets = WalletService(participants=self.participants, deployment=deployment, issues=self.ledger.issues)
        handlers.blocks.append(self.wallets.on_block)
        self.outbox.subscribe(WALLET_ORDERS, self.wallets.on_outcome)
        handlers.outcomes.append(self.outbox.on_outcomes)
        self.outbox.subscribe(ANCHORS, self.own.on_anchor_outcome)
        self.quotes.attach(messages=self.messages, outbox=self.outbox, handlers=handlers)
        self.trades.attach(messages=self.messages, outbox=self.outbox, handlers=handlers)
        feed: Any = HeadFeed(world.ledger)
        self.follower = EventFollower(feed, SqlFollowerStore(self.database), handlers)
        self.sender = TransactionSender(
            chain=world.ledger,
            store=self.outbox,
            address=self.participants.institution.address,
            address_of=deployment.address,
            sign_digest=self.participants.sign_digest,
            sign_second=no_second_signature,
            submitted=lambda: None,
        )

    def add_customers(self) -> None:
        cast, _, _ = genesis()
        for customer in cast.institution(self.id).customers:
            with self.database.transaction() as session:
                self.participants.add_customer(
                    session,
                    customer_id=customer.id,
                    name=customer.name,
                    now_s=0,
                    postal_address=customer.postal_address,
                )

    async def work(self) -> None:
        """Do everything there is to do once."""
        await self.sender.resubmit()
        await self.sender.send_queued()
        await self.world.ledger.refresh()
        await self.follower.catch_up()
        await self.messages.deliver_queued()
        self.messages.handle_received()

    def run(self, effect: Callable[..., Any], *args: Any) -> Any:
        """Run a command as its route does: in one transaction, at the ledger time this desk has booked."""
        with self.database.transaction() as session:
            return effect(session, *args, booked_until_s(session))


class World:
    """Every institution of the devnet's cast."""

    def __init__(
        self,
        *,
        open_database: Callable[[str], CountingDatabase] | None = None,
        with_oracle: bool = False,
        only: Iterable[str] = CORE,
        ledger: Any = None,
        rates: DailyRates | None = None,
    ) -> None:
        _, self.deployment, _ = genesis()
        self.ledger: Any = Ledger.fresh() if ledger is None else ledger
        self.transport = Post()
        seconds = count(0.0, BACKOFF_MAX_S + 1)
        self.wall_clock = seconds.__next__
        """Later whenever somebody looks, so that what is put off is due at the next look."""
        self.with_oracle = with_oracle
        self.rates = rates or daily_rates()
        self.open_database = open_database or (lambda _: CountingDatabase("sqlite://"))
        self.desks = {name: TestDesk(self, name) for name in only}

    def copy(self) -> "World":
        """Return a world that goes on from here by itself: new processes over copies of ledger and databases."""
        images = {name: desk.database.image() for name, desk in self.desks.items()}
        return World(
            open_database=lambda name: CountingDatabase.of_image(images[name]),
            with_oracle=self.with_oracle,
            only=tuple(self.desks),
            ledger=self.ledger.copy(),
            rates=self.rates,
        )

    def __getitem__(self, institution_id: str) -> TestDesk:
        return self.desks[institution_id]

    def fund_cast(self) -> None:
        """Issue what the cast says everybody starts with, and open the customers' books."""
        cast, _, _ = genesis()
        issuers = {one.code: one.issuer for one in cast.currencies}
        for desk in self.desks.values():
            desk.add_customers()
        for entry in cast.institutions:
            for currency, amount in entry.funds.items():
                minor = Money.parse(amount, currency).amount_minor
                self._call(entry.id, currency, "request_issuance", minor, bytes(32))
                self._call(issuers[currency], currency, "issue", address_of(entry.id), minor, bytes(32))
            for customer in entry.customers:
                for currency, amount in customer.funds.items():
                    minor = Money.parse(amount, currency).amount_minor
                    self._call(entry.id, currency, "transfer", self.account(entry.id, customer.id), minor)

    def account(self, bank: str, customer: str) -> str:
        desk = self.desks[bank]
        with desk.database.read() as session:
            return desk.participants.address_of(session, customer)

    def balance(self, currency: str, address: str) -> int:
        return int(self.ledger.call(currency, "balanceOf", address))

    def settle_down(self) -> None:
        """Let every desk work until nothing happens any more."""
        self.run(self._settle_down())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run work of the desks to its end."""
        return asyncio.run(work)

    def advance_to(self, time_s: int) -> None:
        self.ledger.advance_to(time_s)
        self.settle_down()

    def _call(self, sender: str, contract: str, function: str, *args: Any) -> None:
        data = encode_call(contract, function, args)
        reason = self.ledger.transact(address_of(sender), self.deployment.address(contract), data)
        assert reason is None, reason

    async def _settle_down(self) -> None:
        for _ in range(ROUNDS_MAX):
            before = [desk.database.commits for desk in self.desks.values()]
            for desk in self.desks.values():
                await desk.work()
            if [desk.database.commits for desk in self.desks.values()] == before:
                return
        raise AssertionError("the desks do not come to rest")


def clerk(bank: str) -> Actor:
    """A bank's own staff."""
    return Actor(name=bank, customer=None)


def customer(bank: str, customer_id: str) -> Actor:
    return Actor(name=f"{bank}/{customer_id}", customer=customer_id)


def example(path: str) -> bytes:
    return (EXAMPLES / path).read_bytes()
