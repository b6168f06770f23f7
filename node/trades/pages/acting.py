"""What people may do about a trade from its page: which form each of the API's calls takes, and where it is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from node.web.console.errors import FormFieldError
from node.web.console.forms import Form
from node.web.schemas import rfc3339

Order = dict[str, Any] | None
Fill = Callable[[Form, str], Order]
"""From a form, and the currency of the invoice, to what the API takes."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that people do by a form."""

    path: str
    """Below /trades/{reference}; `{index}` is the milestone's place."""
    fill: Fill
    done: str = "sent"


def _nothing(_form: Form, _currency: str) -> Order:
    return None


def _side(form: Form, _currency: str) -> Order:
    return {"side": form.optional("side")}


def _asking_provider(form: Form, currency: str) -> Order:
    return {**(_side(form, currency) or {}), "ask_provider": form.is_set("ask_provider")}


def _reasons(form: Form, currency: str) -> Order:
    return {**(_side(form, currency) or {}), "reasons": form.text("reasons")}


def _settle(form: Form, currency: str) -> Order:
    return {**(_side(form, currency) or {}), "quote": form.optional("quote"), "least": form.optional("least")}


def _deadline(form: Form, _currency: str) -> Order:
    written = form.text("deadline")
    try:
        return {"deadline": rfc3339(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp())}
    except ValueError as error:
        raise FormFieldError("deadline", "a date and time such as 2026-08-12T09:30", written) from error


def _assign(form: Form, _currency: str) -> Order:
    index = form.text("milestone")
    return {
        "milestone": int(index) if index.isdigit() else 0,
        "institution": form.text("institution"),
        "account": form.optional("account"),
    }


ACTS: Final[Mapping[str, Act]] = {
    "sign": Act("sign", _side, "signed"),
    "withdraw": Act("withdraw", _nothing, "withdrawn"),
    "quotes": Act("quotes", _nothing, "asked"),
    "accept-quote": Act("quotes/accept", lambda form, _: {"digest": form.optional("digest")}, "accepted"),
    "fund": Act("fund", _nothing, "funding"),
    "agree": Act("agree", _side, "signed"),
    "cancel": Act("cancel", _asking_provider, "signed"),
    "assign": Act("assign", _assign),
    "reprice": Act("reprice", _nothing),
    "top-up": Act("top-up", lambda form, _: {"amount": form.optional("amount")}),
    "close": Act("close", _side),
}
OF_MILESTONE: Final[Mapping[str, Act]] = {
    "accept": Act("milestones/{index}/accept", _nothing),
    "waive": Act("milestones/{index}/waive", lambda form, currency: {"amount": form.minor("amount", currency)}),
    "dispute": Act("milestones/{index}/dispute", _reasons),
    "settle": Act("milestones/{index}/settle", _settle),
    "settlement-quotes": Act("milestones/{index}/quotes", _nothing, "asked"),
    "last-resort": Act("milestones/{index}/last-resort", _nothing),
    "defer": Act("milestones/{index}/defer", _deadline),
}
FORM_OF_CALL: Final[Mapping[str, str]] = {
    "accept": "accept",
    "waive": "waive",
    "dispute": "dispute",
    "settle": "settle",
    "settle_float": "settle-at-quote",
    "last_resort": "last-resort",
    "defer": "defer",
    "reprice": "reprice",
    "top_up": "top-up",
    "close_out_of_band": "close",
    "cancel": "cancel",
    "assign": "assign",
    "amend": "amend",
}
"""By the contract's call: which part of `trades/act.html` is its form."""
