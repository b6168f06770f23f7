"""Coffee from Uganda, August to September 2026: euros wait, shillings are paid at the rate of the day.

The real rate leaves the band of three percent upwards in the middle of September, so three trades that differ only in
the importer's share of what lies beyond end differently. Late in September it falls; a narrower band is left downwards,
and the importer is called for a top-up, which it pays or does not pay.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.app.demo.play import Scenario
from node.app.demo.scenes import EXPORTER, IMPORTER, Coffee, available
from node.app.demo.story import Story
from node.app.shown import conversion_lines, next_lines, show_bps, show_money, show_time
from node.app.steps import Steps
from node.client.times import to_seconds

_SHARE: Final = "share_bps = 0       # and beyond the band nothing: the exporter does"
_SPREAD: Final = "spread_bps = 100    # a quote may be 1 % below the oracle's median"
_BAND: Final = "band_bps = 300      # the importer bears moves of the rate up to 3 %"
_LATE: Final = {"fund_by = 2026-08-10T16:00:00Z": "fund_by = 2026-09-21T16:00:00Z"}


def floating(lot: str, share_bps: int) -> Scenario:
    """Return the story of a trade whose importer bears `share_bps` of what lies beyond the band."""

    def scenes(steps: Steps, story: Story, out: Path) -> Iterator[int]:
        coffee = Coffee(steps, story, out, lot)
        story.step(f"Coffee, UGX for EUR at the rate of the day; beyond 3 % the importer bears {show_bps(share_bps)}")
        coffee.agree({_SHARE: f"share_bps = {share_bps}"})
        _fund(coffee)
        yield steps.devnet.time_of("2026-09-16T09:00:00")
        story.step(f"{coffee.time()[:10]}: the coffee is in Rotterdam; {_rate(steps)}")
        coffee.inspect("2026-09-16T08:00:00+02:00")
        yield from coffee.until_final()
        story.step(f"{coffee.time()}: nobody disputed; the importer's bank asks for quotes and chooses one")
        story.tell(_rate(steps))
        _convert(coffee, IMPORTER)
        coffee.close(also=((IMPORTER, "EUR"),))

    return scenes


def called(lot: str, *, is_paid: bool) -> Scenario:
    """Return the story of a call for a top-up."""

    def scenes(steps: Steps, story: Story, out: Path) -> Iterator[int]:
        yield steps.devnet.time_of("2026-09-20T09:00:00")
        coffee = Coffee(steps, story, out, lot)
        story.step("Coffee again, with a band of 1 %; beyond it the importer bears everything")
        coffee.agree({_SHARE: "share_bps = 10000", _BAND: "band_bps = 100", _SPREAD: "spread_bps = 50", **_LATE})
        _fund(coffee)
        yield steps.devnet.time_of("2026-09-23T10:00:00")
        story.step(f"{coffee.time()[:10]}: the rate has fallen below the band, so a bank calls the importer")
        story.tell(_rate(steps))
        fx = coffee.trade()["fx"]
        story.tell(f"missing {fx['top_up_missing']}, to be held by {show_time(fx['call_ends'])}")
        if is_paid:
            topped = steps.act(IMPORTER, coffee.reference, "top-up", {"amount": fx["top_up_missing_minor"]})
            story.tell(f"{topped['importer']} tops up; held for the milestone: {topped['milestones'][0]['slice']}")
        else:
            story.tell("the importer does not pay; the call runs out, and nothing else changes")
        coffee.inspect("2026-09-23T11:00:00+02:00")
        yield from coffee.until_final()
        yield max(to_seconds(fx["call_ends"]) + 1, steps.devnet.now_s())
        story.step(f"{coffee.time()}: settled at the rate of the day; {_rate(steps)}")
        _convert(coffee, IMPORTER if is_paid else EXPORTER)
        coffee.close(also=((IMPORTER, "EUR"),))

    return scenes


def _fund(coffee: Coffee) -> None:
    steps, story = coffee.steps, coffee.story
    need = steps.needs(IMPORTER, coffee.reference)
    funded = coffee.fund()
    rate = funded["fx"]["rate"]
    story.tell(f"agreed rate {rate} UGX for one EUR; {funded['fx']['held_at_funding']} wait in the importer's account")
    story.tell(next_lines(funded["next"]), reference=coffee.reference, needs=need)


def _convert(coffee: Coffee, who: str) -> None:
    steps, story = coffee.steps, coffee.story
    before = {owner: available(steps, owner, currency) for owner, currency in ((EXPORTER, "UGX"), (IMPORTER, "EUR"))}
    trade = coffee.trade(who)
    if trade["state"] != "closed":
        answers = steps.settlement_quotes(who, coffee.reference, 1)
        story.tell(conversion_lines(answers["quotes"]))
        trade = steps.decide(who, coffee.reference, "settle", 1, {})
    received = available(steps, EXPORTER, "UGX") - before[EXPORTER]
    returned = available(steps, IMPORTER, "EUR") - before[IMPORTER]
    story.tell(
        f"{trade['exporter']} has {show_money(received, 'UGX')} more for an invoice of {trade['amount']}; "
        f"{show_money(returned, 'EUR')} of the euros went back",
        exporter_received_minor=str(received),
        importer_returned_minor=str(returned),
    )


def _rate(steps: Steps) -> str:
    rate = steps.get("bank-nl", "/rates/EUR/UGX")
    return f"fixing of {rate['day']}: {rate['rate']} UGX for one EUR"
