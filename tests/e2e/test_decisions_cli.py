"""What parties and arbiter decide about a trade, through `landfall trade` on a running devnet."""

from tests.e2e.conftest import Shell

PAPERS = "examples/no-delivery"
REFERENCE = "VR-2026-0098"


def test_an_award_pays_a_part_when_parties_and_arbiter_decide_on_the_command_line(shell: Shell) -> None:
    shell.run("devnet", "--home", str(shell.home), "fund")
    shell.trade("draft", f"{PAPERS}/terms.toml", "--invoice", f"{PAPERS}/invoice.xml", who="vanrijn")
    for who in ("vanrijn", "bloem"):
        shell.trade("sign", REFERENCE, who=who)
    shell.trade("fund", REFERENCE, who="bloem")

    waived = shell.trade_json("waive", REFERENCE, "1", "800.00", who="vanrijn")
    assert waived["milestones"][0]["amount"] == "4,000.00 EUR"
    early = shell.trade("dispute", REFERENCE, "1", "--reasons", "too soon", who="vanrijn", code=1)
    assert "disputes open once attesters agree" in early

    # Nobody attested, so a refund is due: the exporter objects.
    shell.advance("--to", "2026-08-28T18:00:01")
    disputed = shell.trade_json("dispute", REFERENCE, "1", "--reasons", "The carrier lost its papers.", who="vanrijn")
    assert disputed["milestones"][0]["state"] == "disputed"
    shown = shell.trade("disputes", who="arbiter")
    assert "The carrier lost its papers." in shown
    assert "raised by the exporter" in shown
    awarded = shell.trade("award", REFERENCE, "1", "62.5", "--reasons", "Receipts for five of eight.", who="arbiter")
    assert "awarded 62.50 %" in awarded

    shell.advance("--days", "1")
    closed = shell.trade_json("show", REFERENCE, who="bloem")
    found = closed["milestones"][0]
    assert (closed["state"], found["paid"], found["refunded"]) == ("closed", "2,500.00 EUR", "1,500.00 EUR")
