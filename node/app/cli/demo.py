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
    """The stories there are."""

    ROSES = "roses"
    NO_DELIVERY = "no-delivery"


def run(
    scenario: Annotated[Scenario | None, typer.Option(help="One story (default: all, side by side)")] = None,
    out: Annotated[Path, typer.Option(help="Directory for evidence packs")] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for machines")] = False,
) -> None:
    """Run whole trades on a devnet of their own, and tell them as they happen."""
    started = time.monotonic()
    names = [scenario.value] if scenario else [one.value for one in Scenario]
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
        async with running_devnet(Path(folder), rpc_port=0, rest_port=0):
            with open_steps(Path(folder)) as steps:
                return await asyncio.to_thread(play, steps, say, scenarios, out)


def _silent(_line: str) -> None:
    return
