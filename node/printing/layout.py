"""Pages to be printed: Jinja2 templates of the slices on the one sheet of this room."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from node.printing.errors import PaperTooLongError
from node.printing.languages import Speech
from node.printing.limits import ROWS_MAX


class Sheets:
    """The papers of one slice: its templates, in the folder `templates` of its package, on the sheet of this room."""

    def __init__(self, package: str) -> None:
        self._package = package

    def render(self, template: str, speech: Speech, *, issuer: str, created_s: int, **values: Any) -> str:
        """Return a page's HTML.

        Args:
            issuer: Whose paper it is.
            created_s: Ledger time of what it tells.
        """
        created = datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = {"speech": speech, "t": speech.text, "issuer": issuer, "created": created, "created_s": created_s}
        return self._templates.get_template(template).render(values | told)

    @cached_property
    def _templates(self) -> Environment:
        return Environment(
            loader=ChoiceLoader([PackageLoader("node.printing"), PackageLoader(self._package)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def check_rows(number: int) -> None:
    """Raise PaperTooLongError if a paper would have more rows than are printed."""
    if number > ROWS_MAX:
        raise PaperTooLongError(ROWS_MAX, number)


def headers_of(name: str) -> Mapping[str, str]:
    """Return the headers of an answer that is saved as a file."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}
