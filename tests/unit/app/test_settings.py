"""Settings from the environment."""

from pathlib import Path

import pytest

from node.app.errors import SettingsError
from node.app.settings import load_settings


def test_settings_takes_value_when_variable_is_known() -> None:
    assert load_settings({"LANDFALL_RPC_PORT": "1"}).rpc_port == 1


def test_settings_prefers_option_when_both_are_given() -> None:
    assert load_settings({"LANDFALL_RPC_PORT": "1"}, rpc_port=9).rpc_port == 9


def test_settings_name_liboqs_only_when_it_is_asked_for() -> None:
    assert load_settings({}).liboqs is None
    assert load_settings({"LANDFALL_LIBOQS": ".cache/liboqs"}).liboqs == Path(".cache/liboqs")


def test_settings_refuses_when_variable_is_unknown() -> None:
    with pytest.raises(SettingsError, match="LANDFALL_PROT: expected one of"):
        load_settings({"LANDFALL_PROT": "1"})


def test_settings_leaves_alone_when_variable_is_of_another_command() -> None:
    assert load_settings({"LANDFALL_KEYSTORE": "keys.json", "LANDFALL_PASSPHRASE_FILE": "p"}).rpc_port == 8545


def test_settings_refuses_when_port_is_out_of_range() -> None:
    with pytest.raises(SettingsError, match="rest_port"):
        load_settings({}, rest_port=70_000)
