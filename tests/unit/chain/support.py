"""A small chain in a temporary directory: prefunded accounts, a token-like contract, everything in one process."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import rlp
from coincurve import PrivateKey
from eth_hash.auto import keccak

from node.chain.application import Application
from node.chain.clock import LedgerClock
from node.chain.finality import StoredFinality
from node.chain.genesis import BLOB_SCHEDULE
from node.chain.genesis_block import FORKS_AT_ZERO, Genesis, read_genesis
from node.chain.hooks import WriteHook, no_hook
from node.chain.intake import Intake
from node.chain.journal import TransactionJournal
from node.chain.jsonrpc.eth import EthMethods
from node.chain.jsonrpc.finality import FinalityMethods
from node.chain.jsonrpc.logs import LogMethods, StoredLogs
from node.chain.jsonrpc.network import NetworkMethods
from node.chain.jsonrpc.reads import StoredReads
from node.chain.jsonrpc.server import JsonRpcServer
from node.chain.jsonrpc.views import BlockViews
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.sealing import BlockSealer
from node.chain.solo import SoloDriver
from node.chain.state import Account, StateReader
from node.chain.store import ChainStore
from node.chain.system_contracts import SYSTEM_CONTRACTS
from pqc import signatures

CHAIN_ID = 1337
GENESIS_TIME_S = 1_800_000_000
KEY = signatures.from_seed("ML-DSA-65", b"\x07" * 32)
ETHER = 10**18

# Stores calldata word 1 at slot calldata word 0, logs it, and returns the old value:
# SLOAD(c0); SSTORE(c0, c1); LOG1(c1, topic c0); return old.
STORE_CODE = bytes.fromhex("5f35546020355f35556020355f525f3560205fa15f5260205ff3")
STORE = bytes.fromhex("5707e00000000000000000000000000000000001")
# Reverts with Error("no").
REVERT_CODE = bytes.fromhex(
    "7f08c379a0000000000000000000000000000000000000000000000000000000005f52"
    "60206004526002602452616e6f60f01b60445260645ffd"
)
REVERT = bytes.fromhex("2e7e270000000000000000000000000000000002")
# Loops for ever: JUMPDEST PUSH0 JUMP.
LOOP = bytes.fromhex("1009000000000000000000000000000000000003")
# Calls itself with all gas for ever.
RECURSE_CODE = bytes.fromhex("5f5f5f5f5f305af150")
RECURSE = bytes.fromhex("2ec0000000000000000000000000000000000004")
# Clears slots 1 to 10, which genesis set: refunds more than a fifth of the gas.
CLEAR_CODE = b"".join(b"\x5f\x60" + bytes([slot]) + b"\x55" for slot in range(1, 11))
CLEAR = bytes.fromhex("c1ea700000000000000000000000000000000005")


@dataclass
class Actor:
    """An account whose key the test holds; `nonce` is the next one."""

    number: int
    nonce: int = 0
    _key: PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._key = PrivateKey(self.number.to_bytes(32, "big"))

    @property
    def address(self) -> bytes:
        return keccak(self._key.public_key.format(compressed=False)[1:])[12:]

    def sign(self, **changes: Any) -> bytes:
        """Return a raw type 2 transaction and count the nonce up, unless a nonce is given."""
        fields = {"chain_id": CHAIN_ID, "nonce": self.nonce, "tip": 0, "fee": 0, "gas": 100_000}
        fields |= {"to": b"\x11" * 20, "value": 0, "data": b"", "access_list": []}
        if "nonce" not in changes:
            self.nonce += 1
        unsigned = list((fields | changes).values())
        return b"\2" + rlp.encode([*unsigned, *self._signature(b"\2" + rlp.encode(unsigned))])

    def sign_legacy(self, *, chain_id: int | None = CHAIN_ID, price: int = 0, gas: int = 21_000) -> bytes:
        """Return a raw legacy transaction; without a chain id as before EIP-155."""
        unsigned: list[Any] = [self.nonce, price, gas, b"\x11" * 20, 1, b""]
        extra = [] if chain_id is None else [chain_id, 0, 0]
        parity, r, s = self._signature(rlp.encode([*unsigned, *extra]))
        self.nonce += 1
        v = 27 + parity if chain_id is None else 35 + 2 * chain_id + parity
        encoded: bytes = rlp.encode([*unsigned, v, r, s])
        return encoded

    def sign_typed(self, type_id: int, fields: list[Any]) -> bytes:
        """Return a raw typed transaction of any fields."""
        encoded = bytes([type_id]) + rlp.encode(fields)
        return bytes([type_id]) + rlp.encode([*fields, *self._signature(encoded)])

    def authorize(self, address: bytes, nonce: int, chain_id: int = CHAIN_ID) -> list[Any]:
        """Return an EIP-7702 authorization."""
        return [chain_id, address, nonce, *self._signature(b"\5" + rlp.encode([chain_id, address, nonce]))]

    def _signature(self, message: bytes) -> tuple[int, int, int]:
        signature = self._key.sign_recoverable(keccak(message), hasher=None)
        return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def genesis_document(balances: Mapping[bytes, int], **changes: Any) -> dict[str, Any]:
    """Return a genesis file with the test contracts and these balances."""
    alloc: dict[str, Any] = {
        address: {"balance": "0x0", "nonce": "0x1", "code": code} for address, code in SYSTEM_CONTRACTS.items()
    }
    for address, code in ((STORE, STORE_CODE), (REVERT, REVERT_CODE), (LOOP, b"\x5b\x5f\x56"), (RECURSE, RECURSE_CODE)):
        alloc["0x" + address.hex()] = {"balance": "0x0", "nonce": "0x1", "code": "0x" + code.hex()}
    storage = {f"0x{slot:064x}": "0x" + "00" * 31 + "01" for slot in range(1, 11)}
    alloc["0x" + CLEAR.hex()] = {
        "balance": "0x0",
        "nonce": "0x1",
        "code": "0x" + CLEAR_CODE.hex(),
        "storage": storage,
    }
    alloc |= {"0x" + address.hex(): {"balance": hex(balance)} for address, balance in balances.items()}
    document = {
        "config": {
            "chainId": CHAIN_ID,
            **dict.fromkeys(FORKS_AT_ZERO, 0),
            "terminalTotalDifficulty": 0,
            "blobSchedule": BLOB_SCHEDULE,
        },
        "nonce": "0x0",
        "timestamp": hex(GENESIS_TIME_S),
        "extraData": "0x",
        "gasLimit": "0x3938700",
        "difficulty": "0x0",
        "mixHash": "0x" + "00" * 32,
        "coinbase": "0x" + "00" * 20,
        "baseFeePerGas": "0x0",
        "alloc": alloc,
        "landfall": {
            "network": "landfall-test",
            "validators": [
                {"name": "one", "algorithm": KEY.alg, "public_key": "0x" + KEY.public_key.hex(), "power": 1}
            ],
        },
    }
    return document | changes


def write_home(home: Path, balances: Mapping[bytes, int]) -> None:
    """Write what the chain process needs into a home directory."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "genesis.json").write_text(json.dumps(genesis_document(balances)), "utf-8")
    (home / "validator_key.json").write_text(json.dumps({"algorithm": KEY.alg, "seed": KEY.seed.hex()}), "utf-8")


