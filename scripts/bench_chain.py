"""Figures of the chain process: start, memory, latency of one transaction, ERC-20 transfers per second.

Starts a real chain process on a throw-away home for each run and talks JSON-RPC over HTTP to it. Prints JSON with
the machine's description. Run: `python scripts/bench_chain.py [--transfers N] [--interval-ms N]`.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import rlp
from coincurve import PrivateKey
from eth_hash.auto import keccak

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contracts.client.artifacts import encode_call
from node.chain.genesis import (
    NetworkConfig,
    ParticipantConfig,
    TokenConfig,
    ValidatorConfig,
    build_genesis,
)
from node.chain.validator_key import load_or_create_validator_key

CHAIN_ID = 20260
SENDERS = 100
BATCH = 100
_INSTITUTIONS = (
    ("issuer", ("central_bank", "validator"), "9999DEV0000000000022"),
    ("bank", ("bank",), "9999DEV0000000000119"),
)


class Account:
    """A key that signs type 2 transactions without tip."""

    def __init__(self, secret: int | bytes, chain_id: int = CHAIN_ID) -> None:
        self._key = PrivateKey(secret if isinstance(secret, bytes) else secret.to_bytes(32, "big"))
        self._chain_id = chain_id
        self.address = keccak(self._key.public_key.format(compressed=False)[1:])[12:]
        self.nonce = 0

    def sign(self, to: bytes, data: bytes, gas: int = 200_000, fee_max: int = 0) -> bytes:
        """Return the next raw transaction of this account; `fee_max` in wei per gas."""
        fields: list[Any] = [self._chain_id, self.nonce, 0, fee_max, gas, to, 0, data, []]
        self.nonce += 1
        signature = self._key.sign_recoverable(keccak(b"\2" + rlp.encode(fields)), hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return b"\2" + rlp.encode([*fields, signature[64], r, s])


class Rpc:
    """A JSON-RPC client with batches."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def call(self, method: str, *params: Any) -> Any:
        """Return one result."""
        return (await self.batch([(method, list(params))]))[0]

    async def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Return the results of a batch, in order."""
        body = [{"jsonrpc": "2.0", "id": i, "method": name, "params": p} for i, (name, p) in enumerate(calls)]
        async with self._session.post(self._url, json=body) as response:
            answers = await response.json()
        errors = [answer["error"] for answer in answers if "error" in answer]
        if errors:
            raise RuntimeError(f"{len(errors)} of {len(calls)} failed, first: {errors[0]}")
        return [answer["result"] for answer in answers]

    async def send(self, raws: Sequence[bytes]) -> list[str]:
        """Submit raw transactions in batches, one batch after the other."""
        hashes: list[str] = []
        for start in range(0, len(raws), BATCH):
            part = raws[start : start + BATCH]
            hashes += await self.batch([("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in part])
        return hashes

    async def wait_included(self, tx_hash: str, poll_s: float = 0.02) -> dict[str, Any]:
        """Return the receipt once there is one."""
        while True:
            receipt = await self.call("eth_getTransactionReceipt", tx_hash)
            if receipt:
                return dict(receipt)
            await asyncio.sleep(poll_s)


def prepare_home(home: Path, accounts: Sequence[Account]) -> bytes:
    """Write a genesis with one token; return the token's address. Account 0 is issuer, account 1 a bank."""
    key = load_or_create_validator_key(home)
    config = NetworkConfig(
        network="landfall-bench",
        chain_id=CHAIN_ID,
        genesis_time_s=int(time.time()),
        governor="issuer",
        validators=(ValidatorConfig(name="issuer", algorithm=key.alg, public_key=key.public_key),),
        participants=tuple(
            ParticipantConfig(
                id=name,
                name=name,
                lei=lei,
                bic="BENCNL2A",
                roles=roles,
                address=accounts[index].address,
                key_thumbprint=bytes([index + 1]) * 32,
            )
            for index, (name, roles, lei) in enumerate(_INSTITUTIONS)
        ),
        tokens=(TokenConfig(currency="EUR", name="Euro", symbol="EUR", decimals=2, issuer="issuer"),),
        pairs=(),
        balances_wei={account.address: 10**24 for account in accounts},
    )
    genesis = build_genesis(config)
    (home / "genesis.json").write_text(json.dumps(genesis), "utf-8")
    return bytes.fromhex(genesis["landfall"]["tokens"]["EUR"]["address"][2:])


@contextlib.asynccontextmanager
async def running_chain(home: Path, *arguments: str) -> AsyncIterator[tuple[Rpc, int, dict[str, float]]]:
    """Start the process; yield client, process id and start times in seconds."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "ignore", "-m", "node.chain", "--home", str(home), "--port", "0", *arguments),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None, "started with a pipe"
    events: dict[str, float] = {}
    try:
        port = 0
        while "chain_open" not in events:
            line = await asyncio.wait_for(process.stderr.readline(), 60)
            if not line:
                raise RuntimeError("the chain process ended")
            entry = json.loads(line)
            events[entry["event"]] = round(time.perf_counter() - started, 3)
            port = entry.get("port", port)
        async with aiohttp.ClientSession() as session:
            yield Rpc(session, f"http://127.0.0.1:{port}"), process.pid, events
    finally:
        process.terminate()
        await process.wait()


def resident_mb(pid: int) -> float:
    """Return a process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


