import hashlib
import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from pqc.errors import InvalidKeyError, InvalidSignatureError, RejectedError, UnknownAlgorithmError
from pqc.signatures import KeyPair, algorithms, from_seed, generate, scheme, sign, thumbprint, verify

ALG = "ML-DSA-65"
SEED = bytes(range(32))
VECTORS = Path(__file__).parents[2] / "vectors" / "wycheproof"


@pytest.fixture(scope="module")
def key() -> KeyPair:
    return from_seed(ALG, SEED)


def wycheproof(name: str) -> list[tuple[dict, dict]]:
    file = json.loads((VECTORS / name).read_text())
    return [(group, test) for group in file["testGroups"] for test in group["tests"]]


def test_verify_agrees_with_wycheproof_when_given_every_verification_case():
    cases = wycheproof("mldsa_65_verify_test.json")
    assert len(cases) == 210
    for group, case in cases:
        arguments = (
            ALG,
            bytes.fromhex(group["publicKey"]),
            bytes.fromhex(case["msg"]),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case.get("ctx", "")),
        )
        if case["result"] == "valid":
            verify(*arguments)
        else:
            with pytest.raises(RejectedError):
                verify(*arguments)


def test_from_seed_agrees_with_wycheproof_when_given_every_signing_case():
    cases = [case for case in wycheproof("mldsa_65_sign_seed_test.json") if "msg" in case[1]]
    assert len(cases) > 80
    for group, case in cases:
        seed = bytes.fromhex(group["privateSeed"])
        context = bytes.fromhex(case.get("ctx", ""))
        message = bytes.fromhex(case["msg"])
        if case["result"] == "valid":
            assert from_seed(ALG, seed).public_key == bytes.fromhex(group["publicKey"])
            verify(ALG, bytes.fromhex(group["publicKey"]), message, bytes.fromhex(case["sig"]), context)
        else:
            with pytest.raises(RejectedError):
                sign(from_seed(ALG, seed), message, context)


def test_sign_is_hedged_when_called_twice_on_one_message(key: KeyPair):
    first, second = sign(key, b"pay"), sign(key, b"pay")
    assert first != second
    verify(ALG, key.public_key, b"pay", first)
    verify(ALG, key.public_key, b"pay", second)


@pytest.mark.parametrize(
    ("message", "context", "flipped_at"),
    [
        (b"paid", b"vote", None),
        (b"pay", b"", None),
        (b"pay", b"Vote", None),
        (b"pay", b"vote", 0),
        (b"pay", b"vote", -1),
    ],
)
def test_verify_raises_when_message_context_or_signature_differ(
    key: KeyPair, message: bytes, context: bytes, flipped_at: int | None
):
    signature = bytearray(sign(key, b"pay", b"vote"))
    verify(ALG, key.public_key, b"pay", bytes(signature), b"vote")
    if flipped_at is not None:
        signature[flipped_at] ^= 1
    with pytest.raises(InvalidSignatureError):
        verify(ALG, key.public_key, message, bytes(signature), context)


def test_verify_raises_when_another_key_signed(key: KeyPair):
    with pytest.raises(InvalidSignatureError):
        verify(ALG, key.public_key, b"pay", sign(generate(ALG), b"pay"))


def test_verify_raises_when_signature_length_is_wrong(key: KeyPair):
    with pytest.raises(InvalidSignatureError, match="3308 bytes instead of 3309"):
        verify(ALG, key.public_key, b"pay", sign(key, b"pay")[:-1])


def test_verify_raises_when_public_key_length_is_wrong(key: KeyPair):
    with pytest.raises(InvalidKeyError, match="public_key: expected 1952 bytes, got 1951 bytes"):
        verify(ALG, key.public_key[:-1], b"pay", sign(key, b"pay"))


def test_sign_accepts_255_bytes_of_context_and_raises_when_longer(key: KeyPair):
    verify(ALG, key.public_key, b"pay", sign(key, b"pay", b"c" * 255), b"c" * 255)
    with pytest.raises(InvalidKeyError, match="context"):
        sign(key, b"pay", b"c" * 256)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33), "0" * 32])
def test_from_seed_raises_when_seed_is_not_32_bytes(seed: bytes):
    with pytest.raises(InvalidKeyError, match="seed"):
        from_seed(ALG, seed)


def test_scheme_raises_when_algorithm_is_unknown():
    with pytest.raises(UnknownAlgorithmError, match="expected one of Ed25519, ML-DSA-44, ML-DSA-65"):
        scheme("ML-DSA-66")


def test_repr_hides_the_seed_when_printed(key: KeyPair):
    assert SEED.hex() not in repr(key)
    assert repr(SEED) not in repr(key)


def test_thumbprint_is_sha256_of_the_required_members_when_computed_independently(key: KeyPair):
    # RFC 7638: required members in lexicographic order, no white space; RFC 9964: alg, kty, pub.
    jwk = {"kty": "AKP", "pub": urlsafe_b64encode(key.public_key).decode().rstrip("="), "alg": ALG}
    canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
    assert thumbprint(ALG, key.public_key) == hashlib.sha256(canonical).digest()


def test_every_scheme_states_its_sizes_when_registered():
    for name in algorithms():
        pair = generate(name)
        assert len(pair.seed) == scheme(name).seed_bytes
        assert len(pair.public_key) == scheme(name).public_key_bytes
        assert scheme(name).signature_bytes_min <= len(sign(pair, b"")) <= scheme(name).signature_bytes
