import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqc.errors import KeySourceError, MalformedError, QuantumRequiredError, UnsealError
from pqc.qkd import (
    ANSWER_BYTES_MAX,
    LAYER_BYTES,
    Decision,
    Policy,
    QuantumKey,
    add_layer,
    build_key_ids,
    build_key_request,
    decide,
    parse_error,
    parse_key,
    parse_status,
    receiving_key_path,
    remove_layer,
    sending_key_path,
    status_path,
)

KEY_ID = "bc490419-7d60-487f-adc1-4ddcc177c139"
KEY = QuantumKey(KEY_ID, bytes(range(32)))
AWAY = KeySourceError("HTTP 503: no keys left")
STATUS = {
    "source_KME_ID": "kme-1",
    "target_KME_ID": "kme-2",
    "master_SAE_ID": "sae-1",
    "slave_SAE_ID": "sae-2",
    "key_size": 352,
    "stored_key_count": 25_000,
    "max_key_count": 100_000,
    "max_key_per_request": 128,
    "max_key_size": 1024,
    "min_key_size": 64,
    "max_SAE_ID_count": 0,
}


def container(**changes: Any) -> bytes:
    key = {"key_ID": KEY_ID, "key": b64encode(KEY.key).decode()} | changes
    return json.dumps({"keys": [key]}).encode()


@pytest.mark.parametrize(
    ("policy", "answer", "expected"),
    [
        (Policy.REQUIRE, KEY, Decision(KEY, "key from the key server")),
        (Policy.PREFER, KEY, Decision(KEY, "key from the key server")),
        (Policy.PREFER, AWAY, Decision(None, "HTTP 503: no keys left")),
        (Policy.PREFER, None, Decision(None, "no key server is configured")),
        (Policy.OFF, KEY, Decision(None, "off by policy")),
        (Policy.OFF, None, Decision(None, "off by policy")),
    ],
)
def test_decide_follows_the_policy_when_the_source_answered(
    policy: Policy, answer: QuantumKey | KeySourceError | None, expected: Decision
):
    assert decide(policy, answer) == expected


@pytest.mark.parametrize(("answer", "reason"), [(AWAY, "HTTP 503: no keys left"), (None, "no key server")])
def test_decide_refuses_when_a_key_is_required_and_there_is_none(answer: KeySourceError | None, reason: str):
    with pytest.raises(QuantumRequiredError, match=reason):
        decide(Policy.REQUIRE, answer)


def test_remove_layer_returns_the_text_when_key_and_header_are_those_it_was_added_under():
    layered = add_layer(KEY, b"pay", b"header")
    assert len(layered) == len(b"pay") + LAYER_BYTES
    assert remove_layer(KEY, layered, b"header") == b"pay"
    assert add_layer(KEY, b"pay", b"header") != layered


def test_remove_layer_refuses_when_key_header_or_a_byte_differs():
    layered = add_layer(KEY, b"pay", b"header")
    with pytest.raises(UnsealError):
        remove_layer(QuantumKey(KEY_ID, bytes(32)), layered, b"header")
    with pytest.raises(UnsealError):
        remove_layer(KEY, layered, b"Header")
    for at in range(len(layered)):
        for wrong in (layered[:at] + bytes([layered[at] ^ 1]) + layered[at + 1 :], layered[:at]):
            with pytest.raises(UnsealError):
                remove_layer(KEY, wrong, b"header")


def test_requests_are_those_of_the_standard_when_built():
    assert status_path("sae-2") == "/api/v1/keys/sae-2/status"
    assert sending_key_path("sae-2") == "/api/v1/keys/sae-2/enc_keys"
    assert receiving_key_path("sae-1") == "/api/v1/keys/sae-1/dec_keys"
    assert build_key_request() == {"number": 1, "size": 256}
    assert build_key_ids(KEY_ID) == {"key_IDs": [{"key_ID": KEY_ID}]}


