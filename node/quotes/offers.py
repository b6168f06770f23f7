"""A provider's answer: read, compared with what was asked for, and shown with what it costs."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from contracts.client import typed_data
from contracts.client.deployment import Deployment
from fx.checks import AMOUNT_BITS, BPS
from fx.quotes import effective_rate, sell_amount, total_cost_percent
from fx.rates import Rate, Rounding, divide
from node.messages.ports import Message
from node.participants.directory import Institution
from node.quotes.errors import MessageRejectedError
from node.quotes.keys import QUOTE_CONTEXT, verify_signature_json
from node.quotes.requests import ESCROW, LOCK, SPOT
from node.quotes.store import QuoteOffer, QuoteRequest
from node.quotes.wire import from_json, integer_of, signature_of
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

ZERO_WORD: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Offer:
    """A firm quote with what it costs, amounts in minor units; satisfies `fx.quotes.Offer`."""

    digest: bytes
    provider: str
    quote: dict[str, Any]
    signature: bytes
    post_quantum: dict[str, Any] | None
    spread_bps: int
    fee_bps: int
    all_in: Rate
    """Minor units bought per minor unit sold."""
    premium: int
    """Of a lock, paid on top at funding for standing ready; else 0."""
    cancel_fee: int
    """Of a lock, owed pro rata for what is given up; part of what is sold, not on top of it."""
    min_amount: int
    max_amount: int
    expires_at_s: int
    lock_until_s: int
    """How long a lock stands ready; 0 for spot."""
    sell_minor: int
    """What the taker pays for the bought amount, in all but the premium."""
    value_minor: int
    """Of it: the bought amount at mid."""
    spread_minor: int
    """Of it: what the rate costs; negative if better than mid."""
    fee_minor: int
    cost_percent: Fraction
    """All-in against mid, premium included, in percent."""
    hold: dict[str, Any] | None
    """Of a lock: the provider's `SignedHold` for the escrow, as the contract takes it."""
    refusal: str | None
    """Why this bank does not take it now, None if it does."""

    @property
    def paid_minor(self) -> int:
        """What leaves the taker's account, premium included."""
        return self.sell_minor + self.premium


def check_answer(
    deployment: Deployment, request: QuoteRequest, provider: Institution, message: Message, offer: QuoteOffer
) -> None:
    """Fill `offer` with a provider's firm quote.

    Raises:
        MessageRejectedError: it is not what was asked for, or not signed by that provider; names the field.
    """
    quote = from_json("Quote", message.body.get("quote"), "quote")
    _compare("quote", quote, _wanted_quote(deployment, request, provider))
    _check_bounds(request, quote)
    digest = typed_data.digest(deployment.domain("FxSettlement"), "Quote", quote)
    offer.signature = _signed(message, "signature", digest, provider)
    post_quantum = message.body.get("post_quantum")
    if post_quantum is not None:
        verify_signature_json(post_quantum, digest, QUOTE_CONTEXT, provider.key_thumbprint, "post_quantum")
    offer.digest, offer.quote, offer.expires_at_s = digest, message.body["quote"], quote["expires_at"]
    offer.post_quantum = post_quantum
    offer.spread_bps = integer_of(message.body.get("spread_bps"), "spread_bps")
    if request.lock_until_s is not None:
        _check_hold(deployment, request, provider, message, offer)


def show_offer(request: QuoteRequest, row: QuoteOffer, mid: Rate, refusal: str | None) -> Offer:
    """Return a stored quote with its costs at this mid rate (the taker's own)."""
    quote = from_json("Quote", row.quote, "quote")
    all_in = Rate(quote["rate_num"], quote["rate_den"])
    sold = sell_amount(all_in, request.buy_minor)
    # Value rounds down and the fee too: what is left is the spread, so that the three add up.
    value = mid.inverse().scaled(request.buy_minor, rounding=Rounding.FLOOR)
    fee = divide(sold * quote["fee_bps"], BPS, rounding=Rounding.FLOOR)
    return Offer(
        digest=row.digest or ZERO_WORD,
        provider=row.provider,
        quote=quote,
        signature=row.signature or b"",
        post_quantum=row.post_quantum,
        spread_bps=row.spread_bps or 0,
        fee_bps=quote["fee_bps"],
        all_in=all_in,
        premium=quote["premium"],
        cancel_fee=quote["cancel_fee"],
        min_amount=quote["min_amount"],
        max_amount=quote["max_amount"],
        expires_at_s=quote["expires_at"],
        lock_until_s=quote["lock_until"],
        sell_minor=sold,
        value_minor=value,
        spread_minor=sold - value - fee,
        fee_minor=fee,
        cost_percent=total_cost_percent(mid, effective_rate(all_in, quote["premium"], request.buy_minor)),
        hold=None if row.hold is None else _signed_hold(row),
        refusal=refusal,
    )


