"""The steps of a trade against a running devnet, as the command line and the demo take them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from node.app.devnet import Devnet, open_devnet
from node.app.errors import StepError
from node.client.decisions import Decisions
from node.client.times import to_seconds, to_text

_CLOSE = "close_out_of_band"


@dataclass(frozen=True, slots=True)
class Steps:
    """Each step acts for one person, waits until the desk has nothing left to do, and returns the trade."""

    devnet: Devnet

    def draft(self, who: str, terms: Path, invoice: Path | None, side: str | None = None) -> dict[str, Any]:
        """Draft a trade and offer it to the other side."""
        drafted = self.devnet.client(who).post("/trades", _papers(terms, invoice, side))
        return self._after(who, drafted["reference"])

    def counter(
        self, who: str, reference: str, terms: Path, invoice: Path | None = None, side: str | None = None
    ) -> dict[str, Any]:
        """Answer with another version."""
        return self._post(who, reference, "counter", _papers(terms, invoice, side))

    def sign(self, who: str, reference: str, side: str | None = None) -> dict[str, Any]:
        """Consent to the latest version."""
        return self._post(who, reference, "sign", {"side": side})

    def quotes(self, who: str, reference: str) -> dict[str, Any]:
        """Ask for quotes; return the answers."""
        self._post(who, reference, "quotes")
        answer: dict[str, Any] = self.get(who, f"/trades/{reference}/quotes")
        return answer

    def accept(self, who: str, reference: str, digest: str | None = None) -> dict[str, Any]:
        """Take a quote, the cheapest unless named; return its cost."""
        cost: dict[str, Any] = self.devnet.client(who).post(f"/trades/{reference}/quotes/accept", {"digest": digest})
        return cost

    def fund(self, who: str, reference: str) -> dict[str, Any]:
        """Fund the trade.

        Raises:
            StepError: the chain refused; the message says why.
        """
        trade = self._post(who, reference, "fund")
        if trade["state"] != "funded":
            raise StepError(f"fund: expected the trade to be funded, got {trade['state']}: {trade['failure']}")
        return trade

    def attest(self, who: str, reference: str, kind: str, document: Path) -> dict[str, Any]:
        """Attest a document (`events` or `statements`); return the attestation."""
        attested: dict[str, Any] = self.devnet.client(who).post_bytes(
            f"/trades/{reference}/{kind}", document.read_bytes()
        )
        self.devnet.settle_down()
        return attested

    def needs(self, who: str, reference: str) -> dict[str, Any]:
        """Return what the importer must have for the trade to be funded."""
        need: dict[str, Any] = self.get(who, f"/trades/{reference}/needs")
        return need

    def cancel(
        self, who: str, reference: str, side: str | None = None, *, ask_provider: bool = False
    ) -> dict[str, Any]:
        """Sign a cancellation."""
        return self._post(who, reference, "cancel", {"side": side, "ask_provider": ask_provider})

    def amend(
        self,
        who: str,
        reference: str,
        terms: Path,
        invoice: Path | None = None,
        side: str | None = None,
        *,
        ask_provider: bool = False,
    ) -> dict[str, Any]:
        """Propose other terms for a funded trade."""
        return self._post(who, reference, "amend", _papers(terms, invoice, side) | {"ask_provider": ask_provider})

    def agree(self, who: str, reference: str, side: str | None = None) -> dict[str, Any]:
        """Sign the amendment on the table."""
        return self._post(who, reference, "agree", {"side": side})

    def assign(
        self, who: str, reference: str, milestone: int, institution: str, account: str | None = None
    ) -> dict[str, Any]:
        """Offer a milestone, counted from 0, to a financier."""
        body = {"milestone": milestone, "institution": institution, "account": account}
        return self._post(who, reference, "assign", body)

    def motions(self, who: str, reference: str) -> list[dict[str, Any]]:
        """Return the changes of a funded trade that are on the table."""
        found: list[dict[str, Any]] = self.get(who, f"/trades/{reference}/motions")
        return found

    def requests(self, who: str) -> list[dict[str, Any]]:
        """Return what `who` is asked to sign about others' trades."""
        found: list[dict[str, Any]] = self.get(who, "/requests")
        return found

    def answer_requests(self, who: str, reference: str, decline: str | None = None) -> list[dict[str, Any]]:
        """Sign, or decline with a reason, everything that `who` is asked about a trade.

        Raises:
            StepError: nothing is asked about it.
        """
        asked = [one for one in self.requests(who) if one["reference"] == reference]
        if not asked:
            raise StepError(f"requests: expected something that {who} is asked about {reference}, got nothing")
        step, body = ("sign", None) if decline is None else ("decline", {"reason": decline})
        answers = [self.devnet.client(who).post(f"/requests/{one['id']}/{step}", body) for one in asked]
        self.devnet.settle_down()
        return answers

    def act(self, who: str, reference: str, step: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take a step about a funded trade (`reprice`, `top-up`, `close`).

        Raises:
            StepError: the chain refused; the message says why.
        """
        return self._checked(self._post(who, reference, step, body), step.replace("-", "_").replace("close", _CLOSE))

    def decide(
        self, who: str, reference: str, step: str, milestone: int, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Take a step about a milestone (from 1): `accept`, `waive`, `dispute`, `settle`, `defer`, `last-resort`.

        Raises:
            StepError: the chain refused; the message says why.
        """
        trade = self._post(who, reference, f"milestones/{milestone - 1}/{step}", body)
        return self._checked(trade, f"{step.replace('-', '_')}:{milestone - 1}")

    def waive(self, who: str, reference: str, milestone: int, amount: str) -> dict[str, Any]:
        """Give up an amount such as `50000.00` of a milestone."""
        from fx.money import Money

        currency = str(self.trade(who, reference)["amount"]).rsplit(" ", 1)[1]
        body = {"amount": str(Money.parse(amount, currency).amount_minor)}
        return self.decide(who, reference, "waive", milestone, body)

    def defer(self, who: str, reference: str, milestone: int, deadline: str) -> dict[str, Any]:
        """Take a later deadline, such as `2026-10-01T18:00:00Z`."""
        moment = datetime.fromisoformat(deadline)
        if moment.tzinfo is None:
            raise StepError(f"deadline: expected a time with its zone, 2026-10-01T18:00:00Z, got {deadline}")
        return self.decide(who, reference, "defer", milestone, {"deadline": to_text(int(moment.timestamp()))})

    def settlement_quotes(self, who: str, reference: str, milestone: int) -> dict[str, Any]:
        """Ask for quotes that settle a float's milestone; return what each would pay."""
        decisions = Decisions(self.devnet.client(who), reference)
        decisions.request_quotes(milestone - 1)
        self.devnet.settle_down()
        answer: dict[str, Any] = decisions.quotes(milestone - 1)
        return answer

    def award(self, who: str, reference: str, milestone: int, share_bps: int, reasons: str) -> dict[str, Any]:
        """Decide the latest dispute about a milestone that was put before this arbiter."""
        cases = [
            case
            for case in self.get(who, "/disputes")
            if (case["reference"], case["milestone"]) == (reference, milestone - 1)
        ]
        if not cases:
            raise StepError(f"dispute: expected one about milestone {milestone} of {reference}, got none")
        path = f"/disputes/{max(cases, key=lambda case: to_seconds(case['raised_at']))['dispute']}"
        self.devnet.client(who).post(f"{path}/award", {"share_bps": share_bps, "reasons": reasons})
        self.devnet.settle_down()
        decided: dict[str, Any] = self.get(who, path)
        if decided["awarded_at"] is None:
            raise StepError("award: expected the chain to take it, got a refusal; see the desk's notices")
        return decided

    def withdraw(self, who: str, reference: str) -> dict[str, Any]:
        """End a negotiation."""
        return self._post(who, reference, "withdraw")

    def trade(self, who: str, reference: str) -> dict[str, Any]:
        """Return the trade as `who` sees it."""
        trade: dict[str, Any] = self.get(who, f"/trades/{reference}")
        return trade

    def write_messages(self, who: str, reference: str, folder: Path) -> list[Path]:
        """Write the XML of a trade's payment messages, one file each, numbered in their order."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for place, one in enumerate(self.get(who, f"/trades/{reference}/messages"), start=1):
            # No message id in a name: the other bank has made it.
            path = folder / f"{place:02}-{one['kind']}.xml"
            path.write_bytes(self.devnet.client(who).get_bytes(f"/trades/{reference}/messages/{one['number']}"))
            paths.append(path)
        return paths

    def write_evidence(self, who: str, reference: str, path: Path) -> Path:
        """Write the evidence pack of a closed trade."""
        return self._write(who, f"/trades/{reference}/evidence", path)

    def write_summary(self, who: str, reference: str, path: Path, language: str) -> Path:
        """Write a trade's summary as PDF."""
        return self._write(who, f"/trades/{reference}/summary", path, {"language": language})

    def write_cover(self, who: str, reference: str, path: Path, language: str) -> Path:
        """Write the cover sheet of a closed trade's evidence as PDF."""
        return self._write(who, f"/trades/{reference}/evidence/cover", path, {"language": language})

    def _write(self, who: str, address: str, path: Path, query: dict[str, str] | None = None) -> Path:
        content = self.devnet.client(who).get_bytes(address, query)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def order(self, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Order something about wallets, purposes or limits; return the order once the chain has taken it.

        Raises:
            StepError: the chain refused; the message says why.
        """
        ordered = self.devnet.client(who).post(path, body)
        self.devnet.settle_down()
        found: dict[str, Any] = self.get(who, f"/wallet-orders/{ordered['id']}")
        if found["state"] == "failed":
            raise StepError(f"{found['summary']}: expected the chain to take it, got {found['reason']}")
        return found

    def get(self, who: str, path: str) -> Any:
        """Return the JSON at `path` for `who`."""
        return self.devnet.client(who).get(path)

    def _checked(self, trade: dict[str, Any], step: str) -> dict[str, Any]:
        """Return the trade, or say why the chain refused the step."""
        for sent in trade["steps"]:
            if sent["step"] == step and sent["state"] == "failed":
                raise StepError(f"{step}: expected the chain to take it, got {sent['reason']}")
        return trade

    def _post(self, who: str, reference: str, step: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        self.devnet.client(who).post(f"/trades/{reference}/{step}", body)
        return self._after(who, reference)

    def _after(self, who: str, reference: str) -> dict[str, Any]:
        self.devnet.settle_down()
        return self.trade(who, reference)


@contextlib.contextmanager
def open_steps(home: Path) -> Iterator[Steps]:
    """Open the steps against the devnet that runs in `home`, or raise HomeError."""
    with open_devnet(home) as devnet:
        yield Steps(devnet)


def _papers(terms: Path, invoice: Path | None, side: str | None) -> dict[str, Any]:
    return {
        "terms_toml": terms.read_text("utf-8"),
        "invoice_xml": None if invoice is None else invoice.read_text("utf-8"),
        "side": side,
    }
