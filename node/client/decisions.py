"""What a party decides about a funded trade, as calls of a node: one method a decision, amounts in minor units.

Milestones count from 0. Every method returns the trade as the node shows it; a decision is on its way then, and the
trade's `steps` say how it went. Give a `key` of your own where a call may have to be repeated after a timeout.
"""

from typing import Any

from node.client.client import LandfallClient
from node.client.times import to_text


class Decisions:
    """Decisions of one caller about one trade.

    Raises (every method):
        ProblemError: the node refused; nothing was changed. `field` and the message say what would do.
        UnavailableError: the node did not answer; repeat with the same key.
    """

    def __init__(self, client: LandfallClient, reference: str) -> None:
        self._client = client
        self._path = f"/trades/{reference}"

    def accept(self, milestone: int, *, key: str | None = None) -> Any:
        """Say as the importer that a milestone is to be paid in full, final at once."""
        return self._decide(milestone, "accept", {}, key)

    def waive(self, milestone: int, amount_minor: int, *, key: str | None = None) -> Any:
        """Give up an amount of a milestone, as the exporter's side."""
        return self._decide(milestone, "waive", {"amount": str(amount_minor)}, key)

    def dispute(self, milestone: int, reasons: str, *, side: str | None = None, key: str | None = None) -> Any:
        """Put a milestone that is due before the arbiter."""
        return self._decide(milestone, "dispute", {"reasons": reasons, "side": side}, key)

    def disputes(self) -> Any:
        """Return the trade's disputes with reasons and awards."""
        return self._client.get(f"{self._path}/disputes")

    def request_quotes(self, milestone: int, *, key: str | None = None) -> Any:
        """Ask for quotes that settle a final milestone of a float."""
        return self._decide(milestone, "quotes", {}, key)

    def quotes(self, milestone: int) -> Any:
        """Return the live quotes with what each makes of the milestone, and who declined."""
        return self._client.get(f"{self._path}/milestones/{milestone}/quotes")

    def settle(
        self,
        milestone: int,
        *,
        quote: str | None = None,
        least_minor: int | None = None,
        side: str | None = None,
        key: str | None = None,
    ) -> Any:
        """Settle a final milestone; under float at the quote that is this side's to choose."""
        least = None if least_minor is None else str(least_minor)
        return self._decide(milestone, "settle", {"quote": quote, "least": least, "side": side}, key)

    def last_resort(self, milestone: int, *, key: str | None = None) -> Any:
        """Pay a final milestone without a quote, once its time has come."""
        return self._decide(milestone, "last-resort", {}, key)

    def defer(self, milestone: int, deadline_s: int, *, key: str | None = None) -> Any:
        """Take a later deadline, as the exporter's side of a float with the option wait."""
        return self._decide(milestone, "defer", {"deadline": to_text(deadline_s)}, key)

    def reprice(self, *, key: str | None = None) -> Any:
        """Call the importer of a float for a top-up."""
        return self._client.post(f"{self._path}/reprice", key=key)

    def top_up(self, amount_minor: int | None = None, *, key: str | None = None) -> Any:
        """Add what the last call asks for, as the importer; an amount that is not exactly that is refused."""
        amount = None if amount_minor is None else str(amount_minor)
        return self._client.post(f"{self._path}/top-up", {"amount": amount}, key=key)

    def close(self, *, side: str | None = None, key: str | None = None) -> Any:
        """End a float whose rate stays outside its band, where the terms have the option refund."""
        return self._client.post(f"{self._path}/close", {"side": side}, key=key)

    def _decide(self, milestone: int, step: str, body: dict[str, Any], key: str | None) -> Any:
        return self._client.post(f"{self._path}/milestones/{milestone}/{step}", body, key=key)
