"""What every part of the trades service works with, and the few reads they share."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.deployment import Deployment
from fx.currencies import get_currency
from fx.rates import Rate, major_rate
from node.compliance.service import ComplianceService
from node.ledger.service import LedgerService
from node.ledger.wallets import forbidding_purpose, owner_name, purpose_name
from node.messages.service import MessageService
from node.participants.keys import MessageKey
from node.participants.service import ParticipantService
from node.quotes.errors import UnavailableError as QuotesUnavailableError
from node.quotes.service import QuoteService
from node.storage.cursor import load_cursor
from node.trades.errors import NotPermittedError, OfferRejectedError, UnavailableError, UnknownTradeError
from node.trades.store import MilestoneRow, Motion, TermsVersion, Trade
from node.trades.terms.context import Context
from node.trades.terms.document import TermsDocument, build_struct, parse_document

SIDES: Final = ("importer", "exporter")
ESCROW: Final = "TradeEscrow"
PREFIX: Final = "trades:"
ASSIGN: Final = "Assign"
"""EIP-712 type of the motion that gives a milestone away."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: the institution's own staff (`customer` is None) or one of its customers."""

    name: str
    """As the desk authenticated them."""
    customer: str | None


@dataclass(frozen=True, slots=True)
class Desk:
    """The services of one institution that trades are made of."""

    deployment: Deployment
    participants: ParticipantService
    messages: MessageService
    quotes: QuoteService
    compliance: ComplianceService
    ledger: LedgerService
    message_key: MessageKey | None

    @property
    def id(self) -> str:
        """This institution's id."""
        return self.participants.institution.id

    def checking(self, session: Session, now_s: int) -> Context:
        """Return what terms are checked against, at this desk now."""
        customers = self.participants.customers(session)
        return Context(
            now_s=now_s,
            deployment=self.deployment,
            bank=self.id,
            own_account={customer.id: customer.address for customer in customers}.get,
            own_name={customer.id: customer.name for customer in customers}.get,
            own_address=self.participants.postal_addresses(session).get,
            forbidding=lambda payer, payee: self._forbidding(session, payer, payee),
            reference_rate=lambda base, quote: self.reference_rate(session, base, quote, now_s),
        )

    def reference_rate(self, session: Session, base: str, quote: str, now_s: int) -> Rate | None:
        """Return the present rate in major units of `quote`: the oracle's median, else this desk's mid; None if none.

        A proposal in a draft: whatever is agreed, funding holds it against the median of its own time.
        """

        def median() -> Rate:
            found = self.quotes.medians.median(session, f"{base}/{quote}", now_s)
            return major_rate(found.rate, get_currency(base), get_currency(quote))

        for source in (median, lambda: self.quotes.rates.major(now_s, base, quote)):
            with suppress(QuotesUnavailableError):
                return source()
        return None

    def _forbidding(self, session: Session, payer: str, payee: str) -> str | None:
        found = forbidding_purpose(session, payer, payee)
        if found is None:
            return None
        return f"{purpose_name(found.purpose)} of {owner_name(self.participants.directory, found.owner)}"

    def trade(self, session: Session, reference: str) -> Trade:
        """Return a trade, or raise UnknownTradeError."""
        found = session.get(Trade, reference)
        if found is None:
            raise UnknownTradeError(reference)
        return found

    def trade_of(self, session: Session, reference: str, actor: Actor) -> Trade:
        """Return a trade that `actor` may see; a customer sees its own only."""
        found = self.trade(session, reference)
        is_partys = bool(self.sides_of(found, actor))
        if actor.customer is not None and not is_partys and actor.customer not in self.assignees(session, found):
            raise UnknownTradeError(reference)
        return found

    def assignees(self, session: Session, trade: Trade, milestone: int | None = None) -> list[str]:
        """Return our customers who stand in the exporter's place, for this milestone or for any."""
        held = self._held(session, trade)
        return sorted({owner for index, owner in held.items() if milestone in (None, index)})

    def holdings(self, session: Session, trade: Trade, actor: Actor) -> frozenset[int] | None:
        """Return the milestones that concern `actor`: those it holds; None for all of them, to a party."""
        if self.sides_of(trade, actor):
            return None
        held = self._held(session, trade)
        return frozenset(index for index, owner in held.items() if actor.customer in (None, owner))

    def own_people(self, session: Session, trade: Trade, milestone: int | None = None) -> list[str]:
        """Return our customers whom the trade concerns, or what happens to this milestone of it, each once."""
        parties = [self.customer_of(trade, side) for side in self.own_sides(trade)]
        return list(dict.fromkeys([*parties, *self.assignees(session, trade, milestone)]))

    def partners(self, session: Session, trade: Trade) -> list[str]:
        """Return the other institutions that keep a key of the trade: its banks, and what is known of assignees'."""
        wanted = select(MilestoneRow, Motion).join(
            Motion, (Motion.reference == trade.reference) & (Motion.kind == ASSIGN)
        )
        offers = session.execute(wanted.where(MilestoneRow.trade_id == trade.trade_id)).all()
        assignees = {
            str(motion.content["institution"])
            for row, motion in offers
            if (motion.content["milestone"], motion.content["assignee"]) == (row.index, row.assignee)
        }
        return sorted({trade.importer_bank, trade.exporter_bank, *assignees} - {self.id})

    def assignees_institutions(self, session: Session, trade: Trade) -> list[str]:
        """Return to whom the exporter's bank passes the trade's papers on: assignees' institutions elsewhere."""
        if trade.exporter_bank != self.id:
            return []
        return [partner for partner in self.partners(session, trade) if partner != trade.importer_bank]

    def by_trade_id(self, session: Session, trade_id: bytes) -> Trade | None:
        """Return the trade of that id, None if it is not this bank's."""
        return session.scalar(select(Trade).where(Trade.trade_id == trade_id))

    def funded_version(self, session: Session, trade_id: bytes) -> Trade | None:
        """Return the trade that a funding on chain belongs to, set to the version that was funded.

        Both sides may have signed a version that one of them replaced afterwards: what the chain took counts.
        """
        found = self.by_trade_id(session, trade_id)
        if found is not None:
            return found
        row = session.scalar(select(TermsVersion).where(TermsVersion.trade_id == trade_id))
        if row is None:
            return None
        trade = self.trade(session, row.reference)
        trade.version, trade.trade_id = row.version, trade_id
        trade.hold_expires_at_s = parse_document(row.document).hold_expires_at_s
        session.flush()
        return trade

    def amended_version(self, session: Session, trade: Trade, terms_hash: bytes) -> TermsVersion | None:
        """Return the version of the terms whose struct has that hash, as an amendment on chain names it."""
        wanted = select(TermsVersion).where(TermsVersion.reference == trade.reference)
        for row in session.scalars(wanted.order_by(TermsVersion.version.desc())):
            document = parse_document(row.document)
            if document.open_accounts():
                continue
            if typed_data.hash_struct("Terms", build_struct(document, self.deployment)) == terms_hash:
                return row
        return None

    def own_sides(self, trade: Trade) -> tuple[str, ...]:
        """Return the sides whose bank this is."""
        banks = {"importer": trade.importer_bank, "exporter": trade.exporter_bank}
        return tuple(side for side in SIDES if banks[side] == self.id)

    def sides_of(self, trade: Trade, actor: Actor) -> tuple[str, ...]:
        """Return the sides that `actor` may act for: a customer its own, the bank those of its customers."""
        customers = {"importer": trade.importer, "exporter": trade.exporter}
        return tuple(side for side in self.own_sides(trade) if actor.customer in (None, customers[side]))

    def acting_side(self, trade: Trade, actor: Actor, side: str | None = None) -> str:
        """Return the side `actor` acts for; where it may act for both, `side` has to say which.

        Raises:
            NotPermittedError: the actor may not act for that side, or has to name one.
        """
        allowed = self.sides_of(trade, actor)
        if side is None and len(allowed) == 1:
            return allowed[0]
        if side is None or side not in allowed:
            raise NotPermittedError("side", " or ".join(allowed) or "a party of the trade", side or "none")
        return side

    def version(self, session: Session, trade: Trade) -> TermsVersion:
        """Return the latest version of the terms."""
        return session.get_one(TermsVersion, (trade.reference, trade.version))

    def document(self, session: Session, trade: Trade) -> TermsDocument:
        """Return the latest terms document."""
        return parse_document(self.version(session, trade).document)

    def other_bank(self, trade: Trade) -> str | None:
        """Return the bank of the other side, None where this bank has both."""
        others = {trade.importer_bank, trade.exporter_bank} - {self.id}
        return min(others) if others else None

    def customer_of(self, trade: Trade, side: str) -> str:
        """Return the customer id of a side."""
        return trade.importer if side == "importer" else trade.exporter

    def tell(self, session: Session, trade: Trade, kind: str, message_id: str, body: dict[str, object]) -> None:
        """Send a message to the other side's bank, if there is one."""
        other = self.other_bank(trade)
        if other is not None:
            self.messages.send(session, to=other, kind=kind, message_id=message_id, body=body, thread=trade.reference)

    def _held(self, session: Session, trade: Trade) -> dict[int, str]:
        """Return the assigned milestones whose holder's key is kept here, with their holders."""
        names = self.participants.account_names(session)
        rows = session.scalars(select(MilestoneRow).where(MilestoneRow.trade_id == trade.trade_id))
        return {row.index: names[row.assignee] for row in rows if row.assignee in names}


def require_followed(session: Session, block: Any) -> None:
    """Put off what rests on a block that this desk has not followed the chain to yet.

    Raises:
        OfferRejectedError: it is no block number.
        UnavailableError: the block is ahead.
    """
    if isinstance(block, bool) or not isinstance(block, int) or not 0 <= block < 2**53:
        raise OfferRejectedError("block", "a whole number", block)
    cursor = load_cursor(session)
    if cursor is None or cursor.number < block:
        raise UnavailableError(f"block {block}: expected to have followed it, got only an earlier one; later again")
