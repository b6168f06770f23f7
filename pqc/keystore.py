"""The encrypted file keystore: named seeds, and signing with the keys they make.

Only seeds are stored; every key is derived when the file is opened. A change writes a whole new file beside
the old one, syncs it and puts it in place, so a crash leaves either the old keys or the new ones. Whoever
holds an open `Keystore` holds the seeds in memory.

Source: docs/spec/keystore.md.
"""

import os
import re
import secrets
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pqc import secp256k1, signatures
from pqc.errors import (
    InvalidKeyError,
    KeyExistsError,
    KeystoreChangedError,
    KeystoreFormatError,
    KeystoreUnavailableError,
    UnknownKeyError,
    WrongKeyKindError,
)
from pqc.keystore_file import DEVNET, FILE_BYTES_MAX, STANDARD, KdfCost, Sealer, new_sealer, seal, unseal

__all__ = ["DEVNET", "STANDARD", "KdfCost", "KeyInfo", "Keystore"]

KEYS_MAX: Final = 1000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """The public half of a stored key."""

    name: str
    alg: str
    role: str
    """What the key is for: `validator`, `message`, `transaction`, ..."""
    public_key: bytes
    """Raw for ML-DSA, 33 bytes compressed for secp256k1."""
    address: str | None
    """Checksummed; secp256k1 only."""


@dataclass(frozen=True, slots=True)
class _Stored:
    info: KeyInfo
    seed: bytes = field(repr=False)


