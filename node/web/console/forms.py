"""What a person has filled in."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from fx.money import Money
from node.web.console.errors import FormFieldError
from node.web.console.limits import FORM_FIELDS_MAX, FORM_FILES_MAX
from node.web.console.uploads import Upload
from node.web.limits import BODY_BYTES_MAX, IDEMPOTENCY_KEY_CHARS_MAX

ONCE: Final = "once"
"""Field with the key under which a form takes effect once, however often it is sent."""
SEEN: Final = "seen"
"""Field with the tag of what the person saw; the form takes effect only while it is that."""


_TAG: Final = re.compile(r'"[!#-~]{0,80}"', re.ASCII)
_NO_TAG: Final = '""'
# A mark that comes twice parts thousands; one that comes once may be the decimal one.
_THOUSANDS: Final = re.compile(r"-?[0-9]{1,3}(?:(?:,[0-9]{3}){2,}|(?:\.[0-9]{3}){2,})")
_NUMBER: Final = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,8})?")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; what is missing is empty."""

    fields: dict[str, str]
    uploads: dict[str, Upload]

    def text(self, name: str) -> str:
        """Return a field without the space around it."""
        return self.fields.get(name, "").strip()

    def optional(self, name: str) -> str | None:
        """Return a field, None where it is empty."""
        return self.text(name) or None

    def is_set(self, name: str) -> bool:
        """Tell whether a box was ticked."""
        return name in self.fields

    def upload(self, name: str) -> Upload | None:
        """Return a file, None where none was chosen."""
        return self.uploads.get(name)

    def minor(self, name: str, currency: str) -> str:
        """Return an amount, written `1,000.50` or `1000,50`, in minor units as digits.

        Raises:
            FormFieldError: it is no amount of this currency.
        """
        written = self.text(name)
        try:
            return str(Money.parse(plain_decimal(name, written), currency).amount_minor)
        except FxRejectedError as error:
            raise FormFieldError(name, f"an amount in {currency} such as 1250.00", written) from error

    @property
    def once(self) -> str:
        """Return the form's key; a form without one takes effect whenever it is sent."""
        key = self.text(ONCE)
        is_key = key.isascii() and key.isprintable() and 0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX
        return key if is_key else secrets.token_urlsafe(16)

    @property
    def seen(self) -> str | None:
        """The tag of what the person saw, None where nothing that changes was shown; what is no tag fits nothing."""
        tag = self.optional(SEEN)
        return tag if tag is None or _TAG.fullmatch(tag) else _NO_TAG


def plain_major(amount_minor: object, currency: str) -> str:
    """Return minor units as a field shows them to be changed, `1250.00`."""
    return Money(int(str(amount_minor)), get_currency(currency)).plain()


def plain_decimal(name: str, written: str) -> str:
    """Return a decimal number as programs write it, from how people do: `1.250,50`, `1,250.50`, `1250.5`.

    Raises:
        FormFieldError: it is none, or it could be read in two ways.
    """
    text = "".join(written.split()).replace("\N{NO-BREAK SPACE}", "").replace("'", "")
    points, commas = text.count("."), text.count(",")
    if points and commas:
        decimal = max(".", ",", key=text.rfind)
        text = text.replace("," if decimal == "." else ".", "").replace(decimal, ".")
    elif _THOUSANDS.fullmatch(text):
        text = text.replace(".", "").replace(",", "")
    elif commas == 1 and not _is_thousands(text, ","):
        text = text.replace(",", ".")
    elif commas or points > 1 or _is_thousands(text, "."):
        raise FormFieldError(name, "a number that can be read in one way, such as 1250.00", written)
    if not _NUMBER.fullmatch(text):
        raise FormFieldError(name, "a number such as 1250.00", written or "nothing")
    return text


def _is_thousands(text: str, mark: str) -> bool:
    """Tell whether the mark may part thousands: 1.500 is one and a half here and fifteen hundred there."""
    before, _, after = text.partition(mark)
    return bool(before) and before != "0" and len(after) == 3 and after.isdigit() and 1 <= len(before.lstrip("-")) <= 3


async def get_form(request: Request) -> Form:
    """Return the form of a request."""
    data = await request.form(max_files=FORM_FILES_MAX, max_fields=FORM_FIELDS_MAX, max_part_size=BODY_BYTES_MAX)
    fields = {name: value.replace("\r\n", "\n") for name, value in _texts(data)}
    uploads = {name: Upload(name, file.filename or "", await file.read()) for name, file in _files(data)}
    return Form(fields, uploads)


Filled = Annotated[Form, Depends(get_form)]


def _texts(data: FormData) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in data.multi_items() if isinstance(value, str))


def _files(data: FormData) -> Iterator[tuple[str, UploadFile]]:
    found = ((name, value) for name, value in data.multi_items() if isinstance(value, UploadFile))
    return ((name, file) for name, file in found if file.filename)
