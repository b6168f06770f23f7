"""Which proposals are read: all that can still act, and no more than that takes."""

from typing import Any

from node.app.council.state import PERIOD_S_MAX, ProposalState, _open_proposals
from tests.unit.app.council.support import ADDRESS, NOW_S, deployment


class Contract:
    """The views of `count` proposals, one made each day until now; `open_` are being voted on."""

    def __init__(self, count: int, open_: tuple[int, ...]) -> None:
        self.count, self.open = count, open_
        self.states_read: list[int] = []

    async def ask(self, contract: str, function: str, *args: Any) -> Any:
        assert contract == "Governance"
        if function == "proposal_count":
            return self.count
        (number,) = args
        match function:
            case "proposal_state":
                self.states_read.append(number)
                return ProposalState.VOTING if number in self.open else ProposalState.EXPIRED
            case "proposal":
                ends = NOW_S - 86_400 * (self.count - number)
                record = {"proposer": ADDRESS["A"], "title": f"{number}", "force": False, "members": 5}
                return record | {"voting_ends_at": ends, "ready_at": 0, "expires_at": 0}
            case "proposal_calls":
                return [{"target": ADDRESS["B"], "data": b"\1\2\3\4"}]
            case _:
                return [ADDRESS["A"]], []


async def test_open_proposals_are_found_among_many_oldest_first() -> None:
    contract = Contract(100, (30, 99))
    found = await _open_proposals(deployment(), contract.ask, NOW_S)
    assert [(one.id, one.state, one.yes) for one in found] == [
        (30, ProposalState.VOTING, (ADDRESS["A"],)),
        (99, ProposalState.VOTING, (ADDRESS["A"],)),
    ]
    assert sorted(contract.states_read) == list(range(1, 101))


async def test_proposals_so_old_that_they_have_ended_are_not_read() -> None:
    days = 2 * PERIOD_S_MAX // 86_400
    contract = Contract(10_000, ())
    assert await _open_proposals(deployment(), contract.ask, NOW_S) == ()
    assert min(contract.states_read) <= 10_000 - days
    assert len(contract.states_read) < days + 64


async def test_no_proposal_is_found_when_none_was_made() -> None:
    assert await _open_proposals(deployment(), Contract(0, ()).ask, NOW_S) == ()