class Keystore:
    """An open keystore; implements `pqc.ports.Signer`. One process writes it at a time."""

    def __init__(self, path: Path, sealer: Sealer, stored: dict[str, _Stored], file_digest: bytes) -> None:
        """Use `create` or `open`."""
        self._path = path
        self._sealer = sealer
        self._stored = stored
        self._file_digest = file_digest

    @classmethod
    def create(cls, path: Path | str, passphrase: bytes, cost: KdfCost = STANDARD) -> "Keystore":
        """Write an empty keystore, readable by this user only.

        Raises:
            KeyExistsError: the file exists.
            InvalidKeyError: the passphrase is empty or too long.
            KeystoreFormatError: `cost` is out of bounds.
            KeystoreUnavailableError: the file cannot be written.
        """
        target = Path(path)
        sealer = new_sealer(passphrase, cost)
        data = seal(sealer, {"keys": []})
        try:
            temporary = _write_beside(target, data)
            try:
                os.link(temporary, target)
            except FileExistsError:
                raise KeyExistsError(f"path: expected no file, got {target.name} already there") from None
            finally:
                temporary.unlink()
            _sync_folder(target)
        except OSError as error:
            raise KeystoreUnavailableError(f"keystore {target.name}: cannot be written ({error.strerror})") from error
        return cls(target, sealer, {}, sha256(data).digest())

    @classmethod
    def open(cls, path: Path | str, passphrase: bytes) -> "Keystore":
        """Read a keystore.

        Raises:
            KeystoreUnavailableError: the file cannot be read.
            KeystoreFormatError, WrongPassphraseError, TamperedKeystoreError: see `unseal`.
        """
        target = Path(path)
        data = _read(target)
        sealer, content = unseal(data, passphrase)
        return cls(target, sealer, _parse_keys(content), sha256(data).digest())

    def __repr__(self) -> str:
        return f"Keystore({self._path.name!r}, {len(self._stored)} keys, {self.cost.profile})"

    @property
    def cost(self) -> KdfCost:
        """What guessing the passphrase costs, as recorded in the file."""
        return self._sealer.cost

    def add(self, name: str, alg: str, role: str, seed: bytes | None = None) -> KeyInfo:
        """Store a key, new or from `seed` (32 bytes); on disk when this returns.

        Raises:
            KeyExistsError: the name is taken.
            InvalidKeyError: name, role or seed is malformed, or the keystore is full.
            UnknownAlgorithmError: `alg` is neither secp256k1 nor registered in `pqc.signatures`.
            KeystoreChangedError: another process wrote the file since it was opened.
            KeystoreUnavailableError: the file cannot be written.
        """
        if name in self._stored:
            raise KeyExistsError(f"name: expected a new name, got {name!r}, which is stored already")
        if len(self._stored) >= KEYS_MAX:
            raise InvalidKeyError("keys", f"at most {KEYS_MAX} keys", f"{KEYS_MAX + 1}")
        added = _stored_key(name, alg, role, _new_seed(alg) if seed is None else seed)
        stored = {**self._stored, name: added}
        self._replace(stored)
        self._stored = stored
        return added.info

    def keys(self) -> tuple[KeyInfo, ...]:
        """Return the public halves, in the order they were added."""
        return tuple(stored.info for stored in self._stored.values())

    def key_info(self, name: str) -> KeyInfo:
        """Return one key's public half."""
        return self._get(name).info

    def public_key(self, name: str) -> bytes:
        """Return the public key: raw for ML-DSA, 33 bytes compressed for secp256k1."""
        return self._get(name).info.public_key

    def key_pair(self, name: str) -> signatures.KeyPair:
        """Return a post-quantum key with its seed, for a signer that lives elsewhere in this process."""
        stored = self._get(name)
        if stored.info.alg == secp256k1.ALGORITHM:
            raise WrongKeyKindError(f"name: expected a post-quantum key, got {name!r}, which is {stored.info.alg}")
        return signatures.KeyPair(stored.info.alg, stored.seed, stored.info.public_key)

    def sign_message(self, name: str, message: bytes, context: bytes = b"") -> bytes:
        """Sign with a post-quantum key."""
        return signatures.sign(self.key_pair(name), message, context)

    def address(self, name: str) -> str:
        """Return the checksummed address of a secp256k1 key."""
        return self._secp256k1(name)[1]

    def sign_digest(self, name: str, digest: bytes) -> bytes:
        """Sign 32 bytes with a secp256k1 key: r, s, v (65 bytes), low s, v 27 or 28."""
        return secp256k1.sign_digest(self._secp256k1(name)[0].seed, digest)

    def _get(self, name: str) -> _Stored:
        try:
            return self._stored[name]
        except KeyError:
            raise UnknownKeyError(name, tuple(self._stored)) from None

    def _secp256k1(self, name: str) -> tuple[_Stored, str]:
        stored = self._get(name)
        if stored.info.address is None:
            raise WrongKeyKindError(f"name: expected a secp256k1 key, got {name!r}, which is {stored.info.alg}")
        return stored, stored.info.address

    def _replace(self, stored: dict[str, _Stored]) -> None:
        if sha256(_read(self._path)).digest() != self._file_digest:
            raise KeystoreChangedError(f"keystore {self._path.name}: changed since it was opened; open it again")
        data = seal(self._sealer, {"keys": [_record(one) for one in stored.values()]})
        try:
            temporary = _write_beside(self._path, data)
            try:
                temporary.replace(self._path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(self._path)
        except OSError as error:
            raise KeystoreUnavailableError(
                f"keystore {self._path.name}: cannot be written ({error.strerror})"
            ) from error
        self._file_digest = sha256(data).digest()


def _new_seed(alg: str) -> bytes:
    if alg != secp256k1.ALGORITHM:
        return signatures.generate(alg).seed
    while not secp256k1.is_valid_seed(seed := secrets.token_bytes(secp256k1.SEED_BYTES)):
        pass
    return seed


def _stored_key(name: str, alg: str, role: str, seed: bytes) -> _Stored:
    for field_name, value in (("name", name), ("role", role)):
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise InvalidKeyError(field_name, "1 to 64 of a-z 0-9 . _ -, a letter or digit first", repr(value)[:80])
    if alg == secp256k1.ALGORITHM:
        public = secp256k1.public_key(seed)
        return _Stored(KeyInfo(name, alg, role, public, secp256k1.address_of(public)), seed)
    return _Stored(KeyInfo(name, alg, role, signatures.from_seed(alg, seed).public_key, None), seed)


def _record(stored: _Stored) -> dict[str, str]:
    info = stored.info
    return {"name": info.name, "alg": info.alg, "role": info.role, "seed": stored.seed.hex()}


def _parse_keys(content: Any) -> dict[str, _Stored]:
    try:
        records = content["keys"]
        keys = [_stored_key(one["name"], one["alg"], one["role"], bytes.fromhex(one["seed"])) for one in records]
    except (KeyError, TypeError, ValueError):
        raise KeystoreFormatError("keys: expected records of name, alg, role and seed, got something else") from None
    return {stored.info.name: stored for stored in keys}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise KeystoreUnavailableError(f"keystore {path.name}: cannot be read ({error.strerror})") from error


def _write_beside(path: Path, data: bytes) -> Path:
    """Write a synced file (mode 0600) in the folder of `path`."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        Path(temporary).unlink()
        raise
    return Path(temporary)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
