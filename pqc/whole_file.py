"""Files that are written whole or not at all, readable by this user only.

A file is written beside its place, synced and put there, then the folder is synced: a crash or a kill at any
moment leaves the old file or the new one.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def read(path: Path, bytes_max: int) -> bytes:
    """Return a file's bytes, one more than `bytes_max` where it is longer."""
    with path.open("rb") as file:
        return file.read(bytes_max + 1)


def create(path: Path, data: bytes) -> None:
    """Write a new file; FileExistsError leaves the one that is there."""
    temporary = _write_beside(path, data)
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync_folder(path)


def replace(path: Path, data: bytes) -> None:
    """Put new content in the place of the old: of the file itself where `path` is a link to it."""
    path = _followed(path)
    temporary = _write_beside(path, data)
    try:
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes that ask for it out of the folder of `path`; BlockingIOError where one is in it."""
    folder = os.open(_followed(path).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)


def _followed(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _write_beside(path: Path, data: bytes) -> Path:
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
