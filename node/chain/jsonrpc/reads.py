"""The eth_ methods that read blocks and state, on a node whose state is in its own store.

Source: ethereum/execution-apis; where it is silent, what geth 1.17 answers.
"""

from collections.abc import Mapping
from typing import Any

from node.chain.application import Application
from node.chain.blocks import next_base_fee
from node.chain.errors import InvalidParamsError
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import block_to_json, hex_data, transaction_to_json
from node.chain.jsonrpc.methods import Method
from node.chain.jsonrpc.views import BlockView, BlockViews
from node.chain.limits import FEE_HISTORY_BLOCKS_MAX
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.state import StateReader

Params = list[Any]


class StoredReads:
    """Answers from one application's store; calls run in py-evm."""

    def __init__(self, application: Application, views: BlockViews, engine: PyEvmEngine) -> None:
        self._app = application
        self._views = views
        self._engine = engine
        self._state = StateReader(application.store)

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "eth_blockNumber": Method(lambda _: hex(self._app.head.number), 0, 0),
            "eth_feeHistory": Method(self.fee_history, 2, 3),
            "eth_getBlockByNumber": Method(self.get_block_by_number, 2, 2),
            "eth_getBlockByHash": Method(self.get_block_by_hash, 2, 2),
            "eth_getBlockReceipts": Method(self.get_block_receipts, 1, 1),
            "eth_getBlockTransactionCountByNumber": Method(self.get_block_transaction_count, 1, 1),
            "eth_getBlockTransactionCountByHash": Method(self.get_block_transaction_count, 1, 1),
            "eth_getUncleCountByBlockNumber": Method(self.get_uncle_count, 1, 1),
            "eth_getUncleCountByBlockHash": Method(self.get_uncle_count, 1, 1),
            "eth_getTransactionByHash": Method(self.get_transaction_by_hash, 1, 1),
            "eth_getTransactionByBlockHashAndIndex": Method(self.get_transaction_by_index, 2, 2),
            "eth_getTransactionByBlockNumberAndIndex": Method(self.get_transaction_by_index, 2, 2),
            "eth_getTransactionReceipt": Method(self.get_transaction_receipt, 1, 1),
            "eth_getRawTransactionByHash": Method(self.get_raw_transaction, 1, 1),
            "eth_getTransactionCount": Method(self.get_transaction_count, 1, 2),
            "eth_getBalance": Method(self.get_balance, 1, 2),
            "eth_getCode": Method(self.get_code, 1, 2),
            "eth_getStorageAt": Method(self.get_storage_at, 2, 3),
            "eth_getProof": Method(self.get_proof, 2, 3),
            "eth_call": Method(self.call, 1, 3),
            "eth_estimateGas": Method(self.estimate_gas, 1, 3),
        }

    # -- blocks and transactions -------------------------------------------------------------------------------

    def get_block_by_number(self, p: Params) -> dict[str, Any] | None:
        """A pending block does not exist before it is made."""
        is_full = params.boolean(p[1], "full")
        if p[0] == "pending":
            return None
        return _block(self._views.by_number(self._views.number_of(p[0])), is_full=is_full)

    def get_block_by_hash(self, p: Params) -> dict[str, Any] | None:
        is_full = params.boolean(p[1], "full")
        return _block(self._views.by_hash(params.data(p[0], "hash", 32)), is_full=is_full)

    def get_block_receipts(self, p: Params) -> list[dict[str, Any]] | None:
        view = self._views.find(p[0])
        return None if view is None else view.receipts_json

    def get_block_transaction_count(self, p: Params) -> str | None:
        view = self._views.find(p[0])
        return None if view is None else hex(len(view.transactions))

    def get_uncle_count(self, p: Params) -> str | None:
        return None if self._views.find(p[0]) is None else "0x0"

    def get_transaction_by_hash(self, p: Params) -> dict[str, Any] | None:
        tx_hash = params.data(p[0], "hash", 32)
        found = self._place(tx_hash)
        if found is not None:
            view, index = found
            return transaction_to_json(view.transactions[index], view.header, index)
        waiting = self._app.mempool.get(tx_hash)
        return None if waiting is None else transaction_to_json(waiting, None, None)

    def get_transaction_by_index(self, p: Params) -> dict[str, Any] | None:
        view = self._views.find(p[0])
        index = params.quantity(p[1], "index", 64)
        if view is None or index >= len(view.transactions):
            return None
        return transaction_to_json(view.transactions[index], view.header, index)

    def get_raw_transaction(self, p: Params) -> str | None:
        tx_hash = params.data(p[0], "hash", 32)
        found = self._place(tx_hash)
        tx = found[0].transactions[found[1]] if found else self._app.mempool.get(tx_hash)
        return None if tx is None else hex_data(tx.raw)

    def get_transaction_receipt(self, p: Params) -> dict[str, Any] | None:
        found = self._place(params.data(p[0], "hash", 32))
        return None if found is None else found[0].receipts_json[found[1]]

    def _place(self, tx_hash: bytes) -> tuple[BlockView, int] | None:
        place = self._app.store.place_of(tx_hash)
        view = None if place is None else self._views.by_number(place.block_number)
        return None if place is None or view is None else (view, place.index)

    # -- state -------------------------------------------------------------------------------------------------

    def get_transaction_count(self, p: Params) -> str:
        address, block = params.data(p[0], "address", 20), params.at(p, 1, "latest")
        if block == "pending":
            return hex(
                self._app.mempool.pending_nonce(address, self._state.account(self._app.head.state_root, address).nonce)
            )
        return hex(self._state.account(self._root(block), address).nonce)

    def get_balance(self, p: Params) -> str:
        address = params.data(p[0], "address", 20)
        return hex(self._state.account(self._root(params.at(p, 1, "latest")), address).balance)

    def get_code(self, p: Params) -> str:
        address = params.data(p[0], "address", 20)
        return hex_data(self._state.code(self._root(params.at(p, 1, "latest")), address))

    def get_storage_at(self, p: Params) -> str:
        address, slot = params.data(p[0], "address", 20), params.slot(p[1], "slot")
        return f"0x{self._state.storage(self._root(params.at(p, 2, 'latest')), address, slot):064x}"

    def get_proof(self, p: Params) -> dict[str, Any]:
        address = params.data(p[0], "address", 20)
        if not isinstance(p[1], list) or len(p[1]) > 1024:
            raise InvalidParamsError("storageKeys: expected a list of at most 1024 slots")
        root = self._root(params.at(p, 2, "latest"))
        account = self._state.account(root, address)
        return {
            "address": hex_data(address),
            "accountProof": self._state.proof(root, address),
            "balance": hex(account.balance),
            "codeHash": hex_data(account.code_hash),
            "nonce": hex(account.nonce),
            "storageHash": hex_data(account.storage_root),
            "storageProof": [
                {
                    "key": key,
                    "value": hex(self._state.storage(root, address, params.slot(key, "storageKeys"))),
                    "proof": self._state.proof(
                        account.storage_root, params.slot(key, "storageKeys").to_bytes(32, "big")
                    ),
                }
                for key in p[1]
            ],
        }

    async def call(self, p: Params) -> str:
        view = self._views.require(params.at(p, 1, "latest"))
        request, overrides = params.call_request(p[0]), params.overrides(params.at(p, 2))
        return hex_data(await self._engine.call(view.header, request, overrides))

    def estimate_gas(self, p: Params) -> str:
        view = self._views.require(params.at(p, 1, "latest"))
        request, overrides = params.call_request(p[0]), params.overrides(params.at(p, 2))
        return hex(self._engine.estimate_gas(view.header, request, overrides))

    def _root(self, block: object) -> bytes:
        return self._views.require(block).header.state_root

    # -- fees -----------------------------------------------------------------------------------------------------

    def fee_history(self, p: Params) -> dict[str, Any]:
        count = min(_count(p[0]), FEE_HISTORY_BLOCKS_MAX)
        newest = self._views.require(p[1]).header.number
        percentiles = _percentiles(params.at(p, 2, []))
        oldest = max(0, newest - count + 1)
        views = [view for number in range(oldest, newest + 1) if (view := self._views.by_number(number))]
        if not count:
            return {"oldestBlock": "0x0", "gasUsedRatio": []}
        answer: dict[str, Any] = {
            "oldestBlock": hex(oldest),
            "baseFeePerGas": [hex(view.header.base_fee) for view in views] + [hex(next_base_fee(views[-1].header))],
            "gasUsedRatio": [view.header.gas_used / view.header.gas_limit for view in views],
            "baseFeePerBlobGas": ["0x1"] * (len(views) + 1),
            "blobGasUsedRatio": [0] * len(views),
        }
        if percentiles:
            answer["reward"] = [_rewards(view, percentiles) for view in views]
        return answer


