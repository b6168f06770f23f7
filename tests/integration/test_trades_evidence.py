"""A trade on a real chain process: both banks prove the same trade, to somebody who knows the genesis hash alone."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.proofs.evidence import verify_pack
from contracts.client.blocks import BlockData, BlockInfo
from contracts.client.chain_client import ChainClient
from contracts.client.transactions import gas_limit, sign_call
from node.app.cast import devnet_seed
from node.trades.errors import WrongStateError
from node.trades.evidence.packs import EvidenceRoom
from pqc import secp256k1
from tests.integration.desk_chain import START_TIMEOUT_S, ChainProcess
from tests.unit.trades import story
from tests.unit.trades.ledger import genesis
from tests.unit.trades.rated import memos
from tests.unit.trades.watching.test_joining import HOLDER, offer
from tests.unit.trades.world import CORE, World


class RemoteLedger:
    """The ledger of a `World`, over JSON-RPC; a submission returns once its block is made."""

    def __init__(self, client: ChainClient, runner: asyncio.Runner, head: BlockInfo) -> None:
        self.client = client
        self.head = head
        self._runner = runner

    @property
    def now_s(self) -> int:
        return self.head.time_s

    async def refresh(self) -> None:
        number = await self.client.block_number()
        if number > self.head.number:
            self.head = (await self.block(number)).info

    async def block(self, number: int) -> BlockData:
        return await self.client.block(number)

    async def chain_id(self) -> int:
        return await self.client.chain_id()

    async def transaction_count(self, address: str) -> int:
        return await self.client.transaction_count(address)

    async def knows_transaction(self, tx_hash: bytes) -> bool:
        return await self.client.knows_transaction(tx_hash)

    async def dry_run(self, sender: str, to: str, data: bytes) -> None:
        await self.client.dry_run(sender, to, data)

    async def submit(self, raw: bytes, second_signature: bytes = b"") -> None:
        before = await self.client.block_number()
        await self.client.submit(raw, second_signature)
        async with asyncio.timeout(START_TIMEOUT_S):
            while await self.client.block_number() == before:  # noqa: ASYNC110 - over HTTP there is only asking
                await asyncio.sleep(0.005)
        await self.refresh()

    def advance_to(self, time_s: int) -> None:
        self._runner.run(self.client.raw("landfall_advanceTo", [time_s]))
        self._runner.run(self.refresh())

    def transact(self, sender: str, to: str, data: bytes) -> str | None:
        """Send as one of the devnet's institutions; their keys follow from their names."""
        self._runner.run(self._transact(sender, to, data))
        return None

    async def _transact(self, sender: str, to: str, data: bytes) -> None:
        seeds = (devnet_seed(one.id, "transaction") for one in genesis()[0].institutions)
        seed = next(seed for seed in seeds if secp256k1.address_of(secp256k1.public_key(seed)) == sender)
        signed = sign_call(
            chain_id=await self.chain_id(),
            nonce=await self.transaction_count(sender),
            gas=gas_limit("issue"),
            to=to,
            data=data,
            sign_digest=lambda digest: secp256k1.sign_digest(seed, digest),
        )
        await self.submit(signed.raw)


class RemoteWorld(World):
    """Desks over a remote ledger; everything runs in one event loop, as the connection belongs to it."""

    def __init__(self, ledger: RemoteLedger, runner: asyncio.Runner) -> None:
        self._runner = runner
        super().__init__(ledger=ledger, only=(*CORE, "bank-ug"))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RemoteWorld]:
    chain = ChainProcess(tmp_path / "chain")
    chain.prepare()
    with asyncio.Runner() as runner:
        runner.run(chain.start())
        client = ChainClient(chain.url, genesis()[1])
        try:
            runner.run(client.connect())
            head = runner.run(client.block(0)).info
            world = RemoteWorld(RemoteLedger(client, runner, head), runner)
            world.fund_cast()
            world.advance_to(story.DRAFTED_S)
            yield world
        finally:
            runner.run(client.close())
            runner.run(chain.kill())


def test_both_banks_prove_the_trade_when_it_is_closed(world: RemoteWorld) -> None:
    for step in (story.draft, story.counter, story.sign, story.quote, story.fund, story.load, story.wait_a_day):
        step(world)
    client = world.ledger.client
    rooms = {
        bank: EvidenceRoom(world[bank].trades.desk, world[bank].database, client) for bank in ("bank-nl", "bank-ke")
    }
    with pytest.raises(WrongStateError, match="a closed trade"):
        world.run(rooms["bank-nl"].build(story.REFERENCE, story.IMPORTER))
    for bank, party in (("bank-ke", story.EXPORTER), ("bank-nl", story.IMPORTER)):
        world[bank].run(world[bank].trades.cancelling.cancel, story.REFERENCE, party, None)
        world.settle_down()

    trusted = bytes.fromhex(world.run(client.genesis())["genesis_hash"][2:])
    parties = {"bank-nl": story.IMPORTER, "bank-ke": story.EXPORTER}
    packs = {bank: world.run(room.build(story.REFERENCE, parties[bank])) for bank, room in rooms.items()}
    assert packs["bank-nl"] == packs["bank-ke"]
    proven = verify_pack(packs["bank-ke"], trusted)
    assert [(one.paid_minor, one.refunded_minor) for one in proven.milestones] == [(45_000_000, 0), (0, 105_000_000)]
    assert [quote.is_used for quote in proven.quotes].count(True) == 1
    assert len(proven.quotes) == 2
    assert len(proven.attestations) == 2


def test_a_third_bank_acts_on_and_proves_the_trade_when_its_customer_holds_a_milestone(world: RemoteWorld) -> None:
    for step in (story.draft, story.counter, story.sign, story.quote, story.fund, story.load, offer):
        step(world)
    ug = world["bank-ug"]
    ug.run(ug.trades.deciding.waive, story.REFERENCE, 0, 5_000_000, HOLDER)
    world.settle_down()
    story.wait_a_day(world)
    story.deliver(world)
    story.wait_a_day(world)

    client = world.ledger.client
    trusted = bytes.fromhex(world.run(client.genesis())["genesis_hash"][2:])
    people = {"bank-nl": story.IMPORTER, "bank-ke": story.EXPORTER, "bank-ug": HOLDER}
    rooms = {bank: EvidenceRoom(world[bank].trades.desk, world[bank].database, client) for bank in people}
    packs = {bank: world.run(rooms[bank].build(story.REFERENCE, actor)) for bank, actor in people.items()}
    assert packs["bank-ug"] == packs["bank-ke"] == packs["bank-nl"]
    proven = verify_pack(packs["bank-ug"], trusted)
    assert [one.paid_minor for one in proven.milestones] == [40_000_000, 105_000_000]
    assert [decision for decision in map(str, proven.decisions) if "waive" in decision.lower()]
    assert ("invoice", None) in memos(ug, "rwenzori", "KES")
    assert all(story.refused(desk) == [] for desk in world.desks.values())
