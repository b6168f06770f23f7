"""Both ways of making the tables lead to the same database."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from node.storage import migrate
from node.storage.database import Base, Database
from node.storage.revise import import_stores

HINT = 'tables and migrations differ: run `python -m node.storage.revise "what changed"`'


@pytest.fixture(autouse=True)
def stores() -> None:
    import_stores()


def shape(engine: Engine) -> dict[str, object]:
    """Return everything about the tables that SQLite tells."""
    inspector = inspect(engine)
    return {
        name: {
            "columns": [(item["name"], str(item["type"]), item["nullable"]) for item in inspector.get_columns(name)],
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted(item["column_names"] for item in inspector.get_unique_constraints(name)),
            "indexes": sorted((item["column_names"], bool(item["unique"])) for item in inspector.get_indexes(name)),
            "foreign": sorted(
                (item["constrained_columns"], item["referred_table"]) for item in inspector.get_foreign_keys(name)
            ),
        }
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def test_migrations_make_the_declared_tables_when_run_from_nothing(tmp_path: Path) -> None:
    created, migrated = (Database(f"sqlite:///{tmp_path}/{name}") for name in ("created", "migrated"))
    migrate.prepare(created)
    migrate.upgrade(migrated)
    assert migrate.revision(created) == migrate.revision(migrated) == migrate.HEAD
    assert shape(migrated.engine) == shape(created.engine), HINT
    migrate.prepare(migrated)


def test_migrations_leave_nothing_when_taken_back(tmp_path: Path) -> None:
    from alembic import command

    database = Database(f"sqlite:///{tmp_path}/desk.sqlite")
    migrate.upgrade(database)
    with database.engine.begin() as connection:
        config = migrate.alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]


def test_head_is_the_newest_revision_when_the_migrations_are_read() -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(migrate.alembic_config())
    assert script.get_heads() == [migrate.HEAD], HINT


def test_every_table_is_named_after_its_slice_when_listed() -> None:
    slices = {
        "audit",
        "chain",
        "compliance",
        "customer",
        "identity",
        "ledger",
        "message",
        "notice",
        "participant",
        "payment",  # requests
        "quote",
        "trade",
        "web",
        "webhook",
    }
    for table in Base.metadata.tables:
        assert table.partition("_")[0].removesuffix("s") in slices, table
