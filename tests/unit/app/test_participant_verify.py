"""`landfall participant verify`, which needs no node."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.app.cli.participant import app
from node.participants.limits import PAPER_BYTES_MAX
from tests.unit.participants.network import document, key, notice, revocation

OLD, NEW = key("bank-ke"), key("next")


def write(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def verify(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["verify", *arguments])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def known(tmp_path: Path) -> str:
    return write(tmp_path, "document.json", document(OLD).data)


def test_verify_says_yes_when_a_document_is_whole(known: str) -> None:
    said = verify(known)
    assert said.startswith("yes: ")
    assert OLD.kid in said
    answer = json.loads(verify(known, "--anchor", OLD.kid, "--json"))
    assert (answer["verdict"], answer["paper"]["name"]) == ("yes", "Rift Bank")


def test_verify_says_no_when_a_document_was_changed_or_is_not_the_anchored_one(known: str, tmp_path: Path) -> None:
    changed = write(tmp_path, "changed.json", document(OLD).data.replace(b"Rift", b"Gift"))
    assert verify(changed, code=1).startswith("no: ")
    answer = json.loads(verify(known, "--anchor", NEW.kid, "--json", code=1))
    assert (answer["verdict"], "message key" in answer["reason"]) == ("no", True)


def test_verify_says_no_when_a_file_is_too_large(tmp_path: Path) -> None:
    said = verify(write(tmp_path, "large.json", b" " * (PAPER_BYTES_MAX + 9)), code=1)
    assert f"at most {PAPER_BYTES_MAX} bytes" in said


def test_verify_says_yes_when_a_notice_is_signed_by_the_documents_key(known: str, tmp_path: Path) -> None:
    for name, paper in (("notice", notice(OLD, NEW)), ("revocation", revocation(OLD))):
        assert verify(write(tmp_path, name, paper.data), "--document", known).startswith("yes: ")


def test_verify_says_no_when_a_notice_is_signed_by_another_key_or_cannot_be_checked(known: str, tmp_path: Path) -> None:
    forged = write(tmp_path, "forged.json", notice(OLD, NEW, signer=key("thief")).data)
    assert verify(forged, "--document", known, code=1).startswith("no: ")
    whole = write(tmp_path, "whole.json", notice(OLD, NEW).data)
    assert "--document: expected the document of" in verify(whole, code=1)
    assert "--document: expected the document of" in verify(whole, "--document", whole, code=1)
