"""Rotation of a validator's key with an overlap: where it stands, and what is to be done next.

Two proposals: the new key joins with half of the bank's power, then it gets all of it and the old one leaves. Between
them both nodes vote, so a new node that does not work shows before the old one is gone.
"""

from dataclasses import dataclass
from typing import Any

from node.app.council.changes import rotation_step, set_call
from node.app.council.keys import ValidatorKey
from node.app.council.shown import call_text
from node.app.council.state import Call, Council, Proposal
from node.app.council.verdict import Flight, fly


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation under way; `step` is 1 or 2, or 0 once it is done."""

    bank: str
    new: ValidatorKey
    step: int
    calls: tuple[Call, ...]
    flight: Flight | None
    proposed: Proposal | None
    """The open proposal that does this step."""
    new_signs: bool
    """Whether the new key signed the last block."""

    @property
    def is_safe(self) -> bool:
        """Tell whether nothing speaks against the next step."""
        return self.flight is None or self.flight.is_safe


def plan_rotation(council: Council, bank: str, new: ValidatorKey, power: int | None = None) -> Rotation:
    """Say which step of a rotation is next.

    Args:
        bank: Its address.
        power: What it has in the end; None for what it has now.

    Raises:
        ChangeError: there is nothing to rotate, or the key is another bank's.
    """
    keys = council.keys_of(bank)
    joined = [one for one in keys if one.public_key == new.public_key]
    signs = any(one.address in council.signers for one in joined)
    if joined and len(keys) == 1:
        return Rotation(bank, new, 0, (), None, None, signs)
    calls = tuple(set_call(council, one, share) for one, share in rotation_step(council, bank, new, power))
    data = [call.data for call in calls]
    proposed = next((one for one in council.proposals if [call.data for call in one.calls] == data), None)
    numbers = {proposed.id} if proposed else set()
    return Rotation(bank, new, 2 if joined else 1, calls, fly(council, calls, numbers=numbers), proposed, signs)


def rotation_json(council: Council, rotation: Rotation, words: str) -> dict[str, Any]:
    """Return a plan; `words` name bank and key as they were given."""
    return {
        "bank": council.name(rotation.bank),
        "step": rotation.step,
        "is_done": rotation.step == 0,
        "new_key_signs": rotation.new_signs,
        "calls": [call_text(council, call) for call in rotation.calls],
        "reasons": list(rotation.flight.reasons) if rotation.flight else [],
        "proposal": rotation.proposed.id if rotation.proposed else None,
        "next": _next(rotation, words),
    }


def rotation_lines(shown: dict[str, Any]) -> list[str]:
    """Return a plan for a person."""
    titles = {1: "the new key joins with half of the power", 2: "the new key gets all of it, the old one leaves"}
    lines = [f"rotation of {shown['bank']}"]
    for number, title in titles.items():
        is_done = shown["is_done"] or number < shown["step"]
        mark = "done" if is_done else "next" if number == shown["step"] else "later"
        lines.append(f"  step {number} [{mark:<5}] {title}")
        if mark == "next":
            lines += [f"    {text}" for text in shown["calls"]]
            lines += [f"    unsafe: {text}" for text in shown["reasons"]]
    return [*lines, *(f"next: {text}" for text in shown["next"])]


def _next(rotation: Rotation, words: str) -> list[str]:
    if rotation.step == 0:
        return ["stop the old node for good, and destroy its key: validator_key.json and cometbft/config"]
    if rotation.proposed is not None:
        number = rotation.proposed.id
        return [
            f"landfall validator vote {number} yes (each member), then landfall validator execute {number};"
            " then this command again"
        ]
    wait = [] if rotation.step == 1 or rotation.new_signs else ["wait until the new key signs: landfall validator list"]
    start = (
        ["start the new node with the new key and let it catch up; the old node goes on"] if rotation.step == 1 else []
    )
    return [*start, *wait, f"landfall validator propose rotate {words}"]
