"""Plays scenarios side by side on one devnet, as trades are in life: all begin, then each is followed to its end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from node.app.demo import no_delivery, roses
from node.app.demo.story import Story
from node.app.devnet import issue_starting_money
from node.app.shown import show_money, show_time
from node.app.steps import Steps


class Scenario(Protocol):
    """A trade's story, in two halves."""

    def begin(self, steps: Steps, story: Story) -> str:
        """Agree and fund the trade; return its reference."""
        ...

    def follow(self, steps: Steps, story: Story, reference: str, out: Path) -> None:
        """Follow it to its end and write its evidence pack to `out`."""
        ...


SCENARIOS: Final[dict[str, Scenario]] = {"roses": roses, "no-delivery": no_delivery}


def play(steps: Steps, story: Story, names: Sequence[str], out: Path) -> None:
    """Play the scenarios of these names; evidence packs go to `out`."""
    story.step(f"The devnet is up; ledger time is {show_time(steps.devnet.now_s())} UTC")
    for owner, currency, minor in issue_starting_money(steps.devnet):
        is_institution = any(owner == one.id for one in steps.devnet.cast.institutions)
        payer = "the central bank issues" if is_institution else "its bank transfers"
        story.tell(f"{payer} {show_money(minor, currency)} to {owner}")
    references = {name: SCENARIOS[name].begin(steps, story) for name in names}
    for name, reference in references.items():
        SCENARIOS[name].follow(steps, story, reference, out / f"{name}.evidence.json")
