"""A network of validators on this machine: N homes under one folder, each run by its own `landfall start`.

Everything is on loopback. The institutions are the devnet's, and so are their keys, which anybody can derive.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal

from contracts.genesis import GovernanceRules
from node.app.cast import Cast, InstitutionCast, devnet_seed, load_cast
from node.app.errors import HomeError, ProcessError
from node.app.examples import RATES, example
from node.app.home import Home, message_key, prepare_desk
from node.app.supervisor import free_ports, log_path, python_module, tail_of
from node.app.validator.ceremony import NetworkPlan, merge_members, peers_of
from node.app.validator.home import (
    DeskSettings,
    NodeSettings,
    ValidatorHome,
    read_genesis_file,
    read_settings,
    write_settings,
)
from node.app.validator.members import Member, MemberCurrency, MemberValidator
from node.app.validator.preparing import make_node_key, prepare_home
from node.app.validator.running import DESK, is_running, pids_of, read_status
from node.chain.validator_key import write_validator_key
from pqc import secp256k1, signatures

NETWORK: Final = "landfall-local"
START_TIMEOUT_S: Final = 300.0
"""Of a machine that has better things to do; a validator that fails is noticed before."""
STOP_TIMEOUT_S: Final = 90.0
_STARTS_MAX: Final = 3
SUPERVISOR: Final = "supervisor"
_POLL_S: Final = 0.05
_PORTS_EACH: Final = 3
_VOTING_S: Final = 60
"""As short as the contract allows, so that a change of validators can be tried in a sitting."""
Engines = Literal["geth", "pyevm", "mixed"]


@dataclass(frozen=True, slots=True)
class LocalValidator:
    """One of the network; `number` is 1 for the first."""

    number: int
    home: ValidatorHome

    @property
    def name(self) -> str:
        return self.home.root.name

    @property
    def rpc_url(self) -> str:
        return read_settings(self.home).rpc_url

    @property
    def desk(self) -> DeskSettings | None:
        return read_settings(self.home).desk

    @property
    def is_running(self) -> bool:
        return is_running(self.home)

    def pid(self, process: str) -> int:
        """Return the process id of one of its programs, or of its supervisor.

        Raises:
            HomeError: it does not run, or has no such program.
        """
        status = read_status(self.home) if self.is_running else None
        pids = {} if status is None else {SUPERVISOR: status["supervisor"], **pids_of(status)}
        if process not in pids:
            raise HomeError(f"--process: expected one of {', '.join(pids) or 'a running validator'}, got {process!r}")
        return int(pids[process])


@dataclass(frozen=True, slots=True)
class LocalNetwork:
    """The validators below one folder."""

    root: Path

    @property
    def validators(self) -> tuple[LocalValidator, ...]:
        """Every validator, in order.

        Raises:
            HomeError: no network is in the folder.
        """
        try:
            names = json.loads(self._file.read_text("utf-8"))["validators"]
        except (OSError, ValueError, KeyError) as error:
            raise HomeError(
                f"--home: expected a network, got none in {self.root}; landfall network up makes one"
            ) from error
        return tuple(LocalValidator(at, ValidatorHome(self.root / name)) for at, name in enumerate(names, 1))

    @property
    def exists(self) -> bool:
        return self._file.exists()

    def validator(self, number: int) -> LocalValidator:
        """Return the validator of that number.

        Raises:
            HomeError: there is none.
        """
        validators = self.validators
        if not 1 <= number <= len(validators):
            raise HomeError(f"validator: expected 1 to {len(validators)}, got {number}")
        return validators[number - 1]

    def make(
        self,
        count: int,
        *,
        engine: Engines = "geth",
        algorithm: str = "ML-DSA-65",
        engines: Path | None = None,
        liboqs: Path | None = None,
        now_s: int,
    ) -> None:
        """Make the homes of a new network.

        Args:
            engine: mixed = geth everywhere but py-evm on the last.
            now_s: The network's first second.

        Raises:
            HomeError: a network is here already, or there are not so many institutions.
        """
        if self.exists:
            raise HomeError(f"--home: {self.root} has a network already; start it as it is, or anew with --fresh")
        cast = load_cast()
        chosen = _chosen(cast, count)
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        ports = free_ports(_PORTS_EACH * count)
        settings = {}
        for at, name in enumerate(chosen):
            is_pyevm = engine == "pyevm" or (engine == "mixed" and at == count - 1)
            rpc_port, p2p_port, consensus_port = ports[_PORTS_EACH * at : _PORTS_EACH * (at + 1)]
            settings[name] = NodeSettings(
                name=name,
                engine="pyevm" if is_pyevm else "geth",
                rpc_port=rpc_port,
                p2p_host="127.0.0.1",
                p2p_port=p2p_port,
                consensus_port=consensus_port,
                engines=engines and engines.absolute(),
                liboqs=liboqs and liboqs.absolute(),
            )
        plan = NetworkPlan(
            network=NETWORK,
            chain_id=cast.chain_id,
            genesis_time_s=now_s,
            rules=GovernanceRules(voting_s=_VOTING_S, lock_s=0),
            prefunded=tuple(bytes.fromhex(account.removeprefix("0x")) for account in cast.developer_accounts),
        )
        genesis = merge_members(_members(self.root, cast, settings, algorithm), plan)
        for name, one in settings.items():
            peers = peers_of(genesis, name)
            prepare_home(ValidatorHome(self.root / name), genesis, one.model_copy(update={"peers": peers}))
        # Last: a folder with this file is complete.
        self._file.write_text(json.dumps({"validators": chosen}, indent=1) + "\n", "utf-8")

    def add_desk(self) -> None:
        """Let the first validator run the desk of all institutions, beginning with its next start.

        Raises:
            HomeError: the validator runs without one.
        """
        one = self.validator(1)
        settings = read_settings(one.home)
        if settings.desk is not None:
            return
        if one.is_running:
            raise HomeError(f"--desk: {one.name} runs without a desk; stop the network first: landfall network down")
        genesis = read_genesis_file(one.home.genesis)
        began = datetime.fromtimestamp(genesis["landfall"]["genesis_time_s"], UTC)
        cast = load_cast().model_copy(update={"network": NETWORK, "genesis_time": began})
        prepare_desk(Home(one.home.desk), cast, genesis, _last_fixing(began.date()))
        rest_port, messages_port = free_ports(2)
        desk = DeskSettings(rest_port=rest_port, messages_port=messages_port)
        # Last: what a start that was cut off left behind is made anew.
        write_settings(one.home, settings.model_copy(update={"desk": desk}))

    def up(self, numbers: Iterable[int] = ()) -> None:
        """Start all validators, or those of the numbers; return when they run.

        Raises:
            ProcessError: one of them did not start.
        """
        chosen = self._chosen(numbers)
        spawned = {one.number: _spawn(one) for one in chosen if not one.is_running}
        for one in chosen:
            _wait_running(one, spawned.get(one.number))

    def down(self, numbers: Iterable[int] = ()) -> None:
        """Stop all validators, or those of the numbers, in an orderly way; return when they have stopped."""
        chosen = self._chosen(numbers)
        for one in chosen:
            with contextlib.suppress(HomeError, ProcessLookupError):
                os.kill(one.pid(SUPERVISOR), signal.SIGTERM)
        for one in chosen:
            _wait(partial(_has_stopped, one), STOP_TIMEOUT_S, f"{one.name} to stop")

    def kill(self, number: int, process: str | None = None) -> None:
        """Kill a program of a validator, which its supervisor starts again; or all at once, as a power cut does."""
        one = self.validator(number)
        if process is not None:
            os.kill(one.pid(process), signal.SIGKILL)
            return
        supervisor = one.pid(SUPERVISOR)
        # Stopped first: it must neither see its programs end nor start them again.
        os.kill(supervisor, signal.SIGSTOP)
        for pid in pids_of(read_status(one.home) or {}).values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.kill(supervisor, signal.SIGKILL)
        _wait(partial(_has_stopped, one), STOP_TIMEOUT_S, f"{one.name} to end")

    def remove(self) -> None:
        """Delete a stopped network.

        Raises:
            HomeError: a validator runs.
        """
        for one in self.validators:
            if one.is_running:
                raise HomeError(f"{one.name} runs; stop the network first: landfall network down")
        for one in self.validators:
            shutil.rmtree(one.home.root)
        self._file.unlink()

    def _chosen(self, numbers: Iterable[int]) -> list[LocalValidator]:
        return [self.validator(number) for number in numbers] or list(self.validators)

    @property
    def _file(self) -> Path:
        return self.root / "network.json"


def _wait_running(one: LocalValidator, supervisor: "subprocess.Popen[bytes] | None") -> None:
    def is_ready() -> bool:
        status = read_status(one.home) or {}
        has_ended = supervisor is not None and supervisor.poll() is not None
        waited_for = [unit for unit in (status, status.get(DESK, status)) if unit.get("state") != "running"]
        in_vain = [unit for unit in waited_for if has_ended or unit.get("restarts", 0) >= _STARTS_MAX]
        if in_vain:
            reason = in_vain[0].get("reason") or tail_of(log_path(one.home.root, SUPERVISOR))
            raise ProcessError(f"{one.name} did not start: {reason}")
        return not waited_for

    _wait(is_ready, START_TIMEOUT_S, f"{one.name} to run (see {one.home.root}/logs)")


def _has_stopped(one: LocalValidator) -> bool:
    return not one.is_running


def _spawn(one: LocalValidator) -> "subprocess.Popen[bytes]":
    one.home.status.unlink(missing_ok=True)
    log = log_path(one.home.root, SUPERVISOR)
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            python_module("node.app.cli", "start", "--home", str(one.home.root)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(is_so: Callable[[], bool], timeout_s: float, what: str) -> None:
    end = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > end:
            raise ProcessError(f"expected {what} within {timeout_s:g} s")
        time.sleep(_POLL_S)


def _chosen(cast: Cast, count: int) -> list[str]:
    """Return whose validators there are: banks first, then central banks, then the others."""

    def rank(one: InstitutionCast) -> int:
        return 0 if "bank" in one.roles else 1 if "central_bank" in one.roles else 2

    names = [one.id for one in sorted(cast.institutions, key=rank)]
    if not 1 <= count <= len(names):
        raise HomeError(f"--validators: expected 1 to {len(names)}, got {count}")
    return names[:count]


def _last_fixing(day: date) -> bytes:
    """Return the shipped fixings' last one, dated `day`: a network's time is everyone's, whatever day the file ends."""
    head, *_, last = example(RATES).read_text("ascii").splitlines()
    return f"{head}\n{day.isoformat()},{last.partition(',')[2]}\n".encode()


