import json
from collections.abc import Callable
from typing import Any

import pytest

from pqc import keys
from pqc.errors import JwksFormatError
from pqc.jwks import BYTES_MAX, build_jwks, read_jwks
from pqc.keys import KeyInfo, algorithms, key_info
from pqc.roles import KeyRole

SEED = bytes([9] * 32)
EVERY = [(role, alg) for role in KeyRole for alg in algorithms(role)]


def info_of(role: KeyRole, alg: str, until_s: int | None = None) -> KeyInfo:
    return key_info("key", alg, role, keys.public_key(alg, SEED), 100, until_s)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(("role", "alg"), EVERY, ids=lambda value: str(value))
def test_key_comes_back_from_its_json_web_key_when_written(role: KeyRole, alg: str):
    info = info_of(role, alg, until_s=900)
    document = build_jwks([info])
    assert read_jwks(encoded(document)) == (info,)
    member = document["keys"][0]
    assert member["use"] == ("enc" if role is KeyRole.SEALING else "sig")
    assert (member["nbf"], member["exp"]) == (100, 900)
    assert SEED.hex() not in json.dumps(document)


def test_account_key_is_written_as_rfc_8812_says_when_it_is_secp256k1():
    # The public key of the private key 1 is the curve's generator (SEC 2).
    public = keys.public_key("secp256k1", (1).to_bytes(32, "big"))
    member = build_jwks([key_info("pay", "secp256k1", "transaction", public, 0)])["keys"][0]
    assert (member["kty"], member["crv"]) == ("EC", "secp256k1")
    assert member["x"] == "eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g"
    assert member["y"] == "SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg"
    assert "alg" not in member
    assert "exp" not in member


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda member: member.pop(name)


def with_(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda member: member.update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        without("kid"),
        without("pub"),
        without("landfall"),
        without("nbf"),
        without("use"),
        with_("kid", "A" * 43),
        with_("use", "enc"),
        with_("nbf", -1),
        with_("nbf", "100"),
        with_("nbf", True),
        with_("exp", 10**15),
        with_("alg", "X-Wing"),
        with_("alg", "RS256"),
        with_("kty", "EC"),
        with_("kty", "oct"),
        with_("pub", "AAAA"),
        with_("pub", 3),
        with_("landfall", "message"),
        with_("landfall", {"name": "message", "role": "sealing"}),
        with_("landfall", {"name": "../message", "role": "message"}),
        with_("priv", "AAAA"),
        with_("d", "AAAA"),
        with_("extra", 1),
    ],
)
def test_read_raises_when_a_member_is_missing_changed_or_private(change: Callable[[dict[str, Any]], object]):
    document = build_jwks([info_of(KeyRole.MESSAGE, "ML-DSA-65")])
    assert len(read_jwks(encoded(document))) == 1
    change(document["keys"][0])
    with pytest.raises(JwksFormatError, match="jwks"):
        read_jwks(encoded(document))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"keys": 3}',
        b'{"keys": [3]}',
        b"\xff\xfe",
        b"[" * 2002,
        b"[" * 100_000,
        b'{"keys": []}' + b" " * BYTES_MAX,
    ],
    ids=range(10),
)
def test_read_raises_when_the_file_is_no_set_or_over_a_limit(data: bytes):
    assert read_jwks(b'{"keys": []}') == ()
    with pytest.raises(JwksFormatError):
        read_jwks(data)


def test_read_raises_when_a_point_is_not_on_the_curve():
    document = build_jwks([info_of(KeyRole.TRANSACTION, "secp256k1")])
    document["keys"][0]["x"] = "A" * 43
    with pytest.raises(JwksFormatError, match="of a point of secp256k1"):
        read_jwks(encoded(document))
