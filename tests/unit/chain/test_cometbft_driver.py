"""What each method of ABCI means here: accepts, and beside each what is refused."""

from pathlib import Path
from typing import Any

import pytest
import rlp

from contracts.client.artifacts import encode_call
from node.chain.abci.abci_pb2 import (
    Block,
    CheckTxType,
    Empty,
    PublicKey,
    RequestCheckTx,
    RequestExtendVote,
    RequestInfo,
    RequestInitChain,
    RequestQuery,
    RequestVerifyVoteExtension,
    ResponseVerifyVoteExtension,
    ValidatorUpdate,
)
from node.chain.errors import (
    CorruptChainError,
    ExecutionRevertedError,
    GenesisError,
    InvariantError,
    MalformedBatchError,
    NoLongerWaitingError,
    NonceTooLowError,
    OversizedTransactionError,
    PeerRefusedError,
    TakenError,
    TransactionRejectedError,
    UnknownQueryError,
)
from node.chain.gossip import encode_batch
from node.chain.limits import BATCH_BYTES_MAX, BATCH_TRANSACTIONS_MAX
from node.chain.pyevm.engine import PyEvmEngine
from tests.unit.chain.decided import PROPOSER, Decided, decided
from tests.unit.chain.support import GENESIS_TIME_S, KEY, Actor

OK = 0


