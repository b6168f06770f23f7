"""Numbers, money and times as three languages write them; every text has its translations."""

import re
from datetime import date
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from fx.money import Money
from node.languages import NAMES, Code
from node.printing.languages import speech
from node.trades.logistics.rules import STEPS

NODE = Path(__file__).parents[3] / "node"
_SINGLE = re.compile(r'(?:\bt|\.text)\(\s*"((?:[^"\\]|\\.)*)"')
_COUNTED = re.compile(r'\.count\(\s*"((?:[^"\\]|\\.)*)"')
# In parts of lists that are translated one by one.
_LISTED = ("Currency", "Total", "Available", "Held", "Frozen", "Business day", "d", "h", "min", "s")
MILESTONES = ("not_funded", "pending", "due", "disputed", "final", "settled")
ENDS = ("settled", "cancelled", "lapsed", "out of band")
POLICIES = ("convert_now", "lock", "float", "none")
PURPOSES = ("tax", "fee", "financing", "other", "invoice", "fx_adjustment", "premium", "cancel_fee", "last_resort")
ENTRIES = ("transfer", "hold", "hold_increase", "hold_execution", "hold_release", "unblocking", "issue", "redemption")
SPACE = "\N{NO-BREAK SPACE}"


def used_texts() -> set[str]:
    found = set(_LISTED)
    for path in (*NODE.rglob("*.html"), *NODE.rglob("*.py")):
        source = path.read_text("utf-8")
        if path.suffix == ".html" and "printing/" not in source and "printing" not in path.parts:
            continue
        if path.suffix == ".py" and "node.printing.languages" not in source:
            continue
        found |= set(_SINGLE.findall(source)) | set(_COUNTED.findall(source))
    return found


def _first(name: str | tuple[str, ...]) -> str:
    return name if isinstance(name, str) else name[0]


@pytest.mark.parametrize("code", ["nl", "sw"])
def test_every_text_is_translated_with_the_same_values(code: Code) -> None:
    with (NODE / "printing" / "locale" / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    texts = {_first(message.id): message for message in catalogue if message.id}
    assert used_texts() - set(texts) == set()
    for message in texts.values():
        told, wanted = "".join(message.string), "".join(message.id)
        assert told, message.id
        assert set(re.findall(r"%\((\w+)\)s", told)) == set(re.findall(r"%\((\w+)\)s", wanted)), message.id


@pytest.mark.parametrize("code", ["nl", "sw"])
def test_words_of_the_api_are_translated(code: Code) -> None:
    words = {*STEPS, *MILESTONES, *ENDS, *POLICIES, *PURPOSES, *ENTRIES}
    unknown = {word for word in words if speech(code).word(word) == word.replace("_", " ")}
    assert unknown == set()


def test_word_stays_as_it_is_when_somebody_else_wrote_it() -> None:
    assert speech("nl").word("Invoice_7 of final") == "Invoice_7 of final"
    assert speech("en").word("hold_execution") == "hold execution"


@pytest.mark.parametrize(
    ("code", "money", "yen", "dinar", "percent", "rate", "when", "day"),
    [
        ("en", "-1,500,000.12", "-1,500", "0.005", "0.38%", "148.203400 KES per EUR",
         "17 Aug 2026, 09:30 UTC", "17 August 2026"),
        ("nl", "-1.500.000,12", "-1.500", "0,005", "0,38%", "148,203400 KES per EUR",
         "17 aug 2026, 09:30 UTC", "17 augustus 2026"),
        ("sw", "-1,500,000.12", "-1,500", "0.005", "0.38%", "148.203400 KES kwa EUR",
         "17 Ago 2026, 09:30 UTC", "17 Agosti 2026"),
    ],
)  # fmt: skip
def test_figures_are_written_as_the_language_does(
    code: Code, money: str, yen: str, dinar: str, percent: str, rate: str, when: str, day: str
) -> None:
    words = speech(code)
    assert words.minor(-150_000_012, "KES") == f"{money}{SPACE}KES"
    assert words.minor(-1_500, "JPY") == f"{yen}{SPACE}JPY"
    assert words.minor(5, "KWD") == f"{dinar}{SPACE}KWD"
    assert words.percent("0.38 %").replace(SPACE, "") == percent
    assert words.rate("148.203400 KES per EUR") == rate
    assert words.when(1_786_959_000).replace("Aug.", "Aug").replace("aug.", "aug") == when
    assert words.day(date(2026, 8, 17)) == day


@pytest.mark.parametrize("code", NAMES)
def test_what_the_api_wrote_is_read_when_it_is_an_amount_and_left_when_it_is_not(code: Code) -> None:
    words = speech(code)
    assert (
        words.money("1,500,000.00 KES") == words.minor(150_000_000, "KES") == words.money(Money.parse("1500000", "KES"))
    )
    for other in ("not an amount", "1.2.3 EUR", "EUR 1", "", "1,500.00 KES or so"):
        assert (words.money(other), words.percent(other), words.rate(other)) == (other, other, other)


def test_amounts_are_exact_when_they_have_more_digits_than_a_float() -> None:
    assert speech("en").minor(1_234_567_890_123_456_789, "EUR") == f"12,345,678,901,234,567.89{SPACE}EUR"


@pytest.mark.parametrize(
    ("length_s", "told"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (5_400, "1.5 h"), (86_400, "1 d"), (950_400, "11 d")],
)
def test_length_of_time_is_written_in_its_largest_unit(length_s: int, told: str) -> None:
    assert speech("en").duration(length_s) == told


def test_plural_is_the_right_one_when_things_are_counted() -> None:
    one, many = "It was applied %(number)s time.", "It was applied %(number)s times."
    assert speech("en").count(one, many, 1) == "It was applied 1 time."
    assert speech("en").count(one, many, 0) == "It was applied 0 times."
    assert speech("nl").count(one, many, 2) == "Hij is 2 keer toegepast."
