"""What every `Signer` does, run against the file keystore and against a PKCS#11-like token."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pqc import secp256k1
from pqc.errors import (
    InvalidKeyError,
    InvalidSignatureError,
    InvariantError,
    KeyDestroyedError,
    UnknownKeyError,
    WrongKeyKindError,
    WrongKeyRoleError,
)
from pqc.errors import SignerUnavailableError as Unavailable
from pqc.keystore import DEVNET, Keystore
from pqc.ports import Signer
from pqc.roles import KeyRole
from pqc.signatures import from_seed, thumbprint, verify
from tests.unit.pqc.fake_pkcs11 import (
    CKR_DEVICE_REMOVED,
    CKR_SESSION_HANDLE_INVALID,
    CKR_USER_NOT_LOGGED_IN,
    FakeToken,
    Pkcs11Signer,
)

ALG = "ML-DSA-65"
DIGEST = bytes(range(32))


@dataclass(frozen=True)
class Bench:
    """A signer with keys `pay` (account), `message`, `vote` (validator); what was there before rotation; its limits."""

    signer: Signer
    old_message: bytes
    old_evidence: bytes


def keystore_bench(folder: Path) -> Bench:
    keystore = Keystore.create(folder / "keys.json", b"contract", DEVNET)
    keystore.add("pay", "secp256k1", "transaction")
    keystore.add("vote", ALG, "validator")
    old_message = keystore.add("message", ALG, "message").public_key
    old_evidence = keystore.add("evidence", ALG, "evidence").public_key
    keystore.rotate("message", 100, 50)
    keystore.rotate("evidence", 100, 50)
    keystore.destroy_retired("evidence", 150)
    return Bench(keystore, old_message, old_evidence)


def token_bench(folder: Path) -> Bench:
    token = FakeToken()
    token.generate("secp256k1", "pay/transaction")
    token.generate(ALG, "vote/validator")
    old_message = token.attributes(token.generate(ALG, "message/message")).public
    token.generate(ALG, "message/message")
    old = token.generate(ALG, "evidence/evidence")
    token.generate(ALG, "evidence/evidence")
    token.destroy(old)
    return Bench(Pkcs11Signer(token), old_message, token.attributes(old).public)


@pytest.fixture(params=[keystore_bench, token_bench], ids=["keystore", "pkcs11"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    build: Callable[[Path], Bench] = request.param
    return build(tmp_path)


def test_sign_message_verifies_under_the_current_key_when_key_was_rotated(bench: Bench):
    public = bench.signer.public_key("message")
    assert public != bench.old_message
    verify(ALG, public, b"pay", bench.signer.sign_message("message", b"pay"))


def test_sign_message_binds_the_context_when_given(bench: Bench):
    signature = bench.signer.sign_message("message", b"pay", b"quote")
    verify(ALG, bench.signer.public_key("message"), b"pay", signature, b"quote")
    with pytest.raises(InvalidSignatureError):
        verify(ALG, bench.signer.public_key("message"), b"pay", signature)


def test_sign_message_is_hedged_when_called_twice(bench: Bench):
    assert bench.signer.sign_message("message", b"pay") != bench.signer.sign_message("message", b"pay")


def test_sign_message_takes_255_bytes_of_context_and_raises_when_longer(bench: Bench):
    bench.signer.sign_message("message", b"pay", b"c" * 255)
    with pytest.raises(InvalidKeyError, match="context: expected at most 255 bytes"):
        bench.signer.sign_message("message", b"pay", b"c" * 256)


def test_sign_message_uses_an_earlier_generation_when_named_by_thumbprint(bench: Bench):
    named = thumbprint(ALG, bench.old_message)
    verify(ALG, bench.old_message, b"notice", bench.signer.sign_message("message", b"notice", thumbprint=named))
    with pytest.raises(UnknownKeyError):
        bench.signer.sign_message("message", b"notice", thumbprint=bytes(32))


def test_sign_message_raises_when_the_seed_was_destroyed(bench: Bench):
    named = thumbprint(ALG, bench.old_evidence)
    with pytest.raises(KeyDestroyedError):
        bench.signer.sign_message("evidence", b"m", role=KeyRole.EVIDENCE, thumbprint=named)
    bench.signer.sign_message("evidence", b"m", role=KeyRole.EVIDENCE)


@pytest.mark.parametrize("role", KeyRole)
def test_sign_message_raises_when_the_key_is_for_another_role(bench: Bench, role: KeyRole):
    if role is KeyRole.VALIDATOR:
        verify(ALG, bench.signer.public_key("vote"), b"block", bench.signer.sign_message("vote", b"block", role=role))
        return
    with pytest.raises(WrongKeyRoleError, match=f"expected a key for role {role}, got 'vote', which is for role val"):
        bench.signer.sign_message("vote", b"block", role=role)


def test_sign_message_raises_when_the_key_is_an_account(bench: Bench):
    with pytest.raises(WrongKeyKindError, match="'pay', which is secp256k1"):
        bench.signer.sign_message("pay", b"m", role=KeyRole.TRANSACTION)


def test_sign_digest_recovers_to_the_address_when_s_of_the_device_is_high_or_low(bench: Bench):
    for number in range(20):
        digest = bytes([number]) * 32
        assert secp256k1.recover(digest, bench.signer.sign_digest("pay", digest)) == bench.signer.address("pay")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_sign_digest_raises_when_the_digest_is_not_32_bytes(bench: Bench, length: int):
    with pytest.raises(InvalidKeyError, match="digest: expected 32 bytes"):
        bench.signer.sign_digest("pay", bytes(length))


@pytest.mark.parametrize("name", ["vote", "message"])
def test_sign_digest_and_address_raise_when_the_key_is_no_account(bench: Bench, name: str):
    with pytest.raises(WrongKeyKindError, match="expected a secp256k1 key"):
        bench.signer.sign_digest(name, DIGEST)
    with pytest.raises(WrongKeyKindError, match="expected a secp256k1 key"):
        bench.signer.address(name)


def test_every_call_raises_when_the_name_is_unknown(bench: Bench):
    calls = [
        lambda: bench.signer.public_key("nobody"),
        lambda: bench.signer.sign_message("nobody", b"m"),
        lambda: bench.signer.sign_digest("nobody", DIGEST),
        lambda: bench.signer.address("nobody"),
    ]
    for call in calls:
        with pytest.raises(UnknownKeyError, match="nobody"):
            call()


def test_public_key_is_of_the_algorithm_when_asked(bench: Bench):
    assert len(bench.signer.public_key("message")) == len(from_seed(ALG, bytes(32)).public_key)
    assert secp256k1.address_of(bench.signer.public_key("pay")) == bench.signer.address("pay")


@pytest.mark.parametrize("code", [CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN])
def test_token_is_unavailable_and_serves_again_when_it_is_back(code: int):
    token = FakeToken()
    token.generate(ALG, "message/message")
    signer: Signer = Pkcs11Signer(token)
    token.fails_with = code
    with pytest.raises(Unavailable, match="log in again"):
        signer.sign_message("message", b"m")
    token.fails_with = None
    verify(ALG, signer.public_key("message"), b"m", signer.sign_message("message", b"m"))


def test_token_stops_the_machine_when_its_code_is_not_known():
    token = FakeToken()
    token.fails_with = 0x5
    with pytest.raises(InvariantError, match="CKR 0x5"):
        Pkcs11Signer(token).public_key("message")