async def test_info_tells_what_is_durable(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        info = await node.driver.info(RequestInfo())
        assert (info.last_block_height, info.last_block_app_hash) == (0, node.application.genesis.block.header.hash)
        await node.check(payer.sign())
        answer = await node.finalize(await node.prepare())
        assert (await node.driver.info(RequestInfo())).last_block_height == 0
        await node.driver.commit(Empty())
        info = await node.driver.info(RequestInfo())
        assert (info.last_block_height, info.last_block_app_hash) == (1, answer.app_hash)


def init_chain(**changes: Any) -> RequestInitChain:
    validator = ValidatorUpdate(pub_key=PublicKey(ml_dsa_65=KEY.public_key), power=1)
    fields = {"chain_id": "landfall-test", "initial_height": 1, "validators": [validator]}
    return RequestInitChain(**fields | changes)


async def test_network_begins_with_the_hash_of_block_0(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        for _ in range(2):
            # Twice: CometBFT asks again when it was stopped before the first height.
            answer = await node.driver.init_chain(init_chain())
            assert answer.app_hash == node.application.genesis.block.header.hash
        await node.block(payer.sign())
        with pytest.raises(CorruptChainError, match="expected no blocks before consensus begins, got 1"):
            await node.driver.init_chain(init_chain())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chain_id": "landfall-other"}, r"cometbft\.chain_id: expected landfall-test, got landfall-other"),
        ({"initial_height": 2}, r"cometbft\.initial_height"),
        ({"validators": []}, r"cometbft\.validators"),
        ({"validators": [ValidatorUpdate(pub_key=PublicKey(ml_dsa_65=KEY.public_key), power=2)]}, "2 entries"),
        ({"validators": [ValidatorUpdate(pub_key=PublicKey(ed25519=b"\1" * 32), power=1)]}, "2 entries"),
    ],
)
async def test_network_does_not_begin_when_consensus_has_another_genesis(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    async with decided(tmp_path, []) as node:
        with pytest.raises(GenesisError, match=field):
            await node.driver.init_chain(init_chain(**changes))


# -- transactions --------------------------------------------------------------------------------------------------


async def test_batch_goes_no_further_than_to_who_takes_it(tmp_path: Path) -> None:
    payer, other = Actor(1), Actor(2)
    async with decided(tmp_path, [payer, other]) as node:
        batch = encode_batch([payer.sign(), payer.sign(), other.sign(nonce=0)])
        assert batch[0] == 0x7E
        assert await node.check(other.sign(), batch, other.sign()) == [OK, TakenError.code, OK]
        assert len(node.application.mempool) == 4
        # What this node had before goes on: so does what it hands out itself.
        assert await node.check(batch) == [OK]
        assert len(await node.prepare()) == 5


async def test_batch_of_one_is_kept_so_that_a_block_is_proposed(tmp_path: Path) -> None:
    payer, other = Actor(1), Actor(2)
    async with decided(tmp_path, [payer, other]) as node:
        items = [payer.sign(), payer.sign()]
        alone = encode_batch([other.sign()])
        assert await node.check(encode_batch(items), encode_batch(items[-1:]), alone) == [TakenError.code, OK, OK]
        assert len(await node.prepare()) == 4


async def test_batch_is_taken_when_some_of_it_can_wait(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        good, bad = payer.sign(), Actor(3).sign(value=1)
        batch = encode_batch([bad, good])
        assert await node.check(batch) == [TakenError.code]
        assert len(node.application.mempool) == 1
        assert await node.check(batch) == [OK]


@pytest.mark.parametrize(
    ("gossiped", "error"),
    [
        (b"", OversizedTransactionError),
        (b"\x7e", MalformedBatchError),
        (b"\x7e" + b"\x0a\x05text", MalformedBatchError),
        (b"\x7e" + b"\x08\x01", MalformedBatchError),
        (b"\x7e" + b"\xc1" * 5_000, MalformedBatchError),
        (encode_batch([b"\2"] * (BATCH_TRANSACTIONS_MAX + 1)), MalformedBatchError),
        (encode_batch([bytes(BATCH_BYTES_MAX // 2)] * 2), MalformedBatchError),
        (encode_batch([b"\2no transaction"] * BATCH_TRANSACTIONS_MAX), TransactionRejectedError),
        (b"\x7d" + bytes(100), TransactionRejectedError),
    ],
)
async def test_what_is_gossiped_is_refused_with_a_code_when_it_is_no_transaction(
    tmp_path: Path, gossiped: bytes, error: type[TransactionRejectedError]
) -> None:
    async with decided(tmp_path, []) as node:
        [answer] = await node.driver.check_txs([RequestCheckTx(tx=gossiped)])
        assert (answer.codespace, answer.code) == ("chain", error.code)
        assert answer.log
        assert len(node.application.mempool) == 0


async def test_each_rule_of_the_pool_has_its_code(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        used = payer.sign()
        await node.block(used)
        assert await node.check(used, payer.sign()) == [NonceTooLowError.code, OK]


async def test_gossip_leaves_the_mempool_when_nothing_of_it_can_run(tmp_path: Path) -> None:
    payer, late = Actor(1), Actor(2)
    async with decided(tmp_path, [payer, late]) as node:
        batch = encode_batch([payer.sign(), payer.sign()])
        gap = encode_batch([late.sign(nonce=1), late.sign(nonce=2)])
        await node.check(batch, gap)
        assert await node.check(batch, gap, kind=CheckTxType.RECHECK) == [OK, NoLongerWaitingError.code]
        await node.decide(await node.prepare())
        assert await node.check(batch, gap, kind=CheckTxType.RECHECK) == [NoLongerWaitingError.code] * 2
        # The pool kept what waits for an earlier one, so it runs as soon as that comes.
        assert await node.check(late.sign(nonce=0)) == [OK]
        assert await node.check(gap, kind=CheckTxType.RECHECK) == [OK]
        assert len(await node.prepare()) == 4


async def test_one_stays_in_the_mempool_as_long_as_anything_can_run(tmp_path: Path) -> None:
    payer, other = Actor(1), Actor(2)
    async with decided(tmp_path, [payer, other]) as node:
        done = [encode_batch([payer.sign()]) for _ in range(3)]
        await node.check(*done)
        proposal = await node.prepare()
        await node.check(encode_batch([other.sign(), other.sign()]))
        await node.decide(proposal)
        left = NoLongerWaitingError.code
        assert await node.check(*done, kind=CheckTxType.RECHECK) == [OK, left, left]
        await node.decide(await node.prepare())
        assert await node.check(done[0], kind=CheckTxType.RECHECK) == [left]


# -- blocks --------------------------------------------------------------------------------------------------------


async def test_proposal_waits_for_the_next_second(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        node.wall_s[0] = GENESIS_TIME_S + 10.25
        await node.block(payer.sign())
        assert node.slept == []
        assert node.application.head.timestamp == GENESIS_TIME_S + 10
        await node.block(payer.sign())
        assert node.slept == [0.75]
        assert node.application.head.timestamp == GENESIS_TIME_S + 11


async def test_proposal_waits_no_longer_than_a_second_when_the_clock_is_slow(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        await node.block(payer.sign())
        node.wall_s[0] -= 30
        await node.block(payer.sign())
        assert node.slept == [1]
        assert node.application.head.timestamp == GENESIS_TIME_S + 11


async def test_nothing_is_proposed_and_nobody_waits_when_nothing_can_run(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        await node.block(payer.sign())
        await node.check(payer.sign(nonce=5))
        assert await node.prepare() == []
        assert node.slept == []


async def test_proposal_keeps_to_the_bytes_that_consensus_leaves(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        await node.check(*(payer.sign(data=bytes(10_000), gas=300_000) for _ in range(5)))
        for room, expected in ((1_000, 0), (32_000, 3), (64_000, 6)):
            items = await node.prepare(room)
            assert len(items) == expected
            assert sum(len(item) + 4 for item in items) <= room


async def test_proposal_is_accepted_until_it_is_too_far_ahead(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        await node.check(payer.sign())
        items = await node.prepare()
        for behind_s, is_accepted in ((0.0, True), (1.0, True), (1.1, False), (30.0, False)):
            node.wall_s[0] = GENESIS_TIME_S + 10 - behind_s
            assert await node.is_accepted(items) is is_accepted
        # What was decided is executed, whatever the clock says.
        await node.decide(items)


async def test_proposal_is_refused_when_it_breaks_a_rule(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        assert await node.is_accepted([])
        await node.check(payer.sign(), payer.sign())
        items = await node.prepare()
        assert await node.is_accepted(items)
        assert not await node.is_accepted(items, proposer=b"\x0b" * 20)
        assert not await node.is_accepted(items[:2])
        assert not await node.is_accepted([items[0], items[2], items[1]])
        assert not await node.is_accepted([*items, b"\2no transaction"])
        assert not await node.is_accepted(items[1:])
        assert not await node.is_accepted([b"", *items])
        assert not await node.is_accepted([b"\xc1" * 100_000, *items[1:]])
        assert not await node.is_accepted([rlp.encode([[]] * 21), *items[1:]])
        assert not await node.is_accepted([items[0], encode_batch(items[1:])])


async def test_results_are_as_many_as_items_and_the_same_for_every_engine(tmp_path: Path) -> None:
    payer = Actor(1)
    async with decided(tmp_path, [payer]) as node:
        answer = await node.block(payer.sign(), payer.sign())
        assert [one.SerializeToString() for one in answer.tx_results] == [b""] * 3


async def test_height_that_is_not_the_next_and_commit_without_one_are_refused(tmp_path: Path) -> None:
    async with decided(tmp_path, []) as node:
        for height in (0, 2):
            with pytest.raises(CorruptChainError, match=f"expected 1, got {height}"):
                await node.driver.finalize_block(Block(height=height, proposer_address=PROPOSER))
        with pytest.raises(InvariantError, match="decided height"):
            await node.driver.commit(Empty())
        await node.decide([])
        with pytest.raises(InvariantError, match="decided height"):
            await node.driver.commit(Empty())


async def test_votes_carry_nothing(tmp_path: Path) -> None:
    async with decided(tmp_path, []) as node:
        assert (await node.driver.extend_vote(RequestExtendVote(height=1))).vote_extension == b""
        for extension, status in (
            (b"", ResponseVerifyVoteExtension.ACCEPT),
            (b"x", ResponseVerifyVoteExtension.REJECT),
        ):
            request = RequestVerifyVoteExtension(height=1, vote_extension=extension)
            assert (await node.driver.verify_vote_extension(request)).status == status


# -- peers ---------------------------------------------------------------------------------------------------------


class _Registered:
    """What the contract answers, and how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *node_ids: bytes) -> None:
        self.node_ids = list(node_ids)
        self.asked = 0
        monkeypatch.setattr(PyEvmEngine, "call", self._call)

    async def _call(self, _header: object, request: Any, _overrides: object) -> bytes:
        assert request.data == encode_call("Governance", "node_ids", ())
        self.asked += 1
        words = [(32).to_bytes(32, "big"), len(self.node_ids).to_bytes(32, "big")]
        return b"".join([*words, *(one.ljust(32, b"\0") for one in self.node_ids)])


async def _is_allowed(node: Decided, path: str) -> int:
    return int((await node.driver.query(RequestQuery(path=path))).code)


async def test_peers_are_those_that_the_members_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payer = Actor(1)
    registered = _Registered(monkeypatch, b"\xaa" * 20)
    async with decided(tmp_path, [payer]) as node:
        assert await _is_allowed(node, "/p2p/filter/id/" + "aa" * 20) == OK
        assert await _is_allowed(node, "/p2p/filter/addr/10.0.0.1:26656") == OK
        for stranger in ("bb" * 20, "aa" * 19, "no hex", ""):
            assert await _is_allowed(node, "/p2p/filter/id/" + stranger) == PeerRefusedError.code
        assert registered.asked == 1
        registered.node_ids = [b"\xbb" * 20]
        await node.block(payer.sign())
        assert await _is_allowed(node, "/p2p/filter/id/" + "bb" * 20) == OK
        assert await _is_allowed(node, "/p2p/filter/id/" + "aa" * 20) == PeerRefusedError.code
        assert registered.asked == 2


@pytest.mark.parametrize("path", ["", "/", "/p2p/filter/", "/p2p/filter/name/x", "/store", "id/" + "aa" * 20])
async def test_unknown_query_is_refused(tmp_path: Path, path: str) -> None:
    async with decided(tmp_path, []) as node:
        assert await _is_allowed(node, path) == UnknownQueryError.code


async def test_peer_is_refused_when_the_list_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def call(*_: object) -> bytes:
        raise ExecutionRevertedError(b"", "no")

    monkeypatch.setattr(PyEvmEngine, "call", call)
    async with decided(tmp_path, []) as node:
        assert await _is_allowed(node, "/p2p/filter/id/" + "aa" * 20) == ExecutionRevertedError.code
