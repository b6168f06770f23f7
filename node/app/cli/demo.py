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
    scenario: Annotated[Scenario | None, typer.Option(help="One story (default: all)")] = None,
    out: Annotated[Path, typer.Option(help="Directory for evidence packs")] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for machines")] = False,
) -> None:
    """Run whole trades on a devnet of their own and tell them as they happen."""
    started = time.monotonic()
    told = {one.value: asyncio.run(_play(one, out, as_json)) for one in ([scenario] if scenario else Scenario)}
    if as_json:
        print_json({name: story.facts for name, story in told.items()})
    else:
        print_line()
        print_line(f"done in {time.monotonic() - started:.0f} s; evidence packs in {out}/")


async def _play(scenario: Scenario, out: Path, quiet: bool) -> "Story":
    from node.app.demo import no_delivery, roses
    from node.app.demo.story import Story
    from node.app.devnet import running_devnet
    from node.app.steps import open_steps

    story = Story(_silent if quiet else print_line)
    play = {Scenario.ROSES: roses.play, Scenario.NO_DELIVERY: no_delivery.play}[scenario]
    story.say("")
    story.say(f"== {scenario.value}: {(play.__globals__['__doc__'] or '').strip()}")
    with tempfile.TemporaryDirectory(prefix="landfall-demo-") as folder:
        async with running_devnet(Path(folder), rpc_port=0, rest_port=0):
            with open_steps(Path(folder)) as steps:
                await asyncio.to_thread(play, steps, story, out / f"{scenario.value}.evidence.json")
    return story


def _silent(_line: str) -> None:
    return
