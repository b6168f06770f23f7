"""The summary of a trade on paper: who trades what, what it cost, who got what and when. Figures are the API's own."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from fx.currencies import get_currency
from fx.money import Money
from node.participants.directory import Institution
from node.printing.languages import Speech
from node.printing.layout import Sheets
from node.trades.views.schemas import MilestoneOut, ReleaseOut, TradeOut

SHEETS: Final = Sheets("node.trades")


def summary_page(
    trade: TradeOut,
    releases: Sequence[ReleaseOut],
    chart: Markup | None,
    issuer: Institution,
    speech: Speech,
    now_s: int,
) -> str:
    """Return the page of a trade's summary.

    Args:
        chart: The figure of its rate, None where no rate moves.
        issuer: The bank that tells of it.
    """
    return SHEETS.render(
        "trades/summary.html",
        speech,
        issuer=issuer.name,
        created_s=now_s,
        trade=trade,
        releases=releases,
        chart=chart,
        paid=_paid(releases, speech),
        progress=[(one, _progress(one, speech)) for one in trade.milestones],
        minor=speech.minor,
    )


def _paid(releases: Sequence[ReleaseOut], speech: Speech) -> list[str]:
    """Return what everybody got together, in each currency."""
    sums: dict[str, Money] = {}
    for share in (share for release in releases for share in release.shares):
        currency = get_currency(share.currency)
        sums[share.currency] = sums.get(share.currency, Money(0, currency)) + Money(share.amount_minor, currency)
    return [speech.money(amount) for amount in sums.values()]


def _progress(milestone: MilestoneOut, speech: Speech) -> str:
    told = [speech.word(milestone.state)]
    if milestone.paid is not None:
        told.append(speech.text("paid %(amount)s", amount=speech.money(milestone.paid)))
    if milestone.refunded is not None and milestone.refunded_minor:
        told.append(speech.text("refunded %(amount)s", amount=speech.money(milestone.refunded)))
    return ", ".join(told)