def _members(root: Path, cast: Cast, settings: Mapping[str, NodeSettings], algorithm: str) -> Iterable[Member]:
    for one in cast.institutions:
        account = secp256k1.address_of(secp256k1.public_key(devnet_seed(one.id, "transaction")))
        key = message_key(one.id)
        yield Member(
            id=one.id,
            name=one.name,
            lei=one.lei,
            bic=one.bic,
            roles=tuple(role for role in one.roles if role != "validator"),
            account=account.lower(),
            message_key=signatures.thumbprint(key.alg, key.public_key).hex(),
            currencies=tuple(
                MemberCurrency(code=currency.code, name=currency.name, symbol=currency.symbol)
                for currency in cast.currencies
                if currency.issuer == one.id
            ),
            validator=_validator(root, settings[one.id], algorithm) if one.id in settings else None,
        )


def _validator(root: Path, settings: NodeSettings, algorithm: str) -> MemberValidator:
    home = ValidatorHome(root / settings.name)
    try:
        home.root.mkdir(mode=0o700)
    except FileExistsError:
        raise HomeError(f"{home.root}: expected no folder, got one that no network lists; remove it") from None
    key = signatures.from_seed(algorithm, devnet_seed(settings.name, "validator"))
    write_validator_key(home.root, key)
    return MemberValidator(
        algorithm=algorithm,
        public_key=key.public_key.hex(),
        node_id=make_node_key(home),
        address=f"{settings.p2p_host}:{settings.p2p_port}",
    )
