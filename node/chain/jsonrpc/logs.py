"""eth_getLogs and the polling filters: logs by address and topic over a range of blocks."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from node.chain.application import Application
from node.chain.blocks import BlockHeader, may_contain
from node.chain.errors import InvalidParamsError, LimitExceededError, RejectedError
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import hex_data, log_to_json
from node.chain.jsonrpc.methods import Method
from node.chain.jsonrpc.views import BlockView, BlockViews
from node.chain.limits import (
    FILTER_IDLE_S,
    FILTERS_MAX,
    LOGS_ADDRESSES_MAX,
    LOGS_BLOCKS_MAX,
    LOGS_RESULTS_MAX,
    LOGS_TOPICS_MAX,
)
from node.chain.store import ChainStore

Params = list[Any]


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Addresses (none = any) and, per position, topics (none = any)."""

    addresses: frozenset[bytes]
    topics: tuple[frozenset[bytes], ...]

    def may_match(self, bloom: bytes) -> bool:
        """Return False when no log under this Bloom filter matches."""
        groups = (self.addresses, *self.topics)
        return all(not group or any(may_contain(bloom, item) for item in group) for group in groups)

    def matches(self, address: bytes, topics: tuple[bytes, ...]) -> bool:
        """Return whether a log is meant."""
        if self.addresses and address not in self.addresses:
            return False
        if len(self.topics) > len(topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, topics, strict=False))


class LogSource(Protocol):
    """Where logs are looked up: `StoredLogs`, or an engine that keeps them itself."""

    async def collect(self, wanted: LogFilter, first: int, last: int) -> list[dict[str, Any]]:
        """Return the matching logs of these blocks, as JSON-RPC shows them.

        Raises:
            LimitExceededError: there are more than `LOGS_RESULTS_MAX`.
        """
        ...


class StoredLogs:
    """Logs of the store's own receipts, Bloom filters first."""

    def __init__(self, store: ChainStore, views: BlockViews) -> None:
        self._store = store
        self._views = views

    async def collect(self, wanted: LogFilter, first: int, last: int) -> list[dict[str, Any]]:
        """Return the matching logs of these blocks."""
        found: list[dict[str, Any]] = []
        for number, bloom in self._store.blooms(first, last):
            if wanted.may_match(bloom):
                view = self._views.by_number(number)
                found += _logs_of(view, wanted) if view else []
                check_results(found)
            if number % 64 == 0:
                await asyncio.sleep(0)
        return found


@dataclass(slots=True)
class _Subscription:
    """A polling filter: what it wants and the first block it has not seen."""

    kind: str
    next_number: int
    polled_at_s: float
    logs: LogFilter | None = None
    last: int | None = None
    seen: set[bytes] = field(default_factory=set)