@dataclass(kw_only=True)
class LocalChain:
    """An open chain without a network; `wall_s` is the fake clock."""

    genesis: Genesis
    store: ChainStore
    journal: TransactionJournal
    application: Application
    driver: SoloDriver
    intake: Intake
    wall_s: list[float]
    flusher: asyncio.Task[None]
    server: JsonRpcServer

    def account(self, address: bytes) -> Account:
        """Return an account after the head block."""
        return StateReader(self.store).account(self.application.head.state_root, address)

    async def rpc(self, method: str, *params: Any) -> Any:
        """Return the answer's `result`, or its whole `error` object."""
        answer: Any = await self.server.answer({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        assert answer["id"] == 1
        return answer["error"] if "error" in answer else answer["result"]

    async def send(self, *raws: bytes) -> list[bytes]:
        """Submit and make one block."""
        hashes = [await self.intake.submit(raw) for raw in raws]
        await self.driver.make_block()
        return hashes

    async def close(self) -> None:
        """Close files; the driver's loop was never started."""
        self.flusher.cancel()
        await asyncio.gather(self.flusher, return_exceptions=True)
        self.journal.close()
        self.store.close()


async def open_local_chain(
    path: Path,
    actors: list[Actor],
    hook: WriteHook = no_hook,
    *,
    has_time_control: bool = True,
    codes: Mapping[bytes, bytes] = MappingProxyType({}),
) -> LocalChain:
    """Open (or open again) the chain in `path`; call it inside a running loop. `codes` adds code to accounts."""
    document = genesis_document({actor.address: 1_000 * ETHER for actor in actors})
    for address, code in codes.items():
        document["alloc"]["0x" + address.hex()]["code"] = "0x" + code.hex()
    genesis = read_genesis(document)
    store = ChainStore(path, hook, map_bytes=1 << 28)
    journal = TransactionJournal(path / "journal.log", hook)
    wall_s = [float(GENESIS_TIME_S + 10)]
    sealer = BlockSealer(genesis, store, KEY)
    engine = PyEvmEngine(store, CHAIN_ID)
    application = Application(genesis, store, engine)
    await application.open()
    driver = SoloDriver(application, sealer, LedgerClock(lambda: wall_s[0]), journal)
    intake = Intake(application, journal, driver.transaction_taken)
    await intake.replay()
    flusher = asyncio.get_running_loop().create_task(journal.run(lambda: [tx.item for tx in application.mempool.all()]))
    views = BlockViews(application)
    server = JsonRpcServer({})
    reads = StoredReads(application, views, engine).table()
    finality = FinalityMethods(store, views, StoredFinality(store, genesis.validators))
    server.open(
        {
            **EthMethods(application, intake, "landfall/test").table(),
            **reads,
            "eth_getTransactionReceipt": finality.with_finality(reads["eth_getTransactionReceipt"]),
            **finality.table(),
            **LogMethods(application, views, StoredLogs(store, views)).table(),
            **NetworkMethods(application, driver.clock, driver if has_time_control else None).table(),
        }
    )
    return LocalChain(
        genesis=genesis,
        store=store,
        journal=journal,
        application=application,
        driver=driver,
        intake=intake,
        wall_s=wall_s,
        flusher=flusher,
        server=server,
    )
