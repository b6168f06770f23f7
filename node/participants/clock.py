"""Times in papers against ledger time, which a node that was away knows late."""

from node.participants.errors import AheadOfLedgerError, KeyTimesError
from node.participants.limits import CLOCK_SKEW_S, LAG_S_MAX


def check_not_ahead(lei: str, field: str, at_s: int, now_s: int) -> None:
    """Return when `at_s` is not after `now_s`, give or take a clock's error.

    Raises:
        AheadOfLedgerError: it is, by no more than a node may lag.
        KeyTimesError: it is, by more.
    """
    latest_s = now_s + CLOCK_SKEW_S
    if at_s > now_s + LAG_S_MAX:
        raise KeyTimesError(lei, f"{field}: expected up to {latest_s}, got {at_s}")
    if at_s > latest_s:
        raise AheadOfLedgerError(field, latest_s, at_s)
