"""Notices in the reader's language, known again by the words of their kind."""

import pytest

from node.notices.languages import told
from node.notices.wording import PLACE, WORDS, words
from node.web.console.languages import speech


def notice(event: str, /, **body: object) -> dict[str, str]:
    title, text = words(event, body)
    return {"kind": event, "title": title, "text": text}


def test_notice_is_said_in_the_language_when_its_kind_has_words() -> None:
    one = notice("trade.offered", reference="NR-1", side="importer", version=2)
    dutch = told(one, speech("nl"))
    assert dutch.title == "Nieuwe voorwaarden voor transactie NR-1"
    assert dutch.text.startswith("De importeur heeft versie 2 voorgesteld.")
    assert dutch.language == "nl"
    assert told(one, speech("en")).title == one["title"]


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_every_kind_is_known_again_when_it_was_filled_in(kind: str) -> None:
    # A value with spaces, marks and what looks like a place of its own.
    names = {name for template in WORDS[kind] for name in PLACE.findall(template)}
    one = notice(kind, **{name: f"the {name}: 100 % of (it)." for name in names})
    for code in ("nl", "sw"):
        said = told(one, speech(code))
        assert said.language == code
        assert all(value in said.title + said.text for value in (f"the {name}: 100 % of (it)." for name in names))


@pytest.mark.parametrize(
    "one",
    [
        {"kind": "proposal.open", "title": "proposal: open", "text": "maker bank-nl/maaike"},
        {"kind": "trade.offered", "title": "New terms for trade NR-1", "text": "cut off"},
        {"kind": "trade.offered", "title": "Something else", "text": "The importer has signed version 2."},
    ],
)
def test_notice_stays_english_when_its_words_are_not_its_kinds(one: dict[str, str]) -> None:
    said = told(one, speech("nl"))
    assert (said.title, said.text, said.language) == (one["title"], one["text"], "en")
