"""The flight simulator over the council: what a change would do, beside everything else that is under way."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from node.app.council.effects import Effects, effects
from node.app.council.state import Call, Council, Proposal
from node.chain.flight import InFlight, Verdict, simulate


@dataclass(frozen=True, slots=True)
class EitherOrder:
    """Another proposal, and why one of the two fails or becomes unsafe where it comes second."""

    proposal: Proposal
    change_second: tuple[str, ...]
    """The proposal is executed first."""
    proposal_second: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flight:
    """What a change would do; `reasons` say why it is unsafe."""

    verdict: Verdict
    council: Council
    calls: tuple[Call, ...]
    effects: Effects
    others: tuple[EitherOrder, ...]
    reasons: tuple[str, ...]

    @property
    def is_safe(self) -> bool:
        """Tell whether nothing speaks against the change."""
        return not self.reasons


def fly(
    council: Council,
    calls: Sequence[Call],
    *,
    numbers: Collection[int] = (),
    offline: Collection[str] = (),
    is_forced: bool = False,
) -> Flight:
    """Say what calls would do, executed in one block.

    Args:
        council: As it is now.
        calls: Of one proposal.
        numbers: Proposals that these calls are of: they are not in flight besides.
        offline: Names of banks known not to vote now.
        is_forced: The proposal may move more than a third of the power in one block.
    """
    done = effects(council, calls)
    rest = [one for one in council.proposals if one.id not in numbers]
    verdict = simulate(
        [council.seat(one) for one in council.validators],
        done.changes,
        in_flight=[InFlight(_label(one), changes) for one in rest if (changes := effects(council, one.calls).changes)],
        offline=offline,
        is_forced=is_forced,
    )
    own = [*done.refusals, *verdict.reasons]
    if done.after.members_count < 1:
        own.append("members: expected one to be left, got none")
    others = tuple(_either_order(council, calls, is_forced, one, own) for one in rest)
    ordered = [f"{_label(one.proposal)} first: {reason}" for one in others for reason in one.change_second]
    ordered += [f"{_label(one.proposal)} afterwards: {reason}" for one in others for reason in one.proposal_second]
    return Flight(verdict, council, tuple(calls), done, others, tuple(dict.fromkeys([*own, *ordered])))


def _either_order(
    council: Council, calls: Sequence[Call], is_forced: bool, other: Proposal, own: Sequence[str]
) -> EitherOrder:
    alone = _reasons(council, other.calls, other.is_forced)
    after_other, after_change = effects(council, other.calls).after, effects(council, calls).after
    return EitherOrder(
        proposal=other,
        change_second=tuple(one for one in _reasons(after_other, calls, is_forced) if one not in own),
        proposal_second=tuple(one for one in _reasons(after_change, other.calls, other.is_forced) if one not in alone),
    )


def _reasons(council: Council, calls: Sequence[Call], is_forced: bool) -> tuple[str, ...]:
    done = effects(council, calls)
    seats = [council.seat(one) for one in council.validators]
    return (*done.refusals, *simulate(seats, done.changes, is_forced=is_forced).reasons)


def _label(proposal: Proposal) -> str:
    return f"proposal {proposal.id}"
