"""The client of CometBFT's RPC over a Unix socket, against a server that answers as CometBFT does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from node.chain import cometbft_rpc
from node.chain.cometbft_rpc import CometBftRpc
from node.chain.errors import ConsensusAnswerError, ConsensusUnavailableError

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "cometbft" / "kvstore-ed25519.json").read_text("utf-8")
)
Answer = Callable[[str, dict[str, str]], Any]


def recorded(method: str, params: dict[str, str]) -> Any:
    """Answer as the recorded network's node."""
    match method:
        case "commit":
            return {"signed_header": VECTOR["commits"][params.get("height", "65")], "canonical": "height" in params}
        case "block":
            return VECTOR["blocks"][params["height"]]
        case "validators":
            # Pages of two, whatever is asked for: as if there were more than a page.
            members = VECTOR["validators"]["9"]
            page = int(params["page"]) - 1
            return {"block_height": "9", "validators": members[2 * page : 2 * page + 2], "count": "2", "total": "4"}
        case "status":
            sync = {"latest_block_height": "65", "latest_app_hash": "0C00", "earliest_block_height": "1"}
            return {
                "node_info": {"id": "ab" * 20, "network": "vectors-ed25519"},
                "sync_info": sync | {"latest_block_time": "2026-11-27T09:48:20Z", "catching_up": False},
                "validator_info": {"address": "AB" * 20, "voting_power": "10"},
            }
        case "net_info":
            peer = {"node_info": {"id": "cd" * 20, "moniker": "two"}, "is_outbound": True, "remote_ip": "127.0.0.1"}
            return {"listening": True, "n_peers": "1", "peers": [peer]}
        case "broadcast_tx_sync" | "broadcast_tx_async":
            return {"code": 9, "codespace": "chain", "log": "nonce too low", "hash": "AA" * 32, "data": ""}
    raise AssertionError(method)


@asynccontextmanager
async def answering(path: Path, answer: Answer) -> AsyncIterator[CometBftRpc]:
    async def post(request: web.Request) -> web.StreamResponse:
        document = await request.json()
        found = answer(document["method"], document["params"])
        if isinstance(found, web.StreamResponse):
            return found
        return web.json_response({"jsonrpc": "2.0", "id": document["id"], "result": found})

    application = web.Application()
    application.router.add_post("/", post)
    runner = web.AppRunner(application)
    await runner.setup()
    socket = str(path / "cometbft.sock")
    await web.UnixSite(runner, socket).start()
    try:
        async with CometBftRpc(f"unix://{socket}", timeout_s=5) as rpc:
            yield rpc
    finally:
        await runner.cleanup()


async def test_every_answer_is_read(tmp_path: Path) -> None:
    async with answering(tmp_path, recorded) as rpc:
        signed = await rpc.commit(12)
        assert (signed.header.height, signed.commit.round, signed.is_canonical) == (12, 1, True)
        latest = await rpc.commit()
        assert (latest.header.height, latest.is_canonical) == (65, False)
        block = await rpc.block(3)
        assert (block.header.height, len(block.items), block.last_commit.height) == (3, 1, 2)
        status = await rpc.status()
        assert (status.height, status.earliest_height, status.validator_power, status.is_catching_up) == (
            65,
            1,
            10,
            False,
        )
        assert [peer.moniker for peer in await rpc.net_info()] == ["two"]
        for result in (await rpc.broadcast_sync(b"item"), await rpc.broadcast_async(b"item")):
            assert (result.code, result.codespace, result.log, result.hash) == (
                9,
                "chain",
                "nonce too low",
                b"\xaa" * 32,
            )


async def test_validators_of_all_pages_are_read_and_more_than_the_limit_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cometbft_rpc, "_PAGE", 50)
    async with answering(tmp_path, recorded) as rpc:
        assert len(await rpc.validators(9)) == 4

    def endless(method: str, params: dict[str, str]) -> Any:
        return recorded(method, params | {"page": "1"}) | {"total": "5000"}

    async with answering(tmp_path, endless) as rpc:
        with pytest.raises(ConsensusAnswerError, match="at most 200 validators"):
            await rpc.validators(9)


def refusal(*_: Any) -> web.Response:
    error = {"code": -32603, "message": "Internal error", "data": "height 99 must be less than or equal to 65"}
    return web.json_response({"jsonrpc": "2.0", "id": 1, "error": error}, status=500)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (refusal, ConsensusUnavailableError, "must be less than or equal"),
        (lambda *_: web.Response(text="<html>"), ConsensusAnswerError, "expected JSON"),
        (lambda *_: web.json_response([1]), ConsensusAnswerError, "expected an object, got list"),
        (lambda *_: web.json_response({"id": 1}), ConsensusAnswerError, "expected an object result"),
        (lambda *_: {"signed_header": {"header": {}, "commit": {}}}, ConsensusAnswerError, "expected a header"),
        (lambda *_: {"signed_header": None}, ConsensusAnswerError, "expected an object signed_header"),
        (lambda *_: web.Response(body=bytes(70_000)), ConsensusAnswerError, "at most 65536 bytes"),
    ],
)
async def test_answer_is_refused_when_it_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, kind: type[Exception], message: str
) -> None:
    monkeypatch.setattr(cometbft_rpc, "CONSENSUS_ANSWER_BYTES_MAX", 65_536)
    async with answering(tmp_path, answer) as rpc:
        with pytest.raises(kind, match=message):
            await rpc.commit(99)


async def test_node_that_is_gone_or_silent_is_unavailable(tmp_path: Path) -> None:
    async with CometBftRpc(f"unix://{tmp_path}/none.sock") as rpc:
        with pytest.raises(ConsensusUnavailableError, match="expected an answer at unix"):
            await rpc.status()
    silent = await asyncio.start_unix_server(lambda _, writer: asyncio.sleep(30), str(tmp_path / "silent.sock"))
    async with silent, CometBftRpc(f"unix://{tmp_path}/silent.sock", timeout_s=0.1) as rpc:
        with pytest.raises(ConsensusUnavailableError, match="TimeoutError"):
            await rpc.status()
