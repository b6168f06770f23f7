"""ML-DSA by both libraries: the vectors of Project Wycheproof and of the LAMPS draft, and each other's signatures."""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from pqc import mldsa
from pqc.errors import RejectedError
from pqc.ports import SignatureScheme
from pqc.signatures import from_seed, sign, verify

VECTORS = Path(__file__).parents[2] / "vectors"
NAMES = [one.name for one in mldsa.PARAMETER_SETS]


def wycheproof(name: str) -> list[tuple[dict, dict]]:
    file = json.loads((VECTORS / "wycheproof" / name).read_text())
    return [(group, test) for group in file["testGroups"] for test in group["tests"]]


@pytest.mark.parametrize(
    ("alg", "file", "count"),
    [
        ("ML-DSA-44", "mldsa_44_verify_test.json", 180),
        ("ML-DSA-65", "mldsa_65_verify_test.json", 210),
        ("ML-DSA-87", "mldsa_87_verify_test.json", 241),
    ],
)
@pytest.mark.usefixtures("backend")
def test_verify_agrees_with_wycheproof_when_given_every_verification_case(alg: str, file: str, count: int):
    cases = wycheproof(file)
    assert len(cases) == count
    for group, case in cases:
        arguments = (
            alg,
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


@pytest.mark.usefixtures("backend")
def test_from_seed_agrees_with_wycheproof_when_given_every_signing_case():
    cases = [case for case in wycheproof("mldsa_65_sign_seed_test.json") if "msg" in case[1]]
    assert len(cases) > 80
    for group, case in cases:
        seed = bytes.fromhex(group["privateSeed"])
        context = bytes.fromhex(case.get("ctx", ""))
        message = bytes.fromhex(case["msg"])
        if case["result"] == "valid":
            assert from_seed("ML-DSA-65", seed).public_key == bytes.fromhex(group["publicKey"])
            verify("ML-DSA-65", bytes.fromhex(group["publicKey"]), message, bytes.fromhex(case["sig"]), context)
        else:
            with pytest.raises(RejectedError):
                sign(from_seed("ML-DSA-65", seed), message, context)


@pytest.mark.parametrize("alg", NAMES)
@pytest.mark.usefixtures("backend")
def test_from_seed_and_verify_agree_with_the_draft_when_given_its_plain_keys(alg: str):
    file = json.loads((VECTORS / "lamps-composite" / "testvectors.json").read_text())
    case = next(one for one in file["tests"] if one["tcId"] == f"id-{alg}")
    key = from_seed(alg, b64decode(case["sk"]))
    assert key.public_key == b64decode(case["pk"])
    message, context = b64decode(file["m"]), b64decode(file["ctx"])
    verify(alg, key.public_key, message, b64decode(case["s"]))
    verify(alg, key.public_key, message, b64decode(case["sWithContext"]), context)
    with pytest.raises(RejectedError):
        verify(alg, key.public_key, message, b64decode(case["s"]), context)


@pytest.mark.parametrize("alg", NAMES)
@pytest.mark.parametrize(("message", "context"), [(b"", b""), (b"pay", b"vote"), (b"m" * 70_000, b"c" * 255)])
def test_each_library_accepts_what_the_other_signed_when_message_and_context_are_the_same(
    alg: str, message: bytes, context: bytes, liboqs_backend: tuple[SignatureScheme, ...]
):
    by_cryptography = next(one for one in mldsa.PARAMETER_SETS if one.name == alg)
    by_liboqs = next(one for one in liboqs_backend if one.name == alg)
    seed = bytes(range(32))
    public_key = by_cryptography.public_key(seed)
    assert by_liboqs.public_key(seed) == public_key
    for signer, checker in ((by_cryptography, by_liboqs), (by_liboqs, by_cryptography)):
        signature = signer.sign(seed, message, context)
        assert checker.is_valid(public_key, message, signature, context)
        assert not checker.is_valid(public_key, message + b"x", signature, context)
        assert not checker.is_valid(public_key, message, signature, context[:-1] + b"x")
