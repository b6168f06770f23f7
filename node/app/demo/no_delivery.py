"""Vases that never come: one currency, no conversion, silence means refund."""

from pathlib import Path

from node.app.demo.endings import tell_books, tell_evidence
from node.app.demo.story import Story
from node.app.devnet import issue_starting_money
from node.app.examples import example
from node.app.shown import balance_lines, milestone_lines, next_lines, show_money, show_time
from node.app.steps import Steps

IMPORTER, EXPORTER = "bloem", "vanrijn"


def play(steps: Steps, story: Story, out: Path) -> None:
    """Play the trade to its end; the evidence pack is written to `out`."""
    story.step(f"The devnet is up; ledger time is {show_time(steps.devnet.now_s())} UTC")
    issue_starting_money(steps.devnet)
    story.tell(balance_lines(steps.get(IMPORTER, "/balances")))
    reference = _agree_and_fund(steps, story)
    _nothing_arrives(steps, story, reference)
    tell_books(steps, story, ("bank-nl",), ((IMPORTER, "EUR"),))
    tell_evidence(steps, story, IMPORTER, reference, out)


def _agree_and_fund(steps: Steps, story: Story) -> str:
    story.step("Terms in one currency: the seller drafts, both sign, the buyer funds")
    drafted = steps.draft(EXPORTER, example("no-delivery/terms.toml"), example("no-delivery/invoice.xml"))
    reference = str(drafted["reference"])
    story.tell(f"{drafted['exporter']} offers {drafted['goods']}, {drafted['amount']} to {drafted['importer']}")
    steps.sign(EXPORTER, reference)
    steps.sign(IMPORTER, reference)
    funded = steps.fund(IMPORTER, reference)
    story.tell(f"{funded['amount']} are held in the account of {funded['importer']}; no FX, no fee")
    story.tell(balance_lines(steps.get(IMPORTER, "/balances")), reference=reference, trade_id=funded["trade_id"])
    story.tell(next_lines(funded["next"]))
    return reference


def _nothing_arrives(steps: Steps, story: Story, reference: str) -> None:
    trade = steps.trade(IMPORTER, reference)
    deadline_s = max(one["deadline_s"] for one in trade["milestones"])
    story.step(f"Nothing arrives until {show_time(deadline_s)}; silence means refund")
    steps.devnet.advance(deadline_s + 1)
    due = steps.trade(IMPORTER, reference)
    story.tell(next_lines(due["next"]))
    final_s = max((one["final_after_s"] or deadline_s) for one in due["milestones"])
    steps.devnet.advance(max(final_s + 1, steps.devnet.now_s()))
    closed = steps.trade(IMPORTER, reference)
    story.tell(milestone_lines(closed["milestones"]))
    money = steps.get(IMPORTER, "/balances")
    available = sum(int(row["available"]) for row in money)
    story.tell(
        f"{closed['importer']} has its money back: {show_money(available, 'EUR')} available",
        available_minor=str(available),
    )
