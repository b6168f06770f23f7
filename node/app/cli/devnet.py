"""`landfall devnet`: a whole network on this machine, and its clock."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.app.cli.output import print_json, print_line

if TYPE_CHECKING:
    from node.app.settings import Settings

app = typer.Typer(
    help="A devnet on this machine: JSON-RPC, REST, eleven institutions, time travel.", no_args_is_help=False
)

HomeOption = Annotated[Path, typer.Option("--home", envvar="LANDFALL_HOME", help="Directory of the devnet")]


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    home: HomeOption = Path("devnet"),
    rpc_port: Annotated[
        int | None, typer.Option(help="Ethereum JSON-RPC port, 0 = any free one (default: 8545)")
    ] = None,
    rest_port: Annotated[int | None, typer.Option(help="REST port, 0 = any free one (default: 8600)")] = None,
    messages_port: Annotated[
        int | None, typer.Option(help="Port for other institutions' messages, 0 = any free one (default: 8601)")
    ] = None,
    block_interval_ms: Annotated[
        int | None, typer.Option(help="At least this long between blocks; 0 = at once (default: 0)")
    ] = None,
    rates_file: Annotated[Path | None, typer.Option(help="Daily fixings (CSV) instead of the shipped ones")] = None,
    liboqs: Annotated[
        Path | None, typer.Option(help="Folder of liboqs (`make liboqs`: .cache/liboqs): ML-DSA by it, faster")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the home first")] = False,
) -> None:
    """Run a devnet until Ctrl-C; its state is kept in --home."""
    context.obj = home
    if context.invoked_subcommand is not None:
        return
    from node.app.settings import load_settings

    settings = load_settings(
        home=home,
        rpc_port=rpc_port,
        rest_port=rest_port,
        messages_port=messages_port,
        block_interval_ms=block_interval_ms,
        rates_file=rates_file,
        liboqs=liboqs,
    )
    asyncio.run(_run(settings, fresh))


@app.command()
def advance(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=0, max=400, help="Whole days to move on")] = 0,
    to: Annotated[datetime | None, typer.Option(help="Ledger time to move to (UTC)")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Move a running devnet's ledger time, day by day, playing each day's fixing."""
    from node.app.devnet import open_devnet

    with open_devnet(context.obj) as devnet:
        start_s = devnet.now_s()
        target_s = start_s + int(timedelta(days=days).total_seconds())
        if to is not None:
            target_s = int(to.replace(tzinfo=UTC).timestamp())
        now_s = devnet.advance(target_s)
        if as_json:
            print_json({"from_s": start_s, "now_s": now_s})
        else:
            print_line(f"ledger time is now {datetime.fromtimestamp(now_s, UTC):%Y-%m-%d %H:%M:%S} UTC")


@app.command()
def fund(context: typer.Context, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Issue the cast's starting money on a running devnet; doing it again changes nothing."""
    from node.app.devnet import issue_starting_money, open_devnet
    from node.app.shown import show_money

    with open_devnet(context.obj) as devnet:
        done = issue_starting_money(devnet)
    if as_json:
        print_json([{"owner": who, "currency": currency, "amount_minor": str(minor)} for who, currency, minor in done])
        return
    for who, currency, minor in done:
        print_line(f"{who} has {show_money(minor, currency)} to start with")


def genesis(
    out: Annotated[Path, typer.Option(help="File to write")] = Path("genesis.json"),
) -> None:
    """Write the devnet's genesis file: geth's format plus the network's own section."""
    import json

    from node.app.network import shipped_genesis

    out.write_text(json.dumps(shipped_genesis(), indent=1) + "\n", "utf-8")
    print_line(f"genesis written to {out}")


async def _run(settings: "Settings", fresh: bool) -> None:
    from node.app.errors import ProcessError
    from node.app.running import running_devnet

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with running_devnet(
        settings.home,
        rpc_port=settings.rpc_port,
        rest_port=settings.rest_port,
        messages_port=settings.messages_port,
        interval_ms=settings.block_interval_ms,
        rates_file=settings.rates_file,
        liboqs=settings.liboqs,
        fresh=fresh,
    ) as node:
        print_line(f"JSON-RPC   {node.rpc_url}")
        print_line(f"REST       {node.rest_url}/docs")
        print_line(f"home       {settings.home} (tokens in access.json, logs in logs/)")
        stopped = asyncio.create_task(stop.wait())
        ended = asyncio.create_task(node.unit.ended())
        done, _ = await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended in done:
            stopped.cancel()
            raise ProcessError(ended.result())
        ended.cancel()
    print_line("stopped")
