"""JSON-RPC answers: the shapes of execution-apis, null for the unknown, clear errors for the malformed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from node.chain.jsonrpc import logs as logs_module
from node.chain.jsonrpc import server as server_module
from node.chain.jsonrpc.methods import RawJson
from node.chain.jsonrpc.server import encode_answer
from node.chain.store import ConsensusPoint
from tests.unit.chain.support import (
    CHAIN_ID,
    ETHER,
    GENESIS_TIME_S,
    LOOP,
    REVERT,
    STORE,
    STORE_CODE,
    Actor,
    LocalChain,
    open_local_chain,
)

ZERO_HASH = "0x" + "00" * 32
STORE_HEX = "0x" + STORE.hex()


def _fields(*lines: str) -> set[str]:
    return {name for line in lines for name in line.split()}


# The fields of recorded geth answers in ethereum/execution-apis.
BLOCK_FIELDS = _fields(
    "baseFeePerGas blobGasUsed difficulty excessBlobGas extraData gasLimit gasUsed hash logsBloom miner mixHash nonce",
    "number parentBeaconBlockRoot parentHash receiptsRoot requestsHash sha3Uncles size stateRoot timestamp",
    "transactions transactionsRoot uncles withdrawals withdrawalsRoot",
)
TRANSACTION_FIELDS = _fields(
    "blockHash blockNumber blockTimestamp from gas gasPrice hash input nonce to transactionIndex value type",
    "v r s chainId",
)
RECEIPT_FIELDS = _fields(
    "blockHash blockNumber contractAddress cumulativeGasUsed effectiveGasPrice from gasUsed logs logsBloom status to",
    "transactionHash transactionIndex type",
)
LOG_FIELDS = _fields(
    "address topics data blockNumber transactionHash transactionIndex blockHash blockTimestamp logIndex removed"
)


def _word(value: int) -> str:
    return f"0x{value:064x}"


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[LocalChain]:
    opened = await open_local_chain(tmp_path, [Actor(1), Actor(2)])
    yield opened
    await opened.close()


async def _two_blocks(chain: LocalChain) -> tuple[str, str]:
    """Make block 1 (two logs) and block 2 (one log, one failure); return a hash of each."""
    payer, other = Actor(1), Actor(2)
    first, _ = await chain.send(payer.sign(to=STORE, data=_words(1, 5)), other.sign(to=STORE, data=_words(2, 6)))
    second, _ = await chain.send(payer.sign(to=STORE, data=_words(1, 7), tip=1, fee=3), other.sign(to=REVERT))
    return "0x" + first.hex(), "0x" + second.hex()


async def test_constants_are_answered(chain: LocalChain) -> None:
    assert await chain.rpc("eth_chainId") == hex(CHAIN_ID)
    assert await chain.rpc("net_version") == str(CHAIN_ID)
    assert await chain.rpc("web3_clientVersion") == "landfall/test"
    assert await chain.rpc("eth_syncing") is False
    assert await chain.rpc("eth_accounts") == []
    assert await chain.rpc("eth_gasPrice") == "0x0"
    assert await chain.rpc("eth_maxPriorityFeePerGas") == "0x0"
    assert await chain.rpc("eth_blockNumber") == "0x0"
    empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert await chain.rpc("web3_sha3", "0x") == empty


async def test_block_has_exactly_the_fields_of_a_prague_block(chain: LocalChain) -> None:
    await _two_blocks(chain)
    block = await chain.rpc("eth_getBlockByNumber", "0x2", False)
    assert set(block) == BLOCK_FIELDS
    assert block["number"] == "0x2"
    assert int(block["timestamp"], 16) > GENESIS_TIME_S
    assert await chain.rpc("eth_getBlockByHash", block["hash"], False) == block
    for tag in ("latest", "safe", "finalized"):
        assert (await chain.rpc("eth_getBlockByNumber", tag, False))["hash"] == block["hash"]
    assert (await chain.rpc("eth_getBlockByNumber", "earliest", False))["number"] == "0x0"
    full = await chain.rpc("eth_getBlockByNumber", "0x2", True)
    assert [tx["hash"] for tx in full["transactions"]] == block["transactions"]
    assert await chain.rpc("eth_getBlockTransactionCountByNumber", "0x2") == "0x2"
    assert await chain.rpc("eth_getUncleCountByBlockHash", block["hash"]) == "0x0"


async def test_unknown_things_are_null(chain: LocalChain) -> None:
    assert await chain.rpc("eth_getBlockByNumber", "0x3e8", True) is None
    assert await chain.rpc("eth_getBlockByNumber", "pending", True) is None
    assert await chain.rpc("eth_getBlockByHash", ZERO_HASH, False) is None
    assert await chain.rpc("eth_getBlockReceipts", ZERO_HASH) is None
    assert await chain.rpc("eth_getBlockReceipts", "0x9") is None
    assert await chain.rpc("eth_getTransactionByHash", ZERO_HASH) is None
    assert await chain.rpc("eth_getTransactionReceipt", ZERO_HASH) is None
    assert await chain.rpc("eth_getTransactionByBlockNumberAndIndex", "0x0", "0x0") is None
    assert await chain.rpc("landfall_getFinalityProof", "0x9") is None
    assert await chain.rpc("landfall_getFinalityProof", "earliest") is None
    assert await chain.rpc("eth_getBlockReceipts", "earliest") == []


async def test_transaction_has_the_fields_of_its_type(chain: LocalChain) -> None:
    payer = Actor(1)
    legacy_hash, typed_hash = await chain.send(payer.sign_legacy(price=2), payer.sign(tip=1, fee=5))
    legacy = await chain.rpc("eth_getTransactionByHash", "0x" + legacy_hash.hex())
    typed = await chain.rpc("eth_getTransactionByHash", "0x" + typed_hash.hex())
    assert set(legacy) == TRANSACTION_FIELDS
    assert set(typed) == {*TRANSACTION_FIELDS, "maxFeePerGas", "maxPriorityFeePerGas", "accessList", "yParity"}
    assert (legacy["gasPrice"], typed["gasPrice"], typed["maxFeePerGas"]) == ("0x2", "0x1", "0x5")
    assert int(legacy["v"], 16) in (35 + 2 * CHAIN_ID, 36 + 2 * CHAIN_ID)
    by_index = await chain.rpc("eth_getTransactionByBlockNumberAndIndex", "0x1", "0x1")
    assert by_index == typed == await chain.rpc("eth_getTransactionByBlockHashAndIndex", typed["blockHash"], "0x1")
    raw = await chain.rpc("eth_getRawTransactionByHash", typed["hash"])
    assert raw.startswith("0x02")


async def test_waiting_transaction_is_shown_without_a_place(chain: LocalChain) -> None:
    tx_hash = await chain.rpc("eth_sendRawTransaction", "0x" + Actor(1).sign(fee=3).hex())
    shown = await chain.rpc("eth_getTransactionByHash", tx_hash)
    assert shown["blockHash"] is shown["blockNumber"] is shown["transactionIndex"] is None
    assert await chain.rpc("eth_getTransactionReceipt", tx_hash) is None
    address = "0x" + Actor(1).address.hex()
    assert await chain.rpc("eth_getTransactionCount", address, "latest") == "0x0"
    assert await chain.rpc("eth_getTransactionCount", address, "pending") == "0x1"
    assert await chain.rpc("txpool_status") == {"pending": "0x1", "queued": "0x0"}
    await chain.driver.make_block()
    assert await chain.rpc("eth_getTransactionCount", address, "latest") == "0x1"


async def test_transaction_is_logged_with_the_request_that_led_to_it(chain: LocalChain) -> None:
    payer = Actor(1)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
        await chain.rpc("eth_sendRawTransaction", "0x" + payer.sign().hex())
        assert entries == []
        with structlog.contextvars.bound_contextvars(request_id="r-17"):
            tx_hash = await chain.rpc("eth_sendRawTransaction", "0x" + payer.sign().hex())
    [entry] = entries
    assert (entry["event"], entry["tx_hash"], entry["request_id"]) == ("transaction_taken", tx_hash, "r-17")


async def test_transactions_of_a_batch_are_logged_each_with_its_own_request(chain: LocalChain) -> None:
    payer = Actor(1)
    batch = [
        {"jsonrpc": "2.0", "id": number, "method": "eth_sendRawTransaction", "params": ["0x" + payer.sign().hex()]}
        for number in range(3)
    ]
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
        answers = await chain.server.answer(batch, "r-1,,r-3")
    hashes = [answer["result"] for answer in answers]
    assert {entry["request_id"]: entry["tx_hash"] for entry in entries} == {"r-1": hashes[0], "r-3": hashes[2]}


async def test_receipt_counts_logs_and_gas_over_the_block(chain: LocalChain) -> None:
    await _two_blocks(chain)
    first, second = await chain.rpc("eth_getBlockReceipts", "0x1")
    assert set(first) == RECEIPT_FIELDS
    assert [log["logIndex"] for receipt in (first, second) for log in receipt["logs"]] == ["0x0", "0x1"]
    assert int(second["cumulativeGasUsed"], 16) == int(first["gasUsed"], 16) + int(second["gasUsed"], 16)
    finality = {"finality": {"consensusHeight": "0x1"}}
    assert await chain.rpc("eth_getTransactionReceipt", second["transactionHash"]) == second | finality
    paid, reverted = await chain.rpc("eth_getBlockReceipts", "latest")
    assert (paid["status"], reverted["status"], paid["effectiveGasPrice"]) == ("0x1", "0x0", "0x1")
    created = await chain.send(Actor(1, nonce=2).sign(to=b"", data=bytes.fromhex("60015f5360015ff3")))
    receipt = await chain.rpc("eth_getTransactionReceipt", "0x" + created[0].hex())
    assert receipt["to"] is None
    assert await chain.rpc("eth_getCode", receipt["contractAddress"], "latest") == "0x01"


async def test_state_is_read_at_any_block(chain: LocalChain) -> None:
    await _two_blocks(chain)
    payer = "0x" + Actor(1).address.hex()
    block_hash = (await chain.rpc("eth_getBlockByNumber", "0x1", False))["hash"]
    assert await chain.rpc("eth_getBalance", payer, "0x0") == hex(1_000 * ETHER)
    assert int(await chain.rpc("eth_getBalance", payer), 16) < 1_000 * ETHER
    assert await chain.rpc("eth_getBalance", "0x" + "77" * 20, "latest") == "0x0"
    assert await chain.rpc("eth_getCode", STORE_HEX) == "0x" + STORE_CODE.hex()
    assert await chain.rpc("eth_getStorageAt", STORE_HEX, "0x1", "0x0") == _word(0)
    assert await chain.rpc("eth_getStorageAt", STORE_HEX, _word(1), {"blockHash": block_hash}) == _word(5)
    assert await chain.rpc("eth_getStorageAt", STORE_HEX, "0x1") == _word(7)
    call = {"to": STORE_HEX, "data": "0x" + _words(1, 0).hex()}
    assert await chain.rpc("eth_call", call, {"blockNumber": "0x1"}) == _word(5)
    assert await chain.rpc("eth_call", call, "latest") == _word(7)
    assert await chain.rpc("eth_call", call, "latest", {STORE_HEX: {"stateDiff": {"0x1": _word(8)}}}) == _word(8)
    missing = await chain.rpc("eth_getBalance", payer, "0x99")
    assert missing == {"code": -32000, "message": "header not found"}


async def test_proof_leads_to_the_state_root(chain: LocalChain) -> None:
    from eth_hash.auto import keccak

    await _two_blocks(chain)
    root = (await chain.rpc("eth_getBlockByNumber", "latest", False))["stateRoot"]
    proof = await chain.rpc("eth_getProof", STORE_HEX, ["0x1", "0x63"], "latest")
    assert "0x" + keccak(bytes.fromhex(proof["accountProof"][0][2:])).hex() == root
    assert "0x" + keccak(bytes.fromhex(proof["storageProof"][0]["proof"][0][2:])).hex() == proof["storageHash"]
    assert [entry["value"] for entry in proof["storageProof"]] == ["0x7", "0x0"]


async def test_revert_is_code_3_with_data_and_failures_are_not(chain: LocalChain) -> None:
    reverted = await chain.rpc("eth_call", {"to": "0x" + REVERT.hex()}, "latest")
    assert (reverted["code"], reverted["message"]) == (3, "execution reverted: no")
    assert reverted["data"].startswith("0x08c379a0")
    assert await chain.rpc("eth_estimateGas", {"to": "0x" + REVERT.hex()}) == reverted
    looped = await chain.rpc("eth_call", {"to": "0x" + LOOP.hex(), "gas": "0xc350"}, "latest")
    assert looped["code"] == -32000
    assert await chain.rpc("eth_estimateGas", {"from": "0x" + "aa" * 20, "to": "0x" + "01" * 20}) == "0x5208"


async def test_logs_are_found_by_address_topic_and_block(chain: LocalChain) -> None:
    await _two_blocks(chain)
    everything = await chain.rpc("eth_getLogs", {"fromBlock": "earliest", "toBlock": "latest"})
    assert [(log["blockNumber"], log["topics"], log["data"]) for log in everything] == [
        ("0x1", [_word(1)], _word(5)),
        ("0x1", [_word(2)], _word(6)),
        ("0x2", [_word(1)], _word(7)),
    ]
    assert set(everything[0]) == LOG_FIELDS
    query: dict[str, Any] = {"fromBlock": "0x0", "toBlock": "0x2"}
    assert await chain.rpc("eth_getLogs", query | {"topics": [_word(2)]}) == everything[1:2]
    assert await chain.rpc("eth_getLogs", query | {"topics": [[_word(2), _word(1)]]}) == everything
    assert await chain.rpc("eth_getLogs", query | {"topics": [None]}) == everything
    assert await chain.rpc("eth_getLogs", query | {"topics": [None, _word(1)]}) == []
    assert await chain.rpc("eth_getLogs", query | {"address": STORE_HEX}) == everything
    assert await chain.rpc("eth_getLogs", query | {"address": ["0x" + REVERT.hex()]}) == []
    assert await chain.rpc("eth_getLogs", {"blockHash": everything[2]["blockHash"]}) == everything[2:]
    assert await chain.rpc("eth_getLogs", {}) == everything[2:]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"fromBlock": "0x1", "toBlock": "0x9"}, -32602),
        ({"fromBlock": "0x1", "toBlock": "0x0"}, -32602),
        ({"blockHash": ZERO_HASH, "fromBlock": "0x0"}, -32602),
        ({"blockHash": ZERO_HASH}, -32000),
        ({"address": "0x12"}, -32602),
        ({"topics": [_word(1)] * 5}, -32602),
        ({"topics": "x"}, -32602),
        ({"address": [STORE_HEX] * 1_001}, -32602),
        ("x", -32602),
    ],
)
async def test_log_query_is_refused_when(chain: LocalChain, query: Any, code: int) -> None:
    await chain.send(Actor(1).sign())
    assert (await chain.rpc("eth_getLogs", query))["code"] == code


async def test_log_query_is_refused_when_it_asks_for_too_much(
    chain: LocalChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _two_blocks(chain)
    monkeypatch.setattr(logs_module, "LOGS_RESULTS_MAX", 2)
    assert "more than 2 results" in (await chain.rpc("eth_getLogs", {"fromBlock": "0x0"}))["message"]
    monkeypatch.setattr(logs_module, "LOGS_BLOCKS_MAX", 2)
    assert "at most 2 blocks" in (await chain.rpc("eth_getLogs", {"fromBlock": "0x0"}))["message"]


async def test_filters_return_what_is_new(chain: LocalChain) -> None:
    blocks = await chain.rpc("eth_newBlockFilter")
    found = await chain.rpc("eth_newFilter", {"topics": [_word(1)]})
    waiting = await chain.rpc("eth_newPendingTransactionFilter")
    tx_hash = await chain.rpc("eth_sendRawTransaction", "0x" + Actor(1).sign(to=STORE, data=_words(1, 5)).hex())
    assert await chain.rpc("eth_getFilterChanges", waiting) == [tx_hash]
    assert await chain.rpc("eth_getFilterChanges", blocks) == []
    await chain.driver.make_block()
    assert await chain.rpc("eth_getFilterChanges", blocks) == ["0x" + chain.application.head.hash.hex()]
    assert [log["data"] for log in await chain.rpc("eth_getFilterChanges", found)] == [_word(5)]
    assert await chain.rpc("eth_getFilterChanges", found) == []
    assert len(await chain.rpc("eth_getFilterLogs", found)) == 1
    assert await chain.rpc("eth_uninstallFilter", found) is True
    assert (await chain.rpc("eth_getFilterChanges", found))["message"] == "filter not found"
    assert await chain.rpc("eth_uninstallFilter", found) is False


async def test_fee_history_has_one_more_base_fee_than_blocks(chain: LocalChain) -> None:
    await _two_blocks(chain)
    history = await chain.rpc("eth_feeHistory", "0x5", "latest", [0, 100])
    assert history["oldestBlock"] == "0x0"
    assert history["baseFeePerGas"] == ["0x0"] * 4
    assert len(history["gasUsedRatio"]) == len(history["blobGasUsedRatio"]) == 3
    assert history["reward"][2] == ["0x0", "0x1"]
    assert (await chain.rpc("eth_feeHistory", "0x5", "latest", [9, 1]))["code"] == -32602


async def test_misbehaviour_is_told_from_a_height_on(chain: LocalChain) -> None:
    assert await chain.rpc("landfall_getMisbehaviour") == []
    reports = [{"kind": "duplicate_vote", "height": height, "reported_at": height + 1} for height in (4, 8)]
    for report in reports:
        chain.application.store.commit_empty(ConsensusPoint(int(report["reported_at"]), misbehaviour=(report,)))
    told = await chain.rpc("landfall_getMisbehaviour")
    assert told == reports
    assert await chain.rpc("landfall_getMisbehaviour", "0x6") == told[1:]
    assert await chain.rpc("landfall_getMisbehaviour", 10) == []
    assert (await chain.rpc("landfall_getMisbehaviour", 0))["message"].startswith("from_height: expected 1")


async def test_clock_advances_by_a_block_at_the_asked_time(chain: LocalChain) -> None:
    target = GENESIS_TIME_S + 60 * 86_400
    made = await chain.rpc("landfall_advanceTo", target)
    assert made["timestamp"] == hex(target)
    assert (await chain.rpc("landfall_clock"))["time_s"] == target
    assert (await chain.rpc("landfall_clock"))["drift_s"] == 0
    chain.wall_s[0] += 5
    await chain.send(Actor(1).sign())
    assert chain.application.head.timestamp == target + 5
    assert (await chain.rpc("landfall_advanceTo", target))["message"].startswith("timestamp: expected later")


async def test_evm_time_control_moves_the_next_block(chain: LocalChain) -> None:
    assert await chain.rpc("evm_mine") == "0x0"
    before = chain.application.head.timestamp
    offset = await chain.rpc("evm_increaseTime", 3_600)
    assert await chain.rpc("evm_increaseTime", "0x0") == offset
    await chain.rpc("evm_mine")
    assert chain.application.head.timestamp == before + 3_600
    assert await chain.rpc("evm_setNextBlockTimestamp", before + 9_999) is None
    await chain.send(Actor(1).sign())
    assert chain.application.head.timestamp == before + 9_999
    assert (await chain.rpc("evm_setNextBlockTimestamp", 1))["code"] == -32000


async def test_time_control_is_refused_on_a_network(tmp_path: Path) -> None:
    chain = await open_local_chain(tmp_path, [Actor(1)], has_time_control=False)
    try:
        for method, params in (
            ("evm_mine", []),
            ("evm_increaseTime", [1]),
            ("evm_setNextBlockTimestamp", [GENESIS_TIME_S + 99]),
            ("landfall_advanceTo", [GENESIS_TIME_S + 99]),
        ):
            assert "expected a devnet" in (await chain.rpc(method, *params))["message"]
        assert chain.application.head.number == 0
    finally:
        await chain.close()


async def test_genesis_hash_commits_to_the_network_section(chain: LocalChain) -> None:
    from node.chain.genesis_block import genesis_hash

    answer = await chain.rpc("landfall_getGenesis")
    block_hash = bytes.fromhex(answer["ethereum_genesis_hash"][2:])
    assert answer["genesis_hash"] == "0x" + genesis_hash(block_hash, answer["landfall"]).hex()
    assert (await chain.rpc("eth_getBlockByNumber", "0x0", False))["hash"] == answer["ethereum_genesis_hash"]
    changed = answer["landfall"] | {"network": "other"}
    assert answer["genesis_hash"] != "0x" + genesis_hash(block_hash, changed).hex()


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_nothing", [], -32601),
        ("eth_getBalance", [], -32602),
        ("eth_chainId", [1], -32602),
        ("eth_getBalance", ["0x12"], -32602),
        ("eth_getBalance", ["0x" + "11" * 20, "newest"], -32602),
        ("eth_getBalance", ["0x" + "11" * 20, "0x01"], -32602),
        ("eth_getBalance", ["0x" + "11" * 20, {}], -32602),
        ("eth_getBlockByNumber", ["latest", "yes"], -32602),
        ("eth_getBlockByNumber", [1, True], -32602),
        ("eth_getStorageAt", [STORE_HEX, "0x" + "00" * 33], -32602),
        ("eth_getTransactionByHash", ["0x" + "00" * 31], -32602),
        ("eth_call", ["x"], -32602),
        ("eth_call", [{"to": STORE_HEX, "colour": "red"}], -32602),
        ("eth_call", [{"to": STORE_HEX, "data": "0x01", "input": "0x02"}], -32602),
        ("eth_call", [{"to": STORE_HEX, "gasPrice": "0x1", "maxFeePerGas": "0x1"}], -32602),
        ("eth_call", [{"to": STORE_HEX, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"}], -32602),
        ("eth_call", [{"to": STORE_HEX}, "latest", {STORE_HEX: {"state": {}, "stateDiff": {}}}], -32602),
        (
            "eth_call",
            [{"to": STORE_HEX}, "latest", {STORE_HEX: {"stateDiff": dict.fromkeys(map(_word, range(1001)), _word(1))}}],
            -32602,
        ),
        ("eth_getProof", [STORE_HEX, ["0x0"] * 1_025], -32602),
        ("eth_sendRawTransaction", ["0x"], -32000),
        ("eth_sendRawTransaction", ["0x" + "00" * 131_074], -32602),
        ("eth_sendRawTransaction", ["0x02c0"], -32000),
        ("eth_sendRawTransaction", ["zz"], -32602),
        ("landfall_advanceTo", [-1], -32602),
        ("landfall_advanceTo", [1 << 50], -32602),
        ("eth_getBlockByNumber", [[[[]]], True], -32602),
    ],
)
async def test_parameters_are_refused_when_malformed(
    chain: LocalChain, method: str, params: list[Any], code: int
) -> None:
    assert (await chain.rpc(method, *params))["code"] == code


@pytest.mark.parametrize(
    "document",
    [
        1,
        "x",
        [],
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": {}, "method": "eth_chainId"},
        [{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}] * 1_001,
    ],
)
async def test_request_is_invalid_when(chain: LocalChain, document: object) -> None:
    answer: Any = await chain.server.answer(document)
    assert answer["error"]["code"] == -32600


async def test_batch_is_answered_in_order_without_notifications(chain: LocalChain) -> None:
    payer = Actor(1)
    batch: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": index, "method": "eth_sendRawTransaction", "params": ["0x" + payer.sign().hex()]}
        for index in range(20)
    ]
    batch.append({"jsonrpc": "2.0", "method": "eth_chainId"})
    batch.append({"jsonrpc": "2.0", "id": "last", "method": "eth_chainId"})
    answers: Any = await chain.server.answer(batch)
    assert [answer["id"] for answer in answers] == [*range(20), "last"]
    assert all("result" in answer for answer in answers)
    await chain.driver.make_block()
    assert len(chain.store.transactions(1)) == 20
    assert await chain.server.answer({"jsonrpc": "2.0", "method": "eth_chainId"}) is None


async def test_batch_answers_are_bounded(chain: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "RPC_RESULT_BYTES_MAX", 2_000)
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x0", False]}
    answers: Any = await chain.server.answer([request] * 4)
    assert "result" in answers[0]
    assert "too large" in answers[3]["error"]["message"]


async def test_finality_proof_of_the_wire_form_verifies(chain: LocalChain) -> None:
    from bridge.proofs.finality import proof_from_json, verify_finality

    await chain.send(Actor(1).sign())
    wire = json.loads(json.dumps(await chain.rpc("landfall_getFinalityProof", "latest")))
    payload = verify_finality(proof_from_json(wire), "landfall-test", chain.genesis.validators)
    assert payload == chain.application.head.payload


def test_result_that_is_json_already_is_sent_as_it_is() -> None:
    answer = {"jsonrpc": "2.0", "id": 'a"b', "result": RawJson(b'{"z": 1,"a":"\\u00e9"}')}
    assert encode_answer(answer) == b'{"jsonrpc":"2.0","id":"a\\"b","result":{"z": 1,"a":"\\u00e9"}}'
    assert encode_answer({"jsonrpc": "2.0", "id": 1, "result": None}) == b'{"jsonrpc":"2.0","id":1,"result":null}'


async def test_send_dual_signed_refuses_when_the_account_has_no_key_or_the_signature_no_length(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        raw = "0x" + payer.sign().hex()
        unwanted = await chain.rpc("landfall_sendDualSigned", raw, "0x" + "00" * 3_309)
        assert "has no transaction key" in unwanted["message"]
        short = await chain.rpc("landfall_sendDualSigned", raw, "0x" + "00" * 3_308)
        assert short["code"] == -32602
        assert await chain.rpc("eth_sendRawTransaction", raw) != short
    finally:
        await chain.close()