def _wanted_quote(deployment: Deployment, request: QuoteRequest, provider: Institution) -> dict[str, Any]:
    wanted = {
        "provider": provider.address,
        "kind": SPOT if request.lock_until_s is None else LOCK,
        "lock_until": request.lock_until_s or 0,
        "sell_token": deployment.address(request.sell_currency),
        "buy_token": deployment.address(request.buy_currency),
        "taker": request.taker,
        "trade_id": request.trade_id or ZERO_WORD,
    }
    return wanted if request.lock_until_s is not None else wanted | {"premium": 0, "cancel_fee": 0}


def _check_bounds(request: QuoteRequest, quote: dict[str, Any]) -> None:
    least, most = request.min_minor or request.buy_minor, request.max_minor or request.buy_minor
    if quote["min_amount"] > least:
        raise MessageRejectedError("quote.min_amount", f"at most {least}", quote["min_amount"])
    if not most <= quote["max_amount"] < 1 << AMOUNT_BITS:
        raise MessageRejectedError("quote.max_amount", f"at least {most}, an amount", quote["max_amount"])
    for field in ("rate_num", "rate_den"):
        if not 0 < quote[field] < 2**64:
            raise MessageRejectedError(f"quote.{field}", "1 to 2^64 - 1", quote[field])
    if quote["fee_bps"] >= BPS:
        raise MessageRejectedError("quote.fee_bps", f"below {BPS}", quote["fee_bps"])
    if quote["premium"] >= 1 << AMOUNT_BITS:
        raise MessageRejectedError("quote.premium", f"below 2^{AMOUNT_BITS}", quote["premium"])
    price = divide(request.buy_minor * quote["rate_den"], quote["rate_num"], rounding=Rounding.CEIL)
    if price >= 1 << AMOUNT_BITS:
        raise MessageRejectedError("quote.rate_num", f"a price below 2^{AMOUNT_BITS} minor units", quote["rate_num"])
    if quote["cancel_fee"] > price:
        raise MessageRejectedError("quote.cancel_fee", f"at most the price {price}", quote["cancel_fee"])


def _check_hold(
    deployment: Deployment, request: QuoteRequest, provider: Institution, message: Message, offer: QuoteOffer
) -> None:
    """Check the hold that has to stand ready, which funding places beside the importer's."""
    hold = from_json("Hold", message.body.get("hold"), "hold")
    wanted = {
        "owner": provider.address,
        "notary": deployment.address(ESCROW),
        "amount": request.buy_minor,
        "expires_at": request.lock_until_s,
        "reference": request.trade_id,
    }
    _compare("hold", hold, wanted)
    if hold["valid_until"] < (offer.expires_at_s or 0):
        raise MessageRejectedError("hold.valid_until", f"{offer.expires_at_s} or later", hold["valid_until"])
    digest = typed_data.digest(deployment.token_domain(request.buy_currency), "Hold", hold)
    offer.hold_signature = _signed(message, "hold_signature", digest, provider)
    offer.hold = message.body["hold"]


def _signed_hold(row: QuoteOffer) -> dict[str, Any]:
    hold = from_json("Hold", row.hold, "hold")
    fields = ("amount", "expires_at", "salt", "valid_until")
    return {**{field: hold[field] for field in fields}, "signature": row.hold_signature or b""}


def _compare(path: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for field, expected in wanted.items():
        if found[field] != expected:
            raise MessageRejectedError(f"{path}.{field}", str(expected), found[field])


def _signed(message: Message, field: str, digest: bytes, provider: Institution) -> bytes:
    """Return the signature in `field` of a message, which must be the provider's over `digest`."""
    signature = signature_of(message.body.get(field), field)
    try:
        signer = secp256k1.recover(digest, signature)
    except PqcRejectedError as error:
        raise MessageRejectedError(field, "the provider's signature", str(error)) from error
    if signer != provider.address:
        raise MessageRejectedError(field, f"a signature of {provider.address}", signer)
    return signature
