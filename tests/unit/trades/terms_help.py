"""Terms for tests: the example of the repository, changed by a line, checked at one bank."""

from functools import cache

from node.trades.terms.checks import Context
from node.trades.terms.document import TermsDocument
from node.trades.terms.written import check_terms, parse_terms
from tests.unit.trades.ledger import address_of, genesis
from tests.unit.trades.world import example

NOW_S = 1_785_830_400  # 2026-08-04T08:00:00Z
SALT = b"\x01" * 32
ACCOUNTS = {name: address_of(f"test/{name}") for name in ("naivasha", "kra", "bloem", "vanrijn")}


def context(bank: str = "bank-ke", now_s: int = NOW_S) -> Context:
    customers = {"bank-ke": ("naivasha", "kra"), "bank-nl": ("bloem", "vanrijn")}[bank]
    own = {name: ACCOUNTS[name] for name in customers}
    names = {customer.id: customer.name for customer in genesis()[0].institution(bank).customers}
    return Context(now_s=now_s, deployment=genesis()[1], bank=bank, own_account=own.get, own_name=names.get)


def changed(*replacements: tuple[str, str], path: str = "roses/terms.toml") -> bytes:
    """Return the example with texts replaced; each must be there."""
    text = example(path).decode()
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def checked(*replacements: tuple[str, str], path: str = "roses/terms.toml", bank: str = "bank-ke") -> TermsDocument:
    return check_terms(parse_terms(changed(*replacements, path=path)), SALT, context(bank))


@cache
def complete() -> TermsDocument:
    """The example with every account filled in."""
    document = checked()
    importer = document.importer.model_copy(update={"account": ACCOUNTS["bloem"]})
    return document.model_copy(update={"importer": importer})
