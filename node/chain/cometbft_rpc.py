"""CometBFT's own RPC, asked over its Unix socket or HTTP: what consensus decided, and how the node is.

It belongs to the same validator, so its answers are read, not doubted; what leaves this node is proven by signatures.

Source: CometBFT 0.38 rpc/openapi/openapi.yaml.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from bridge.proofs.consensus import VALIDATORS_MAX, Commit, Header, Validator
from node.chain.cometbft_json import read_commit, read_header, read_items, read_validators
from node.chain.errors import ConsensusAnswerError, ConsensusUnavailableError
from node.chain.limits import CONSENSUS_ANSWER_BYTES_MAX, CONSENSUS_TIMEOUT_S

_PAGE: Final = 100
"""CometBFT's own maximum."""
_UNIX: Final = "unix://"


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """A header and the votes that made it final."""

    header: Header
    commit: Commit
    is_canonical: bool
    """Whether the next block already holds the commit; before that it is the votes this node saw."""


@dataclass(frozen=True, slots=True)
class ConsensusBlock:
    """A block as consensus decided it."""

    header: Header
    items: tuple[bytes, ...]
    last_commit: Commit


@dataclass(frozen=True, slots=True)
class ConsensusStatus:
    """How far a node is."""

    node_id: str
    network: str
    validator_address: bytes
    validator_power: int
    """0 where this node's key is not in the set."""
    height: int
    app_hash: bytes
    time: str
    """Of the latest block, RFC 3339."""
    earliest_height: int
    """The first block it has: above 1 after a state sync."""
    is_catching_up: bool


@dataclass(frozen=True, slots=True)
class Peer:
    """A node this one is connected to."""

    node_id: str
    moniker: str
    address: str
    is_outbound: bool


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What became of a transaction handed to the mempool; `code` 0 means taken."""

    hash: bytes
    code: int
    codespace: str
    log: str


class CometBftRpc:
    """A client of one node; `address` is `unix:///path/to/cometbft.sock` or `http://host:port`.

    Raises (every call):
        ConsensusUnavailableError: no answer in time, or the node refused, with its reason.
        ConsensusAnswerError: an answer that cannot be read.
    """

    def __init__(self, address: str, timeout_s: float = CONSENSUS_TIMEOUT_S) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def status(self) -> ConsensusStatus:
        """Return how far the node is."""
        answer = await self._ask("status")
        node, sync, validator = (_member(answer, name) for name in ("node_info", "sync_info", "validator_info"))
        try:
            return ConsensusStatus(
                node_id=str(node["id"]),
                network=str(node["network"]),
                validator_address=bytes.fromhex(validator["address"]),
                validator_power=int(validator["voting_power"]),
                height=int(sync["latest_block_height"]),
                app_hash=bytes.fromhex(sync["latest_app_hash"]),
                time=str(sync["latest_block_time"]),
                earliest_height=int(sync["earliest_block_height"]),
                is_catching_up=bool(sync["catching_up"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConsensusAnswerError(f"cometbft: expected a status, got {error!r}") from error

    async def commit(self, height: int | None = None) -> SignedHeader:
        """Return header and votes of a height, by default the latest."""
        answer = await self._ask("commit", **_height(height))
        signed = _member(answer, "signed_header")
        return SignedHeader(
            read_header(_member(signed, "header")),
            read_commit(_member(signed, "commit")),
            answer.get("canonical") is True,
        )

    async def block(self, height: int | None = None) -> ConsensusBlock:
        """Return a block, by default the latest."""
        block = _member(await self._ask("block", **_height(height)), "block")
        return ConsensusBlock(
            read_header(_member(block, "header")), read_items(block), read_commit(_member(block, "last_commit"))
        )

    async def validators(self, height: int | None = None) -> tuple[Validator, ...]:
        """Return the whole set that votes on a height, at most one above the latest, in set order."""
        found: list[Validator] = []
        for page in range(1, VALIDATORS_MAX // _PAGE + 1):
            answer = await self._ask("validators", **_height(height), page=str(page), per_page=str(_PAGE))
            members, total = answer.get("validators"), answer.get("total")
            if not isinstance(members, list) or not isinstance(total, str) or not total.isdigit():
                raise ConsensusAnswerError("cometbft: expected a page of validators, got something else")
            found += read_validators(members)
            if len(found) >= int(total):
                return tuple(found)
        raise ConsensusAnswerError(f"cometbft: expected at most {VALIDATORS_MAX} validators, got more")

    async def broadcast_sync(self, item: bytes) -> Broadcast:
        """Hand an item to the mempool and wait for its check; never call it where CometBFT waits for an answer."""
        return _broadcast(await self._ask("broadcast_tx_sync", tx=base64.b64encode(item).decode()))

    async def broadcast_async(self, item: bytes) -> Broadcast:
        """Hand an item to the mempool without waiting for its check."""
        return _broadcast(await self._ask("broadcast_tx_async", tx=base64.b64encode(item).decode()))

    async def net_info(self) -> tuple[Peer, ...]:
        """Return the peers that the node is connected to."""
        peers = (await self._ask("net_info")).get("peers")
        try:
            return tuple(
                Peer(
                    node_id=str(one["node_info"]["id"]),
                    moniker=str(one["node_info"]["moniker"]),
                    address=str(one["remote_ip"]),
                    is_outbound=bool(one["is_outbound"]),
                )
                for one in peers or ()
            )
        except (KeyError, TypeError) as error:
            raise ConsensusAnswerError(f"cometbft: expected a list of peers, got {error!r}") from error

    async def _ask(self, method: str, **params: str) -> Mapping[str, Any]:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._post(json.dumps(request).encode())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConsensusUnavailableError(
                f"cometbft {method}: expected an answer at {self._address}, got {error!r}"[:300]
            ) from error
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise ConsensusAnswerError(f"cometbft {method}: expected JSON, got {body[:80]!r}") from error
        if not isinstance(answer, dict):
            raise ConsensusAnswerError(f"cometbft {method}: expected an object, got {type(answer).__name__}")
        if answer.get("error"):
            raise ConsensusUnavailableError(f"cometbft {method}: expected a result, got {answer['error']}"[:300])
        return _member(answer, "result")

    async def _post(self, body: bytes) -> bytes:
        if self._session is None:
            path = self._address.removeprefix(_UNIX)
            connector = aiohttp.UnixConnector(path) if self._address.startswith(_UNIX) else aiohttp.TCPConnector()
            self._session = aiohttp.ClientSession(connector=connector)
        url = "http://cometbft/" if self._address.startswith(_UNIX) else self._address
        async with self._session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
            # CometBFT answers errors with status 500 and a JSON-RPC body.
            found = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                found += chunk
                if len(found) > CONSENSUS_ANSWER_BYTES_MAX:
                    raise ConsensusAnswerError(f"cometbft: expected at most {CONSENSUS_ANSWER_BYTES_MAX} bytes")
        return bytes(found)


def _height(height: int | None) -> dict[str, str]:
    return {} if height is None else {"height": str(height)}


def _member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    member = value.get(name)
    if not isinstance(member, dict):
        raise ConsensusAnswerError(f"cometbft: expected an object {name}, got {type(member).__name__}")
    return member


def _broadcast(answer: Mapping[str, Any]) -> Broadcast:
    try:
        return Broadcast(
            bytes.fromhex(answer["hash"]), int(answer["code"]), str(answer["codespace"]), str(answer["log"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConsensusAnswerError(f"cometbft: expected a broadcast's result, got {error!r}") from error
