"""What a transaction changes is seen row by row, whatever slice writes it."""

from sqlalchemy import delete, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from node.audit.changes import collect_changes
from node.audit.limits import CHANGES_MAX
from node.audit.store import PERSONAL, SECRET
from node.storage.database import Base, Database
from node.web.store import EventRow


class _Base(DeclarativeBase):
    """Apart from the desk's tables."""


class Pet(_Base):
    """A table for these tests."""

    __tablename__ = "test_pet"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    name: Mapped[str | None] = mapped_column(info=PERSONAL)
    password: Mapped[str | None] = mapped_column(info=SECRET)
    picture: Mapped[bytes | None]


def open_pets() -> Database:
    database = Database("sqlite://")
    _Base.metadata.create_all(database.engine)
    Base.metadata.create_all(database.engine)
    with database.transaction() as session:
        session.add(Pet(kind="cat", name="Tom", password="s3cret"))
    return database


def test_change_shows_before_and_after_when_a_row_is_made_changed_and_deleted() -> None:
    with open_pets().transaction() as session, collect_changes(session) as changes:
        tom = session.get_one(Pet, 1)
        tom.kind = "lion"
        session.flush()
        tom.kind = "tiger"
        session.add(Pet(kind="dog"))
        short = Pet(kind="fly")
        session.add(short)
        session.flush()
        session.delete(short)
        session.flush()
        shown = changes.shown()
    assert shown[0] == {"table": "test_pet", "key": [1], "before": {"kind": "cat"}, "after": {"kind": "tiger"}}
    assert [(one["key"], one["before"]) for one in shown[1:]] == [([2], None)]
    assert shown[1]["after"]["kind"] == "dog"


def test_deleted_row_is_shown_whole_when_it_was_there_before() -> None:
    with open_pets().transaction() as session, collect_changes(session) as changes:
        session.delete(session.get_one(Pet, 1))
        session.flush()
        (shown,) = changes.shown()
    assert (shown["after"], shown["before"]["kind"]) == (None, "cat")


def test_change_keeps_to_itself_what_is_personal_secret_or_long() -> None:
    with open_pets().transaction() as session, collect_changes(session) as changes:
        tom = session.get_one(Pet, 1)
        tom.name, tom.password, tom.picture = "Thomas", "n3w", b"\x01" * 10_000
        session.flush()
        (shown,) = changes.shown()
    assert shown["before"] == {"name": "(personal)", "password": "(secret)", "picture": None}
    assert shown["after"]["picture"]["bytes"] == 10_000
    assert not any(word in str(shown) for word in ("Tom", "Thomas", "s3cret", "n3w"))


def test_statement_is_shown_when_it_changes_rows_unseen() -> None:
    with open_pets().transaction() as session, collect_changes(session) as changes:
        session.execute(update(Pet).where(Pet.id == 1).values(kind="bear"))
        session.execute(delete(Pet).where(Pet.kind == "bear"))
        shown = changes.shown()
    assert [one["statement"].split()[0] for one in shown] == ["UPDATE", "DELETE"]
    assert shown[0]["given"] == {"id_1": 1, "kind": "bear"}


def test_nothing_is_shown_when_nothing_changes_or_only_a_notice_tells_of_it() -> None:
    with open_pets().transaction() as session, collect_changes(session) as changes:
        tom = session.get_one(Pet, 1)
        tom.kind = "cat"
        session.add(EventRow(kind="x", owner=None, body={}, time_s=1))
        session.flush()
        assert changes.shown() == []


def test_rest_is_shown_by_hash_when_there_are_too_many_rows() -> None:
    with open_pets().transaction() as session, collect_changes(session) as changes:
        session.add_all([Pet(kind=str(n)) for n in range(CHANGES_MAX + 3)])
        session.flush()
        shown = changes.shown()
    assert len(shown) == CHANGES_MAX + 1
    assert shown[-1]["more"] == 3
