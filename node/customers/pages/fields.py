"""The fields of an application as a form: flat names such as `owners.0.address.town`, amounts as people write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from node.customers.limits import OWNERS_MAX
from node.web.console.errors import FormFieldError
from node.web.console.forms import Form, plain_decimal


def _(message: str) -> str:
    """Mark a message for extraction."""
    return message


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    name: str
    label: str
    type: str = "text"
    """Of the form's field, or `area`, `country`, `countries`, `percent`."""
    hint: str = ""
    required: bool = True


_COUNTRY: Final = _("two letters, such as NL")
_ADDRESS: Final = (
    Field("address.street", _("Street"), required=False),
    Field("address.building", _("Building"), required=False),
    Field("address.post_code", _("Post code"), required=False),
    Field("address.town", _("Town")),
    Field("address.country", _("Country"), "country", _COUNTRY),
)
_CONTACT: Final = (
    Field("email", _("E-mail address"), "email"),
    Field("phone", _("Telephone"), "tel", _("such as +31201234567")),
)
_EXPOSED: Final = Field("is_politically_exposed", _("Is a politically exposed person"), "checkbox")
_WHO: Final = (
    Field("name", _("Name")),
    Field("born_on", _("Born on"), "date"),
    Field("nationality", _("Nationality"), "country", _COUNTRY),
)
_MONEY: Final = (
    Field("expected_monthly", _("Expected a month"), hint=_("amount and currency, such as 250,000 EUR")),
    Field("funds_come_from", _("Where the money comes from"), "area"),
)
_COMPANY: Final = (
    (
        _("The company"),
        (
            Field("legal_name", _("Legal name")),
            Field("registered_in", _("Registered in"), "country", _COUNTRY),
            Field("registration_number", _("Registration number")),
            Field("founded_on", _("Founded on"), "date"),
            Field("lei", "LEI", required=False),
            Field("tax_number", _("Tax number"), required=False),
        ),
    ),
    (_("Address"), _ADDRESS),
    (
        _("Business"),
        (
            Field("business", _("What it does, with what goods"), "area"),
            Field(
                "trades_with",
                _("Countries it will pay or be paid from"),
                "countries",
                _("two letters each, such as KE NL"),
            ),
            *_MONEY,
        ),
    ),
    (_("Contact"), (Field("contact", _("Whom to ask for")), *_CONTACT)),
)
_PERSON: Final = (
    (_("The person"), (*_WHO, _EXPOSED)),
    (_("Address"), _ADDRESS),
    (
        _("Business"),
        (
            Field("occupation", _("Occupation")),
            Field("tax_number", _("Tax number"), required=False),
            *_MONEY,
        ),
    ),
    (_("Contact"), _CONTACT),
)
GROUPS: Final[Mapping[str, tuple[tuple[str, tuple[Field, ...]], ...]]] = {"company": _COMPANY, "person": _PERSON}
"""Kind -> groups of fields with their headings."""
OF_KIND: Final = {
    kind: tuple(field for _title, fields in groups for field in fields) for kind, groups in GROUPS.items()
}
OWNER: Final = (
    *_WHO,
    *_ADDRESS,
    Field("share_bps", _("Share in percent"), "percent", _("such as 25 or 33.33")),
    Field("controls_otherwise", _("Controls it otherwise: as a director, by contract"), "checkbox"),
    _EXPOSED,
)
LABELS: Final = {field.name: field.label for field in (*OF_KIND["company"], *OF_KIND["person"], *OWNER)}
_ROW: Final = "owners."


def read_fields(kind: str, form: Form) -> dict[str, Any]:
    """Return what a form says, as the API takes it.

    Raises:
        FormFieldError: a share is no percentage.
    """
    found: dict[str, Any] = {"kind": kind, **_read(OF_KIND[kind], form, "")}
    if kind == "company":
        found["owners"] = [_read(OWNER, form, f"{_ROW}{row}.") for row in _said(form)]
    return found


def owners_of(form: Form) -> int:
    """Return how many owners a form has room for."""
    written = form.text("owners")
    count = int(written) if written.isascii() and written.isdigit() and len(written) <= 2 else 1
    return min(max(count, 1), OWNERS_MAX)


def as_form(fields: Mapping[str, Any]) -> Form:
    """Return what was written as the form that writes it."""
    flat = _flat(fields, "")
    return Form(flat | {"owners": str(len(fields.get("owners", ())) or 1)}, {})


def field_at(path: str | None, form: Form) -> str | None:
    """Return the name of the form's field that is at fault, also when the API names it: by its place among the owners
    that were sent, `fields.company.owners.0.name`."""
    if path is None or not path.startswith("fields."):
        return path
    for kind in OF_KIND:
        path = path.removeprefix(f"fields.{kind}.")
    path = path.removeprefix("fields.")
    row, _dot, name = path.removeprefix(_ROW).partition(".")
    if not path.startswith(_ROW) or not row.isdigit():
        return path
    sent = _said(form)
    return f"{_ROW}{sent[int(row)]}.{name}" if int(row) < len(sent) else path


def _read(fields: tuple[Field, ...], form: Form, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields:
        value = _value(field, form, prefix + field.name)
        if value is None:
            continue
        first, _, rest = field.name.partition(".")
        if rest:
            found.setdefault(first, {})[rest] = value
        else:
            found[first] = value
    return found


def _value(field: Field, form: Form, name: str) -> Any:
    match field.type:
        case "checkbox":
            return form.is_set(name)
        case "countries":
            return form.text(name).replace(",", " ").upper().split()
        case "percent":
            return _bps(name, form.text(name))
        case "country":
            return form.text(name).upper() or None
    return form.optional(name)


def _bps(name: str, written: str) -> int:
    bps = Decimal(plain_decimal(name, written)) * 100
    if bps != int(bps) or not 0 <= bps <= 10_000:
        raise FormFieldError(name, "0 to 100 percent with two decimals at most", written)
    return int(bps)


def _said(form: Form) -> list[int]:
    """Return the rows of owners that say something; the first one always."""
    return [
        row
        for row in range(owners_of(form))
        if row == 0 or any(form.text(f"{_ROW}{row}.{field.name}") for field in OWNER)
    ]


def _flat(value: Any, name: str) -> dict[str, str]:
    if isinstance(value, dict):
        return {key: text for part, one in value.items() for key, text in _flat(one, _join(name, part)).items()}
    if name == "trades_with":
        return {name: " ".join(value)}
    if isinstance(value, list):
        return {key: text for row, one in enumerate(value) for key, text in _flat(one, _join(name, str(row))).items()}
    if value is None or value is False:
        return {}
    if name.endswith("share_bps"):
        return {name: f"{Decimal(value) / 100:f}"}
    return {name: "on" if value is True else str(value)}


def _join(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
