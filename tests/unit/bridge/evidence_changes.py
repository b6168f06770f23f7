"""Changing one value of a pack: where values are, and the nearest other value of the same form."""

import json
import random
from collections.abc import Iterator
from typing import Any

Path_ = tuple[str | int, ...]


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def pattern(path: Path_) -> tuple[str, ...]:
    return tuple("*" if isinstance(part, int) else part for part in path)


def at(pack: Any, path: Path_) -> Any:
    for part in path:
        pack = pack[part]
    return pack


def changed(value: Any) -> Any:
    """Return another value of the same form, one step away."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + 1
    if value.startswith("0x") and len(value) > 2:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return str(int(value) + 1) if value.isdigit() else value + "x"


def sample_paths(data: bytes) -> list[Path_]:
    """Return one random leaf of every kind of place in the pack."""
    chooser, found = random.Random(7), {}
    for path, _ in leaves(json.loads(data)):
        found.setdefault(pattern(path), []).append(path)
    return [chooser.choice(paths) for paths in found.values()]
