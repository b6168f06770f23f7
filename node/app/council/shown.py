"""The council and verdicts about it as JSON values, and as lines for a person made of these."""

from collections.abc import Mapping, Sequence
from typing import Any

from node.app.council.state import GOVERNANCE, Call, Council, Proposal
from node.app.council.verdict import Flight
from node.app.shown import show_time, table
from node.chain.flight import Groups, Standing
from node.chain.governance import ALGORITHM_NUMBERS

_TEXT_MAX = 80


def council_json(council: Council) -> dict[str, Any]:
    """Return who sits in the set, who votes, and the limits."""
    total = sum(one.power for one in council.validators)
    return {
        "time_s": council.now_s,
        "total_power": total,
        "quorum": 2 * total // 3 + 1,
        "members": {
            "count": council.members_count,
            "votes_needed": votes_needed(council.members_count),
            "banks": sorted(council.name(address) for address in council.members),
        },
        "validators": [
            {
                "bank": council.name(one.owner),
                "account": one.owner,
                "validator": one.address,
                "algorithm": one.algorithm,
                "public_key": one.public_key.hex(),
                "power": one.power,
                "share_percent": share(one.power, total),
                "signed_last_block": one.address in council.signers,
                "node_id": one.node_id.hex() if any(one.node_id) else None,
            }
            for one in council.validators
        ],
        "jailed": [
            {
                "bank": council.name(address),
                "reason": jail.reason,
                "evidence_digest": jail.evidence_digest.hex() if any(jail.evidence_digest) else None,
                "height": jail.height,
                "since_s": jail.since_s,
            }
            for address, jail in council.jails.items()
        ],
        "params": {"block_bytes": council.block_bytes, "block_gas": council.block_gas},
        "periods_s": {"voting": council.voting_s, "lock": council.lock_s, "grace": council.grace_s},
    }


def council_lines(shown: Mapping[str, Any]) -> list[str]:
    """Return the council for a person."""
    members, params, periods = shown["members"], shown["params"], shown["periods_s"]
    rows = [
        (
            one["bank"],
            str(one["power"]),
            f"{one['share_percent']} %",
            one["algorithm"],
            one["validator"],
            "yes" if one["signed_last_block"] else "no",
            one["node_id"] or "-",
        )
        for one in shown["validators"]
    ]
    lines = table(("bank", "power", "share", "key", "validator", "signed", "node"), rows)
    lines += [
        "",
        f"power {shown['total_power']}, {shown['quorum']} decide a block;"
        f" {members['count']} members, {members['votes_needed']} votes pass a proposal",
        f"block {params['block_bytes']} bytes, {params['block_gas']} gas;"
        f" voting {periods['voting']} s, lock {periods['lock']} s, grace {periods['grace']} s",
    ]
    for one in shown["jailed"]:
        evidence = f", evidence {one['evidence_digest']} of height {one['height']}" if one["evidence_digest"] else ""
        lines.append(f"jailed: {one['bank']} since {show_time(one['since_s'])}, {one['reason']}{evidence}")
    return lines


def proposal_json(council: Council, proposal: Proposal) -> dict[str, Any]:
    """Return a proposal that can still act."""
    return {
        "proposal": proposal.id,
        "title": proposal.title,
        "proposer": council.name(proposal.proposer),
        "is_forced": proposal.is_forced,
        "state": proposal.state.name.lower(),
        "until_s": proposal.until_s,
        "yes": [council.name(address) for address in proposal.yes],
        "no": [council.name(address) for address in proposal.no],
        "votes_needed": votes_needed(proposal.members),
        "calls": [call_text(council, call) for call in proposal.calls],
    }


def proposal_lines(shown: Mapping[str, Any]) -> list[str]:
    """Return a proposal for a person, with what can be done about it."""
    number, until = shown["proposal"], show_time(shown["until_s"])
    state = {
        "voting": f"voting until {until}; next: landfall validator vote {number} yes",
        "locked": f"passed, locked until {until}; then: landfall validator execute {number}",
        "ready": f"ready until {until}; next: landfall validator execute {number}",
    }[shown["state"]]
    forced = ", forced" if shown["is_forced"] else ""
    return [
        f"proposal {number}: {shown['title']} ({shown['proposer']}{forced})",
        f"  {state}",
        f"  yes {len(shown['yes'])} of {shown['votes_needed']}: {', '.join(shown['yes']) or 'nobody'}"
        + (f"; no: {', '.join(shown['no'])}" if shown["no"] else ""),
        *(f"  {text}" for text in shown["calls"]),
    ]


def flight_json(flight: Flight) -> dict[str, Any]:
    """Return a verdict with everything that it rests on."""
    council, verdict, after = flight.council, flight.verdict, flight.effects.after
    return {
        "verdict": "safe" if flight.is_safe else "unsafe",
        "reasons": list(flight.reasons),
        "calls": [call_text(council, call) for call in flight.calls],
        "before": _standing_json(verdict.before),
        "after": _standing_json(verdict.after),
        "moved": verdict.moved,
        "keeps_quorum": verdict.keeps_quorum,
        "members": {
            side: {"count": one.members_count, "votes_needed": votes_needed(one.members_count)}
            for side, one in (("before", council), ("after", after))
        },
        "params": {
            side: {"block_bytes": one.block_bytes, "block_gas": one.block_gas}
            for side, one in (("before", council), ("after", after))
        },
        "in_flight": {
            "proposals": [
                {
                    **proposal_json(council, one.proposal),
                    "fails_if_change_is_second": list(one.change_second),
                    "fails_if_proposal_is_second": list(one.proposal_second),
                }
                for one in flight.others
            ],
            "transactions": council.pending,
        },
    }