class LogMethods:
    """Answers log queries of one application; filters live in memory and are dropped when nobody polls."""

    def __init__(self, application: Application, views: BlockViews, source: LogSource) -> None:
        self._app = application
        self._views = views
        self._source = source
        self._subscriptions: dict[str, _Subscription] = {}

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "eth_getLogs": Method(self.get_logs, 1, 1),
            "eth_newFilter": Method(self.new_filter, 1, 1),
            "eth_newBlockFilter": Method(lambda _: self._subscribe("blocks"), 0, 0),
            "eth_newPendingTransactionFilter": Method(lambda _: self._subscribe("pending"), 0, 1),
            "eth_getFilterChanges": Method(self.get_filter_changes, 1, 1),
            "eth_getFilterLogs": Method(self.get_filter_logs, 1, 1),
            "eth_uninstallFilter": Method(lambda p: self._subscriptions.pop(str(p[0]), None) is not None, 1, 1),
        }

    async def get_logs(self, p: Params) -> list[dict[str, Any]]:
        """Return all matching logs of a range of blocks, or of one block by its hash."""
        query = _query(p[0])
        wanted = _log_filter(query)
        if query.get("blockHash") is not None:
            if query.get("fromBlock") is not None or query.get("toBlock") is not None:
                raise InvalidParamsError(
                    "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
                )
            view = self._views.by_hash(params.data(query["blockHash"], "blockHash", 32))
            if view is None:
                raise RejectedError("unknown block")
            return await self._source.collect(wanted, view.header.number, view.header.number)
        first, last = self._range(query)
        if first > last:
            raise InvalidParamsError("invalid block range params")
        if last > self._app.head.number:
            raise InvalidParamsError("block range extends beyond current head block")
        return await self._collect(wanted, first, last)

    def new_filter(self, p: Params) -> str:
        query = _query(p[0])
        first, last = self._range(query)
        subscription_id = self._subscribe("logs")
        subscription = self._subscriptions[subscription_id]
        subscription.logs = _log_filter(query)
        subscription.last = last if query.get("toBlock") not in (None, *params.TAGS) else None
        if query.get("fromBlock") not in (None, *params.TAGS[:4]):
            subscription.next_number = first
        return subscription_id

    async def get_filter_changes(self, p: Params) -> list[Any]:
        """Return what is new since the last poll."""
        subscription = self._require(p[0])
        head = self._app.head.number
        if subscription.kind == "pending":
            waiting = {tx.hash for tx in self._app.mempool.all()}
            new, subscription.seen = waiting - subscription.seen, waiting
            return [hex_data(tx_hash) for tx_hash in new]
        first, last = subscription.next_number, min(head, subscription.last if subscription.last is not None else head)
        subscription.next_number = max(first, last + 1)
        if subscription.logs is not None:
            return await self._collect(subscription.logs, first, last)
        _check_range(first, last)
        hashes = [self._app.store.hash_of(number) for number in range(first, last + 1)]
        return [hex_data(block_hash) for block_hash in hashes if block_hash is not None]

    async def get_filter_logs(self, p: Params) -> list[dict[str, Any]]:
        subscription = self._require(p[0])
        if subscription.logs is None:
            raise RejectedError("filter not found")
        head = self._app.head.number
        last = min(head, subscription.last if subscription.last is not None else head)
        return await self._collect(subscription.logs, 0, last)

    def _range(self, query: dict[str, Any]) -> tuple[int, int]:
        first = self._views.number_of(params.at([query.get("fromBlock")], 0, "latest"))
        return first, self._views.number_of(params.at([query.get("toBlock")], 0, "latest"))

    async def _collect(self, wanted: LogFilter, first: int, last: int) -> list[dict[str, Any]]:
        _check_range(first, last)
        return await self._source.collect(wanted, first, last)

    def _subscribe(self, kind: str) -> str:
        now = asyncio.get_running_loop().time()
        for name in [name for name, one in self._subscriptions.items() if now - one.polled_at_s > FILTER_IDLE_S]:
            del self._subscriptions[name]
        if len(self._subscriptions) >= FILTERS_MAX:
            raise LimitExceededError(f"filters: expected at most {FILTERS_MAX}; uninstall one")
        name = "0x" + secrets.token_hex(16).lstrip("0")
        self._subscriptions[name] = _Subscription(kind, self._app.head.number + 1, now)
        return name

    def _require(self, name: object) -> _Subscription:
        subscription = self._subscriptions.get(str(name))
        if subscription is None:
            raise RejectedError("filter not found")
        subscription.polled_at_s = asyncio.get_running_loop().time()
        return subscription


def check_results(found: Sequence[object]) -> None:
    """Refuse an answer with too many logs."""
    if len(found) > LOGS_RESULTS_MAX:
        raise LimitExceededError(f"query returned more than {LOGS_RESULTS_MAX} results; ask for fewer blocks")


def _check_range(first: int, last: int) -> None:
    if last - first >= LOGS_BLOCKS_MAX:
        raise LimitExceededError(f"block range: expected at most {LOGS_BLOCKS_MAX} blocks, got {last - first + 1}")


def _query(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParamsError(f"filter: expected an object, got {type(value).__name__}")
    return value


def _log_filter(query: dict[str, Any]) -> LogFilter:
    addresses = _items(query.get("address"), "address", 20, LOGS_ADDRESSES_MAX)
    topics = query.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise InvalidParamsError("topics: expected a list of at most 4")
    groups = tuple(_items(topic, f"topics[{index}]", 32, LOGS_TOPICS_MAX) for index, topic in enumerate(topics))
    return LogFilter(addresses, groups)


def _items(value: object, name: str, length: int, count_max: int) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    entries = value if isinstance(value, list) else [value]
    if len(entries) > count_max:
        raise InvalidParamsError(f"{name}: expected at most {count_max}, got {len(entries)}")
    return frozenset(params.data(entry, name, length) for entry in entries)


def _logs_of(view: BlockView, wanted: LogFilter) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    index = 0
    header: BlockHeader = view.header
    for tx_index, receipt in enumerate(view.receipts):
        for log in receipt.logs:
            if wanted.matches(log.address, log.topics):
                found.append(log_to_json(log, header, view.transactions[tx_index].hash, tx_index, index))
            index += 1
    return found
