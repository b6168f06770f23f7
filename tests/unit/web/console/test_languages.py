"""Texts, money, percent and times as each language writes them."""

import re
from importlib.resources import files
from io import BytesIO

import pytest
from babel.messages.pofile import read_po
from fastapi import Request

from contracts.trade_table import TABLE
from node.languages import NAMES
from node.web.console.languages import COOKIE, speech, speech_of

TRANSLATED = sorted(set(NAMES) - {"en"})
PLACEHOLDER = re.compile(r"%\([a-z_]+\)s|%%")


def request(cookie: str = "", accepted: str = "") -> Request:
    headers = [(b"cookie", f"{COOKIE}={cookie}".encode()), (b"accept-language", accepted.encode())]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("code", "money", "percent", "when"),
    [
        ("en", "1,500,000.00 KES", "0.38%", "17 Aug 2026, 09:30 UTC"),
        ("nl", "1.500.000,00 KES", "0,38%", "17 aug 2026, 09:30 UTC"),
        ("sw", "1,500,000.00 KES", "0.38%", "17 Ago 2026, 09:30 UTC"),
    ],
)
def test_figures_are_written_as_the_language_writes_them(code: str, money: str, percent: str, when: str) -> None:
    language = speech(code)
    assert language.money("1,500,000.00 KES").replace("\N{NO-BREAK SPACE}", " ") == money
    assert language.percent("0.38 %").replace("\N{NO-BREAK SPACE}", "") == percent
    assert when in language.when("2026-08-17T09:30:00Z")
    assert language.when(1786959000) == language.when("2026-08-17T11:30:00+02:00")


def test_minor_units_follow_the_currency_when_it_has_none_or_two() -> None:
    assert speech("en").minor("1012121", "EUR") == "10,121.21\N{NO-BREAK SPACE}EUR"
    assert speech("en").minor(90_000_000, "UGX") == "90,000,000\N{NO-BREAK SPACE}UGX"
    assert speech("nl").minor("-5", "EUR") == "-0,05\N{NO-BREAK SPACE}EUR"


def test_length_of_time_is_written_in_its_largest_unit() -> None:
    assert [speech("en").duration(length_s) for length_s in (10, 900, 3_600, 7 * 86_400)] == [
        "10 seconds",
        "15 minutes",
        "1 hour",
        "1 week",
    ]
    assert speech("nl").duration(900) == "15 minuten"


def test_text_stays_as_it_is_when_it_is_no_figure() -> None:
    language = speech("nl")
    assert language.money("a lot") == "a lot"
    assert language.percent("half") == "half"
    assert language.decimal("<b>") == "<b>"
    assert language.when(None) == "–"


@pytest.mark.parametrize("code", NAMES)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_plural_follows_the_count(code: str, count: int) -> None:
    said = speech(code).catalogue.ngettext("%(count)s thing needs you now", "%(count)s things need you now", count)
    one = speech(code).catalogue.ngettext("%(count)s thing needs you now", "%(count)s things need you now", 1)
    assert (said == one) == (count == 1)


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_is_translated_with_its_values(code: str) -> None:
    source = files("node.web.console").joinpath("locale", f"{code}.po").read_bytes()
    for message in read_po(BytesIO(source), locale=code):
        if not message.id:
            continue
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        translations = message.string if isinstance(message.string, tuple) else (message.string,)
        for original, translation in zip(originals, translations, strict=True):
            assert translation, f"{code}: {original!r} is not translated"
            assert sorted(PLACEHOLDER.findall(translation)) == sorted(PLACEHOLDER.findall(original)), original
        assert not message.fuzzy


@pytest.mark.parametrize("code", TRANSLATED)
def test_everything_that_the_state_table_says_is_known_to_the_languages(code: str) -> None:
    for row in TABLE:
        if not row.says:
            continue
        said = row.says.format(kind="loaded")
        assert speech(code).phrase(said) != said, said


def test_phrase_is_translated_with_the_phrases_and_amounts_in_it() -> None:
    dutch = speech("nl")
    assert dutch.phrase("attest loaded") == "bevestigen: geladen"
    assert dutch.phrase("fund NR-1: 1,500.00 KES, A to B") == "fund NR-1: 1.500,00\N{NO-BREAK SPACE}KES, A to B"
    assert dutch.phrase("somebody's name") == "somebody's name"


def test_field_of_the_terms_is_called_as_people_call_it() -> None:
    assert speech("en").field_name("milestones.1.weight_bps") == "Milestone 2: share"
    assert speech("nl").field_name("milestones.0.deadline_s") == "Mijlpaal 1: termijn"
    assert speech("en").field_name("unheard.of") == "unheard.of"


@pytest.mark.parametrize(
    ("cookie", "accepted", "expected"),
    [
        ("nl", "sw", "nl"),
        ("xx", "sw-KE,sw;q=0.9", "sw"),
        ("", "fr, nl-BE;q=0.5, en;q=0.4", "nl"),
        ("", "nl;q=0, en;q=0.1", "en"),
        ("", "fr", "en"),
        ("", ",;=,q", "en"),
        ("", "", "en"),
    ],
)
def test_language_is_the_chosen_one_or_the_best_that_the_browser_asks_for(
    cookie: str, accepted: str, expected: str
) -> None:
    assert speech_of(request(cookie, accepted)) is speech(expected)
