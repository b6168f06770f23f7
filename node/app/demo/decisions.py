"""What people decide about a trade: a dispute and its award, a part that is missing, a receivable that is sold."""

from collections.abc import Iterator
from pathlib import Path

from node.app.demo.scenes import BANKS, EXPORTER, IMPORTER, Coffee, account_of, available, terms_of
from node.app.demo.story import Story
from node.app.shown import case_lines, next_lines, show_money
from node.app.steps import Steps

FINANCIER = "pamoja"


def disputed(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """The importer disputes what the inspector found; the arbiter awards seven tenths to the exporter."""
    coffee = _converted(steps, story, out, "051", "2026-08-28")
    yield steps.devnet.time_of("2026-08-16T10:00:00")
    story.step(f"{coffee.time()[:10]}: the inspector finds everything in order, the importer does not")
    coffee.inspect("2026-08-16T09:00:00+02:00")
    reasons = "Thirty bags smell of diesel; cupping report of the Rotterdam exchange attached to our letter of today"
    trade = steps.decide(IMPORTER, coffee.reference, "dispute", 1, {"reasons": reasons})
    story.tell(next_lines(trade["next"]))
    yield steps.devnet.time_of("2026-08-19T10:00:00")
    story.step(f"{coffee.time()[:10]}: the arbiter reads the case and awards 70 % of the milestone")
    story.tell(case_lines(steps.get("arbiter", "/disputes")))
    steps.award("arbiter", coffee.reference, 1, 7_000, "Thirty of a hundred bags are not of the grade agreed")
    _paid(coffee, EXPORTER)


def partial(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """Eighty of a hundred bags arrive; four fifths are paid, the rest goes back."""
    coffee = _converted(steps, story, out, "052", "2026-08-28")
    yield steps.devnet.time_of("2026-08-17T10:00:00")
    story.step(f"{coffee.time()[:10]}: eighty bags of a hundred are there")
    coffee.inspect("2026-08-17T09:00:00+02:00", share_bps=8_000)
    yield from coffee.until_final()
    _paid(coffee, EXPORTER)


def assigned(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """The exporter sells its receivable; the financier is paid on delivery."""
    coffee = _converted(steps, story, out, "053", "2026-08-28")
    story.step("The grower sells the receivable: it offers the milestone, the financier signs, and stands in its place")
    steps.assign(EXPORTER, coffee.reference, 0, "bank-ke", account_of(steps, FINANCIER, bank="bank-ke"))
    steps.answer_requests(FINANCIER, coffee.reference)
    trade = coffee.trade()
    story.tell(f"the milestone is {trade['milestones'][0]['assignee']}'s, {FINANCIER} at bank-ke")
    story.tell("what it may do from its own bank, which is none of the trade's:")
    story.tell(next_lines(steps.get(FINANCIER, f"/trades/{coffee.reference}/next")))
    yield steps.devnet.time_of("2026-08-18T10:00:00")
    story.step(f"{coffee.time()[:10]}: delivered")
    coffee.inspect("2026-08-18T09:00:00+02:00")
    yield from coffee.until_final()
    _paid(coffee, FINANCIER)


def _converted(steps: Steps, story: Story, out: Path, lot: str, deadline: str) -> Coffee:
    coffee = Coffee(steps, story, out, lot)
    story.step("Coffee, the shillings bought at once and held in the importer's account")
    coffee.agree(terms_of("convert_now", deadline))
    steps.quotes(IMPORTER, coffee.reference)
    steps.accept(IMPORTER, coffee.reference)
    story.tell(next_lines(coffee.fund()["next"]))
    return coffee


def _paid(coffee: Coffee, payee: str) -> None:
    steps, story = coffee.steps, coffee.story
    if coffee.trade()["state"] != "closed":
        steps.decide(IMPORTER, coffee.reference, "settle", 1, {})
    story.step(f"{coffee.time()}: settled")
    received = available(steps, payee, "UGX")
    story.tell(f"{payee} has {show_money(received, 'UGX')}", exporter_received_minor=str(received))
    if payee == EXPORTER:
        coffee.close()
    else:
        coffee.close(also=((payee, "UGX"),), banks=(*BANKS, "bank-ke"))
