"""Whatever tokens do, the books are balanced and equal to them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.ledger.booking import Account, Booking, Entry, Line, validate_balanced
from node.ledger.errors import BrokenBooksError, UnbalancedEntryError
from node.ledger.invariants import verify_books
from tests.unit.client.fake_chain import Actor, FakeChain, contract_address
from tests.unit.ledger.conftest import open_books
from tests.unit.ledger.token_model import TokenModel

OUTSIDER = Actor("bank-ke").address
EUR = contract_address("EUR")

choices = st.lists(
    st.tuples(
        st.sampled_from(["issue", "redeem", "transfer", "place", "increase", "execute", "release", "clear", "book"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, 100),
        st.integers(0, 100),
    ),
    max_size=25,
)


def act(token: TokenModel, people: list[str], call: str, first: int, second: int, share: int, part: int) -> None:
    """Make the call with amounts that the contract would allow; do nothing where it would refuse."""
    one, other = people[first], people[second]
    amount = token.available[one] * share // 100
    holds = sorted(token.holds)
    hold_id = holds[first % len(holds)] if holds else None
    rest = token.holds[hold_id][1] * share // 100 if hold_id else 0
    match call:
        case "issue":
            token.issue(one, share + 2**70 * (part == 50))
        case "redeem":
            token.redeem(one, amount)
        case "transfer":
            token.transfer(one, other, amount)
        case "place":
            token.place(one, amount)
        case "increase" if hold_id:
            owner = token.holds[hold_id][0]
            token.increase(hold_id, token.available[owner] * share // 100)
        case "execute" if hold_id:
            token.execute(hold_id, other, rest, rest * part // 100)
        case "release" if hold_id:
            token.release(hold_id, rest)
        case "clear":
            token.clear(one, token.blocked[one] * share // 100)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["bank-nl", "cb-eur"]), choices)
def test_books_equal_the_token_when_it_does_anything(
    institution: str, calls: list[tuple[str, int, int, int, int]]
) -> None:
    books = open_books("sqlite://", institution)
    people = [books.own, books.customer, OUTSIDER, Actor("stranger").address]
    for call, *numbers in calls:
        if call == "book":
            books.book()
        else:
            act(books.token, people, call, *numbers)
    books.book()
    expected = {institution: books.token.parts(books.own), "bloem": books.token.parts(books.customer)}
    assert {owner: books.parts(owner) for owner in expected} == expected
    with books.database.read() as session:
        verify_books(session)
        totals = books.ledger.trial_balance(session)
        assert sum(line.debit for line in totals) == sum(line.credit for line in totals)
        issued = [line.credit for line in totals if line.account == "EUR:issued"]
        assert issued in ([], [books.token.supply] if institution == "cb-eur" else [])
        for owner, parts in expected.items():
            for last in books.ledger.statement(session, owner, "EUR", limit=500)[-1:]:
                assert (last.available, last.held, last.blocked) == parts
    books.database.close()


def booking(owners: dict[str, str]) -> Booking:
    return Booking(
        owners=owners,
        address_of={owner: address for address, owner in owners.items()}.__getitem__,
        currency_of={EUR: "EUR"},
        issues=frozenset(),
        load_hold=lambda _: None,
    )


def entries_of(token: TokenModel, owners: dict[str, str]) -> list[Entry]:
    return booking(owners).entries(FakeChain().mine(token.take_events()).events)


def test_execution_is_booked_once_when_a_transfer_is_logged_with_it() -> None:
    token, owners = TokenModel("EUR"), {"A": "a", "B": "b"}
    hold_id = token.place("A", 10)
    token.execute(hold_id, "B", 7, 2)
    placed, executed = entries_of(token, owners)
    assert placed.kind == "hold"
    assert {(line.account.name, line.side, line.amount) for line in executed.lines} == {
        ("EUR:b:available", "debit", 5),
        ("EUR:b:blocked", "debit", 2),
        ("EUR:a:held", "credit", 7),
    }
    assert (executed.kind, executed.payer, executed.payee, executed.log_index) == ("hold_execution", "A", "B", 2)


def test_transfer_is_booked_by_itself_when_another_transfer_follows() -> None:
    token, owners = TokenModel("EUR"), {"A": "a"}
    token.transfer("A", "X", 3)
    token.transfer("A", "X", 3)
    assert [entry.kind for entry in entries_of(token, owners)] == ["transfer", "transfer"]


def test_nothing_is_booked_when_no_owner_of_the_books_is_concerned() -> None:
    token = TokenModel("EUR")
    token.issue("X", 10)
    hold_id = token.place("X", 5)
    token.increase(hold_id, 1)
    token.execute(hold_id, "Y", 2, 1)
    token.release(hold_id, 1)
    token.clear("Y", 1)
    token.transfer("X", "Y", 0)
    assert entries_of(token, {"A": "a"}) == []


def test_booking_stops_when_an_owners_hold_is_not_in_the_books() -> None:
    token = TokenModel("EUR")
    hold_id = token.place("A", 5)
    token.take_events()
    token.release(hold_id, 5)
    with pytest.raises(BrokenBooksError, match="expected in the books"):
        entries_of(token, {"A": "a"})


@pytest.mark.parametrize(
    "lines",
    [
        (Line(Account("EUR", "a", "held"), "debit", 5), Line(Account("EUR", "a", "available"), "credit", 4)),
        (Line(Account("EUR", "a", "held"), "debit", 5), Line(Account("KES", "a", "available"), "credit", 5)),
        (Line(Account("EUR", "a", "held"), "debit", 0), Line(Account("EUR", "a", "available"), "credit", 0)),
        (),
    ],
)
def test_entry_is_refused_when_debits_and_credits_differ(lines: tuple[Line, ...]) -> None:
    entry = Entry("transfer", "EUR", lines, 1, 1, bytes(32), 0, None, None)
    with pytest.raises(UnbalancedEntryError, match="debits = credits"):
        validate_balanced(entry)
