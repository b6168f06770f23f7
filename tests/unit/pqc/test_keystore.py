import fcntl
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pqc import sealing, secp256k1
from pqc.errors import (
    InvalidKeyError,
    InvalidSignatureError,
    KeyDestroyedError,
    KeyExistsError,
    KeystoreChangedError,
    KeystoreFormatError,
    KeystoreUnavailableError,
    PqcError,
    RejectedError,
    SplitBackupError,
    TamperedKeystoreError,
    UnknownAlgorithmError,
    UnknownKeyError,
    WrongKeyKindError,
    WrongKeyRoleError,
    WrongPassphraseError,
)
from pqc.keystore import DEVNET, STANDARD, KdfCost, KeyInfo, KeyRole, Keystore
from pqc.keystore_file import FILE_BYTES_MAX
from pqc.ports import Signer
from pqc.signatures import MESSAGE_ALGORITHM, from_seed, verify
from pqc.whole_file import locked

PASSPHRASE = b"tulip field"
SEED = bytes([7] * 32)
VECTORS = Path(__file__).parents[2] / "vectors" / "keystore"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def keystore(path: Path) -> Keystore:
    return Keystore.create(path, PASSPHRASE, DEVNET)


def histories(keystore: Keystore) -> list[tuple[KeyInfo, ...]]:
    infos = keystore.keys()
    return [keystore.history(info.name) for info in infos]


def names_in(path: Path, passphrase: bytes = PASSPHRASE) -> list[str]:
    infos = Keystore.open(path, passphrase).keys()
    return [info.name for info in infos]


def test_keys_come_back_when_reopened(path: Path, keystore: Keystore):
    vote = keystore.add("vote", "ML-DSA-65", "validator")
    pay = keystore.add("pay", "secp256k1", "transaction", SEED)
    again = Keystore.open(path, PASSPHRASE)
    assert again.keys() == (vote, pay) == keystore.keys()
    assert again.cost == DEVNET
    assert again.key_pair("vote", role=KeyRole.VALIDATOR) == keystore.key_pair("vote", role=KeyRole.VALIDATOR)


def test_sign_message_verifies_when_signed_after_reopening(path: Path, keystore: Keystore):
    info = keystore.add("vote", "ML-DSA-65", "validator")
    signer: Signer = Keystore.open(path, PASSPHRASE)
    verify(
        "ML-DSA-65",
        info.public_key,
        b"block",
        signer.sign_message("vote", b"block", b"vote", role=KeyRole.VALIDATOR),
        b"vote",
    )


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
        ("version", 3, "version: expected 1 or 2, got 3"),
        ("version", True, "version"),
        ("format", "geth", "format"),
        ("extra", 1, "keystore: expected an object of"),
        ("check", "00", "check: expected 32 bytes"),
        ("sealed", 3, "sealed: expected hex"),
        ("kdf", {"profile": "\ud800"}, "kdf.profile: expected a name in ASCII"),
        ("kdf", {"profile": 3}, "kdf.profile: expected a name in ASCII"),
    ],
)
def test_open_raises_when_file_is_of_another_format(path: Path, keystore: Keystore, field: str, value: Any, said: str):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, field: document[field] | value if isinstance(value, dict) else value}))
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
        ("pay2", "secp256k1", "payer", None, InvalidKeyError),
        ("pay2", "secp256k1", "message", None, InvalidKeyError),
        ("pay2", "X-Wing", "message", None, InvalidKeyError),
        ("pay2", "ML-DSA-65", "sealing", None, InvalidKeyError),
        ("pay2", "secp256k1", "transaction", SEED, KeyExistsError),
        ("pay2", "ML-DSA-65", "message", SEED, KeyExistsError),
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


def test_add_raises_when_another_process_wrote_since(path: Path, keystore: Keystore):
    other = Keystore.open(path, PASSPHRASE)
    other.add("theirs", "secp256k1", "transaction")
    with pytest.raises(KeystoreChangedError, match="open it again"):
        keystore.add("mine", "secp256k1", "transaction")
    assert names_in(path) == ["theirs"]


