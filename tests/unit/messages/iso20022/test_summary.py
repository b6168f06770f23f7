"""What a person is shown."""

import pytest

from node.messages.iso20022.reading import read
from node.messages.iso20022.summary import ITEMS_MAX, Row, summarize
from tests.unit.messages.iso20022.examples import (
    CANCELLATION_REFUSED,
    COVER,
    CUSTOMER_TRANSFER,
    EXAMPLES,
    INVESTIGATION,
    ORDER,
    REJECTED,
    RETURN,
    STATEMENT,
    UETR,
    header_for,
)
from tests.unit.messages.iso20022.written import changed, written


def rows(data: str | bytes) -> list[Row]:
    return summarize(read(data.encode() if isinstance(data, str) else data))


def test_summarize_says_who_pays_whom_when_given_a_transfer() -> None:
    assert rows(written(CUSTOMER_TRANSFER, header_for(CUSTOMER_TRANSFER))) == [
        ("message", "customer credit transfer (pacs.008.001.08)"),
        ("id", "LF-20261127-0001"),
        ("created", "2026-11-27T09:00:00+00:00"),
        ("from", "DEUTDEFF"),
        ("to", "KCBLKENX"),
        ("", ""),
        ("payer", "Hansa Blumen GmbH, DE89370400440532013000, at DEUTDEFF"),
        ("payee", "Naivasha Roses Ltd, 01100123456789, at KCBLKENX"),
        ("amount", "2,250,000.00 KES"),
        ("ordered", "15,000.00 EUR at 150"),
        ("charges", "shared (SHAR)"),
        ("settles", "2026-11-27 by INGA"),
        ("for", "ROSES-2026-0042: Invoice 77, 40 boxes of roses"),
        ("UETR", UETR),
        ("end-to-end id", "ROSES-2026-0042"),
        ("instruction", "LF0001"),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cover", [("message", "bank credit transfer, cover (pacs.009.001.08)"), ("covered for", "Invoice 77")]),
        ("rejected", [("status", "rejected (RJCT)"), ("reason", "AC04: The account was closed on 2026-11-01")]),
        ("return", [("returned", "2,250,000.00 KES"), ("payer", "Naivasha Roses Ltd, at KCBLKENX")]),
        ("cancellation_refused", [("answer", "refused (RJCR)"), ("from", "KCBLKENX")]),
        (
            "investigation",
            [("from", "DEUTDEFF"), ("asks", "UTAP"), ("says", "Which invoice does this pay?"), ("UETR", UETR)],
        ),
        ("statement", [("account", "01100123456789 KES"), ("opening balance", "-120.50 KES on 2026-11-27")]),
        ("statement", [("entry", "-350.00 KES, PDNG"), ("reference", "N0002")]),
        ("order", [("amount", "0.01 EUR"), ("payer", "Hansa Blumen GmbH, DE89370400440532013000, at DEUTDEFF")]),
    ],
)
def test_summarize_says_what_matters_when_given_another_message(name: str, expected: list[Row]) -> None:
    found = rows(written(EXAMPLES[name]))
    assert [row for row in expected if row not in found] == []


def test_summarize_shows_a_message_when_a_rule_or_the_version_would_refuse_it() -> None:
    found = rows(changed(written(CUSTOMER_TRANSFER), ("pacs.008.001.08", "pacs.008.001.44"), ("<Ctry>KE</Ctry>", "")))
    assert ("amount", "2,250,000.00 KES") in found


def test_summarize_shows_an_amount_as_it_stands_when_it_has_too_many_digits() -> None:
    assert ("amount", "2250000.001 KES") in rows(changed(written(CUSTOMER_TRANSFER), ("2250000.00", "2250000.001")))


def test_summarize_turns_no_line_around_when_a_name_holds_control_characters() -> None:
    found = rows(changed(written(CUSTOMER_TRANSFER), ("<Nm>Hansa", "<Nm>\u202e\u009bHansa")))
    assert ("payer", "??Hansa Blumen GmbH, DE89370400440532013000, at DEUTDEFF") in found


def test_summarize_counts_the_rest_when_there_are_many_entries() -> None:
    text = written(STATEMENT)
    start, end = text.index("<Ntry>"), text.index("</Ntry>") + len("</Ntry>")
    found = rows(text[:start] + text[start:end] * (ITEMS_MAX + 4) + text[end:])
    assert sum(1 for label, _ in found if label == "entry") == ITEMS_MAX
    assert found[-1] == ("", "and 5 more")


def test_examples_are_told_apart_when_summarized() -> None:
    shown = [rows(written(one)) for one in (COVER, REJECTED, RETURN, CANCELLATION_REFUSED, INVESTIGATION, ORDER)]
    assert len({str(one) for one in shown}) == len(shown)
