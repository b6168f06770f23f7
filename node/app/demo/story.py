"""How a demo speaks: steps with lines for a person, facts for a machine."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Say = Callable[[str], None]


@dataclass(slots=True)
class Story:
    """A story under way: `say` prints a line (nothing, for a machine), `facts` collects what was told.

    Several stories are told at once, as time goes on, so each step names its own.
    """

    say: Say
    name: str
    facts: list[dict[str, Any]] = field(default_factory=list)

    def step(self, title: str) -> None:
        """Open the next step."""
        self.facts.append({"scenario": self.name, "step": len(self.facts) + 1, "title": title})
        self.say("")
        self.say(f"{self.name} {len(self.facts)}. {title}")

    def tell(self, lines: str | Iterable[str], **facts: Any) -> None:
        """Tell lines within the step, and note facts."""
        for line in [lines] if isinstance(lines, str) else lines:
            self.say(f"   {line}")
        self.facts[-1].update(facts)
