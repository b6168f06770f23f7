"""A geth without an EVM: it knows blocks by hash, a head, and says VALID to whatever it is not told to refuse."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.chain.blocks import BlockHeader
from node.chain.errors import GethAnswerError
from node.chain.geth.engine import VERSION


@dataclass
class FakeGeth:
    """Stands where `GethIpc` stands; `stateless` are blocks it knows but cannot execute on."""

    genesis: BlockHeader
    chain_id: int
    version: str = f"Geth/v{VERSION}-stable/linux-amd64/go1.26"
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    canonical: list[str] = field(default_factory=list)
    stateless: set[str] = field(default_factory=set)
    refuse: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_closed: bool = False

    def __post_init__(self) -> None:
        first = _hex(self.genesis.hash)
        self.blocks[first] = {"hash": first, "number": "0x0", "parent": None}
        self.canonical = [first]

    async def connect(self, path: Path, timeout_s: float) -> "FakeGeth":
        return self

    def close(self) -> None:
        self.is_closed = True

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], *, timeout_s: float) -> list[Any]:
        return [await self.call(method, *params, timeout_s=timeout_s) for method, params in calls]

    async def call(self, method: str, *params: Any, timeout_s: float) -> Any:
        self.asked.append(method)
        answer: Any = getattr(self, method)(*params)
        return answer

    def web3_clientVersion(self) -> str:  # noqa: N802
        return self.version

    def eth_chainId(self) -> str:  # noqa: N802
        return hex(self.chain_id)

    def eth_getBlockByNumber(self, block: str, _: bool) -> dict[str, Any] | None:  # noqa: N802
        number = len(self.canonical) - 1 if block == "latest" else int(block, 16)
        return self.blocks[self.canonical[number]] if number < len(self.canonical) else None

    def debug_setHead(self, number: str) -> None:  # noqa: N802
        del self.canonical[int(number, 16) + 1 :]

    def engine_newPayloadV4(self, payload: dict[str, Any], *_: Any) -> dict[str, Any]:  # noqa: N802
        block_hash = payload["blockHash"]
        if block_hash in self.blocks:
            return {"status": "VALID"}
        if block_hash in self.refuse:
            return {"status": "INVALID", "validationError": self.refuse[block_hash]}
        if payload["parentHash"] not in self.blocks:
            return {"status": "SYNCING"}
        if payload["parentHash"] in self.stateless:
            return {"status": "ACCEPTED"}
        self.blocks[block_hash] = {
            "hash": block_hash,
            "number": payload["blockNumber"],
            "parent": payload["parentHash"],
        }
        return {"status": "VALID"}

    def engine_forkchoiceUpdatedV3(self, state: dict[str, str], _: None) -> dict[str, Any]:  # noqa: N802
        block = self.blocks.get(state["headBlockHash"])
        if block is None:
            return {"payloadStatus": {"status": "SYNCING"}}
        chain: list[str] = []
        while block is not None:
            chain.append(block["hash"])
            block = self.blocks.get(block["parent"])
        self.canonical = chain[::-1]
        self.stateless.clear()
        return {"payloadStatus": {"status": "VALID"}}

    def testing_buildBlockV1(self, *_: Any) -> None:  # noqa: N802
        raise GethAnswerError(-32000, "nonce too low", None)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
