"""kill -9 at every persisted write: what was acknowledged is there once, the rest once or not at all.

A forked child runs the scenario with a hook that kills it at the N-th write; the parent opens what is left. N grows
until the child survives.
"""

import asyncio
import os
import signal
from pathlib import Path

from bridge.proofs.finality import proof_from_json, verify_finality
from tests.unit.chain.support import STORE, Actor, LocalChain, open_local_chain

WRITES_MAX = 200


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def _transactions() -> list[bytes]:
    payer, other = Actor(1), Actor(2)
    raws = [payer.sign(to=STORE, data=_words(index, index + 1)) for index in range(3)]
    return [*raws, other.sign(value=5), payer.sign(value=6), other.sign(value=7)]


async def _scenario(chain: LocalChain, acknowledged: int) -> None:
    """Three in one block, one alone, a block by time control, two more together."""
    raws = _transactions()

    async def submit(raw: bytes) -> None:
        os.write(acknowledged, await chain.intake.submit(raw))

    for group in (raws[:3], raws[3:4], [], raws[4:]):
        await asyncio.gather(*(submit(raw) for raw in group))
        await chain.driver.make_block(is_forced=not group)
    await chain.close()


def _run_child(home: Path, write: int, acknowledged: int) -> None:
    """Run in the child; never returns."""
    left = [write]

    def kill_at(name: str) -> None:
        if name.startswith("lmdb.put.") and name != "lmdb.put.headers":
            return  # the puts of one transaction reach the disk together; one of them is enough
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        await _scenario(await open_local_chain(home, [Actor(1), Actor(2)], kill_at), acknowledged)

    code = 1
    try:
        asyncio.run(run())
        code = 0
    finally:
        os._exit(code)


def _crash(home: Path, write: int) -> tuple[int, set[bytes]]:
    """Return the child's exit status and the hashes it acknowledged."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_child(home, write, writer)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    data = os.read(reader, 4096)
    os.close(reader)
    return status, {data[start : start + 32] for start in range(0, len(data), 32)}


def _included(chain: LocalChain) -> list[bytes]:
    """Return every transaction of the chain, checking hashes, proofs and places on the way."""
    raws: list[bytes] = []
    for number in range(1, chain.application.head.number + 1):
        header = chain.store.header(number)
        assert header is not None
        assert header.parent_hash == chain.store.hash_of(number - 1)
        proof = proof_from_json(chain.store.finality(number))
        assert verify_finality(proof, "landfall-test", chain.genesis.validators) == header.payload
        assert len(chain.store.receipts(number)) == len(chain.store.transactions(number))
        raws += [tx.raw for tx in chain.store.transactions(number)]
    return raws


async def _check_recovered(home: Path, acknowledged: set[bytes]) -> None:
    chain = await open_local_chain(home, [Actor(1), Actor(2)])
    try:
        for tx_hash in acknowledged:
            assert chain.store.place_of(tx_hash) or chain.application.mempool.get(tx_hash)
        await chain.driver.make_block()
        assert all(chain.store.place_of(tx_hash) for tx_hash in acknowledged)
        # A client that got no answer sends again, and everything ends up in the chain exactly once.
        done = set(_included(chain))
        for raw in _transactions():
            if raw not in done:
                await chain.intake.submit(raw)
        await chain.driver.make_block()
        included = _included(chain)
        assert sorted(included) == sorted(_transactions())
        assert chain.account(Actor(1).address).nonce == 4
        assert chain.account(Actor(2).address).nonce == 2
        assert chain.journal.size == 0
    finally:
        await chain.close()


def test_chain_recovers_when_killed_at_any_write(tmp_path: Path) -> None:
    for write in range(1, WRITES_MAX):
        home = tmp_path / str(write)
        home.mkdir()
        status, acknowledged = _crash(home, write)
        survived = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
        assert survived or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
        asyncio.run(_check_recovered(home, acknowledged))
        if survived:
            assert write > 20, "the scenario has more writes than that"
            assert len(acknowledged) == 6
            return
    raise AssertionError(f"still writing after {WRITES_MAX} writes")
