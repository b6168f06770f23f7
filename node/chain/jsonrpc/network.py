"""The landfall_ methods, and time control for devnets (evm_ names as other development nodes have them)."""

import json
from collections.abc import Mapping
from typing import Any

from node.chain.application import Application
from node.chain.clock import LedgerClock
from node.chain.errors import TimeControlError
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import hex_data
from node.chain.jsonrpc.methods import Method
from node.chain.solo import CLOCK_META, SoloDriver

Params = list[Any]


class NetworkMethods:
    """Genesis and clock of one chain; time control only where one sequencer makes the blocks."""

    def __init__(self, application: Application, clock: LedgerClock, sequencer: SoloDriver | None = None) -> None:
        self._app = application
        self._clock = clock
        self._sequencer = sequencer

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "landfall_getGenesis": Method(self.get_genesis, 0, 0),
            "landfall_clock": Method(self.clock, 0, 0),
            "landfall_advanceTo": Method(self.advance_to, 1, 1),
            "evm_mine": Method(self.mine, 0, 1),
            "evm_increaseTime": Method(self.increase_time, 1, 1),
            "evm_setNextBlockTimestamp": Method(self.set_next_block_timestamp, 1, 1),
        }

    def get_genesis(self, _: Params) -> dict[str, Any]:
        """Return the network's section, the hash of block 0, and the hash a verifier trusts."""
        genesis = self._app.genesis
        return {
            "chain_id": genesis.chain_id,
            "ethereum_genesis_hash": hex_data(genesis.block.header.hash),
            "genesis_hash": hex_data(genesis.trusted_hash),
            "landfall": dict(genesis.landfall),
        }

    def clock(self, _: Params) -> dict[str, int]:
        """Return ledger time (the head block's), wall time, and how far the head is ahead of the ledger clock."""
        clock, head_s = self._clock, self._app.head.timestamp
        return {
            "time_s": head_s,
            "wall_s": int(clock.wall_s()),
            "offset_s": clock.offset_s,
            "next_s": clock.next_block_s(head_s),
            "drift_s": clock.drift_s(head_s),
        }

    async def advance_to(self, p: Params) -> dict[str, str]:
        """Make one block at exactly this time."""
        sequencer = self._require_sequencer()
        header = await sequencer.advance_to(params.whole_seconds(p[0], "timestamp"))
        return {"number": hex(header.number), "hash": hex_data(header.hash), "timestamp": hex(header.timestamp)}

    async def mine(self, p: Params) -> str:
        """Make one block now, or at the given time."""
        sequencer = self._require_sequencer()
        if params.at(p, 0) is not None:
            await sequencer.advance_to(params.whole_seconds(p[0], "timestamp"))
        else:
            await sequencer.make_block(is_forced=True)
        return "0x0"

    async def increase_time(self, p: Params) -> int:
        """Move the clock forward; return the new offset to wall time in seconds."""
        sequencer = self._require_sequencer()
        async with sequencer.time_control():
            offset_s = self._clock.increase(params.whole_seconds(p[0], "seconds"))
            self._app.store.put_meta(CLOCK_META, json.dumps({"offset_s": offset_s}).encode())
        return offset_s

    async def set_next_block_timestamp(self, p: Params) -> None:
        """Give the next block this time."""
        sequencer = self._require_sequencer()
        async with sequencer.time_control() as head:
            self._clock.set_next(params.whole_seconds(p[0], "timestamp"), head.timestamp)

    def _require_sequencer(self) -> SoloDriver:
        if self._sequencer is None:
            raise TimeControlError("time control: expected a devnet, got a network whose time is everyone's")
        return self._sequencer