def fail_call(monkeypatch: pytest.MonkeyPatch, fail_at: int) -> None:
    """Let the N-th system call of a write raise."""
    calls = iter(range(100))

    def failing(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if next(calls) == fail_at:
                raise OSError(5, "Input/output error")
            return real(*args, **kwargs)

        return call

    for module, name in ((tempfile, "mkstemp"), (os, "fsync"), (os, "replace"), (fcntl, "flock")):
        monkeypatch.setattr(module, name, failing(getattr(module, name)))


CHANGES = {
    "add": lambda keystore: keystore.add("new", "secp256k1", "transaction"),
    "rotate": lambda keystore: keystore.rotate("vote", 100, 10),
    "destroy": lambda keystore: keystore.destroy_retired("post", 60),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_keeps_old_or_new_keys_when_any_system_call_fails(
    path: Path, keystore: Keystore, monkeypatch: pytest.MonkeyPatch, change: str
):
    keystore.add("vote", "ML-DSA-65", "validator")
    keystore.add("post", "X-Wing", "sealing")
    keystore.rotate("post", 50, 10)
    before = path.read_bytes()
    for fail_at in range(10):
        opened = Keystore.open(path, PASSPHRASE)
        old = histories(opened)
        with monkeypatch.context() as patch:
            fail_call(patch, fail_at)
            with pytest.raises(KeystoreUnavailableError, match="Input/output error"):
                CHANGES[change](opened)
        assert os.listdir(path.parent) == ["keys.json"]
        assert histories(opened) == old, "memory must not run ahead of the file"
        if path.read_bytes() != before:
            # The last call, the sync of the folder, fails after the new file is in place.
            assert fail_at == 4
            again = Keystore.open(path, PASSPHRASE)
            assert histories(again) != old
            return
    pytest.fail("every call was let through before the file was in place")


def test_change_raises_when_another_process_is_writing(path: Path, keystore: Keystore):
    with locked(path), pytest.raises(KeystoreUnavailableError, match="cannot be written"):
        keystore.add("mine", "secp256k1", "transaction")
    keystore.add("mine", "secp256k1", "transaction")
    assert names_in(path) == ["mine"]


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


def test_keystore_keeps_its_keys_when_the_file_is_of_version_1(tmp_path: Path):
    path = tmp_path / "keys.json"
    path.write_bytes((VECTORS / "version-1.json").read_bytes())
    opened = Keystore.open(path, PASSPHRASE)
    infos = opened.keys()
    assert [(info.name, info.role, info.valid_from_s, info.valid_until_s) for info in infos] == [
        ("transaction", KeyRole.TRANSACTION, 0, None),
        ("message", KeyRole.MESSAGE, 0, None),
        ("vote", KeyRole.VALIDATOR, 0, None),
    ]
    assert opened.public_key("message") == from_seed("ML-DSA-65", bytes([2] * 32)).public_key
    opened.rotate("message", 1000, 10)
    assert json.loads(path.read_text())["version"] == 2
    assert len(Keystore.open(path, PASSPHRASE).history("message")) == 2


def test_open_raises_when_a_version_1_key_has_a_role_that_is_none_today():
    with pytest.raises(KeystoreFormatError, match=r"role: expected one of transaction, .*, got 'attester'"):
        Keystore.open(VECTORS / "version-1-other-role.json", PASSPHRASE)


def test_open_says_tampered_when_the_version_is_changed(path: Path, keystore: Keystore):
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 1}))
    with pytest.raises(TamperedKeystoreError):
        Keystore.open(path, PASSPHRASE)


