"""Writes the next migration from the declared tables: `python -m node.storage.revise "what changed"`."""

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import structlog

import node
from node.storage import migrate
from node.storage.database import Base, Database


def import_stores() -> None:
    """Import every module of `node` that declares tables, by the convention of its name."""
    for module in walk_packages(node.__path__, "node."):
        if module.name.rpartition(".")[2] in ("store", "orders", "outbox", "cursor", "days"):
            import_module(module.name)


def write_revision(message: str, revision: str) -> str:
    """Write a revision that leads from the newest migration to the declared tables; return its path.

    Raises:
        alembic.util.CommandError: the migrations do not form one line.
    """
    from alembic import command

    import_stores()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'empty.sqlite'}")
        migrate.upgrade(database)
        with database.engine.begin() as connection:
            config = migrate.alembic_config()
            config.attributes["connection"] = connection
            script: Any = command.revision(config, message=message, rev_id=revision, autogenerate=True)
        database.close()
    return str(script.path)


def main() -> int:
    """Write the next revision."""
    if len(sys.argv) != 2:
        structlog.get_logger(__name__).error("usage", expected='python -m node.storage.revise "what changed"')
        return 2
    following = f"{len(list((Path(migrate.__file__).parent / 'migrations' / 'versions').glob('0*.py'))) + 1:04}"
    path = write_revision(sys.argv[1], following)
    structlog.get_logger(__name__).info("revision_written", path=path, head=following, tables=len(Base.metadata.tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
