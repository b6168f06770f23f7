"""The outbox with its sender: each queued call takes effect once or is reported as not taken."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contracts.client.block_feed import BlockFeed
from contracts.client.errors import ArgumentError, ChainUnavailableError, SecondSignatureUnavailableError
from contracts.client.follower import EventFollower, Handlers
from contracts.client.sender import TransactionSender
from contracts.client.transactions import sign_call
from node.storage import outbox
from node.storage.cursor import SqlFollowerStore
from node.storage.database import Database
from node.storage.errors import UnknownRowError
from node.storage.migrate import prepare
from node.storage.outbox import Outbox, OutboxRow
from tests.unit.client.fake_chain import CHAIN_ID, Actor, FakeChain, contract_address, deployment, no_second_signature
from tests.unit.storage.crashes import Crash, CrashingDatabase, Fuse

BANK = Actor("bank-nl")
TO = contract_address("bank-ke")


class Desk:
    """One process of an institution: sender, follower and outbox on a database."""

    def __init__(self, chain: FakeChain, database: Database) -> None:
        prepare(database)
        self.database = database
        self.chain = chain
        self.outbox = Outbox(database, BANK.address)
        self.feed = BlockFeed(chain)
        self.sender = TransactionSender(
            chain=chain,
            store=self.outbox,
            address=BANK.address,
            address_of=deployment().address,
            sign_digest=BANK.sign_digest,
            sign_second=no_second_signature,
            submitted=self.feed.poke,
        )
        self.follower = EventFollower(
            self.feed, SqlFollowerStore(database), Handlers(outcomes=[self.outbox.on_outcomes])
        )

    def queue(self, amount: int, reference: str = "pay:1") -> int:
        with self.database.transaction() as session:
            row = outbox.enqueue(session, contract="EUR", function="transfer", args=(TO, amount), reference=reference)
        return row.id

    async def follow(self) -> None:
        await self.feed.poll()
        await self.follower.catch_up()

    def row(self, number: int) -> OutboxRow:
        with self.database.read() as session:
            return outbox.get(session, number)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(FakeChain(), Database(f"sqlite:///{tmp_path}/desk.sqlite"))


def data_of(desk: Desk, row: int) -> bytes:
    return desk.row(row).data


async def test_row_is_confirmed_when_its_block_is_followed_and_not_before(desk: Desk) -> None:
    row = desk.queue(5)
    assert desk.row(row).state == outbox.QUEUED
    await desk.sender.send_queued()
    assert desk.row(row).state == outbox.SIGNED
    desk.chain.mine()
    assert desk.row(row).state == outbox.SIGNED
    await desk.follow()
    assert (desk.row(row).state, desk.row(row).block_number, desk.row(row).reason) == (outbox.CONFIRMED, 1, None)
    assert desk.chain.executed[0].to == contract_address("EUR")


async def test_enqueue_queues_nothing_when_an_argument_does_not_fit(desk: Desk) -> None:
    with pytest.raises(ArgumentError, match=r"transfer\.amount"):
        desk.queue(-1)
    assert desk.outbox.queued(1) == []
    with pytest.raises(UnknownRowError), desk.database.read() as session:
        outbox.get(session, 1)


async def test_row_fails_without_taking_a_nonce_when_the_dry_run_reverts(desk: Desk) -> None:
    bad, good = desk.queue(5), desk.queue(6)
    desk.chain.reverting[data_of(desk, bad)] = "token: not enough available"
    await desk.sender.send_queued()
    assert (desk.row(bad).state, desk.row(bad).reason) == (outbox.FAILED, "token: not enough available")
    assert desk.row(good).nonce == 0


async def test_row_fails_with_the_reason_when_it_reverts_in_its_block(desk: Desk) -> None:
    row = desk.queue(5)
    await desk.sender.send_queued()
    desk.chain.reverting[data_of(desk, row)] = "token: account frozen"
    desk.chain.mine()
    await desk.follow()
    assert (desk.row(row).state, desk.row(row).reason) == (outbox.FAILED, "token: account frozen")
    # The nonce is used up on the chain, so the next call takes the following one.
    following = desk.queue(6)
    await desk.sender.send_queued()
    assert desk.row(following).nonce == 1


async def test_row_waits_when_its_dry_run_reverts_while_others_are_in_flight(desk: Desk) -> None:
    first, second = desk.queue(5), desk.queue(6)
    desk.chain.reverting[data_of(desk, second)] = "token: not enough available"
    await desk.sender.send_queued()
    assert (desk.row(first).state, desk.row(second).state) == (outbox.SIGNED, outbox.QUEUED)
    desk.chain.mine()
    await desk.follow()
    desk.chain.reverting.clear()
    await desk.sender.send_queued()
    assert desk.row(second).state == outbox.SIGNED


async def test_rows_take_nonces_in_their_order_when_they_are_signed_together(desk: Desk) -> None:
    rows = [desk.queue(amount) for amount in range(1, 41)]
    assert await desk.sender.send_queued() == 40
    assert [desk.row(row).nonce for row in rows] == list(range(40))
    desk.chain.mine()
    await desk.follow()
    assert {desk.row(row).state for row in rows} == {outbox.CONFIRMED}


async def test_nonces_are_given_back_when_the_chain_refuses_rows_that_were_signed_together(desk: Desk) -> None:
    refused = [desk.queue(5), desk.queue(6)]
    desk.chain.refusing = "no dual signature"
    assert await desk.sender.send_queued() == 2
    assert [(desk.row(row).state, desk.row(row).nonce) for row in refused] == [(outbox.FAILED, None)] * 2
    desk.chain.refusing = None
    following = desk.queue(7)
    await desk.sender.send_queued()
    assert desk.row(following).nonce == 0


async def test_rows_after_it_wait_when_one_reverts_behind_others(desk: Desk) -> None:
    first, bad, last = desk.queue(5), desk.queue(6), desk.queue(7)
    desk.chain.reverting[data_of(desk, bad)] = "token: not enough available"
    assert await desk.sender.send_queued() == 1
    states = [desk.row(row).state for row in (first, bad, last)]
    assert states == [outbox.SIGNED, outbox.QUEUED, outbox.QUEUED]
    desk.chain.mine()
    await desk.follow()
    # Nothing is in flight any more that it could wait for.
    assert await desk.sender.send_queued() == 2
    assert [desk.row(row).state for row in (bad, last)] == [outbox.FAILED, outbox.SIGNED]


async def test_row_is_submitted_again_with_equal_bytes_when_the_answer_was_lost(desk: Desk) -> None:
    row = desk.queue(5)
    desk.chain.is_deaf = True
    with pytest.raises(ChainUnavailableError):
        await desk.sender.send_queued()
    assert desk.row(row).state == outbox.SIGNED
    desk.chain.is_deaf = False
    await desk.sender.resubmit()
    assert desk.chain.submissions == [desk.row(row).raw] * 2
    desk.chain.mine()
    await desk.sender.resubmit()
    await desk.follow()
    assert len(desk.chain.executed) == 1
    assert desk.row(row).state == outbox.CONFIRMED


async def test_row_stays_queued_when_the_chain_is_away(desk: Desk) -> None:
    row = desk.queue(5)
    desk.chain.is_away = True
    with pytest.raises(ChainUnavailableError):
        await desk.sender.send_queued()
    assert (desk.row(row).state, desk.row(row).nonce) == (outbox.QUEUED, None)


async def test_row_fails_and_gives_its_nonce_back_when_the_chain_refuses_the_bytes(desk: Desk) -> None:
    row = desk.queue(5)
    desk.chain.refusing = "no dual signature"
    await desk.sender.send_queued()
    assert desk.row(row).state == outbox.FAILED
    assert "no dual signature" in str(desk.row(row).reason)
    desk.chain.refusing = None
    same_again, following = desk.queue(5), desk.queue(6)
    await desk.sender.send_queued()
    assert [desk.row(number).nonce for number in (row, same_again, following)] == [None, 0, 1]
    desk.chain.mine()
    await desk.follow()
    states = [desk.row(number).state for number in (row, same_again, following)]
    assert states == [outbox.FAILED, outbox.CONFIRMED, outbox.CONFIRMED]


async def test_nonce_follows_the_chain_when_the_database_is_older(desk: Desk, tmp_path: Path) -> None:
    desk.queue(5)
    await desk.sender.send_queued()
    desk.chain.mine()
    restored = Desk(desk.chain, Database(f"sqlite:///{tmp_path}/restored.sqlite"))
    row = restored.queue(6)
    await restored.sender.send_queued()
    assert restored.row(row).nonce == 1


async def test_nonce_follows_the_chain_when_the_key_signed_elsewhere_meanwhile(desk: Desk) -> None:
    desk.queue(5)
    await desk.sender.send_queued()
    desk.chain.mine()
    await desk.follow()
    elsewhere = sign_call(chain_id=CHAIN_ID, nonce=1, gas=21_000, to=TO, data=b"", sign_digest=BANK.sign_digest)
    await desk.chain.submit(elsewhere.raw)
    desk.chain.mine()
    row = desk.queue(6)
    await desk.sender.send_queued()
    assert desk.row(row).nonce == 2


async def test_each_submission_is_signed_a_second_time_when_the_account_has_a_transaction_key(desk: Desk) -> None:
    signed: list[bytes] = []

    async def sign_second(tx_hashes: Sequence[bytes]) -> Sequence[bytes]:
        signed.extend(tx_hashes)
        return [b"signature %d" % len(signed)]

    desk.sender._sign_second = sign_second
    row = desk.queue(5)
    await desk.sender.send_queued()
    await desk.sender.resubmit()
    assert signed == [desk.row(row).tx_hash] * 2
    assert desk.chain.second_signatures == [b"signature 1", b"signature 2"]


async def test_row_waits_with_its_nonce_when_the_second_signature_cannot_be_made(desk: Desk) -> None:
    async def sign_second(_tx_hashes: Sequence[bytes]) -> Sequence[bytes]:
        raise SecondSignatureUnavailableError(BANK.address, "a key", "none")

    plain, desk.sender._sign_second = desk.sender._sign_second, sign_second
    row = desk.queue(5)
    with pytest.raises(SecondSignatureUnavailableError):
        await desk.sender.send_queued()
    assert (desk.row(row).state, desk.row(row).nonce, desk.chain.submissions) == (outbox.SIGNED, 0, [])
    desk.sender._sign_second = plain
    await desk.sender.resubmit()
    desk.chain.mine()
    await desk.follow()
    assert desk.row(row).state == outbox.CONFIRMED


async def test_subscribers_hear_their_references_when_rows_finish(desk: Desk) -> None:
    heard: list[tuple[str, str]] = []
    desk.outbox.subscribe("pay:", lambda _session, row: heard.append((row.reference, row.state)))
    desk.queue(5, "pay:1")
    desk.queue(6, "other:1")
    bad = desk.queue(7, "pay:2")
    desk.chain.reverting[data_of(desk, bad)] = "no"
    await desk.sender.send_queued()
    desk.chain.mine()
    await desk.follow()
    await desk.sender.send_queued()
    assert heard == [("pay:1", outbox.CONFIRMED), ("pay:2", outbox.FAILED)]
    with desk.database.read() as session:
        assert [row.id for row in outbox.by_reference(session, "pay:2")] == [bad]


async def test_every_call_takes_effect_once_when_the_process_dies_at_any_step(tmp_path: Path) -> None:
    steps = 0
    while await _run_dying_at(steps, f"sqlite:///{tmp_path}/{steps}.sqlite"):
        steps += 1
    # Three enqueues, three signatures and submissions, two blocks: each before and after.
    assert steps > 15


async def _run_dying_at(steps: int, url: str) -> bool:
    """Run three payments, die after `steps` steps, start again; return whether it died."""
    fuse = Fuse(steps)
    chain = DyingChain(burn=fuse.burn)
    has_died = False
    try:
        await _pay(Desk(chain, CrashingDatabase(url, fuse)))
    except Crash:
        has_died = True
        fuse.steps = None
        await _pay(Desk(chain, Database(url)))
    amounts = [int.from_bytes(transaction.data[-32:], "big") for transaction in chain.executed]
    assert amounts == [1, 2, 3]
    with Database(url).read() as session:
        for amount in (1, 2, 3):
            assert [row.state for row in outbox.by_reference(session, f"pay:{amount}")] == [outbox.CONFIRMED]
    return has_died


async def _pay(desk: Desk) -> None:
    """Do what is left of three payments, as a service that knows what it has queued already."""
    await desk.sender.resubmit()
    for amount in (1, 2, 3):
        with desk.database.read() as session:
            is_queued = bool(outbox.by_reference(session, f"pay:{amount}"))
        if not is_queued:
            desk.queue(amount, f"pay:{amount}")
        await desk.sender.send_queued()
    desk.chain.mine()
    await desk.follow()


class DyingChain(FakeChain):
    """A chain whose caller may die right before or right after a submission."""

    def __init__(self, burn: Callable[[], None]) -> None:
        super().__init__()
        self._burn = burn

    async def submit(self, raw: bytes, second_signature: bytes = b"") -> None:
        self._burn()
        await super().submit(raw, second_signature)
        self._burn()
