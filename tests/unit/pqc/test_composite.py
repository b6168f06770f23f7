"""Composite signatures: the draft's vectors, by both libraries, and everything that must not count."""

import hmac
import json
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256, sha512
from pathlib import Path

import pytest

from pqc.composite import PREFIX, Composite, Halves
from pqc.errors import InvalidKeyError, InvalidSignatureError, RejectedError
from pqc.mldsa import PARAMETER_SETS
from pqc.signatures import MESSAGE_ALGORITHM, KeyPair, from_seed, generate, scheme, sign, use_backend, verify

VECTORS = Path(__file__).parents[2] / "vectors" / "lamps-composite" / "testvectors.json"
ED25519 = "id-MLDSA65-Ed25519-SHA512"
P256 = "id-MLDSA65-ECDSA-P256-SHA512"
P384 = "id-MLDSA87-ECDSA-P384-SHA512"
ALGORITHMS = [ED25519, P256, P384]
SEED = bytes(range(32))


def composite(alg: str) -> Composite:
    chosen = scheme(alg)
    assert isinstance(chosen, Composite)
    return chosen


def vector(alg: str) -> tuple[dict[str, bytes], bytes, bytes]:
    file = json.loads(VECTORS.read_text())
    case = next(one for one in file["tests"] if one["tcId"] == alg)
    members = {name: b64decode(case[name]) for name in ("pk", "sk", "s", "sWithContext")}
    return members, b64decode(file["m"]), b64decode(file["ctx"])


@pytest.fixture(params=ALGORITHMS)
def key(request: pytest.FixtureRequest) -> KeyPair:
    return from_seed(request.param, SEED)


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.usefixtures("backend")
def test_verify_accepts_the_drafts_signatures_and_only_with_their_context(alg: str):
    case, message, context = vector(alg)
    verify(alg, case["pk"], message, case["s"])
    verify(alg, case["pk"], message, case["sWithContext"], context)
    with pytest.raises(InvalidSignatureError):
        verify(alg, case["pk"], message, case["s"], context)
    with pytest.raises(InvalidSignatureError):
        verify(alg, case["pk"], message, case["sWithContext"])


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.usefixtures("backend")
def test_private_key_of_the_draft_signs_for_its_public_key_when_read(alg: str):
    case, message, _ = vector(alg)
    chosen = composite(alg)
    halves = chosen.parse_private_key(case["sk"])
    assert chosen.public_key_of(halves) == case["pk"]
    verify(alg, case["pk"], message, chosen.sign_with(halves, message, b"vote"), b"vote")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_private_key_of_the_draft_is_refused_when_cut_or_of_another_algorithm(alg: str):
    case, _, _ = vector(alg)
    other, _, _ = vector(P256 if alg != P256 else P384)
    for wrong in (b"", case["sk"][:32], case["sk"][:-1], other["sk"], case["sk"] + b"\x00"):
        with pytest.raises(InvalidKeyError, match="private_key"):
            composite(alg).parse_private_key(wrong)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_each_library_accepts_what_the_other_signed(alg: str, liboqs_backend: tuple, backend: str):
    key = from_seed(alg, SEED)
    signature = sign(key, b"pay", b"vote")
    use_backend(PARAMETER_SETS if backend == "liboqs" else liboqs_backend)
    verify(alg, key.public_key, b"pay", signature, b"vote")
    with pytest.raises(InvalidSignatureError):
        verify(alg, key.public_key, b"paid", signature, b"vote")


def test_message_algorithm_is_registered_and_a_composite():
    assert isinstance(scheme(MESSAGE_ALGORITHM), Composite)


def test_sign_is_hedged_when_called_twice(key: KeyPair):
    assert sign(key, b"pay") != sign(key, b"pay")


