"""The shipped schemas: the official text, and findings with a path."""

import hashlib
from collections.abc import Iterator
from time import process_time

import pytest
from lxml import etree

from node.messages.iso20022 import schema
from node.messages.iso20022.catalogue import IN_FORCE, manifest, require_known, schemas
from node.messages.iso20022.errors import DamagedSchemaError, UnknownDefinitionError
from node.messages.iso20022.reading import read
from tests.unit.messages.iso20022.examples import CUSTOMER_TRANSFER, header_for
from tests.unit.messages.iso20022.written import written


@pytest.fixture
def fresh() -> Iterator[None]:
    schema.load.cache_clear()
    yield
    schema.load.cache_clear()


def test_manifest_names_every_schema_when_the_folder_is_read() -> None:
    shipped = {path.name.removesuffix(".xsd"): path for path in schemas().iterdir() if path.name.endswith(".xsd")}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in shipped.items()} == manifest()
    assert set(IN_FORCE) <= set(manifest())


def test_load_stops_when_a_schema_is_not_the_official_one(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    schema.load("head.001.001.02")
    schema.load.cache_clear()
    monkeypatch.setitem(manifest(), "head.001.001.02", "00" * 32)
    with pytest.raises(DamagedSchemaError, match=r"head\.001\.001\.02"):
        schema.load("head.001.001.02")


def test_require_known_tells_versions_when_only_the_version_is_unknown() -> None:
    require_known("pacs.008.001.08")
    with pytest.raises(UnknownDefinitionError, match=r"known versions of it: pacs\.008\.001\.07, pacs\.008\.001\.08"):
        require_known("pacs.008.001.99")


def test_require_known_tells_messages_when_the_message_is_unknown() -> None:
    with pytest.raises(UnknownDefinitionError, match=r"known messages: admi\.002, .*tsrv\.013"):
        require_known("seev.031.002.09")


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "p:"])
def test_check_names_path_and_value_when_a_value_is_refused(prefix: str, wrapped: bool) -> None:
    text = written(CUSTOMER_TRANSFER, header_for(CUSTOMER_TRANSFER) if wrapped else None)
    text = text.replace("<ChrgBr>SHAR", "<ChrgBr>WHO").replace("<IntrBkSttlmDt>2026-11-27", "<IntrBkSttlmDt>27.11.2026")
    if prefix:
        start = text.index("<Document")
        head, body = text[:start], text[start:]
        body = (
            body.replace("</", f"</{prefix}").replace("<", f"<{prefix}").replace(f"<{prefix}/{prefix}", f"</{prefix}")
        )
        body = body.replace("xmlns=", "xmlns:p=").replace("</p:BizMsgEnvlp", "</BizMsgEnvlp")
        text = head + body
    part = read(text.encode()).document
    root = "/BizMsgEnvlp" if wrapped else ""
    found = schema.check(part.element, part.definition)
    assert [(one.xpath.removeprefix(root), one.value) for one in found] == [
        ("/Document/FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmDt", "27.11.2026"),
        ("/Document/FIToFICstmrCdtTrf/CdtTrfTxInf/ChrgBr", "WHO"),
    ]
    assert all("urn:iso" not in one.text for one in found)


def test_check_counts_siblings_when_there_are_several() -> None:
    text = written(CUSTOMER_TRANSFER).replace("<AdrLine>P.O. Box 1402", "<AdrLine>" + "x" * 71)
    part = read(text.encode()).document
    (found,) = schema.check(part.element, part.definition)
    assert found.xpath == "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf/Cdtr/PstlAdr/AdrLine[2]"


def test_check_stops_counting_when_there_are_very_many_errors() -> None:
    text = written(CUSTOMER_TRANSFER).replace("<Cdtr>", "<Cdtr>" + "<Wrong/>" * 5_000)
    part = read(text.encode()).document
    assert 1 <= len(schema.check(part.element, part.definition)) <= 100


def test_check_answers_at_once_when_hundreds_of_namespaces_are_in_scope_of_thousands_of_elements() -> None:
    names = [" ".join(f'xmlns:p{level}.{n}="urn:{n}"' for n in range(15)) for level in range(36)]
    opened, closed = "".join(f"<a {one}>" for one in names), "</a>" * len(names)
    root = etree.fromstring(f'<Document xmlns="urn:x">{opened}{"<b/>" * 49_000}{closed}</Document>')
    started_s = process_time()
    assert schema.check(root, "pacs.008.001.08")
    assert process_time() - started_s < 3
