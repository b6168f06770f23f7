"""What `landfall status` says when programs answer with nonsense, or take too long."""

import asyncio
from pathlib import Path

import pytest

from node.app.supervisor import free_port, locked_home
from node.app.validator import health
from node.app.validator.health import health_rows, look_at
from node.app.validator.home import NodeSettings, ValidatorHome, write_settings


@pytest.mark.parametrize(
    "answer", [b"", b"\n", b"nonsense\n", b'{"result": null}\n', b'{"result": "0x"}\n', b"[]\n", b"x" * (2 << 20), None]
)
async def test_health_has_gaps_when_programs_answer_with_nonsense_or_not_at_all(
    tmp_path: Path, answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_TIMEOUT_S", 0.2)
    home, port = ValidatorHome(tmp_path), free_port()
    write_settings(home, NodeSettings(name="bank-nl", engine="geth", rpc_port=port))
    home.run.mkdir()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is not None:
            writer.write(answer)
            writer.close()

    servers = [await asyncio.start_unix_server(serve, home.run / name) for name in ("geth.ipc", "cometbft.sock")]
    servers.append(await asyncio.start_server(serve, "127.0.0.1", port))
    try:
        with locked_home(home.root):
            seen = await look_at(home)
    finally:
        for server in servers:
            server.close()
    assert (seen.state, seen.name) == ("never started", "bank-nl")
    gaps = {seen.consensus_height, seen.peers, seen.block_number, seen.engine_number, seen.pool, seen.behind_s}
    assert gaps == {None}
    assert health_rows([seen])[0][2:8] == ("-", "-", "geth -", "-", "-", "-")
