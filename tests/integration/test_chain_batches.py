"""Calls of one moment against a node whose answers to a batch are not what they should be."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contracts.client.chain_client import ChainClient
from contracts.client.errors import ChainUnavailableError
from tests.unit.client.fake_chain import CHAIN_ID, deployment


def answered(call: dict[str, Any]) -> dict[str, Any]:
    """Answer a call of a contract with its currency's number: 1 for EUR, 2 for KES."""
    if call["method"] == "eth_chainId":
        return {"jsonrpc": "2.0", "id": call["id"], "result": hex(CHAIN_ID)}
    number = 1 if call["params"][0]["to"] == deployment().address("EUR") else 2
    return {"jsonrpc": "2.0", "id": call["id"], "result": f"0x{number:064x}"}


def nameless(batch: list[dict[str, Any]]) -> Any:
    return [answered(call) | {"id": None} for call in batch]


def too_few(batch: list[dict[str, Any]]) -> Any:
    return [answered(call) for call in batch[1:]]


def one_error(_: list[dict[str, Any]]) -> Any:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches here"}}


def turned_round(batch: list[dict[str, Any]]) -> Any:
    return [answered(call) for call in reversed(batch)]


async def ask_twice(answer_batch: Callable[[list[dict[str, Any]]], Any]) -> list[Any]:
    async def post(request: web.Request) -> web.Response:
        asked = await request.json()
        return web.json_response(answer_batch(asked) if isinstance(asked, list) else answered(asked))

    application = web.Application()
    application.router.add_post("/", post)
    async with TestServer(application) as server:
        client = ChainClient(str(server.make_url("/")), deployment())
        await client.connect()
        calls = (client.call("EUR", "decimals"), client.call("KES", "decimals"))
        answers = list(await asyncio.gather(*calls, return_exceptions=True))
        await client.close()
    return answers


@pytest.mark.parametrize("answer_batch", [nameless, too_few, one_error])
async def test_chain_is_unavailable_to_all_when_a_batch_is_not_answered_call_by_call(answer_batch: Any) -> None:
    assert [type(one) for one in await ask_twice(answer_batch)] == [ChainUnavailableError] * 2


async def test_answers_find_their_calls_when_they_come_in_another_order() -> None:
    assert await ask_twice(turned_round) == [1, 2]
