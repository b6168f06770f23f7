import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from pqc import secp256k1
from pqc.errors import (
    InvalidKeyError,
    KeyExistsError,
    KeystoreChangedError,
    KeystoreFormatError,
    KeystoreUnavailableError,
    PqcError,
    RejectedError,
    TamperedKeystoreError,
    UnknownAlgorithmError,
    UnknownKeyError,
    WrongKeyKindError,
    WrongPassphraseError,
)
from pqc.keystore import DEVNET, KEYS_MAX, STANDARD, KdfCost, Keystore
from pqc.keystore_file import FILE_BYTES_MAX
from pqc.ports import Signer
from pqc.signatures import verify

PASSPHRASE = b"tulip field"
SEED = bytes([7] * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def keystore(path: Path) -> Keystore:
    return Keystore.create(path, PASSPHRASE, DEVNET)


def names_in(path: Path) -> list[str]:
    infos = Keystore.open(path, PASSPHRASE).keys()
    return [info.name for info in infos]


def test_keys_come_back_when_reopened(path: Path, keystore: Keystore):
    vote = keystore.add("vote", "ML-DSA-65", "validator")
    pay = keystore.add("pay", "secp256k1", "transaction", SEED)
    again = Keystore.open(path, PASSPHRASE)
    assert again.keys() == (vote, pay) == keystore.keys()
    assert again.cost == DEVNET
    assert again.key_pair("vote") == keystore.key_pair("vote")


def test_sign_message_verifies_when_signed_after_reopening(path: Path, keystore: Keystore):
    info = keystore.add("vote", "ML-DSA-65", "validator")
    signer: Signer = Keystore.open(path, PASSPHRASE)
    verify("ML-DSA-65", info.public_key, b"block", signer.sign_message("vote", b"block", b"vote"), b"vote")


def test_sign_digest_recovers_to_address_when_key_is_secp256k1(keystore: Keystore):
    info = keystore.add("pay", "secp256k1", "transaction")
    signature = keystore.sign_digest("pay", bytes(range(32)))
    assert len(signature) == 65
    assert secp256k1.recover(bytes(range(32)), signature) == info.address == keystore.address("pay")


def test_standard_profile_is_recorded_when_not_told_otherwise(path: Path):
    Keystore.create(path, PASSPHRASE)
    kdf = json.loads(path.read_text())["kdf"]
    assert (kdf["profile"], kdf["iterations"], kdf["memory_kib"]) == ("standard", 3, 65536)
    assert Keystore.open(path, PASSPHRASE).cost == STANDARD


def test_file_is_private_and_holds_no_seed_when_written(path: Path, keystore: Keystore):
    keystore.add("pay", "secp256k1", "transaction", SEED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SEED.hex() not in path.read_text()
    assert "pay" not in path.read_text()
    assert SEED.hex() not in repr(keystore) + repr(keystore.__dict__)
    assert os.listdir(path.parent) == ["keys.json"]


def test_open_raises_when_passphrase_is_wrong(path: Path, keystore: Keystore):
    with pytest.raises(WrongPassphraseError, match="passphrase"):
        Keystore.open(path, b"tulip fielD")


@pytest.mark.parametrize("passphrase", [b"", b"x" * 1025, "text"])
def test_create_raises_when_passphrase_is_empty_or_too_long(path: Path, passphrase: Any):
    with pytest.raises(InvalidKeyError, match="passphrase"):
        Keystore.create(path, passphrase, DEVNET)
    assert not path.exists()


def test_open_raises_when_any_byte_is_flipped(path: Path, keystore: Keystore):
    keystore.add("pay", "secp256k1", "transaction", SEED)
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        try:
            opened = Keystore.open(path, PASSPHRASE)
        except RejectedError:
            continue
        # White space and the case of a hex digit carry no meaning; nothing else may pass.
        assert opened.keys() == keystore.keys()
        assert json.loads(path.read_text().lower()) == json.loads(good)


@pytest.mark.parametrize("part", ["sealed", "nonce"])
def test_open_says_tampered_when_content_changed_under_the_right_passphrase(path: Path, keystore: Keystore, part: str):
    document = json.loads(path.read_text())
    holder = document if part == "sealed" else document["cipher"]
    holder[part] = ("0" if holder[part][0] != "0" else "1") + holder[part][1:]
    path.write_text(json.dumps(document))
    with pytest.raises(TamperedKeystoreError, match="backup"):
        Keystore.open(path, PASSPHRASE)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("version", 2, "version: expected 1, got 2"),
        ("version", True, "version"),
        ("format", "geth", "format"),
        ("extra", 1, "keystore: expected an object of"),
        ("check", "00", "check: expected 32 bytes"),
        ("sealed", 3, "sealed: expected hex"),
    ],
)
def test_open_raises_when_file_is_of_another_format(path: Path, keystore: Keystore, field: str, value: Any, said: str):
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(KeystoreFormatError, match=said):
        Keystore.open(path, PASSPHRASE)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '"landfall-keystore"'])
def test_open_raises_when_file_is_no_keystore(path: Path, text: str):
    path.write_text(text)
    with pytest.raises(KeystoreFormatError):
        Keystore.open(path, PASSPHRASE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_kib", 1 << 30),
        ("memory_kib", 256 * 1024 + 1),
        ("memory_kib", 8),
        ("memory_kib", "65536"),
        ("iterations", 9),
        ("iterations", 0),
        ("iterations", True),
        ("lanes", 9),
        ("lanes", 1.5),
        ("salt", "00"),
        ("name", "argon2i"),
    ],
)
def test_open_refuses_before_deriving_when_cost_is_out_of_bounds(path: Path, keystore: Keystore, name: str, value: Any):
    document = json.loads(path.read_text())
    document["kdf"][name] = value
    path.write_text(json.dumps(document))
    with pytest.raises(KeystoreFormatError, match=name):
        Keystore.open(path, PASSPHRASE)


