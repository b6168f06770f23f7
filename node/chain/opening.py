"""Opening a home directory: store and journal, the chain upon them, and what runs until the process is told to stop.

Apart from `process`, so that the port answers before an engine is loaded.
"""

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import structlog

from node.chain.application import Application
from node.chain.differences import first_difference
from node.chain.errors import OtherGenesisError
from node.chain.genesis_block import Genesis, read_genesis
from node.chain.hooks import WriteHook
from node.chain.journal import TransactionJournal
from node.chain.jsonrpc.methods import Method
from node.chain.jsonrpc.server import JsonRpcServer
from node.chain.process import ChainSettings
from node.chain.store import ChainStore

_GC_THRESHOLDS: Final = (50_000, 20, 20)
_GENESIS_META: Final = "genesis"
_log = structlog.get_logger("landfall.chain")


@dataclass(frozen=True, slots=True)
class Chain:
    """An open chain: what it answers, and what runs as long as it is open."""

    application: Application
    methods: Mapping[str, Method]
    tasks: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


OpenChain = Callable[[ChainSettings, Genesis, ChainStore, TransactionJournal], Awaitable[Chain]]
"""Puts the pieces together and takes the journal's transactions in again."""


async def serve_chain(
    settings: ChainSettings,
    document: Mapping[str, Any],
    server: JsonRpcServer,
    before_write: WriteHook,
    open_chain: OpenChain,
) -> None:
    """Open the chain, let the server answer everything, run until cancelled."""
    genesis = read_genesis(document)
    with ExitStack() as stack:
        store = ChainStore(settings.home / "chain", before_write)
        stack.callback(store.close)
        check_genesis(store, document)
        journal = TransactionJournal(settings.home / "chain" / "journal.log", before_write)
        stack.callback(journal.close)
        chain = await open_chain(settings, genesis, store, journal)
        keep_genesis(store, document)
        async with asyncio.TaskGroup() as tasks:
            for task in chain.tasks:
                tasks.create_task(task())
            server.open(chain.methods)
            # What is loaded by now stays: no collection is to look through it under load.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
            _log.info(
                "chain_open",
                block_number=chain.application.head.number,
                waiting=len(chain.application.mempool),
                genesis_hash="0x" + genesis.trusted_hash.hex(),
            )


def keep_genesis(store: ChainStore, document: Mapping[str, Any]) -> None:
    """Keep the genesis file of the first start that came about."""
    if store.meta(_GENESIS_META) is None:
        store.put_meta(_GENESIS_META, json.dumps(document).encode())


def check_genesis(store: ChainStore, document: Mapping[str, Any]) -> None:
    """Return when a start begins with the genesis file of the first one, also where no block hash tells.

    Raises:
        OtherGenesisError: names the first field that differs.
    """
    kept = store.meta(_GENESIS_META)
    if kept is not None and (difference := first_difference(json.loads(kept), document)):
        raise OtherGenesisError(
            f"genesis.json: {difference}; this home began with the first: put that file back, or use another home"
        )
