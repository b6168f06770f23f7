"""Bindings: calls, results, logs and reasons, against fixed vectors of Ethereum and the compiled contracts."""

from importlib.resources import files
from typing import Any

import pytest
from eth_abi.abi import encode

from contracts.client.artifacts import (
    Artifact,
    checksummed,
    contract_of,
    decode_call,
    decode_log,
    decode_result,
    decode_revert,
    encode_call,
    load_artifact,
    parse_artifact,
)
from contracts.client.errors import ArgumentError, InvariantError, UnknownArtifactError, UnknownFunctionError

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55, "Test Cases"
PAIR = [{"name": "account", "type": "address"}, {"name": "share_bps", "type": "uint256"}]
ABI: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "split",
        "inputs": [
            {"name": "label", "type": "bytes32"},
            {"name": "payees", "type": "tuple[]", "components": PAIR},
            {"name": "first", "type": "tuple", "components": PAIR},
        ],
        "outputs": [{"name": "", "type": "tuple", "components": PAIR}],
        "stateMutability": "view",
    },
    {"type": "function", "name": "split", "inputs": [{"name": "label", "type": "bytes32"}], "outputs": []},
    {
        "type": "event",
        "name": "Split",
        "inputs": [
            {"name": "amount", "type": "uint256", "indexed": False},
            {"name": "account", "type": "address", "indexed": True},
            {"name": "payees", "type": "tuple[]", "components": PAIR, "indexed": False},
        ],
    },
]


@pytest.fixture
def artifact() -> Artifact:
    return parse_artifact({"name": "Splitter", "abi": ABI, "bytecode": "0x"})


def test_checksummed_returns_the_eip_55_form_when_given_bytes_or_hex() -> None:
    assert checksummed(ADDRESS.lower()) == ADDRESS
    assert checksummed(bytes.fromhex(ADDRESS[2:])) == ADDRESS


def test_encode_call_returns_the_known_bytes_when_the_call_is_an_erc20_transfer() -> None:
    data = encode_call("EUR", "transfer", (ADDRESS, 1000))
    assert data.hex() == "a9059cbb" + "00" * 12 + ADDRESS[2:].lower() + f"{1000:064x}"


def test_load_artifact_has_the_known_topic_when_the_event_is_an_erc20_transfer() -> None:
    topic = load_artifact("KES").topic("Transfer")
    assert topic.hex() == "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def test_load_artifact_succeeds_when_the_contract_is_installed() -> None:
    names = [item.name for item in files("contracts").joinpath("artifacts").iterdir() if item.name.endswith(".json")]
    assert names
    for name in names:
        assert load_artifact(name.removesuffix(".json")).bytecode


def test_load_artifact_names_what_is_installed_when_there_is_no_such_contract() -> None:
    with pytest.raises(UnknownArtifactError, match="SettlementToken"):
        load_artifact("Nothing")


def test_contract_of_is_the_token_when_the_name_is_a_currency() -> None:
    assert contract_of("EUR") == "SettlementToken"
    assert contract_of("TradeEscrow") == "TradeEscrow"


def test_encode_call_is_the_same_when_a_struct_is_a_mapping_or_a_tuple(artifact: Artifact) -> None:
    named = {"share_bps": 5, "account": ADDRESS}
    as_mapping = encode_call(artifact, "split", (bytes(32), [named], named))
    assert as_mapping == encode_call(artifact, "split", (bytes(32), [(ADDRESS, 5)], (ADDRESS, 5)))


@pytest.mark.parametrize(
    ("argument", "field"),
    [
        ({"account": ADDRESS}, "first"),
        ({"account": ADDRESS, "share_bps": 1, "more": 2}, "first"),
        ((ADDRESS,), "first"),
        ((ADDRESS, -1), "split.first"),
        ((ADDRESS, 1.5), "split.first"),
        (("0x12", 1), "split.first"),
    ],
)
def test_encode_call_names_the_argument_when_it_does_not_fit(artifact: Artifact, argument: Any, field: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        encode_call(artifact, "split", (bytes(32), [], argument))
    assert caught.value.field == field


def test_encode_call_chooses_by_number_of_arguments_when_a_name_has_two_functions(artifact: Artifact) -> None:
    assert (
        encode_call(artifact, "split", (bytes(32),))[:4]
        != encode_call(artifact, "split", (bytes(32), [], (ADDRESS, 1)))[:4]
    )
    with pytest.raises(UnknownFunctionError, match="2 arguments"):
        encode_call(artifact, "split", (bytes(32), []))


def test_decode_call_returns_what_was_encoded_and_none_for_anything_else(artifact: Artifact) -> None:
    payee = {"account": ADDRESS, "share_bps": 5}
    data = encode_call(artifact, "split", (bytes(32), [payee], payee))
    decoded = decode_call(artifact, data)
    assert decoded is not None
    assert (decoded[0], list(decoded[1].values())) == ("split", [bytes(32), [payee], payee])
    assert decode_call(artifact, data[:-1]) is None
    assert decode_call(artifact, b"\0" * 4 + data[4:]) is None
    assert decode_call(artifact, b"") is None


def test_decode_result_returns_a_struct_as_dict_when_the_output_is_one(artifact: Artifact) -> None:
    data = encode(["(address,uint256)"], [(ADDRESS, 7)])
    assert decode_result(artifact, "split", 3, data) == {"account": ADDRESS, "share_bps": 7}


def test_decode_result_stops_when_the_bytes_are_not_a_result(artifact: Artifact) -> None:
    with pytest.raises(InvariantError, match="3 bytes"):
        decode_result(artifact, "split", 3, b"abc")


def test_decode_log_returns_fields_in_declared_order_when_the_event_is_known(artifact: Artifact) -> None:
    topics = [artifact.topic("Split"), encode(["address"], [ADDRESS])]
    data = encode(["uint256", "(address,uint256)[]"], [9, [(ADDRESS, 1)]])
    decoded = decode_log(artifact, topics, data)
    assert decoded == ("Split", {"amount": 9, "account": ADDRESS, "payees": [{"account": ADDRESS, "share_bps": 1}]})
    assert list(decoded[1]) == ["amount", "account", "payees"]


def test_decode_log_returns_none_when_the_event_is_not_declared(artifact: Artifact) -> None:
    assert decode_log(artifact, [bytes(32)], b"") is None
    assert decode_log(artifact, [], b"") is None


def test_decode_log_stops_when_a_known_event_has_another_shape(artifact: Artifact) -> None:
    with pytest.raises(InvariantError, match="Split"):
        decode_log(artifact, [artifact.topic("Split")], b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes.fromhex("08c379a0") + encode(["string"], ["escrow: late"]), "escrow: late"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "panic 0x11"),
        (bytes.fromhex("08c379a0") + b"\xff", "0x08c379a0ff"),
        (b"\x01\x02", "0x0102"),
        (b"", "reverted without a reason"),
    ],
)
def test_decode_revert_returns_text_when_given_any_revert_data(data: bytes, reason: str) -> None:
    assert decode_revert(data) == reason
