"""How every scenario ends: the books balance and equal the chain, the evidence pack is true and cannot be altered."""

from collections.abc import Sequence
from pathlib import Path

from bridge.errors import EvidenceError
from bridge.proofs.evidence import verify_pack
from node.app.demo.story import Story
from node.app.errors import ScenarioError
from node.app.network import shipped_genesis_hash
from node.app.shown import balance_lines, show_money, show_time
from node.app.steps import Steps


def tell_books(
    steps: Steps, story: Story, banks: Sequence[str], accounts: Sequence[tuple[str, str]], about: str = ""
) -> None:
    """Tell that each bank's journal balances and equals the chain, and show statements (lines `about` a trade).

    Raises:
        ScenarioError: a journal does not.
    """
    story.step("The books")
    for bank in banks:
        totals = steps.get(bank, "/trial-balance")
        debit, credit = (sum(int(row[side]) for row in totals) for side in ("debit", "credit"))
        found = steps.get(bank, "/reconciliation")
        if debit != credit or not found["is_equal"]:
            raise ScenarioError(f"{bank}: expected balanced books equal to the chain, got {found['differences']}")
        story.tell(
            f"{bank}: debits equal credits; {found['compared']} amounts equal the chain at {found['block_number']}"
        )
    for owner, currency in accounts:
        story.tell(balance_lines([row for row in steps.get(owner, "/balances") if row["currency"] == currency]))
        story.tell(line for line in _statement(steps, owner, currency) if about in line)


def tell_payment(steps: Steps, story: Story, bank: str, reference: str) -> None:
    """Tell which payment messages went between the banks, and how they were protected.

    Raises:
        ScenarioError: one of them is not where it should be, or was not protected.
    """
    story.step("The payment messages between the banks")
    found = [one for one in steps.get(bank, f"/trades/{reference}/messages") if one["direction"] != "issued"]
    lost = [one["message_id"] for one in found if one["state"] not in ("stored", "handled")]
    if lost or not found:
        raise ScenarioError(f"{reference}: expected every message stored or handled, got {lost or 'none'}")
    kinds = ", ".join(
        f"{one['kind']} {'to' if one['direction'] == 'sent' else 'from'} {one['partner']}"
        + (f" ({one['status']})" if one["status"] else "")
        for one in found
    )
    signed, sealed = (", ".join(sorted({str(one[name]) for one in found})) for name in ("signed_with", "sealed_with"))
    story.tell(f"{bank}: {kinds}")
    story.tell(
        f"UETR {found[0]['uetr']}, each signed with {signed}, sealed with {sealed}",
        uetr=found[0]["uetr"],
        messages=[one["kind"] for one in found],
    )


def tell_evidence(steps: Steps, story: Story, who: str, reference: str, out: Path) -> None:
    """Write the evidence pack, verify it, and verify it again with one byte flipped.

    Raises:
        ScenarioError: the verifier did not say yes, then no.
    """
    story.step("The evidence pack, verified without node or network")
    steps.write_evidence(who, reference, out)
    pack, trusted = out.read_bytes(), shipped_genesis_hash()
    verified = verify_pack(pack, trusted)
    story.tell(
        f"yes: {out} ({len(pack) // 1024} KiB, {len(verified.blocks)} blocks) is true under genesis {trusted.hex()}"
    )
    story.tell([f"  {line}" for line in verified.statement])
    flipped = bytearray(pack)
    flipped[len(pack) // 2] ^= 1
    try:
        verify_pack(bytes(flipped), trusted)
    except EvidenceError as error:
        story.tell(f"no, with byte {len(pack) // 2} flipped: {error}", pack=str(out), refusal=str(error))
    else:
        raise ScenarioError("evidence: expected a flipped byte to be refused, got a yes")


def _statement(steps: Steps, owner: str, currency: str) -> list[str]:
    lines = []
    for line in steps.get(owner, f"/statements/{currency}"):
        change = int(line["available_change"]) + int(line["held_change"]) + int(line["blocked_change"])
        moved = show_money(change or line["held_change"], currency) + ("" if change else " (held)")
        purposes = ", ".join(_purpose(memo) for memo in line["memos"]) or line["kind"]
        lines.append(f"  {show_time(line['time'])}  {moved:>24}  {purposes}")
    return lines


def _purpose(memo: dict[str, object]) -> str:
    return " ".join(str(part) for part in (memo["purpose"], memo["text"]) if part)
