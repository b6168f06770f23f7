"""Vases that never come: one currency, no conversion, silence means refund."""

from pathlib import Path

from node.app.demo.endings import tell_books, tell_evidence
from node.app.demo.story import Story
from node.app.examples import example
from node.app.shown import balance_lines, milestone_lines, next_lines, show_time
from node.app.steps import Steps

IMPORTER, EXPORTER = "bloem", "vanrijn"


def begin(steps: Steps, story: Story) -> str:
    """Agree and fund; return the trade's reference."""
    story.step("Vases, EUR for EUR: the seller drafts, both sign, the buyer funds")
    drafted = steps.draft(EXPORTER, example("no-delivery/terms.toml"), example("no-delivery/invoice.xml"))
    reference = str(drafted["reference"])
    story.tell(f"{drafted['exporter']} offers {drafted['goods']}: {drafted['amount']}")
    steps.sign(EXPORTER, reference)
    steps.sign(IMPORTER, reference)
    funded = steps.fund(IMPORTER, reference)
    story.tell(f"{funded['amount']} are held in the account of {funded['importer']}; no FX, no fee")
    story.tell(balance_lines(steps.get(IMPORTER, "/balances")), reference=reference, trade_id=funded["trade_id"])
    story.tell(next_lines(funded["next"]))
    return reference


def follow(steps: Steps, story: Story, reference: str, out: Path) -> None:
    """Wait in vain; the evidence pack is written to `out`."""
    _nothing_arrives(steps, story, reference)
    tell_books(steps, story, ("bank-nl",), ((IMPORTER, "EUR"),))
    tell_evidence(steps, story, IMPORTER, reference, out)


def _nothing_arrives(steps: Steps, story: Story, reference: str) -> None:
    (milestone,) = steps.trade(IMPORTER, reference)["milestones"]
    deadline_s = milestone["deadline_s"]
    story.step(f"The vases do not come until {show_time(deadline_s)}: silence means refund")
    if steps.devnet.now_s() <= deadline_s:
        steps.devnet.advance(deadline_s + 1)
        due = steps.trade(IMPORTER, reference)
        story.tell(next_lines(due["next"]))
        steps.devnet.advance(due["milestones"][0]["final_after_s"] + 1)
    closed = steps.trade(IMPORTER, reference)
    story.tell(milestone_lines(closed["milestones"]))
    refunded = closed["milestones"][0]["refunded"]
    story.tell(f"{closed['importer']} has its {refunded} back", refunded=refunded)
