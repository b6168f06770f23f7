"""A locked trade that changes on its way, through `landfall trade`: amended, a milestone assigned, cancelled."""

from pathlib import Path

from tests.e2e.conftest import ROOT, Shell

ROSES = ROOT / "examples" / "roses"
REFERENCE = "NR-2026-0817"


def test_a_locked_trade_is_amended_assigned_and_cancelled_step_by_step(shell: Shell, tmp_path: Path) -> None:
    provider = _fund(shell, _terms(tmp_path, "terms.toml"))
    later = _terms(tmp_path, "later.toml", ("2026-09-25T18:00:00Z", "2026-09-30T18:00:00Z"))
    assert "Bloemenhuis BV: sign the amendment" in shell.trade("amend", REFERENCE, later, who="naivasha")
    assert f"{provider}: sign the amendment" in shell.trade("agree", REFERENCE, who="bloem")
    asked = shell.trade("asked", who=provider)
    assert "amend trade 0x" in asked
    assert "the hold grows by 0 minor units and lives until" in asked
    shell.trade("answer", REFERENCE, who=provider)

    financier = "fx-amber" if provider == "fx-baobab" else "fx-baobab"
    assigned = shell.trade_json("assign", REFERENCE, "2", "--to", financier, who="naivasha")
    assert assigned["version"] == 2
    shell.trade("answer", REFERENCE, who=financier)

    shell.trade("cancel", REFERENCE, who="naivasha")
    shell.trade("cancel", REFERENCE, "--ask-provider", who="bloem")
    shell.trade("answer", REFERENCE, who=financier)
    assert "declined" in shell.trade("answer", REFERENCE, "--decline", "no longer", who=provider)
    assert f"{provider} declined: no longer" in shell.trade("motions", REFERENCE, who="bloem")
    closed = shell.trade_json("cancel", REFERENCE, who="bloem")
    assert (closed["state"], closed["closed_cause"]) == ("closed", "cancelled")
    (euros,) = shell.trade_json("balances", who="bloem")
    assert euros["held"] == "0"


def _terms(folder: Path, name: str, *replacements: tuple[str, str]) -> str:
    """Write the example as a lock, changed; return its path."""
    text = (ROSES / "terms.toml").read_text()
    for old, new in (('"convert_now"', '"lock"'), *replacements):
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text)
    return str(path)


def _fund(shell: Shell, terms: str) -> str:
    """Agree and fund; return the lock's provider."""
    shell.run("devnet", "--home", str(shell.home), "fund")
    shell.trade("draft", terms, "--invoice", str(ROSES / "invoice.xml"), who="naivasha")
    shell.trade("quotes", REFERENCE, who="bloem")
    assert "a premium of" in shell.trade("needs", REFERENCE, who="bloem")
    for who in ("naivasha", "bloem"):
        shell.trade("sign", REFERENCE, who=who)
    cost = shell.trade_json("accept", REFERENCE, who="bloem")
    assert shell.trade_json("fund", REFERENCE, who="bloem")["state"] == "funded"
    return str(cost["provider"])
