"""Each usage rule refuses its case, and accepts the neighbour."""

from time import process_time
from typing import Final

import pytest

from node.messages.iso20022.report import Finding, Severity
from node.messages.iso20022.rules.identifiers import (
    _has_bic_form,
    _has_iban_digits,
    _has_lei_digits,
    is_bic,
    is_country,
    is_iban,
    is_lei,
    is_uetr,
)
from node.messages.iso20022.rules.table import RULES
from node.messages.iso20022.validation import validate
from tests.unit.messages.iso20022.examples import (
    BANK_TRANSFER,
    CANCELLATION,
    COVER,
    COVERED_TRANSFER,
    CUSTOMER_TRANSFER,
    EXAMPLES,
    INVESTIGATION,
    ORDER,
    ORDER_STATUS,
    REJECTED,
    RETURN,
    STATEMENT,
    STATUS_REQUEST,
    UETR,
    header_for,
)
from tests.unit.messages.iso20022.written import changed, without, written

TRANSFER: Final = written(CUSTOMER_TRANSFER, header_for(CUSTOMER_TRANSFER))
BARE: Final = written(CUSTOMER_TRANSFER)
COVE: Final = written(COVERED_TRANSFER)
DEBTOR_ADDRESS: Final = (
    "<PstlAdr><StrtNm>Am Sandtorkai</StrtNm><BldgNb>30</BldgNb><PstCd>20457</PstCd>"
    "<TwnNm>Hamburg</TwnNm><Ctry>DE</Ctry></PstlAdr>"
)
AGENT_OF_CREDITOR: Final = "<CdtrAgt><FinInstnId>"
CREDITOR_BIC: Final = AGENT_OF_CREDITOR + "<BICFI>"
CREDITOR_AGENT: Final = CREDITOR_BIC + "KCBLKENX"
CLEARING_ALONE: Final = AGENT_OF_CREDITOR + "<ClrSysMmbId><MmbId>01</MmbId></ClrSysMmbId>"
RECIPIENT_BIC: Final = "<To><FIId><FinInstnId><BICFI>"
RECIPIENT: Final = RECIPIENT_BIC + "KCBLKENX"
IBAN: Final = "DE89370400440532013000"
LEI: Final = "7LTWFZYICNSX8D621K86"
AGENT: Final = "<FinInstnId><BICFI>{}</BICFI></FinInstnId>"


def one_transaction(text: str) -> str:
    start, end = text.index("<CdtTrfTxInf>"), text.index("</CdtTrfTxInf>") + len("</CdtTrfTxInf>")
    return text[start:end]


TWICE: Final = changed(
    TRANSFER, ("</CdtTrfTxInf>", "</CdtTrfTxInf>" + one_transaction(TRANSFER)), ("<NbOfTxs>1", "<NbOfTxs>2")
)

