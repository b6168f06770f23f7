"""Files that people hand in."""

import pytest

from node.web.console.errors import UploadRefusedError
from node.web.console.limits import UPLOAD_BYTES_MAX
from node.web.console.uploads import JSON, TOML, XML, Upload, checked

ALL = (JSON, TOML, XML)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("events.json", b'{"a": 1}'),
        ("EVENTS.JSON", b'\xef\xbb\xbf{"a": 1}'),
        ("invoice.xml", b'<?xml version="1.0"?><Invoice xmlns="urn:x"/>'),
        ("terms.toml", b'schema = "landfall-terms/1"'),
        ("C:\\papers\\invoice.xml", b"<Invoice/>"),
    ],
)
def test_file_is_taken_when_it_is_what_its_name_says(name: str, content: bytes) -> None:
    assert checked(Upload("document", name, content), ALL) == content


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("invoice.pdf", b"%PDF-1.7", "ends with"),
        ("invoice", b"<Invoice/>", "ends with"),
        ("invoice.xml.exe", b"MZ", "ends with"),
        ("picture.xml", b"\x89PNG\r\n\x1a\n", "UTF-8"),
        ("program.json", b"MZ\x00\x01", "control characters"),
        ("page.xml", b"<html><body/></html>", "html"),
        ("page.xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        ("bomb.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "without DTD"),
        ("words.xml", b"just words", "XML document"),
        ("page.json", b"<html></html>", "JSON document"),
        ("list.json", b"[]", "JSON object"),
        ("page.toml", b"<html></html>", "TOML"),
        ("nothing.json", b" \n", "something in it"),
        ("deep.json", b'{"a":' * 40 + b"1" + b"}" * 40, "levels"),
        ("large.toml", b"a" * (UPLOAD_BYTES_MAX + 1), "at most"),
    ],
)
def test_file_is_refused_when_it_is_another_kind_in_disguise(name: str, content: bytes, expected: str) -> None:
    with pytest.raises(UploadRefusedError, match=expected) as refused:
        checked(Upload("document", name, content), ALL)
    assert refused.value.field == "document"


def test_file_is_refused_when_its_field_takes_other_kinds() -> None:
    with pytest.raises(UploadRefusedError, match="ends with"):
        checked(Upload("invoice", "events.json", b"{}"), (XML,))
