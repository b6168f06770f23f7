"""`landfall message ...`, and the specification that describes it."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.app.cli import app
from node.messages.iso20022 import limits
from node.messages.iso20022.catalogue import IN_FORCE
from node.messages.iso20022.errors import UnreadableMessageError
from node.messages.iso20022.limits import MESSAGE_BYTES_MAX
from node.messages.iso20022.rules.table import RULES

ROOT = Path(__file__).parents[3]
SPEC = (ROOT / "docs" / "spec" / "messages.md").read_text("utf-8")
GOOD = str(ROOT / "examples" / "messages" / "customer-transfer.xml")
BAD = str(ROOT / "examples" / "messages" / "old-form.xml")


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["message", *arguments])
    return done.exit_code, done.output


def test_validate_says_valid_when_the_file_is() -> None:
    assert run("validate", GOOD) == (
        0,
        f"valid: {GOOD}, pacs.008.001.08 under head.001.001.02\n  schema       valid\n  usage rules  valid\n",
    )


def test_validate_tells_where_why_and_what_to_write_when_the_file_is_not_valid() -> None:
    code, output = run("validate", BAD)
    assert code == 1
    lines = output.splitlines()
    assert lines[:3] == [
        f"not valid: {BAD}, pacs.008.001.08 under head.001.001.02",
        "  schema       invalid",
        "  usage rules  invalid",
    ]
    at = lines.index("error: uetr.form")
    assert lines[at + 1 : at + 5] == [
        "  where  /BizMsgEnvlp/Document/FIToFICstmrCdtTrf/CdtTrfTxInf/PmtId/UETR",
        "  value  97ED4827-7B6F-4491-A06F-B548D5A7512D",
        "  why    expected a UUID of version 4 in lower case, got '97ED4827-7B6F-4491-A06F-B548D5A7512D'",
        "  write  97ed4827-7b6f-4491-a06f-b548d5a7512d",
    ]


@pytest.mark.parametrize(
    ("file", "code", "rules"), [(GOOD, 0, []), (BAD, 1, ["address.unstructured", "uetr.form", "text.charset"])]
)
def test_validate_writes_one_document_when_asked_for_json(file: str, code: int, rules: list[str]) -> None:
    exit_code, output = run("validate", file, "--json")
    report = json.loads(output)
    assert exit_code == code
    assert [finding["rule"] for finding in report["findings"]] == rules
    assert report["verdict"] == ("invalid" if code else "valid")
    assert {"file", "definition", "header", "schema", "usage", "left_out"} <= set(report)


def test_validate_refuses_a_file_when_it_is_over_the_limit(tmp_path: Path) -> None:
    large = tmp_path / "large.xml"
    large.write_bytes(b"<Document>" + b"x" * 10_000_000)
    code, output = run("validate", str(large), "--json")
    assert code == 1
    assert json.loads(output)["findings"][0]["rule"] == "xml.size"
    assert str(MESSAGE_BYTES_MAX) in output


def test_show_says_who_pays_whom_when_the_file_is_readable() -> None:
    code, output = run("show", GOOD)
    assert code == 0
    assert "payer          Hansa Blumen GmbH, DE89370400440532013000, at DEUTDEFF\n" in output
    assert "not valid" not in output


def test_show_points_to_validate_when_the_file_is_not_valid() -> None:
    code, output = run("show", BAD)
    assert code == 0
    assert output.endswith(f"It is not valid: `landfall message validate {BAD}` says why.\n")


def test_show_says_what_is_wrong_when_the_file_is_no_message(tmp_path: Path) -> None:
    file = tmp_path / "x.xml"
    file.write_bytes(b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>')
    done = CliRunner().invoke(app, ["message", "show", str(file)])
    assert isinstance(done.exception, UnreadableMessageError)
    assert str(done.exception) == "message: expected no DOCTYPE and no entities, got one; remove it"


def test_specification_lists_the_messages_when_compared_with_the_catalogue() -> None:
    rows = re.findall(r"^\| `([a-z]{4}\.[0-9.]+)` \| ([^|]+) \|", SPEC, re.MULTILINE)
    assert {definition: what.strip() for definition, what in rows} == dict(IN_FORCE)


def test_specification_lists_the_rules_when_compared_with_the_table() -> None:
    expected = [
        f"| `{rule.id}` | {rule.severity} | {', '.join(sorted(rule.families)) if rule.families else 'all'} "
        f"| {rule.says} | {rule.source} |"
        for rule in RULES
    ]
    assert re.findall(r"^\| `[a-z]+\.[a-z-]+` \| (?:error|warning) .*$", SPEC, re.MULTILINE) == expected


def test_specification_tells_the_limits_when_compared_with_the_code() -> None:
    for name in ("MESSAGE_BYTES_MAX", "DEPTH_MAX", "ELEMENTS_MAX", "ATTRIBUTES_MAX", "FINDINGS_MAX"):
        assert f"{getattr(limits, name):,}" in SPEC, name


def test_commands_of_the_specification_run_when_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    commands = [shlex.split(line) for line in SPEC.splitlines() if line.startswith("landfall message ")]
    assert len(commands) == 4
    assert [CliRunner().invoke(app, command[1:]).exit_code for command in commands] == [0, 1, 1, 0]
