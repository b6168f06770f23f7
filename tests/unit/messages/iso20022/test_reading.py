"""Bytes into parts: what is refused before anything is built."""

from collections.abc import Callable

import pytest

from node.messages.iso20022.errors import OversizedMessageError, UnreadableMessageError
from node.messages.iso20022.limits import ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, MESSAGE_BYTES_MAX
from node.messages.iso20022.paths import local_name
from node.messages.iso20022.reading import read

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"
HEAD = '<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"/>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def document(inner: str = "", before: str = "") -> bytes:
    return f'{before}<Document xmlns="{NAMESPACE}">{inner}</Document>'.encode()


def attributes(count: int) -> bytes:
    return document("<A " + " ".join(f'a{n}="1"' for n in range(count)) + "/>")


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (document(), None),
        (b"\xef\xbb\xbf" + document(), None),
        (document(before='<?xml version="1.0" encoding="utf-8"?>'), None),
        (f"<BizMsgEnvlp>{HEAD}".encode() + document() + b"</BizMsgEnvlp>", "head.001.001.02"),
        (b"<RequestPayload>" + document() + b"</RequestPayload>", None),
        (
            f'<x:DataPDU xmlns:x="urn:swift:saa"><Body>{HEAD}'.encode() + document() + b"</Body></x:DataPDU>",
            "head.001.001.02",
        ),
        (f'<d:Document xmlns:d="{NAMESPACE}"><d:A/></d:Document>'.encode(), None),
    ],
)
def test_read_finds_document_and_header_when_bare_or_wrapped(data: bytes, header: str | None) -> None:
    parts = read(data)
    assert parts.document.definition == "pacs.008.001.08"
    assert (None if parts.header is None else parts.header.definition) == header


def test_read_takes_a_header_as_the_document_when_it_is_alone() -> None:
    parts = read(HEAD.encode())
    assert (parts.document.definition, parts.header) == ("head.001.001.02", None)


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("xml.doctype", document(before='<!DOCTYPE Document SYSTEM "file:///etc/passwd">')),
        ("xml.doctype", document("&x;", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
        ("xml.doctype", document("&x;", '<!DOCTYPE d [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>')),
        ("xml.doctype", document("&l9;", f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]>')),
        ("xml.well-formed", document("&undeclared;")),
        ("xml.instruction", document("<?php x?>")),
        ("xml.instruction", document(before='<?xml-stylesheet href="http://127.0.0.1/x.xsl"?>')),
        ("xml.encoding", document("é").decode().encode("latin-1")),
        ("xml.encoding", document().decode().encode("utf-16")),
        ("xml.encoding", document(before='<?xml version="1.0" encoding="ISO-8859-1"?>')),
        ("xml.encoding", document(before='<?xml version="1.0" encoding="UTF-7"?>')),
        ("xml.well-formed", document().decode().encode("utf-16-le")),
        ("xml.well-formed", b""),
        ("xml.well-formed", b"not XML"),
        ("xml.well-formed", b"{1:F01BANKBEBBAXXX0000000000}{2:I103BANKDEFFXXXXN}{4:\n:20:X\n-}"),
        ("xml.well-formed", document("<A></B>")),
        ("xml.well-formed", document("\x00")),
        ("xml.well-formed", document("&#0;")),
        ("xml.well-formed", document('<A a="1" a="2"/>')),
        ("xml.well-formed", document("<p:A/>")),
        ("xml.message", b"<Message/>"),
        ("xml.message", b"<e>" + document() + document() + b"</e>"),
        ("xml.message", f"<e>{HEAD}{HEAD}".encode() + document() + b"</e>"),
        ("xml.namespace", b"<Document/>"),
        ("xml.namespace", document().replace(b"iso:std:iso:20022", b"swift:xsd:camt")),
        ("xml.namespace", document().replace(b"001.08", b"001.08.ch.02")),
        ("xml.namespace", document().replace(b"pacs.008.001.08", b"head.001.001.02")),
        ("xml.namespace", b"<e>" + HEAD.encode().replace(b"head", b"pacs") + document() + b"</e>"),
        ("xml.size", document("x" * 10_000_000)),
        ("xml.size", b" " * (MESSAGE_BYTES_MAX + 1)),
        ("xml.depth", document("<a>" * 5_000 + "</a>" * 5_000)),
        ("xml.elements", document("<a/>" * ELEMENTS_MAX)),
        ("xml.attributes", attributes(ATTRIBUTES_MAX + 1)),
    ],
)
def test_read_refuses_with_its_rule_when_bytes_are_hostile_or_wrong(rule: str, data: bytes) -> None:
    with pytest.raises(UnreadableMessageError) as caught:
        read(data)
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("limit", "make"),
    [
        (DEPTH_MAX - 1, lambda n: document("<a>" * n + "</a>" * n)),
        (ELEMENTS_MAX - 1, lambda n: document("<a/>" * n)),
        (ATTRIBUTES_MAX, attributes),
        (MESSAGE_BYTES_MAX - len(document()), lambda n: document("x" * n)),
    ],
)
def test_read_accepts_up_to_its_limits_when_one_more_is_refused(limit: int, make: Callable[[int], bytes]) -> None:
    assert local_name(read(make(limit)).document.element) == "Document"
    with pytest.raises(OversizedMessageError):
        read(make(limit + 1))


def test_read_keeps_a_value_whole_when_a_comment_stands_in_it() -> None:
    parts = read(document("<Nm>Alice<!-- --> Smith</Nm><!-- two -->"))
    assert parts.document.element[0].text == "Alice Smith"
    assert parts.comments == 2


def test_read_does_not_look_inside_a_document_when_it_carries_another_one() -> None:
    parts = read(document(f'<SplmtryData><Envlp><Document xmlns="{NAMESPACE}"/></Envlp></SplmtryData>'))
    assert len(parts.document.element) == 1


def test_read_hints_at_the_older_format_when_it_gets_an_mt() -> None:
    with pytest.raises(UnreadableMessageError, match="older MT format"):
        read(b"{1:F01BANKBEBBAXXX0000000000}{4:\n:20:X\n-}")
