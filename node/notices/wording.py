"""Events in words. What a kind has no words of its own for is told by its name and what it is about."""

import re
from collections.abc import Mapping
from typing import Any, Final

from node.notices.limits import TEXT_CHARS_MAX

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "trade.offered": (
        "New terms for trade {reference}",
        "The {side} has proposed version {version}. Read it, then sign or counter.",
    ),
    "trade.signed": ("Trade {reference}: terms signed", "The {side} has signed version {version}."),
    "trade.agreed": (
        "Trade {reference} is agreed",
        "Both sides have signed version {version}. The importer can fund it now.",
    ),
    "trade.withdrawn": ("Trade {reference} was withdrawn", "{by} has ended the negotiation; nothing was funded."),
    "trade.top_up_wanted": (
        "Trade {reference} needs a top-up",
        "Hold {amount} more by {by}, or the trade goes on as its terms say.",
    ),
    "trade.choice_open": (
        "Trade {reference}: choose a quote",
        "A milestone is final and waits for the quote it settles at.",
    ),
    "trade.deadline_near": ("Trade {reference}: a deadline is near", "Milestone {milestone_kind} ends within a day."),
    "trade.last_resort_open": (
        "Trade {reference}: pay at the last resort",
        "Milestone {milestone_kind} can be paid without a quote now.",
    ),
    "trade.step_proposed": (
        "Trade {reference}: a step is due",
        "Step {step} waits for your staff; the watch is set not to do it itself.",
    ),
    "trade.TradeFunded": ("Trade {reference} is funded", "The money is held; the goods can leave."),
    "trade.DisputeRaised": ("Trade {reference}: a dispute", "A milestone was put before the arbiter."),
    "trade.AwardMade": ("Trade {reference}: the arbiter has decided", "The award is in the trade's disputes."),
    "trade.MilestoneSettled": ("Trade {reference}: a milestone is settled", "What it paid is in the trade's releases."),
    "trade.TradeClosed": ("Trade {reference} is closed", "Its evidence pack can be downloaded."),
    "dispute.award_wanted": ("A dispute waits for your award", "Trade {reference}, dispute {dispute}."),
    "dispute.award_refused": ("Your award was refused", "Trade {reference}: {reason}"),
    "payment.settled": ("Payment of {amount} minor units {currency} is settled", "Payment {id}."),
    "payment.failed": ("Payment of {amount} minor units {currency} has failed", "Payment {id}: {reason}"),
    "payment.rejected": ("A payment message was rejected", "Trade {reference}: {reason}"),
    "payment.contradicted": ("A payment message contradicts the trade", "Trade {reference}: {reason}"),
    "payment.not_sent": ("A payment message could not be written", "To {to}, trade {reference}: {reason}"),
    "message.dead": ("A message was given up", "{kind} to {to}: {reason} It waits in the repair queue."),
    "message.refused": ("A message was refused", "{kind}: {reason} It waits in the repair queue."),
    "message.received": ("A message has come in", "{kind} from {from}; nothing here handles it by itself."),
    "freeze.ordered": ("An account was frozen", "{account} in {currency}, order {number}."),
    "freeze.lifted": ("A freeze order was lifted", "{account} in {currency}, order {number}."),
    "issuance.open": ("A request for money", "{amount} minor units {currency} wait for an answer."),
    "participant.refused": (
        "A change of keys was refused",
        "{lei}: {reason} Check with the institution by another channel.",
    ),
    "participant.key_unconfirmed": (
        "A key is not confirmed",
        "{lei} has a key on the chain that its document does not have.",
    ),
    "webhook.disabled": ("A webhook was disabled", "{webhook}: {reason}"),
    "webhook.failed": ("A webhook could not be delivered", "{webhook}: {reason}"),
    "day.closed": ("Business day {day} in {currency} is over", "The end-of-day report can be read."),
}
"""Kind -> title and text; {names} are of the event's body."""
ACTING: Final = frozenset(
    {
        "trade.offered",
        "trade.agreed",
        "trade.top_up_wanted",
        "trade.choice_open",
        "trade.deadline_near",
        "trade.last_resort_open",
        "trade.step_proposed",
        "trade.DisputeRaised",
        "dispute.award_wanted",
        "dispute.award_refused",
        "payment.failed",
        "payment.rejected",
        "payment.contradicted",
        "payment.not_sent",
        "message.dead",
        "message.refused",
        "message.received",
        "freeze.ordered",
        "issuance.open",
        "participant.refused",
        "participant.key_unconfirmed",
        "webhook.disabled",
        "webhook.failed",
    }
)
"""What asks somebody to act: told to who has named no kinds."""
_TITLE_CHARS_MAX: Final = 140
PLACE: Final = re.compile(r"\{([a-z_]+)\}")
"""A name that is filled in."""


def words(kind: str, body: Mapping[str, Any]) -> tuple[str, str]:
    """Return title and text of an event; a body without what the words name has a dash there."""
    title, text = WORDS.get(kind, ("", ""))
    if not title:
        subject, _, what = kind.partition(".")
        about = body.get("reference") or body.get("id") or ""
        title = f"{_spoken(subject)} {about}: {_spoken(what)}".replace(" :", ":")
        text = "; ".join(f"{name} {value}" for name, value in body.items() if isinstance(value, str | int))
    return _fill(title, body)[:_TITLE_CHARS_MAX], _fill(text, body)[:TEXT_CHARS_MAX]


def _fill(text: str, body: Mapping[str, Any]) -> str:
    # Not str.format: a body must not be able to name attributes.
    filled = PLACE.sub(lambda place: _one_line(body.get(place[1])), text)
    return filled.strip()


def _one_line(value: Any) -> str:
    return "-" if value is None else " ".join(str(value).split())


def _spoken(name: str) -> str:
    """Return `milestone settled` of MilestoneSettled, `step proposed` of step_proposed."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()
