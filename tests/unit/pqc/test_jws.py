import json
from functools import partial
from pathlib import Path

import pytest

from pqc import base64url, signatures
from pqc.errors import InvalidSignatureError, MalformedError, UnknownAlgorithmError
from pqc.jws import SigningKey, parse, sign, verify
from pqc.keystore import DEVNET, Keystore

PAYLOAD = b"\x00payload\xff"
HEADER = {"typ": "test/1", "n": 7}


@pytest.fixture(scope="module", params=["ML-DSA-65", "Ed25519", signatures.MESSAGE_ALGORITHM])
def key(request: pytest.FixtureRequest) -> SigningKey:
    return SigningKey.of(signatures.from_seed(request.param, bytes(range(32))))


def test_verify_takes_a_token_when_its_payload_is_embedded(key: SigningKey):
    token = parse(sign(HEADER, PAYLOAD, key, is_detached=False))
    verify(token, key.verifying_key)
    assert (token.payload, token.algorithm) == (PAYLOAD, key.alg)
    assert token.header == HEADER | {"alg": token.header["alg"], "kid": key.verifying_key.key_id}


def test_verify_takes_a_token_when_a_keystore_signed_it(tmp_path: Path):
    keystore = Keystore.create(tmp_path / "keys.json", b"passphrase", DEVNET)
    info = keystore.add("messages", signatures.MESSAGE_ALGORITHM, "message")
    key = SigningKey(info.alg, info.public_key, partial(keystore.sign_message, info.name))
    verify(parse(sign(HEADER, PAYLOAD, key, is_detached=False)), key.verifying_key)


def test_verify_takes_a_token_when_its_payload_is_beside_it(key: SigningKey):
    token = sign(HEADER, PAYLOAD, key, is_detached=True)
    assert token.split(b".")[1] == b""
    verify(parse(token, PAYLOAD), key.verifying_key)
    with pytest.raises(InvalidSignatureError):
        verify(parse(token, PAYLOAD[:-1]), key.verifying_key)
    with pytest.raises(InvalidSignatureError):
        verify(parse(token), key.verifying_key)


def test_parse_refuses_when_an_embedded_payload_comes_with_a_detached_one(key: SigningKey):
    with pytest.raises(MalformedError, match="token: expected a detached payload"):
        parse(sign(HEADER, PAYLOAD, key, is_detached=False), PAYLOAD)


def test_a_token_verifies_by_rfc_7515_when_read_without_this_code():
    key = SigningKey.of(signatures.from_seed("ML-DSA-65", bytes(32)))
    token = sign(HEADER, PAYLOAD, key, is_detached=False)
    signing_input, _, signature = token.rpartition(b".")
    header = json.loads(base64url.decode("", signing_input.split(b".")[0]))
    assert (header["alg"], header["typ"]) == ("ML-DSA-65", "test/1")
    signatures.verify("ML-DSA-65", key.public_key, signing_input, base64url.decode("", signature))


def test_the_composites_alg_is_private_and_versioned_when_written():
    key = SigningKey.of(signatures.from_seed(signatures.MESSAGE_ALGORITHM, bytes(32)))
    token = parse(sign({}, b"", key, is_detached=False))
    assert token.header["alg"] == "landfall.1.id-MLDSA65-Ed25519-SHA512"


def test_algorithm_refuses_when_the_header_names_none_of_the_registry():
    token = base64url.encode(b'{"alg":"none"}') + b".."
    with pytest.raises(UnknownAlgorithmError):
        _ = parse(token).algorithm


def test_verify_refuses_when_the_token_names_another_key():
    key, other = (SigningKey.of(signatures.generate("Ed25519")) for _ in range(2))
    token = parse(sign(HEADER, PAYLOAD, key, is_detached=False))
    with pytest.raises(MalformedError, match=r"header\.kid"):
        verify(token, other.verifying_key)


def test_repr_hides_how_a_key_signs_when_printed(key: SigningKey):
    assert "sign=" not in repr(key)
