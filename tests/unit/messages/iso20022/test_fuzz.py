"""Whatever the bytes are, validation answers with a report, within limits."""

from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.messages.iso20022.codec import parse
from node.messages.iso20022.errors import (
    InvalidMessageError,
    UnknownDefinitionError,
    UnreadableMessageError,
    UnsupportedContentError,
)
from node.messages.iso20022.limits import FINDINGS_MAX
from node.messages.iso20022.reading import read
from node.messages.iso20022.report import Report
from node.messages.iso20022.summary import summarize
from node.messages.iso20022.validation import validate
from tests.unit.messages.iso20022.examples import EXAMPLES, header_for
from tests.unit.messages.iso20022.written import written

TEXTS: Final = [written(message, header_for(message)) for message in EXAMPLES.values()]
TAGS: Final = sorted(
    {part.split(">")[0].split(" ")[0] for text in TEXTS for part in text.split("<") if part[:1].isalpha()}
)


def survive(data: bytes) -> Report:
    """Judge, read and show; anything but the room's own rejections is a failure."""
    report = validate(data)
    assert len(report.findings) <= 2 * FINDINGS_MAX + FINDINGS_MAX
    try:
        parse(data)
        assert report.is_valid
    except (InvalidMessageError, UnknownDefinitionError, UnreadableMessageError, UnsupportedContentError):
        pass
    try:
        rows = summarize(read(data))
        assert all(text.isprintable() for _, text in rows)
    except UnreadableMessageError:
        assert not report.is_valid
    return report


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
@example(b"\xff\xfe<\x00D\x00")
def test_validate_answers_when_bytes_are_random(data: bytes) -> None:
    assert not survive(data).is_valid


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_validate_answers_when_bytes_of_a_message_are_changed(text: str, data: st.DataObject) -> None:
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    survive(bytes(raw))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_validate_answers_when_elements_are_moved_doubled_or_renamed(text: str, data: st.DataObject) -> None:
    pieces = text.split("<")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(3, len(pieces) - 1))
        match data.draw(st.sampled_from(["drop", "double", "rename", "empty", "value"])):
            case "drop":
                name = pieces[at].split(">")[0]
                pieces = [piece for piece in pieces if piece.split(">")[0].lstrip("/") != name.lstrip("/")]
            case "double":
                pieces.insert(at, pieces[at])
            case "rename":
                name, new = pieces[at].split(">")[0].lstrip("/"), data.draw(st.sampled_from(TAGS))
                pieces = [piece.replace(name, new, 1) for piece in pieces]
            case "empty":
                pieces[at] = pieces[at].split(">")[0] + ">"
            case _:
                pieces[at] = pieces[at].split(">")[0] + ">" + data.draw(st.text("0aé/&;.-\u202e", max_size=50))
        if len(pieces) < 5:
            break
    survive("<".join(pieces).encode())


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.text(st.characters(exclude_characters="<>&", exclude_categories=("Cs", "Cc")), max_size=20),
        lambda inner: st.lists(st.tuples(st.sampled_from(TAGS), inner), max_size=4),
        max_leaves=25,
    ),
    st.sampled_from(["pacs.008.001.08", "camt.053.001.08", "camt.110.001.01", "pain.001.001.09", "pacs.004.001.09"]),
)
def test_validate_answers_when_known_elements_stand_anywhere(tree: object, definition: str) -> None:
    data = f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{definition}">{_xml(tree)}</Document>'.encode()
    assert not survive(data).is_valid


def _xml(tree: object) -> str:
    if isinstance(tree, list):
        return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in tree)
    return str(tree)