# rule, message that breaks it, end of the path, repair
REJECTS: Final[list[tuple[str, bytes, str, str | None]]] = [
    (
        "address.unstructured",
        changed(
            TRANSFER,
            (DEBTOR_ADDRESS, "<PstlAdr><AdrLine>Am Sandtorkai 30</AdrLine><AdrLine>Hamburg</AdrLine></PstlAdr>"),
        ),
        "/Dbtr/PstlAdr",
        "<PstlAdr><TwnNm>(the town)</TwnNm><Ctry>(its country)</Ctry><AdrLine>Am Sandtorkai 30</AdrLine>"
        "<AdrLine>Hamburg</AdrLine></PstlAdr>; then take the town out of the lines",
    ),
    (
        "address.unstructured",
        changed(
            TRANSFER,
            (
                DEBTOR_ADDRESS,
                "<PstlAdr><Ctry>DE</Ctry>" + "".join(f"<AdrLine>{n} &amp; Co</AdrLine>" for n in "abc") + "</PstlAdr>",
            ),
        ),
        "/Dbtr/PstlAdr",
        "<PstlAdr><TwnNm>(the town)</TwnNm><Ctry>DE</Ctry><AdrLine>a &amp; Co</AdrLine>"
        "<AdrLine>b &amp; Co, c &amp; Co</AdrLine></PstlAdr>; then take the town out of the lines",
    ),
    (
        "address.unstructured",
        changed(TRANSFER, (DEBTOR_ADDRESS, "<PstlAdr>" + f"<AdrLine>{'x' * 70}</AdrLine>" * 3 + "</PstlAdr>")),
        "/Dbtr/PstlAdr",
        None,
    ),
    ("address.town", changed(TRANSFER, ("<TwnNm>Hamburg</TwnNm>", "")), "/Dbtr/PstlAdr", None),
    ("address.country", changed(TRANSFER, ("<Ctry>DE</Ctry>", "")), "/Dbtr/PstlAdr", None),
    ("address.country", changed(written(COVER), ("<Ctry>US</Ctry>", "")), "/IntrmyAgt1/FinInstnId/PstlAdr", None),
    (
        "address.lines",
        changed(TRANSFER, ("<AdrLine>P.O. Box", "<AdrLine>Gate 3</AdrLine><AdrLine>P.O. Box")),
        "/Cdtr/PstlAdr",
        "<PstlAdr><TwnNm>Naivasha</TwnNm><Ctry>KE</Ctry><AdrLine>Moi South Lake Road</AdrLine>"
        "<AdrLine>Gate 3, P.O. Box 1402</AdrLine></PstlAdr>",
    ),
    ("address.placeholder", changed(TRANSFER, ("<TwnNm>Hamburg", "<TwnNm>NotProvided")), "/PstlAdr/TwnNm", None),
    ("address.repeated", changed(TRANSFER, ("<AdrLine>P.O. Box 1402", "<AdrLine>NAIVASHA")), "/AdrLine[2]", None),
    ("uetr.present", changed(TRANSFER, (f"<UETR>{UETR}</UETR>", "")), "/CdtTrfTxInf", None),
    ("uetr.present", without(written(BANK_TRANSFER), "UETR"), "/CdtTrfTxInf", None),
    ("uetr.present", without(written(REJECTED), "OrgnlUETR"), "/TxInfAndSts", None),
    ("uetr.present", without(written(STATUS_REQUEST), "OrgnlUETR"), "/TxInf", None),
    ("uetr.present", without(written(RETURN), "OrgnlUETR"), "/TxInf", None),
    ("uetr.present", without(written(CANCELLATION), "OrgnlUETR"), "/TxInf", None),
    ("uetr.form", changed(TRANSFER, (UETR, UETR.upper())), "/PmtId/UETR", UETR),
    ("uetr.form", changed(TRANSFER, ("-4491-", "-1491-")), "/PmtId/UETR", None),
    ("uetr.form", changed(TRANSFER, ("-a06f-", "-c06f-")), "/PmtId/UETR", None),
    ("uetr.form", changed(TRANSFER, (UETR, UETR.replace("-", ""))), "/PmtId/UETR", None),
    ("identifier.bic", changed(TRANSFER, (CREDITOR_AGENT, CREDITOR_BIC + "kcblkenx")), "/BICFI", "KCBLKENX"),
    ("identifier.bic", changed(TRANSFER, (CREDITOR_AGENT, CREDITOR_BIC + "KCBLQQNX")), "/BICFI", None),
    ("identifier.bic", changed(TRANSFER, (CREDITOR_AGENT, CREDITOR_BIC + "KCBLKENXX")), "/BICFI", None),
    ("identifier.lei", changed(TRANSFER, (LEI, "7LTWFZYICNSX8D621K87")), "/LEI", None),
    ("identifier.lei", changed(TRANSFER, (LEI, "7ltwfzyicnsx8d621k86")), "/LEI", LEI),
    ("identifier.iban", changed(TRANSFER, (IBAN, "DE88370400440532013000")), "/IBAN", None),
    ("identifier.iban", changed(TRANSFER, (IBAN, "DE89 3704 0044 0532 0130 00")), "/IBAN", IBAN),
    ("identifier.iban", changed(TRANSFER, (IBAN, "DE8937040044053201300")), "/IBAN", None),
    ("identifier.country", changed(TRANSFER, ("<Ctry>KE", "<Ctry>ZZ")), "/Ctry", None),
    ("identifier.country", changed(TRANSFER, ("<Ctry>KE", "<Ctry>ke")), "/Ctry", "KE"),
    (
        "agent.identified",
        changed(TRANSFER, (CREDITOR_AGENT + "</BICFI>", AGENT_OF_CREDITOR + "<Nm>KCB</Nm>")),
        "/CdtrAgt/FinInstnId",
        None,
    ),
    ("agent.identified", without(written(COVER), "PstlAdr"), "/IntrmyAgt1/FinInstnId", None),
    (
        "agent.clearing",
        changed(TRANSFER, (CREDITOR_AGENT + "</BICFI>", CLEARING_ALONE)),
        "/CdtrAgt/FinInstnId",
        None,
    ),
    ("agent.instructing", without(BARE, "InstgAgt"), "/CdtTrfTxInf", None),
    ("agent.instructing", without(written(STATUS_REQUEST), "InstdAgt"), "/TxInf", None),
    (
        "agent.instructing",
        changed(BARE, ("</SttlmInf>", f"</SttlmInf><InstgAgt>{AGENT.format('DEUTDEFF')}</InstgAgt>")),
        "/CdtTrfTxInf/InstgAgt",
        None,
    ),
    (
        "agent.place",
        changed(
            without(BARE, "InstgAgt", "InstdAgt").decode(),
            (
                "</SttlmInf>",
                f"</SttlmInf><InstgAgt>{AGENT.format('DEUTDEFF')}</InstgAgt><InstdAgt>{AGENT.format('KCBLKENX')}</InstdAgt>",
            ),
        ),
        "/GrpHdr/InstgAgt",
        None,
    ),
    (
        "agent.chain",
        changed(written(COVER), ("<IntrmyAgt1>", "<IntrmyAgt2>"), ("</IntrmyAgt1>", "</IntrmyAgt2>")),
        "/IntrmyAgt2",
        None,
    ),
    (
        "agent.chain",
        changed(BARE, ("<Dbtr>", "<IntrmyAgt1Acct><Id><Othr><Id>1</Id></Othr></Id></IntrmyAgt1Acct><Dbtr>")),
        "/IntrmyAgt1Acct",
        None,
    ),
    ("party.named", changed(TRANSFER, ("<Nm>Hansa Blumen GmbH</Nm>", "")), "/Dbtr", None),
    ("party.named", changed(written(RETURN), ("<Nm>Hansa Blumen GmbH</Nm>", "")), "/Cdtr", None),
    (
        "party.named",
        changed(TRANSFER, ("<Dbtr>", f"<UltmtDbtr>{DEBTOR_ADDRESS}</UltmtDbtr><Dbtr>")),
        "/UltmtDbtr",
        None,
    ),
    (
        "header.definition",
        changed(TRANSFER, ("<MsgDefIdr>pacs.008", "<MsgDefIdr>pacs.009")),
        "/MsgDefIdr",
        "pacs.008.001.08",
    ),
    (
        "header.agents",
        changed(TRANSFER, (RECIPIENT, RECIPIENT_BIC + "CITIUS33")),
        "/To/FIId/FinInstnId",
        None,
    ),
    (
        "header.agents",
        changed(
            written(CANCELLATION, header_for(CANCELLATION)),
            ("<Fr><FIId><FinInstnId><BICFI>DEUTDEFF", "<Fr><FIId><FinInstnId><BICFI>CITIUS33"),
        ),
        "/Fr/FIId/FinInstnId",
        None,
    ),
    (
        "header.agents",
        changed(
            written(INVESTIGATION, header_for(INVESTIGATION)),
            ("<To><FIId><FinInstnId><BICFI>KCBLKENX", "<To><FIId><FinInstnId><BICFI>CITIUS33"),
        ),
        "/To/FIId/FinInstnId",
        None,
    ),
    ("header.id", changed(TRANSFER, ("<BizMsgIdr>LF", "<BizMsgIdr>XX")), "/BizMsgIdr", None),
    ("header.version", changed(TRANSFER, ("head.001.001.02", "head.001.001.04")), "/AppHdr", None),
    ("amount.currency", changed(TRANSFER, ('Ccy="KES"', 'Ccy="XAU"')), "/IntrBkSttlmAmt", None),
    ("amount.digits", changed(TRANSFER, ("2250000.00", "2250000.001")), "/IntrBkSttlmAmt", None),
    ("amount.digits", changed(TRANSFER, ("2250000.00", "2250000.000")), "/IntrBkSttlmAmt", "2250000.00"),
    (
        "amount.digits",
        changed(TRANSFER, ('Ccy="KES">2250000.00', 'Ccy="JPY">2250000.00')),
        "/IntrBkSttlmAmt",
        "2250000",
    ),
    ("amount.digits", changed(TRANSFER, ('Ccy="KES">2250000.00', 'Ccy="KWD">2250000.0001')), "/IntrBkSttlmAmt", None),
    ("amount.zero", changed(TRANSFER, ("2250000.00", "0.00")), "/IntrBkSttlmAmt", None),
    ("amount.rate", without(TRANSFER, "XchgRate"), "/CdtTrfTxInf", None),
    ("amount.rate", changed(TRANSFER, ('Ccy="EUR"', 'Ccy="KES"')), "/XchgRate", None),
    (
        "amount.instructed",
        changed(
            COVE,
            (
                "<InstgAgt>",
                f'<ChrgsInf><Amt Ccy="EUR">5.00</Amt><Agt>{AGENT.format("DEUTDEFF")}</Agt></ChrgsInf><InstgAgt>',
            ),
        ),
        "/CdtTrfTxInf",
        None,
    ),
    ("settlement.method", changed(TRANSFER, ("<SttlmMtd>INGA", "<SttlmMtd>CLRG")), "/SttlmMtd", None),
    ("settlement.method", changed(written(BANK_TRANSFER), ("<SttlmMtd>INDA", "<SttlmMtd>COVE")), "/SttlmMtd", None),
    ("settlement.fields", changed(COVE, ("<SttlmMtd>COVE", "<SttlmMtd>INDA")), "/InstgRmbrsmntAgt", None),
    ("settlement.fields", without(COVE, "InstgRmbrsmntAgt", "InstdRmbrsmntAgt"), "/SttlmInf", None),
    (
        "settlement.fields",
        changed(COVE, ("InstdRmbrsmntAgt", "ThrdRmbrsmntAgt"), ("/InstdRmbrsmntAgt", "/ThrdRmbrsmntAgt")),
        "/SttlmInf",
        None,
    ),
    (
        "settlement.fields",
        changed(COVE, ("COVE</SttlmMtd>", "COVE</SttlmMtd><SttlmAcct><Id><Othr><Id>1</Id></Othr></Id></SttlmAcct>")),
        "/SttlmAcct",
        None,
    ),
    ("settlement.date", without(TRANSFER, "IntrBkSttlmDt"), "/CdtTrfTxInf", None),
    (
        "settlement.date",
        changed(TRANSFER, ("<SttlmInf>", "<IntrBkSttlmDt>2026-11-27</IntrBkSttlmDt><SttlmInf>")),
        "/CdtTrfTxInf",
        None,
    ),
    ("charges.bearer", changed(TRANSFER, ("<ChrgBr>SHAR", "<ChrgBr>SLEV")), "/ChrgBr", None),
    ("charges.bearer", changed(written(RETURN), ("<ChrgBr>SHAR", "<ChrgBr>SLEV")), "/ChrgBr", None),
    ("charges.creditor", changed(TRANSFER, ("<ChrgBr>SHAR", "<ChrgBr>CRED")), "/CdtTrfTxInf", None),
    ("transactions.count", changed(TRANSFER, ("<NbOfTxs>1", "<NbOfTxs>2")), "/NbOfTxs", None),
    ("transactions.count", changed(written(ORDER), ("<NbOfTxs>2", "<NbOfTxs>3")), "/NbOfTxs", None),
    ("transactions.single", TWICE, "/CdtTrfTxInf[2]", None),
    ("reason.present", without(written(REJECTED), "StsRsnInf"), "/TxInfAndSts", None),
    ("reason.present", without(written(ORDER_STATUS), "StsRsnInf"), "/TxInfAndSts[2]", None),
    ("reason.present", without(written(RETURN), "RtrRsnInf"), "/TxInf", None),
    ("reason.present", without(written(CANCELLATION), "CxlRsnInf"), "/TxInf", None),
    ("status.present", without(written(REJECTED), "TxSts"), "/TxInfAndSts", None),
    ("reference.duplicate", TWICE, "/CdtTrfTxInf[2]/PmtId/InstrId", None),
    (
        "reference.duplicate",
        changed(written(STATEMENT), ("<NtryRef>N0002", "<NtryRef>N0001")),
        "/Ntry[2]/NtryRef",
        None,
    ),
    ("time.offset", changed(BARE, ("09:00:00+00:00", "09:00:00")), "/CreDtTm", None),
    ("time.zulu", changed(BARE, ("09:00:00+00:00", "09:00:00Z")), "/CreDtTm", "2026-11-27T09:00:00+00:00"),
    (
        "version.in-force",
        changed(TRANSFER, ("pacs.008.001.08", "pacs.008.001.07"), ("xsd:pacs.008.001.08", "xsd:pacs.008.001.07")),
        "/Document",
        None,
    ),
    ("text.charset", changed(TRANSFER, ("Hansa Blumen", "Hänsel &amp; Größe")), "/Dbtr/Nm", "Hansel & Grosse GmbH"),
    ("text.charset", changed(TRANSFER, ("Hansa Blumen", "花屋")), "/Dbtr/Nm", None),
    ("text.charset", changed(TRANSFER, ("<EndToEndId>ROSES-2026", "<EndToEndId>ROSES_2026")), "/EndToEndId", None),
    ("text.charset", changed(TRANSFER, ("<EndToEndId>ROSES-2026", "<EndToEndId>\nROSES-2026")), "/EndToEndId", None),
    ("text.charset", changed(TRANSFER, ("<EndToEndId>ROSES", "<EndToEndId>RÖSES")), "/EndToEndId", None),
    ("text.charset", changed(TRANSFER, ("<BizMsgIdr>LF", "<BizMsgIdr>LF#")), "/BizMsgIdr", None),
    ("text.charset", changed(TRANSFER, ("40 boxes", "40\u202eboxes")), "/AddtlRmtInf", None),
    ("reference.slashes", changed(TRANSFER, ("<InstrId>LF0001", "<InstrId>LF//1")), "/InstrId", None),
    ("reference.slashes", changed(TRANSFER, ("<InstrId>LF0001", "<InstrId>/LF1")), "/InstrId", None),
    ("reference.slashes", changed(TRANSFER, ("<InstrId>LF0001", "<InstrId>LF1/")), "/InstrId", None),
    ("reference.length", changed(TRANSFER, ("<InstrId>LF0001", "<InstrId>LF000000000000001")), "/InstrId", None),
    ("reference.instruction", changed(TRANSFER, ("<InstrId>LF0001</InstrId>", "")), "/PmtId", None),
    ("xml.comment", changed(TRANSFER, ("<Dbtr>", "<!-- note --><Dbtr>")), "/Document", None),
]