def test_verify_raises_when_one_byte_of_either_half_is_changed(key: KeyPair):
    signature = sign(key, b"pay", b"vote")
    cut = composite(key.alg).post_quantum.signature_bytes
    verify(key.alg, key.public_key, b"pay", signature, b"vote")
    for position in (0, 1, cut // 2, cut - 1, cut, cut + 1, cut + 6, len(signature) - 20, len(signature) - 1):
        changed = bytearray(signature)
        changed[position] ^= 1
        with pytest.raises(InvalidSignatureError):
            verify(key.alg, key.public_key, b"pay", bytes(changed), b"vote")


@pytest.mark.parametrize(
    ("message", "context"), [(b"paid", b"vote"), (b"pay", b""), (b"pay", b"Vote"), (b"payv", b"ote")]
)
def test_verify_raises_when_message_or_context_differ(key: KeyPair, message: bytes, context: bytes):
    with pytest.raises(InvalidSignatureError):
        verify(key.alg, key.public_key, message, sign(key, b"pay", b"vote"), context)


def test_verify_raises_when_a_half_is_missing_doubled_cut_or_followed_by_more(key: KeyPair):
    signature = sign(key, b"pay")
    cut = composite(key.alg).post_quantum.signature_bytes
    first, second = signature[:cut], signature[cut:]
    for wrong in (
        b"",
        first,
        second,
        second + first,
        first + first,
        signature[:-1],
        signature + b"\x00",
        signature[1:],
    ):
        with pytest.raises(InvalidSignatureError):
            verify(key.alg, key.public_key, b"pay", wrong)
    for blank in (bytes(cut) + second, first + bytes(len(second))):
        with pytest.raises(InvalidSignatureError):
            verify(key.alg, key.public_key, b"pay", blank)


def test_verify_raises_when_halves_of_two_signatures_are_mixed(key: KeyPair):
    cut = composite(key.alg).post_quantum.signature_bytes
    one, other = sign(key, b"pay"), sign(key, b"paid")
    for message in (b"pay", b"paid"):
        for mixed in (one[:cut] + other[cut:], other[:cut] + one[cut:]):
            with pytest.raises(InvalidSignatureError):
                verify(key.alg, key.public_key, message, mixed)


def test_verify_raises_when_one_half_is_anothers_key(key: KeyPair):
    chosen, stranger = composite(key.alg), generate(key.alg)
    cut, key_cut = chosen.post_quantum.signature_bytes, chosen.post_quantum.public_key_bytes
    own, foreign = sign(key, b"pay"), sign(stranger, b"pay")
    for wrong in (foreign, own[:cut] + foreign[cut:], foreign[:cut] + own[cut:]):
        with pytest.raises(InvalidSignatureError):
            verify(key.alg, key.public_key, b"pay", wrong)
    for wrong_key in (
        key.public_key[:key_cut] + stranger.public_key[key_cut:],
        stranger.public_key[:key_cut] + key.public_key[key_cut:],
    ):
        with pytest.raises(InvalidSignatureError):
            verify(key.alg, wrong_key, b"pay", own)


def test_neither_half_counts_alone_when_taken_out_of_a_composite():
    key = from_seed(ED25519, SEED)
    signature = sign(key, b"pay")
    for message in (b"pay", PREFIX + b"COMPSIG-MLDSA65-Ed25519-SHA512" + b"\x00" + sha512(b"pay").digest()):
        with pytest.raises(InvalidSignatureError):
            verify("ML-DSA-65", key.public_key[:1952], message, signature[:3309])
    with pytest.raises(InvalidSignatureError):
        verify("Ed25519", key.public_key[1952:], b"pay", signature[3309:])


def test_plain_signatures_side_by_side_do_not_count_as_a_composite():
    chosen = composite(ED25519)
    halves = chosen.derive(SEED)
    message = PREFIX + chosen.label + b"\x00" + sha512(b"pay").digest()
    classical = chosen.classical.sign(halves.classical, message)
    joined = chosen.post_quantum.sign(halves.post_quantum, message, b"") + classical
    with pytest.raises(InvalidSignatureError):
        verify(ED25519, chosen.public_key(SEED), b"pay", joined)
    labelled = chosen.post_quantum.sign(halves.post_quantum, message, chosen.label) + classical
    verify(ED25519, chosen.public_key(SEED), b"pay", labelled)


def test_verify_raises_when_the_label_is_another_algorithms_and_the_keys_are_the_same(key: KeyPair):
    chosen = composite(key.alg)
    halves = chosen.derive(key.seed)
    renamed = replace(chosen, label=b"COMPSIG-MLDSA65-ECDSA-P384-SHA512")
    signature = renamed.sign_with(halves, b"pay", b"")
    assert renamed.is_valid(key.public_key, b"pay", signature, b"")
    with pytest.raises(InvalidSignatureError):
        verify(key.alg, key.public_key, b"pay", signature)


@pytest.mark.parametrize("other", ALGORITHMS)
def test_verify_raises_when_another_composite_is_named(key: KeyPair, other: str):
    signature = sign(key, b"pay")
    if other == key.alg:
        verify(other, key.public_key, b"pay", signature)
        return
    with pytest.raises(RejectedError):
        verify(other, key.public_key, b"pay", signature)
    with pytest.raises(InvalidSignatureError):
        verify(other, from_seed(other, SEED).public_key, b"pay", signature)


def test_verify_raises_when_the_point_is_not_on_the_curve():
    key = from_seed(P256, SEED)
    wrong = key.public_key[:-1] + bytes([key.public_key[-1] ^ 1])
    with pytest.raises(InvalidKeyError, match="an uncompressed point"):
        verify(P256, wrong, b"pay", sign(key, b"pay"))


@pytest.mark.parametrize("alg", [P256, P384])
def test_verify_raises_when_the_ecdsa_half_is_not_der(alg: str):
    key = from_seed(alg, SEED)
    cut = composite(alg).post_quantum.signature_bytes
    signature = sign(key, b"pay")
    while len(signature) > scheme(alg).signature_bytes - 1:
        signature = sign(key, b"pay")
    first, ecdsa = signature[:cut], signature[cut:]
    verify(alg, key.public_key, b"pay", first + ecdsa)
    with pytest.raises(InvalidSignatureError):
        verify(alg, key.public_key, b"pay", first + b"\x30\x81" + ecdsa[1:])


def test_lengths_are_those_of_the_draft():
    sizes = {alg: (scheme(alg).public_key_bytes, scheme(alg).signature_bytes) for alg in ALGORITHMS}
    assert sizes == {ED25519: (1984, 3373), P256: (2017, 3381), P384: (2689, 4731)}


def test_context_of_255_bytes_is_taken_and_a_longer_one_refused(key: KeyPair):
    verify(key.alg, key.public_key, b"pay", sign(key, b"pay", b"c" * 255), b"c" * 255)
    with pytest.raises(InvalidKeyError, match="context"):
        sign(key, b"pay", b"c" * 256)


def test_halves_are_derived_as_specified_when_computed_independently(key: KeyPair):
    chosen = composite(key.alg)
    extracted = hmac.digest(bytes(64), SEED, "sha512")

    def expanded(half: str, length: int) -> bytes:
        info = f"landfall composite 1 {chosen.label.decode()} {half}".encode()
        return hmac.digest(extracted, info + b"\x01", "sha512")[:length]

    classical = chosen.classical
    assert chosen.derive(SEED) == Halves(
        expanded("ML-DSA-87" if key.alg == P384 else "ML-DSA-65", 32),
        expanded(classical.name, {"Ed25519": 32, "ECDSA-P256": 40, "ECDSA-P384": 56}[classical.name]),
    )


@pytest.mark.parametrize(
    ("alg", "digest"),
    [
        (ED25519, "ddbe87b92bef1bbc329796f0a2125f5d58f92c4f6ad511c25d1f17517230d11c"),
        (P256, "573f4e52bb918621c0901f458c2fc40609c22ddb2c422a486700d52bb064d0be"),
        (P384, "3e44c583d926799100d369b0eb649334683c606fd34af64de798bf6485a674a7"),
    ],
)
def test_public_key_of_a_seed_never_changes(alg: str, digest: str):
    # A keystore holds seeds only: whoever changes the derivation takes away every key in use.
    assert sha256(from_seed(alg, SEED).public_key).hexdigest() == digest


def test_repr_hides_the_halves_when_printed():
    halves = composite(ED25519).derive(SEED)
    assert repr(halves) == "Halves()"
