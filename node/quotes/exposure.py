"""What FX providers still owe this institution and its customers on quotes that were taken, and how much they may.

A taken quote counts with what it buys until it is settled or its time is over. A lock counts on as long as the
provider's hold for the trade stands, with what is left of it.
"""

from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import CURRENCY_CONTRACT, ChainEvent
from contracts.client.blocks import BlockInfo
from contracts.client.deployment import Deployment
from fx.currencies import get_currency
from fx.money import Money
from node.participants.directory import Directory, Role
from node.quotes.errors import RejectedError, UnknownCurrencyError
from node.quotes.requests import ESCROW, SETTLEMENT
from node.quotes.store import ExposureLimitRow, ExposureRow, QuoteOffer, QuoteRequest

# Asked at every block, so made once.
_EXPOSURES: Final = cast(Table, ExposureRow.__table__)
_OVER: Final = _EXPOSURES.delete().where(_EXPOSURES.c.until_s < bindparam("now_s"))


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is open with a provider in one currency; minor units."""

    provider: str
    currency: str
    used: int
    limit: int | None
    """None: as much as there may be."""

    @property
    def free(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)


class ExposureBook:
    """Exposures and limits of one institution."""

    def __init__(self, deployment: Deployment, directory: Directory) -> None:
        self._deployment = deployment
        self._directory = directory
        self._notary = deployment.address(ESCROW)

    def exposures(self, session: Session) -> list[Exposure]:
        """Return what is open with each provider in each currency, where there is anything or a limit."""
        used = {(row.provider, row.currency): 0 for row in session.scalars(select(ExposureLimitRow))}
        for row in session.scalars(select(ExposureRow)):
            key = (row.provider, row.currency)
            used[key] = used.get(key, 0) + row.amount_minor
        return [
            self._shown(session, provider, currency, amount) for (provider, currency), amount in sorted(used.items())
        ]

    def exposure(self, session: Session, provider: str, currency: str) -> Exposure:
        """Return what is open with a provider in one currency.

        Raises:
            RejectedError: it is no FX provider of the network.
            UnknownCurrencyError: the network has no such currency.
        """
        providers = [one.id for one in self._directory.with_role(Role.FX_PROVIDER)]
        if provider not in providers:
            raise RejectedError("provider", f"one of {', '.join(providers)}", provider)
        if currency not in self._deployment.tokens:
            raise UnknownCurrencyError(currency, tuple(sorted(self._deployment.tokens)))
        return self._shown(session, provider, currency, self._used(session, provider, currency, None))

    def limit(self, session: Session, provider: str, currency: str, limit: int | None) -> Exposure:
        """Let a provider owe at most so much of a currency from now on; what it owes already stands."""
        self.exposure(session, provider, currency)
        session.execute(
            delete(ExposureLimitRow).where(ExposureLimitRow.provider == provider, ExposureLimitRow.currency == currency)
        )
        if limit is not None:
            session.add(ExposureLimitRow(provider=provider, currency=currency, limit_minor=limit))
        session.flush()
        return self.exposure(session, provider, currency)

    def refusal(self, session: Session, request: QuoteRequest, provider: str) -> str | None:
        """Return why a quote of this provider would be too much, None if it is not."""
        row = session.get(ExposureLimitRow, (provider, request.buy_currency))
        if row is None:
            return None
        used = self._used(session, provider, request.buy_currency, request.id)
        if used + request.buy_minor <= row.limit_minor:
            return None
        unit = get_currency(request.buy_currency)
        most, got = Money(row.limit_minor, unit), Money(used + request.buy_minor, unit)
        return f"exposure: expected at most {most} open with {provider}, got {got} with this quote"

    def take(self, session: Session, request: QuoteRequest, offer: QuoteOffer) -> None:
        """Count a quote that was taken, in the place of another that the same request took before."""
        session.merge(
            ExposureRow(
                request_id=request.id,
                digest=offer.digest,
                provider=offer.provider,
                currency=request.buy_currency,
                amount_minor=request.buy_minor,
                # A lock that nobody funds by is gone with its quote.
                until_s=offer.expires_at_s,
                locked_until_s=request.lock_until_s,
                trade_id=request.trade_id,
                hold_id=None,
            )
        )
        session.flush()

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Follow what becomes of quotes that were taken."""
        match event.contract, event.name:
            case (name, "QuoteSettled") if name == SETTLEMENT:
                session.execute(delete(ExposureRow).where(ExposureRow.digest == event.args["digest"]))
            case (name, "LockTaken") if name == SETTLEMENT:
                row = session.scalar(select(ExposureRow).where(ExposureRow.digest == event.args["digest"]))
                if row is not None and row.locked_until_s is not None:
                    row.until_s = row.locked_until_s
            case (name, "HoldPlaced") if name == CURRENCY_CONTRACT and event.args["notary"] == self._notary:
                self._on_hold(session, event)
            case (name, "HoldExecuted" | "HoldReleased") if name == CURRENCY_CONTRACT:
                row = session.scalar(select(ExposureRow).where(ExposureRow.hold_id == event.args["id"]))
                if row is not None:
                    row.amount_minor = max(0, row.amount_minor - event.args["amount"])
                    if row.amount_minor == 0:
                        session.delete(row)

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Forget what is over."""
        session.execute(_OVER, {"now_s": block.time_s})

    def _on_hold(self, session: Session, event: ChainEvent) -> None:
        """Follow the hold that a provider's lock has placed for its trade."""
        owner = self._directory.at_address(event.args["owner"])
        row = session.scalar(
            select(ExposureRow).where(
                ExposureRow.trade_id == event.args["reference"],
                ExposureRow.locked_until_s.is_not(None),
                ExposureRow.provider == ("" if owner is None else owner.id),
            )
        )
        if row is not None:
            row.hold_id, row.amount_minor = event.args["id"], event.args["amount"]

    def _used(self, session: Session, provider: str, currency: str, but_of: str | None) -> int:
        wanted = select(ExposureRow.amount_minor).where(
            ExposureRow.provider == provider, ExposureRow.currency == currency, ExposureRow.request_id != (but_of or "")
        )
        return sum(session.scalars(wanted))

    def _shown(self, session: Session, provider: str, currency: str, used: int) -> Exposure:
        row = session.get(ExposureLimitRow, (provider, currency))
        return Exposure(provider, currency, used, None if row is None else row.limit_minor)
