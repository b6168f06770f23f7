"""A devnet whose two processes let liboqs compute ML-DSA."""

import os
from pathlib import Path

import pytest

from node.app.running import running_devnet

LIBOQS = Path(__file__).parents[2] / ".cache" / "liboqs"


async def test_devnet_has_liboqs_in_both_processes_when_it_is_asked_for(tmp_path: Path) -> None:
    if not LIBOQS.is_dir() and "REQUIRE_LIBOQS" not in os.environ:
        pytest.skip(f"no {LIBOQS}; `make liboqs` builds it")
    async with running_devnet(tmp_path, rpc_port=0, rest_port=0, messages_port=0, liboqs=LIBOQS) as node:
        loaded = {name: _has_loaded(process.pid, LIBOQS) for name, process in node.unit.processes.items()}
    assert loaded == {"chain": True, "desk": True}


def _has_loaded(pid: int, folder: Path) -> bool:
    return str(folder) in Path(f"/proc/{pid}/maps").read_text()
