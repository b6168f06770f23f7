import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pqc import base64url, sealing
from pqc.errors import (
    InvalidKeyError,
    MalformedError,
    RejectedError,
    SizeLimitError,
    UnknownAlgorithmError,
    UnsealError,
)
from pqc.sealing import SealingKey, from_jwk, from_seed, generate, jwk, kems, seal, thumbprint, unseal
from tests.unit.pqc.hpke_reader import decapsulate_by_the_draft, open_by_the_draft

SEED = bytes(range(32))
VECTORS = Path(__file__).parents[2] / "vectors"


@pytest.fixture(scope="module", params=kems())
def key(request: pytest.FixtureRequest) -> SealingKey:
    return from_seed(request.param, SEED)


def wycheproof(name: str) -> list[dict]:
    file = json.loads((VECTORS / "wycheproof" / name).read_text())
    return [case for group in file["testGroups"] for case in group["tests"]]


def hpke_pq(kem_id: int) -> list[dict]:
    return [
        case for case in json.loads((VECTORS / "hpke-pq/test-vectors.json").read_text()) if case["kem_id"] == kem_id
    ]


def test_mlkem_keys_agree_with_wycheproof_when_made_from_every_seed():
    cases = wycheproof("mlkem_768_keygen_seed_test.json")
    assert len(cases) == 100
    for case in cases:
        made = mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(case["seed"]))
        assert made.public_key().public_bytes_raw() == bytes.fromhex(case["ek"])


def test_mlkem_decapsulation_agrees_with_wycheproof_when_given_every_case():
    cases = wycheproof("mlkem_768_test.json")
    assert len(cases) == 193
    for case in cases:
        seed, ciphertext = bytes.fromhex(case["seed"]), bytes.fromhex(case["c"])
        if case["result"] == "valid":
            assert mlkem.MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(ciphertext).hex() == case["K"]
        else:
            with pytest.raises(ValueError, match=r"(?i)key|ciphertext|bytes"):
                mlkem.MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(ciphertext)


def test_seal_agrees_with_wycheproof_when_given_every_encapsulation_key():
    cases = wycheproof("mlkem_768_encaps_test.json")
    assert len(cases) == 265
    curve = x25519.X25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
    for case in cases:
        public_key = bytes.fromhex(case["ek"]) + curve
        if case["result"] == "valid":
            seal("X-Wing", public_key, b"", b"")
        else:
            with pytest.raises(InvalidKeyError):
                seal("X-Wing", public_key, b"", b"")


@pytest.mark.parametrize(("kem", "kem_id", "count"), [("X-Wing", 0x647A, 2), ("MLKEM1024-P384", 0x0051, 1)])
def test_keys_and_secrets_agree_with_the_hpke_draft_when_given_its_vectors(kem: str, kem_id: int, count: int):
    cases = hpke_pq(kem_id)
    assert len(cases) == count
    for case in cases:
        seed = bytes.fromhex(case["skRm"])
        assert from_seed(kem, seed).public_key == bytes.fromhex(case["pkRm"])
        assert decapsulate_by_the_draft(kem, seed, bytes.fromhex(case["enc"])).hex() == case["shared_secret"]


def test_the_librarys_hpke_agrees_with_the_draft_when_given_its_vectors():
    # The vectors carry additional data, which the library opens by a private function only.
    kems_of = {0x647A: ("X-Wing", KEM.MLKEM768_X25519), 0x0051: ("MLKEM1024-P384", KEM.MLKEM1024_P384)}
    kdfs = {1: KDF.HKDF_SHA256, 2: KDF.HKDF_SHA384, 17: KDF.SHAKE256}
    aeads = {2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}
    for case in hpke_pq(0x647A) + hpke_pq(0x0051):
        name, kem = kems_of[case["kem_id"]]
        suite = Suite(kem, kdfs[case["kdf_id"]], aeads[case["aead_id"]])
        private, _ = sealing._private(name, bytes.fromhex(case["skRm"]))
        first = case["encryptions"][0]
        sealed = bytes.fromhex(case["enc"] + first["ct"])
        arguments = (bytes.fromhex(case["info"]), bytes.fromhex(first["aad"]))
        assert openssl.hpke._decrypt_with_aad(suite, sealed, private, *arguments).hex() == first["pt"]


def test_the_second_implementation_agrees_with_the_draft_when_the_vector_has_our_suite():
    case = hpke_pq(0x0051)[0]
    first = case["encryptions"][0]
    opened = open_by_the_draft(
        "MLKEM1024-P384",
        bytes.fromhex(case["skRm"]),
        bytes.fromhex(case["enc"] + first["ct"]),
        bytes.fromhex(case["info"]),
        bytes.fromhex(first["aad"]),
    )
    assert opened.hex() == first["pt"]


def test_sealed_text_opens_by_a_second_implementation_when_sealed_here(key: SealingKey):
    sealed = seal(key.kem, key.public_key, b"pay", b"header")
    assert open_by_the_draft(key.kem, SEED, sealed, b"header") == b"pay" == unseal(key, sealed, b"header")


def test_seal_gives_another_text_when_called_twice(key: SealingKey):
    first, second = (seal(key.kem, key.public_key, b"pay", b"") for _ in range(2))
    assert first != second
    assert unseal(key, first, b"") == unseal(key, second, b"") == b"pay"


