"""`landfall demo`: a whole trade on a fresh devnet, told as it happens."""

import asyncio
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.app.cli.output import print_json, print_line

if TYPE_CHECKING:
    from node.app.demo.story import Story


class Scenario(StrEnum):
    """The stories there are; node/app/demo/scenarios.py tells them."""

    ROSES = "roses"
    NO_DELIVERY = "no-delivery"
    COFFEE_SHARE_0 = "coffee-share-0"
    COFFEE_SHARE_HALF = "coffee-share-half"
    COFFEE_SHARE_1 = "coffee-share-1"
    COFFEE_CALL_PAID = "coffee-call-paid"
    COFFEE_CALL_UNPAID = "coffee-call-unpaid"
    LOCK_FAILS = "lock-fails"
    ORACLE_DIES = "oracle-dies"
    FROZEN = "frozen"
    DISPUTED = "disputed"
    PARTIAL = "partial"
    ASSIGNED = "assigned"


FIRST = (Scenario.ROSES, Scenario.NO_DELIVERY)


def run(
    scenario: Annotated[
        list[Scenario] | None, typer.Option(help="A story; give it several times to tell them side by side")
    ] = None,
    tell_all: Annotated[bool, typer.Option("--all", help="Every story, side by side")] = False,
    out: Annotated[Path, typer.Option(help="Directory for evidence packs")] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for machines")] = False,
) -> None:
    """Run whole trades on a devnet of their own, and tell them as they happen: roses and no-delivery unless named."""
    started = time.monotonic()
    names = [one.value for one in (Scenario if tell_all else scenario or FIRST)]
    stories = asyncio.run(_play(names, out, as_json))
    if as_json:
        print_json([fact for story in stories for fact in story.facts])
    else:
        print_line()
        print_line(f"done in {time.monotonic() - started:.0f} s; evidence packs in {out}/")


async def _play(names: list[str], out: Path, quiet: bool) -> "list[Story]":
    from node.app.demo.play import play
    from node.app.demo.scenarios import SCENARIOS
    from node.app.running import running_devnet
    from node.app.steps import open_steps

    say = _silent if quiet else print_line
    scenarios = {name: SCENARIOS[name] for name in names}
    with tempfile.TemporaryDirectory(prefix="landfall-demo-") as folder:
        async with running_devnet(Path(folder), rpc_port=0, rest_port=0, messages_port=0):
            with open_steps(Path(folder)) as steps:
                return await asyncio.to_thread(play, steps, say, scenarios, out)


def _silent(_line: str) -> None:
    return
