"""Paths to go back to, times by their names, refusals, charts and the menu."""

import pytest

from node.web.auth import Principal
from node.web.console.charts import bar, line
from node.web.console.errors import FormFieldError, RefusalError
from node.web.console.navigation import Entry
from node.web.console.page import own_path
from node.web.console.times import by_name
from node.web.permissions import Permission, Role


@pytest.mark.parametrize("path", ["/", "/trades/NR-1", "/money?owner=a", "/trades?state=all#top"])
def test_path_is_followed_when_it_stays_on_this_site(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        None,
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:1",
        "/a\nb",
        "/a\\b",
        "/" * 400,
        "trades",
    ],
)
def test_path_is_not_followed_when_it_could_lead_elsewhere(path: str | None) -> None:
    assert own_path(path) == "/"


def test_times_lose_their_unit_when_an_answer_is_read_and_documents_stay() -> None:
    answer = {"deadline_s": 1, "next": [{"by_s": None}], "window_s": 5, "document": {"fund_by_s": 7}}
    expected = {"deadline": 1, "next": [{"by": None}], "window_s": 5, "document": {"fund_by_s": 7}}
    assert by_name(answer) == expected
    assert by_name(expected) == expected


def test_refusal_answers_as_the_api_did_when_it_is_shown() -> None:
    refusal = RefusalError({"status": 409, "detail": "d", "code": "trades/12", "field": "state", "instance": "/v1/x"})
    assert (refusal.status, refusal.name, refusal.field, refusal.is_change) == (409, "trades/12", "state", False)
    document = refusal.document("/x")
    assert (document["status"], document["code"], document["instance"]) == (409, "trades/12", "/x")
    assert RefusalError({"status": 412, "detail": "d"}).is_change
    own = RefusalError.of(FormFieldError("amount", "a number", "x"))
    assert (own.status, own.field, own.detail) == (422, "amount", "amount: expected a number, got 'x'")
    assert RefusalError.of(own) is own


def test_line_goes_through_its_values_and_needs_two() -> None:
    assert line([1.0]) is None
    found = line([1.0, 3.0, 2.0])
    assert found is not None
    heights = [float(point.split(",")[1]) for point in found.points.split()]
    assert heights[1] < heights[2] < heights[0], "higher values stand higher"
    flat = line([5.0, 5.0])
    assert flat is not None
    assert len({point.split(",")[1] for point in flat.points.split()}) == 1


def test_bar_is_as_long_as_its_parts_together() -> None:
    parts = bar([("available", 3), ("held", 1)])
    assert [(part.kind, part.start, part.length) for part in parts] == [("available", 0, 75), ("held", 75, 25)]
    assert all(part.length == 0 for part in bar([("available", 0), ("held", 0)]))


def test_menu_leads_to_what_somebody_has_a_use_for() -> None:
    entry = Entry(
        "/holdings", "Holdings", Permission.WALLETS_READ, staff_only=True, of_roles=frozenset({"central_bank"})
    )
    staff = Principal("cb-eur", None, frozenset({Role.TREASURER}))
    customer = Principal("cb-eur", "bloem", frozenset({Role.TREASURER}))
    stranger = Principal("cb-eur", None, frozenset())
    assert entry.is_for(staff, frozenset({"central_bank"}))
    assert not entry.is_for(staff, frozenset({"bank"}))
    assert not entry.is_for(customer, frozenset({"central_bank"}))
    assert not entry.is_for(stranger, frozenset({"central_bank"}))
