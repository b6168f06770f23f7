"""The keys of one keystore and the rules of adding, rotating and destroying them; values only, no file.

A name stands for one purpose over the years; its *generations* are the keys that served it, oldest first. The
last one is the current one and has no end. Rotation gives the one before an end, so that for the length of the
overlap both count, and afterwards what the older one signed still verifies at its time.

Source: docs/spec/keystore.md.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Self

from pqc import keys
from pqc.errors import (
    InvalidKeyError,
    KeyDestroyedError,
    KeyExistsError,
    KeyNotValidError,
    KeyStillValidError,
    UnknownKeyError,
    WrongKeyKindError,
)
from pqc.keys import KeyInfo

KEYS_MAX: Final = 1000
"""Generations of all names together: each is derived when the file is opened."""
OVERLAP_S_MAX: Final = 366 * 24 * 3600
"""A year: a superseded key that counts for longer was not rotated."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One generation with its secret."""

    info: KeyInfo
    seed: bytes | None = field(repr=False)
    """None once destroyed."""

    def secret(self) -> bytes:
        """Return the seed.

        Raises:
            KeyDestroyedError: it is gone.
        """
        if self.seed is None:
            raise KeyDestroyedError(
                f"name: expected a key with its seed, got {self.info.name!r} {self.info.thumbprint.hex()[:16]}, "
                "whose seed was destroyed; restore it from a backup into another keystore"
            )
        return self.seed


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Generations by name; every change is a new ring, so a failed write leaves the old one in force."""

    generations: dict[str, tuple[StoredKey, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self) > KEYS_MAX:
            raise InvalidKeyError("keys", f"at most {KEYS_MAX} keys", f"{len(self)}")
        # One secret under two names would serve two roles.
        holders: dict[bytes, str] = {}
        for one in (one for generations in self.generations.values() for one in generations):
            for mark in {one.info.thumbprint, one.seed or one.info.thumbprint}:
                if mark in holders:
                    raise KeyExistsError(f"seed: expected a new key, got one that is stored as {holders[mark]!r}")
                holders[mark] = one.info.name

    def __len__(self) -> int:
        return sum(len(one) for one in self.generations.values())

    def of(self, name: str) -> tuple[StoredKey, ...]:
        """Return a name's generations, oldest first.

        Raises:
            UnknownKeyError: there is no such name.
        """
        try:
            return self.generations[name]
        except KeyError:
            raise UnknownKeyError(name, tuple(self.generations)) from None

    def one(self, name: str, thumbprint: bytes | None) -> StoredKey:
        """Return the current generation, or the one with this thumbprint.

        Raises:
            UnknownKeyError: there is no such name, or no such generation.
        """
        generations = self.of(name)
        if thumbprint is None:
            return generations[-1]
        for generation in generations:
            if generation.info.thumbprint == thumbprint:
                return generation
        raise UnknownKeyError(
            f"{name} {thumbprint.hex()[:16]}", tuple(one.info.thumbprint.hex() for one in generations)
        )

    def valid_at(self, name: str, time_s: int) -> tuple[KeyInfo, ...]:
        """Return the generations that count at `time_s`, newest first: more than one during an overlap.

        Raises:
            UnknownKeyError: there is no such name.
            InvalidKeyError: `time_s` is no time.
            KeyNotValidError: none counted then.
        """
        keys.check_seconds("time_s", time_s, keys.TIME_S_MAX)
        infos = [one.info for one in reversed(self.of(name))]
        if not (valid := tuple(info for info in infos if info.is_valid_at(time_s))):
            first = infos[-1].valid_from_s
            raise KeyNotValidError(f"time_s: expected {_utc(first)} or later for {name!r}, got {_utc(time_s)}")
        return valid

    def with_key(self, name: str, alg: str, role: str, seed: bytes, valid_from_s: int) -> Self:
        """Return the ring with a new name.

        Raises:
            KeyExistsError: the name or the key is there already.
            InvalidKeyError: name, role, algorithm, seed or time is malformed, or the ring is full.
        """
        if name in self.generations:
            raise KeyExistsError(f"name: expected a new name, got {name!r}, which is stored already")
        return self._replaced(name, (stored_key(name, alg, role, seed, valid_from_s),))

    def with_next(self, name: str, seed: bytes, now_s: int, overlap_s: int) -> Self:
        """Return the ring with a next generation that counts from `now_s`; the one before counts `overlap_s` more.

        Raises:
            WrongKeyKindError: the key is an account's and cannot change without another account.
            InvalidKeyError: `now_s` is before the current generation, or `overlap_s` is out of range.
        """
        *earlier, current = self.of(name)
        info = current.info
        if info.address is not None:
            raise WrongKeyKindError(
                f"name: expected a key that is not an account, got {name!r}: its address {info.address} follows from "
                "the key; add a key under another name and move the account's money and roles to it"
            )
        keys.check_seconds("now_s", now_s, keys.TIME_S_MAX - OVERLAP_S_MAX)
        if now_s < info.valid_from_s:
            raise InvalidKeyError("now_s", f"{_utc(info.valid_from_s)} or later, when {name!r} began", _utc(now_s))
        keys.check_seconds("overlap_s", overlap_s, OVERLAP_S_MAX)
        successor = stored_key(name, info.alg, info.role, seed, now_s)
        ended = replace(info, valid_until_s=now_s + overlap_s, successor=successor.info.thumbprint)
        return self._replaced(name, (*earlier, replace(current, info=ended), successor))

    def without_retired(self, name: str, now_s: int) -> Self:
        """Return the ring without the seeds of `name` that no longer count at `now_s`.

        Raises:
            KeyStillValidError: no generation with a seed has ended.
            InvalidKeyError: `now_s` is no time.
        """
        generations = self.of(name)
        keys.check_seconds("now_s", now_s, keys.TIME_S_MAX)
        live = [one for one in generations if one.seed is not None]
        ended = [one for one in live if _has_ended(one.info, now_s)]
        if not ended:
            ends = [one.info.valid_until_s for one in live if one.info.valid_until_s is not None]
            way_out = f"wait until {_utc(min(ends))}" if ends else "rotate it first"
            raise KeyStillValidError(
                f"name: expected a key of {name!r} that has ended by {_utc(now_s)} and has a seed, got none; {way_out}"
            )
        return self._replaced(name, tuple(destroyed(one) if one in ended else one for one in generations))

    def with_imported(self, other: "KeyRing", name: str) -> Self:
        """Return the ring with a name of another ring, history included.

        Raises:
            UnknownKeyError: the other ring has no such name.
            KeyExistsError: the name or one of its keys is there already.
            InvalidKeyError: the ring would be over its limit.
        """
        if name in self.generations:
            raise KeyExistsError(f"name: expected a new name, got {name!r}, which is stored already")
        return self._replaced(name, other.of(name))

    def _replaced(self, name: str, generations: tuple[StoredKey, ...]) -> Self:
        return replace(self, generations={**self.generations, name: generations})


def stored_key(name: str, alg: str, role: str, seed: bytes, valid_from_s: int) -> StoredKey:
    """Return a generation made from its seed; see `keys.key_info`."""
    keys.check_algorithm(alg, keys.parse_role(role))
    return StoredKey(keys.key_info(name, alg, role, keys.public_key(alg, seed), valid_from_s), seed)


def destroyed(one: StoredKey) -> StoredKey:
    """Return the generation without its seed."""
    return StoredKey(replace(one.info, is_destroyed=True), None)


def _has_ended(info: KeyInfo, now_s: int) -> bool:
    return info.valid_until_s is not None and info.valid_until_s <= now_s


def _utc(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
