"""What can fail around a trade, and how it is paid all the same: a lock's provider, the oracle, the payer itself."""

from collections.abc import Iterator
from pathlib import Path

from node.app.demo.scenes import DAY_S, EXPORTER, IMPORTER, Coffee, account_of, available, terms_of
from node.app.demo.story import Story
from node.app.shown import cost_lines, milestone_lines, next_lines, quote_lines, show_money, show_time
from node.app.steps import Steps
from node.client.times import to_text


def lock_fails(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """A rate is locked; then the provider's account is frozen, and the euros that were held against it are paid."""
    coffee = Coffee(steps, story, out, "041")
    story.step("Coffee with the rate locked: a provider holds the shillings for the day they are due")
    coffee.agree(terms_of("lock", "2026-08-26"))
    answer = steps.quotes(IMPORTER, coffee.reference)
    cost = steps.accept(IMPORTER, coffee.reference)
    story.tell(quote_lines(answer["quotes"], cost["digest"]))
    story.tell(cost_lines(cost))
    funded = coffee.fund()
    story.tell(f"{funded['importer']} paid a premium of {funded['fx']['premium']}; both sides of the exchange are held")
    yield steps.devnet.time_of("2026-08-18T09:00:00")
    story.step(f"{coffee.time()[:10]}: delivered; and a court has the central bank freeze the provider")
    coffee.inspect("2026-08-18T08:00:00+02:00")
    number = order_freeze(steps, story, "cb-ugx", "UGX", account_of(steps, cost["provider"]), days=60)
    yield from coffee.until_final()
    (milestone,) = coffee.trade()["milestones"]
    story.tell(next_lines(coffee.trade()["next"]))
    yield steps.devnet.now_s() + 3 * DAY_S + 1
    story.step(f"{coffee.time()}: the grace is over; anyone pays the last resort, in euros")
    before = available(steps, EXPORTER, "EUR")
    trade = coffee.trade()
    if trade["state"] != "closed":
        trade = steps.decide(IMPORTER, coffee.reference, "last-resort", 1)
    received = available(steps, EXPORTER, "EUR") or before
    story.tell(milestone_lines(trade["milestones"]))
    story.tell(
        f"{trade['exporter']} has {show_money(received, 'EUR')}, the slice of {milestone['slice']}",
        exporter_received_minor=str(received),
    )
    lift_freeze(steps, story, "cb-ugx", "UGX", number)
    coffee.close("EUR")


def oracle_dies(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """After delivery nobody reports the rate any more; the last good median pays, in euros."""
    coffee = Coffee(steps, story, out, "042", "KES")
    story.step("Coffee for Kenya's shilling at the rate of the day; five days to dispute")
    coffee.agree({"dispute_s = 86400": "dispute_s = 432000"})
    story.tell(f"{coffee.fund()['fx']['held_at_funding']} wait in the importer's account")
    yield steps.devnet.time_of("2026-08-20T09:00:00")
    story.step(f"{coffee.time()[:10]}: delivered; from now on no bank reports EUR/KES")
    coffee.inspect("2026-08-20T08:00:00+02:00")
    for reporter in steps.devnet.cast.institutions:
        if "reporter" in reporter.roles:
            steps.devnet.client(reporter.id).post("/oracle/EUR/KES/pause")
    yield from coffee.until_final()
    story.step(f"{coffee.time()}: final, but the median is stale, so no quote can settle it")
    median = steps.get("bank-nl", "/oracle/EUR/KES")
    story.tell(f"oracle: {median['unusable']}", oracle=median)
    story.tell(next_lines(coffee.trade()["next"]))
    yield steps.devnet.now_s() + 3 * DAY_S + 1
    story.step(f"{coffee.time()}: the grace is over; the last resort pays euros at the last good median")
    trade = coffee.trade()
    if trade["state"] != "closed":
        trade = steps.decide(IMPORTER, coffee.reference, "last-resort", 1)
    story.tell(milestone_lines(trade["milestones"]))
    received = available(steps, EXPORTER, "EUR")
    story.tell(f"{trade['exporter']} has {show_money(received, 'EUR')}", exporter_received_minor=str(received))
    coffee.close("EUR")


def frozen(steps: Steps, story: Story, out: Path) -> Iterator[int]:
    """The importer is frozen by order for ten days: its hold stands still, lives longer, and pays."""
    coffee = Coffee(steps, story, out, "043")
    story.step("Coffee, the shillings bought at once and held in the importer's account")
    coffee.agree(terms_of("convert_now", "2026-09-04"))
    steps.quotes(IMPORTER, coffee.reference)
    story.tell(cost_lines(steps.accept(IMPORTER, coffee.reference)))
    coffee.fund()
    yield steps.devnet.time_of("2026-09-02T09:00:00")
    story.step(f"{coffee.time()[:10]}: delivered; a day later the importer is frozen by order, holds and all")
    coffee.inspect("2026-09-02T08:00:00+02:00")
    yield steps.devnet.now_s() + DAY_S // 2
    number = order_freeze(steps, story, "cb-ugx", "UGX", account_of(steps, IMPORTER, bank="bank-nl"), days=30)
    yield from coffee.until_final()
    story.tell(f"{coffee.time()}: final, but the hold stands still")
    story.tell(next_lines(coffee.trade()["next"]))
    yield steps.devnet.now_s() + 10 * DAY_S
    story.step(f"{coffee.time()}: the order is lifted, and what is due is paid")
    lift_freeze(steps, story, "cb-ugx", "UGX", number)
    yield steps.devnet.now_s() + DAY_S
    trade = coffee.trade()
    if trade["state"] != "closed":
        trade = steps.decide(IMPORTER, coffee.reference, "settle", 1, {})
    story.tell(milestone_lines(trade["milestones"]))
    coffee.close()


def order_freeze(steps: Steps, story: Story, central_bank: str, currency: str, account: str, *, days: int) -> int:
    """Freeze an account with scope `all`; return the order's number."""
    until_s = steps.devnet.now_s() + days * DAY_S
    body = {
        "currency": currency,
        "account": account,
        "scope": "all",
        "expires_at": to_text(until_s),
        "reasons": "Order of a court (devnet)",
    }
    order = steps.devnet.client(central_bank).post("/freezes", body)
    steps.devnet.settle_down()
    story.tell(f"{central_bank} orders: {account} frozen in {currency}, holds included, until {show_time(until_s)}")
    return int(order["number"])


def lift_freeze(steps: Steps, story: Story, central_bank: str, currency: str, number: int) -> None:
    """End an order."""
    steps.devnet.client(central_bank).post(f"/freezes/{currency}/{number}/lift")
    steps.devnet.settle_down()
    story.tell(f"{central_bank} lifts order {number}")