def test_unseal_refuses_when_key_info_or_kem_differs(key: SealingKey):
    sealed = seal(key.kem, key.public_key, b"pay", b"header")
    with pytest.raises(UnsealError):
        unseal(generate(key.kem), sealed, b"header")
    with pytest.raises(UnsealError):
        unseal(key, sealed, b"Header")
    other = next(name for name in kems() if name != key.kem)
    with pytest.raises((UnsealError, SizeLimitError)):
        unseal(from_seed(other, SEED), sealed, b"header")


def test_unseal_refuses_when_any_byte_is_changed(key: SealingKey):
    sealed = seal(key.kem, key.public_key, b"pay", b"")
    step = 1 if key.kem == "X-Wing" else 13  # P-384 is slow
    for at in range(0, len(sealed), step):
        changed = sealed[:at] + bytes([sealed[at] ^ 0x80]) + sealed[at + 1 :]
        with pytest.raises(UnsealError):
            unseal(key, changed, b"")


def test_unseal_refuses_when_cut_or_grown(key: SealingKey):
    sealed = seal(key.kem, key.public_key, b"pay", b"")
    for wrong in (sealed[:-1], sealed[1:], sealed + b"\x00"):
        with pytest.raises(UnsealError):
            unseal(key, wrong, b"")
    for short in (b"", sealed[: -len(b"pay") - 1]):
        with pytest.raises(SizeLimitError, match="sealed: expected"):
            unseal(key, short, b"")


def test_seal_refuses_when_a_size_is_over_its_limit():
    key = from_seed("X-Wing", SEED)
    largest = seal("X-Wing", key.public_key, bytes(sealing.PLAINTEXT_BYTES_MAX), bytes(sealing.INFO_BYTES_MAX))
    assert len(unseal(key, largest, bytes(sealing.INFO_BYTES_MAX))) == sealing.PLAINTEXT_BYTES_MAX
    with pytest.raises(SizeLimitError, match="plaintext: expected 0 to 2097152 bytes, got 2097153"):
        seal("X-Wing", key.public_key, bytes(sealing.PLAINTEXT_BYTES_MAX + 1), b"")
    with pytest.raises(SizeLimitError, match="sealed"):
        unseal(key, largest + b"\x00", b"")
    for call in (lambda info: seal("X-Wing", key.public_key, b"", info), lambda info: unseal(key, largest, info)):
        with pytest.raises(SizeLimitError, match="info"):
            call(bytes(sealing.INFO_BYTES_MAX + 1))


@pytest.mark.parametrize("public_key", [b"", bytes(1215), bytes(1217), bytes(1216), b"\xff" * 1216, "text"])
def test_seal_refuses_when_the_public_key_is_none(public_key: bytes):
    with pytest.raises(InvalidKeyError, match="public_key"):
        seal("X-Wing", public_key, b"pay", b"")


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33), "0" * 32])
def test_from_seed_refuses_when_the_seed_is_not_32_bytes(seed: bytes):
    with pytest.raises(InvalidKeyError, match="seed: expected 32 bytes"):
        from_seed("X-Wing", seed)


def test_kems_are_refused_by_name_when_unknown():
    assert kems() == ("MLKEM1024-P384", "X-Wing")
    assert sealing.DEFAULT == "X-Wing"
    for call in (lambda: generate("ML-KEM-768"), lambda: seal("x-wing", b"", b"", b""), lambda: thumbprint("", b"")):
        with pytest.raises(UnknownAlgorithmError, match="expected one of MLKEM1024-P384, X-Wing"):
            call()


def test_thumbprint_is_the_hash_of_the_key_in_canonical_json_when_taken(key: SealingKey):
    written = json.dumps(jwk(key.kem, key.public_key), sort_keys=True, separators=(",", ":")).encode()
    assert thumbprint(key.kem, key.public_key) == hashlib.sha256(written).digest()
    assert base64url.decode("kid", key.public_half.key_id.encode()) == hashlib.sha256(written).digest()


def test_from_jwk_returns_the_key_when_jwk_wrote_it(key: SealingKey):
    assert from_jwk({**jwk(key.kem, key.public_key), "use": "enc"}) == key.public_half


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"priv": "AA"}, InvalidKeyError),
        ({"kty": "OKP"}, InvalidKeyError),
        ({"alg": 7}, InvalidKeyError),
        ({"alg": "ML-DSA-65"}, UnknownAlgorithmError),
        ({"pub": "AA"}, InvalidKeyError),
        ({"pub": "é" * 1622}, MalformedError),
        ({"pub": "=" * 1622}, MalformedError),
    ],
)
def test_from_jwk_refuses_when_a_member_is_wrong(change: dict, error: type[RejectedError]):
    key = jwk("X-Wing", from_seed("X-Wing", SEED).public_key)
    assert from_jwk(key).kem == "X-Wing"
    with pytest.raises(error):
        from_jwk(key | change)


def test_repr_hides_the_seed_when_a_key_is_printed(key: SealingKey):
    assert "seed" not in repr(key)
    assert repr(SEED) not in repr(key)
