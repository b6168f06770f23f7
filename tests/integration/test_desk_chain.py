"""Desks on a real chain process: what they send happens once, what they book is what the chain has."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from contracts.client import typed_data
from contracts.client.block_feed import BlockFeed
from contracts.client.chain_client import ChainClient
from contracts.client.deployment import Deployment
from contracts.client.errors import (
    CallRevertedError,
    ChainUnavailableError,
    InvariantError,
    RpcError,
    TransactionRefusedError,
)
from node.ledger.invariants import verify_books
from node.ledger.orders import Order
from node.ledger.wallets import Limits
from node.storage import outbox
from node.storage.database import Database
from node.storage.outbox import OutboxRow
from tests.integration.desk_chain import ChainProcess, RealDesk

# One chain process for all tests of this file: starting it is most of the time they take.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChainProcess]:
    chain = ChainProcess(tmp_path_factory.mktemp("network") / "chain")
    chain.prepare()
    await chain.start()
    yield chain
    await chain.kill()


def deployment_of(chain: ChainProcess) -> Deployment:
    genesis = chain.genesis
    return Deployment.from_genesis(genesis["landfall"], genesis["config"]["chainId"])


@asynccontextmanager
async def desks(chain: ChainProcess, folder: Path) -> AsyncIterator[tuple[RealDesk, RealDesk]]:
    """Run the central bank's and a bank's desk, as one process does."""
    client = ChainClient(chain.url, deployment_of(chain))
    await client.connect()
    feed = BlockFeed(client)
    pair = (
        RealDesk("cb-eur", client, feed, Database(f"sqlite:///{folder}/cb-eur.sqlite")),
        RealDesk("bank-nl", client, feed, Database(f"sqlite:///{folder}/bank-nl.sqlite"), ("bloem",)),
    )
    workers = [feed.run, *(worker for desk in pair for worker in (desk.follower.run, desk.sender.run))]
    tasks = [asyncio.ensure_future(worker()) for worker in workers]
    try:
        await settle(*pair)
        yield pair
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.close()
        for desk in pair:
            desk.database.close()
    failures = [task.exception() for task in tasks if not task.cancelled()]
    assert failures == []


async def settle(*pair: RealDesk) -> None:
    """Wait until every desk has applied the head."""
    number = await pair[0].client.block_number()
    async with asyncio.timeout(30):
        for desk in pair:
            await desk.follower.wait_for(number)


async def amounts(central: RealDesk, bank: RealDesk) -> tuple[int, int, int, int]:
    """Return what bank, customer and central bank have available, and the supply, by the books."""
    await settle(central, bank)
    with central.database.read() as session:
        issued = sum(line.credit for line in central.ledger.trial_balance(session) if line.account == "EUR:issued")
    return bank.parts("bank-nl")[0], bank.parts("bloem")[0], central.parts("cb-eur")[0], issued


async def issue(central: RealDesk, bank: RealDesk, amount: int, reference: bytes) -> OutboxRow:
    """Let the bank ask for money and the central bank grant it; return the grant."""
    await bank.finish(bank.queue("EUR", "request_issuance", amount, reference))
    return await central.finish(central.queue("EUR", "issue", bank.own, amount, reference))


async def idle(*pair: RealDesk) -> None:
    """Wait until nothing is queued or on its way, and every desk has applied the head."""
    async with asyncio.timeout(30):
        while any(desk.outbox.queued(1) or desk.outbox.in_flight() for desk in pair):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await settle(*pair)


def states(desk: RealDesk, *requests: str) -> list[str]:
    with desk.database.read() as session:
        return [desk.issuance.get(session, one).state for one in requests]


async def check_books(*pair: RealDesk) -> None:
    await settle(*pair)
    for desk in pair:
        found = await desk.reconciler.reconcile()
        assert found.differences == ()
        with desk.database.read() as session:
            verify_books(session)


async def test_books_equal_the_chain_when_money_is_issued_moved_held_and_released(
    chain: ChainProcess, tmp_path: Path
) -> None:
    async with desks(chain, tmp_path) as (central, bank):
        client = bank.client
        own, customers, centrals, supply = await amounts(central, bank)
        row = await issue(central, bank, 10_000, b"\1" * 32)
        assert (row.state, row.reason) == (outbox.CONFIRMED, None)
        bloem = bank.address_of("bloem")
        assert (await bank.finish(bank.queue("EUR", "transfer", bloem, 4_000))).state == outbox.CONFIRMED

        # The customer pays by authorization, relayed by its bank.
        message = {
            "from": bloem,
            "to": central.own,
            "value": 1_500,
            "validAfter": 0,
            "validBefore": await client.now_s() + 3600,
            "nonce": secrets.token_bytes(32),
        }
        domain = client.deployment.token_domain("EUR")
        with bank.database.transaction() as session:
            signature = bank.participants.sign_typed(
                session,
                signer="bloem",
                domain=domain,
                primary_type="TransferWithAuthorization",
                message=message,
                given_by="bank-nl/bloem",
                now_s=0,
            )
        args = (*typed_data.as_tuple("TransferWithAuthorization", message), signature)
        row = await bank.finish(bank.queue("EUR", "transferWithAuthorization", *args))
        assert (row.state, row.reason) == (outbox.CONFIRMED, None)

        expires_at = await client.now_s() + 3600
        escrow = client.deployment.address("TradeEscrow")
        row = await bank.finish(bank.queue("EUR", "hold", escrow, 2_500, expires_at, b"\2" * 32, b"\3" * 32))
        assert (row.state, row.reason) == (outbox.CONFIRMED, None)
        await settle(central, bank)
        assert bank.parts("bank-nl") == (own + 3_500, 2_500, 0)
        assert bank.parts("bloem") == (customers + 2_500, 0, 0)
        await check_books(central, bank)

        hold_id = await client.call("EUR", "hold_id", bank.own, escrow, b"\3" * 32)
        early = await bank.finish(bank.queue("EUR", "release_hold", hold_id, 2_500))
        assert (early.state, early.reason, early.nonce) == (outbox.FAILED, "token: hold not expired", None)
        await client.raw("landfall_advanceTo", [expires_at + 1])
        row = await bank.finish(bank.queue("EUR", "release_hold", hold_id, 2_500))
        assert (row.state, row.reason) == (outbox.CONFIRMED, None)
        assert (await bank.finish(bank.queue("EUR", "redeem", 1_000, b"\4" * 32))).state == outbox.CONFIRMED
        await check_books(central, bank)
        assert await amounts(central, bank) == (own + 5_000, customers + 2_500, centrals + 1_500, supply + 9_000)
        assert await client.call("EUR", "totalSupply") == supply + 9_000


async def test_money_is_issued_when_a_bank_has_asked_and_the_central_bank_approves(
    chain: ChainProcess, tmp_path: Path
) -> None:
    async with desks(chain, tmp_path) as (central, bank):
        own, customers, centrals, supply = await amounts(central, bank)
        with bank.database.transaction() as session:
            asked = [
                bank.issuance.request(session, currency="EUR", amount_minor=amount, text="for flowers").id
                for amount in (700, 800, 0)
            ]
        await idle(central, bank)
        assert states(bank, *asked) == ["open", "open", "failed"]
        with central.database.read() as session:
            granted, refused = (central.issuance.get(session, one) for one in asked[:2])
            assert [(row.requester, row.amount_minor, row.text) for row in (granted, refused)] == [
                (bank.own, 700, ""),
                (bank.own, 800, ""),
            ]
        with central.database.transaction() as session:
            central.issuance.approve(session, granted.id)
            central.issuance.decline(session, refused.id)
        await idle(central, bank)
        for desk in (central, bank):
            assert states(desk, *asked[:2]) == ["issued", "declined"]
        assert await amounts(central, bank) == (own + 700, customers, centrals, supply + 700)
        await check_books(central, bank)


async def test_tier_limits_hold_for_customers_when_their_bank_has_opened_their_wallets(
    chain: ChainProcess, tmp_path: Path
) -> None:
    async with desks(chain, tmp_path) as (central, bank):
        await idle(central, bank)
        with bank.database.read() as session:
            assert bank.participants.customer(session, "bloem").wallet == "open"
        bloem = bank.address_of("bloem")
        assert await bank.client.call("ParticipantRegistry", "bank_of", bloem) == bank.own
        assert await bank.client.call("ParticipantRegistry", "tier_of", bloem) == 1
        await issue(central, bank, 10, b"\5" * 32)
        has = await bank.client.call("EUR", "balanceOf", bloem)
        await central.finish(central.queue("EUR", "set_tier_limits", 1, has + 4, 0, 0))
        over = await bank.finish(bank.queue("EUR", "transfer", bloem, 5))
        assert (over.state, over.reason) == (outbox.FAILED, "token: over the holding limit")
        assert (await bank.finish(bank.queue("EUR", "transfer", bloem, 4))).state == outbox.CONFIRMED
        await central.finish(central.queue("EUR", "set_tier_limits", 1, 0, 0, 0))


def ordered(desk: RealDesk, part: Callable[..., Any], *args: Any, **named: Any) -> str:
    with desk.database.transaction() as session:
        found: str = part(session, *args, **named).id
        return found


def wallet_order(desk: RealDesk, order_id: str) -> tuple[str, str | None]:
    with desk.database.read() as session:
        row = desk.wallets.order(session, order_id)
        return row.state, row.reason


async def pay(central: RealDesk, bank: RealDesk, payer: str, payee: str, amount: int) -> tuple[str, str | None]:
    """Let somebody at the bank pay, and return what became of it."""
    order = Order(owner=payer, payee=payee, currency="EUR", amount_minor=amount, text="")
    order_id = ordered(bank, bank.orders.transfer, order, given_by="test")
    await idle(central, bank)
    with bank.database.read() as session:
        row = bank.orders.order(session, order_id)
        return row.state, row.reason


async def test_an_anonymous_wallet_stops_at_its_limits_when_the_central_bank_has_set_them(
    chain: ChainProcess, tmp_path: Path
) -> None:
    async with desks(chain, tmp_path) as (central, bank):
        await issue(central, bank, 10_000, b"\6" * 32)
        with bank.database.transaction() as session:
            bank.participants.add_customer(session, customer_id="anon-1", name="Anonymous wallet 1", now_s=0)
        ordered(bank, bank.wallets.open, "anon-1", tier="anonymous")
        ordered(central, central.wallets.limit, "EUR", "anonymous", Limits(150, 100, 86_400))
        await idle(central, bank)
        with bank.database.read() as session:
            assert dict(bank.wallets.wallets(session))["anon-1"].tier == 0
            assert (0, 150) in [(row.tier, row.holding_max) for row in bank.wallets.limits(session)]
        assert await pay(central, bank, "bank-nl", "anon-1", 150) == ("settled", None)
        assert await pay(central, bank, "bank-nl", "anon-1", 1) == ("failed", "token: over the holding limit")
        assert await pay(central, bank, "anon-1", "bank-nl", 101) == ("failed", "token: over the flow limit")
        assert await pay(central, bank, "anon-1", "bank-nl", 100) == ("settled", None)
        assert await pay(central, bank, "anon-1", "bank-nl", 1) == ("failed", "token: over the flow limit")
        # A registered one has none of these limits.
        ordered(bank, bank.wallets.open, "anon-1", tier="registered")
        await idle(central, bank)
        assert await pay(central, bank, "anon-1", "bank-nl", 50) == ("settled", None)
        await check_books(central, bank)


async def test_a_wallet_with_a_purpose_pays_only_whom_it_may_when_the_central_bank_keeps_the_list(
    chain: ChainProcess, tmp_path: Path
) -> None:
    async with desks(chain, tmp_path) as (central, bank):
        await issue(central, bank, 10_000, b"\7" * 32)
        with bank.database.transaction() as session:
            for customer in ("farmer", "shop", "bar"):
                bank.participants.add_customer(session, customer_id=customer, name=customer.title(), now_s=0)
            shop = bank.participants.address_of(session, "shop")
        ordered(central, central.wallets.define, "fodder")
        await idle(central, bank)
        allowed = ordered(central, central.wallets.allow, "fodder", shop, allowed=True)
        opened = ordered(bank, bank.wallets.open, "farmer", tier="registered", purpose="fodder")
        await idle(central, bank)
        assert (wallet_order(central, allowed), wallet_order(bank, opened)) == (("done", None), ("done", None))
        with bank.database.read() as session:
            assert [(owner, payees) for _, owner, payees in bank.wallets.purposes(session)] == [("cb-eur", ["shop"])]
        assert await pay(central, bank, "bank-nl", "farmer", 100) == ("settled", None)
        assert await pay(central, bank, "farmer", "bar", 1) == ("failed", "token: purpose forbids the payee")
        assert await pay(central, bank, "farmer", "shop", 40) == ("settled", None)
        # Its bank always takes its money back; what the shop got is free.
        assert await pay(central, bank, "farmer", "bank-nl", 60) == ("settled", None)
        assert await pay(central, bank, "shop", "bar", 40) == ("settled", None)
        await check_books(central, bank)


async def test_desks_go_on_when_chain_and_desks_were_killed(chain: ChainProcess, tmp_path: Path) -> None:
    async with desks(chain, tmp_path) as (central, bank):
        await issue(central, bank, 10_000, b"\2" * 32)
        own, _, centrals, _ = await amounts(central, bank)
        first_nonce = await bank.client.transaction_count(bank.own)
        await chain.kill()
        rows = [bank.queue("EUR", "transfer", central.own, amount) for amount in (1, 2, 4)]
        with pytest.raises(ChainUnavailableError):
            await bank.client.block_number()
    await chain.start()
    async with desks(chain, tmp_path) as (central, bank):
        for row in rows:
            assert (await bank.finish(row)).state == outbox.CONFIRMED
        assert [bank.row(row).nonce for row in rows] == [first_nonce, first_nonce + 1, first_nonce + 2]
        await check_books(central, bank)
        assert (bank.parts("bank-nl"), central.parts("cb-eur")) == ((own - 7, 0, 0), (centrals + 7, 0, 0))


async def test_chain_client_names_what_is_wrong_when_a_request_fails(chain: ChainProcess) -> None:
    deployment = deployment_of(chain)
    client = ChainClient(chain.url, deployment)
    with pytest.raises(ChainUnavailableError, match="connect"):
        await client.block_number()
    await client.connect()
    assert await client.chain_id() == deployment.chain_id
    assert await client.block_hash(0) == (await client.block(0)).info.hash
    assert (await client.genesis())["landfall"]["network"] == deployment.network
    with pytest.raises(ChainUnavailableError, match="expected a commit"):
        await client.finality_proof(0)
    await client.raw("evm_mine", [])
    assert (await client.finality_proof("latest"))["commit"]["signatures"]
    cancelled = [asyncio.ensure_future(client.block_number()) for _ in range(30)]
    await asyncio.sleep(0)
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
    assert await client.now_s() >= deployment.genesis_time_s
    places = await asyncio.gather(*(client.call(currency, "decimals") for currency in ("EUR", "KES", "EUR")))
    assert places == [2, 2, 2]
    refused = await asyncio.gather(*(client.submit(b"\x02" + bytes([one])) for one in range(3)), return_exceptions=True)
    assert [type(error) for error in refused] == [TransactionRefusedError] * 3
    with pytest.raises(RpcError, match="landfall_nothing"):
        await client.raw("landfall_nothing", [])
    with pytest.raises(ChainUnavailableError, match="block 9999"):
        await client.block(9999)
    with pytest.raises(CallRevertedError, match=r"SettlementToken\.transfer") as caught:
        await client.call("EUR", "transfer", deployment.address("EUR"), 1)
    assert caught.value.reason.startswith("token: ")
    await client.close()
    wrong = Deployment.from_genesis(chain.genesis["landfall"], deployment.chain_id + 1)
    stranger = ChainClient(chain.url, wrong)
    with pytest.raises(InvariantError, match="chain id"):
        await stranger.connect()
    await stranger.close()


async def test_transaction_records_its_reason_when_it_reverts_inside_a_block(
    chain: ChainProcess, tmp_path: Path
) -> None:
    async with desks(chain, tmp_path) as (central, bank):
        await issue(central, bank, 10, b"\3" * 32)
        # Both pass their dry run against the same state; only one of them can succeed.
        bank.sender._store.in_flight = list  # type: ignore[method-assign]
        own, *_ = await amounts(central, bank)
        rows = [bank.queue("EUR", "transfer", central.own, own) for _ in range(2)]
        states = {(await bank.finish(row)).state for row in rows}
        assert states == {outbox.CONFIRMED, outbox.FAILED}
        assert "not enough available" in str(bank.row(rows[1]).reason)
