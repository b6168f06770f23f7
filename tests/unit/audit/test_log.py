"""Entries are chained, exported and proved; whatever is changed afterwards is found."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text

from node.audit import limits
from node.audit.errors import AuditFileError, BrokenLogError, TamperedError
from node.audit.export import export_lines, verify_lines
from node.audit.heads import Heads
from node.audit.log import Entry, Origin, append
from node.audit.store import EntryRow, HeadRow
from node.storage.database import Database
from node.storage.migrate import prepare
from pqc import base64url, signatures

DAY_S = 86_400
START_S = 1_800_000_000


class Key:
    """A message key in memory."""

    def __init__(self) -> None:
        self.pair = signatures.generate(signatures.MESSAGE_ALGORITHM)
        self.algorithm, self.public_key = self.pair.alg, self.pair.public_key
        self.id = base64url.encode(signatures.thumbprint(self.algorithm, self.public_key)).decode()

    def sign(self, message: bytes, context: bytes) -> bytes:
        return signatures.sign(self.pair, message, context)


KEY, OTHER_KEY = Key(), Key()


def entry(number: int) -> Entry:
    return Entry(
        actor=f"bank-nl/p-{number}",
        action="payments:write",
        subject="POST /v1/transfers",
        origin=Origin("203.0.113.7", "curl", f"r-{number}"),
        time_s=START_S + number,
        changes=[{"table": "ledger_order", "key": [number], "before": None, "after": {"amount": "12"}}],
    )


def open_log(entries: int = 5, heads_after: tuple[int, ...] = (3, 5)) -> Database:
    database = Database("sqlite://")
    prepare(database)
    with database.transaction() as session:
        for number in range(1, entries + 1):
            append(session, entry(number))
            if number in heads_after:
                assert Heads("529900LANDFALL", KEY).sign(session, START_S + number * DAY_S) is not None
    return database


def lines_of(database: Database, first: int = 1) -> list[bytes]:
    with database.read() as session:
        return [line.encode() for line in export_lines(session, "bank-nl", first)]


def test_file_proves_the_log_when_nothing_was_touched() -> None:
    verdict = verify_lines(lines_of(open_log()))
    assert (verdict.first, verdict.last, verdict.heads, verdict.signed_until) == (1, 5, 2, 5)
    assert verdict.keys == {KEY.id}
    assert verify_lines(lines_of(open_log()), KEY.id).heads == 2


def test_file_proves_a_part_when_it_starts_later() -> None:
    verdict = verify_lines(lines_of(open_log(), first=4))
    assert (verdict.first, verdict.last, verdict.heads) == (4, 5, 1)


def test_log_says_who_when_from_where_and_what() -> None:
    content = json.loads(json.loads(lines_of(open_log())[1])["content"])
    assert content["actor"] == "bank-nl/p-1"
    assert content["time_s"] == START_S + 1
    assert content["origin"] == {"address": "203.0.113.7", "agent": "curl", "request_id": "r-1"}
    assert content["changes"][0]["after"] == {"amount": "12"}


def _content(change: Callable[[dict[str, object]], None]) -> Callable[[list[bytes], int], None]:
    def touch(lines: list[bytes], place: int) -> None:
        line = json.loads(lines[place])
        content = json.loads(line["content"])
        change(content)
        line["content"] = json.dumps(content)
        lines[place] = json.dumps(line).encode()

    return touch


@pytest.mark.parametrize(
    "touch",
    [
        _content(lambda content: content.update(actor="bank-nl/p-evil")),
        _content(lambda content: content.update(time_s=1)),
        _content(lambda content: content.update(changes=[])),
        lambda lines, place: lines.pop(place),
        lambda lines, place: lines.insert(place, lines[place]),
        lambda lines, place: lines.__setitem__(slice(place, place + 2), [lines[place + 1], lines[place]]),
    ],
)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_file_is_refused_when_an_entry_is_touched(touch: Callable[[list[bytes], int], None], place: int) -> None:
    lines = lines_of(open_log())
    touch(lines, place)
    with pytest.raises(TamperedError):
        verify_lines(lines)


def test_every_byte_counts_when_a_row_of_the_database_is_changed() -> None:
    lines = lines_of(open_log(entries=2, heads_after=(2,)))
    place = 1
    for offset in range(0, len(lines[place]), 7):
        changed = bytearray(lines[place])
        changed[offset] ^= 1
        with pytest.raises((TamperedError, AuditFileError)):
            verify_lines([lines[0], bytes(changed), *lines[2:]])


def test_file_is_refused_when_a_chain_is_written_anew_and_signed_by_somebody_else() -> None:
    database = open_log(heads_after=(3,))
    with database.transaction() as session:
        session.execute(text("DELETE FROM audit_head"))
        assert Heads("529900LANDFALL", OTHER_KEY).sign(session, START_S) is not None
    lines = lines_of(database)
    assert verify_lines(lines).keys == {OTHER_KEY.id}
    with pytest.raises(TamperedError, match=OTHER_KEY.id):
        verify_lines(lines, KEY.id)


@pytest.mark.parametrize("field", ["head", "signature", "key"])
def test_file_is_refused_when_a_head_is_touched(field: str) -> None:
    lines = lines_of(open_log())
    place = next(at for at, line in enumerate(lines) if b'"head"' in line)
    head = json.loads(lines[place])
    head[field] = {
        "head": head["head"].replace("529900", "529901"),
        "signature": head["signature"][:-4] + "AAAA",
        "key": signatures.jwk(OTHER_KEY.algorithm, OTHER_KEY.public_key),
    }[field]
    with pytest.raises(TamperedError):
        verify_lines([*lines[:place], json.dumps(head).encode(), *lines[place + 1 :]])


def test_head_is_refused_when_it_stands_after_another_entry() -> None:
    lines = lines_of(open_log())
    place = next(at for at, line in enumerate(lines) if b'"head"' in line)
    lines.insert(place - 1, lines.pop(place))
    with pytest.raises(TamperedError):
        verify_lines(lines)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b'{"type":"landfall/audit/1","first":0,"before":""}', b"[" * 99_999]
)
def test_file_is_refused_when_it_is_no_export(line: bytes) -> None:
    with pytest.raises(AuditFileError):
        verify_lines([line])


def test_line_is_refused_when_it_is_too_long() -> None:
    lines = lines_of(open_log())
    with pytest.raises(AuditFileError, match="at most"):
        verify_lines([lines[0], b'"' + b"x" * limits.LINE_BYTES_MAX + b'"'])


def test_log_takes_no_more_when_its_last_entry_was_rewritten() -> None:
    database = open_log()
    with database.transaction() as session:
        session.execute(text("UPDATE audit_entry SET content = '{}' WHERE number = 5"))
    with pytest.raises(BrokenLogError), database.transaction() as session:
        append(session, entry(6))


def test_rows_are_never_changed_when_the_session_is_asked_to() -> None:
    database = open_log()
    for row in (EntryRow, HeadRow):
        with pytest.raises(BrokenLogError), database.transaction() as session:
            session.query(row).first().content = "{}"  # type: ignore[union-attr]
        with pytest.raises(BrokenLogError), database.transaction() as session:
            session.delete(session.query(row).first())


def test_head_is_signed_once_a_day_and_only_when_there_is_something_new() -> None:
    database = open_log(entries=1, heads_after=())
    heads = Heads("529900LANDFALL", KEY)
    with database.transaction() as session:
        assert heads.sign(session, START_S) is not None
        append(session, entry(2))
        assert heads.sign(session, START_S + 1) is None
        following = heads.sign(session, START_S + DAY_S)
        assert following is not None
        assert following.number == 2
        assert heads.sign(session, START_S + 2 * DAY_S) is None


def test_entry_is_gone_when_its_transaction_is_rolled_back() -> None:
    database = open_log(entries=1, heads_after=())

    def write_and_fail() -> None:
        with database.transaction() as session:
            append(session, entry(2))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_and_fail()
    assert verify_lines(lines_of(database)).last == 1
