"""Decoded blocks for readers: found by number, tag or hash, the latest few kept in memory."""

from collections import OrderedDict
from functools import cached_property
from typing import Any, Final

from node.chain.application import Application
from node.chain.blocks import BlockHeader, Receipt
from node.chain.errors import InvalidParamsError, UnknownBlockError
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import receipts_to_json
from node.chain.store import ChainStore
from node.chain.transactions import Transaction, decode_transaction

_KEPT: Final = 16
"""Blocks; a client asks for every receipt of a block one by one, and decoding all each time would be quadratic."""


class BlockView:
    """One stored block, decoded when first asked for."""

    def __init__(self, store: ChainStore, header: BlockHeader) -> None:
        self._store = store
        self.header = header

    @cached_property
    def transactions(self) -> list[Transaction]:
        """Return the block's transactions."""
        return [decode_transaction(tx.raw, tx.sender) for tx in self._store.transactions(self.header.number)]

    @cached_property
    def receipts(self) -> list[Receipt]:
        """Return the block's receipts."""
        return self._store.receipts(self.header.number)

    @cached_property
    def receipts_json(self) -> list[dict[str, Any]]:
        """Return the receipts as JSON-RPC shows them."""
        return receipts_to_json(self.header, self.transactions, self.receipts)


class BlockViews:
    """Finds blocks for the readers of one application."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._kept: OrderedDict[int, BlockView] = OrderedDict()

    def by_number(self, number: int) -> BlockView | None:
        """Return the block, or None beyond the head."""
        view = self._kept.get(number)
        if view is not None:
            self._kept.move_to_end(number)
            return view
        header = self._application.store.header(number)
        if header is None:
            return None
        view = self._kept[number] = BlockView(self._application.store, header)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return view

    def by_hash(self, block_hash: bytes) -> BlockView | None:
        """Return the block with this hash, or None."""
        number = self._application.store.number_of(block_hash)
        return None if number is None else self.by_number(number)

    def head(self) -> BlockView:
        """Return the latest block."""
        view = self.by_number(self._application.head.number)
        if view is None:
            raise UnknownBlockError("header not found")
        return view

    def number_of(self, value: object) -> int:
        """Read a block number or tag; every stored block is final, so latest, safe and finalized are one."""
        if value in params.TAGS:
            return 0 if value == "earliest" else self._application.head.number
        return params.quantity(value, "block", 64)

    def find(self, value: object) -> BlockView | None:
        """Read a block number, tag, hash or EIP-1898 object; None when there is no such block."""
        if isinstance(value, dict):
            return self._find_object(value)
        if isinstance(value, str) and len(value) == 66:
            return self.by_hash(params.data(value, "block", 32))
        return self.by_number(self.number_of(value))

    def require(self, value: object) -> BlockView:
        """Return the block whose state is asked for.

        Raises:
            UnknownBlockError: there is no such block.
        """
        view = self.find(value)
        if view is None:
            raise UnknownBlockError("header not found")
        return view

    def _find_object(self, value: dict[str, Any]) -> BlockView | None:
        if ("blockHash" in value) == ("blockNumber" in value):
            raise InvalidParamsError("block: expected either blockHash or blockNumber")
        if "blockHash" in value:
            return self.by_hash(params.data(value["blockHash"], "blockHash", 32))
        return self.by_number(self.number_of(value["blockNumber"]))
