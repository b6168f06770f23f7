"""The real chain process: its HTTP edge, kill -9 under load, and how it ends."""

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from node.chain import process as process_module
from node.chain.errors import GenesisError, ReadOnlyError
from node.chain.limits import RPC_BODY_BYTES_MAX
from node.chain.process import FINAL_EXIT_CODE, ChainSettings, run_chain
from tests.unit.chain.support import CHAIN_ID, ETHER, Actor, write_home

ROUNDS = 3


@dataclass
class _Process:
    """A running chain process."""

    process: asyncio.subprocess.Process
    url: str
    session: aiohttp.ClientSession

    async def post(self, document: Any) -> Any:
        async with self.session.post(self.url, json=document) as response:
            assert response.status == 200
            return await response.json()

    async def rpc(self, method: str, *params: Any) -> Any:
        answer = await self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        assert "error" not in answer, answer
        return answer["result"]


async def _start(home: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "node.chain", "--home", str(home), "--port", "0", *arguments),
        stderr=asyncio.subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def _running(home: Path, *arguments: str) -> AsyncIterator[_Process]:
    process = await _start(home, *arguments)
    assert process.stderr is not None
    try:
        line = json.loads(await asyncio.wait_for(process.stderr.readline(), 60))
        assert line["event"] == "chain_listening", line
        async with aiohttp.ClientSession() as session:
            yield _Process(process, f"http://127.0.0.1:{line['port']}", session)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _home(tmp_path: Path) -> Path:
    write_home(tmp_path, {Actor(number).address: 1_000 * ETHER for number in range(1, 9)})
    return tmp_path


async def test_http_edge_answers_json_and_refuses_the_rest(tmp_path: Path) -> None:
    async with _running(_home(tmp_path), "--cors-origin", "https://app.example") as chain:
        assert await chain.rpc("eth_chainId") == hex(CHAIN_ID)
        assert await chain.rpc("eth_blockNumber") == "0x0"
        post = chain.session.post
        json_type = {"Content-Type": "application/json"}
        async with post(chain.url, data=b"{}", headers={"Content-Type": "text/plain"}) as response:
            assert response.status == 415
        async with post(chain.url, data=b"{", headers=json_type) as response:
            assert (await response.json())["error"]["code"] == -32700
        async with post(chain.url, data=b"[" * 100_000, headers=json_type) as response:
            assert (await response.json())["error"]["code"] == -32700
        async with post(chain.url, data=b" " * (RPC_BODY_BYTES_MAX + 1), headers=json_type) as response:
            assert response.status == 413
        async with post(chain.url, json={}, headers={"Host": "rebound.example:80"}) as response:
            assert response.status == 403
        for origin, is_allowed in (("https://app.example", True), ("https://page.example", False)):
            async with chain.session.options(chain.url, headers={"Origin": origin}) as response:
                assert response.status == (204 if is_allowed else 403)
            async with post(chain.url, json={}, headers={"Origin": origin}) as response:
                assert (response.headers.get("Access-Control-Allow-Origin") == origin) is is_allowed
        async with chain.session.get(chain.url) as response:
            assert response.status == 405
        chain.process.terminate()
        assert await asyncio.wait_for(chain.process.wait(), 20) == 0


async def _load(chain: _Process, actors: list[Actor], acknowledged: list[str]) -> None:
    """Send until the process is gone; note what it acknowledged."""
    with contextlib.suppress(aiohttp.ClientError, ConnectionError):
        while True:
            batch = [
                {"jsonrpc": "2.0", "id": i, "method": "eth_sendRawTransaction", "params": ["0x" + actor.sign().hex()]}
                for i, actor in enumerate(actors)
            ]
            answers = await chain.post(batch)
            acknowledged += [answer["result"] for answer in answers]


async def _resume_nonces(chain: _Process, actors: list[Actor]) -> None:
    for actor in actors:
        actor.nonce = int(await chain.rpc("eth_getTransactionCount", "0x" + actor.address.hex(), "pending"), 16)


