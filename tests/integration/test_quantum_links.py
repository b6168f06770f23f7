"""The links that `quantum.toml` names, against a real key server."""

from pathlib import Path

import pytest

from node.app.errors import SettingsError
from node.app.quantum_links import FILE, FILE_BYTES_MAX, load_quantum
from node.participants.directory import Directory
from pqc.qkd import Policy
from tests.integration.key_server import Authority, QuantumLink, served
from tests.unit.participants.network import network_deployment

PAYER, PAYEE = tuple(Directory(network_deployment()))[:2]


def write(folder: Path, signer: Authority, url: str, own: str, peer_lei: str, peer: str, /, **changes: str) -> Path:
    """Write the file of one institution; the paths in it start at its folder."""
    folder.mkdir(exist_ok=True)
    certificate, private_key = signer.issue(own)
    lines = {
        "policy": '"require"',
        "server": f'"{url}"',
        "authority": f'"../{signer.certificate.name}"',
        "certificate": f'"../{certificate.name}"',
        "private_key": f'"../{private_key.name}"',
        "peers": f'{{ "{peer_lei}" = "{peer}" }}',
    } | changes
    (folder / FILE).write_text("\n".join(f"{name} = {value}" for name, value in lines.items()))
    return folder


async def test_both_sides_get_one_key_when_their_files_name_each_other(tmp_path: Path) -> None:
    authority, keys = Authority(tmp_path, "authority"), QuantumLink(frozenset({"sae-payer", "sae-payee"}))
    async with served(keys.application(), authority) as url:
        payer = load_quantum(write(tmp_path / "payer", authority, url, "sae-payer", PAYEE.lei, "sae-payee"))
        payee = load_quantum(write(tmp_path / "payee", authority, url, "sae-payee", PAYER.lei, "sae-payer"))
        assert (payer.policy_for(PAYEE.lei), payer.policy_for(PAYER.lei)) == (Policy.REQUIRE, Policy.OFF)
        assert payer.source is not None
        assert payee.source is not None
        key = await payer.source.fetch_sending_key(payer.saes[PAYEE.lei])
        assert await payee.source.fetch_receiving_key(payee.saes[PAYER.lei], key.key_id) == key


def test_an_institution_has_no_link_when_it_has_no_file(tmp_path: Path) -> None:
    quantum = load_quantum(tmp_path)
    assert (quantum.source, quantum.policy_for(PAYEE.lei)) == (None, Policy.OFF)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("policy", '"always"', "policy"),
        ("server", '"http://127.0.0.1:1"', "https"),
        ("authority", '"../missing.pem"', "certificates that cannot be read"),
        ("peers", "{}", "peers"),
        ("peers", '{ "724500PLDRNL00000001" = "sae-payee" }', "LEI"),
        ("prefer", "true", "prefer"),
        ("policy", "require", "TOML"),
    ],
)
def test_the_file_is_refused_when_a_field_is_wrong(tmp_path: Path, field: str, value: str, said: str) -> None:
    authority = Authority(tmp_path, "authority")
    folder = write(
        tmp_path / "payer", authority, "https://127.0.0.1:1", "sae-payer", PAYEE.lei, "sae-payee", **{field: value}
    )
    with pytest.raises(SettingsError, match=said):
        load_quantum(folder)


def test_the_file_is_refused_when_it_is_too_large(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(SettingsError, match="at most"):
        load_quantum(tmp_path)