@pytest.mark.parametrize("holder", [role for role in KeyRole if role is not KeyRole.SEALING])
def test_key_signs_only_for_its_role_when_asked_for_any(keystore: Keystore, holder: KeyRole):
    info = keystore.add("key", "ML-DSA-65", holder)
    for asked in KeyRole:
        if asked is holder:
            verify("ML-DSA-65", info.public_key, b"m", keystore.sign_message("key", b"m", role=asked))
        else:
            with pytest.raises(WrongKeyRoleError, match=f"expected a key for role {asked}, got 'key', which is for"):
                keystore.sign_message("key", b"m", role=asked)
    with pytest.raises(WrongKeyRoleError):
        keystore.sealing_keys("key")


def test_sealing_keys_open_what_was_sealed_before_and_after_when_rotated(path: Path, keystore: Keystore):
    old = keystore.add("post", "X-Wing", "sealing")
    new = keystore.rotate("post", 1000, 60)
    letters = [sealing.seal("X-Wing", info.public_key, b"letter", b"header") for info in (new, old)]
    found = Keystore.open(path, PASSPHRASE).sealing_keys("post")
    assert [sealing.unseal(key, sealed, b"header") for key, sealed in zip(found, letters, strict=True)] == [
        b"letter"
    ] * 2
    keystore.destroy_retired("post", 1060)
    assert [key.public_key for key in keystore.sealing_keys("post")] == [new.public_key]


def test_sealing_key_does_not_sign_when_asked(keystore: Keystore):
    keystore.add("post", "X-Wing", "sealing")
    with pytest.raises(WrongKeyKindError, match="post-quantum"):
        keystore.sign_message("post", b"m", role=KeyRole.SEALING)


def test_message_of_before_verifies_at_its_time_when_key_was_rotated_and_destroyed(path: Path, keystore: Keystore):
    old = keystore.add("message", MESSAGE_ALGORITHM, "message", valid_from_s=100)
    signature = keystore.sign_message("message", b"pay")
    keystore.rotate("message", 500, 60)
    keystore.destroy_retired("message", 560)
    again = Keystore.open(path, PASSPHRASE)
    verify(MESSAGE_ALGORITHM, again.public_key_at("message", 499), b"pay", signature)
    assert again.history("message")[0].is_destroyed
    with pytest.raises(InvalidSignatureError):
        verify(MESSAGE_ALGORITHM, again.public_key_at("message", 500), b"pay", signature)
    with pytest.raises(KeyDestroyedError, match="backup"):
        again.sign_message("message", b"pay", thumbprint=old.thumbprint)
    assert SEED.hex() not in path.read_text()


def test_superseded_key_signs_its_notice_when_named_by_thumbprint(keystore: Keystore):
    old = keystore.add("message", "ML-DSA-65", "message")
    new = keystore.rotate("message", 500, 60)
    verify("ML-DSA-65", old.public_key, b"n", keystore.sign_message("message", b"n", thumbprint=old.thumbprint))
    verify("ML-DSA-65", new.public_key, b"n", keystore.sign_message("message", b"n"))
    with pytest.raises(UnknownKeyError):
        keystore.sign_message("message", b"n", thumbprint=bytes(32))


def test_import_takes_key_with_history_when_exported_under_another_passphrase(
    tmp_path: Path, path: Path, keystore: Keystore
):
    keystore.add("message", "ML-DSA-65", "message", valid_from_s=100)
    keystore.add("vote", "ML-DSA-65", "validator")
    keystore.rotate("message", 500, 60)
    keystore.export_key("message", tmp_path / "export.json", b"other field", DEVNET)
    with pytest.raises(WrongPassphraseError):
        Keystore.open(tmp_path / "export.json", PASSPHRASE)
    exported = Keystore.open(tmp_path / "export.json", b"other field")
    assert names_in(tmp_path / "export.json", b"other field") == ["message"]
    receiver = Keystore.create(tmp_path / "receiver.json", PASSPHRASE, DEVNET)
    receiver.import_key(exported, "message")
    reopened = Keystore.open(tmp_path / "receiver.json", PASSPHRASE)
    assert reopened.history("message") == keystore.history("message")
    verify("ML-DSA-65", keystore.public_key("message"), b"m", reopened.sign_message("message", b"m"))


