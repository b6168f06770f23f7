"""Plays scenarios side by side on one devnet, as trades are in life: each is told when something happens in it."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from node.app.demo.story import Say, Story
from node.app.devnet import issue_starting_money
from node.app.shown import show_money, show_time
from node.app.steps import Steps

# A trade's story: it runs until something is to be waited for and yields the second of ledger time to go on at.
Scenario = Callable[[Steps, Story, Path], Iterator[int]]


def play(steps: Steps, say: Say, scenarios: Mapping[str, Scenario], out: Path) -> list[Story]:
    """Play the scenarios to their ends; evidence packs go to `out`. Return what was told."""
    stories = [_open_devnet(steps, say)]
    waiting: list[tuple[int, int, Iterator[int]]] = []
    for place, (name, scenario) in enumerate(scenarios.items()):
        story = Story(say, name)
        stories.append(story)
        heapq.heappush(waiting, (steps.devnet.now_s(), place, scenario(steps, story, out / f"{name}.evidence.json")))
    while waiting:
        time_s, place, scenes = heapq.heappop(waiting)
        steps.devnet.advance(max(time_s, steps.devnet.now_s()))
        next_s = next(scenes, None)
        if next_s is not None:
            heapq.heappush(waiting, (next_s, place, scenes))
    return stories


def _open_devnet(steps: Steps, say: Say) -> Story:
    story = Story(say, "devnet")
    story.step(f"The devnet is up; ledger time is {show_time(steps.devnet.now_s())} UTC")
    for owner, currency, minor in issue_starting_money(steps.devnet):
        is_institution = any(owner == one.id for one in steps.devnet.cast.institutions)
        payer = "the central bank issues" if is_institution else "its bank transfers"
        story.tell(f"{payer} {show_money(minor, currency)} to {owner}")
    return story
