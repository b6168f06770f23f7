"""The chain process of a validator that is not honest or not well.

python -m tests.integration.faulty_chain FAULT --home DIR ARGUMENTS-OF-NODE.CHAIN...
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from node.chain import __main__ as chain
from node.chain import validator
from node.chain.abci.abci_pb2 import Block, RequestPrepareProposal, ResponsePrepareProposal, ResponseProcessProposal
from node.chain.abci.server import AbciHandler, serve_abci
from node.chain.application import decode_header
from node.chain.cometbft_driver import CometBftDriver
from node.chain.limits import EXTRA_DATA, TRANSACTION_GAS_MAX
from node.chain.ports import BlockEnvironment
from node.chain.pyevm import engine
from node.chain.pyevm.engine import PyEvmBlock
from node.chain.transactions import decode_item
from tests.integration.consensus_nodes import institution

FORGED = "forged"
"""In the home: a line for each proposal of the byzantine proposer, with its kind."""
CUT = "cut"
"""In the home: a line for each message that was cut."""
MARKED = b"\xd1" * 20
"""A transfer to it costs one gas more in the diverging engine."""
SECOND_SIGNER, FORGER = "carrier", "inspector"
"""Institutions whose transactions are forged; the first has a transaction key."""
_OVERSIZED = 7
"""Transactions of almost 30 million gas: more than a block may use."""
# PUSH0, PUSH3 offset, MSTORE, STOP: memory of 3.9 MB costs nearly all of that, and no time.
_HUNGRY = bytes.fromhex("5f62") + (122_000 * 32 - 32).to_bytes(3, "big") + bytes.fromhex("5200")
_CUT_BYTES_MIN = 300
"""What is longer holds transactions."""


class ByzantineDriver(CometBftDriver):
    """Proposes blocks that break one rule each, in turn, and votes for everything."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._kinds = cycle((self.unsigned, self.wrong_payload, self.of_the_future, self.oversized))

    async def prepare_proposal(self, request: RequestPrepareProposal) -> ResponsePrepareProposal:
        if not self._app.mempool.has_executable():
            return ResponsePrepareProposal()
        kind = next(self._kinds)
        items = await kind(request.proposer_address)
        with (self._home / FORGED).open("a") as forged:
            forged.write(f"{request.height} {kind.__name__}\n")
        return ResponsePrepareProposal(txs=items)

    async def process_proposal(self, request: Block) -> ResponseProcessProposal:
        return ResponseProcessProposal(status=ResponseProcessProposal.ACCEPT)

    async def unsigned(self, proposer: bytes) -> list[bytes]:
        """A transaction whose account needs a second signature, without one."""
        return await self._block(proposer, SECOND_SIGNER)

    async def wrong_payload(self, proposer: bytes) -> list[bytes]:
        """A state that does not come of the transactions."""
        items = await self._block(proposer, FORGER)
        return [replace(decode_header(items), state_root=bytes(32)).payload, *items[1:]]

    async def of_the_future(self, proposer: bytes) -> list[bytes]:
        return await self._block(proposer, FORGER, later_s=30)

    async def oversized(self, proposer: bytes) -> list[bytes]:
        """More gas than a block may use."""
        return await self._block(proposer, FORGER, _OVERSIZED, to=b"", data=_HUNGRY, gas=TRANSACTION_GAS_MAX)

    async def _block(
        self, proposer: bytes, sender: str, count: int = 1, later_s: int = 0, **changes: Any
    ) -> list[bytes]:
        """Return what would be a block by all other rules."""
        parent, genesis = self._app.head, self._app.genesis
        environment = BlockEnvironment(
            parent=parent,
            timestamp=max(parent.timestamp + 1, int(time.time())) + later_s,
            coinbase=proposer,
            gas_limit=self._app.gas_limit,
            extra_data=EXTRA_DATA,
        )
        actor = institution(sender)
        (account,) = await self._app.engine.accounts([actor.address])
        actor.nonce = account.nonce
        block = PyEvmBlock(self._app.store, genesis.chain_id, environment)
        for _ in range(count):
            block.apply(decode_item(actor.sign(chain_id=genesis.chain_id, **changes)))
        return block.seal().items


class Cutter:
    """Stands between CometBFT and the chain; cuts a request in its middle, after the next start an answer."""

    def __init__(self, home: Path) -> None:
        self._cut = home / CUT
        cuts = len(self._cut.read_text().splitlines()) if self._cut.exists() else 0
        self._next = ("request", "answer", "")[cuts]

    async def serve(self, path: Path, handler: AbciHandler) -> None:
        """Answer on the socket `path` until cancelled."""
        behind = path.with_name("behind.sock")
        async with asyncio.TaskGroup() as group:
            group.create_task(serve_abci(behind, handler))
            while not behind.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            server = await asyncio.start_unix_server(partial(self._connected, behind), path)
            await server.serve_forever()

    async def _connected(self, behind: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(behind)
        pumps = [
            asyncio.create_task(self._pump("request", reader, inner_writer)),
            asyncio.create_task(self._pump("answer", inner_reader, writer)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, inner_writer):
            end.close()

    async def _pump(self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                is_cut = direction == self._next and len(data) > _CUT_BYTES_MIN
                writer.write(data[: len(data) // 2] if is_cut else data)
                await writer.drain()
                if is_cut:
                    self._next = ""
                    with self._cut.open("a") as file:
                        file.write(direction + "\n")
                    return


def clock(seconds: int) -> None:
    """Let the machine's clock be wrong."""
    setattr(validator, "CometBftDriver", partial(CometBftDriver, wall_s=lambda: time.time() + seconds))  # noqa: B010


def byzantine() -> None:
    """Let the chain propose what no rule allows."""
    setattr(validator, "CometBftDriver", ByzantineDriver)  # noqa: B010


def divergence() -> None:
    """Let py-evm count gas otherwise than the others do."""
    right: Callable[[Any, Any, Any], int] = engine._gas_used

    def wrong(state: Any, tx: Any, computation: Any) -> int:
        return right(state, tx, computation) + (tx.to == MARKED)

    setattr(engine, "_gas_used", wrong)  # noqa: B010


def cut(home: Path) -> None:
    """Let messages of CometBFT's socket end in their middle."""
    setattr(validator, "serve_abci", Cutter(home).serve)  # noqa: B010


def main() -> int:
    """Run the chain with a fault."""
    fault, *arguments = sys.argv.pop(1).split()
    match fault:
        case "clock":
            clock(int(*arguments))
        case "byzantine":
            byzantine()
        case "divergence":
            divergence()
        case "cut":
            cut(Path(sys.argv[sys.argv.index("--home") + 1]))
        case _:
            raise ValueError(f"fault: expected a known one, got {fault}")
    return chain.main()


if __name__ == "__main__":
    sys.exit(main())
