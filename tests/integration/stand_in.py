"""`landfall start` with a program that only listens in place of our chain, and CometBFT's own application.

python -m tests.integration.stand_in start --home DIR
"""

import sys
from dataclasses import replace

from node.app.cli import app
from node.app.supervisor import Program, Unit
from node.app.validator import local_network, running
from node.app.validator.home import NodeSettings, ValidatorHome
from node.app.validator.unit import validator_unit

_LISTEN = "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind({path!r}); s.listen(9); time.sleep(600)"


def stand_in(home: ValidatorHome, settings: NodeSettings) -> Unit:
    """Return the unit of a home, changed so."""

    def changed(program: Program) -> Program:
        if program.name == "chain":
            return replace(program, command=(sys.executable, "-c", _LISTEN.format(path=str(home.run / "abci.sock"))))
        if program.name == "cometbft":
            return replace(program, command=(*program.command, "--proxy_app", "kvstore"))
        return program

    unit = validator_unit(home, settings)
    return replace(unit, programs=tuple(map(changed, unit.programs)))


def command(_module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs this in place of `node.app.cli`."""
    return (sys.executable, "-W", "ignore", "-m", "tests.integration.stand_in", *arguments)


if __name__ == "__main__":
    running.validator_unit = stand_in
    local_network.python_module = command
    app()
