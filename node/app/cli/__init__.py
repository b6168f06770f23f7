"""The command line: `landfall ...`. Each command imports what it needs when it runs."""

import sys

import typer

from node.app.cli import (
    audit,
    demo,
    devnet,
    init,
    keys,
    light,
    message,
    message_exchange,
    network,
    operating,
    participant,
    start,
    trade,
    user,
    validator,
    verify,
    wallet,
)
from node.app.cli.output import fail

app = typer.Typer(
    name="landfall",
    help="Landfall: goods make landfall, money moves. A cross-border settlement node.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.run)
app.command("verify")(verify.run)
app.command("light")(light.run)
app.command("genesis")(devnet.genesis)
app.command("start")(start.run)
app.command("status")(operating.status)
app.command("doctor")(operating.doctor)
app.command("join")(operating.join)
app.add_typer(devnet.app, name="devnet")
app.add_typer(init.app, name="init")
app.add_typer(network.app, name="network")
app.add_typer(trade.app, name="trade")
app.add_typer(participant.app, name="participant")
app.add_typer(keys.app, name="keys")
app.add_typer(message.app, name="message")
app.add_typer(wallet.app, name="wallet")
app.add_typer(validator.app, name="validator")
app.add_typer(audit.app, name="audit")
app.add_typer(user.app, name="user")
for command in (message_exchange.send, message_exchange.track, message_exchange.repair):
    message.app.command()(command)


def main() -> None:
    """Entry point: an expected error is one line on standard error and exit code 1."""
    try:
        app()
    except Exception as error:
        if not fail(error):
            raise
        sys.exit(1)
