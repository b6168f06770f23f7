from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from bridge.errors import EvidenceError
from bridge.proofs.messages import check_signer, message_from_json, message_to_json
from contracts.client import typed_data
from pqc import secp256k1

SEED = bytes([3] * 32)
SIGNER = secp256k1.address_of(secp256k1.public_key(SEED))
DOMAIN = typed_data.Domain("TradeEscrow", 1337, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
_VALUES: dict[str, Any] = {"uint256": 7, "bytes32": bytes(range(32)), "bool": True, "address": SIGNER}


def sample(kind: str) -> Any:
    if kind in typed_data.TYPES:
        return {name: sample(inner) for name, inner in typed_data.TYPES[kind]}
    if kind.endswith("[]"):
        return [sample(kind.removesuffix("[]"))] * 2
    return _VALUES[kind]


@pytest.mark.parametrize("primary_type", sorted(typed_data.TYPES))
def test_digest_is_what_eth_account_signs_when_message_is(primary_type: str):
    message = sample(primary_type)
    wallet = typed_data.wallet_message(DOMAIN, primary_type, message)
    signed = Account.sign_message(encode_typed_data(full_message=wallet), SEED)
    digest = typed_data.digest(DOMAIN, primary_type, message)
    assert secp256k1.recover(digest, bytes(signed.signature)) == SIGNER
    check_signer("signature", SIGNER, digest, bytes(signed.signature))


@pytest.mark.parametrize("primary_type", sorted(typed_data.TYPES))
def test_message_comes_back_when_written_as_json(primary_type: str):
    message = sample(primary_type)
    assert message_from_json(primary_type, message_to_json(primary_type, message), "m") == message


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"amount": 7}, "m.amount"),
        ({"amount": "07"}, "m.amount"),
        ({"amount": "-7"}, "m.amount"),
        ({"amount": "7.0"}, "m.amount"),
        ({"amount": str(1 << 256)}, "m.amount"),
        ({"amount": "9" * 5000}, "m.amount"),
        ({"owner": SIGNER.lower()}, "m.owner"),
        ({"owner": SIGNER[:-1]}, "m.owner"),
        ({"owner": None}, "m.owner"),
        ({"salt": "0x" + "AB" * 32}, "m.salt"),
        ({"salt": "0x" + "ab" * 31}, "m.salt"),
        ({"salt": "ab" * 32}, "m.salt"),
        ({"extra": "1"}, "m.extra"),
    ],
)
def test_message_from_json_names_the_path_when_a_value_is_misspelt(change: dict[str, Any], path: str):
    good = message_to_json("Hold", sample("Hold"))
    with pytest.raises(EvidenceError) as caught:
        message_from_json("Hold", {**good, **change}, "m")
    assert caught.value.path == path


def test_message_from_json_names_the_path_when_a_key_is_missing():
    good = message_to_json("Hold", sample("Hold"))
    del good["salt"]
    with pytest.raises(EvidenceError, match=r"m\.salt: expected a value, got nothing"):
        message_from_json("Hold", good, "m")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint256", True),
        ("uint256", -1),
        ("uint256", 1 << 256),
        ("uint256", 1.0),
        ("bytes32", "0x00"),
        ("bytes32", bytes(33)),
        ("bool", 1),
        ("address", "0x00"),
        ("address", bytes(19)),
        ("address", None),
    ],
)
def test_digest_raises_when_a_value_does_not_fit_its_type(kind: str, value: Any):
    name = {"uint256": "weight_bps", "bytes32": "kind", "bool": "silence_pays"}.get(kind)
    message = sample("Milestone") | ({"attesters": [value]} if name is None else {name: value})
    with pytest.raises(ValueError, match=name or "attesters"):
        typed_data.digest(DOMAIN, "Milestone", message)


def test_check_signer_raises_when_another_key_or_message_is_behind_it():
    signature = secp256k1.sign_digest(SEED, bytes(32))
    check_signer("x", SIGNER, bytes(32), signature)
    with pytest.raises(EvidenceError, match="over this message"):
        check_signer("x", SIGNER, bytes([1] * 32), signature)
    with pytest.raises(EvidenceError, match="64 bytes instead of 65"):
        check_signer("x", SIGNER, bytes(32), signature[:-1])
