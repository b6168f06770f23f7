"""Identifiers with check digits or a form of their own: BIC, LEI, IBAN, country, UETR."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from node.messages.iso20022.rules.rule import Problem, Rule, Subject

UETR: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_PLAIN: Final = re.compile(r"[A-Z0-9]+", re.ASCII)
_IBAN_CHARS_MAX: Final = 34
_SPACES: Final = re.compile(r"[\s-]+")

# Message -> element that carries one transaction, path of the UETR in it.
_UETR_AT: Final = {
    "pacs.008": ("CdtTrfTxInf", "PmtId/UETR"),
    "pacs.009": ("CdtTrfTxInf", "PmtId/UETR"),
    "pacs.002": ("TxInfAndSts", "OrgnlUETR"),
    "pacs.004": ("TxInf", "OrgnlUETR"),
    "pacs.028": ("TxInf", "OrgnlUETR"),
    "camt.056": ("TxInf", "OrgnlUETR"),
    "camt.029": ("TxInfAndSts", "OrgnlUETR"),
}


def is_bic(text: str) -> bool:
    """Say whether this is a BIC (ISO 9362): its form, and a country that exists."""
    # stdnum wants letters in front, ISO 9362 takes digits there since 2014.
    return len(text) in (8, 11) and _BIC.fullmatch(text) is not None and is_country(text[4:6])


def is_lei(text: str) -> bool:
    """Say whether this is an LEI (ISO 17442) with right check digits."""
    return len(text) == 20 and _PLAIN.fullmatch(text) is not None and _has_lei_digits(text)


def is_iban(text: str) -> bool:
    """Say whether this is an IBAN (ISO 13616): its country's form and right check digits."""
    return len(text) <= _IBAN_CHARS_MAX and _PLAIN.fullmatch(text) is not None and _has_iban_digits(text)


def is_country(text: str) -> bool:
    """Say whether this is a country of ISO 3166, or XK, by the table that BICs are checked with."""
    return len(text) == 2 and _PLAIN.fullmatch(text) is not None and _has_bic_form(f"AAAA{text}2A")


def is_uetr(text: str) -> bool:
    """Say whether this is a UUID of version 4 in lower case."""
    return UETR.fullmatch(text) is not None


# A message names the same few institutions and accounts several times, and so do the messages of a day; what is kept
# is short, since its length was looked at before.
@lru_cache(maxsize=4096)
def _has_bic_form(text: str) -> bool:
    from stdnum import bic

    return bool(bic.is_valid(text))


@lru_cache(maxsize=4096)
def _has_lei_digits(text: str) -> bool:
    from stdnum import lei

    return bool(lei.is_valid(text))


@lru_cache(maxsize=4096)
def _has_iban_digits(text: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(text, check_country=False))


def _checked(
    names: tuple[str, ...], is_right: Callable[[str], bool], expected: str
) -> Callable[[Subject], Iterator[Problem]]:
    def find(subject: Subject) -> Iterator[Problem]:
        for element in subject.named(*names):
            text = element.text or ""
            if not is_right(text):
                yield Problem(element, f"expected {expected}, got {text[:60]!r}", _tidied(text, is_right))

    return find


def _tidied(text: str, is_right: Callable[[str], bool]) -> str | None:
    """Return the text without spaces, in upper or lower case, where it is right then."""
    bare = _SPACES.sub("", text)
    for proposed in (bare.upper(), text.strip().lower()):
        if proposed != text and is_right(proposed):
            return proposed
    return None


def _uetr_missing(subject: Subject) -> Iterator[Problem]:
    carrier, path = _UETR_AT[subject.family]
    for transaction in subject.in_document(carrier):
        if subject.text(transaction, path) is None:
            yield Problem(transaction, f"expected {path}, the transaction's UETR, got none")


RULES: Final = (
    Rule(
        "uetr.present",
        "Each transaction has its UETR, each answer the UETR of what it answers.",
        "CBPR+, tracker",
        _uetr_missing,
        frozenset(_UETR_AT),
    ),
    Rule(
        "uetr.form",
        "A UETR is a UUID of version 4 in lower case.",
        "CBPR+, RFC 9562",
        _checked(("UETR", "OrgnlUETR", "EIR"), is_uetr, "a UUID of version 4 in lower case"),
    ),
    Rule(
        "identifier.bic",
        "A BIC has the form of ISO 9362 and a country that exists.",
        "ISO 9362",
        _checked(("BICFI", "AnyBIC", "BIC"), is_bic, "a BIC of 8 or 11 characters"),
    ),
    Rule(
        "identifier.lei",
        "An LEI has right check digits.",
        "ISO 17442",
        _checked(("LEI",), is_lei, "an LEI of 20 characters with right check digits"),
    ),
    Rule(
        "identifier.iban",
        "An IBAN has its country's form and right check digits.",
        "ISO 13616",
        _checked(("IBAN",), is_iban, "an IBAN with right check digits"),
    ),
    Rule(
        "identifier.country",
        "A country code is one of ISO 3166.",
        "ISO 3166-1",
        _checked(("Ctry", "CtryOfRes", "CtryOfBirth"), is_country, "a country code of ISO 3166"),
    ),
)
