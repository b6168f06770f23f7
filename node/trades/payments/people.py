"""Banks, customers and accounts as messages name them."""

from base64 import b32encode

from node.messages.iso20022.parts import Account, Address, Agent, Party
from node.messages.iso20022.rules.address import PLACEHOLDERS
from node.participants.addresses import PostalAddress
from node.participants.directory import Institution
from node.trades.payments.wording import in_set_x

NAME_CHARS_MAX = 140
_STREET_CHARS_MAX = 70
_TOWN_CHARS_MAX = 35
_SHORT_CHARS_MAX = 16


def agent_of(institution: Institution) -> Agent:
    """Return an institution as an agent: by BIC and LEI."""
    return Agent(bic=institution.bic or None, lei=institution.lei)


def account_of(address: str) -> Account:
    """Return an account on the chain: its 20 bytes in base32 (RFC 4648), which are 32 letters and digits.

    As hexadecimal they would not fit the 34 characters of an account number.
    """
    return Account(number=b32encode(bytes.fromhex(address.removeprefix("0x"))).decode())


def party_of(name: str, address: PostalAddress | None) -> Party:
    """Return a customer.

    Without an address none is told: its bank's own town and country say nothing about where the customer is.
    """
    return Party(in_set_x(name, NAME_CHARS_MAX), None if address is None else _address(address))


def _address(postal: PostalAddress) -> Address | None:
    town = _told(postal.town, _TOWN_CHARS_MAX)
    if town is None:
        return None
    return Address(
        country=postal.country,
        town=town,
        street=_told(postal.street, _STREET_CHARS_MAX),
        building=_told(postal.building, _SHORT_CHARS_MAX),
        post_code=_told(postal.post_code, _SHORT_CHARS_MAX),
    )


def _told(text: str | None, chars_max: int) -> str | None:
    """Return a part of an address, None where it says that it is not known."""
    told = None if text is None else in_set_x(text, chars_max)
    return None if told is None or told.upper() in PLACEHOLDERS else told
