"""A PostgreSQL server of the tests' own: in a temporary directory, on a Unix socket, gone when they end.

Debian's package `postgresql` brings the programs; without them the tests that need them are skipped, or fail where
REQUIRE_POSTGRESQL says that they must run.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import create_engine, text

from node.storage.database import Database
from node.storage.migrate import prepare
from node.storage.revise import import_stores

_USER = "postgres"
# Emptying takes a hundredth of the time that making does.
_EMPTY = """
DO $$ DECLARE one record; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('DELETE FROM %I', one.tablename);
  END LOOP;
  FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
    PERFORM setval(quote_ident(one.sequencename), 1, false);
  END LOOP;
END $$
"""


class NewDatabase(Protocol):
    """Makes an empty database and returns its URL."""

    def __call__(self) -> str: ...


@dataclass
class Server:
    """The server; its databases have a desk's tables."""

    folder: Path
    free: list[str] = field(default_factory=list)
    """Those that a test has had."""

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{_USER}@/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        self._execute("postgres", f"CREATE DATABASE {name}")
        database = Database(self.url(name))
        prepare(database)
        database.close()
        return self.url(name)

    def lease(self) -> str:
        """Return an empty database that is given back to `free`."""
        if not self.free:
            return self.create(f"test_{len(os.listdir(self.folder / 'data' / 'base'))}")
        url = self.free.pop()
        self._execute(url.partition("@/")[2].partition("?")[0], _EMPTY)
        return url

    def _execute(self, name: str, statement: str) -> None:
        engine = create_engine(self.url(name), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Run a server while the tests last."""
    programs = _programs()
    if programs is None:
        if os.environ.get("REQUIRE_POSTGRESQL"):
            pytest.fail("PostgreSQL: expected initdb and postgres, got none; install Debian's package postgresql")
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="landfall-postgresql-"))
    # The server refuses to run as root.
    user = _USER if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run([programs / program, *arguments], user=user, cwd=folder, check=True, capture_output=True)

    data = folder / "data"
    run("initdb", "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=300"
    run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
    try:
        import_stores()
        yield Server(folder)
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Make an empty database at each call, of both kinds in turn; whoever opens one closes it."""
    if request.param == "sqlite":
        numbers = itertools.count()
        yield lambda: f"sqlite:///{tmp_path}/{next(numbers)}.sqlite"
        return
    server: Server = request.getfixturevalue("postgresql")
    leased: list[str] = []

    def lease() -> str:
        leased.append(server.lease())
        return leased[-1]

    yield lease
    server.free += leased