async def fund(rpc: Rpc, token: bytes, accounts: Sequence[Account]) -> None:
    """Give every account tokens."""
    issuer, bank = accounts[0], accounts[1]
    request = encode_call("SettlementToken", "request_issuance", (10**15, bytes(32)))
    await rpc.wait_included((await rpc.send([bank.sign(token, request, 500_000)]))[0])
    issue = encode_call("SettlementToken", "issue", (bank.address, 10**15, bytes(32)))
    await rpc.wait_included((await rpc.send([issuer.sign(token, issue, 500_000)]))[0])
    transfers = [
        bank.sign(token, encode_call("SettlementToken", "transfer", (one.address, 10**9))) for one in accounts[2:]
    ]
    receipt = await rpc.wait_included((await rpc.send(transfers))[-1])
    if receipt["status"] != "0x1":
        raise RuntimeError("funding failed")


async def measure_latency(home: Path, token: bytes, accounts: Sequence[Account], count: int) -> dict[str, Any]:
    """Send one transfer at a time to an instant chain."""
    async with running_chain(home, "--instant") as (rpc, pid, events):
        await asyncio.sleep(1)
        idle_mb = resident_mb(pid)
        await fund(rpc, token, accounts)
        latencies = []
        for index in range(count):
            sender, to = accounts[2 + index % SENDERS], accounts[3 + index % (SENDERS - 1)]
            raw = sender.sign(token, encode_call("SettlementToken", "transfer", (to.address, 1)))
            begin = time.perf_counter()
            await rpc.wait_included((await rpc.send([raw]))[0], 0.001)
            latencies.append((time.perf_counter() - begin) * 1000)
    latencies.sort()
    return {
        "listening_s": events["chain_listening"],
        "open_s": events["chain_open"],
        "idle_mb": idle_mb,
        "submit_to_receipt_ms_p50": round(statistics.median(latencies), 1),
        "submit_to_receipt_ms_p95": round(latencies[int(len(latencies) * 0.95)], 1),
    }


async def measure_throughput(
    home: Path, token: bytes, accounts: Sequence[Account], count: int, interval_ms: int
) -> dict[str, Any]:
    """Submit `count` transfers by four clients at once, and time until the last is in a block."""
    async with running_chain(home, "--interval-ms", str(interval_ms)) as (rpc, pid, _):
        await fund(rpc, token, accounts)
        senders = accounts[2:]
        raws: list[list[bytes]] = [[] for _ in range(4)]
        for index in range(count):
            sender, to = senders[index % len(senders)], senders[(index * 7 + 1) % len(senders)]
            data = encode_call("SettlementToken", "transfer", (to.address, 1))
            raws[(index % len(senders)) % 4].append(sender.sign(token, data))
        first_block = int(await rpc.call("eth_blockNumber"), 16)
        reads: list[float] = []
        reader = asyncio.create_task(_read_meanwhile(rpc, reads))
        begin = time.perf_counter()
        hashes = [each for part in await asyncio.gather(*(rpc.send(part) for part in raws)) for each in part]
        submitted = time.perf_counter() - begin
        while (status := await rpc.call("txpool_status"))["pending"] != "0x0":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        elapsed = time.perf_counter() - begin
        reader.cancel()
        receipts = await rpc.batch([("eth_getTransactionReceipt", [one]) for one in hashes[:: max(1, count // 900)]])
        if any(receipt is None or receipt["status"] != "0x1" for receipt in receipts):
            raise RuntimeError(f"some transfers failed; pool {status}")
        blocks = int(await rpc.call("eth_blockNumber"), 16) - first_block
        reads.sort()
        return {
            "transfers": count,
            "interval_ms": interval_ms,
            "submitted_per_s": round(count / submitted),
            "transfers_per_s": round(count / elapsed),
            "blocks": blocks,
            "read_ms_p50": round(statistics.median(reads), 1),
            "read_ms_p99": round(reads[int(len(reads) * 0.99)], 1),
            "loaded_mb": resident_mb(pid),
        }


async def _read_meanwhile(rpc: Rpc, times: list[float]) -> None:
    while True:
        begin = time.perf_counter()
        await rpc.call("eth_getBlockByNumber", "latest", False)
        times.append((time.perf_counter() - begin) * 1000)
        await asyncio.sleep(0.02)


async def main() -> None:
    """Run both measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=6_000)
    parser.add_argument("--interval-ms", type=int, default=1_000)
    parser.add_argument("--single", type=int, default=200, help="transactions sent one at a time")
    chosen = parser.parse_args()
    figures: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    }
    for name in ("latency", "throughput"):
        accounts = [Account(number + 1) for number in range(SENDERS + 2)]
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            token = prepare_home(home, accounts)
            if name == "latency":
                figures[name] = await measure_latency(home, token, accounts, chosen.single)
            else:
                figures[name] = await measure_throughput(home, token, accounts, chosen.transfers, chosen.interval_ms)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
