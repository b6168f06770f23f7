"""A database is brought to this program's tables, or not opened."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from node.storage import migrate
from node.storage.database import Base, Database
from node.storage.errors import SchemaError


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/desk.sqlite")


def test_prepare_makes_every_table_when_the_database_is_new(database: Database) -> None:
    assert migrate.revision(database) is None
    migrate.prepare(database)
    assert migrate.revision(database) == migrate.HEAD
    assert set(Base.metadata.tables) <= set(inspect(database.engine).get_table_names())
    migrate.prepare(database)


def test_prepare_stops_when_a_table_is_missing(database: Database) -> None:
    migrate.prepare(database)
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE chain_cursor"))
    with pytest.raises(SchemaError, match="chain_cursor"):
        migrate.prepare(database)


def test_prepare_stops_when_the_database_is_of_a_newer_program(database: Database) -> None:
    migrate.prepare(database)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="9999"):
        migrate.prepare(database)