# Neighbours that stay without a finding.
ACCEPTS: Final[list[bytes]] = [
    changed(TRANSFER, (DEBTOR_ADDRESS, "<PstlAdr><TwnNm>Hamburg</TwnNm><Ctry>DE</Ctry></PstlAdr>")),
    changed(TRANSFER, (DEBTOR_ADDRESS, "")),
    changed(TRANSFER, ("<Ctry>KE</Ctry>", "<Ctry>NA</Ctry>")),
    changed(TRANSFER, (CREDITOR_AGENT, CREDITOR_BIC + "KCBLKENXXXX")),
    changed(TRANSFER, (CREDITOR_AGENT + "</BICFI>", AGENT_OF_CREDITOR + "<LEI>7LTWFZYICNSX8D621K86</LEI>")),
    changed(TRANSFER, (CREDITOR_AGENT, CREDITOR_BIC + "K1BLKENX")),
    without(written(COVER), "ClrSysMmbId"),
    changed(TRANSFER, (RECIPIENT, RECIPIENT_BIC + "KCBLKENXXXX")),
    changed(TRANSFER, (RECIPIENT, RECIPIENT_BIC + "CITIUS33"), ("</CreDt>", "</CreDt><CpyDplct>COPY</CpyDplct>")),
    changed(
        TRANSFER,
        ("<Dbtr>", f"<UltmtDbtr><Id><OrgId><LEI>{LEI}</LEI></OrgId></Id></UltmtDbtr><Dbtr>"),
    ),
    changed(
        written(RETURN),
        ("</TxInf>", "<OrgnlTxRef><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></OrgnlTxRef></TxInf>"),
    ),
    changed(
        written(STATEMENT),
        (
            "<Ccy>KES</Ccy>",
            "<Ccy>KES</Ccy><Ownr><Nm>Roses</Nm><PstlAdr><AdrLine>P.O. Box 1402</AdrLine></PstlAdr></Ownr>",
        ),
    ),
]