def _block(view: BlockView | None, *, is_full: bool) -> dict[str, Any] | None:
    return None if view is None else block_to_json(view.header, view.transactions, is_full=is_full)


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return params.quantity(value, "blockCount", 64)


def _percentiles(value: object) -> list[float]:
    if not isinstance(value, list) or len(value) > 100:
        raise InvalidParamsError("rewardPercentiles: expected a list of at most 100 numbers")
    for before, one in zip([0, *value], value, strict=False):
        if isinstance(one, bool) or not isinstance(one, int | float) or not before <= one <= 100:
            raise InvalidParamsError(f"rewardPercentiles: expected rising numbers from 0 to 100, got {one!r}"[:120])
    return value


def _rewards(view: BlockView, percentiles: list[float]) -> list[str]:
    """Return the tips at these percentiles of the block's gas."""
    before, tips = 0, []
    for tx, receipt in zip(view.transactions, view.receipts, strict=True):
        tip = tx.effective_gas_price(view.header.base_fee) - view.header.base_fee
        tips.append((tip, receipt.cumulative_gas - before))
        before = receipt.cumulative_gas
    tips.sort()
    rewards = []
    for percentile in percentiles:
        threshold, total, tip = view.header.gas_used * percentile / 100, 0, 0
        for tip, gas in tips:  # noqa: B007 - the last one is the answer
            total += gas
            if total >= threshold:
                break
        rewards.append(hex(tip))
    return rewards
