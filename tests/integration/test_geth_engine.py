"""The geth engine with a real geth: equal blocks with py-evm, crashes, lost databases, hostile blocks."""

import contextlib
import random
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.chain.blocks import BlockHeader
from node.chain.errors import InvalidBlockError
from tests.integration.engines import Geth, running_geth
from tests.integration.geth_chain import Cast, TwoEngines, next_block, pool_of, words
from tests.unit.chain.support import REVERT, STORE, Actor


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return Cast.make(tmp_path_factory.mktemp("cast") / "genesis")


@contextlib.asynccontextmanager
async def _engines(folder: Path, cast: Cast) -> AsyncIterator[tuple[TwoEngines, Geth]]:
    for actor in cast.actors:
        actor.nonce = 0
    async with running_geth(folder / "home", cast.document) as geth:
        both = TwoEngines(folder, cast.genesis, geth.ipc)
        await both.geth.open()
        try:
            yield both, geth
        finally:
            await both.close()


async def test_engines_make_equal_blocks_of_random_transactions(tmp_path: Path, cast: Cast) -> None:
    dice = random.Random(6_001)
    async with _engines(tmp_path, cast) as (both, _):
        await both.add(*cast.fund())
        statuses = set()
        for _ in range(25):
            block = await both.add(*(cast.random(dice) for _ in range(dice.randrange(1, 30))))
            statuses |= {receipt.is_success for receipt in block.receipts}
            # Authorizations move nonces of accounts that may have sent in the same block.
            for actor, account in zip(
                cast.actors, await both.geth.accounts([one.address for one in cast.actors]), strict=True
            ):
                actor.nonce = account.nonce
        assert statuses == {True, False}
        assert both.head.number == 26
