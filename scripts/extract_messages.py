"""Collect the console's messages from templates and code, and bring the languages' catalogues up to date.

What is new comes in untranslated; what is gone is dropped. `--check` changes nothing and fails if something would.
"""

import argparse
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).parents[1]
LOCALES = ROOT / "node" / "web" / "console" / "locale"
LANGUAGES = ("nl", "sw")
_KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "ngettext": (1, 2)}


def collect() -> Catalog:
    """Return every message of the console."""
    catalog = Catalog(project="Landfall", charset="utf-8")
    for path in sorted((ROOT / "node").rglob("*.html")):
        with path.open("rb") as source:
            options = {"trimmed": "false", "newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
            for _line, _function, message, comments in babel_extract(source, _KEYWORDS, (), options):
                _add(catalog, message, comments)
    for path in sorted((ROOT / "node").rglob("*.py")):
        if "pages" not in path.as_posix() and "console" not in path.as_posix():
            continue
        with path.open("rb") as source:
            for _line, message, comments, _context in extract("python", source, keywords={"_": None}):
                _add(catalog, message, comments)
    for label in _labels():
        catalog.add(label)
    return catalog


def _add(catalog: Catalog, message: Any, comments: list[str]) -> None:
    parts = message if isinstance(message, tuple) else (message,)
    texts = tuple(part for part in parts if part)
    if texts:
        # `ngettext` names its number as well; values put into a message are no part of it.
        catalog.add(texts[:2] if len(texts) > 1 else texts[0], user_comments=comments)


def _labels() -> Iterator[str]:
    from node.app.cast import load_cast
    from node.app.pages import console, playground
    from node.notices import languages

    yield from languages.MESSAGES
    yield from (entry.label for entry in (*console.MENU, *playground.MENU))
    for group, people in playground.groups(load_cast()):
        yield group
        yield from (one.job for one in people)


def updated(language: str, wanted: Catalog) -> bytes:
    """Return a language's catalogue with exactly the messages that are wanted."""
    path = LOCALES / f"{language}.po"
    with path.open("rb") as source:
        known = read_po(source, locale=language)
    made = Catalog(locale=language, project="Landfall", charset="utf-8", fuzzy=False)
    for message in sorted(wanted, key=lambda one: str(one.id)):
        if not message.id:
            continue
        found = known.get(message.id if isinstance(message.id, str) else message.id[0])
        made.add(message.id, found.string if found is not None else "")
    text = BytesIO()
    write_po(text, made, width=120, omit_header=True)
    header = (
        f'# Messages of the console in {language}.\nmsgid ""\nmsgstr ""\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Language: {language}\\n"\n"Plural-Forms: {made.plural_forms}\\n"\n\n'
    )
    return header.encode() + text.getvalue().rstrip() + b"\n"


def main() -> int:
    """Write the catalogues, or say which are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    wanted, is_current = collect(), True
    check = parser.parse_args().check
    for language in LANGUAGES:
        path, text = LOCALES / f"{language}.po", updated(language, wanted)
        if path.read_bytes() != text:
            is_current = False
            if not check:
                path.write_bytes(text)
                print(f"{path.relative_to(ROOT)}: written")
    if check and not is_current:
        print("catalogues are not up to date: run scripts/extract_messages.py")
    return int(check and not is_current)


if __name__ == "__main__":
    sys.exit(main())
