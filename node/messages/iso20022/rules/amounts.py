"""Amounts: their currency's digits, and the rate between two of them."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fx.currencies import get_currency
from fx.errors import UnknownCurrencyError
from node.messages.iso20022.rules.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from lxml.etree import _Element

_DECIMAL: Final = re.compile(r"[+-]?[0-9]*(?:\.([0-9]*))?", re.ASCII)
_MOVED: Final = ("IntrBkSttlmAmt", "RtrdIntrBkSttlmAmt", "InstdAmt")


def _with_currency(subject: Subject) -> Iterator[tuple["_Element", str]]:
    for _, element in subject.leaves():
        code = element.get("Ccy")
        if code is not None:
            yield element, code


def _unknown_currency(subject: Subject) -> Iterator[Problem]:
    for element, code in _with_currency(subject):
        if _exponent(code) is None:
            yield Problem(element, f"expected a currency of ISO 4217 with minor units, got {code[:12]!r}", None, code)


def _too_many_digits(subject: Subject) -> Iterator[Problem]:
    for element, code in _with_currency(subject):
        exponent = _exponent(code)
        text = subject.text(element) or ""
        match = _DECIMAL.fullmatch(text)
        decimals = (match[1] or "") if match is not None else ""
        if exponent is not None and len(decimals) > exponent:
            rest = decimals[exponent:]
            repaired = text[: len(text) - len(rest)].rstrip(".") if not rest.strip("0") else None
            yield Problem(
                element,
                f"expected at most {exponent} decimals in {code}, got {len(decimals)}",
                repaired,
                f"{text} {code}",
            )


def _zero(subject: Subject) -> Iterator[Problem]:
    for element in subject.in_document(*_MOVED):
        text = subject.text(element) or ""
        if text and not text.strip("+-0."):
            yield Problem(element, "expected an amount above zero, got zero")


def _rate_missing(subject: Subject) -> Iterator[Problem]:
    for transaction in subject.in_document("CdtTrfTxInf"):
        settled, instructed = (subject.child(transaction, name) for name in ("IntrBkSttlmAmt", "InstdAmt"))
        rate = subject.child(transaction, "XchgRate")
        has_two = settled is not None and instructed is not None and settled.get("Ccy") != instructed.get("Ccy")
        if has_two and rate is None:
            yield Problem(
                transaction, "expected XchgRate, since InstdAmt and IntrBkSttlmAmt differ in currency, got none"
            )
        if rate is not None and not has_two:
            yield Problem(rate, "expected no XchgRate, since InstdAmt is absent or in the same currency, got one")


def _charges_without_instructed(subject: Subject) -> Iterator[Problem]:
    for transaction in subject.in_document("CdtTrfTxInf"):
        if subject.child(transaction, "ChrgsInf") is not None and subject.child(transaction, "InstdAmt") is None:
            yield Problem(transaction, "expected InstdAmt, since ChrgsInf is present, got none")


def _exponent(code: str) -> int | None:
    try:
        return get_currency(code).exponent
    except UnknownCurrencyError:
        return None


_CUSTOMER: Final = frozenset({"pacs.008"})

RULES: Final = (
    Rule("amount.currency", "An amount's currency is one of ISO 4217 with minor units.", "ISO 4217", _unknown_currency),
    Rule("amount.digits", "An amount has at most its currency's decimals.", "CBPR+, ISO 4217", _too_many_digits),
    Rule("amount.zero", "What is moved is above zero.", "CBPR+", _zero),
    Rule(
        "amount.rate",
        "There is a rate where instructed and settled amount differ in currency, and only there.",
        "ISO 20022, InstructedAmountAndExchangeRate rules",
        _rate_missing,
        _CUSTOMER,
    ),
    Rule(
        "amount.instructed",
        "Where charges are told, so is the instructed amount.",
        "ISO 20022, ChargesInformationAndInstructedAmount rule",
        _charges_without_instructed,
        _CUSTOMER,
    ),
)
