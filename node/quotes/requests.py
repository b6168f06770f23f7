"""A request for a quote, as it travels: what the taker's bank writes and what a provider reads and checks.

A spot request names an amount, or a range around it; a lock request names its trade, the invoice amount, how long
the bought currency has to stand ready, and the contract it has to stand ready for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.client.deployment import Deployment
from fx.checks import AMOUNT_BITS
from node.quotes.errors import RejectedError
from node.quotes.wire import address_of, hex_of, integer_of, text_of, word_of

REQUEST: Final = "quotes.request"
ANSWER: Final = "quotes.answer"
SPOT: Final = 0
LOCK: Final = 1
KINDS: Final = {"spot": SPOT, "lock": LOCK}
ESCROW: Final = "TradeEscrow"
SETTLEMENT: Final = "FxSettlement"
LOCK_S_MAX: Final = 400 * 86_400
"""The token holds no money for longer."""
_ZERO_WORD: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, checked; amounts in minor units of the bought currency."""

    taker: str
    sell_currency: str
    buy_currency: str
    buy_minor: int
    min_minor: int
    max_minor: int
    trade_id: bytes
    """Zero: for no trade."""
    lock_until_s: int | None
    """None: spot."""

    @property
    def kind(self) -> int:
        """The quote's kind on chain."""
        return SPOT if self.lock_until_s is None else LOCK


def request_body(request_id: str, wanted: Wanted, notary: str) -> dict[str, Any]:
    """Return the body of `quotes.request`."""
    body: dict[str, Any] = {
        "request_id": request_id,
        "kind": "spot",
        "taker": wanted.taker,
        "sell_currency": wanted.sell_currency,
        "buy_currency": wanted.buy_currency,
        "buy_minor": str(wanted.buy_minor),
        "min_minor": str(wanted.min_minor),
        "max_minor": str(wanted.max_minor),
        "trade_id": None if wanted.trade_id == _ZERO_WORD else hex_of(wanted.trade_id),
    }
    if wanted.lock_until_s is None:
        return body
    return body | {"kind": "lock", "lock_until_s": str(wanted.lock_until_s), "notary": notary}


def parse_request(body: Mapping[str, Any], deployment: Deployment) -> Wanted:
    """Read the body of `quotes.request`; a missing kind is spot, missing bounds are the amount.

    Raises:
        MessageRejectedError: a value is malformed.
        RejectedError: a value is none that this network can settle.
    """
    kind = body.get("kind", "spot")
    if kind not in KINDS:
        raise RejectedError("kind", " or ".join(KINDS), str(kind))
    sell, buy = (_currency(body.get(field), field, deployment) for field in ("sell_currency", "buy_currency"))
    if sell == buy:
        raise RejectedError("buy_currency", f"another currency than {sell}", buy)
    amount = integer_of(body.get("buy_minor"), "buy_minor")
    least, most = (
        amount if body.get(field) is None else integer_of(body[field], field) for field in ("min_minor", "max_minor")
    )
    if not 0 < amount < 1 << AMOUNT_BITS:
        raise RejectedError("buy_minor", f"1 to 2^{AMOUNT_BITS} - 1 minor units", amount)
    if not 0 < least <= amount <= most < 1 << AMOUNT_BITS:
        raise RejectedError("max_minor", f"1 <= min_minor <= {amount} <= max_minor < 2^{AMOUNT_BITS}", most)
    wanted = Wanted(
        taker=address_of(body.get("taker"), "taker"),
        sell_currency=sell,
        buy_currency=buy,
        buy_minor=amount,
        min_minor=least,
        max_minor=most,
        trade_id=_ZERO_WORD if body.get("trade_id") is None else word_of(body["trade_id"], "trade_id"),
        lock_until_s=None if kind == "spot" else integer_of(body.get("lock_until_s"), "lock_until_s"),
    )
    if wanted.kind == LOCK:
        _check_lock(wanted, body, deployment)
    return wanted


def _check_lock(wanted: Wanted, body: Mapping[str, Any], deployment: Deployment) -> None:
    if wanted.trade_id == _ZERO_WORD:
        raise RejectedError("trade_id", "the trade that the lock is for", "none")
    if not wanted.min_minor == wanted.buy_minor == wanted.max_minor:
        raise RejectedError("max_minor", f"{wanted.buy_minor}: a lock is for one amount", wanted.max_minor)
    notary = address_of(body.get("notary"), "notary")
    if notary != deployment.address(ESCROW):
        raise RejectedError("notary", f"{ESCROW}, {deployment.address(ESCROW)}", notary)


def _currency(value: Any, path: str, deployment: Deployment) -> str:
    code = text_of(value, path, length_max=3)
    if code not in deployment.tokens:
        raise RejectedError(path, f"a currency of this network ({', '.join(sorted(deployment.tokens))})", code)
    return code
