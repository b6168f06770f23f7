"""Public keys as operators name them: hex and files, and what is refused."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from node.app.council.keys import FILE_BYTES_MAX, ValidatorKey, read_key
from node.app.errors import ChangeError
from tests.unit.app.council.support import key_pair

ED, ML = key_pair("x"), key_pair("x", "ML-DSA-65")


def write(tmp_path: Path, document: Any) -> str:
    path = tmp_path / "key.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_hex_is_a_key_by_its_length() -> None:
    assert read_key(ED.public_key.hex()) == ValidatorKey("Ed25519", ED.public_key)
    assert read_key("0x" + ML.public_key.hex().upper()) == ValidatorKey("ML-DSA-65", ML.public_key)
    for bad in (ED.public_key.hex()[:-2], ED.public_key.hex()[:-1] + "g"):
        with pytest.raises(ChangeError, match="KEY: expected a public key in hex"):
            read_key(bad)


def test_files_that_others_write_are_read(tmp_path: Path) -> None:
    node = "ab" * 20
    fields = {"algorithm": "ML-DSA-65", "public_key": ML.public_key.hex(), "node_id": node}
    expected = ValidatorKey("ML-DSA-65", ML.public_key, bytes.fromhex(node))
    assert read_key(write(tmp_path, fields)) == expected
    member = {"member": {"id": "x", "validator": fields | {"address": ""}}, "signature": "00"}
    assert read_key(write(tmp_path, member)) == expected
    shown = {"type": "cometbft/PubKeyMlDsa65", "value": base64.b64encode(ML.public_key).decode()}
    assert read_key(write(tmp_path, shown)) == ValidatorKey("ML-DSA-65", ML.public_key)


@pytest.mark.parametrize(
    "document",
    [
        {"algorithm": "Ed25519", "public_key": ML.public_key.hex()},
        {"algorithm": "ML-DSA-44", "public_key": ED.public_key.hex()},
        {"algorithm": "Ed25519"},
        {"algorithm": "Ed25519", "public_key": ED.public_key.hex(), "node_id": "ab"},
        {"member": None},
        {"type": "tendermint/PubKeySecp256k1", "value": ""},
        {"type": "tendermint/PubKeyEd25519", "value": "*"},
        [],
        "no JSON",
        "[" * 9 + "]" * 9,
        " " * (FILE_BYTES_MAX + 1),
    ],
)
def test_file_is_refused_when_it_holds_no_key(tmp_path: Path, document: Any) -> None:
    with pytest.raises(ChangeError, match=r"key\.json: expected"):
        read_key(write(tmp_path, document))


def test_secret_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    secret = {"algorithm": "Ed25519", "seed": ED.seed.hex()}
    with pytest.raises(ChangeError, match="a secret key; give the public one") as caught:
        read_key(write(tmp_path, secret))
    assert ED.seed.hex() not in str(caught.value)
