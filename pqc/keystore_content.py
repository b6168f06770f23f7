"""What a keystore's file seals: the ring of keys as JSON values, read with every rule checked again.

Version 2 is written. Version 1 had one generation per name, which always counted, and is read.

Source: docs/spec/keystore.md.
"""

from dataclasses import replace
from typing import Any

from pqc import keys
from pqc.errors import KeystoreFormatError, RejectedError
from pqc.key_ring import KeyRing, StoredKey, destroyed, stored_key
from pqc.keys import KeyInfo


def to_content(ring: KeyRing) -> dict[str, Any]:
    """Return what a version 2 file seals."""
    return {"keys": [_record(generations) for generations in ring.generations.values()]}


def from_content(version: int, content: Any) -> KeyRing:
    """Return the ring of a file's content.

    Raises:
        KeystoreFormatError: the content breaks the format or a rule of this module.
    """
    generations: dict[str, tuple[StoredKey, ...]] = {}
    try:
        for record in content["keys"]:
            name, alg, role = record["name"], record["alg"], record["role"]
            if name in generations:
                raise KeystoreFormatError(f"keys: expected each name once, got {name!r} twice")
            if version == 1:
                generations[name] = (stored_key(name, alg, role, bytes.fromhex(record["seed"]), 0),)
            else:
                generations[name] = _read_generations(name, alg, role, record["generations"])
        return KeyRing(generations)
    except (KeyError, TypeError, ValueError, IndexError):
        raise KeystoreFormatError("keys: expected records of name, alg, role and generations, got another") from None
    except KeystoreFormatError:
        raise
    except RejectedError as error:
        raise KeystoreFormatError(f"keys: {error}") from None


def _record(generations: tuple[StoredKey, ...]) -> dict[str, Any]:
    info = generations[-1].info
    return {
        "name": info.name,
        "alg": info.alg,
        "role": str(info.role),
        "generations": [
            {
                "valid_from_s": one.info.valid_from_s,
                "valid_until_s": one.info.valid_until_s,
                **({"public_key": one.info.public_key.hex()} if one.seed is None else {"seed": one.seed.hex()}),
            }
            for one in generations
        ],
    }


def _read_generations(name: str, alg: str, role: str, records: list[dict[str, Any]]) -> tuple[StoredKey, ...]:
    """Read generations from the newest back, so that each knows its successor."""
    read: list[StoredKey] = []
    for record in reversed(records):
        one = _read_generation(name, alg, role, record)
        read.insert(0, one if not read else replace(one, info=_ended(one.info, record["valid_until_s"], read[0].info)))
    if records[-1]["valid_until_s"] is not None:
        raise KeystoreFormatError(f"keys: expected no end of the current generation of {name!r}, got one")
    return tuple(read)


def _read_generation(name: str, alg: str, role: str, record: dict[str, Any]) -> StoredKey:
    if "seed" in record:
        return stored_key(name, alg, role, bytes.fromhex(record["seed"]), record["valid_from_s"])
    info = keys.key_info(name, alg, role, bytes.fromhex(record["public_key"]), record["valid_from_s"])
    return destroyed(StoredKey(info, None))


def _ended(info: KeyInfo, valid_until_s: int, successor: KeyInfo) -> KeyInfo:
    keys.check_seconds("valid_until_s", valid_until_s, keys.TIME_S_MAX)
    if not info.valid_from_s <= successor.valid_from_s <= valid_until_s:
        raise KeystoreFormatError(f"keys: expected generations of {info.name!r} in the order of time, got another")
    return replace(info, valid_until_s=valid_until_s, successor=successor.thumbprint)
