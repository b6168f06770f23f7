"""Nobody is told anything once they are locked out; what was told is forgotten with those it was told to."""

import pytest

from node.identity.people import ACTIVE, DISABLED, ERASED, INVITED
from node.identity.store import PersonRow
from node.notices.personal import NoticeKeeper, sweep_notices
from node.notices.store import PreferenceRow
from tests.unit.notices.conftest import ADDRESS, Desk

ANN = "p-5f0c2d5f0c2d5f0c"
NAME = f"bank-nl/{ANN}"


def become(desk: Desk, state: str, person: str = ANN, customer: str | None = None) -> None:
    with desk.database.transaction() as session:
        session.merge(PersonRow(id=person, customer=customer, roles=[], state=state, totp_step=0, created_at_s=1))


def wishes(desk: Desk) -> list[str]:
    with desk.database.read() as session:
        return sorted(row.person for row in session.query(PreferenceRow))


@pytest.mark.parametrize("state", [INVITED, ACTIVE])
async def test_person_is_told_while_they_may_come_in(desk: Desk, state: str) -> None:
    become(desk, state)
    await desk.with_address(NAME)
    desk.tell()
    await desk.work()
    assert [to for to, _, _ in desk.mailer.sent] == [ADDRESS]


@pytest.mark.parametrize("state", [DISABLED, ERASED])
async def test_person_is_told_nothing_when_locked_out(desk: Desk, state: str) -> None:
    become(desk, ACTIVE)
    await desk.with_address(NAME)
    become(desk, state)
    desk.tell()
    await desk.work()
    assert (desk.mailer.sent, desk.titles(NAME)) == ([], [])
    become(desk, ACTIVE)
    await desk.work()
    assert desk.titles(NAME) == []


async def test_notices_are_forgotten_when_their_person_was_erased(desk: Desk) -> None:
    become(desk, ACTIVE)
    await desk.with_address(NAME)
    desk.prefer("bank-nl/p-another")
    desk.tell()
    await desk.work()
    for state, left in ((DISABLED, ["bank-nl/p-another", NAME]), (ERASED, ["bank-nl/p-another"])):
        become(desk, state)
        with desk.database.transaction() as session:
            sweep_notices(session)
        assert wishes(desk) == sorted(left)
    assert [row.person for row in desk.rows()] == ["bank-nl/p-another"]


async def test_notices_of_a_customer_end_and_are_forgotten_with_it(desk: Desk) -> None:
    for person, owner in (("bank-nl/bloem", "bloem"), ("bank-nl/bloem/p-1", "bloem"), ("bank-nl/bloemen", "bloemen")):
        desk.prefer(person, owner)
        desk.tell(owner=owner)
    await desk.work()
    keeper = NoticeKeeper("bank-nl")
    with desk.database.transaction() as session:
        told = keeper.export(session, "bloem")
        assert {row["person"] for row in told["notices"]} == {"bank-nl/bloem", "bank-nl/bloem/p-1"}
        assert len(told["preferences"]) == 2
        assert "code_hash" not in told["preferences"][0]
        keeper.close(session, "bloem", 0)
    assert wishes(desk) == ["bank-nl/bloemen"]
    with desk.database.transaction() as session:
        keeper.erase(session, "bloem", 0)
    assert {row.person for row in desk.rows()} == {"bank-nl/bloemen"}
