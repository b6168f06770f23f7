"""The chain process: opens a home directory, serves JSON-RPC, makes blocks, until it is told to stop.

The port answers first, with what needs no chain; the engine is loaded meanwhile. Whatever fails ends the process:
on disk there is always a block boundary and every acknowledged transaction.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from node.chain.clock import LedgerClock
from node.chain.errors import GenesisError
from node.chain.genesis_block import Genesis, read_genesis
from node.chain.journal import TransactionJournal
from node.chain.jsonrpc.methods import Method
from node.chain.jsonrpc.server import JsonRpcServer
from node.chain.sealing import BlockSealer
from node.chain.store import ChainStore, WriteHook, no_hook
from node.chain.validator_key import load_or_create_validator_key

if TYPE_CHECKING:
    from node.chain.application import Application
    from node.chain.solo import SoloDriver

_log = structlog.get_logger("landfall.chain")
CLIENT_VERSION: Final = "landfall/0.1.0/py-evm-0.12.1b1"
GENESIS_FILE: Final = "genesis.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """`port` 0 takes any free one; `interval_ms` 0 makes a block as soon as something is pending."""

    home: Path
    port: int = 8545
    host: str = "127.0.0.1"
    interval_ms: int = 0
    is_manual: bool = False
    has_time_control: bool = True
    cors_origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """An open chain and what drives it."""

    application: "Application"
    driver: "SoloDriver"
    journal: TransactionJournal
    methods: Mapping[str, Method]


async def run_chain(settings: ChainSettings, before_write: WriteHook = no_hook) -> None:
    """Serve until cancelled.

    Raises:
        GenesisError, CorruptChainError: the home cannot be opened; nothing was changed.
        ReadOnlyError: the disk refused a write.
    """
    document = _read_genesis_file(settings.home)
    chain_id = document.get("config", {}).get("chainId")
    static = {
        "eth_chainId": Method(lambda _: hex(chain_id), 0, 0),
        "net_version": Method(lambda _: str(chain_id), 0, 0),
        "web3_clientVersion": Method(lambda _: CLIENT_VERSION, 0, 0),
    }
    server = JsonRpcServer(static, settings.cors_origins, settings.hosts)
    runner = web.AppRunner(server.web_application(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        _log.info("chain_listening", port=_bound_port(runner), host=settings.host)
        await _serve(settings, document, server, before_write)
    finally:
        await runner.cleanup()


async def _serve(
    settings: ChainSettings, document: Mapping[str, Any], server: JsonRpcServer, before_write: WriteHook
) -> None:
    # Loading py-evm takes over a second; in a thread the port keeps answering.
    await asyncio.to_thread(import_module, "node.chain.pyevm.engine")
    genesis = read_genesis(document)
    store = ChainStore(settings.home / "chain", before_write)
    journal = TransactionJournal(settings.home / "chain" / "journal.log", before_write)
    try:
        chain = open_chain(settings, genesis, store, journal)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(journal.run(lambda: [tx.raw for tx in chain.application.mempool.all()]))
            tasks.create_task(chain.driver.run())
            server.open(chain.methods)
            _log.info(
                "chain_open",
                block_number=chain.application.head.number,
                waiting=len(chain.application.mempool),
                genesis_hash="0x" + genesis.trusted_hash.hex(),
            )
    finally:
        journal.close()
        store.close()


def open_chain(settings: ChainSettings, genesis: Genesis, store: ChainStore, journal: TransactionJournal) -> Chain:
    """Put the pieces together and take the journal's transactions in again."""
    from node.chain.application import Application
    from node.chain.intake import Intake
    from node.chain.jsonrpc.eth import EthMethods
    from node.chain.jsonrpc.logs import LogMethods
    from node.chain.jsonrpc.network import NetworkMethods
    from node.chain.jsonrpc.views import BlockViews
    from node.chain.pyevm.engine import PyEvmEngine
    from node.chain.solo import SoloDriver

    sealer = BlockSealer(genesis, store, load_or_create_validator_key(settings.home))
    application = Application(genesis, store, PyEvmEngine(store, genesis.chain_id), sealer.address)
    clock = LedgerClock(time.time, _load_offset(store, genesis))
    driver = SoloDriver(application, sealer, clock, journal, settings.interval_ms, is_manual=settings.is_manual)
    intake = Intake(application, journal, driver)
    intake.replay()
    views = BlockViews(application)
    methods = {
        **EthMethods(application, views, intake, CLIENT_VERSION).table(),
        **LogMethods(application, views).table(),
        **NetworkMethods(application, views, driver, has_time_control=settings.has_time_control).table(),
    }
    return Chain(application, driver, journal, methods)


def _load_offset(store: ChainStore, genesis: Genesis) -> int:
    """Return the clock's offset; at the first start it puts the clock where genesis says."""
    from node.chain.solo import CLOCK_META

    stored = store.meta(CLOCK_META)
    if stored is not None:
        return int(json.loads(stored)["offset_s"])
    offset_s = genesis.block.header.timestamp - int(time.time())
    store.put_meta(CLOCK_META, json.dumps({"offset_s": offset_s}).encode())
    return offset_s


def _read_genesis_file(home: Path) -> Mapping[str, Any]:
    path = home / GENESIS_FILE
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise GenesisError(str(path), "a genesis file; make one with `landfall init`", "nothing") from None
    except ValueError as error:
        raise GenesisError(str(path), "JSON", str(error)) from error
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise GenesisError(str(path), "an object with config, alloc and landfall", type(document).__name__)
    return document


def _bound_port(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])
