"""`landfall network ...`: a network of validators on this machine, to try what happens to one."""

import signal
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.app.cli.output import print_line

if TYPE_CHECKING:
    from node.app.validator.local_network import LocalNetwork

app = typer.Typer(
    help="A network of validators on this machine. Their keys are public: never use it for value.",
    no_args_is_help=True,
)

HomeOption = Annotated[Path, typer.Option("--home", help="The network's directory", file_okay=False)]
EnginesOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of cometbft and geth (default: LANDFALL_ENGINES, what `make engines` built, or PATH)",
        file_okay=False,
    ),
]
LiboqsOption = Annotated[
    Path | None, typer.Option(help="Folder of liboqs (`make liboqs`: .cache/liboqs): ML-DSA by it, faster")
]
Number = Annotated[int, typer.Argument(metavar="N", help="The validator, 1 for the first", min=1)]
DEFAULT_HOME = Path("network")


class EngineChoice(StrEnum):
    """What executes blocks."""

    GETH = "geth"
    PYEVM = "pyevm"
    MIXED = "mixed"


class KeyChoice(StrEnum):
    """What validators vote with."""

    ML_DSA_65 = "ml-dsa-65"
    ED25519 = "ed25519"


def algorithm_of(keys: KeyChoice) -> str:
    """Return the algorithm's name in the rest of the program."""
    return {KeyChoice.ML_DSA_65: "ML-DSA-65", KeyChoice.ED25519: "Ed25519"}[keys]


@app.command()
def up(
    validators: Annotated[int, typer.Option(help="How many", min=1, max=11)] = 4,
    engine: Annotated[EngineChoice, typer.Option(help="mixed: geth, and py-evm on the last")] = EngineChoice.GETH,
    keys: Annotated[KeyChoice, typer.Option(help="The validators' keys")] = KeyChoice.ML_DSA_65,
    home: HomeOption = DEFAULT_HOME,
    engines: EnginesOption = None,
    liboqs: LiboqsOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the network in --home first")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it runs; stop it by `network down`")] = False,
) -> None:
    """Make a network of N validators, or start the one in --home as it is, and run it until Ctrl-C."""
    network = _network(home)
    if fresh and network.exists:
        network.remove()
    if network.exists:
        print_line(f"the network in {home}, as it was made; another one: --fresh")
    else:
        network.make(
            validators,
            engine=engine.value,
            algorithm=algorithm_of(keys),
            engines=engines,
            liboqs=liboqs,
            now_s=int(time.time()),
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        network.up()
        for one in network.validators:
            print_line(f"{one.number}  {one.name:<10} JSON-RPC {one.rpc_url}")
        print_line(f"logs in {home}/NAME/logs; landfall network status --home {home}")
        if detach:
            return
        signal.pause()
    except KeyboardInterrupt:
        print_line("stopping")
    except BaseException:
        network.down()
        raise
    network.down()
    print_line("stopped")


@app.command()
def down(home: HomeOption = DEFAULT_HOME) -> None:
    """Stop every validator in an orderly way."""
    _network(home).down()
    print_line("stopped")


@app.command()
def start(number: Number, home: HomeOption = DEFAULT_HOME) -> None:
    """Start a validator that was killed or stopped."""
    network = _network(home)
    network.up([number])
    print_line(f"{network.validator(number).name} runs")


@app.command()
def stop(number: Number, home: HomeOption = DEFAULT_HOME) -> None:
    """Stop one validator in an orderly way."""
    network = _network(home)
    network.down([number])
    print_line(f"{network.validator(number).name} has stopped")


@app.command()
def kill(
    number: Number,
    process: Annotated[
        str | None, typer.Option(help="One program: cometbft, chain, geth, supervisor (default: all of it at once)")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Kill (SIGKILL) a validator as a power cut does, or one of its programs, which its supervisor starts again."""
    network = _network(home)
    network.kill(number, process)
    name = network.validator(number).name
    if process is None:
        print_line(f"killed {name}; start it again: landfall network start {number} --home {home}")
    else:
        print_line(f"killed {process} of {name}")


@app.command()
def logs(
    number: Annotated[int | None, typer.Argument(metavar="[N]", help="One validator (default: all)", min=1)] = None,
    lines: Annotated[int, typer.Option(help="The last ones of each program", min=1, max=10_000)] = 20,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print the last lines that each program wrote, with the validator and the program named."""
    network = _network(home)
    for one in network.validators if number is None else (network.validator(number),):
        for path in sorted((one.home.root / "logs").glob("*.log")):
            for line in path.read_text("utf-8", "replace").splitlines()[-lines:]:
                print_line(f"{one.name} {path.stem:<10} {line}")


@app.command()
def status(home: HomeOption = DEFAULT_HOME, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Show how each validator does, in one table."""
    from node.app.cli.operating import show_health

    show_health([one.home for one in _network(home).validators], as_json)


def _network(home: Path) -> "LocalNetwork":
    from node.app.validator.local_network import LocalNetwork

    return LocalNetwork(home.absolute())