def flight_lines(shown: Mapping[str, Any]) -> list[str]:
    """Return a verdict for a person."""
    before, after, members = shown["before"], shown["after"], shown["members"]
    rows = [
        ("power", str(before["total"]), str(after["total"])),
        ("quorum", str(before["quorum"]), str(after["quorum"])),
        ("members", str(members["before"]["count"]), str(members["after"]["count"])),
        ("votes to pass", str(members["before"]["votes_needed"]), str(members["after"]["votes_needed"])),
        *_bank_rows(before, after),
        ("can halt alone", _names(before["can_halt_alone"]), _names(after["can_halt_alone"])),
        ("can fork alone", _names(before["can_fork_alone"]), _names(after["can_fork_alone"])),
        *(
            (name, str(shown["params"]["before"][name]), str(shown["params"]["after"][name]))
            for name in ("block_bytes", "block_gas")
            if shown["params"]["before"][name] != shown["params"]["after"][name]
        ),
    ]
    lines = [*shown["calls"], "", *table(("", "before", "after"), rows), ""]
    for what in ("halt", "fork"):
        lines += [f"smallest groups that can {what}, {side}: {_groups(one[what])}" for side, one in _sides(shown)]
    lines += ["", *_flight_lines(shown["in_flight"]), ""]
    lines += [shown["verdict"], *(f"  {reason}" for reason in shown["reasons"])]
    return lines


def call_text(council: Council, call: Call) -> str:
    """Return what a call does, in words where it is about the council."""
    arguments = call.arguments or {}
    if (call.contract, call.function) == (GOVERNANCE, "set_validator"):
        return _set_text(council, arguments)
    if (call.contract, call.function) == (GOVERNANCE, "jail"):
        reason = arguments["reason"].rstrip(b"\0").decode("ascii", "replace")
        digest = arguments["evidence_digest"]
        evidence = f", evidence {digest.hex()} of height {arguments['height']}" if any(digest) else ""
        return f"jail {council.name(arguments['owner'])}: {reason}{evidence}"
    if call.arguments is None:
        return f"call {call.contract or call.target} with {len(call.data)} bytes 0x{call.data[:4].hex()}..."
    told = ", ".join(f"{name}={_value(council, value)}" for name, value in arguments.items())
    return f"{call.contract}.{call.function}({told})"


def votes_needed(members: int) -> int:
    """Return how many votes are more than two thirds of the members."""
    return 2 * members // 3 + 1


def share(power: int, total: int) -> str:
    """Return a part of the power in percent, with one digit, rounded down: no third looks like more than it is."""
    tenths = 1000 * power // total if total else 0
    return f"{tenths // 10}.{tenths % 10}"


def _set_text(council: Council, arguments: Mapping[str, Any]) -> str:
    found = [one for one in council.validators if one.public_key == arguments["public_key"]]
    bank, power = council.name(arguments["owner"]), arguments["power"]
    if found and not power:
        return f"remove key {found[0].address} of {bank}, power {found[0].power}"
    if found:
        return f"power of key {found[0].address} of {bank}: {found[0].power} -> {power}"
    names = {number: name for name, number in ALGORITHM_NUMBERS.items()}
    node = f", node {arguments['node_id'].hex()}" if any(arguments["node_id"]) else ""
    return f"add a key of {bank}: {names.get(arguments['algorithm'])}, power {power}{node}"


def _value(council: Council, value: Any) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}" if len(value) <= 32 else f"{len(value)} bytes"
    if isinstance(value, str):
        return council.name(value) if value.startswith("0x") else repr(value[:_TEXT_MAX])
    return str(value)[:_TEXT_MAX]


def _standing_json(standing: Standing) -> dict[str, Any]:
    return {
        "total": standing.total,
        "quorum": standing.quorum,
        "banks": [
            {"bank": bank, "power": power, "share_percent": share(power, standing.total)}
            for bank, power in standing.powers.items()
        ],
        "can_halt_alone": list(standing.can_halt_alone),
        "can_fork_alone": list(standing.can_fork_alone),
        "halt": _groups_json(standing.halting),
        "fork": _groups_json(standing.forking),
    }


def _groups_json(groups: Groups) -> dict[str, Any]:
    return {"groups": [list(one) for one in groups.groups], "is_complete": groups.is_complete}


def _bank_rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    sides = [
        {one["bank"]: f"{one['power']} ({one['share_percent']} %)" for one in side["banks"]} for side in (before, after)
    ]
    return [(bank, *(side.get(bank, "-") for side in sides)) for bank in {**sides[0], **sides[1]}]


def _sides(shown: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    if shown["before"] == shown["after"]:
        return [("before and after", shown["before"])]
    return [("before", shown["before"]), ("after", shown["after"])]


def _groups(found: Mapping[str, Any]) -> str:
    groups = " | ".join("+".join(group) for group in found["groups"]) or "none"
    return groups if found["is_complete"] else f"{groups} | and more"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _flight_lines(in_flight: Mapping[str, Any]) -> list[str]:
    lines = [f"in flight: {in_flight['transactions']} transactions wait for a block"]
    for one in in_flight["proposals"]:
        until = show_time(one["until_s"])
        orders = [f"this change after it: {text}" for text in one["fails_if_change_is_second"]]
        orders += [f"it after this change: {text}" for text in one["fails_if_proposal_is_second"]]
        lines.append(f"in flight: proposal {one['proposal']}, {one['title']}, {one['state']} until {until}")
        lines += [f"  {text}" for text in one["calls"]]
        lines += [f"  {text}" for text in orders or ["in either order: the same as alone"]]
    return lines
