"""How geth is started: a database of its own under the validator's home, one Unix socket, no network.

geth orders nothing and talks to nobody: no peers, no HTTP. Its socket carries the Engine API without a password, so
the folder of the socket must belong to this user alone (0700). The authenticated HTTP port cannot be switched off;
it listens on any free loopback port, with a secret that geth makes itself and nobody reads.

Every flag that is not geth's default has its reason here; what was measured is in docs/adr (execution by geth).
"""

from pathlib import Path
from typing import Final

from node.chain.errors import InvalidParamsError
from node.chain.limits import (
    GETH_CALL_TIMEOUT_S,
    GETH_MEMORY_BYTES,
    LOGS_TOPICS_MAX,
    RPC_BATCH_MAX,
    RPC_RESULT_BYTES_MAX,
    UNIX_PATH_BYTES_MAX,
)

DATA_FOLDER: Final = "geth"
_CACHE_MB: Final = 128
"""Split by geth between database, trie nodes and snapshot; the working set of a bank network is small."""
_GO_GC_PERCENT: Final = 200
"""Collect when the heap has tripled, until `GETH_MEMORY_BYTES` is near: fewer collections, bounded memory."""


def geth_command(binary: Path, home: Path, ipc: Path, gas_limit: int) -> tuple[list[str], dict[str, str]]:
    """Return the arguments that run a validator's geth, and what its environment needs besides the usual.

    Args:
        binary: The geth to run.
        home: The validator's home; the database is in `home/geth`.
        ipc: Where geth shall listen; its folder must exist with mode 0700.
        gas_limit: That of every block, from genesis.

    Raises:
        InvalidParamsError: the socket's path is longer than the system allows.
    """
    if len(bytes(ipc)) > UNIX_PATH_BYTES_MAX:
        raise InvalidParamsError(
            f"ipc: expected a path of at most {UNIX_PATH_BYTES_MAX} bytes, got {len(bytes(ipc))}; use a shorter home"
        )
    arguments = [
        str(binary),
        *_database(home),
        # Every state is on disk with its block: after a crash geth comes back at, or next to, its head.
        *("--gcmode", "archive"),
        *("--ipcpath", str(ipc)),
        *("--authrpc.addr", "127.0.0.1", "--authrpc.port", "0"),
        # No peers, and nothing that looks for any.
        *("--nodiscover", "--maxpeers", "0", "--nat", "none", "--port", "0", "--syncmode", "full"),
        # The gas limit moves towards this value by itself, so it must be the one in genesis.
        *("--miner.gaslimit", str(gas_limit)),
        # The pool is unused: transactions come with the block.
        *("--txpool.nolocals", "--txpool.journal", "", "--txpool.globalslots", "16", "--txpool.globalqueue", "16"),
        # What a reader may ask for.
        *("--rpc.gascap", str(gas_limit // 2), "--rpc.evmtimeout", f"{GETH_CALL_TIMEOUT_S:g}s"),
        *("--rpc.batch-request-limit", str(RPC_BATCH_MAX)),
        *("--rpc.batch-response-max-size", str(RPC_RESULT_BYTES_MAX)),
        *("--rpc.logquerylimit", str(LOGS_TOPICS_MAX)),
        # Every transaction can be found by its hash, however old. The index over logs costs more with every block
        # than it saves: ranges are asked piece by piece, and blocks have Bloom filters.
        *("--history.transactions", "0", "--history.logs.disable"),
        *("--cache", str(_CACHE_MB), "--cache.noprefetch"),
        # Warnings and errors only: two lines per block would hide everything else, and so would one for every
        # call of a client that reverts.
        *("--verbosity", "2", "--log.vmodule", "rpc/*=1"),
    ]
    return arguments, {"GOGC": str(_GO_GC_PERCENT), "GOMEMLIMIT": str(GETH_MEMORY_BYTES)}


def geth_init_command(binary: Path, home: Path, genesis: Path) -> list[str]:
    """Return the arguments that make geth's database with block 0; on an existing one they change nothing."""
    return [str(binary), "--verbosity", "2", "init", *_database(home), str(genesis)]


def _database(home: Path) -> list[str]:
    return ["--datadir", str(home / DATA_FOLDER), "--state.scheme", "hash"]
