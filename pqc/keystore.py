"""The encrypted file keystore: named keys with their history, and signing with them.

Only seeds are stored; every key is derived when the file is opened. Every key has one role and is refused for
any other. A change writes a whole new file, so a crash leaves either the old keys or the new ones. Whoever holds
an open `Keystore` holds the seeds in memory.

Source: docs/spec/keystore.md.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from pqc import keys, sealing, secp256k1, signatures, split_backup, whole_file
from pqc.errors import (
    InvalidKeyError,
    KeyExistsError,
    KeystoreChangedError,
    KeystoreUnavailableError,
    SplitBackupError,
    WrongKeyKindError,
    WrongKeyRoleError,
)
from pqc.key_ring import KeyRing, StoredKey
from pqc.keys import KeyInfo
from pqc.keystore_content import from_content, to_content
from pqc.keystore_file import DEVNET, FILE_BYTES_MAX, STANDARD, KdfCost, Sealer, new_sealer, seal, unseal
from pqc.roles import KeyRole

__all__ = ["DEVNET", "STANDARD", "KdfCost", "KeyInfo", "KeyRole", "Keystore"]

_EMPTY: Final = KeyRing()


class Keystore:
    """An open keystore; implements `pqc.ports.Signer`. One process writes it at a time."""

    def __init__(self, path: Path, sealer: Sealer, ring: KeyRing, file_digest: bytes) -> None:
        """Use `create` or `open`."""
        self._path = path
        self._sealer = sealer
        self._ring = ring
        self._file_digest = file_digest

    @classmethod
    def create(
        cls, path: Path | str, passphrase: bytes, cost: KdfCost = STANDARD, ring: KeyRing = _EMPTY
    ) -> "Keystore":
        """Write a keystore, empty unless keys are given, readable by this user only.

        Raises:
            KeyExistsError: the file exists.
            InvalidKeyError: the passphrase is empty or too long.
            KeystoreFormatError: `cost` is out of bounds.
            KeystoreUnavailableError: the file cannot be written.
        """
        target = Path(path)
        sealer = new_sealer(passphrase, cost)
        data = seal(sealer, to_content(ring))
        try:
            whole_file.create(target, data)
        except FileExistsError:
            raise KeyExistsError(f"path: expected no file, got {target.name} already there") from None
        except OSError as error:
            raise KeystoreUnavailableError(f"keystore {target.name}: cannot be written ({error.strerror})") from error
        return cls(target, sealer, ring, sha256(data).digest())

    @classmethod
    def open(cls, path: Path | str, passphrase: bytes) -> "Keystore":
        """Read a keystore of format version 1 or 2; it becomes version 2 when it is next written.

        Raises:
            KeystoreUnavailableError: the file cannot be read.
            KeystoreFormatError, WrongPassphraseError, TamperedKeystoreError: see `unseal`.
        """
        target = Path(path)
        data = _read(target)
        sealer, version, content = unseal(data, passphrase)
        return cls(target, sealer, from_content(version, content), sha256(data).digest())

    def __repr__(self) -> str:
        return f"Keystore({self._path.name!r}, {len(self._ring)} keys, {self.cost.profile})"

    @property
    def cost(self) -> KdfCost:
        """What guessing the passphrase costs, as recorded in the file."""
        return self._sealer.cost

    # Changes: each is on disk when it returns. All raise KeystoreChangedError when another process wrote the file
    # since it was opened, and KeystoreUnavailableError when it cannot be written.

    def add(self, name: str, alg: str, role: str, seed: bytes | None = None, valid_from_s: int = 0) -> KeyInfo:
        """Store a key, new or from `seed` (32 bytes).

        Raises:
            KeyExistsError: the name is taken, or the seed is stored under another name.
            InvalidKeyError: name, role or seed is malformed, the algorithm does not fit the role, or all is full.
            UnknownAlgorithmError: there is no algorithm `alg`.
        """
        self._replace(self._ring.with_key(name, alg, role, keys.new_seed(alg) if seed is None else seed, valid_from_s))
        return self.key_info(name)

    def rotate(self, name: str, now_s: int, overlap_s: int) -> KeyInfo:
        """Make the next key of a name: it signs from now on; the one before counts for `overlap_s` seconds more.

        Raises:
            UnknownKeyError: there is no such name.
            WrongKeyKindError: the key is an account (secp256k1).
            InvalidKeyError: `now_s` is before the key began, or `overlap_s` is over a year.
        """
        seed = keys.new_seed(self.key_info(name).alg)
        self._replace(self._ring.with_next(name, seed, now_s, overlap_s))
        return self.key_info(name)

    def destroy_retired(self, name: str, now_s: int) -> tuple[KeyInfo, ...]:
        """Remove the seeds of generations that no longer count at `now_s`; their public halves stay.

        Copies elsewhere (exports, split backups, the disk's old blocks) are not reached.

        Returns:
            The generations whose seed was there and is not any more.

        Raises:
            UnknownKeyError: there is no such name.
            KeyStillValidError: no generation with a seed has ended.
        """
        had_seed = {one.info.thumbprint for one in self._ring.of(name) if one.seed is not None}
        self._replace(self._ring.without_retired(name, now_s))
        return tuple(info for info in self.history(name) if info.is_destroyed and info.thumbprint in had_seed)

    def import_key(self, other: "Keystore", name: str) -> KeyInfo:
        """Take over a key with its history from another keystore, an export for example.

        Raises:
            UnknownKeyError: the other keystore has no such key.
            KeyExistsError: the name, or one of the keys under another name, is here already.
        """
        self._replace(self._ring.with_imported(other._ring, name))
        return self.key_info(name)

    def restore(
        self, name: str, expected: Sequence[KeyInfo], shares: Sequence[str], passphrase: bytes = b""
    ) -> KeyInfo:
        """Store the key that a split backup gives back, after comparing it with its public half.

        Args:
            name: Name to store it under; a new one.
            expected: Public halves, one of which the key must have (a key set exported earlier).
            shares: Lists of words, as many as the backup's threshold or more.
            passphrase: The backup's, if it has one.

        Raises:
            SplitBackupError: the shares or the passphrase give none of these keys.
            KeyExistsError: the name or the key is here already.
        """
        seed = split_backup.join(shares, passphrase)
        for info in expected:
            if keys.public_key(info.alg, seed) == info.public_key:
                return self.add(name, info.alg, info.role, seed, info.valid_from_s)
        raise SplitBackupError(
            f"shares, passphrase: expected to get a key of the {len(expected)} given public halves back, got another; "
            "the passphrase is wrong, or these are the shares of another key"
        )

    def export_key(self, name: str, path: Path | str, passphrase: bytes, cost: KdfCost = STANDARD) -> None:
        """Write a key with its history as a keystore of its own, under another passphrase.

        Raises:
            UnknownKeyError: there is no such name.
            KeyExistsError, InvalidKeyError, KeystoreUnavailableError: see `create`.
        """
        Keystore.create(path, passphrase, cost, _EMPTY.with_imported(self._ring, name))

    def split(self, name: str, threshold: int, shares: int, passphrase: bytes = b"") -> tuple[str, ...]:
        """Return the current key as lists of words, any `threshold` of which restore it.

        Raises:
            UnknownKeyError: there is no such name.
            SplitBackupError: numbers or passphrase are out of bounds.
        """
        return split_backup.split(self._ring.one(name, None).secret(), threshold, shares, passphrase)

    def keys(self) -> tuple[KeyInfo, ...]:
        """Return the public half of every current key, in the order they were added."""
        return tuple(self.key_info(name) for name in self._ring.generations)

    def history(self, name: str) -> tuple[KeyInfo, ...]:
        """Return the public halves of all generations of a name, oldest first."""
        return tuple(one.info for one in self._ring.of(name))

    def key_info(self, name: str) -> KeyInfo:
        """Return the current key's public half."""
        return self._ring.one(name, None).info

    def public_key(self, name: str) -> bytes:
        """Return the current public key: as its algorithm encodes it, 33 bytes compressed for secp256k1."""
        return self.key_info(name).public_key

    def keys_at(self, name: str, time_s: int) -> tuple[KeyInfo, ...]:
        """Return the generations that count at `time_s`, newest first: more than one during an overlap.

        Raises:
            UnknownKeyError: there is no such name.
            KeyNotValidError: none counted then.
        """
        return self._ring.valid_at(name, time_s)

    def public_key_at(self, name: str, time_s: int) -> bytes:
        """Return the public key that signed at `time_s`; during an overlap the older one counts too (`keys_at`)."""
        return self.keys_at(name, time_s)[0].public_key

    def key_pair(
        self, name: str, *, role: KeyRole = KeyRole.MESSAGE, thumbprint: bytes | None = None
    ) -> signatures.KeyPair:
        """Return a post-quantum key with its seed, for a signer that lives elsewhere in this process.

        Raises:
            UnknownKeyError: there is no such key.
            WrongKeyKindError: it cannot sign messages.
            WrongKeyRoleError: it is for another role than the caller's.
            KeyDestroyedError: its seed is gone.
        """
        stored = self._ring.one(name, thumbprint)
        if stored.info.alg not in signatures.algorithms():
            raise WrongKeyKindError(f"name: expected a post-quantum key, got {name!r}, which is {stored.info.alg}")
        _check_role(stored.info, role)
        return signatures.KeyPair(stored.info.alg, stored.secret(), stored.info.public_key)

    def sealing_keys(self, name: str) -> tuple[sealing.SealingKey, ...]:
        """Return the keys that open what was sealed to this name, newest first; destroyed ones are left out.

        Raises:
            UnknownKeyError: there is no such name.
            WrongKeyRoleError: it is for another role.
        """
        generations = self._ring.of(name)
        _check_role(generations[-1].info, KeyRole.SEALING)
        return tuple(
            sealing.SealingKey(one.info.alg, one.seed, one.info.public_key)
            for one in reversed(generations)
            if one.seed is not None
        )

    def sign_message(
        self,
        name: str,
        message: bytes,
        context: bytes = b"",
        *,
        role: KeyRole = KeyRole.MESSAGE,
        thumbprint: bytes | None = None,
    ) -> bytes:
        """Sign with a post-quantum key; see `pqc.ports.Signer`."""
        return signatures.sign(self.key_pair(name, role=role, thumbprint=thumbprint), message, context)

    def address(self, name: str) -> str:
        """Return the checksummed address of a secp256k1 key."""
        return self._account(name)[1]

    def sign_digest(self, name: str, digest: bytes) -> bytes:
        """Sign 32 bytes with a secp256k1 key: r, s, v (65 bytes), low s, v 27 or 28."""
        return secp256k1.sign_digest(self._account(name)[0].secret(), digest)

    def _account(self, name: str) -> tuple[StoredKey, str]:
        stored = self._ring.one(name, None)
        if stored.info.address is None:
            raise WrongKeyKindError(f"name: expected a secp256k1 key, got {name!r}, which is {stored.info.alg}")
        return stored, stored.info.address

    def _replace(self, ring: KeyRing) -> None:
        data = seal(self._sealer, to_content(ring))
        if len(data) > FILE_BYTES_MAX:
            raise InvalidKeyError("keys", f"a file of at most {FILE_BYTES_MAX} bytes", f"{len(data)}")
        try:
            with whole_file.locked(self._path):
                if sha256(_read(self._path)).digest() != self._file_digest:
                    raise KeystoreChangedError(
                        f"keystore {self._path.name}: changed since it was opened; open it again"
                    )
                whole_file.replace(self._path, data)
        except OSError as error:
            raise KeystoreUnavailableError(
                f"keystore {self._path.name}: cannot be written ({error.strerror})"
            ) from error
        self._ring, self._file_digest = ring, sha256(data).digest()


def _check_role(info: KeyInfo, role: KeyRole) -> None:
    if info.role is not role:
        raise WrongKeyRoleError(info.name, role, info.role)


def _read(path: Path) -> bytes:
    try:
        return whole_file.read(path, FILE_BYTES_MAX)
    except OSError as error:
        raise KeystoreUnavailableError(f"keystore {path.name}: cannot be read ({error.strerror})") from error