def test_export_and_import_change_nothing_when_something_is_there_already(tmp_path: Path, keystore: Keystore):
    keystore.add("message", "ML-DSA-65", "message")
    keystore.export_key("message", tmp_path / "export.json", b"other field", DEVNET)
    before = (tmp_path / "export.json").read_bytes()
    with pytest.raises(KeyExistsError, match=r"export\.json already there"):
        keystore.export_key("message", tmp_path / "export.json", b"other field", DEVNET)
    assert (tmp_path / "export.json").read_bytes() == before
    exported = Keystore.open(tmp_path / "export.json", b"other field")
    with pytest.raises(KeyExistsError, match="stored already"):
        keystore.import_key(exported, "message")
    with pytest.raises(UnknownKeyError):
        keystore.import_key(exported, "vote")


def test_import_raises_when_the_key_is_there_under_another_name(tmp_path: Path, keystore: Keystore):
    keystore.add("mine", "ML-DSA-65", "validator", SEED)
    other = Keystore.create(tmp_path / "other.json", PASSPHRASE, DEVNET)
    other.add("theirs", "ML-DSA-65", "message", SEED)
    with pytest.raises(KeyExistsError, match="stored as 'mine'"):
        keystore.import_key(other, "theirs")


def test_restore_gives_the_key_back_when_shares_are_enough(tmp_path: Path, keystore: Keystore):
    info = keystore.add("message", MESSAGE_ALGORITHM, "message", valid_from_s=100)
    shares = keystore.split("message", 2, 3, b"paper")
    other = Keystore.create(tmp_path / "other.json", PASSPHRASE, DEVNET)
    assert (
        other.restore(
            "message", [keystore.add("vote", "ML-DSA-65", "validator"), info], [shares[2], shares[0]], b"paper"
        )
        == info
    )
    verify(MESSAGE_ALGORITHM, info.public_key, b"m", other.sign_message("message", b"m"))


@pytest.mark.parametrize("fault", ["wrong passphrase", "shares of another key"])
def test_restore_stores_nothing_when_the_public_key_differs(tmp_path: Path, keystore: Keystore, fault: str):
    info = keystore.add("message", "ML-DSA-65", "message")
    keystore.add("vote", "ML-DSA-65", "validator")
    shares = keystore.split("message" if fault == "wrong passphrase" else "vote", 2, 2)
    other = Keystore.create(tmp_path / "other.json", PASSPHRASE, DEVNET)
    with pytest.raises(SplitBackupError, match="passphrase is wrong, or these are the shares of another key"):
        other.restore("message", [info], shares, b"wrong" if fault == "wrong passphrase" else b"")
    assert other.keys() == ()


def test_restore_raises_when_the_key_is_there(keystore: Keystore):
    info = keystore.add("message", "ML-DSA-65", "message")
    shares = keystore.split("message", 2, 2)
    for name in ("message", "message-2"):
        with pytest.raises(KeyExistsError):
            keystore.restore(name, [info], shares)


def test_errors_and_texts_hold_no_secret_when_keys_are_used(keystore: Keystore):
    keystore.add("message", "ML-DSA-65", "message", SEED)
    texts = [repr(keystore.key_pair("message")), repr(keystore._ring), repr(keystore.history("message"))]
    with pytest.raises(KeyExistsError) as refused:
        keystore.add("vote", "ML-DSA-65", "validator", SEED)
    for text in (*texts, str(refused.value)):
        assert SEED.hex() not in text
        assert repr(SEED) not in text


def test_rotation_reaches_the_linked_file_when_the_keystore_was_opened_through_a_link(path: Path, keystore: Keystore):
    keystore.add("message", "ML-DSA-65", "message", SEED)
    link = path.parent / "folder" / "link.json"
    link.parent.mkdir()
    link.symlink_to(path)
    Keystore.open(link, PASSPHRASE).rotate("message", 100, 10)
    assert link.is_symlink()
    assert len(Keystore.open(path, PASSPHRASE).history("message")) == 2
