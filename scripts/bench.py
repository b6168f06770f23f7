"""Every figure of docs/benchmarks.md, by starting the real commands: one JSON document, with the machine's description.

python scripts/bench.py [--quick]
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PYTHON = (sys.executable, "-W", "ignore::UserWarning")
LANDFALL = (*PYTHON, "-m", "node.app.cli")
RPC_PORT, REST_PORT = 18_745, 18_746


def main() -> None:
    """Run the benchmarks and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each, few transfers")
    quick = parser.parse_args().quick
    figures: dict[str, Any] = {"machine": describe_machine()}
    figures["devnet"] = measure_devnet(1 if quick else 5)
    figures["demo_s"] = measure_command([*LANDFALL, "demo", "--out", tempfile.mkdtemp()], 1 if quick else 3)
    figures["verify"] = measure_verify(1 if quick else 5)
    chain = subprocess.run(
        [*PYTHON, "scripts/bench_chain.py", *(["--transfers", "500"] if quick else [])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures["chain"] = json.loads(chain.stdout)
    print(json.dumps(figures, indent=2))


def describe_machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}


def measure_devnet(runs: int) -> dict[str, Any]:
    """Start and stop `landfall devnet` on fresh homes: seconds to the first answers, idle memory in MiB."""
    first, block, rest, memory = [], [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            ports = ["--rpc-port", str(RPC_PORT), "--rest-port", str(REST_PORT), "--messages-port", "0"]
            process = subprocess.Popen(
                [*LANDFALL, "devnet", "--home", folder, *ports], cwd=ROOT, stdout=subprocess.DEVNULL
            )
            first.append(wait_for(partial(rpc_answers, "eth_chainId"), started))
            block.append(wait_for(partial(rpc_answers, "eth_blockNumber"), started))
            rest.append(wait_for(rest_answers, started))
            time.sleep(6)
            memory.append(idle_memory_mib(process.pid))
            process.send_signal(signal.SIGINT)
            process.wait(60)
    return {
        "first_rpc_answer_s": summary(first),
        "first_block_number_s": summary(block),
        "first_rest_answer_s": summary(rest),
        "idle_chain_and_desk_mib": summary(memory),
    }


def measure_command(command: list[str], runs: int) -> dict[str, float]:
    """Return wall seconds of a command."""
    taken = []
    for _ in range(runs):
        started = time.monotonic()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.monotonic() - started)
    return summary(taken)


def measure_verify(runs: int) -> dict[str, Any]:
    """Return wall seconds of `landfall verify` on the pack of a fresh demo, the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        demo = [*LANDFALL, "demo", "--scenario", "roses", "--out", folder]
        subprocess.run(demo, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        pack = Path(folder) / "roses.evidence.json"
        return {
            "pack_bytes": pack.stat().st_size,
            "process_s": measure_command([*LANDFALL, "verify", str(pack)], runs),
        }


def wait_for(answers: Callable[[], bool], started: float) -> float:
    """Return seconds from `started` to the first answer."""
    while time.monotonic() - started < 120:
        if answers():
            return time.monotonic() - started
        time.sleep(0.01)
    raise SystemExit("devnet: expected an answer within 120 s")


def rpc_answers(method: str) -> bool:
    """Whether the chain answers a method without parameters."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{RPC_PORT}", data=body, headers={"Content-Type": "application/json"}
    )
    return b'"result"' in fetch(request)


def rest_answers() -> bool:
    """Whether the desk answers."""
    return b"ok" in fetch(urllib.request.Request(f"http://127.0.0.1:{REST_PORT}/health"))


def fetch(request: urllib.request.Request) -> bytes:
    """Return the body, nothing while nobody listens."""
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return bytes(answer.read())
    except (urllib.error.URLError, OSError):
        return b""


def idle_memory_mib(parent: int) -> float:
    """Return the resident memory of the processes that `parent` started."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return sum(resident_kib(int(child)) for child in children) / 1024


def resident_kib(pid: int) -> int:
    """Return a process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise SystemExit(f"process {pid}: expected VmRSS")


def summary(values: list[float]) -> dict[str, float]:
    """Return minimum, median and maximum."""
    return {
        "min": round(min(values), 2),
        "median": round(statistics.median(values), 2),
        "max": round(max(values), 2),
        "runs": len(values),
    }


if __name__ == "__main__":
    main()
