"""A business day goes from cut-off to cut-off, Monday to Friday, whatever the zone and the season."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.client.blocks import BlockInfo
from contracts.client.follower import Cursor
from node.ledger.days import DEFAULT, CutOff, CutOffs, business_day, day_of, last_over, read_cut_off
from node.ledger.errors import CutOffError, DayError
from node.storage.cursor import SqlFollowerStore
from node.web.events import events_after
from tests.unit.ledger.conftest import Books

NAIROBI = read_cut_off("16:00", "Africa/Nairobi")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-08-17T12:59:59", date(2026, 8, 17)),
        ("2026-08-17T13:00:00", date(2026, 8, 18)),
        ("2026-08-17T23:59:59", date(2026, 8, 18)),
        ("2026-08-14T12:59:59", date(2026, 8, 14)),
        ("2026-08-14T13:00:00", date(2026, 8, 17)),
        ("2026-08-16T00:00:00", date(2026, 8, 17)),
    ],
)
def test_time_belongs_to_the_day_whose_cut_off_comes_next(time: str, day: date) -> None:
    assert day_of(NAIROBI, at(time)).on == day


def test_midnight_is_the_end_of_the_day_when_no_cut_off_was_set() -> None:
    assert day_of(DEFAULT, at("2026-08-17T00:00:00")).on == date(2026, 8, 17)
    assert day_of(DEFAULT, at("2026-08-17T23:59:59")).on == date(2026, 8, 17)
    day = business_day(DEFAULT, date(2026, 8, 18))
    assert (day.from_s, day.until_s) == (at("2026-08-18T00:00:00"), at("2026-08-19T00:00:00"))


def test_day_is_an_hour_longer_when_the_clocks_go_back() -> None:
    day = business_day(read_cut_off("16:00", "Europe/Amsterdam"), date(2026, 10, 26))
    assert day.until_s - day.from_s == 3 * 86_400 + 3_600


@given(
    time_s=st.integers(0, 2**32),
    minutes=st.integers(0, 1439),
    zone=st.sampled_from(["UTC", "Africa/Nairobi", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"]),
)
def test_days_follow_each_other_without_gap_when_any_time_is_asked_for(time_s: int, minutes: int, zone: str) -> None:
    cut_off = read_cut_off(f"{minutes // 60:02}:{minutes % 60:02}", zone)
    day = day_of(cut_off, time_s)
    assert day.from_s <= time_s < day.until_s
    assert day.on.weekday() < 5
    assert day_of(cut_off, day.from_s) == day_of(cut_off, day.until_s - 1) == day
    following = day_of(cut_off, day.until_s)
    assert (following.from_s, following.on > day.on) == (day.until_s, True)


@pytest.mark.parametrize(("at", "zone"), [("24:00", "UTC"), ("9", "UTC"), ("16:00", "Nowhere/City"), ("16:00", "../x")])
def test_cut_off_is_refused_when_there_is_no_such_time_or_zone(at: str, zone: str) -> None:
    with pytest.raises(CutOffError):
        read_cut_off(at, zone)


@pytest.mark.parametrize("on", [date(2026, 8, 15), date(2026, 8, 16), date(1, 1, 1), date(9999, 12, 31)])
def test_day_is_refused_when_it_is_none_of_business(on: date) -> None:
    with pytest.raises(DayError):
        business_day(DEFAULT, on)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-08-18T00:00:00", date(2026, 8, 17)),
        ("2026-08-17T23:59:59", date(2026, 8, 14)),
        ("2026-08-16T12:00:00", date(2026, 8, 14)),
    ],
)
def test_last_day_that_is_over_is_never_of_the_weekend(now: str, last: date) -> None:
    assert last_over(DEFAULT, at(now)).on == last


def test_staff_is_told_once_when_a_days_end_is_passed(books: Books) -> None:
    cut_offs, store = CutOffs(("EUR", "KES")), SqlFollowerStore(books.database)
    with books.database.transaction() as session:
        cut_offs.set(session, "KES", NAIROBI)
    times = ("2026-08-17T12:59:00", "2026-08-17T13:00:00", "2026-08-17T23:59:00", "2026-08-18T00:00:00")
    for number, time in enumerate(times):
        with books.database.transaction() as session:
            cut_offs.on_block(session, BlockInfo(number, b"", at(time)))
            store.save_cursor(session, Cursor(number, bytes(32)), at(time))
    with books.database.transaction() as session:
        cut_offs.on_block(session, BlockInfo(9, b"", at("2026-08-24T09:00:00")))
        told = [one.body for one in events_after(session, 0, None) if one.kind == "day.closed"]
    assert told == [
        {"currency": "KES", "day": "2026-08-17"},
        {"currency": "EUR", "day": "2026-08-17"},
        {"currency": "EUR", "day": "2026-08-21"},
        {"currency": "KES", "day": "2026-08-21"},
    ]


def test_end_of_a_day_is_told_when_it_was_brought_forward_since_the_last_block(books: Books) -> None:
    cut_offs, store = CutOffs(("EUR",)), SqlFollowerStore(books.database)
    for number, time in enumerate(("2026-08-17T09:00:00", "2026-08-17T09:01:00")):
        with books.database.transaction() as session:
            cut_offs.on_block(session, BlockInfo(number, b"", at(time)))
            store.save_cursor(session, Cursor(number, bytes(32)), at(time))
    with books.database.transaction() as session:
        cut_offs.set(session, "EUR", NAIROBI)
    with books.database.transaction() as session:
        cut_offs.on_block(session, BlockInfo(2, b"", at("2026-08-17T13:00:00")))
        told = [one.body for one in events_after(session, 0, None) if one.kind == "day.closed"]
    assert told == [{"currency": "EUR", "day": "2026-08-17"}]


def test_cut_off_is_kept_as_it_was_set(books: Books) -> None:
    cut_offs = CutOffs(("EUR",))
    with books.database.transaction() as session:
        assert cut_offs.get(session, "EUR") == DEFAULT
        cut_offs.set(session, "EUR", NAIROBI)
    with books.database.read() as session:
        found: CutOff = cut_offs.get(session, "EUR")
        assert (found.at_text, found.zone.key) == ("16:00", "Africa/Nairobi")
