"""Reports: two verdicts, limits, and what of a message is told."""

from pathlib import Path

import pytest

from node.messages.iso20022.errors import InvalidMessageError
from node.messages.iso20022.limits import FINDINGS_MAX, VALUE_CHARS_MAX
from node.messages.iso20022.reading import read
from node.messages.iso20022.report import Verdict
from node.messages.iso20022.validation import require_valid, validate
from tests.unit.messages.iso20022.examples import CUSTOMER_TRANSFER, STATEMENT, header_for
from tests.unit.messages.iso20022.written import changed, written

TRANSFER = written(CUSTOMER_TRANSFER, header_for(CUSTOMER_TRANSFER))


def test_validate_says_valid_when_a_message_is_right() -> None:
    report = validate(TRANSFER.encode())
    assert report.plain() == {
        "verdict": "valid",
        "definition": "pacs.008.001.08",
        "header": "head.001.001.02",
        "schema": "valid",
        "usage": "valid",
        "findings": [],
        "left_out": 0,
    }


def test_validate_tells_value_once_and_keeps_the_schema_verdict_when_a_rule_says_it_better() -> None:
    report = validate(changed(TRANSFER, ("<UETR>97ed", "<UETR>97ED")))
    assert [one.rule for one in report.findings] == ["uetr.form"]
    assert (report.schema, report.usage) == (Verdict.INVALID, Verdict.INVALID)


def test_validate_keeps_a_schema_finding_when_a_rule_only_warns_of_the_same_value() -> None:
    report = validate(changed(TRANSFER, ("<CreDtTm>2026-11-27T09:00:00+00:00", "<CreDtTm>2026-99-27T09:00:00Z")))
    assert [one.rule for one in report.findings] == ["schema", "time.zulu"]


def test_validate_checks_the_schema_only_when_no_usage_rules_cover_the_message() -> None:
    namespace = "urn:iso:std:iso:20022:tech:xsd:admi.002.001.01"
    inner = "<RltdRef><Ref>X</Ref></RltdRef><Rsn><RjctgPtyRsn>E1</RjctgPtyRsn></Rsn>"
    good = f'<Document xmlns="{namespace}"><admi.002.001.01>{inner}</admi.002.001.01></Document>'
    report = validate(good.encode())
    assert (report.schema, report.usage, report.is_valid) == (Verdict.VALID, Verdict.NOT_CHECKED, True)
    report = validate(good.replace("RjctgPtyRsn>", "Wrong>").encode())
    assert (report.schema, report.usage, report.is_valid) == (Verdict.INVALID, Verdict.NOT_CHECKED, False)


def test_validate_says_what_is_known_when_the_message_is_unknown() -> None:
    report = validate(TRANSFER.replace("pacs.008.001.08", "pacs.008.001.44").encode())
    assert (report.schema, report.usage, report.is_valid) == (Verdict.NOT_CHECKED, Verdict.NOT_CHECKED, False)
    (finding,) = report.findings
    assert finding.rule == "schema.known"
    assert "known versions of it: pacs.008.001.07, pacs.008.001.08, pacs.008.001.13" in finding.text


def test_validate_refuses_a_wrong_header_when_the_document_is_right() -> None:
    report = validate(changed(TRANSFER, ("<CreDt>", "<CreDt>x")))
    assert report.schema is Verdict.INVALID
    assert report.findings[0].xpath == "/BizMsgEnvlp/AppHdr/CreDt"


def test_validate_refuses_duplicated_elements_when_one_is_allowed() -> None:
    report = validate(changed(TRANSFER, ("<ChrgBr>SHAR</ChrgBr>", "<ChrgBr>SHAR</ChrgBr><ChrgBr>DEBT</ChrgBr>")))
    assert report.schema is Verdict.INVALID
    assert report.findings[0].xpath.endswith("/ChrgBr[2]")


def test_validate_does_not_judge_what_supplementary_data_carries_when_it_is_of_another_scheme() -> None:
    data = '<SplmtryData><Envlp><X xmlns="urn:other"><BICFI>nonsense</BICFI><UETR>x</UETR></X></Envlp></SplmtryData>'
    report = validate(changed(TRANSFER, ("</CdtTrfTxInf>", f"{data}</CdtTrfTxInf>")))
    assert report.findings == ()


def test_validate_loads_no_schema_when_the_message_points_to_one(tmp_path: Path) -> None:
    schema = tmp_path / "x.xsd"
    schema.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x">'
        '<xs:element name="E" type="xs:int"/></xs:schema>'
    )
    hint = (
        f'<Document xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x {schema.as_uri()}" '
    )
    data = '<SplmtryData><Envlp><E xmlns="urn:x">no number</E></Envlp></SplmtryData>'
    report = validate(changed(TRANSFER, ("<Document ", hint), ("</CdtTrfTxInf>", f"{data}</CdtTrfTxInf>")))
    assert report.is_valid


def test_validate_limits_findings_and_counts_the_rest_when_there_are_very_many() -> None:
    entry = written(STATEMENT)
    start, end = entry.index("<Ntry>"), entry.index("</Ntry>") + len("</Ntry>")
    bad = entry[start:end].replace("+00:00", "Z").replace("2250000.00", "2250000.0001")
    text = entry[:start] + bad * 150 + entry[end:]
    report = validate(text.encode())
    assert len(report.errors) == FINDINGS_MAX
    assert len(report.warnings) == FINDINGS_MAX
    assert report.left_out > 100
    assert not report.is_valid


def test_validate_finds_the_error_when_warnings_alone_fill_the_report() -> None:
    entry = written(STATEMENT)
    start, end = entry.index("<Ntry>"), entry.index("</Ntry>") + len("</Ntry>")
    warned = "".join(entry[start:end].replace("+00:00", "Z").replace("N0001", f"M{n}") for n in range(150))
    text = entry[:start] + warned + entry[end:]
    assert validate(text.encode()).is_valid
    assert not validate(text.replace("<Ccy>KES", "<Ccy>KES", 1).replace("M149", "M148").encode()).is_valid


def test_validate_shortens_a_value_when_it_is_long() -> None:
    report = validate(changed(TRANSFER, ("<Nm>Hansa", f"<Nm>{'é' * 5_000}")))
    assert all(len(one.value) <= VALUE_CHARS_MAX + 3 and len(one.text) < 600 for one in report.findings)


def test_require_valid_names_the_first_finding_when_it_refuses() -> None:
    require_valid(read(TRANSFER.encode()))
    with pytest.raises(InvalidMessageError, match=r"identifier\.lei at .*/LEI: expected an LEI .* more") as caught:
        require_valid(read(TRANSFER.replace("7LTWFZYICNSX8D621K86", "7LTWFZYICNSX8D621K87").encode()))
    assert caught.value.report.errors
