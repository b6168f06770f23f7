"""A trade step by step through `landfall trade`, with what a person gets wrong on the way."""

import json
from hashlib import sha256
from pathlib import Path

from pypdf import PdfReader

from tests.e2e.conftest import Shell
from tests.pango import HAS_PANGO

ROSES = "examples/roses"
REFERENCE = "NR-2026-0817"


def test_trade_is_settled_and_proven_when_taken_step_by_step(shell: Shell, tmp_path: Path) -> None:
    _agree(shell)
    _fund(shell)
    _attest_and_settle(shell, "loaded", "2026-08-12T06:00:00")
    _attest_and_settle(shell, "delivered", "2026-09-24T12:00:00")

    shown = shell.trade("show", REFERENCE, who="naivasha")
    assert "settled" in shown
    assert "nothing is waited for" in shown
    assert "1,469,850.00 KES" in shell.trade("balances", who="naivasha")
    _check_payment(shell, tmp_path / "xml")
    pack = tmp_path / "pack.json"
    assert "landfall verify" in shell.trade("evidence", REFERENCE, "--out", str(pack), who="bloem")
    assert shell.run("verify", str(pack)).startswith("yes:")
    if HAS_PANGO:
        _check_papers(shell, pack)
    _check_one_flipped_byte(shell, pack)


def _check_papers(shell: Shell, pack: Path) -> None:
    told = {"summary": "1,469,850.00 KES", "cover": sha256(pack.read_bytes()).hexdigest()}
    for kind, figure in told.items():
        paper = pack.with_name(f"{kind}.pdf")
        assert str(paper) in shell.trade(kind, REFERENCE, "--out", str(paper), "--language", "sw", who="bloem")
        assert figure in "".join(page.extract_text() for page in PdfReader(paper).pages)
        assert "language" in shell.trade(kind, REFERENCE, "--out", str(paper), "--language", "fr", who="bloem", code=1)


def _agree(shell: Shell) -> None:
    shell.run("devnet", "--home", str(shell.home), "fund")
    drafted = shell.trade("draft", f"{ROSES}/terms.toml", "--invoice", f"{ROSES}/invoice.xml", who="naivasha")
    assert "Naivasha Roses Ltd" in drafted
    again = shell.trade("draft", f"{ROSES}/terms.toml", "--invoice", f"{ROSES}/invoice.xml", who="naivasha", code=1)
    assert REFERENCE in again
    countered = shell.trade_json("counter", REFERENCE, f"{ROSES}/terms-counter.toml", who="bloem")
    assert countered["version"] == 2
    shell.trade("sign", REFERENCE, who="bloem")
    assert shell.trade_json("sign", REFERENCE, who="naivasha")["state"] == "agreed"


def _fund(shell: Shell) -> None:
    assert "quotes: expected a request" in shell.trade("fund", REFERENCE, who="bloem", code=1)
    quotes = shell.trade_json("quotes", REFERENCE, who="bloem")["quotes"]
    assert [quote["provider"] for quote in quotes] == ["fx-baobab", "fx-amber"]
    assert "0.38 %" in shell.trade("accept", REFERENCE, who="bloem")
    funded = shell.trade_json("fund", REFERENCE, who="bloem")
    assert (funded["state"], funded["importer_paid"]) == ("funded", "10,121.21 EUR")
    assert "funded" in shell.trade("fund", REFERENCE, who="bloem", code=1)


def _attest_and_settle(shell: Shell, kind: str, when: str) -> None:
    shell.advance("--to", when)
    stranger = shell.trade("event", REFERENCE, f"{ROSES}/epcis-{kind}.json", who="fx-amber", code=1)
    assert "attester" in stranger
    shell.trade("event", REFERENCE, f"{ROSES}/epcis-{kind}.json", who="carrier")
    replayed = shell.trade("event", REFERENCE, f"{ROSES}/epcis-{kind}.json", who="carrier", code=1)
    assert "landfall:" in replayed
    shell.trade("statement", REFERENCE, f"{ROSES}/statement-{kind}.json", who="inspector")
    assert f"dispute {kind}" in shell.trade("next", REFERENCE, who="bloem")
    shell.advance("--days", "2")
    states = {one["kind"]: one["state"] for one in shell.trade_json("show", REFERENCE, who="bloem")["milestones"]}
    assert states[kind] == "settled"


def _check_payment(shell: Shell, folder: Path) -> None:
    listed = shell.trade_json("messages", REFERENCE, who="bank-ke")
    between = [one for one in listed if one["direction"] != "issued"]
    assert [one["status"] for one in between] == [None, "ACSP", None, None, "ACSC"]
    assert {one["state"] for one in between} == {"stored", "handled"}
    assert {(one["signed_with"], one["sealed_with"]) for one in between} == {("id-MLDSA65-Ed25519-SHA512", "X-Wing")}
    uetr = shell.trade_json("show", REFERENCE, who="bloem")["uetr"]
    assert {one["uetr"] for one in listed} == {uetr}
    assert f"UETR {uetr}" in shell.trade("messages", REFERENCE, who="naivasha")
    assert "9 files" in shell.trade("messages", REFERENCE, "--xml", str(folder), who="bank-ke")
    assert len(list(folder.iterdir())) == 9
    for file in folder.iterdir():
        shell.run("message", "validate", str(file))


def _check_one_flipped_byte(shell: Shell, pack: Path) -> None:
    altered = bytearray(pack.read_bytes())
    altered[altered.rindex(b"Naivasha Roses")] ^= 1
    pack.write_bytes(altered)
    refused = json.loads(shell.run("verify", str(pack), "--json", code=1))
    assert refused["verdict"] == "no"
    assert refused["path"].startswith("terms.")
