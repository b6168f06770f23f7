"""Bringing a database to this program's tables.

A new database gets the tables as they are declared and is stamped with the newest revision; only an older one goes
through Alembic, whose import would cost every start half a second. A test proves both ways lead to equal tables.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

from node.storage.database import Base, Database
from node.storage.errors import SchemaError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0020"
"""The newest revision under `migrations/versions`."""
_FOLDER: Final = Path(__file__).parent / "migrations"


def prepare(database: Database) -> None:
    """Create or upgrade the tables of every `store.py` that is imported.

    Raises:
        SchemaError: the database is of a newer program, or lacks tables of its revision.
    """
    found = revision(database)
    if found is None:
        _create(database)
    elif found != HEAD:
        upgrade(database)
    missing = set(Base.metadata.tables) - set(inspect(database.engine).get_table_names())
    if missing:
        raise SchemaError(f"database: expected the table {min(missing)}, got revision {found} without it")


def revision(database: Database) -> str | None:
    """Return the revision the database is stamped with, None for a new one."""
    if "alembic_version" not in inspect(database.engine).get_table_names():
        return None
    with database.read() as session:
        found = session.scalar(text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)


def upgrade(database: Database) -> None:
    """Run the migrations up to HEAD.

    Raises:
        SchemaError: the revision is unknown here, so the database is of a newer program.
    """
    from alembic import command
    from alembic.util import CommandError

    with database.engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaError(f"database: expected a revision up to {HEAD}, got {error}") from error


def alembic_config() -> "Config":
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def _create(database: Database) -> None:
    with database.engine.begin() as connection:
        Base.metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": HEAD})