def test_create_raises_when_cost_is_out_of_bounds(path: Path):
    with pytest.raises(KeystoreFormatError, match="memory_kib"):
        Keystore.create(path, PASSPHRASE, KdfCost("mine", 1, 8, 1))


def test_open_raises_when_file_is_too_large(path: Path):
    path.write_bytes(b" " * (FILE_BYTES_MAX + 1))
    with pytest.raises(KeystoreFormatError, match="at most"):
        Keystore.open(path, PASSPHRASE)


def test_open_raises_when_file_is_missing(path: Path):
    with pytest.raises(KeystoreUnavailableError, match="cannot be read"):
        Keystore.open(path, PASSPHRASE)


def test_create_leaves_the_file_when_one_exists(path: Path, keystore: Keystore):
    keystore.add("pay", "secp256k1", "transaction")
    with pytest.raises(KeyExistsError):
        Keystore.create(path, PASSPHRASE, DEVNET)
    assert names_in(path) == ["pay"]


def test_create_raises_when_folder_is_missing(tmp_path: Path):
    with pytest.raises(KeystoreUnavailableError, match="cannot be written"):
        Keystore.create(tmp_path / "none" / "keys.json", PASSPHRASE, DEVNET)


@pytest.mark.parametrize(
    ("name", "alg", "role", "seed", "error"),
    [
        ("pay", "secp256k1", "transaction", None, KeyExistsError),
        ("Pay", "secp256k1", "transaction", None, InvalidKeyError),
        ("a" * 65, "secp256k1", "transaction", None, InvalidKeyError),
        ("pay2", "secp256k1", "", None, InvalidKeyError),
        ("pay2", "secp256k1", "transaction", bytes(32), InvalidKeyError),
        ("pay2", "secp256k1", "transaction", secp256k1.ORDER.to_bytes(32, "big"), InvalidKeyError),
        ("pay2", "ML-DSA-65", "validator", bytes(31), InvalidKeyError),
        ("pay2", "RSA", "validator", None, UnknownAlgorithmError),
    ],
)
def test_add_changes_nothing_when_refused(
    path: Path, keystore: Keystore, name: str, alg: str, role: str, seed: bytes | None, error: type[PqcError]
):
    keystore.add("pay", "secp256k1", "transaction", SEED)
    before = path.read_bytes()
    with pytest.raises(error):
        keystore.add(name, alg, role, seed)
    assert path.read_bytes() == before
    assert len(keystore.keys()) == 1


def test_add_raises_when_keystore_is_full(keystore: Keystore):
    keystore._stored = dict.fromkeys(map(str, range(KEYS_MAX)))
    with pytest.raises(InvalidKeyError, match="at most 1000 keys"):
        keystore.add("one-more", "secp256k1", "transaction")


def test_add_raises_when_another_process_wrote_since(path: Path, keystore: Keystore):
    other = Keystore.open(path, PASSPHRASE)
    other.add("theirs", "secp256k1", "transaction")
    with pytest.raises(KeystoreChangedError, match="open it again"):
        keystore.add("mine", "secp256k1", "transaction")
    assert names_in(path) == ["theirs"]


def test_add_keeps_old_or_new_keys_when_any_system_call_fails(
    path: Path, keystore: Keystore, monkeypatch: pytest.MonkeyPatch
):
    keystore.add("old", "secp256k1", "transaction")
    real_fsync, real_replace = os.fsync, os.replace
    for fail_at in range(10):
        calls = iter(range(100))

        def failing(real: Any, calls: Any = calls, fail_at: int = fail_at) -> Any:
            def call(*args: Any) -> Any:
                if next(calls) == fail_at:
                    raise OSError(5, "Input/output error")
                return real(*args)

            return call

        monkeypatch.setattr(os, "fsync", failing(real_fsync))
        monkeypatch.setattr(os, "replace", failing(real_replace))
        opened = Keystore.open(path, PASSPHRASE)
        try:
            opened.add("new", "secp256k1", "transaction")
        except KeystoreUnavailableError:
            names = names_in(path)
            assert names in (["old"], ["old", "new"])
            assert os.listdir(path.parent) == ["keys.json"]
            if names == ["old", "new"]:
                return
        else:
            pytest.fail("every call was let through before the file was in place")


@pytest.mark.parametrize("call", ["public_key", "key_pair", "address", "key_info"])
def test_lookups_raise_when_key_is_unknown(keystore: Keystore, call: str):
    keystore.add("pay", "secp256k1", "transaction")
    with pytest.raises(UnknownKeyError, match="pay"):
        getattr(keystore, call)("payy")


def test_key_kinds_are_not_mixed_up_when_the_wrong_call_is_made(keystore: Keystore):
    keystore.add("pay", "secp256k1", "transaction")
    keystore.add("vote", "ML-DSA-65", "validator")
    with pytest.raises(WrongKeyKindError, match="secp256k1"):
        keystore.address("vote")
    with pytest.raises(WrongKeyKindError, match="secp256k1"):
        keystore.sign_digest("vote", bytes(32))
    with pytest.raises(WrongKeyKindError, match="post-quantum"):
        keystore.key_pair("pay")
