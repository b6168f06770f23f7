"""The form of an application: read as the API takes it, shown as it was written."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from node.customers.kyc import Fields
from node.customers.limits import OWNERS_MAX
from node.customers.pages.fields import LABELS, as_form, field_at, owners_of, read_fields
from node.web.console.errors import FormFieldError
from node.web.console.forms import Form

OWNER = {
    "name": "Jan Tulp",
    "born_on": "1970-01-02",
    "nationality": "nl",
    "address.town": "Aalsmeer",
    "address.country": "nl",
    "share_bps": "62,5",
}
COMPANY = {
    "legal_name": "Tulip Trading BV",
    "registered_in": "NL",
    "registration_number": "12345678",
    "founded_on": "2001-05-06",
    "lei": "",
    "address.town": "Aalsmeer",
    "address.country": "NL",
    "business": "Flowers",
    "trades_with": "ke, UG",
    "expected_monthly": "250,000 EUR",
    "funds_come_from": "Sales",
    "contact": "Jan",
    "email": "jan@tulip.example",
    "phone": "+31201234567",
}
PERSON = {
    **{name: text for name, text in OWNER.items() if name != "share_bps"},
    "is_politically_exposed": "on",
    "occupation": "Grower",
    "expected_monthly": "1,000 EUR",
    "funds_come_from": "Wages",
    "email": "jan@tulip.example",
    "phone": "+31201234567",
}


def company(*owners: dict[str, str], **changes: str) -> Form:
    rows = {f"owners.{row}.{name}": text for row, owner in enumerate(owners) for name, text in owner.items()}
    return Form(COMPANY | rows | {"owners": str(len(owners))} | changes, {})


def checked(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as the API keeps them."""
    dumped: dict[str, Any] = TypeAdapter(Fields).validate_python(fields, strict=False).model_dump(mode="json")
    return dumped


def test_company_is_what_the_api_takes_when_its_form_is_filled() -> None:
    found = read_fields("company", company(OWNER, OWNER | {"controls_otherwise": "on"}))
    kept = checked(found)
    assert (kept["trades_with"], kept["lei"]) == (["KE", "UG"], None)
    assert [one["share_bps"] for one in kept["owners"]] == [6250, 6250]
    assert [one["controls_otherwise"] for one in kept["owners"]] == [False, True]
    assert kept["owners"][0]["address"]["country"] == "NL"


@pytest.mark.parametrize(("kind", "form"), [("company", company(OWNER)), ("person", Form(PERSON, {}))])
def test_form_comes_back_the_same_when_what_was_kept_is_changed(kind: str, form: Form) -> None:
    kept = checked(read_fields(kind, form))
    assert checked(read_fields(kind, as_form(kept))) == kept


def test_empty_row_is_no_owner_when_it_is_not_the_first() -> None:
    assert len(read_fields("company", company(OWNER, {}, OWNER, {}))["owners"]) == 2
    with pytest.raises(FormFieldError) as refused:
        read_fields("company", company({}, OWNER))
    assert refused.value.field == "owners.0.share_bps"


@pytest.mark.parametrize("share", ["101", "-1", "33.333", "a half", ""])
def test_share_is_refused_at_its_field_when_it_is_no_percentage(share: str) -> None:
    with pytest.raises(FormFieldError) as refused:
        read_fields("company", company(OWNER, OWNER | {"share_bps": share}))
    assert refused.value.field == "owners.1.share_bps"


@pytest.mark.parametrize(
    ("written", "count"), [("", 1), ("3", 3), ("0", 1), ("-2", 1), ("99", OWNERS_MAX), ("9" * 5_000, 1), ("٣", 1)]
)
def test_room_for_owners_is_bounded_when_the_form_says_how_many(written: str, count: int) -> None:
    assert owners_of(Form({"owners": written}, {})) == count


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("fields.company.owners.0.name", "owners.0.name"),
        ("fields.company.owners.1.name", "owners.2.name"),
        ("fields.company.owners.9.name", "owners.9.name"),
        ("owners.1.share_bps", "owners.1.share_bps"),
        ("fields.person.born_on", "born_on"),
        ("fields.company", "company"),
        ("customer", "customer"),
        (None, None),
    ],
)
def test_refusal_stands_beside_the_field_that_the_api_names(path: str | None, name: str | None) -> None:
    assert field_at(path, company(OWNER, {}, OWNER)) == name


def test_everything_that_is_kept_has_a_label() -> None:
    for kind, form in (("company", company(OWNER | {"is_politically_exposed": "on"})), ("person", Form(PERSON, {}))):
        for name in as_form(checked(read_fields(kind, form))).fields:
            short = name.removeprefix("owners.0.")
            assert short in LABELS or short in ("kind", "owners"), name
