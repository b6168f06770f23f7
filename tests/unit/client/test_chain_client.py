"""Decoded blocks and errors, from the JSON a chain answers with."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import encode

from contracts.client.artifacts import load_artifact
from contracts.client.chain_client import ChainClient
from contracts.client.errors import (
    CallRevertedError,
    ChainUnavailableError,
    RpcError,
    TransactionRefusedError,
)
from contracts.client.together import Call
from tests.unit.client.fake_chain import Actor, contract_address, deployment

PAYER, PAYEE = Actor("payer").address, Actor("payee").address
BLOCK, PARENT, TX = "0x" + "b1" * 32, "0x" + "b0" * 32, "0x" + "77" * 32
REVERT = "0x08c379a0" + encode(["string"], ["token: account frozen"]).hex()


class FakeProvider:
    """Answers each method with a result, an error, or what a function says."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def make_request(self, method: str, params: list[Any]) -> dict[str, Any]:
        self.asked.append(method)
        answer = self.answers[method]
        if callable(answer):
            answer = answer(*params)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, dict) and "error" in answer else {"result": answer}

    async def make_calls(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        return [await self.make_request(call.method, call.params) for call in calls]


def client_of(**answers: Any) -> ChainClient:
    client = ChainClient("http://chain", deployment())
    client._web3 = SimpleNamespace(provider=FakeProvider(**answers))  # type: ignore[assignment]
    return client


def error(code: int, message: str = "no", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def header(*transactions: str) -> dict[str, Any]:
    return {"hash": BLOCK, "parentHash": PARENT, "timestamp": "0x64", "transactions": list(transactions)}


def transfer_log(address: str, index: int) -> dict[str, Any]:
    topics = [load_artifact("EUR").topic("Transfer"), encode(["address"], [PAYER]), encode(["address"], [PAYEE])]
    return {
        "address": address.lower(),
        "topics": ["0x" + topic.hex() for topic in topics],
        "data": "0x" + encode(["uint256"], [5]).hex(),
        "transactionHash": TX,
        "transactionIndex": "0x0",
        "logIndex": hex(index),
    }


def receipt(*logs: dict[str, Any], status: str = "0x1", **more: Any) -> dict[str, Any]:
    to = contract_address("EUR").lower()
    made = {"transactionHash": TX, "blockHash": BLOCK, "from": PAYER.lower(), "to": to}
    return made | {"status": status, "logs": list(logs)} | more


async def test_block_has_the_networks_events_when_others_log_too() -> None:
    logs = [transfer_log(contract_address("stranger"), 0), transfer_log(contract_address("KES"), 1)]
    block = await client_of(eth_getBlockByNumber=header(TX), eth_getBlockReceipts=[receipt(*logs)]).block(7)
    (event,) = block.events
    assert (event.contract, event.name, event.address) == ("SettlementToken", "Transfer", contract_address("KES"))
    assert event.args == {"sender": PAYER, "receiver": PAYEE, "value": 5}
    assert (event.block_number, event.block_time_s, event.log_index) == (7, 100, 1)
    assert (block.info.hash, block.parent_hash) == (bytes.fromhex(BLOCK[2:]), bytes.fromhex(PARENT[2:]))
    assert [outcome.succeeded for outcome in block.outcomes] == [True]


async def test_block_is_empty_when_it_has_no_transactions() -> None:
    client = client_of(eth_getBlockByNumber=header(), eth_getBlockReceipts=[])
    block = await client.block(1)
    assert (block.events, block.outcomes) == ((), ())


@pytest.mark.parametrize(("block", "receipts"), [(None, []), (header(TX), [receipt(blockHash="0x" + "ee" * 32)])])
async def test_block_is_asked_for_again_when_it_is_not_there_or_changed_meanwhile(
    block: Any, receipts: list[Any]
) -> None:
    client = client_of(eth_getBlockByNumber=block, eth_getBlockReceipts=receipts)
    with pytest.raises(ChainUnavailableError, match="ask again"):
        await client.block(1)


@pytest.mark.parametrize(
    ("replay", "reason"),
    [
        (error(3, "execution reverted", data=REVERT), "token: account frozen"),
        (error(-32000, "execution reverted: token: late"), "execution reverted: token: late"),
        (lambda _call, block: error(3, data=REVERT) if block == "0x6" else "0x", "token: account frozen"),
        ("0x", "reverted within its block"),
    ],
)
async def test_outcome_has_the_reason_when_the_transaction_reverted(replay: Any, reason: str) -> None:
    sent = {"from": PAYER, "to": contract_address("EUR"), "input": "0xa9059cbb", "value": "0x0"}
    client = client_of(
        eth_getBlockByNumber=header(TX),
        eth_getBlockReceipts=[receipt(status="0x0")],
        eth_getTransactionByHash=sent,
        eth_call=replay,
    )
    (outcome,) = (await client.block(7)).outcomes
    assert not outcome.succeeded
    assert str(outcome.reason).startswith(reason)


async def test_reason_is_not_looked_up_when_the_transaction_is_a_strangers() -> None:
    receipts = [receipt(status="0x0", to=to) for to in (contract_address("stranger"), None)]
    client = client_of(eth_getBlockByNumber=header(TX), eth_getBlockReceipts=receipts)
    assert [outcome.reason for outcome in (await client.block(7)).outcomes] == ["reverted", "reverted"]


async def test_call_returns_the_decoded_result_when_the_contract_answers() -> None:
    client = client_of(eth_call="0x" + f"{12:064x}")
    assert await client.call("EUR", "availableOf", PAYER, block=3) == 12


async def test_call_names_function_and_reason_when_the_contract_refuses() -> None:
    with pytest.raises(CallRevertedError, match=r"SettlementToken\.transfer") as caught:
        await client_of(eth_call=error(3, data=REVERT)).call("EUR", "transfer", PAYEE, 1)
    assert caught.value.reason == "token: account frozen"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(-32602, "bad params"), RpcError),
        (error(-32005, "mempool full"), ChainUnavailableError),
        (error(-32002), ChainUnavailableError),
        (error(-32603), ChainUnavailableError),
        ({"error": "text"}, RpcError),
        (ConnectionRefusedError("down"), ChainUnavailableError),
        (TimeoutError(), ChainUnavailableError),
    ],
)
async def test_error_is_of_its_family_when_a_request_fails(answer: Any, expected: type[Exception]) -> None:
    client = client_of(eth_blockNumber=answer, eth_call=answer)
    with pytest.raises(expected):
        await client.block_number()
    with pytest.raises(expected):
        await client.dry_run(PAYER, contract_address("EUR"), b"\1\2\3\4")


