"""Builds the desk process: every institution's database, services and workers, and the one REST application."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy.orm import Session

from contracts.client.block_feed import BlockFeed
from contracts.client.chain_client import ChainClient
from contracts.client.deployment import Deployment
from contracts.client.follower import EventFollower, Handlers
from contracts.client.sender import TransactionSender
from fx.ports import RateSource
from fx.rate_files import read_daily_rates
from node.app import status
from node.app.cast import Cast, InstitutionCast
from node.app.daily import work_daily
from node.app.home import PASSPHRASE, TRANSACTION_KEY, Home, load_tokens
from node.app.quantum_links import load_quantum
from node.app.settings import Settings
from node.audit.heads import Heads
from node.compliance.service import ComplianceService
from node.customers import routes as customer_routes
from node.customers.onboarding import Onboarding
from node.customers.subjects import ApplicationKeeper, Retention, Subjects
from node.errors import UnavailableError
from node.identity import own_routes, people_routes, sign_in_routes
from node.identity.browser import SessionAuthenticator
from node.identity.oauth import client_routes, token_routes
from node.identity.oauth.authenticator import Programs
from node.identity.oauth.clients import Clients
from node.identity.passkeys import Passkeys, Site
from node.identity.people import People
from node.identity.personal import PeopleKeeper
from node.identity.service import Identity
from node.identity.vault import Vault
from node.ledger import day_routes as ledger_day_routes
from node.ledger import freezing as ledger_freezing
from node.ledger import freezing_routes as ledger_freezing_routes
from node.ledger import issuance as ledger_issuance
from node.ledger import issuance_routes as ledger_issuance_routes
from node.ledger import liquidity_routes as ledger_liquidity_routes
from node.ledger import orders as ledger_orders
from node.ledger import payment_routes as ledger_payment_routes
from node.ledger import routes as ledger_routes
from node.ledger import wallet_routes as ledger_wallet_routes
from node.ledger import wallets as ledger_wallets
from node.ledger.days import CutOffs
from node.ledger.freezing import FreezeService
from node.ledger.issuance import IssuanceService
from node.ledger.orders import OrderService
from node.ledger.personal import LedgerKeeper
from node.ledger.reconciliation import Reconciler
from node.ledger.service import LedgerService
from node.ledger.wallets import WalletService
from node.messages import routes as message_routes
from node.messages import tls
from node.messages.documents import check_document
from node.messages.envelopes import Envelopes
from node.messages.https import HttpsTransport
from node.messages.listener import Hosted
from node.messages.papers import PaperPost
from node.messages.reception import Reception
from node.messages.repairs import Repairs
from node.messages.service import MessageService
from node.notices import routes as notice_routes
from node.notices.mailer import SmtpMailer
from node.notices.personal import NoticeKeeper
from node.notices.post import NoticePost
from node.notices.service import NoticeService
from node.participants import routes as participant_routes
from node.participants.directory import Directory
from node.participants.errors import KeyChangeRefusedError
from node.participants.keys import SEALING_KEY, MessageKey
from node.participants.own import ANCHORS, OwnPapers
from node.participants.papers import Endpoints
from node.participants.peers import Peers
from node.participants.personal import CustomerKeeper
from node.participants.registry import RegistryFollower
from node.participants.second_signing import SecondSigner, logged
from node.participants.service import WALLETS, ParticipantService
from node.payment_requests import routes as payment_request_routes
from node.payment_requests.personal import PaymentRequestKeeper
from node.payment_requests.service import PaymentRequestService
from node.printing.press import Press
from node.quotes import routes as quote_routes
from node.quotes.medians import OraclePair
from node.quotes.pricing import Pricing
from node.quotes.rates import LedgerRates
from node.quotes.service import QuoteService
from node.reports import routes as report_routes
from node.storage.cursor import SqlFollowerStore, booked_until_s
from node.storage.database import Database
from node.storage.migrate import prepare
from node.storage.outbox import Outbox
from node.trades.evidence.packs import EvidenceRoom
from node.trades.personal import TradeKeeper
from node.trades.rest import routes as trade_routes
from node.trades.service import TradeService
from node.trades.watching.timekeeping import Timekeeper
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import CallersDesk, Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from node.web.personal import AnswerKeeper
from node.webhooks import routes as webhook_routes
from node.webhooks.courier import Courier
from node.webhooks.guard import Guard
from node.webhooks.personal import WebhookKeeper
from node.webhooks.posting import HttpPoster
from node.webhooks.service import WebhookService
from pqc.keystore import Keystore

_LOG = structlog.get_logger(__name__)
Worker = Callable[[], Coroutine[Any, Any, None]]
ROUTERS: Final[tuple[APIRouter, ...]] = (
    own_routes.router,
    people_routes.router,
    client_routes.router,
    customer_routes.router,
    participant_routes.router,
    ledger_routes.router,
    ledger_payment_routes.router,
    ledger_issuance_routes.router,
    ledger_freezing_routes.router,
    ledger_wallet_routes.router,
    ledger_day_routes.router,
    ledger_liquidity_routes.router,
    message_routes.router,
    quote_routes.router,
    trade_routes.router,
    report_routes.router,
    payment_request_routes.router,
    notice_routes.router,
    webhook_routes.router,
)


@dataclass(frozen=True, slots=True)
class Chain:
    """What every institution of the process shares: the chain's client and its blocks."""

    client: ChainClient
    feed: BlockFeed
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution, assembled: what routes see, and what runs in the background."""

    desk: Desk
    workers: tuple[Worker, ...]
    exchange: Worker
    """The one of them that sends its messages and handles those that came."""
    hosted: Hosted
    """Where its messages arrive."""


def build_chain(rpc_url: str, genesis: dict[str, Any]) -> Chain:
    """Build the view of the chain process from genesis.json."""
    deployment = Deployment.from_genesis(genesis["landfall"], int(genesis["config"]["chainId"]))
    client = ChainClient(rpc_url, deployment)
    return Chain(client, BlockFeed(client), deployment)


def build_institutions(
    home: Home,
    cast: Cast,
    chain: Chain,
    rest_url: str,
    messages_url: str,
    site: Site,
    press: Press,
    settings: Settings | None = None,
    *,
    keeps_time: bool = False,
) -> dict[str, Institution]:
    """Build every institution of the cast; they know each other only through messages, papers and the chain.

    Args:
        rest_url: Where this process serves REST, as the institutions' documents say.
        messages_url: Where it takes messages.
        site: Where browsers reach it.
        press: What prints their papers; whoever gives it closes it.
        settings: Where it may go by itself, and how long it keeps what it knows about people.
        keeps_time: Have a block made when time alone has made something due; a devnet's time is set, not kept.
    """
    rates = read_daily_rates(home.rates)
    pairs = tuple(OraclePair(pair.name, pair.period_s, pair.heartbeat_s) for pair in cast.pairs)
    endpoints = Endpoints(rest=rest_url, messages=messages_url)
    chosen = settings or Settings()
    built = {
        entry.id: _Builder(home, entry, chain, rates, pairs, endpoints, site, chosen, press).build(keeps_time)
        for entry in cast.institutions
    }
    _introduce([institution.desk for institution in built.values()], chain.deployment.genesis_time_s)
    return built


def build_rest(
    home: Home,
    cast: Cast,
    institutions: dict[str, Institution],
    programs: Programs,
    *,
    keeps_time: bool = False,
) -> FastAPI:
    """Build the REST application of the process."""
    desks = {institution_id: institution.desk for institution_id, institution in institutions.items()}
    authority = TokenAuthority(dict(_principals(cast, load_tokens(home))))
    routers = (status.build_router(desk.database for desk in desks.values()), *ROUTERS)
    return build_app(
        desks=desks,
        authority=authority,
        routers=routers,
        authenticators=(programs, SessionAuthenticator()),
        open_routers=open_routers(programs),
        before=[Depends(_freshen)] if keeps_time else [],
    )


async def _freshen(request: Request, desk: CallersDesk) -> None:
    if request.method not in ("GET", "HEAD"):
        await desk.get(Timekeeper).freshen()


def open_routers(programs: Programs) -> tuple[APIRouter, ...]:
    """Return the routes where callers are not known yet."""
    return sign_in_routes.router, token_routes.build_router(programs)


class _Builder:
    def __init__(
        self,
        home: Home,
        entry: InstitutionCast,
        chain: Chain,
        rates: RateSource,
        pairs: tuple[OraclePair, ...],
        endpoints: Endpoints,
        site: Site,
        settings: Settings,
        press: Press,
    ) -> None:
        self._press = press
        self._entry = entry
        self._retention = Retention(settings.keep_closed_customers_days, settings.keep_declined_applications_days)
        self._site = site
        self._chain = chain
        self._rates = LedgerRates(rates)
        self._guard = Guard(settings.webhook_networks)
        self._mail_server = settings.mail_server
        self._pairs = pairs
        self._identity = tls.open_identity(home.institution(entry.id), entry.lei)
        self._endpoints = endpoints.model_copy(update={"certificates": self._identity.texts})
        self._quantum = load_quantum(home.institution(entry.id))
        self._keystore = Keystore.open(home.keystore(entry.id), PASSPHRASE)
        self._database = Database(home.database_url(entry.id))
        self._outbox = Outbox(self._database, chain.deployment.participant(entry.id).address)
        self._handlers: Handlers[Session] = Handlers()

    def build(self, keeps_time: bool) -> Institution:
        prepare(self._database)
        deployment, entry = self._chain.deployment, self._entry
        directory = Directory(deployment)
        registry = RegistryFollower(directory=directory, deployment=deployment)
        with self._database.transaction() as session:
            registry.open(session)
        participants = ParticipantService(
            institution=directory.institution(entry.id), directory=directory, custody=self._keystore
        )
        peers = Peers(directory=directory, deployment=deployment)
        message_key = MessageKey(self._keystore, directory, entry.id)
        envelopes = Envelopes(
            database=self._database,
            institution_id=entry.id,
            directory=directory,
            peers=peers,
            key=message_key,
            ring=self._keystore,
            genesis_time_s=deployment.genesis_time_s,
            quantum=self._quantum,
        )
        transport = HttpsTransport(envelopes, self._identity)
        messages = MessageService(self._database, entry.id, transport, check_document)
        post = PaperPost(institution_id=entry.id, directory=directory, messages=messages, peers=peers)
        own = OwnPapers(
            institution_id=entry.id,
            directory=directory,
            deployment=deployment,
            peers=peers,
            ring=self._keystore,
            endpoints=self._endpoints,
            spread=post.spread,
        )
        ledger = LedgerService(institution_id=entry.id, owners=participants, deployment=deployment)
        orders = OrderService(participants=participants, deployment=deployment)
        requests = PaymentRequestService(participants=participants, orders=orders, ledger=ledger, deployment=deployment)
        issuance = IssuanceService(participants=participants, deployment=deployment, issues=ledger.issues)
        freezes = FreezeService(
            institution_id=entry.id, owners=participants, deployment=deployment, issues=ledger.issues
        )
        wallets = WalletService(participants=participants, deployment=deployment, issues=ledger.issues)
        quotes = self._quotes(participants, messages, message_key)
        compliance = ComplianceService()
        trades = self._trades(participants, messages, quotes, compliance, ledger, message_key)
        reconciler = Reconciler(database=self._database, ledger=ledger, owners=participants, chain=self._chain.client)
        self._add_customers(participants)
        # First: what the other slices do in a block counts under the keys and roles of that block.
        self._handlers.blocks.append(registry.on_block)
        self._handlers.outcomes.append(self._outbox.on_outcomes)
        self._handlers.blocks.append(ledger.on_block)
        self._handlers.blocks.append(issuance.on_block)
        self._handlers.blocks.append(freezes.on_block)
        self._handlers.blocks.append(wallets.on_block)
        self._handlers.blocks.append(requests.on_block)
        self._outbox.subscribe(ledger_orders.PREFIX, orders.on_outcome)
        self._outbox.subscribe(ledger_issuance.PREFIX, issuance.on_outcome)
        self._outbox.subscribe(ledger_freezing.PREFIX, freezes.on_outcome)
        self._outbox.subscribe(ledger_wallets.PREFIX, wallets.on_outcome)
        self._outbox.subscribe(WALLETS, participants.on_wallet_outcome)
        self._outbox.subscribe(ANCHORS, own.on_anchor_outcome)
        quotes.attach(messages=messages, outbox=self._outbox, handlers=self._handlers)
        trades.attach(messages=messages, outbox=self._outbox, handlers=self._handlers)
        evidence = EvidenceRoom(trades.desk, self._database, self._chain.client)
        services = [participants, peers, own, messages, ledger, orders, issuance, freezes, wallets, reconciler, quotes]
        repairs = Repairs(institution_id=entry.id, directory=directory, messages=messages)
        cut_offs = CutOffs(ledger.currencies)
        self._handlers.infos.append(cut_offs.on_block)
        notices = NoticeService(sends_email=self._mail_server is not None)
        heads = Heads(directory.institution(entry.id).lei, message_key)
        identity, clients = self._people(participants), Clients(participants)
        webhooks = WebhookService(self._guard)
        keepers = (
            CustomerKeeper(),
            ApplicationKeeper(),
            PeopleKeeper(identity.people, clients),
            LedgerKeeper(ledger),
            PaymentRequestKeeper(),
            TradeKeeper(trades.desk),
            NoticeKeeper(entry.id),
            WebhookKeeper(webhooks),
            AnswerKeeper(entry.id),
        )
        subjects = Subjects(participants, keepers, self._retention)
        timekeeper = Timekeeper(
            trades.desk, self._database, self._keystore.address(TRANSACTION_KEY), self._chain.client.next_block_s
        )
        services += [timekeeper, notices, compliance, trades, evidence, repairs, cut_offs, webhooks]
        services += [heads, identity, clients, Onboarding(participants), subjects]
        services += [requests, self._press]
        desk = Desk(institution_id=entry.id, database=self._database, services=services)
        hosted = Hosted(Reception(envelopes, messages), self._identity, lambda: _pinned(self._database, peers))
        mailer = None if self._mail_server is None else SmtpMailer(self._mail_server)
        exchange: Worker = partial(_exchange, transport, messages)
        workers: list[Worker] = [
            self._follower().run,
            self._sender(participants).run,
            partial(work_daily, self._database, heads, subjects),
            exchange,
            self._bring_webhooks,
            NoticePost(self._database, entry.id, mailer).run,
        ]
        if keeps_time:
            workers.append(timekeeper.run)
        return Institution(desk, tuple(workers), exchange, hosted)

    def _people(self, participants: ParticipantService) -> Identity:
        vault = Vault(self._keystore, SEALING_KEY)
        return Identity(
            institution_id=self._entry.id,
            database=self._database,
            people=People(participants=participants, vault=vault),
            passkeys=Passkeys(self._site),
            vault=vault,
        )

    async def _bring_webhooks(self) -> None:
        async with HttpPoster(self._guard) as poster:
            await Courier(self._database, self._entry.id, poster).run()

    def _add_customers(self, participants: ParticipantService) -> None:
        with self._database.transaction() as session:
            erased = {row.id for row in participants.customers(session) if not row.name}
            for customer in (one for one in self._entry.customers if one.id not in erased):
                participants.add_customer(
                    session,
                    customer_id=customer.id,
                    name=customer.name,
                    now_s=self._chain.deployment.genesis_time_s,
                    postal_address=customer.postal_address,
                )

    def _quotes(
        self, participants: ParticipantService, messages: MessageService, message_key: MessageKey
    ) -> QuoteService:
        pricing = self._entry.pricing
        return QuoteService(
            deployment=self._chain.deployment,
            participants=participants,
            messages=messages,
            rates=self._rates,
            pricing=None if pricing is None else Pricing(**pricing.model_dump()),
            message_key=message_key,
            oracle_pairs=self._pairs,
        )

    def _trades(
        self,
        participants: ParticipantService,
        messages: MessageService,
        quotes: QuoteService,
        compliance: ComplianceService,
        ledger: LedgerService,
        message_key: MessageKey,
    ) -> TradeService:
        return TradeService(
            deployment=self._chain.deployment,
            participants=participants,
            messages=messages,
            quotes=quotes,
            compliance=compliance,
            ledger=ledger,
            message_key=message_key,
        )

    def _follower(self) -> EventFollower[Session]:
        return EventFollower(self._chain.feed, SqlFollowerStore(self._database), self._handlers)

    def _sender(self, participants: ParticipantService) -> TransactionSender:
        deployment, address = self._chain.deployment, self._keystore.address(TRANSACTION_KEY)
        second = SecondSigner(
            registry=self._chain.client, keys=self._keystore, account=address, chain_id=deployment.chain_id
        )
        return TransactionSender(
            chain=self._chain.client,
            store=self._outbox,
            address=address,
            address_of=deployment.address,
            sign_digest=participants.sign_digest,
            sign_second=logged(second.sign, address),
            submitted=self._chain.feed.poke,
        )


async def _exchange(transport: HttpsTransport, messages: MessageService) -> None:
    async with transport:
        await messages.run()


def _pinned(database: Database, peers: Peers) -> tuple[bytes, ...]:
    with database.read() as session:
        return peers.certificates(session)


def _introduce(desks: list[Desk], genesis_time_s: int) -> None:
    """Let every institution of the process publish its document, and every other one take it."""
    documents = []
    for desk in desks:
        with desk.database.transaction() as session:
            now_s = max(booked_until_s(session), genesis_time_s)
            try:
                documents.append(desk.get(OwnPapers).document(session, now_s))
            except UnavailableError as error:
                _LOG.warning("document_not_published", institution=desk.institution_id, reason=str(error))
    for desk in desks:
        with desk.database.transaction() as session:
            for document in documents:
                now_s = max(booked_until_s(session), document.issued_at_s)
                try:
                    desk.get(Peers).take(session, document.data, now_s)
                except KeyChangeRefusedError as error:
                    desk.get(Peers).report(session, error, now_s)


def _principals(cast: Cast, tokens: dict[str, str]) -> Iterator[tuple[str, Principal]]:
    for institution in cast.institutions:
        yield tokens[institution.id], Principal(institution.id, None, DEVNET_STAFF)
        for customer in institution.customers:
            yield tokens[customer.id], Principal(institution.id, customer.id, DEVNET_CUSTOMER)
