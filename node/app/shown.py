"""How the API's answers read on a terminal: lines for a person."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from fx.currencies import get_currency
from fx.money import Money
from node.client.times import to_seconds


def show_time(time: int | str | None) -> str:
    """Return a time, in unix seconds or as the API writes it, as people write it, UTC."""
    if time is None:
        return "-"
    return f"{datetime.fromtimestamp(time if isinstance(time, int) else to_seconds(time), UTC):%Y-%m-%d %H:%M}"


def show_money(amount_minor: str | int, currency: str) -> str:
    """Return minor units as an amount with its currency."""
    return str(Money(int(amount_minor), get_currency(currency)))


def show_bps(bps: int) -> str:
    """Return basis points as a percentage."""
    return f"{bps // 100}.{bps % 100:02d} %"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return lines of columns; a column whose cells start with a digit is aligned to the right."""
    lines = [tuple(headings), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    right = [
        len(lines) > 1 and all(line[column][:1].isdigit() or line[column] == "-" for line in lines[1:])
        for column in range(len(headings))
    ]
    return [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def trade_lines(trade: dict[str, Any]) -> list[str]:
    """Return a trade: who pays, who gets, what it costs, how far it is, what is waited for."""
    lines = [
        f"trade {trade['reference']}: {trade['state']}"
        + (f" ({trade['closed_cause']})" if trade["closed_cause"] else ""),
        f"  {trade['importer']} pays {trade['exporter']} {trade['amount']} for {trade['goods']}",
        f"  invoice {trade['invoice_number']}, {trade['incoterms'] or 'no Incoterms'}, parties {trade['screening']}",
        f"  terms version {trade['version']}, signed by {' and '.join(trade['signed_by']) or 'nobody yet'}",
    ]
    if trade["cost"]:
        lines += [f"  {line}" for line in cost_lines(trade["cost"])]
    lines += [f"  {line}" for line in milestone_lines(trade["milestones"])]
    lines += [f"  {line}" for line in payee_lines(trade["payees"])]
    if trade["fx"] and trade["fx"]["top_up_missing"]:
        fx = trade["fx"]
        lines.append(f"  a call wants {fx['top_up_missing']} more by {show_time(fx['call_ends'])}")
    if trade["uetr"]:
        lines.append(f"  payment UETR {trade['uetr']}")
    lines += [f"  {one['step']} was refused: {one['reason']}" for one in trade["steps"] if one["state"] == "failed"]
    if trade["failure"]:
        lines.append(f"  funding was refused: {trade['failure']}")
    return lines + [f"  {line}" for line in next_lines(trade["next"])]


def cost_lines(cost: dict[str, Any]) -> list[str]:
    """Return what the accepted quote costs."""
    premium = f", premium {cost['premium']} on top" if cost["premium"] else ""
    lines = [
        f"pays {cost['pays']} for {cost['for_amount']} at {cost['rate']} from {cost['provider']}",
        f"worth {cost['value_at_mid']} at mid, spread {cost['spread']}, fee {cost['fee']}{premium}: "
        f"total cost {cost['total_percent']}",
    ]
    if cost["cancel_fee"]:
        lines.append(f"the lock may be given up for {cost['cancel_fee']}, in part for a part of it")
    return lines


def quote_lines(quotes: Sequence[dict[str, Any]], accepted: str | None) -> list[str]:
    """Return quotes as a table, the cheapest first."""
    rows = [
        (
            quote["provider"],
            quote["pays"],
            quote["rate"],
            quote["spread"],
            quote["fee"],
            quote["premium"] or "-",
            quote["total_percent"],
            show_time(quote["expires_at"]),
            "taken" if quote["digest"] == accepted else quote["refusal"] or "",
        )
        for quote in quotes
    ]
    return table(("provider", "pays", "rate, all in", "spread", "fee", "premium", "total cost", "firm until", ""), rows)


def need_lines(need: dict[str, Any]) -> list[str]:
    """Return what the importer must have, and whether it has it."""
    firm = "" if need["is_firm"] else "about "
    lines = [f"funding needs {firm}{need['amount'] or 'an amount that no known rate tells'}: {need['consists_of']}"]
    if need["available"] is not None:
        lines.append(
            f"the importer has {need['available']}" + (f", {need['missing']} too little" if need["missing"] else "")
        )
    return lines


def payment_lines(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Return a trade's payment messages as a table, in their order."""
    rows = [
        (
            show_time(one["time"]),
            one["kind"],
            {"sent": "to", "received": "from"}.get(one["direction"], "for") + f" {one['partner']}",
            "-" if one["milestone"] is None else f"milestone {one['milestone'] + 1}",
            one["amount"] or one["status"] or "-",
            one["state"],
            one["state_reason"] or one["reason"] or "",
        )
        for one in messages
    ]
    if not rows:
        return ["no payment messages: they begin when the trade is funded"]
    uetr = next((one["uetr"] for one in messages if one["uetr"]), None)
    return [f"UETR {uetr or 'not known here'}", *table(("time", "message", "", "about", "says", "state", ""), rows)]


def motion_lines(motions: Sequence[dict[str, Any]]) -> list[str]:
    """Return changes on the table: what, whose signature is missing, and why nothing goes on."""
    lines = []
    for motion in motions:
        missing = [one["institution"] or one["account"] for one in motion["signers"] if not one["signed"]]
        waits = f"waits for the signature of {', '.join(missing)}" if missing else "signed by all"
        lines.append(f"{motion['name']}, proposed by the {motion['proposed_by']}: {motion['state']}, {waits}")
        lines += [f"  {change['field']} {change['old']} -> {change['new']}" for change in motion["changes"]]
        if motion["reason"]:
            lines.append(f"  {motion['reason']}")
    return lines or ["nothing is on the table"]


def request_lines(requests: Sequence[dict[str, Any]]) -> list[str]:
    """Return what somebody is asked to sign."""
    lines = []
    for one in requests:
        lines.append(f"{one['reference']}: {one['asked_by']} asks {one['owner']} to {one['summary']} ({one['state']})")
        if one["hold_until"] is not None:
            grows = f"the hold grows by {one['hold_grows_by']} minor units and lives"
            lines.append(f"  {grows} until {show_time(one['hold_until'])}")
    return lines or ["nothing is asked"]


def payee_lines(payees: Sequence[dict[str, Any]]) -> list[str]:
    """Return who gets which share."""
    return [f"{one['name']} gets {one['share_percent']} = {one['amount']} ({one['purpose']})" for one in payees]


def milestone_lines(milestones: Sequence[dict[str, Any]]) -> list[str]:
    """Return milestones as a table."""
    rows = [
        (
            milestone["kind"],
            milestone["weight_percent"],
            milestone["amount"],
            show_time(milestone["deadline"]),
            f"{_counted(milestone)} of {milestone['quorum']} attested",
            milestone["state"],
            milestone["paid"] or "-",
            milestone["refunded"] or "-",
        )
        for milestone in milestones
    ]
    return table(("milestone", "share", "amount", "deadline", "quorum", "state", "paid", "refunded"), rows)


def conversion_lines(quotes: Sequence[dict[str, Any]]) -> list[str]:
    """Return what each quote makes of a float's milestone as a table, the best first."""
    rows = [
        (
            one["quote"]["provider"],
            one["quote"]["rate"],
            one["paid"] or "-",
            one["owed"] or "-",
            one["sold"] or "-",
            one["refunded"] or "-",
            one["refusal"] or f"{one['chooser']} chooses",
            one["quote"]["digest"],
        )
        for one in quotes
    ]
    return table(("provider", "rate, all in", "pays", "owed", "sells", "gives back", "", "digest"), rows)


def case_lines(cases: Sequence[dict[str, Any]]) -> list[str]:
    """Return the disputes before an arbiter: what about, why, until when, with which documents."""
    lines: list[str] = []
    for case in cases:
        lines += [
            f"{case['reference']} milestone {case['milestone'] + 1} ({case['milestone_kind']}, {case['amount']}): "
            f"{case['importer']} against {case['exporter']}, raised by the {case['raised_by']}",
            f"  {case['goods']}",
            f"  reasons: {case['reasons'] or 'not sent yet'}",
            *(f"  {one['kind']} {one['sha256'][:16]}: {one['summary']}" for one in case["exhibits"]),
        ]
        if case["awarded_at"] is None:
            lines.append(f"  award by {show_time(case['award_by'])}, or else what is due stands")
        else:
            lines.append(f"  awarded {show_bps(case['share_bps'])} to the exporter's side: {case['award_reasons']}")
    return lines or ["no disputes"]


def next_lines(actions: Sequence[dict[str, Any]]) -> list[str]:
    """Return what is waited for, then what opens later, then in a line a party what it may do besides."""
    lines = [_next_line(action) for action in actions if action["weight"] != "option"]
    options: dict[str, list[str]] = {}
    for action in actions:
        if action["weight"] == "option":
            options.setdefault(action["who"], []).append(action["what"])
    lines += [f"{who} may also: {'; '.join(whats)}" for who, whats in options.items()]
    return lines or ["nothing is waited for"]


def _next_line(action: dict[str, Any]) -> str:
    verb = "waits for" if action["weight"] == "owed" else "open to"
    by = "" if action["by"] is None else f" (by {show_time(action['by'])})"
    otherwise = f", or else {action['otherwise']}" if action["otherwise"] else ""
    if action["from"] is not None:
        return f"from {show_time(action['from'])} {action['who']} may {action['what']}{by}{otherwise}"
    return f"{verb} {action['who']}: {action['what']}{by}{otherwise}"


def change_line(change: dict[str, Any], milestones: Sequence[dict[str, Any]]) -> str:
    """Return what a version of the terms changed, as people say it."""
    *path, field = change["field"].split(".")
    old, new = (_show_value(field, change[which]) for which in ("old", "new"))
    name = field.removesuffix("_s").removesuffix("_bps").replace("_", " ")
    if len(path) == 2 and path[0] == "milestones":
        return f"{name} of milestone {milestones[int(path[1])]['kind']} {old} -> {new}"
    return f"{' '.join([*path, name])} {old} -> {new}"


def _show_value(field: str, value: Any) -> str:
    if isinstance(value, int) and field.endswith(("deadline_s", "fund_by_s", "_at_s")):
        return show_time(value)
    if isinstance(value, int) and field.endswith("_bps"):
        return show_bps(value)
    return str(value)


def balance_lines(balances: Sequence[dict[str, Any]]) -> list[str]:
    """Return balances as a table."""
    rows = [
        (
            row["owner"],
            *(show_money(row[part], row["currency"]) for part in ("available", "held", "blocked", "total")),
        )
        for row in balances
    ]
    return table(("account", "available", "held", "blocked", "total"), rows)


def wallet_order_lines(order: dict[str, Any]) -> list[str]:
    """Return an order about wallets, purposes or limits as a line."""
    return [f"{order['summary']}: {order['state']}"]


def wallet_lines(wallets: Sequence[dict[str, Any]]) -> list[str]:
    """Return wallets as a table."""
    rows = [(one["customer"], one["account"], one["tier"], one["purpose"] or "-") for one in wallets]
    return table(("customer", "account", "tier", "purpose"), rows) if rows else ["no wallets yet"]


def purpose_lines(purposes: Sequence[dict[str, Any]]) -> list[str]:
    """Return purposes as a table."""
    rows = [(one["purpose"], one["owner"], ", ".join(one["payees"]) or "nobody yet") for one in purposes]
    return table(("purpose", "owner", "payees"), rows) if rows else ["no purposes yet"]


def limit_lines(limits: Sequence[dict[str, Any]]) -> list[str]:
    """Return the limits of tiers as a table."""

    def shown(amount: str, currency: str) -> str:
        return "no limit" if amount == "0" else show_money(amount, currency)

    rows = [
        (one["currency"], one["tier"], *(shown(one[name], one["currency"]) for name in ("holding_max", "flow_max")))
        for one in limits
    ]
    if not rows:
        return ["no limits: wallets of both tiers may hold and spend what they like"]
    windows = [f"{one['window_s']} s" for one in limits]
    return table(
        ("currency", "tier", "holds at most", "spends at most", "within"),
        [(*row, window) for row, window in zip(rows, windows, strict=True)],
    )


def _counted(milestone: dict[str, Any]) -> int:
    return sum(1 for one in milestone["attestations"] if one["state"] == "counted")
