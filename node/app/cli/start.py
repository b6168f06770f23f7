"""`landfall start`: a validator, until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.app.cli.output import fail, print_line

if TYPE_CHECKING:
    from node.app.restarting import UnitState

ValidatorHomeOption = Annotated[
    Path, typer.Option("--home", envvar="LANDFALL_HOME", help="The validator's directory", file_okay=False)
]
DEFAULT_HOME = Path("validator")


def run(home: ValidatorHomeOption = DEFAULT_HOME) -> None:
    """Run the validator prepared in --home (landfall init use) until Ctrl-C; exit code 3 = somebody has to look."""
    from node.app.errors import StoppedForGoodError
    from node.chain.process import FINAL_EXIT_CODE

    try:
        asyncio.run(_run(home.absolute()))
    except StoppedForGoodError as error:
        fail(error)
        raise typer.Exit(FINAL_EXIT_CODE) from error


async def _run(root: Path) -> None:
    from node.app.validator.home import ValidatorHome
    from node.app.validator.running import run_validator

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await run_validator(ValidatorHome(root), stop, _tell)


def _tell(unit: str, state: "UnitState") -> None:
    programs = ", ".join(f"{name} {pid}" for name, pid in state.pids.items())
    reason = f" (before: {state.reason})" if state.reason else ""
    print_line(f"{unit} {state.state}{': ' + programs if programs else ''}{reason}")
