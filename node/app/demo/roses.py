"""Roses from Naivasha: KES invoice, EUR importer, converted at funding, paid on loading and on delivery."""

from collections.abc import Iterator
from pathlib import Path

from node.app.demo.endings import tell_books, tell_evidence, tell_payment
from node.app.demo.story import Story
from node.app.examples import example
from node.app.shown import (
    balance_lines,
    change_line,
    cost_lines,
    milestone_lines,
    next_lines,
    payee_lines,
    quote_lines,
    show_money,
    show_time,
)
from node.app.steps import Steps
from node.client.times import to_seconds

IMPORTER, EXPORTER = "bloem", "naivasha"


def roses(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """Agree, convert, fund; load, deliver, pay; the evidence pack is written to `out`."""
    reference = _agree(steps, story)
    _convert_and_fund(steps, story, reference)
    yield steps.devnet.time_of("2026-08-12T06:00:00")
    yield from _milestone(steps, story, reference, "loaded")
    yield steps.devnet.time_of("2026-09-24T12:00:00")
    yield from _milestone(steps, story, reference, "delivered")
    yield int(steps.devnet.cast.genesis_time.timestamp()) + 60 * 86_400
    _sixtieth_day(steps, story)
    tell_payment(steps, story, "bank-nl", reference)
    tell_books(steps, story, ("bank-nl", "bank-ke"), ((EXPORTER, "KES"), ("kra", "KES"), (IMPORTER, "EUR")))
    tell_evidence(steps, story, IMPORTER, reference, out)


def _agree(steps: Steps, story: Story) -> str:
    story.step("Roses from Kenya, KES for EUR: the grower drafts, the importer counters, both sign")
    drafted = steps.draft(EXPORTER, example("roses/terms.toml"), example("roses/invoice.xml"))
    reference = str(drafted["reference"])
    story.tell(
        f"{drafted['exporter']} offers {drafted['goods']}, {drafted['amount']}, invoice {drafted['invoice_number']}"
    )
    countered = steps.counter(IMPORTER, reference, example("roses/terms-counter.toml"))
    for change in steps.get(IMPORTER, f"/trades/{reference}/versions")[-1]["changes"]:
        story.tell(f"{drafted['importer']} counters: {change_line(change, countered['milestones'])}")
    steps.sign(IMPORTER, reference)
    agreed = steps.sign(EXPORTER, reference)
    story.tell(f"signed by {' and '.join(agreed['signed_by'])}; parties {agreed['screening']}")
    story.tell(milestone_lines(agreed["milestones"]))
    story.tell(
        payee_lines(agreed["payees"]),
        reference=reference,
        trade_id=agreed["trade_id"],
    )
    return reference


def _convert_and_fund(steps: Steps, story: Story, reference: str) -> None:
    story.step("Firm quotes from two FX providers, the better one taken, the trade funded in one transaction")
    rate = steps.get("bank-nl", "/rates/EUR/KES")
    story.tell(f"fixing of {rate['day']}: {rate['rate']} KES for one EUR")
    answer = steps.quotes(IMPORTER, reference)
    cost = steps.accept(IMPORTER, reference)
    story.tell(quote_lines(answer["quotes"], cost["digest"]))
    story.tell(cost_lines(cost), quotes=answer["quotes"], cost=cost)
    funded = steps.fund(IMPORTER, reference)
    story.tell(f"{funded['importer']} paid {funded['importer_paid']}; {funded['amount']} are held in its own account")
    story.tell(balance_lines(steps.get(IMPORTER, "/balances")))
    story.tell(next_lines(funded["next"]))


def _milestone(steps: Steps, story: Story, reference: str, kind: str) -> Iterator[int]:
    day = show_time(steps.devnet.now_s())[:10]
    story.step(f"Roses {kind}, {day}: the carrier's EPCIS event and the inspector's statement come in")
    for attester, route, name in (
        ("carrier", "events", f"roses/epcis-{kind}.json"),
        ("inspector", "statements", f"roses/statement-{kind}.json"),
    ):
        attested = steps.attest(attester, reference, route, example(name))
        story.tell(f"{attester}: {attested['outcome']}; {attested['summary']}")
    before = _available(steps, EXPORTER, "KES")
    due = steps.trade(EXPORTER, reference)
    story.tell(next_lines(due["next"]))
    final_after_s = max(to_seconds(one["final_after"]) for one in due["milestones"] if one["state"] == "due")
    yield final_after_s + 1
    settled = steps.trade(EXPORTER, reference)
    story.tell(f"{show_time(steps.devnet.now_s())}: nobody disputed; the milestone is final and settled")
    story.tell(milestone_lines(settled["milestones"]))
    after = _available(steps, EXPORTER, "KES")
    story.tell(
        f"{settled['exporter']} has {show_money(after, 'KES')}, {show_money(after - before, 'KES')} more than before",
        exporter_received_minor=str(after - before),
    )


def _sixtieth_day(steps: Steps, story: Story) -> None:
    story.step("The sixtieth day: a fixing a day has come in")
    rate = steps.get("bank-nl", "/rates/EUR/KES")
    story.tell(f"{show_time(steps.devnet.now_s())}: {rate['rate']} KES for one EUR; the trade does not care any more")


def _available(steps: Steps, owner: str, currency: str) -> int:
    return sum(int(row["available"]) for row in steps.get(owner, "/balances") if row["currency"] == currency)
