"""`landfall status`, `landfall doctor`, `landfall join`: a validator from outside, its machine, its way in later."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from node.app.cli.init import (
    AsJson,
    GenesisFile,
    P2pPort,
    RpcHost,
    RpcPort,
    node_settings,
)
from node.app.cli.network import EngineChoice, EnginesOption, LiboqsOption
from node.app.cli.output import print_json, print_line
from node.app.cli.start import DEFAULT_HOME, ValidatorHomeOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.app.validator.doctor import Finding
    from node.app.validator.home import ValidatorHome


def status(home: ValidatorHomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show heights, peers, engine, pool, age of the last block and disk; exit code 0 = the validator runs."""
    from node.app.validator.home import ValidatorHome

    show_health([ValidatorHome(home.absolute())], as_json)


def show_health(homes: "Sequence[ValidatorHome]", as_json: bool) -> None:
    """Print how validators do, as one table."""
    from node.app.shown import table
    from node.app.validator.health import HEADINGS, Health, health_rows, look_at

    async def look() -> list[Health]:
        return list(await asyncio.gather(*(look_at(home) for home in homes)))

    looks = asyncio.run(look())
    if as_json:
        print_json([asdict(one) for one in looks])
    else:
        for line in table(HEADINGS, health_rows(looks)):
            print_line(line)
        for one in looks:
            if one.reason:
                print_line(f"{one.name}: last started again because {one.reason}")
            if one.desk_reason:
                print_line(f"{one.name}: its desk last started again because {one.desk_reason}")
    if any(one.state != "running" or one.desk not in (None, "running") for one in looks):
        raise typer.Exit(1)


def doctor(home: ValidatorHomeOption = DEFAULT_HOME, engines: EnginesOption = None, as_json: AsJson = False) -> None:
    """Say what this machine lacks to run a validator, and how to get it: exit code 0 = nothing that is needed."""
    from node.app.shown import table
    from node.app.validator.doctor import examine, is_able
    from node.app.validator.home import ValidatorHome

    findings = examine(ValidatorHome(home.absolute()), engines)
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        rows = [(_mark(one), one.what, one.found) for one in findings]
        for line in table(("", "what", "found"), rows):
            print_line(line)
        for one in findings:
            if not one.is_good:
                print_line(f"{one.what}: {one.help}")
    if not is_able(findings):
        raise typer.Exit(1)


def _mark(finding: "Finding") -> str:
    return "ok" if finding.is_good else "MISSING" if finding.is_needed else "note"


def join(
    genesis: GenesisFile,
    name: Annotated[str, typer.Option(help="The node's name: a-z, 0-9 and -")],
    peer: Annotated[list[str], typer.Option(help="ID@HOST:PORT of a node of the network (repeatable)")],
    trust: Annotated[
        str,
        typer.Option(help="A consensus header that a member confirmed to you", metavar="HEIGHT:HASH"),
    ],
    rpc: Annotated[
        list[str], typer.Option(help="HOST:PORT of a node's consensus port; two or more, of different members")
    ],
    home: ValidatorHomeOption = DEFAULT_HOME,
    engine: Annotated[EngineChoice, typer.Option(help="What executes blocks: geth or pyevm")] = EngineChoice.GETH,
    rpc_host: RpcHost = "127.0.0.1",
    rpc_port: RpcPort = 8545,
    p2p_port: P2pPort = 26_656,
    engines: EnginesOption = None,
    liboqs: LiboqsOption = None,
) -> None:
    """Prepare --home for a network that runs: its first state comes from the others, under a header that you trust."""
    from node.app.validator.home import ValidatorHome, read_genesis_file
    from node.app.validator.preparing import prepare_home

    height, _, trusted = trust.partition(":")
    settings = node_settings(
        name=name,
        engine=engine.value,
        rpc_host=rpc_host,
        rpc_port=rpc_port,
        p2p_port=p2p_port,
        peers=tuple(peer),
        statesync={"trust_height": height, "trust_hash": trusted.upper(), "rpc_servers": tuple(rpc)},
        engines=engines and engines.absolute(),
        liboqs=liboqs and liboqs.absolute(),
    )
    place = ValidatorHome(home.absolute())
    prepare_home(place, read_genesis_file(genesis), settings)
    print_line(f"{home} is ready as {name}; next: landfall start")
    print_line("It follows the network, and votes once the members have voted its key in.")