async def _receipts(chain: _Process, hashes: list[str]) -> list[dict[str, Any]]:
    """Return all receipts once all are there."""
    batch = [
        {"jsonrpc": "2.0", "id": i, "method": "eth_getTransactionReceipt", "params": [tx_hash]}
        for i, tx_hash in enumerate(hashes)
    ]
    for _ in range(400):
        found = [
            answer["result"]
            for start in range(0, len(batch), 500)
            for answer in await chain.post(batch[start : start + 500])
        ]
        if all(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{found.count(None)} acknowledged transactions were lost")


async def test_nothing_acknowledged_is_lost_when_killed_under_load(tmp_path: Path) -> None:
    home, actors = _home(tmp_path), [Actor(number) for number in range(1, 9)]
    dice = random.Random(20_260)
    acknowledged: list[str] = []
    block_hashes: dict[str, str] = {}
    for _ in range(ROUNDS):
        async with _running(home) as chain:
            await _resume_nonces(chain, actors)
            for number, block_hash in block_hashes.items():
                assert (await chain.rpc("eth_getBlockByNumber", number, False))["hash"] == block_hash
            load = asyncio.create_task(_load(chain, actors, acknowledged))
            await asyncio.sleep(0.2 + dice.random() * 0.8)
            head = await chain.rpc("eth_getBlockByNumber", "latest", False)
            block_hashes[head["number"]] = head["hash"]
            chain.process.kill()
            await load
    assert len(acknowledged) > 8 * ROUNDS
    async with _running(home) as chain:
        receipts = await _receipts(chain, acknowledged)
        assert {receipt["status"] for receipt in receipts} == {"0x1"}
        places = {(receipt["blockNumber"], receipt["transactionIndex"]) for receipt in receipts}
        assert len(places) == len(acknowledged)


async def test_process_ends_with_the_reason_when_it_cannot_start(tmp_path: Path) -> None:
    process = await _start(tmp_path)
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == FINAL_EXIT_CODE
    last = json.loads(errors.splitlines()[-1])
    assert last["event"] == "chain_failed"
    assert "landfall init" in last["error"]


async def test_process_ends_with_the_reason_when_liboqs_is_not_there(tmp_path: Path) -> None:
    process = await _start(_home(tmp_path), "--liboqs", str(tmp_path))
    _, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    said = json.loads(stderr.splitlines()[-1])
    assert said["kind"] == "BackendUnavailableError"
    assert f"{tmp_path}/lib/liboqs" in said["error"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda home: (home / "genesis.json").write_text("{"), "JSON"),
        (lambda home: (home / "genesis.json").write_text("[]"), "an object"),
        (lambda home: (home / "genesis.json").write_text('{"config": {}}'), "homesteadBlock"),
        (lambda home: (home / "validator_key.json").write_text('{"algorithm": "ML-DSA-65"}'), "seed"),
        (lambda home: (home / "validator_key.json").unlink(), "this sequencer's key"),
    ],
)
async def test_chain_does_not_open_when_the_home_is_wrong(tmp_path: Path, spoil: Any, message: str) -> None:
    home = _home(tmp_path)
    spoil(home)
    with pytest.raises(GenesisError, match=message):
        await run_chain(ChainSettings(home=home, port=0))


async def test_signal_does_not_hide_why_the_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while the process, which has failed, still closes its connections."""
    closing, go = asyncio.Event(), asyncio.Event()
    cleanup = web.AppRunner.cleanup

    async def slow(runner: web.AppRunner) -> None:
        closing.set()
        await go.wait()
        await cleanup(runner)

    async def fail(*_: object) -> None:
        raise ReadOnlyError("expected room, got none")

    monkeypatch.setattr(web.AppRunner, "cleanup", slow)
    monkeypatch.setattr(process_module, "_serve", fail)
    running = asyncio.create_task(run_chain(ChainSettings(home=_home(tmp_path), port=0)))
    await closing.wait()
    running.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(ReadOnlyError, match="expected room"):
        await running
