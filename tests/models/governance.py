"""Governance, written down again from its definitions: sets and dictionaries, everything counted anew each time.

It refuses with the contract's own reasons, so that both can be compared call by call. An action is what a call of a
proposal does: ("set", owner, key, power), ("jail" | "unjail" | "dismiss" | "admit", owner).

Source: docs/spec/governance.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

VOTING_S, LOCK_S, GRACE_S = 3_600, 600, 1_800
OPEN_MAX: Final = 4
PER_OWNER_MAX: Final = 2

Action = tuple[str, str] | tuple[str, str, int, int]


class Refused(Exception):  # noqa: N818 - what the model does, not what went wrong with it
    """The call is refused and nothing has changed; the text is the contract's reason without its prefix."""


@dataclass
class Proposal:
    """`votes` by member; `needs_of` is the number of members whose two thirds decide."""

    proposer: str
    actions: list[Action]
    force: bool
    needs_of: int
    ends_at: int
    votes: dict[str, bool] = field(default_factory=dict)
    passed_at: int | None = None
    closed: str = ""

    def state(self, now: int) -> str:
        if self.closed:
            return self.closed
        if self.passed_at is None:
            return "voting" if now <= self.ends_at else "expired"
        if now < self.passed_at + LOCK_S:
            return "locked"
        return "ready" if now <= self.passed_at + LOCK_S + GRACE_S else "expired"


@dataclass
class GovernanceModel:
    """`validators`: key to (owner, power)."""

    members: set[str]
    validators: dict[int, tuple[str, int]]
    proposals: list[Proposal] = field(default_factory=list)
    reports: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    used: set[tuple[str, int]] = field(default_factory=set)
    jailed: set[str] = field(default_factory=set)
    block: int = 0
    changes: list[tuple[int, int, int]] = field(default_factory=list)
    """(block, key, power afterwards less power before), everything that ever changed."""

    @property
    def total(self) -> int:
        return sum(power for _, power in self.validators.values())

    def propose(self, now: int, sender: str, actions: list[Action], force: bool) -> None:
        self._check_member(sender)
        mine = [one for one in self.proposals if one.proposer == sender]
        if sum(one.state(now) in ("voting", "locked", "ready") for one in mine) >= OPEN_MAX:
            raise Refused("too many proposals")
        self.proposals.append(Proposal(sender, actions, force, len(self.members), now + VOTING_S))

    def vote(self, now: int, sender: str, number: int, approve: bool) -> None:
        self._check_member(sender)
        proposal = self.proposals[number]
        if proposal.state(now) != "voting":
            raise Refused("not open")
        if sender in proposal.votes:
            raise Refused("voted already")
        proposal.votes[sender] = approve
        proposal.needs_of = max(proposal.needs_of, len(self.members))
        if approve and self._has_majority(proposal):
            proposal.passed_at = now

    def cancel(self, now: int, sender: str, number: int) -> None:
        proposal = self.proposals[number]
        if proposal.state(now) != "voting":
            raise Refused("not open")
        if proposal.proposer != sender:
            raise Refused("not the proposer")
        proposal.closed = "cancelled"

    def execute(self, now: int, number: int) -> None:
        proposal = self.proposals[number]
        if proposal.state(now) != "ready":
            raise Refused("not ready")
        if not self._has_majority(proposal):
            raise Refused("majority lost")
        with self._all_or_nothing():
            for action in proposal.actions:
                self._act(action, proposal.force)
            if not self.members:
                raise Refused("no member left")
        proposal.closed = "executed"

    def report(self, sender: str, owner: str, evidence: int) -> None:
        self._check_member(sender)
        case = (owner, evidence)
        if case in self.used:
            raise Refused("evidence used")
        if not self.keys_of(owner):
            raise Refused("owner has no validator")
        reporters = self.reports.get(case, [])
        if sender in reporters:
            raise Refused("reported already")
        if 2 * len(self.members & {*reporters, sender}) > len(self.members):
            with self._all_or_nothing():
                self._jail(owner, False)
            self.used.add(case)
        self.reports[case] = [*reporters, sender]

    def keys_of(self, owner: str) -> list[int]:
        return [key for key, (whose, _) in self.validators.items() if whose == owner]

    def _check_member(self, account: str) -> None:
        if account not in self.members:
            raise Refused("not a member")

    def _has_majority(self, proposal: Proposal) -> bool:
        approving = {member for member, approve in proposal.votes.items() if approve}
        return 3 * len(approving & self.members) > 2 * proposal.needs_of

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before = deepcopy((self.members, self.validators, self.jailed, self.changes))
        try:
            yield
        except Refused:
            self.members, self.validators, self.jailed, self.changes = before
            raise

    def _act(self, action: Action, force: bool) -> None:
        match action:
            case ("set", str(owner), int(key), int(power)):
                self._set(owner, key, power, force)
            case ("jail", str(owner)):
                self._jail(owner, force)
            case ("unjail", str(owner)):
                if owner not in self.jailed:
                    raise Refused("owner is not jailed")
                self.jailed.remove(owner)
            case ("dismiss", str(owner)):
                self.members.discard(owner)
            case ("admit", str(owner)):
                self.members.add(owner)

    def _set(self, owner: str, key: int, power: int, force: bool) -> None:
        if power:
            self._check_member(owner)
        if key in self.validators:
            if self.validators[key][0] != owner:
                raise Refused("key of another owner")
        elif not power:
            raise Refused("unknown validator")
        elif len(self.keys_of(owner)) == PER_OWNER_MAX:
            raise Refused("owner has two keys")
        if power and owner in self.jailed:
            raise Refused("owner is jailed")
        self._change(owner, key, power, force)

    def _jail(self, owner: str, force: bool) -> None:
        if not self.keys_of(owner):
            raise Refused("owner has no validator")
        for key in self.keys_of(owner):
            self._change(owner, key, 0, force)
        self.jailed.add(owner)

    def _change(self, owner: str, key: int, power: int, force: bool) -> None:
        now = [(other, difference) for block, other, difference in self.changes if block == self.block]
        if key in [other for other, _ in now]:
            raise Refused("key changed in block")
        before = self.total
        at_start = before - sum(difference for _, difference in now)
        difference = power - self.validators.get(key, ("", 0))[1]
        moved = sum(abs(each) for _, each in now) + abs(difference)
        if before + difference == 0:
            raise Refused("no validator left")
        if not force and 3 * moved > at_start:
            raise Refused("over a third of power")
        self.changes.append((self.block, key, difference))
        if power:
            self.validators[key] = (owner, power)
        else:
            del self.validators[key]
