"""What many stories have in common: coffee is agreed on, delivered, inspected, and the trade closed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.app.demo.endings import tell_books, tell_evidence
from node.app.demo.papers import vary
from node.app.demo.story import Story
from node.app.examples import example
from node.app.shown import milestone_lines, next_lines, show_time
from node.app.steps import Steps
from node.client.times import to_seconds

IMPORTER, EXPORTER = "kade", "rwenzori"
BANKS = ("bank-nl", "bank-ug")
DAY_S = 86_400


@dataclass(slots=True)
class Coffee:
    """A trade in coffee under way; `lot` tells its papers from those of the others."""

    steps: Steps
    story: Story
    out: Path
    lot: str
    currency: str = "UGX"
    reference: str = field(init=False)

    def __post_init__(self) -> None:
        self.reference = f"RC-2026-{self.lot}"

    def agree(self, changes: dict[str, str]) -> dict[str, Any]:
        """Draft and sign; `changes` are lines of the terms and what stands in their place."""
        steps, folder = self.steps, self.out.parent / "papers" / self.lot
        terms = vary("coffee/terms.toml", self._terms(changes), folder)
        invoice = vary("coffee/invoice.xml", self._invoice(), folder) if self.currency == "UGX" else None
        drafted = steps.draft(EXPORTER, terms, invoice)
        self.story.tell(f"{drafted['exporter']} offers {drafted['goods']}: {drafted['amount']}")
        steps.sign(IMPORTER, self.reference)
        return steps.sign(EXPORTER, self.reference)

    def fund(self) -> dict[str, Any]:
        """Fund the trade, with a quote where its policy needs one."""
        return self.steps.fund(IMPORTER, self.reference)

    def inspect(self, when: str, share_bps: int = 10_000) -> None:
        """The inspector finds the coffee delivered, all of it or a part."""
        edits = {
            '"https://rwenzori.example/lot/2026-031"': f'"https://rwenzori.example/lot/2026-{self.lot}"',
            "LIS-2026-00611": f"LIS-2026-{self.lot}",
            "2026-08-16T09:00:00+02:00": when,
            '"share_bps": 10000': f'"share_bps": {share_bps}',
            "100 bags": f"{share_bps // 100} bags",
        }
        statement = vary("coffee/statement.json", edits, self.out.parent / "papers" / self.lot)
        attested = self.steps.attest("inspector", self.reference, "statements", statement)
        self.story.tell(f"inspector: {attested['outcome']}; {attested['summary']}")
        self.story.tell(next_lines(self.trade()["next"]))

    def trade(self, who: str = IMPORTER) -> dict[str, Any]:
        """Return the trade as `who` sees it."""
        return self.steps.trade(who, self.reference)

    def until_final(self) -> Iterator[int]:
        """Wait until nobody can dispute any more."""
        (milestone,) = self.trade()["milestones"]
        yield to_seconds(milestone["final_after"]) + 1

    def close(
        self, currency: str | None = None, *, also: tuple[tuple[str, str], ...] = (), banks: tuple[str, ...] = BANKS
    ) -> None:
        """Tell how it ended: milestone, books of the banks, evidence."""
        closed = self.trade()
        self.story.tell(milestone_lines(closed["milestones"]), closed_cause=closed["closed_cause"])
        accounts = ((EXPORTER, currency or self.currency), *also)
        tell_books(self.steps, self.story, banks, accounts, about=self.lot)
        tell_evidence(self.steps, self.story, IMPORTER, self.reference, self.out)

    def time(self) -> str:
        """Return ledger time as people write it."""
        return show_time(self.steps.devnet.now_s())

    def _terms(self, changes: dict[str, str]) -> dict[str, str]:
        ours = {
            'reference = "RC-2026-031"': f'reference = "{self.reference}"',
            "RC-INV-2026-031": f"RC-INV-2026-{self.lot}",
            "lot/2026-031": f"lot/2026-{self.lot}",
        }
        if self.currency != "UGX":
            ours['currency = "UGX"\namount = "90000000"'] = f'currency = "{self.currency}"\namount = "3000000.00"'
        return ours | changes

    def _invoice(self) -> dict[str, str]:
        return {"RC-INV-2026-031": f"RC-INV-2026-{self.lot}"}


def available(steps: Steps, owner: str, currency: str) -> int:
    """Return what an owner has available, minor units."""
    return sum(int(row["available"]) for row in steps.get(owner, "/balances") if row["currency"] == currency)


def account_of(steps: Steps, owner: str, *, bank: str | None = None) -> str:
    """Return the account of an institution, or of a bank's customer."""
    if bank is None:
        return str(steps.get(owner, f"/institutions/{owner}")["address"])
    return str(steps.get(bank, f"/customers/{owner}")["address"])


def terms_of(policy: str, deadline: str) -> dict[str, str]:
    """Return the changes to the example's terms for another policy than float and an earlier deadline (a day)."""
    text = example("coffee/terms.toml").read_text("utf-8")
    table = text[text.index("\n[funding.float]") : text.index("\n[shipment]")]
    return {'policy = "float"': f'policy = "{policy}"', table: "", "2026-09-26T18": f"{deadline}T18"}
