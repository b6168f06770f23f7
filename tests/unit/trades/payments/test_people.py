"""Banks, customers and accounts in messages."""

from base64 import b32decode
from dataclasses import replace

import pytest

from node.messages.iso20022.parts import Address
from node.participants.addresses import PostalAddress
from node.participants.directory import Directory
from node.trades.payments.people import account_of, agent_of, party_of
from tests.unit.trades.ledger import genesis
from tests.unit.trades.terms_help import ACCOUNTS

AALSMEER = PostalAddress(street="Legmeerdijk", building="313", post_code="1431 GB", town="Aalsmeer", country="NL")


def test_account_is_its_address_when_read_back() -> None:
    number = account_of(ACCOUNTS["bloem"]).number or ""
    assert len(number) == 32
    assert "0x" + b32decode(number).hex() == ACCOUNTS["bloem"].lower()


def test_agent_has_no_bic_when_the_institution_has_none() -> None:
    bank = Directory(genesis()[1]).institution("bank-nl")
    assert (agent_of(bank).bic, agent_of(bank).lei) == (bank.bic, bank.lei)
    assert agent_of(replace(bank, bic="")).bic is None


def test_party_is_told_in_latin_letters_and_cut_to_length() -> None:
    found = party_of("Ж" * 140, AALSMEER.model_copy(update={"town": "Алсмер"}))
    assert found.name is not None
    assert len(found.name) == 140
    assert found.name.isascii()
    assert found.address == Address("NL", "Alsmer", street="Legmeerdijk", building="313", post_code="1431 GB")


@pytest.mark.parametrize("town", ["UNKNOWN", "Not provided", "N/A"])
def test_address_is_left_out_when_its_town_says_that_it_is_not_known(town: str) -> None:
    assert party_of("Bloemenhuis BV", AALSMEER.model_copy(update={"town": town})).address is None


def test_part_of_an_address_is_left_out_when_it_says_that_it_is_not_known() -> None:
    found = party_of("Bloemenhuis BV", AALSMEER.model_copy(update={"street": "unknown"})).address
    assert found is not None
    assert (found.street, found.town) == (None, "Aalsmeer")


def test_no_address_is_told_when_none_is_known() -> None:
    assert party_of("Bloemenhuis BV", None).address is None
