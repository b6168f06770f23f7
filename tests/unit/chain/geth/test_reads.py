from collections.abc import Sequence
from typing import Any

import pytest

from node.chain.errors import ChainError, GethAnswerError, GethUnavailableError, InvalidParamsError, LimitExceededError
from node.chain.geth.reads import GethReads, trace_config
from node.chain.jsonrpc.methods import RawJson
from node.chain.jsonrpc.server import JsonRpcServer
from node.chain.limits import GETH_INDEXING_TRIES_MAX, TRACE_BYTES_MAX
from node.chain.mempool import Mempool
from node.chain.store import TransactionPlace
from node.chain.transactions import decode_transaction
from tests.unit.chain.support import Actor

KNOWN = b"\7" * 32
INDEXING = GethAnswerError(-32000, "transaction indexing is in progress", None)


class _Geth:
    """Answers from a list, an error by raising it; remembers what was asked."""

    def __init__(self, *answers: bytes | ChainError) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, list[Any]]] = []

    async def forward(self, method: str, params: Sequence[Any], *, timeout_s: float) -> RawJson:
        self.asked.append((method, list(params)))
        answer = self._answers.pop(0) if self._answers else b'"0x5"'
        if isinstance(answer, ChainError):
            raise answer
        return RawJson(answer)


class _Store:
    """Knows one transaction."""

    def place_of(self, tx_hash: bytes) -> TransactionPlace | None:
        return TransactionPlace(1, 0) if tx_hash == KNOWN else None


class _Node:
    def __init__(self, *answers: bytes | ChainError) -> None:
        self.geth, self.pool = _Geth(*answers), Mempool()
        self.server = JsonRpcServer({})
        self.server.open(GethReads(self.geth, _Store(), self.pool).table())

    async def rpc(self, method: str, *params: Any) -> Any:
        answer: Any = await self.server.answer({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        return answer["error"] if "error" in answer else answer["result"]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.chain.geth.reads.GETH_INDEXING_POLL_S", 0)


@pytest.mark.parametrize(
    ("method", "given", "sent"),
    [
        ("eth_getBalance", ["0x1"], ["0x1", "latest"]),
        ("eth_getBalance", ["0x1", "pending"], ["0x1", "latest"]),
        ("eth_getBalance", ["0x1", None], ["0x1", "latest"]),
        ("eth_getBalance", ["0x1", "0x2"], ["0x1", "0x2"]),
        ("eth_getBalance", ["0x1", {"blockHash": "0x3"}], ["0x1", {"blockHash": "0x3"}]),
        ("eth_call", [{}, "pending", {}], [{}, "latest", {}]),
        ("eth_call", [{}], [{}, "latest"]),
        ("eth_getStorageAt", ["0x1", "0x2"], ["0x1", "0x2", "latest"]),
        ("eth_getBlockReceipts", ["pending"], ["latest"]),
        ("eth_getBlockByHash", ["0x1", True], ["0x1", True]),
        ("eth_blockNumber", [], []),
    ],
)
async def test_read_goes_to_geth_with_a_final_block(method: str, given: list[Any], sent: list[Any]) -> None:
    node = _Node()
    assert (await node.rpc(method, *given)) == RawJson(b'"0x5"')
    assert node.geth.asked == [(method, sent)]


@pytest.mark.parametrize(
    "method",
    [
        *("debug_setHead", "engine_newPayloadV4", "testing_buildBlockV1", "admin_addPeer", "miner_setGasPrice"),
        *("eth_sendTransaction", "debug_chaindbCompact", "personal_sign", "txpool_content"),
    ],
)
async def test_method_does_not_exist_when_it_is_no_read(method: str) -> None:
    node = _Node()
    assert (await node.rpc(method))["code"] == -32601
    assert node.geth.asked == []


async def test_geths_refusal_reaches_the_client_as_it_is() -> None:
    node = _Node(GethAnswerError(3, "execution reverted: no", "0x08c379a0"))
    assert await node.rpc("eth_call", {}) == {"code": 3, "message": "execution reverted: no", "data": "0x08c379a0"}
    node = _Node(LimitExceededError("response too large"))
    assert (await node.rpc("eth_getBlockReceipts", "0x1"))["code"] == -32005


async def test_waiting_transaction_is_answered_by_the_pool() -> None:
    node, tx = _Node(), decode_transaction(Actor(1).sign())
    node.pool.add(tx, 0)
    shown = await node.rpc("eth_getTransactionByHash", "0x" + tx.hash.hex())
    assert (shown["hash"], shown["blockHash"]) == ("0x" + tx.hash.hex(), None)
    assert await node.rpc("eth_getRawTransactionByHash", "0x" + tx.hash.hex()) == "0x" + tx.raw.hex()
    assert node.geth.asked == []


async def test_pending_nonce_counts_what_waits_after_geths() -> None:
    node, payer = _Node(b'"0x5"', b'"0x5"'), Actor(1, nonce=5)
    for _ in range(2):
        node.pool.add(decode_transaction(payer.sign()), 5)
    address = "0x" + payer.address.hex()
    assert await node.rpc("eth_getTransactionCount", address, "pending") == "0x7"
    assert await node.rpc("eth_getTransactionCount", address) == RawJson(b'"0x5"')


async def test_transaction_in_no_block_is_answered_without_geth() -> None:
    node = _Node()
    for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getRawTransactionByHash"):
        assert await node.rpc(method, "0x" + "11" * 32) is None
    assert (await node.rpc("eth_getTransactionReceipt", "0x11"))["code"] == -32602
    assert node.geth.asked == []


async def test_receipt_is_asked_for_again_while_geth_indexes() -> None:
    node = _Node(INDEXING, INDEXING, b'{"status":"0x1"}')
    assert await node.rpc("eth_getTransactionReceipt", "0x" + KNOWN.hex()) == {"status": "0x1"}
    assert len(node.geth.asked) == 3
    node = _Node(*[INDEXING] * (GETH_INDEXING_TRIES_MAX + 1))
    assert "ask again" in (await node.rpc("eth_getTransactionReceipt", "0x" + KNOWN.hex()))["message"]
    node = _Node(GethUnavailableError("gone"))
    assert (await node.rpc("eth_getTransactionReceipt", "0x" + KNOWN.hex()))["message"] == "gone"


def test_trace_configuration_gets_our_limits() -> None:
    config = trace_config({"timeout": "9h", "limit": 0, "enableMemory": True}, is_block=False)
    assert config == {"timeout": "5s", "limit": TRACE_BYTES_MAX, "enableMemory": True}
    nested = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}, "timeout": "1ns"}
    assert trace_config(nested, is_block=True) == nested | {"timeout": "5s"}


@pytest.mark.parametrize(
    ("config", "is_block"),
    [
        ({"tracer": "{step: function() {}, fault: function() {}, result: function() {}}"}, False),
        ({"tracer": "bigramTracer"}, False),
        ({"tracer": ["callTracer"]}, False),
        ({"reexec": 10**9}, False),
        ({"tracerConfig": "x"}, False),
        ({"enableMemory": "yes"}, False),
        ([], False),
        ({}, True),
        ({"tracer": None}, True),
    ],
)
def test_trace_configuration_is_refused_when_it_could_cost_too_much(config: Any, is_block: bool) -> None:
    with pytest.raises(InvalidParamsError, match="config"):
        trace_config(config, is_block=is_block)
