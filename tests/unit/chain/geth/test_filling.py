from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from node.chain.errors import GethAnswerError
from node.chain.geth.filling import BlockFiller, Filled
from node.chain.limits import BLOCK_BYTES_MAX, GETH_BUILDS_MAX
from node.chain.mempool import Mempool
from node.chain.transactions import Transaction, decode_transaction
from tests.unit.chain.support import Actor

TARGET = 1_000_000


@dataclass
class _Geth:
    """Builds like geth: in order, all or nothing. `uses` is gas by sender, `balances` what senders can spend."""

    uses: dict[bytes, int] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=dict)
    nonces: dict[bytes, int] = field(default_factory=dict)
    unforeseen: set[bytes] = field(default_factory=set)
    gas_limit: int = 2 * TARGET
    builds: list[int] = field(default_factory=list)

    async def build(self, transactions: Sequence[Transaction]) -> Filled:
        self.builds.append(len(transactions))
        nonces, balances, used = dict(self.nonces), dict(self.balances), 0
        for tx in transactions:
            address = f"address 0x{tx.sender.hex().upper()}"
            if tx.hash in self.unforeseen:
                raise GethAnswerError(-32000, "method handler crashed", None)
            if tx.nonce != nonces.get(tx.sender, 0):
                word = "low" if tx.nonce < nonces.get(tx.sender, 0) else "high"
                raise GethAnswerError(-32000, f"nonce too {word}: {address}, tx: {tx.nonce} state: ?", None)
            if used + tx.gas > self.gas_limit:
                raise GethAnswerError(-32000, "gas limit reached", None)
            if tx.value > balances.get(tx.sender, 10**30):
                raise GethAnswerError(-32000, f"insufficient funds for gas * price + value: {address} have", None)
            balances[tx.sender] = balances.get(tx.sender, 10**30) - tx.value
            nonces[tx.sender] = tx.nonce + 1
            used += min(tx.gas, self.uses.get(tx.sender, 21_000))
        return Filled(tuple(transactions), used, {})


def _pool(*raws: bytes) -> Mempool:
    pool = Mempool()
    for raw in raws:
        pool.add(decode_transaction(raw), 0)
    return pool


async def test_block_takes_everything_when_it_fits() -> None:
    geth, first, second = _Geth(), Actor(1), Actor(2)
    pool = _pool(first.sign(), second.sign(), first.sign())
    block = await BlockFiller().fill(pool, TARGET, geth.build)
    assert [(tx.sender, tx.nonce) for tx in block.transactions] == [
        (first.address, 0),
        (second.address, 0),
        (first.address, 1),
    ]
    assert geth.builds == [3]


async def test_block_is_empty_when_nothing_waits() -> None:
    geth = _Geth()
    assert (await BlockFiller().fill(Mempool(), TARGET, geth.build)).transactions == ()
    assert geth.builds == [0]


async def test_sender_is_cut_to_what_runs_when_a_later_one_cannot() -> None:
    poor, other = Actor(1), Actor(2)
    geth = _Geth(balances={poor.address: 5})
    raws = [poor.sign(value=5), other.sign(), poor.sign(value=1), other.sign()]
    pool = _pool(*raws)
    block = await BlockFiller().fill(pool, TARGET, geth.build)
    assert {tx.raw for tx in block.transactions} == {raws[0], raws[1], raws[3]}
    assert len(pool) == 4


async def test_transaction_leaves_the_pool_when_it_cannot_run_on_the_head() -> None:
    poor, other = Actor(1), Actor(2)
    geth = _Geth(balances={poor.address: 0})
    raws = [poor.sign(value=5), other.sign(), poor.sign()]
    pool = _pool(*raws)
    block = await BlockFiller().fill(pool, TARGET, geth.build)
    assert [tx.raw for tx in block.transactions] == [raws[1]]
    assert [tx.raw for tx in pool.all()] == raws[1:]


