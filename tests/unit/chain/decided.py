"""A chain that follows decisions, without a network: a fake clock, and a contract in Governance's place.

The contract logs what it is called with: without value as ValidatorChanged, with value as ConsensusParamsChanged.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from node.chain.abci.abci_pb2 import (
    Block,
    CheckTxType,
    Empty,
    Misbehavior,
    RequestCheckTx,
    RequestPrepareProposal,
    ResponseFinalizeBlock,
    ResponseProcessProposal,
)
from node.chain.application import Application
from node.chain.cometbft_driver import CometBftDriver
from node.chain.consensus import DecidedChain
from node.chain.genesis_block import read_genesis
from node.chain.hooks import WriteHook, no_hook
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.store import ChainStore
from tests.unit.chain.support import CHAIN_ID, ETHER, GENESIS_TIME_S, Actor, genesis_document

GOVERNANCE = bytes.fromhex("60f0000000000000000000000000000000000006")
PROPOSER = b"\x0a" * 20
ROOM = 4 << 20
_VALIDATOR_CHANGED = keccak(b"ValidatorChanged(uint8,bytes,uint256,address)")
_PARAMS_CHANGED = keccak(b"ConsensusParamsChanged(uint256,uint256)")
# CALLDATACOPY(0, 0, size); with value: LOG1(0, size, params); else LOG2(0, size, changed, caller).
_COPY = bytes.fromhex("365f5f37")
_LOG2 = b"\x33\x7f" + _VALIDATOR_CHANGED + bytes.fromhex("365fa200")
_JUMP = b"\x34\x60" + bytes([len(_COPY) + 4 + len(_LOG2)]) + b"\x57"
GOVERNANCE_CODE = _COPY + _JUMP + _LOG2 + b"\x5b\x7f" + _PARAMS_CHANGED + bytes.fromhex("365fa100")


def validator_change(actor: Actor, public_key: bytes, power: int, algorithm: int = 1) -> bytes:
    """Sign what logs a change of the validator set."""
    data = encode(["uint8", "bytes", "uint256"], [algorithm, public_key, power])
    return actor.sign(to=GOVERNANCE, data=data, gas=500_000)


def limits_change(actor: Actor, block_bytes: int, block_gas: int) -> bytes:
    """Sign what logs other limits of blocks."""
    return actor.sign(to=GOVERNANCE, data=encode(["uint256", "uint256"], [block_bytes, block_gas]), value=1)


def document(actors: Sequence[Actor]) -> dict[str, Any]:
    """Return a genesis with the contract."""
    found = genesis_document({actor.address: 1_000 * ETHER for actor in actors})
    found["alloc"]["0x" + GOVERNANCE.hex()] = {"balance": "0x0", "nonce": "0x1", "code": "0x" + GOVERNANCE_CODE.hex()}
    found["landfall"]["contracts"] = {"Governance": "0x" + GOVERNANCE.hex()}
    return found


@dataclass
class Decided:
    """One node; `wall_s` is its clock, `slept` how long it waited."""

    store: ChainStore
    application: Application
    chain: DecidedChain
    driver: CometBftDriver
    wall_s: list[float]
    slept: list[float] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)

    async def check(self, *gossiped: bytes, kind: "CheckTxType" = CheckTxType.NEW) -> list[int]:
        """Return the code of each."""
        requests = [RequestCheckTx(tx=one, type=kind) for one in gossiped]
        return [answer.code for answer in await self.driver.check_txs(requests)]

    async def prepare(self, max_tx_bytes: int = ROOM) -> list[bytes]:
        """Return a proposal for the next height."""
        request = RequestPrepareProposal(max_tx_bytes=max_tx_bytes, proposer_address=PROPOSER)
        return list((await self.driver.prepare_proposal(request)).txs)

    async def is_accepted(self, items: Sequence[bytes], proposer: bytes = PROPOSER) -> bool:
        """Tell whether this node votes for it."""
        request = Block(txs=items, height=self.chain.height + 1, proposer_address=proposer)
        return bool((await self.driver.process_proposal(request)).status == ResponseProcessProposal.ACCEPT)

    async def finalize(self, items: Sequence[bytes], misbehavior: Sequence[Misbehavior] = ()) -> ResponseFinalizeBlock:
        """Decide on the next height."""
        request = Block(
            txs=items, height=self.chain.height + 1, proposer_address=PROPOSER, misbehavior=list(misbehavior)
        )
        return await self.driver.finalize_block(request)

    async def decide(self, items: Sequence[bytes], misbehavior: Sequence[Misbehavior] = ()) -> ResponseFinalizeBlock:
        """Decide on the next height and commit."""
        answer = await self.finalize(items, misbehavior)
        await self.driver.commit(Empty())
        return answer

    async def block(self, *gossiped: bytes) -> ResponseFinalizeBlock:
        """Take what was gossiped, make one block."""
        await self.check(*gossiped)
        return await self.decide(await self.prepare())


@asynccontextmanager
async def decided(
    path: Path, actors: Sequence[Actor], hook: WriteHook = no_hook, landfall: Mapping[str, Any] = {}
) -> AsyncIterator[Decided]:
    """Open (or open again) the node in `path`."""
    genesis = document(actors)
    genesis["landfall"] |= landfall
    store = ChainStore(path, hook, map_bytes=1 << 28)
    try:
        application = Application(read_genesis(genesis), store, PyEvmEngine(store, CHAIN_ID))
        await application.open()
        chain = DecidedChain(application)
        wall_s, slept, commits = [float(GENESIS_TIME_S + 10)], list[float](), list[int]()

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            wall_s[0] += seconds

        driver = CometBftDriver(
            chain, path, on_commit=lambda: commits.append(chain.height), wall_s=lambda: wall_s[0], sleep=sleep
        )
        yield Decided(store, application, chain, driver, wall_s, slept, commits)
    finally:
        store.close()
