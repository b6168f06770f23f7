"""What terms are checked against, and the words in which a check refuses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from contracts.client.deployment import Deployment
from fx.rates import Rate
from node.participants.addresses import PostalAddress
from node.trades.errors import TermsRejectedError

BPS: Final = 10_000
DAY_S: Final = 86_400
WINDOW_S_MAX: Final = 400 * DAY_S
"""The contract takes no longer window; no hold lasts longer."""


def no_purpose(_payer: str, _payee: str) -> str | None:
    """Know no purposes."""
    return None


def no_rate(_base: str, _quote: str) -> Rate | None:
    """Know no reference rate."""
    return None


def no_address(_customer: str) -> PostalAddress | None:
    """Know no postal address."""
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """What terms are checked against."""

    now_s: int
    deployment: Deployment
    bank: str
    """Whose desk checks: it fills in the accounts of its own customers."""
    own_account: Callable[[str], str | None]
    """Customer id of this bank to address, None if unknown."""
    own_name: Callable[[str], str | None]
    """Customer id of this bank to its name, None if unknown."""
    own_address: Callable[[str], PostalAddress | None] = no_address
    """Customer id of this bank to its postal address, None if unknown."""
    forbidding: Callable[[str, str], str | None] = no_purpose
    """(payer, payee) to the purpose of the payer's wallet that forbids the payee, None where it may be paid."""
    reference_rate: Callable[[str, str], Rate | None] = no_rate
    """(base, quote) to the present rate in major units of quote for one of base, None if none is known."""


def check_currency(field: str, code: str, context: Context) -> None:
    """Refuse a currency without a token."""
    if code not in context.deployment.tokens:
        known = ", ".join(sorted(context.deployment.tokens))
        refuse(field, f"a currency of this network ({known})", code)


def refuse(field: str, expected: str, got: object) -> NoReturn:
    """Raise the one error of a field."""
    raise TermsRejectedError(field, expected, got)
