"""How a validator does: one look at its programs from outside, each asked for a moment and no longer."""

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from node.app.validator.home import NodeSettings, ValidatorHome, read_settings
from node.app.validator.running import DESK, is_running, read_status

_TIMEOUT_S: Final = 2.0
_ANSWER_BYTES_MAX: Final = 1 << 20
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One look; None = whom to ask did not answer.

    Args:
        consensus_height: CometBFT's last block.
        block_number: The last Ethereum block that the node answers with.
        engine_number: geth's own head; with py-evm the same as `block_number`.
        pool: Transactions waiting.
        behind_s: How much older than this machine's clock the last Ethereum block is; negative: it is ahead.
        disk_free_bytes: Of the file system that holds the home.
        home_bytes: What the home takes.
        desk: What its desk does; None where it has none.
    """

    name: str
    state: str
    reason: str
    restarts: int
    engine: str
    rpc_url: str
    consensus_height: int | None
    is_catching_up: bool | None
    peers: int | None
    block_number: int | None
    engine_number: int | None
    pool: int | None
    behind_s: int | None
    disk_free_bytes: int
    home_bytes: int
    desk: str | None
    desk_reason: str


async def look_at(home: ValidatorHome) -> Health:
    """Return how the validator in `home` does.

    Raises:
        HomeError: the home is not prepared.
    """
    settings = read_settings(home)
    status = read_status(home) or {}
    desk, is_up = status.get(DESK, {}), is_running(home)
    state = status.get("state", "never started") if is_up else "down"
    consensus, peers, chain, engine = await asyncio.gather(
        _or_none(_consensus(home, "status")),
        _or_none(_consensus(home, "net_info")),
        _or_none(_chain(settings)),
        _or_none(_geth_head(home.run / "geth.ipc")),
    )
    sync = {} if consensus is None else consensus["sync_info"]
    chain = chain or {}
    block_number = chain.get("number")
    return Health(
        name=settings.name,
        state=state,
        reason=status.get("reason", ""),
        restarts=status.get("restarts", 0),
        engine=settings.engine,
        rpc_url=settings.rpc_url,
        consensus_height=int(sync["latest_block_height"]) if sync else None,
        is_catching_up=bool(sync["catching_up"]) if sync else None,
        peers=None if peers is None else int(peers["n_peers"]),
        block_number=block_number,
        engine_number=engine if settings.engine == "geth" else block_number,
        pool=chain.get("pool"),
        behind_s=int(time.time()) - chain["time_s"] if chain else None,
        disk_free_bytes=shutil.disk_usage(home.root).free,
        home_bytes=_size(home.root),
        desk=None if settings.desk is None else desk.get("state", "never started") if is_up else "down",
        desk_reason=desk.get("reason", ""),
    )


async def _or_none(asked: Awaitable[_T]) -> _T | None:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await asked
    except (OSError, TimeoutError, httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


async def _consensus(home: ValidatorHome, method: str) -> Any:
    transport = httpx.AsyncHTTPTransport(uds=str(home.run / "cometbft.sock"))
    async with httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S) as client:
        return (await client.get(f"http://localhost/{method}")).json()["result"]


async def _chain(settings: NodeSettings) -> dict[str, int]:
    methods: tuple[tuple[str, list[Any]], ...] = (("eth_getBlockByNumber", ["latest", False]), ("txpool_status", []))
    batch = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        for number, (method, parameters) in enumerate(methods)
    ]
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        answers = (await client.post(settings.rpc_url, json=batch)).json()
    block, pool = (answer["result"] for answer in sorted(answers, key=lambda one: one["id"]))
    return {
        "number": int(block["number"], 16),
        "time_s": int(block["timestamp"], 16),
        "pool": int(pool["pending"], 16) + int(pool["queued"], 16),
    }


async def _geth_head(ipc: Path) -> int:
    reader, writer = await asyncio.open_unix_connection(ipc, limit=_ANSWER_BYTES_MAX)
    try:
        writer.write(b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}\n')
        return int(json.loads(await reader.readline())["result"], 16)
    finally:
        writer.close()


def _size(folder: Path) -> int:
    """Return the bytes on disk below a folder; a file that goes away meanwhile does not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total


def health_rows(looks: list[Health]) -> list[tuple[str, ...]]:
    """Return a table's rows; `-` = no answer."""
    return [
        (
            one.name,
            one.state + (" (catching up)" if one.is_catching_up else "") + (f", desk {one.desk}" if one.desk else ""),
            _text(one.consensus_height),
            _text(one.block_number),
            f"{one.engine} {_text(one.engine_number)}",
            _text(one.peers),
            _text(one.pool),
            "-" if one.behind_s is None else f"{one.behind_s} s",
            str(one.restarts),
            f"{one.home_bytes / 1e6:.0f} MB, {one.disk_free_bytes / 1e9:.1f} GB free",
        )
        for one in looks
    ]


HEADINGS: Final = ("name", "state", "height", "block", "engine", "peers", "pool", "age", "restarts", "disk")


def _text(value: int | None) -> str:
    return "-" if value is None else str(value)
