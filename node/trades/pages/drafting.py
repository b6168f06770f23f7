"""Terms as a form: its fields are named as the terms file names them, so that a refusal finds its field.

The form becomes the file that the API takes, and a version of the terms becomes the form again. What a person writes
in percent, days and UTC is kept in basis points, seconds and instants.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import tomli_w

from fx.currencies import get_currency
from node.trades.limits import ATTESTERS_MAX, MILESTONES_MAX, PAYEES_MAX
from node.web.console.errors import FormFieldError
from node.web.console.forms import Form, plain_decimal

SCHEMA: Final = "landfall-terms/1"
DAY_S: Final = 86_400
SIDES: Final = ("importer", "exporter")
_INSTANT: Final = "%Y-%m-%dT%H:%M"
_WINDOWS: Final = ("dispute_s", "award_s", "grace_s", "call_s", "choice_s")
_ADDRESS: Final = ("street", "building", "post_code", "town", "country")


@dataclass
class Draft:
    """A form of terms: texts by the names of the terms file, and how many rows it shows."""

    values: dict[str, str] = field(default_factory=dict)
    milestones: int = 1
    payees: int = 0

    def text(self, name: str) -> str:
        """Return a field, empty if there is none."""
        return self.values.get(name, "")

    def is_attester(self, index: int, institution: str) -> bool:
        """Tell whether an institution is ticked for a milestone."""
        return f"milestones.{index}.attesters.{institution}" in self.values


def draft_of_form(form: Form) -> Draft:
    """Return what was filled in; rows that were left out close up."""
    values = {name: text.strip() for name, text in form.fields.items() if "." not in name or not _is_row(name)}
    rows = {"milestones": 0, "payees": 0}
    for kind, key, most in (("milestones", "kind", MILESTONES_MAX), ("payees", "name", PAYEES_MAX)):
        for index in range(most):
            if not form.text(f"{kind}.{index}.{key}"):
                continue
            for name, text in _row(form.fields, f"{kind}.{index}."):
                values[f"{kind}.{rows[kind]}.{name}"] = text.strip()
            rows[kind] += 1
    return Draft(values, milestones=max(rows["milestones"], 1), payees=rows["payees"])


def draft_of_document(document: Mapping[str, Any]) -> Draft:
    """Return the form of a version of the terms, as the API gives its document."""
    invoice, funding = document["invoice"], document["funding"]
    exponent = get_currency(invoice["currency"]).exponent
    values = {
        "reference": document["reference"],
        "goods": document["goods"],
        "incoterms": document.get("incoterms") or "",
        "arbiter": document["arbiter"]["institution"],
        "fund_by": _written_instant(document["fund_by_s"]),
        "hold_expires": _written_instant(document["hold_expires_at_s"]),
        "invoice.number": invoice["number"],
        "invoice.currency": invoice["currency"],
        "invoice.amount": str(Decimal(invoice["amount_minor"]).scaleb(-exponent)),
        "funding.currency": funding["currency"],
        "funding.policy": funding["policy"],
        "shipment.references": "\n".join(document["shipment"]["references"]),
    }
    for side in SIDES:
        party = document[side]
        values |= {f"{side}.{name}": party[name] for name in ("bank", "customer", "name")}
        address = party.get("address") or {}
        values |= {f"{side}.address.{name}": text for name, text in address.items() if text}
    for name, seconds in document["windows"].items():
        if name in _WINDOWS:
            values[f"windows.{name}"] = _days(seconds)
    if document["windows"].get("unawarded_bps") is not None:
        values["windows.unawarded_bps"] = _percent(document["windows"]["unawarded_bps"])
    agreed = funding.get("float")
    if agreed:
        values |= {f"funding.float.{name}": _percent(agreed[name]) for name in ("band_bps", "spread_bps", "share_bps")}
        values["funding.float.option"] = agreed["option"]
    for index, milestone in enumerate(document["milestones"]):
        row = f"milestones.{index}."
        values |= {
            row + "kind": milestone["kind"],
            row + "weight_bps": _percent(milestone["weight_bps"]),
            row + "deadline": _written_instant(milestone["deadline_s"]),
            row + "quorum": str(milestone["quorum"]),
            row + "silence": milestone["silence"],
            row + "place": milestone.get("place") or "",
        }
        values |= {row + f"attesters.{one['institution']}": "on" for one in milestone["attesters"]}
    for index, payee in enumerate(document["payees"]):
        row = f"payees.{index}."
        values |= {row + name: payee[name] or "" for name in ("name", "bank", "customer", "purpose")}
        values[row + "share_bps"] = _percent(payee["share_bps"])
    return Draft(values, milestones=len(document["milestones"]), payees=len(document["payees"]))


def terms_file(draft: Draft) -> str:
    """Return the terms file of a form.

    Raises:
        FormFieldError: a number or a time cannot be read; everything else is the API's to judge.
    """
    terms: dict[str, Any] = {
        "schema": SCHEMA,
        **{name: draft.text(name) for name in ("reference", "goods", "arbiter")},
        "fund_by": _instant(draft, "fund_by"),
        "importer": _party(draft, "importer"),
        "exporter": _party(draft, "exporter"),
        "invoice": {
            "number": draft.text("invoice.number"),
            "currency": draft.text("invoice.currency"),
            "amount": _amount(draft),
        },
        "funding": _funding(draft),
        "shipment": {"references": draft.text("shipment.references").split()},
        "milestones": [_milestone(draft, index) for index in range(draft.milestones)],
        "payees": [_payee(draft, index) for index in range(draft.payees)],
        "windows": _windows(draft),
    }
    if draft.text("incoterms"):
        terms["incoterms"] = draft.text("incoterms")
    if draft.text("hold_expires"):
        terms["hold_expires"] = _instant(draft, "hold_expires")
    return tomli_w.dumps(terms)


def _amount(draft: Draft) -> str:
    written = draft.text("invoice.amount")
    return plain_decimal("invoice.amount", written) if written else written


def _party(draft: Draft, side: str) -> dict[str, Any]:
    party: dict[str, Any] = {name: draft.text(f"{side}.{name}") for name in ("bank", "customer", "name")}
    address = {name: text for name in _ADDRESS if (text := draft.text(f"{side}.address.{name}"))}
    return party | ({"address": address} if address else {})


def _funding(draft: Draft) -> dict[str, Any]:
    funding: dict[str, Any] = {name: draft.text(f"funding.{name}") for name in ("currency", "policy")}
    if funding["policy"] == "float":
        names = ("band_bps", "spread_bps", "share_bps")
        agreed: dict[str, Any] = {
            name: _bps(draft, f"funding.float.{name}") for name in names if draft.text(f"funding.float.{name}")
        }
        if draft.text("funding.float.option"):
            agreed["option"] = draft.text("funding.float.option")
        funding["float"] = agreed
    return funding


def _milestone(draft: Draft, index: int) -> dict[str, Any]:
    row = f"milestones.{index}."
    attesters = sorted(
        name.removeprefix(row + "attesters.") for name in draft.values if name.startswith(row + "attesters.")
    )
    milestone: dict[str, Any] = {
        "kind": draft.text(row + "kind"),
        "weight_bps": _bps(draft, row + "weight_bps"),
        "deadline": _instant(draft, row + "deadline"),
        "attesters": attesters[:ATTESTERS_MAX],
        "quorum": _whole(draft, row + "quorum", len(attesters)),
        "silence": draft.text(row + "silence") or "refund",
    }
    return milestone | ({"place": draft.text(row + "place")} if draft.text(row + "place") else {})


def _payee(draft: Draft, index: int) -> dict[str, Any]:
    row = f"payees.{index}."
    payee: dict[str, Any] = {
        "name": draft.text(row + "name"),
        "bank": draft.text(row + "bank"),
        "share_bps": _bps(draft, row + "share_bps"),
        "purpose": draft.text(row + "purpose") or "other",
    }
    return payee | ({"customer": draft.text(row + "customer")} if draft.text(row + "customer") else {})


def _windows(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _WINDOWS:
        days = draft.text(f"windows.{name}")
        if days:
            found[name] = round(Decimal(plain_decimal(f"windows.{name}", days)) * DAY_S)
    if draft.text("windows.unawarded_bps"):
        found["unawarded_bps"] = _bps(draft, "windows.unawarded_bps")
    return found


def percent_to_bps(name: str, written: str) -> int:
    """Return a percentage, as a person writes it, in basis points; FormFieldError if it is none."""
    bps = Decimal(plain_decimal(name, written.replace("%", ""))) * 100
    if bps != int(bps):
        raise FormFieldError(name, "a percentage with at most two decimals", written)
    return int(bps)


def _bps(draft: Draft, name: str) -> int:
    return percent_to_bps(name, draft.text(name))


def _whole(draft: Draft, name: str, otherwise: int) -> int:
    written = draft.text(name)
    if not written:
        return otherwise
    if not written.isascii() or not written.isdigit() or len(written) > 3:
        raise FormFieldError(name, "a whole number", written)
    return int(written)


def _instant(draft: Draft, name: str) -> datetime:
    written = draft.text(name)
    try:
        return datetime.fromisoformat(written).replace(tzinfo=UTC)
    except ValueError as error:
        raise FormFieldError(name, "a date and time such as 2026-08-12T09:30", written or "nothing") from error


def _written_instant(second: Any) -> str:
    moment = datetime.fromtimestamp(second, UTC) if isinstance(second, int) else datetime.fromisoformat(str(second))
    return moment.astimezone(UTC).strftime(_INSTANT)


def _days(seconds: int) -> str:
    """Return seconds in days, exact enough to be the same seconds again."""
    written = f"{Decimal(seconds) / DAY_S:.8f}"
    return written.rstrip("0").rstrip(".")


def _percent(bps: int) -> str:
    return str((Decimal(bps) / 100).quantize(Decimal("0.01")))


def _is_row(name: str) -> bool:
    return name.startswith(("milestones.", "payees."))


def _row(fields: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    return ((name.removeprefix(prefix), text) for name, text in fields.items() if name.startswith(prefix))
