"""What stands behind quotes, as the chain tells it: reserves, and providers that signed without one.

A desk follows every hold that is placed for FxSettlement. A quote that reaches this institution without its reserve
is not taken; while it lives, this institution shows it to the chain, which records the dishonour for everybody.
"""

from typing import Any, Final, cast

from sqlalchemy import Select, Table, bindparam, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import CURRENCY_CONTRACT, ChainEvent
from contracts.client.blocks import BlockInfo
from contracts.client.deployment import Deployment
from node.quotes import store
from node.quotes.errors import QuoteExpiredError, UnknownQuoteError
from node.quotes.requests import SETTLEMENT
from node.quotes.store import ProviderFault, QuoteOffer, QuoteReserve
from node.quotes.wire import from_json, hex_of
from node.storage import outbox
from node.storage.outbox import OutboxRow

PREFIX: Final = "quotes-fault:"
PATIENCE_S: Final = 60
"""Ledger seconds a reserve may come after its quote: a provider's books can be some blocks ahead of these."""

# Asked at every block, so made once.
_WAITING: Final = select(QuoteOffer.id).where(
    QuoteOffer.expires_at_s >= bindparam("now_s"),
    QuoteOffer.received_at_s < bindparam("sent_s"),
    QuoteOffer.fault.is_(None),
)
_RESERVES: Final = cast(Table, QuoteReserve.__table__)
_OVER: Final = _RESERVES.delete().where(_RESERVES.c.expires_at_s < bindparam("now_s"))


class ReserveScreen:
    """Reserves behind quotes, and what to do about a quote without one."""

    def __init__(self, deployment: Deployment) -> None:
        self._notary = deployment.address(SETTLEMENT)

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Book reserves and recorded dishonours.

        Only what is placed and raised counts: FxSettlement lets nothing out of a reserve before its quote is used or
        expired.
        """
        if event.contract == SETTLEMENT and event.name == "QuoteDishonoured":
            self._book_fault(session, event)
        if event.contract != CURRENCY_CONTRACT:
            return
        if event.name == "HoldPlaced" and event.args["notary"] == self._notary:
            session.add(_reserve(event))
        elif event.name == "HoldIncreased":
            reserve = session.get(QuoteReserve, event.args["id"])
            if reserve is not None:
                reserve.amount_minor, reserve.expires_at_s = event.args["amount"], event.args["expires_at"]

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Show the chain what has stayed without a reserve, and forget reserves whose time is over."""
        for waiting in session.scalars(_WAITING, {"now_s": block.time_s, "sent_s": block.time_s - PATIENCE_S}).all():
            offer = session.get_one(QuoteOffer, waiting)
            if self.missing(session, offer) > 0:
                self._show(session, offer)
        session.execute(_OVER, {"now_s": block.time_s})

    def on_outcome(self, session: Session, row: OutboxRow) -> None:
        """Book what became of showing a quote."""
        offer = _offer(session, bytes.fromhex(row.reference.removeprefix(PREFIX)))
        offer.fault = store.SHOWN if row.state == outbox.CONFIRMED else store.REFUSED
        offer.fault_reason = row.reason

    def missing(self, session: Session, offer: QuoteOffer) -> int:
        """Return how much of the reserve is missing behind a quote, in minor units of the bought currency.

        A hold of another owner, token or quote, or one that does not outlive the quote, counts as nothing.
        """
        quote = from_json("Quote", offer.quote, "quote")
        reserve = session.get(QuoteReserve, quote["reserve_id"])
        if reserve is None or (reserve.owner, reserve.token) != (quote["provider"], quote["buy_token"]):
            return int(quote["max_amount"])
        if reserve.reference != offer.digest or reserve.expires_at_s <= quote["expires_at"]:
            return int(quote["max_amount"])
        return max(0, int(quote["max_amount"]) - reserve.amount_minor)

    def dishonour(self, session: Session, digest: bytes, now_s: int) -> QuoteOffer:
        """Show a quote that came here to the chain, which records that its reserve is too small; once per quote.

        Raises:
            UnknownQuoteError: no quote of this digest came here.
            QuoteExpiredError: its time is over, so nobody can hold the provider to it.
        """
        offer = _offer(session, digest)
        if offer.expires_at_s is None or offer.expires_at_s < now_s:
            raise QuoteExpiredError("quote", "a live quote", f"one that expired at {offer.expires_at_s}")
        if offer.fault in (None, store.REFUSED):
            self._show(session, offer)
        return offer

    def faults(self, provider: str | None = None) -> Select[ProviderFault]:
        """Return the query of the dishonours the chain has recorded, of every provider or of one's account."""
        wanted = select(ProviderFault)
        return wanted if provider is None else wanted.where(ProviderFault.provider == provider)

    def _show(self, session: Session, offer: QuoteOffer) -> None:
        digest = offer.digest or b""
        offer.fault, offer.fault_reason = store.SHOWING, None
        args: tuple[Any, ...] = (from_json("Quote", offer.quote, "quote"), offer.signature)
        outbox.enqueue(
            session, contract=SETTLEMENT, function="dishonour", args=args, reference=f"{PREFIX}{digest.hex()}"
        )

    def _book_fault(self, session: Session, event: ChainEvent) -> None:
        session.add(
            ProviderFault(
                digest=event.args["digest"],
                provider=event.args["provider"],
                missing_minor=event.args["reserve_missing"],
                recorded_at_s=event.block_time_s,
            )
        )


def refusal_of(missing: int, offer: QuoteOffer) -> str | None:
    """Return why a quote with so much missing behind it is not taken, None if nothing is."""
    if missing == 0:
        return None
    return f"reserve: expected a hold behind quote {hex_of(offer.digest or b'')[:18]}, got {missing} minor units less"


def _reserve(event: ChainEvent) -> QuoteReserve:
    args = event.args
    return QuoteReserve(
        id=args["id"],
        token=event.address,
        owner=args["owner"],
        reference=args["reference"],
        amount_minor=args["amount"],
        expires_at_s=args["expires_at"],
    )


def _offer(session: Session, digest: bytes) -> QuoteOffer:
    found = session.scalar(select(QuoteOffer).where(QuoteOffer.digest == digest))
    if found is None:
        raise UnknownQuoteError(digest)
    return found
