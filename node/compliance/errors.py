"""What can go wrong with a screening decision."""

from node.errors import RejectedError


class NoDecisionError(RejectedError):
    """No decision on this trade is recorded: it may not go on."""

    codespace = "compliance"
    code = 6
    kind = "not_found"

    def __init__(self, trade_id: str) -> None:
        super().__init__(f"trade: expected one with a screening decision, got {trade_id[:80]!r}")
        self.field = "trade"
