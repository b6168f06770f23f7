"""The network's facts from its genesis."""

from typing import Any

import pytest

from contracts.client.deployment import Deployment
from contracts.client.errors import GenesisFormatError, UnknownAddressError
from tests.unit.client.fake_chain import CHAIN_ID, contract_address, deployment, genesis_section


def test_address_is_found_when_given_a_contract_or_a_currency() -> None:
    assert deployment().address("TradeEscrow") == contract_address("TradeEscrow")
    assert deployment().address("EUR") == contract_address("EUR")
    assert deployment().currency_of(contract_address("EUR").lower()) == "EUR"


@pytest.mark.parametrize("name", ["USD", "Nothing", ""])
def test_address_names_what_there_is_when_the_name_is_unknown(name: str) -> None:
    with pytest.raises(UnknownAddressError, match="TradeEscrow, EUR, KES"):
        deployment().address(name)
    with pytest.raises(UnknownAddressError):
        deployment().currency_of(contract_address("FxOracle"))
    with pytest.raises(UnknownAddressError):
        deployment().participant("nobody")


def test_domain_has_the_tokens_own_name_when_it_is_a_tokens() -> None:
    domain = deployment().token_domain("KES")
    assert (domain.name, domain.chain_id) == ("Settlement KES", CHAIN_ID)
    assert deployment().domain("FxOracle").name == "FxOracle"


def test_artifacts_by_address_has_the_token_once_per_currency_when_there_are_two() -> None:
    artifacts = deployment().artifacts_by_address()
    assert artifacts[contract_address("EUR")] is artifacts[contract_address("KES")]
    assert len(artifacts) == 6


@pytest.mark.parametrize("field", ["network", "genesis_time_s", "contracts", "tokens", "participants", "pairs"])
def test_from_genesis_names_the_field_when_it_is_missing(field: str) -> None:
    section = genesis_section()
    del section[field]
    with pytest.raises(GenesisFormatError, match=field):
        Deployment.from_genesis(section, CHAIN_ID)


@pytest.mark.parametrize(
    ("field", "value"), [("genesis_time_s", "soon"), ("tokens", []), ("contracts", None), ("participants", 3)]
)
def test_from_genesis_refuses_when_a_field_has_another_type(field: str, value: Any) -> None:
    with pytest.raises(GenesisFormatError, match="expected the fields"):
        Deployment.from_genesis(genesis_section() | {field: value}, CHAIN_ID)
