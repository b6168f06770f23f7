"""Terms as a form and back."""

import tomllib
from datetime import UTC, datetime

import pytest

from node.trades.pages.drafting import draft_of_document, draft_of_form, percent_to_bps, terms_file
from node.trades.terms.written import parse_terms
from node.web.console.errors import FormFieldError
from node.web.console.forms import Form

FIELDS = {
    "reference": "NR-1",
    "goods": 'Roses "red"\nand more = [1]',
    "arbiter": "arbiter",
    "fund_by": "2026-08-10T16:00",
    "importer.bank": "bank-nl",
    "importer.customer": "bloem",
    "importer.name": "Bloemenhuis BV",
    "exporter.bank": "bank-ke",
    "exporter.customer": "naivasha",
    "exporter.name": "Naivasha Roses Ltd",
    "invoice.number": "INV-1",
    "invoice.currency": "KES",
    "invoice.amount": "1.500.000,00",
    "funding.currency": "EUR",
    "funding.policy": "convert_now",
    "shipment.references": "urn:a:1\nurn:a:2",
    "milestones.0.kind": "loaded",
    "milestones.0.weight_bps": "30",
    "milestones.0.deadline": "2026-08-19T18:00",
    "milestones.0.attesters.carrier": "on",
    "milestones.0.attesters.inspector": "on",
    "milestones.1.kind": "",
    "milestones.1.weight_bps": "12",
    "milestones.2.kind": "delivered",
    "milestones.2.weight_bps": "70,00",
    "milestones.2.deadline": "2026-09-25T18:00",
    "milestones.2.attesters.inspector": "on",
    "milestones.2.quorum": "1",
    "payees.0.name": "Tax",
    "payees.0.bank": "bank-ke",
    "payees.0.customer": "kra",
    "payees.0.share_bps": "2",
    "payees.0.purpose": "tax",
    "windows.dispute_s": "1,5",
}


def written(**changes: str) -> str:
    fields = FIELDS | {name.replace("__", "."): text for name, text in changes.items()}
    return terms_file(draft_of_form(Form(fields, {})))


def test_form_becomes_a_terms_file_that_is_read_back_whole() -> None:
    terms = parse_terms(written().encode())
    assert terms.goods == FIELDS["goods"]
    assert terms.invoice.amount == "1500000.00"
    assert terms.fund_by == datetime(2026, 8, 10, 16, tzinfo=UTC)
    assert [(one.kind, one.weight_bps, one.quorum) for one in terms.milestones] == [
        ("loaded", 3000, 2),
        ("delivered", 7000, 1),
    ]
    assert terms.milestones[0].attesters == ["carrier", "inspector"]
    assert terms.shipment.references == ["urn:a:1", "urn:a:2"]
    assert (terms.payees[0].share_bps, terms.payees[0].purpose) == (200, "tax")
    assert terms.windows.dispute_s == 129_600


def test_form_has_a_float_only_when_the_rate_floats() -> None:
    floating = tomllib.loads(written(funding__policy="float", funding__float__band_bps="3"))
    assert floating["funding"]["float"] == {"band_bps": 300}
    assert "float" not in tomllib.loads(written(funding__float__band_bps="3"))["funding"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fund_by", ""),
        ("fund_by", "tomorrow"),
        ("milestones__0__deadline", "2026-13-01T00:00"),
        ("milestones__0__weight_bps", "a third"),
        ("milestones__0__weight_bps", "33.333"),
        ("milestones__2__quorum", "two"),
        ("invoice__amount", "much"),
        ("windows__dispute_s", "soon"),
    ],
)
def test_form_is_refused_at_its_field_when_a_number_or_time_cannot_be_read(name: str, text: str) -> None:
    with pytest.raises(FormFieldError) as refused:
        written(**{name: text})
    field = name.replace("__", ".")
    # The third row is the second that is filled in.
    assert refused.value.field == field.replace("milestones.2", "milestones.1")


def test_document_becomes_the_form_that_made_it() -> None:
    document = {
        "reference": "NR-1",
        "goods": "Roses",
        "incoterms": None,
        "importer": {
            "bank": "bank-nl",
            "customer": "bloem",
            "name": "Bloemenhuis BV",
            "address": {"town": "Aalsmeer", "country": "NL"},
        },
        "exporter": {"bank": "bank-ke", "customer": "naivasha", "name": "Naivasha Roses Ltd"},
        "arbiter": {"institution": "arbiter", "account": "0x1"},
        "invoice": {"number": "INV-1", "currency": "KES", "amount_minor": "150000000"},
        "funding": {"currency": "EUR", "policy": "none"},
        "shipment": {"references": ["urn:a:1"]},
        "milestones": [
            {
                "kind": "delivered",
                "weight_bps": 10_000,
                "deadline_s": 1_787_335_200,
                "quorum": 1,
                "silence": "refund",
                "attesters": [{"institution": "inspector", "account": "0x2"}],
                "place": None,
            }
        ],
        "payees": [],
        "windows": {"dispute_s": 86_400, "award_s": 604_800, "grace_s": 259_200, "call_s": 1, "choice_s": 3_600},
        "fund_by_s": 1_786_377_600,
        "hold_expires_at_s": 1_791_396_000,
    }
    draft = draft_of_document(document)
    assert draft.is_attester(0, "inspector")
    terms = parse_terms(terms_file(draft).encode())
    assert int(terms.fund_by.timestamp()) == document["fund_by_s"]
    assert int(terms.milestones[0].deadline.timestamp()) == 1_787_335_200
    assert terms.invoice.amount == "1500000.00"
    assert {name: getattr(terms.windows, name) for name in document["windows"]} == document["windows"]
    assert terms.importer.address is not None
    assert terms.importer.address.town == "Aalsmeer"


def test_percent_is_basis_points_when_it_has_two_decimals_at_most() -> None:
    assert percent_to_bps("share", "12,34 %") == 1234
    with pytest.raises(FormFieldError):
        percent_to_bps("share", "1.2345")
