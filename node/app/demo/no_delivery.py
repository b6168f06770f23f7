"""Vases that never come: one currency, no conversion, silence means refund."""

from collections.abc import Iterator
from pathlib import Path

from node.app.demo.endings import tell_books, tell_evidence
from node.app.demo.story import Story
from node.app.examples import example
from node.app.shown import balance_lines, milestone_lines, next_lines, show_time
from node.app.steps import Steps
from node.client.times import to_seconds

IMPORTER, EXPORTER = "bloem", "vanrijn"


def no_delivery(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """Agree and fund, then wait in vain; the evidence pack is written to `out`."""
    reference = _fund(steps, story)
    (milestone,) = steps.trade(IMPORTER, reference)["milestones"]
    yield to_seconds(milestone["deadline"]) + 1
    story.step(f"The vases have not come by {show_time(milestone['deadline'])}: silence means refund")
    due = steps.trade(IMPORTER, reference)
    story.tell(next_lines(due["next"]))
    yield to_seconds(due["milestones"][0]["final_after"]) + 1
    closed = steps.trade(IMPORTER, reference)
    story.tell(milestone_lines(closed["milestones"]))
    refunded = closed["milestones"][0]["refunded"]
    story.tell(f"{closed['importer']} has its {refunded} back", refunded=refunded)
    tell_books(steps, story, ("bank-nl",), ((IMPORTER, "EUR"),))
    tell_evidence(steps, story, IMPORTER, reference, out)


def _fund(steps: Steps, story: Story) -> str:
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
