"""Reading what a trade's transactions carried, from a fake chain."""

import asyncio
from typing import Any

from contracts.client.artifacts import encode_call, load_artifact
from contracts.client.deployment import Deployment
from node.trades.evidence.carried import CarriedReader, Place
from tests.unit.trades.ledger import genesis

TRADE = bytes([7] * 32)
QUOTE = {
    "provider": "0x" + "11" * 20,
    "kind": 0,
    "lock_until": 0,
    "sell_token": "0x" + "12" * 20,
    "buy_token": "0x" + "13" * 20,
    "rate_num": 150,
    "rate_den": 1,
    "fee_bps": 5,
    "premium": 0,
    "cancel_fee": 0,
    "min_amount": 1,
    "max_amount": 9,
    "taker": "0x" + "14" * 20,
    "trade_id": TRADE,
    "reserve_id": bytes(32),
    "expires_at": 99,
    "salt": bytes(32),
}


class FakeChain:
    """Transactions of block 5, and logs by first topic."""

    def __init__(self, calls: list[tuple[str, bytes]], logs: list[dict[str, Any]]) -> None:
        self._calls = calls
        self._logs = logs
        self.queries: list[dict[str, Any]] = []

    async def raw(self, method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            assert params == ["0x5", True]
            return {"transactions": [{"to": to, "input": "0x" + data.hex()} for to, data in self._calls]}
        self.queries.append(params[0])
        return [log for log in self._logs if log["topics"][0] in params[0]["topics"][0]]

    async def genesis(self) -> dict[str, Any]:
        raise AssertionError

    async def receipts(self, block: int) -> list[dict[str, Any]]:
        raise AssertionError(block)

    async def finality_proof(self, block: int) -> dict[str, Any]:
        raise AssertionError(block)

    async def validator_changes(self, first: int, last: int) -> list[dict[str, Any]]:
        raise AssertionError((first, last))


def deployment() -> Deployment:
    return genesis()[1]


def consent(action: int, signature: bytes = b"sig") -> tuple[int, int, bytes]:
    return 50, action, signature


def test_calls_tell_choice_quote_and_signatures_when_the_escrow_was_called() -> None:
    settle = encode_call("TradeEscrow", "settle_float", (TRADE, 0, [], QUOTE, b"q", [(7, consent(1))]))
    cancel = encode_call("TradeEscrow", "cancel", (TRADE, consent(2), [consent(3), consent(4)], [consent(5)]))
    escrow = deployment().address("TradeEscrow")
    chain = FakeChain([(escrow, settle), (escrow, cancel), ("0x" + "99" * 20, settle)], [])
    found = asyncio.run(CarriedReader(chain, deployment()).calls([Place(5, index) for index in range(3)]))
    assert [(one.type, one.own, one.place) for one in found.decisions] == [
        ("ChooseQuote", {"valid_until": 50, "action": 1, "least": 7}, (5, 0)),
        *(("Cancel", {"valid_until": 50, "action": action}, (5, 1)) for action in (2, 3, 4, 5)),
    ]
    assert [(one.message, one.signature) for one in found.quotes] == [(QUOTE, b"q")]
    assert found.amended == []


def test_rounds_are_the_last_before_each_step_when_many_were_recorded() -> None:
    topic = load_artifact("FxOracle").topic("RoundRecorded")
    logs = [_round(topic, block, usable=block < 4) for block in (1, 2, 3, 4, 5, 9)]
    chain = FakeChain([], logs)
    reader = CarriedReader(chain, deployment())
    # The last two, and the last usable one.
    assert asyncio.run(reader.rounds("EUR/KES", [Place(6, 0)], 0)) == {3, 4, 5}
    assert asyncio.run(reader.rounds("EUR/KES", [Place(2, 0)], 0)) == {1, 2}
    assert chain.queries[0]["topics"][1] == "0x" + b"EUR/KES".hex().ljust(64, "0")


def test_logs_are_asked_in_parts_when_a_trade_lived_long() -> None:
    chain = FakeChain([], [])
    reader = CarriedReader(chain, deployment())
    asyncio.run(reader.freezes(["0x" + "12" * 20], ["0x" + "14" * 20], 5, 250_000))
    assert [(int(one["fromBlock"], 16), int(one["toBlock"], 16)) for one in chain.queries] == [
        (5, 100_004),
        (100_005, 200_004),
        (200_005, 250_000),
    ]
    assert asyncio.run(reader.records([], 0, 9)) == set()


def _round(topic: bytes, block: int, *, usable: bool) -> dict[str, Any]:
    words = [(1).to_bytes(32, "big"), (4).to_bytes(32, "big"), int(usable).to_bytes(32, "big")]
    return {
        "topics": ["0x" + topic.hex()],
        "data": "0x" + b"".join(words).hex(),
        "blockNumber": hex(block),
        "transactionIndex": "0x0",
    }
