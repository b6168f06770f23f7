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
    story = asyncio.run(_play([one.value for one in ([scenario] if scenario else Scenario)], out, as_json))
    if as_json:
        print_json(story.facts)
    else:
        print_line()
        print_line(f"done in {time.monotonic() - started:.0f} s; evidence packs in {out}/")


async def _play(names: list[str], out: Path, quiet: bool) -> "Story":
    from node.app.demo.play import play
    from node.app.demo.story import Story
    from node.app.running import running_devnet
    from node.app.steps import open_steps

    story = Story(_silent if quiet else print_line)
    with tempfile.TemporaryDirectory(prefix="landfall-demo-") as folder:
        async with running_devnet(Path(folder), rpc_port=0, rest_port=0):
            with open_steps(Path(folder)) as steps:
                await asyncio.to_thread(play, steps, story, names, out)
    return story


def _silent(_line: str) -> None:
    return
