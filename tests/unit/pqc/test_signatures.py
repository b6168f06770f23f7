import hashlib
import json
import random
from base64 import urlsafe_b64encode

import pytest

from pqc.errors import InvalidKeyError, InvalidSignatureError, RejectedError, UnknownAlgorithmError
from pqc.signatures import KeyPair, algorithms, from_jwk, from_seed, generate, jwk, scheme, sign, thumbprint, verify

ALG = "ML-DSA-65"
SEED = bytes(range(32))


@pytest.fixture(scope="module")
def key() -> KeyPair:
    return from_seed(ALG, SEED)


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


@pytest.mark.parametrize("alg", algorithms())
def test_from_jwk_returns_what_jwk_wrote_when_other_members_are_added(alg: str):
    public_key = from_seed(alg, SEED).public_key
    written = jwk(alg, public_key)
    assert from_jwk(written) == (alg, public_key)
    assert from_jwk({**written, "kid": "2026", "use": "sig"}) == (alg, public_key)


def test_jwk_has_the_members_of_its_standard_when_written(key: KeyPair):
    pub = urlsafe_b64encode(key.public_key).decode().rstrip("=")
    assert jwk(ALG, key.public_key) == {"alg": ALG, "kty": "AKP", "pub": pub}
    with pytest.raises(InvalidKeyError, match="public_key: expected 1952 bytes, got 1951 bytes"):
        jwk(ALG, key.public_key[:-1])


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("kty", "OKP", "text members crv and x"),
        ("kty", "akp", "kty: expected AKP"),
        ("kty", None, "kty: expected AKP"),
        ("alg", 65, "text members alg and pub"),
        ("pub", None, "text members alg and pub"),
        ("pub", "A" * 2602, "got 2602 characters"),
        ("pub", "A" * 2_000_000, "got 2000000 characters"),
        ("pub", "A" * 2602 + "=", "base64url"),
        ("pub", "A" * 2602 + "+", "base64url"),
        ("pub", "A" * 2602 + "\u00e9", "base64url"),
        ("pub", "A" * 2602 + "B", "base64url"),
        ("priv", "c2VjcmV0", "priv: expected a public key"),
        ("d", "c2VjcmV0", "d: expected a public key"),
    ],
)
def test_from_jwk_raises_and_shows_no_secret_when_a_member_is_wrong(
    key: KeyPair, member: str, value: object, said: str
):
    with pytest.raises(RejectedError, match=said) as raised:
        from_jwk({**jwk(ALG, key.public_key), member: value})
    assert "c2VjcmV0" not in str(raised.value)


def test_from_jwk_raises_when_the_key_is_filed_under_another_algorithm(key: KeyPair):
    with pytest.raises(UnknownAlgorithmError, match="got 'ML-DSA-66'"):
        from_jwk({**jwk(ALG, key.public_key), "alg": "ML-DSA-66"})
    with pytest.raises(InvalidKeyError, match="pub: expected 2592 bytes"):
        from_jwk({**jwk(ALG, key.public_key), "alg": "ML-DSA-87"})
    okp = jwk("Ed25519", bytes(32))
    with pytest.raises(InvalidKeyError, match="kty: expected AKP, or OKP for Ed25519"):
        from_jwk({"kty": "AKP", "alg": "Ed25519", "pub": okp["x"]})
    with pytest.raises(InvalidKeyError, match="kty"):
        from_jwk({"kty": "OKP", "crv": ALG, "x": jwk(ALG, key.public_key)["pub"]})


def test_thumbprints_differ_when_only_the_algorithm_does():
    names = ("id-MLDSA65-Ed25519-SHA512", "id-MLDSA65-ECDSA-P256-SHA512")
    assert len({thumbprint(name, from_seed(name, SEED).public_key) for name in names}) == 2


@pytest.mark.parametrize("alg", algorithms())
@pytest.mark.usefixtures("backend")
def test_verify_only_rejects_when_key_and_signature_are_noise(alg: str):
    noise = random.Random(alg)
    chosen = scheme(alg)
    own, size = from_seed(alg, SEED), chosen.signature_bytes
    keys = [own.public_key, bytes(len(own.public_key)), b"\xff" * len(own.public_key)]
    keys += [noise.randbytes(len(own.public_key)) for _ in range(8)]
    texts = [bytes(size), b"\xff" * size, noise.randbytes(size), noise.randbytes(chosen.signature_bytes_min)]
    for public_key in keys:
        for signature in texts:
            with pytest.raises(RejectedError):
                verify(alg, public_key, b"pay", signature)


@pytest.mark.parametrize("alg", algorithms())
@pytest.mark.usefixtures("backend")
def test_verify_takes_a_key_that_is_a_view_when_its_bytes_are_right(alg: str):
    key = from_seed(alg, SEED)
    verify(alg, memoryview(key.public_key), b"pay", sign(key, b"pay"))


@pytest.mark.usefixtures("backend")
def test_every_scheme_states_its_sizes_when_registered():
    for name in algorithms():
        pair = generate(name)
        assert len(pair.seed) == scheme(name).seed_bytes
        assert len(pair.public_key) == scheme(name).public_key_bytes
        assert scheme(name).signature_bytes_min <= len(sign(pair, b"")) <= scheme(name).signature_bytes
