"""The home directory of a validator: what is where, and its settings.

genesis.json              the network (geth's format plus the section `landfall`)
node.toml                 this node's settings: ports, peers, engine
validator_key.json        the seed it votes with, readable by this user only
chain/                    blocks, state (py-evm), journal: the one source of truth about blocks
geth/                     geth's database; made again from chain/ where it is missing
cometbft/config, data     CometBFT's files; config.toml is written from node.toml at every start
run/                      Unix sockets (abci.sock, cometbft.sock, geth.ipc), readable by this user only
logs/                     one file a program
status.json               what the supervisor does
"""

import json
import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from node.app.errors import HomeError
from node.chain.limits import UNIX_PATH_BYTES_MAX
from node.json_depth import json_depth
from pqc import whole_file

PEERS_MAX: Final = 100
_SETTINGS_BYTES_MAX: Final = 65_536
GENESIS_BYTES_MAX: Final = 64 << 20
GENESIS_DEPTH_MAX: Final = 32
NAME: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
_HOST: Final = r"[A-Za-z0-9.\-\[\]:]{1,253}"
Host = Annotated[str, Field(pattern=f"^{_HOST}$")]
HostPort = Annotated[str, Field(pattern=f"^{_HOST}:[0-9]{{1,5}}$")]
Peer = Annotated[str, Field(pattern=f"^[0-9a-f]{{40}}@{_HOST}:[0-9]{{1,5}}$")]
"""The id of a node's key, and where it listens."""
EngineName = Literal["geth", "pyevm"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StateSync(_Strict):
    """How a node that joins gets its first state: a snapshot under a header that its operator trusts."""

    trust_height: int = Field(gt=0)
    trust_hash: str = Field(pattern=r"^[0-9A-F]{64}$", description="The consensus header's hash")
    rpc_servers: tuple[HostPort, ...] = Field(
        min_length=2, max_length=PEERS_MAX, description="CometBFT RPC of two or more nodes that prove the headers"
    )


class NodeSettings(_Strict):
    """`node.toml`."""

    name: str = Field(pattern=NAME, description="The validator's name, as others see it")
    engine: EngineName = Field("geth", description="What executes blocks")
    rpc_host: Host = Field("127.0.0.1", description="Address of the Ethereum JSON-RPC port")
    rpc_port: int = Field(8545, ge=1, le=65_535)
    p2p_host: Host = Field("0.0.0.0", description="Address for the other validators")  # noqa: S104
    p2p_port: int = Field(26_656, ge=1, le=65_535)
    external_address: HostPort | Literal[""] = Field("", description="HOST:PORT under which the others reach it")
    consensus_host: Host = Field("127.0.0.1", description="Address of CometBFT's own RPC port")
    consensus_port: int = Field(0, ge=0, le=65_535, description="For nodes that join by state sync; 0 = closed")
    peers: tuple[Peer, ...] = Field((), max_length=PEERS_MAX, description="ID@HOST:PORT of the other validators")
    statesync: StateSync | None = None
    engines: Path | None = Field(None, description="Folder of cometbft and geth, where it is none of the usual ones")
    liboqs: Path | None = Field(None, description="Folder of liboqs, which then computes ML-DSA")


@dataclass(frozen=True, slots=True)
class ValidatorHome:
    """Paths below one home directory."""

    root: Path

    @property
    def genesis(self) -> Path:
        return self.root / "genesis.json"

    @property
    def settings(self) -> Path:
        return self.root / "node.toml"

    @property
    def cometbft(self) -> Path:
        return self.root / "cometbft"

    @property
    def geth(self) -> Path:
        return self.root / "geth"

    @property
    def keystore(self) -> Path:
        return self.root / "keystore.json"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def run(self) -> Path:
        """Where the sockets are: below the home, or for a home with a long path in a short folder of its own."""
        run = self.root.absolute() / "run"
        if len(bytes(run / "cometbft.sock")) <= UNIX_PATH_BYTES_MAX:
            return run
        return Path(tempfile.gettempdir()) / f"landfall-{sha256(bytes(self.root.resolve())).hexdigest()[:16]}"


def make_run_folder(run: Path) -> None:
    """Make the folder of the sockets empty and this user's alone: geth's socket asks for no password.

    Raises:
        HomeError: somebody else made it.
    """
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = run.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise HomeError(f"run folder: expected {run} to belong to this user, got another's; remove it")
    run.chmod(0o700)
    for socket in (*run.glob("*.sock"), *run.glob("*.ipc")):
        socket.unlink()


def read_genesis_file(path: Path) -> dict[str, Any]:
    """Return a genesis document.

    Raises:
        HomeError: not JSON, an object with a name twice, or too large.
    """
    try:
        data = whole_file.read(path, GENESIS_BYTES_MAX)
    except OSError as error:
        raise HomeError(f"genesis: {path} cannot be read ({error.strerror}); get it from who merged it") from error
    if len(data) > GENESIS_BYTES_MAX:
        raise HomeError(f"genesis: expected at most {GENESIS_BYTES_MAX} bytes, got more ({path})")
    depth = json_depth(data)
    if depth > GENESIS_DEPTH_MAX:
        raise HomeError(f"genesis: expected JSON at most {GENESIS_DEPTH_MAX} deep, got {depth} ({path})")
    try:
        document = json.loads(data, object_pairs_hook=_once)
    except ValueError as error:
        raise HomeError(f"genesis: expected JSON in {path}, got {str(error)[:200]}") from error
    if not isinstance(document, dict):
        raise HomeError(f"genesis: expected an object in {path}, got {type(document).__name__}")
    return document


def read_settings(home: ValidatorHome) -> NodeSettings:
    """Return the settings in `node.toml`.

    Raises:
        HomeError: none, or a field that is unknown or out of range.
    """
    try:
        data = whole_file.read(home.settings, _SETTINGS_BYTES_MAX)
    except OSError as error:
        raise HomeError(
            f"home: expected a prepared validator in {home.root}, got no node.toml; run landfall init use"
        ) from error
    try:
        return NodeSettings.model_validate(tomllib.loads(data.decode("utf-8")))
    except ValueError as error:
        raise HomeError(f"{home.settings}: {error}") from error


def write_settings(home: ValidatorHome, settings: NodeSettings) -> None:
    """Write `node.toml`, whole or not at all."""
    fields = settings.model_dump(mode="json", exclude_none=True)
    tables = {name: value for name, value in fields.items() if isinstance(value, dict)}
    plain = {name: value for name, value in fields.items() if name not in tables}
    whole_file.replace(home.settings, toml_text({"": plain, **tables}).encode())


def toml_text(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return TOML: a table per name, "" for the top level; values are text, numbers, booleans and lists of these.

    JSON writes each of them as TOML reads it, except DEL, which no setting holds.
    """
    lines: list[str] = []
    for name, values in tables.items():
        if name:
            lines += ["", f"[{name}]"]
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object with a name twice")
    return made
