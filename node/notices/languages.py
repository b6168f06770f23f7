"""Notices in a language. They are kept in English words; a kind's own words are known again, and said anew.

What is written freely (a kind without words of its own, a text that was cut) stays English.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from node.languages import DEFAULT
from node.notices.wording import PLACE, WORDS
from node.web.console.languages import Speech


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as it is read."""

    title: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A title or text of a kind."""

    pattern: re.Pattern[str]
    message: str

    @classmethod
    def of(cls, template: str) -> "_Sentence":
        parts = PLACE.split(template)
        written = [f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)]
        return cls(re.compile("".join(written)), PLACE.sub(r"%(\1)s", template))

    def say(self, words: str, language: Speech) -> str | None:
        found = self.pattern.fullmatch(words)
        if found is None:
            return None
        return language.text(
            self.message, **{name: language.phrase(value) for name, value in found.groupdict().items()}
        )


_SENTENCES: Final = {kind: (_Sentence.of(title), _Sentence.of(text)) for kind, (title, text) in WORDS.items()}
MESSAGES: Final = tuple(sentence.message for pair in _SENTENCES.values() for sentence in pair)
"""For the languages' catalogues."""


def told(notice: dict[str, Any], language: Speech) -> Told:
    """Return a notice of the API in a language."""
    title, text = notice["title"], notice["text"]
    if language.code == DEFAULT or notice["kind"] not in _SENTENCES:
        return Told(title, text, DEFAULT)
    first, second = _SENTENCES[notice["kind"]]
    said = first.say(title, language), second.say(text, language)
    if said[0] is None or said[1] is None:
        return Told(title, text, DEFAULT)
    return Told(said[0], said[1], language.code)
