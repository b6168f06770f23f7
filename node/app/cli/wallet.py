"""`landfall wallet ...`: wallets in tiers, purposes that their money is for, and limits, on a running devnet."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from node.app.cli.output import print_answer
from node.app.cli.trade import DEFAULT_HOME, AsJson, HomeOption, Who

app = typer.Typer(
    help="Wallets in tiers, what their money is for, and limits, on a running `landfall devnet`.", no_args_is_help=True
)


class Tier(StrEnum):
    """Of a wallet."""

    ANONYMOUS = "anonymous"
    REGISTERED = "registered"


Purpose = Annotated[str, typer.Argument(help="Its name: up to 32 of a-z, 0-9 and -")]
Payee = Annotated[str, typer.Argument(help="An address, an institution's id or an own customer's")]
Currency = Annotated[str, typer.Argument(help="A currency that the caller issues")]


@app.command("list")
def list_wallets(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show the wallets of a bank's customers: tier and purpose."""
    from node.app.shown import wallet_lines
    from node.app.steps import open_steps

    with open_steps(home) as steps:
        print_answer(steps.get(who, "/wallets"), as_json, wallet_lines)


@app.command("open")
def open_wallet(
    customer: Annotated[str, typer.Argument(help="The customer's id at its bank")],
    who: Who,
    name: Annotated[str | None, typer.Option(help="Make the customer first, under this name")] = None,
    tier: Annotated[Tier, typer.Option(help="Which of a currency's limits apply")] = Tier.REGISTERED,
    purpose: Annotated[str | None, typer.Option(help="What its money, in every currency, is for")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Open a customer's wallet in a tier, with a purpose or none, or change it; its bank does."""
    from node.app.shown import wallet_order_lines
    from node.app.steps import open_steps

    with open_steps(home) as steps:
        if name is not None:
            steps.devnet.client(who).post("/customers", {"id": customer, "name": name})
        body = {"customer": customer, "tier": str(tier), "purpose": purpose}
        print_answer(steps.order(who, "/wallets", body), as_json, wallet_order_lines)


@app.command("purposes")
def list_purposes(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show every purpose of the network: its owner, and whom its money may pay."""
    from node.app.shown import purpose_lines
    from node.app.steps import open_steps

    with open_steps(home) as steps:
        print_answer(steps.get(who, "/purposes"), as_json, purpose_lines)


@app.command()
def define(purpose: Purpose, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Make a purpose, as a bank or central bank, which then keeps its list of payees."""
    _order(home, who, as_json, "/purposes", {"purpose": purpose})


@app.command()
def allow(purpose: Purpose, payee: Payee, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Put a payee on the list of a purpose; its owner does."""
    _order(home, who, as_json, f"/purposes/{purpose}/payees", {"payee": payee, "allowed": True})


@app.command()
def forbid(purpose: Purpose, payee: Payee, who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Take a payee off the list of a purpose; its owner does."""
    _order(home, who, as_json, f"/purposes/{purpose}/payees", {"payee": payee, "allowed": False})


@app.command("limits")
def list_limits(who: Who, home: HomeOption = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what wallets of each tier may hold and spend, currency by currency."""
    from node.app.shown import limit_lines
    from node.app.steps import open_steps

    with open_steps(home) as steps:
        print_answer(steps.get(who, "/tier-limits"), as_json, limit_lines)


@app.command()
def limit(
    currency: Currency,
    tier: Annotated[Tier, typer.Argument(help="Whose limits")],
    who: Who,
    holding: Annotated[str, typer.Option(help="The most a wallet may hold, such as 150.00; 0: no limit")] = "0",
    flow: Annotated[str, typer.Option(help="The most it may spend within the window; 0: no limit")] = "0",
    window: Annotated[int, typer.Option(help="Length of the window, seconds")] = 0,
    home: HomeOption = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Set what wallets of a tier may hold and spend of a currency, as its central bank."""
    from fx.money import Money

    amounts = {
        "holding_max": str(Money.parse(holding, currency).amount_minor),
        "flow_max": str(Money.parse(flow, currency).amount_minor),
    }
    _order(home, who, as_json, f"/tier-limits/{currency}/{tier}", {**amounts, "window_s": window})


def _order(home: Path, who: str, as_json: bool, path: str, body: dict[str, Any]) -> None:
    from node.app.shown import wallet_order_lines
    from node.app.steps import open_steps

    with open_steps(home) as steps:
        print_answer(steps.order(who, path, body), as_json, wallet_order_lines)
