"""The pinned engines for tests: found where they were built, skipped without them unless they are required."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.app.errors import EngineMissingError
from node.app.validator.engines import GETH, find_engine
from node.chain.geth.command import geth_command, geth_init_command
from node.chain.limits import BLOCK_GAS_LIMIT


def geth_binary() -> Path:
    """Return geth; skip the test without it, or fail when `REQUIRE_ENGINES` is set."""
    try:
        return find_engine(GETH)
    except EngineMissingError as error:
        if "REQUIRE_ENGINES" in os.environ:
            raise
        pytest.skip(str(error))


@dataclass
class Geth:
    """A home with a geth that can be started, stopped and killed."""

    home: Path
    binary: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def ipc(self) -> Path:
        return self.home / "run" / "geth.ipc"

    async def start(self, document: Mapping[str, Any]) -> None:
        """Make block 0 if there is none, and start."""
        (self.home / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
        genesis = self.home / "genesis.json"
        genesis.write_text(json.dumps(document), "utf-8")
        made = await asyncio.create_subprocess_exec(
            *geth_init_command(self.binary, self.home, genesis), stderr=asyncio.subprocess.DEVNULL
        )
        assert await made.wait() == 0
        arguments, environment = geth_command(self.binary, self.home, self.ipc, BLOCK_GAS_LIMIT)
        with (self.home / "geth.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*arguments, env=os.environ | environment, stderr=log)

    async def kill(self) -> None:
        """kill -9, as a crash would end it."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        self.process = None
        self.ipc.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def running_geth(home: Path, document: Mapping[str, Any]) -> AsyncIterator[Geth]:
    """Run geth on a fresh home."""
    geth = Geth(home, geth_binary())
    await geth.start(document)
    try:
        yield geth
    finally:
        await geth.kill()