def findings(data: bytes, rule: str) -> list[Finding]:
    return [finding for finding in validate(data).findings if finding.rule == rule]


@pytest.mark.parametrize(("rule", "data", "end", "repair"), REJECTS)
def test_rule_names_place_and_repair_when_broken(rule: str, data: bytes, end: str, repair: str | None) -> None:
    first = findings(data, rule)[0]
    assert first.xpath.endswith(end)
    assert first.repair == repair
    assert first.text.startswith("expected ")


@pytest.mark.parametrize("data", ACCEPTS)
def test_rules_find_nothing_when_the_neighbour_is_right(data: bytes) -> None:
    report = validate(data)
    assert report.findings == ()
    assert report.is_valid


@pytest.mark.parametrize(
    ("before", "rule"),
    [
        ("<NbOfTxs>", "transactions.count"),
        ("<BICFI>", "identifier.bic"),
        ("<LEI>", "identifier.lei"),
        ("<IBAN>", "identifier.iban"),
        ("<Ctry>", "identifier.country"),
        ("<UETR>", "uetr.form"),
        ("<Nm>", "schema"),
        ('<IntrBkSttlmAmt Ccy="KES">', "schema"),
        ("15000.", "amount.digits"),
        ("<AdrLine>", "schema"),
        ("<SttlmMtd>", "settlement.method"),
    ],
)
def test_rules_answer_when_a_value_is_almost_as_long_as_a_message_may_be(before: str, rule: str) -> None:
    report = validate(changed(BARE, (before, before + "1" * 900_000)))
    assert rule in {finding.rule for finding in report.errors}
    assert max(len(finding.text) + len(finding.value) for finding in report.findings) < 1_000


