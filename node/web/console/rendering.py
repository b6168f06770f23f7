"""Templates in a language: everything escaped, what is missing an error, amounts and times as the language writes."""

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from node.languages import NAMES
from node.web.console.assets import Assets
from node.web.console.languages import Speech, speech
from node.web.console.navigation import Entry

OWN_TEMPLATES: Final = Path(__file__).parent / "templates"


class Renderer:
    """The templates of the toolkit and of every slice, once per language."""

    def __init__(
        self, folders: Iterable[Path], entries: Sequence[Entry], network: str, currencies: Iterable[str]
    ) -> None:
        self.assets = Assets()
        self.entries = tuple(entries)
        self.currencies = tuple(currencies)
        loader = ChoiceLoader([FileSystemLoader(folder) for folder in (OWN_TEMPLATES, *folders)])
        self._of_language = {code: self._environment(loader, speech(code), network) for code in NAMES}

    def render(self, template: str, language: Speech, facts: dict[str, Any]) -> str:
        """Return a page."""
        return self._of_language[language.code].get_template(template).render(facts)

    def _environment(self, loader: ChoiceLoader, language: Speech, network: str) -> Environment:
        made = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
        )
        made.install_gettext_translations(language.catalogue, newstyle=True)  # type: ignore[attr-defined]
        made.filters |= {
            "phrase": language.phrase,
            "money": language.money,
            "minor": language.minor,
            "decimal": language.decimal,
            "bps": language.bps,
            "percent": language.percent,
            "when": language.when,
            "day": language.day,
            "until": language.until,
            "duration": language.duration,
            "short": shortened,
            "capitalize_first": capitalized,
            "phrase_rate": language.rate,
            "oracle_rate": language.oracle_rate,
            "field_name": language.field_name,
            "shown_value": language.field_value,
        }
        made.globals |= {
            "asset": self.assets.path,
            "languages": NAMES,
            "language": language,
            "network": network,
            "once_key": lambda: secrets.token_urlsafe(16),
        }
        return made


def shortened(text: object, length: int = 10) -> Markup:
    """Return a hash or an account as its beginning, with all of it as its title."""
    whole = str(text)
    if len(whole) <= length + 4:
        return Markup("<code>{}</code>").format(whole)
    return Markup('<code title="{}">{}…{}</code>').format(whole, whole[:length], whole[-4:])


def capitalized(text: object) -> str:
    """Return text with its first letter large, the others as they are."""
    return str(text)[:1].upper() + str(text)[1:]