@pytest.mark.parametrize("sae", ["", "a/b", "..%2f", "a?x", "a" * 65])
def test_paths_are_refused_when_the_sae_id_could_be_more_than_a_name(sae: str):
    for path in (status_path, sending_key_path, receiving_key_path):
        with pytest.raises(MalformedError, match="SAE id"):
            path(sae)


@pytest.mark.parametrize("key_id", ["", "a b", "a" * 65, "\u0661"])
def test_build_key_ids_refuses_when_the_id_is_none(key_id: str):
    with pytest.raises(MalformedError, match="qkd_key_id"):
        build_key_ids(key_id)


def test_parse_status_returns_the_counts_when_given_the_standards_example():
    status = parse_status(json.dumps(STATUS | {"status_extension": {"vendor": [1]}}).encode())
    assert (status.stored_key_count, status.key_size, status.max_key_per_request) == (25_000, 352, 128)
    assert status.has_key


@pytest.mark.parametrize("changes", [{"stored_key_count": 0}, {"max_key_size": 255}, {"min_key_size": 257}])
def test_status_has_no_key_when_count_or_size_say_so(changes: dict):
    assert parse_status(json.dumps(STATUS | {"max_key_size": 256, "min_key_size": 256}).encode()).has_key
    assert not parse_status(json.dumps(STATUS | changes).encode()).has_key


@pytest.mark.parametrize("value", [None, -1, 1.5, True, "25000"])
def test_parse_status_refuses_when_a_count_is_none(value: object):
    with pytest.raises(KeySourceError, match="stored_key_count is no count"):
        parse_status(json.dumps(STATUS | {"stored_key_count": value}).encode())


def test_parse_key_returns_the_key_when_the_container_has_one():
    data = container(key_extension={"vendor": 1}, key_ID_extension={})
    assert parse_key(data) == parse_key(data, KEY_ID) == KEY


def test_parse_key_refuses_when_it_is_another_key_than_asked_for():
    with pytest.raises(KeySourceError, match="another id"):
        parse_key(container(), "00000000-7d60-487f-adc1-4ddcc177c139")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": {}}',
        b'{"keys": [1]}',
        b'{"keys": [{"key_ID": "a", "key": "' + b"AA" * 22 + b'"}, {}]}',
        b"[" * 100_000,
        b"\xff",
        b" " * (ANSWER_BYTES_MAX + 1),
        container(key="AAAA"),
        container(key=b64encode(bytes(33)).decode()),
        container(key="!" * 44),
        container(key=7),
        container(key_ID=7),
        container(key_ID="a b"),
        container(key_ID=""),
        container(key_ID="a" * 65),
    ],
)
def test_parse_key_refuses_when_the_answer_is_no_container_of_one_key(data: bytes):
    with pytest.raises(KeySourceError):
        parse_key(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.from_regex(rb'\{"keys": ?\[.{0,60}\]\}', fullmatch=True))
def test_parsers_refuse_clearly_when_given_any_bytes(data: bytes):
    for parse in (parse_key, parse_status):
        with pytest.raises(KeySourceError):
            parse(data)
    assert len(parse_error(data)) <= 100


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"message": "bad size"}', "bad size"),
        (b'{"message": "a\\nb"}', "no message"),
        (b'{"message": 7}', "no message"),
        (b"<html>", "no message"),
        (json.dumps({"message": "x" * 101}).encode(), "x" * 100),
    ],
)
def test_parse_error_returns_a_short_line_when_the_server_refused(data: bytes, message: str):
    assert parse_error(data) == message


@pytest.mark.parametrize(("key_id", "key"), [("", bytes(32)), (KEY_ID, bytes(31)), (KEY_ID, "0" * 32), (7, bytes(32))])
def test_quantum_key_refuses_when_id_or_key_is_none(key_id: str, key: bytes):
    with pytest.raises(MalformedError):
        QuantumKey(key_id, key)


def test_repr_hides_the_key_when_printed():
    assert KEY_ID in repr(KEY)
    assert "key=" not in repr(KEY)
    assert "\\x01" not in repr(Decision(KEY, ""))