def test_charset_answers_at_once_when_a_letter_has_a_hundred_thousand_marks() -> None:
    started_s = process_time()
    validate(changed(BARE, ("<Nm>", "<Nm>a" + "\u0301\u0323" * 100_000)))
    assert process_time() - started_s < 3


def test_checks_keep_nothing_in_memory_when_a_value_is_too_long_for_its_kind() -> None:
    kept = [form.cache_info().currsize for form in (_has_bic_form, _has_lei_digits, _has_iban_digits)]
    assert not any(is_right("1" * 900_000) for is_right in (is_bic, is_lei, is_iban, is_country, is_uetr))
    assert [form.cache_info().currsize for form in (_has_bic_form, _has_lei_digits, _has_iban_digits)] == kept


@pytest.mark.parametrize("name", EXAMPLES)
def test_rules_find_nothing_when_the_message_is_an_example(name: str) -> None:
    message = EXAMPLES[name]
    for header in (None, header_for(message)):
        report = validate(written(message, header).encode())
        assert (report.findings, report.is_valid) == ((), True)


def test_every_rule_has_a_reject_when_the_table_is_read() -> None:
    assert {rule.id for rule in RULES} == {rule for rule, *_ in REJECTS}
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(("rule", "data", "end", "repair"), REJECTS)
def test_verdict_follows_severity_when_a_rule_is_broken(rule: str, data: bytes, end: str, repair: str | None) -> None:
    severity = next(one.severity for one in RULES if one.id == rule)
    report = validate(data)
    assert all(one.severity is severity for one in report.findings if one.rule == rule)
    if severity is Severity.ERROR:
        assert not report.is_valid


@pytest.mark.parametrize(("rule", "data", "end", "repair"), [row for row in REJECTS if row[3] and row[3][0] != "<"])
def test_repaired_value_is_accepted_when_put_in(rule: str, data: bytes, end: str, repair: str) -> None:
    value = findings(data, rule)[0].value.split(" ")[0] if rule == "amount.digits" else findings(data, rule)[0].value
    repaired = data.decode().replace(f">{value.replace('&', '&amp;')}<", f">{repair.replace('&', '&amp;')}<")
    assert repaired.encode() != data
    assert findings(repaired.encode(), rule) == []
