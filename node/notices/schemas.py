"""What the API takes and gives about notices."""

from typing import Annotated

from pydantic import Field

from node.notices.limits import ADDRESS_CHARS_MAX, CODE_DIGITS, KINDS_MAX
from node.web.schemas import Answer, Order, Time

Kind = Annotated[str, Field(pattern=r"^[a-z_]+(\.[A-Za-z_]+)?$", max_length=64, examples=["trade"])]
Email = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$",
        max_length=ADDRESS_CHARS_MAX,
        examples=["treasury@bank.example"],
    ),
]


class PreferenceIn(Order):
    """What somebody wants to be told, and how."""

    kinds: list[Kind] = Field(
        default_factory=list,
        max_length=KINDS_MAX,
        description="Kinds of events, or of resources; none: what asks somebody to act",
    )
    in_console: bool = True
    by_webhook: bool = Field(False, description="As events `notice.created`, which webhooks bring")
    by_email: bool = Field(False, description="To `email`, once its code has come back")
    email: Email | None = None


class PreferenceOut(Answer):
    """The same as it stands."""

    kinds: list[str]
    in_console: bool
    by_webhook: bool
    by_email: bool
    email: str | None
    is_confirmed: bool = Field(description="Whether the code that was sent to the address has come back")


class CodeIn(Order):
    """The code that was sent to an address."""

    code: str = Field(pattern=rf"^[0-9]{{{CODE_DIGITS}}}$", examples=["01234567"])


class NoticeOut(Answer):
    """Something that the caller is told."""

    number: int
    kind: str = Field(description="Of the event", examples=["trade.offered"])
    event: int | None = Field(description="Number of the event")
    title: str = Field(examples=["New terms for trade NR-2026-0817"])
    text: str
    time_s: Time = Field(description="Ledger time")
    is_shared: bool = Field(description="Told to the institution's staff together")
    read_at_s: Time | None = Field(description="Ledger time; null while it is unread")


class ReadIn(Order):
    """Up to which notice everything was read."""

    until: int = Field(ge=0, lt=2**63, description="Number of the last one")


class ReadOut(Answer):
    """How many notices were marked as read."""

    count: int