async def test_submit_succeeds_when_the_chain_knows_the_transaction_and_not_when_it_refuses() -> None:
    await client_of(eth_sendRawTransaction=TX).submit(b"\2")
    await client_of(eth_sendRawTransaction=error(-32000, "Already known")).submit(b"\2")
    with pytest.raises(TransactionRefusedError, match="nonce too low"):
        await client_of(eth_sendRawTransaction=error(-32000, "nonce too low")).submit(b"\2")
    with pytest.raises(ChainUnavailableError):
        await client_of(eth_sendRawTransaction=error(-32005, "pool full")).submit(b"\2")


async def test_submit_sends_both_signatures_when_there_is_a_second() -> None:
    # The provider knows no other method than the one named.
    await client_of(landfall_sendDualSigned=TX).submit(b"\2", b"second")
    with pytest.raises(TransactionRefusedError, match="second signature"):
        await client_of(landfall_sendDualSigned=error(-32000, "wrong second signature")).submit(b"\2", b"second")
    await client_of(eth_sendRawTransaction=TX).submit(b"\2", b"")


async def test_transaction_is_known_when_the_chain_returns_it() -> None:
    assert await client_of(eth_getTransactionByHash={"hash": TX}).knows_transaction(bytes(32))
    assert not await client_of(eth_getTransactionByHash=None).knows_transaction(bytes(32))
