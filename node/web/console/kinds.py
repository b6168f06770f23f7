"""Kinds of events, as people choose among them: by what they are about."""

from typing import Final

from node.web.console.forms import Form


def _(message: str) -> str:
    """Mark a message for extraction."""
    return message


LABELS: Final = {
    "trade": _("Trades"),
    "dispute": _("Disputes"),
    "payment": _("Payments"),
    "payment_request": _("Payment requests"),
    "quote": _("Quotes"),
    "proposal": _("Proposals that wait for a second person"),
    "wallet_order": _("Orders on wallets"),
    "customer": _("Customers"),
    "message": _("Messages between institutions"),
    "freeze": _("Orders that freeze accounts"),
    "issuance": _("Requests for money"),
    "participant": _("Participants and their keys"),
    "webhook": _("Webhooks"),
    "day": _("Business days that end"),
}
"""First word of an event's kind -> what it is about."""
_PREFIX: Final = "kind-"


def kind_choices(chosen: list[str]) -> list[tuple[str, str, bool]]:
    """Return (kind, label, whether it is chosen); a finer kind that a program has set stays a choice, by its name."""
    return [(kind, LABELS.get(kind, kind), kind in chosen) for kind in dict.fromkeys((*LABELS, *chosen))]


def chosen_kinds(form: Form) -> list[str]:
    """Return the kinds that are ticked."""
    return [name.removeprefix(_PREFIX) for name in form.fields if name.startswith(_PREFIX)]
