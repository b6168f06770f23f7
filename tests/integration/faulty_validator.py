"""`landfall start` whose chain process has the fault that the file `fault` in its home names, or none.

python -m tests.integration.faulty_validator start --home DIR
"""

from dataclasses import replace

from node.app.cli import main
from node.app.supervisor import Program, Unit, python_module
from node.app.validator import running
from node.app.validator.home import NodeSettings, ValidatorHome
from node.app.validator.unit import validator_unit

FAULT = "fault"
"""In the home: the name of the fault, as `faulty_chain` takes it."""


def faulty(home: ValidatorHome, settings: NodeSettings) -> Unit:
    """Return the unit of a home, with the fault."""
    fault = home.root / FAULT

    def changed(program: Program) -> Program:
        if program.name != "chain" or not fault.exists():
            return program
        arguments = program.command[program.command.index("node.chain") + 1 :]
        return replace(program, command=python_module("tests.integration.faulty_chain", fault.read_text(), *arguments))

    unit = validator_unit(home, settings)
    return replace(unit, programs=tuple(map(changed, unit.programs)))


def command(_module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs this in place of `node.app.cli`."""
    return python_module("tests.integration.faulty_validator", *arguments)


if __name__ == "__main__":
    setattr(running, "validator_unit", faulty)  # noqa: B010 - a test's hook
    main()
