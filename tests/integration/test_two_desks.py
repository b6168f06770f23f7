"""Two desk processes of two banks on one chain: papers by REST, a payment over TLS, one of them away for a while."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.app.cast import load_cast
from node.app.home import Home, load_tokens, prepare_home
from node.app.network import shipped_genesis
from node.app.supervisor import free_port
from tests.integration.desk_chain import ChainProcess

TRANSFER = (Path(__file__).parents[2] / "examples" / "messages" / "customer-transfer.xml").read_bytes()
GIVE_UP_S = 90


@dataclass
class DeskProcess:
    """`python -m node.app.desk` of one bank."""

    root: Path
    bank: str
    rpc_url: str
    process: asyncio.subprocess.Process | None = None
    port: int = field(default_factory=free_port)
    messages_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        home, cast = Home(self.root), load_cast()
        prepare_home(home, cast, shipped_genesis())
        alone = cast.model_copy(update={"institutions": (cast.institution(self.bank),)})
        home.cast.write_text(alone.model_dump_json(), "utf-8")
        self.token = load_tokens(home)[self.bank]

    async def start(self) -> None:
        command = [
            *(sys.executable, "-W", "ignore", "-m", "node.app.desk", "--home", str(self.root)),
            *("--rpc-url", self.rpc_url, "--port", str(self.port), "--messages-port", str(self.messages_port)),
        ]
        with (self.root / "desk.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stderr=log)
        async with asyncio.timeout(GIVE_UP_S):
            while not await self._answers():  # noqa: ASYNC110 - another process rings nobody
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(hash((path, str(arguments))))}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}/v1", trust_env=False) as client:
            answer = await client.request(method, path, headers=headers, timeout=30, **arguments)
        assert answer.is_success, answer.text
        return answer

    async def state(self, thread: str) -> str:
        """Return the state of the one message of a thread."""
        found = (await self.call("GET", "/messages", params={"thread": thread})).json()
        return str(found[0]["state"]) if found else "unknown"

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, (self.root / "desk.log").read_text("utf-8")[-2_000:]
        try:
            # It knows no time before it has followed a block.
            return int((await self.call("GET", "/status")).json()["block_number"]) >= 0
        except httpx.TransportError:
            return False


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[tuple[DeskProcess, DeskProcess]]:
    chain = ChainProcess(tmp_path / "chain")
    chain.prepare()
    await chain.start()
    nl, ke = (DeskProcess(tmp_path / bank, bank, chain.url) for bank in ("bank-nl", "bank-ke"))
    try:
        await asyncio.gather(nl.start(), ke.start())
        for one, other in ((nl, ke), (ke, nl)):
            paper = (await one.call("GET", f"/institutions/{one.bank}/document")).content
            await other.call("POST", "/institutions/papers", content=paper)
        yield nl, ke
    finally:
        for desk in (nl, ke):
            await desk.kill()
        await chain.kill()


async def _until(desk: DeskProcess, thread: str, state: str) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        while await desk.state(thread) != state:  # noqa: ASYNC110 - another process rings nobody
            await asyncio.sleep(0.05)


async def test_payment_reaches_the_other_bank_when_each_has_its_own_process(
    desks: tuple[DeskProcess, DeskProcess],
) -> None:
    nl, ke = desks
    await nl.call("POST", "/messages", params={"to": "bank-ke", "thread": "first"}, content=TRANSFER)
    await _until(nl, "first", "stored")
    await _until(ke, "first", "handled")
    await ke.kill()
    await nl.call("POST", "/messages", params={"to": "bank-ke", "thread": "second"}, content=_another(TRANSFER))
    assert await nl.state("second") in ("queued", "sent")
    await ke.start()
    await _until(ke, "second", "handled")
    await _until(nl, "second", "stored")


def _another(document: bytes) -> bytes:
    """The same transfer under another UETR."""
    start = document.index(b"<UETR>") + len(b"<UETR>")
    return document[:start] + b"6f1d3b9c-5a0e-4f5e-9f52-0d3f1a7b6c10" + document[start + 36 :]
