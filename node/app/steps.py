"""The steps of a trade against a running devnet, as the command line and the demo take them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.app.devnet import Devnet, open_devnet
from node.app.errors import StepError


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

    def cancel(self, who: str, reference: str, side: str | None = None) -> dict[str, Any]:
        """Sign a cancellation."""
        return self._post(who, reference, "cancel", {"side": side})

    def withdraw(self, who: str, reference: str) -> dict[str, Any]:
        """End a negotiation."""
        return self._post(who, reference, "withdraw")

    def trade(self, who: str, reference: str) -> dict[str, Any]:
        """Return the trade as `who` sees it."""
        trade: dict[str, Any] = self.get(who, f"/trades/{reference}")
        return trade

    def write_evidence(self, who: str, reference: str, path: Path) -> Path:
        """Write the evidence pack of a closed trade."""
        pack = self.devnet.client(who).get_bytes(f"/trades/{reference}/evidence")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack)
        return path

    def get(self, who: str, path: str) -> Any:
        """Return the JSON at `path` for `who`."""
        return self.devnet.client(who).get(path)

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
