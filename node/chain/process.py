"""The chain process: opens a home directory, serves JSON-RPC, makes blocks, until it is told to stop.

The port answers first, with what needs no chain; `opening` and the engine are loaded meanwhile. Whatever fails ends
the process: on disk there is always a block boundary and every acknowledged transaction.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from aiohttp import web

from node.chain.errors import GenesisError
from node.chain.hooks import WriteHook, no_hook
from node.chain.jsonrpc.methods import Method
from node.chain.jsonrpc.server import JsonRpcServer

_log = structlog.get_logger("landfall.chain")
_VERSION: Final = "landfall/0.1.0"
_ENGINE_VERSIONS: Final = {"pyevm": "py-evm-0.12.1b1", "geth": "geth-1.17.5"}
GENESIS_FILE: Final = "genesis.json"
FINAL_EXIT_CODE: Final = 3
"""Starting again does not help: somebody has to look."""


@dataclass(frozen=True, slots=True)
class ValidatorSettings:
    """How the chain takes part in a network: what executes, and the folder of the sockets of CometBFT and geth."""

    engine: Literal["geth", "pyevm"]
    run: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """`port` 0 takes any free one; `interval_ms` 0 makes a block as soon as something is pending."""

    home: Path
    port: int = 8545
    host: str = "127.0.0.1"
    interval_ms: int = 0
    is_manual: bool = False
    cors_origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    liboqs: Path | None = None
    """Folder of the library that computes ML-DSA; without one `cryptography` does."""
    validator: ValidatorSettings | None = None
    """None = this process alone makes the blocks, as on a devnet."""

    @property
    def client_version(self) -> str:
        """Return what `web3_clientVersion` says."""
        return f"{_VERSION}/{_ENGINE_VERSIONS['pyevm' if self.validator is None else self.validator.engine]}"


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
        "web3_clientVersion": Method(lambda _: settings.client_version, 0, 0),
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
        # Short, and never interrupted: a signal that comes now must not hide why this ends.
        cleaning = asyncio.ensure_future(runner.cleanup())
        while not cleaning.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(cleaning)


async def _serve(
    settings: ChainSettings, document: Mapping[str, Any], server: JsonRpcServer, before_write: WriteHook
) -> None:
    # Loading the engine takes over a second; in a thread the port keeps answering.
    kind = "sequencer" if settings.validator is None else "validator"
    chosen: Any = await asyncio.to_thread(import_module, f"node.chain.{kind}")
    opening: Any = import_module("node.chain.opening")
    await opening.serve_chain(settings, document, server, before_write, chosen.open_chain)


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