async def test_transaction_stays_when_only_its_nonce_is_too_high() -> None:
    early, other = Actor(1), Actor(2)
    geth = _Geth()
    pool = Mempool()
    pool.add(decode_transaction(early.sign(nonce=7)), 7)
    pool.add(decode_transaction(other.sign()), 0)
    block = await BlockFiller().fill(pool, TARGET, geth.build)
    assert [tx.sender for tx in block.transactions] == [other.address]
    assert len(pool) == 2


async def test_block_that_breaks_the_engine_is_found_and_thrown_out() -> None:
    geth, payer = _Geth(), Actor(1)
    raws = [payer.sign() for _ in range(8)]
    geth.unforeseen = {decode_transaction(raws[5]).hash}
    pool, filler, taken = _pool(*raws), BlockFiller(), 0
    for _ in range(8):
        block = await filler.fill(pool, TARGET, geth.build)
        taken += len(block.transactions)
        geth.nonces[payer.address] = taken
        pool.advance([(payer.address, taken)])
    assert taken == 5
    assert pool.get(decode_transaction(raws[5]).hash) is None


async def test_every_poor_sender_costs_a_bounded_number_of_builds() -> None:
    actors = [Actor(number) for number in range(1, 41)]
    geth = _Geth(balances={actor.address: 0 for actor in actors[5:]})
    pool = _pool(*(actor.sign(value=1) for actor in actors))
    block = await BlockFiller().fill(pool, TARGET, geth.build)
    assert [tx.sender for tx in block.transactions] == [actor.address for actor in actors[:5]]
    assert len(geth.builds) <= 2 * GETH_BUILDS_MAX + 1


# -- gas ---------------------------------------------------------------------------------------------------


async def test_blocks_grow_to_the_target_when_senders_allow_more_than_they_use() -> None:
    geth, filler = _Geth(), BlockFiller()
    sizes = []
    for _ in range(3):
        payers = [Actor(number) for number in range(1, 51)]
        geth.nonces.clear()
        block = await filler.fill(_pool(*(payer.sign(gas=200_000) for payer in payers)), TARGET, geth.build)
        sizes.append(block.gas_used)
    assert sizes[0] == 5 * 21_000
    assert TARGET * 0.85 < sizes[1] <= TARGET
    assert TARGET * 0.85 < sizes[2] <= TARGET


@pytest.mark.parametrize("gas_limit", [2 * TARGET, 100 * TARGET])
async def test_block_stays_below_the_target_when_use_jumps_up(gas_limit: int) -> None:
    geth, filler, payer = _Geth(gas_limit=gas_limit), BlockFiller(), Actor(1)
    pool = _pool(*(payer.sign(gas=200_000) for _ in range(50)))
    await filler.fill(pool, TARGET, geth.build)
    heavy = [Actor(number) for number in range(2, 60)]
    geth.uses = {actor.address: 200_000 for actor in heavy}
    block = await filler.fill(_pool(*(actor.sign(gas=200_000) for actor in heavy)), TARGET, geth.build)
    assert 0 < block.gas_used <= TARGET


async def test_small_block_does_not_change_what_a_full_one_taught() -> None:
    geth, filler = _Geth(), BlockFiller()
    crowd = [Actor(number) for number in range(1, 51)]
    await filler.fill(_pool(*(payer.sign(gas=200_000) for payer in crowd)), TARGET, geth.build)
    single = Actor(99)
    geth.uses[single.address] = 30_000
    await filler.fill(_pool(single.sign(gas=30_000)), TARGET, geth.build)
    block = await filler.fill(_pool(*(Actor(n).sign(gas=200_000) for n in range(1, 51))), TARGET, geth.build)
    assert block.gas_used > TARGET * 0.7


async def test_block_stays_below_its_bytes() -> None:
    geth, payers = _Geth(gas_limit=10**12), [Actor(number) for number in range(1, 41)]
    raws = [payer.sign(data=bytes(120_000), gas=1_300_000) for payer in payers]
    block = await BlockFiller().fill(_pool(*raws), 10**11, geth.build)
    size = sum(len(tx.raw) for tx in block.transactions)
    assert BLOCK_BYTES_MAX - 121_000 < size <= BLOCK_BYTES_MAX
