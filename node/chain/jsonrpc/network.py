"""The landfall_ methods, and time control for devnets (evm_ names as other development nodes have them)."""

import json
from collections.abc import Mapping
from typing import Any

from node.chain.application import Application
from node.chain.errors import TimeControlError
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import hex_data
from node.chain.jsonrpc.methods import Method
from node.chain.solo import CLOCK_META, SoloDriver

Params = list[Any]


class NetworkMethods:
    """Genesis and clock of one chain; time control only where it is allowed."""

    def __init__(self, application: Application, driver: SoloDriver, *, has_time_control: bool) -> None:
        self._app = application
        self._driver = driver
        self._has_time_control = has_time_control

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
        clock, head_s = self._driver.clock, self._app.head.timestamp
        return {
            "time_s": head_s,
            "wall_s": int(clock.wall_s()),
            "offset_s": clock.offset_s,
            "next_s": clock.next_block_s(head_s),
            "drift_s": clock.drift_s(head_s),
        }

    async def advance_to(self, p: Params) -> dict[str, str]:
        """Make one block at exactly this time."""
        self._require_time_control()
        header = await self._driver.advance_to(params.whole_seconds(p[0], "timestamp"))
        return {"number": hex(header.number), "hash": hex_data(header.hash), "timestamp": hex(header.timestamp)}

    async def mine(self, p: Params) -> str:
        """Make one block now, or at the given time."""
        self._require_time_control()
        if params.at(p, 0) is not None:
            await self._driver.advance_to(params.whole_seconds(p[0], "timestamp"))
        else:
            await self._driver.make_block(is_forced=True)
        return "0x0"

    async def increase_time(self, p: Params) -> int:
        """Move the clock forward; return the new offset to wall time in seconds."""
        self._require_time_control()
        async with self._driver.time_control():
            offset_s = self._driver.clock.increase(params.whole_seconds(p[0], "seconds"))
            self._app.store.put_meta(CLOCK_META, json.dumps({"offset_s": offset_s}).encode())
        return offset_s

    async def set_next_block_timestamp(self, p: Params) -> None:
        """Give the next block this time."""
        self._require_time_control()
        async with self._driver.time_control() as head:
            self._driver.clock.set_next(params.whole_seconds(p[0], "timestamp"), head.timestamp)

    def _require_time_control(self) -> None:
        if not self._has_time_control:
            raise TimeControlError("time control: expected a devnet, got a network whose time is everyone's")
