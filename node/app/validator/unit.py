"""The programs of a validator, geth, chain and CometBFT, and of its desk; how the supervisor starts them."""

from pathlib import Path
from typing import Final

from node.app.supervisor import Program, Unit, python_module
from node.app.validator.engines import COMETBFT, GETH, find_engine
from node.app.validator.home import DeskSettings, NodeSettings, ValidatorHome, read_genesis_file
from node.app.validator.preparing import prepare_run
from node.chain.geth.command import geth_command
from node.chain.process import FINAL_EXIT_CODE

_REBUILD_TIMEOUT_S: Final = 7 * 86_400.0
"""Engine and application may have to execute the whole chain again before they are ready."""
_FLUSH_TIMEOUT_S: Final = 60.0
"""geth writes what it holds in memory when it ends."""
_DESK_TIMEOUT_S: Final = 300.0
"""Its first start makes a database for each institution."""
_COMETBFT_ENVIRONMENT: Final = {"GOMEMLIMIT": "256MiB"}


def validator_unit(home: ValidatorHome, settings: NodeSettings) -> Unit:
    """Return the unit that runs in a prepared home.

    Raises:
        EngineMissingError: a program is not on this machine.
        HomeError: the home is not prepared.
    """
    run = home.run
    cometbft = find_engine(COMETBFT, settings.engines)
    geth = find_engine(GETH, settings.engines) if settings.engine == "geth" else None
    programs = [] if geth is None else [_geth(home, geth, run / "geth.ipc")]
    programs += [
        Program(
            "chain",
            python_module(
                "node.chain",
                *("--home", str(home.root), "--host", settings.rpc_host, "--port", str(settings.rpc_port)),
                *("--consensus", "cometbft", "--engine", settings.engine, "--run-dir", str(run)),
                *(("--liboqs", str(settings.liboqs)) if settings.liboqs else ()),
            ),
            ready=run / "abci.sock",
            start_timeout_s=_REBUILD_TIMEOUT_S,
            final_code=FINAL_EXIT_CODE,
        ),
        Program(
            "cometbft",
            (str(cometbft), "start", "--home", str(home.cometbft)),
            ready=run / "cometbft.sock",
            environment=_COMETBFT_ENVIRONMENT,
            after=("chain",),
            start_timeout_s=_REBUILD_TIMEOUT_S,
        ),
    ]
    return Unit(home.root, tuple(programs), prepare=lambda: prepare_run(home, settings, geth))


def _geth(home: ValidatorHome, geth: Path, ipc: Path) -> Program:
    gas_limit = int(read_genesis_file(home.genesis)["gasLimit"], 16)
    command, environment = geth_command(geth, home.root, ipc, gas_limit)
    return Program("geth", tuple(command), ready=ipc, environment=environment, stop_timeout_s=_FLUSH_TIMEOUT_S)


def desk_unit(home: ValidatorHome, settings: NodeSettings, desk: DeskSettings) -> Unit:
    """Return the unit of a validator's desk: it waits for the chain, and the chain does not wait for it."""
    command = python_module(
        "node.app.desk",
        *("--home", str(home.desk), "--rpc-url", settings.rpc_url),
        *("--port", str(desk.rest_port), "--messages-port", str(desk.messages_port), "--keep-time"),
        *(("--liboqs", str(settings.liboqs)) if settings.liboqs else ()),
    )
    program = Program("desk", command, ready="desk_listening", start_timeout_s=_DESK_TIMEOUT_S)
    return Unit(home.root, (program,))
