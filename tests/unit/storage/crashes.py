"""Crash loops: a run that dies at its N-th persisted step, for every N until it no longer dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from node.storage.database import Database


class Crash(BaseException):
    """The process is killed. Not an Exception: nothing in the product may catch it."""


@dataclass
class Fuse:
    """Burns one step at each point where a process may die; None never dies."""

    steps: int | None

    def burn(self) -> None:
        if self.steps is None:
            return
        if self.steps == 0:
            raise Crash
        self.steps -= 1


class CrashingDatabase(Database):
    """A database whose process may die right before or right after each commit."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self._fuse = fuse

    @contextmanager
    def transaction(self, *, is_synced: bool = True) -> Iterator[Session]:
        with super().transaction(is_synced=is_synced) as session:
            yield session
            self._fuse.burn()
        self._fuse.burn()
