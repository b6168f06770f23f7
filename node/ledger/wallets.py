"""Wallets and what their money is for: ordered by banks and central banks, followed by every desk from the chain.

A bank opens its customers' wallets in a tier, with a purpose or none. A purpose is a list of payees that a bank or
central bank keeps; a tier's limits are the issuer's, currency by currency. What is ordered here is `queued` until the
chain has taken it; the tables of wallets, purposes and limits say only what the chain says (docs/adr/0007).
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockData
from contracts.client.deployment import Deployment
from node.ledger.errors import (
    NotEligibleError,
    NotIssuerError,
    PurposeNameError,
    PurposeOwnerError,
    UnknownPurposeError,
)
from node.ledger.orders import payee_address
from node.ledger.store import PurposePayeeRow, PurposeRow, TierLimitRow, WalletOrderRow, WalletRow
from node.participants.directory import Directory, Role
from node.participants.service import NO_PURPOSE, ParticipantService
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.errors import UnknownRowError
from node.storage.outbox import OutboxRow
from node.web.events import publish

PREFIX: Final = "wallet-orders:"
REGISTRY: Final = "ParticipantRegistry"
TIERS: Final[Mapping[str, int]] = {"anonymous": 0, "registered": 1}
DONE: Final = "done"
_NAME: Final = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a tier in one currency, minor units; 0: none."""

    holding_max: int
    flow_max: int
    """Outflow within the window."""
    window_s: int


class WalletService:
    """Orders of one institution about wallets, purposes and limits, and what the chain says of everybody's."""

    def __init__(self, *, participants: ParticipantService, deployment: Deployment, issues: frozenset[str]) -> None:
        """Prepare.

        Args:
            issues: Currencies that this institution issues.
        """
        self._participants = participants
        self._issues = issues
        self._currency_of = {token.address: currency for currency, token in deployment.tokens.items()}

    def define(self, session: Session, name: str) -> WalletOrderRow:
        """Make a purpose of this institution's, with no payees yet.

        Raises:
            NotEligibleError: it is neither a bank nor a central bank.
            PurposeNameError: the name is none.
            PurposeOwnerError: the name is taken.
        """
        self._require_role(Role.BANK | Role.CENTRAL_BANK, "bank or central_bank")
        word = purpose_word(name)
        found = session.get(PurposeRow, word)
        if found is not None:
            raise PurposeOwnerError(name, self._named(found.owner), f"{self._own_id}, to define it again")
        return self._order(session, f"define purpose {name}", REGISTRY, "define_purpose", (word,))

    def allow(self, session: Session, name: str, payee: str, *, allowed: bool) -> WalletOrderRow:
        """Put a payee on the list of this institution's purpose, or take it off.

        Args:
            payee: An address, an institution's id or an own customer's.

        Raises:
            NotEligibleError: this institution is neither a bank nor a central bank.
            UnknownPurposeError: the chain has no such purpose.
            PurposeOwnerError: it is another's.
            PayeeError: the payee is nobody known here.
        """
        self._require_role(Role.BANK | Role.CENTRAL_BANK, "bank or central_bank")
        found = self._purpose(session, name)
        if found.owner != self._participants.institution.address:
            raise PurposeOwnerError(name, self._named(found.owner), self._own_id)
        account = payee_address(session, self._participants, payee)
        summary = f"{'allow' if allowed else 'forbid'} {payee} under purpose {name}"
        return self._order(session, summary, REGISTRY, "allow_payee", (found.purpose, account, allowed))

    def open(self, session: Session, customer: str, *, tier: str, purpose: str | None = None) -> WalletOrderRow:
        """Give a customer's wallet another tier or purpose: with the customer it was opened registered, without one.

        Raises:
            NotEligibleError: this institution is no bank.
            UnknownPurposeError: the chain has no such purpose.
            UnknownCustomerError: no customer of that id.
        """
        self._require_role(Role.BANK, "bank")
        word = NO_PURPOSE if purpose is None else self._purpose(session, purpose).purpose
        account = self._participants.customer(session, customer).address
        summary = f"open wallet of {customer}: {tier}, {'no purpose' if purpose is None else f'purpose {purpose}'}"
        return self._order(session, summary, REGISTRY, "open_wallet", (account, TIERS[tier], word))

    def limit(self, session: Session, currency: str, tier: str, limits: Limits) -> WalletOrderRow:
        """Set what wallets of a tier may hold and spend of a currency.

        Raises:
            NotIssuerError: this institution does not issue the currency.
        """
        if currency not in self._issues:
            raise NotIssuerError(self._own_id, currency)
        args = (TIERS[tier], limits.holding_max, limits.flow_max, limits.window_s)
        return self._order(session, f"limit {tier} wallets in {currency}", currency, "set_tier_limits", args)

    def order(self, session: Session, order_id: str) -> WalletOrderRow:
        """Return an order, or raise UnknownRowError."""
        found = session.get(WalletOrderRow, order_id)
        if found is None:
            raise UnknownRowError("wallet order", order_id)
        return found

    def wallets(self, session: Session) -> list[tuple[str, WalletRow]]:
        """Return (customer, wallet) of this institution's customers, by id."""
        names = self._participants.account_names(session)
        rows = session.scalars(select(WalletRow).where(WalletRow.account.in_(names)))
        return sorted(((names[row.account], row) for row in rows), key=lambda found: found[0])

    def purposes(self, session: Session) -> list[tuple[PurposeRow, str, list[str]]]:
        """Return every purpose of the network with its owner's and its payees' names, by purpose."""
        return [
            (row, self._named(row.owner), sorted(self._shown(session, payee) for payee in _payees(session, row)))
            for row in session.scalars(select(PurposeRow).order_by(PurposeRow.purpose))
        ]

    def limits(self, session: Session) -> Sequence[TierLimitRow]:
        """Return the limits in force, by currency and tier."""
        return session.scalars(select(TierLimitRow).order_by(TierLimitRow.currency, TierLimitRow.tier)).all()

    def on_block(self, session: Session, block: BlockData) -> None:
        """Follow wallets, purposes and limits of the network; a block handler of the follower."""
        for event in block.events:
            if event.contract == REGISTRY:
                _follow(session, event)
            elif event.name == "TierLimitsChanged" and event.address in self._currency_of:
                limits = {name: event.args[name] for name in ("tier", "holding_max", "flow_max", "window_s")}
                session.merge(TierLimitRow(currency=self._currency_of[event.address], **limits))

    def on_outcome(self, session: Session, outcome: OutboxRow) -> None:
        """Book what became of an order."""
        row = self.order(session, outcome.reference.removeprefix(PREFIX))
        row.state = DONE if outcome.state == outbox.CONFIRMED else outbox.FAILED
        row.reason = outcome.reason
        body = {"id": row.id, "summary": row.summary, "reason": row.reason}
        publish(session, kind=f"wallet_order.{row.state}", owner=None, body=body, time_s=booked_until_s(session))

    @property
    def _own_id(self) -> str:
        return self._participants.institution.id

    def _purpose(self, session: Session, name: str) -> PurposeRow:
        found = session.get(PurposeRow, purpose_word(name))
        if found is None:
            raise UnknownPurposeError(name)
        return found

    def _require_role(self, roles: Role, expected: str) -> None:
        own = self._participants.institution
        if not own.roles & roles:
            raise NotEligibleError(own.id, own.role_names, expected)

    def _named(self, account: str) -> str:
        return owner_name(self._participants.directory, account)

    def _shown(self, session: Session, account: str) -> str:
        return self._participants.account_names(session).get(account) or self._named(account)

    def _order(
        self, session: Session, summary: str, contract: str, function: str, args: tuple[Any, ...]
    ) -> WalletOrderRow:
        row = WalletOrderRow(id=secrets.token_hex(16), summary=summary, state=outbox.QUEUED, reason=None)
        session.add(row)
        session.flush()
        outbox.enqueue(session, contract=contract, function=function, args=args, reference=PREFIX + row.id)
        return row


def forbidding_purpose(session: Session, payer: str, payee: str) -> PurposeRow | None:
    """Return the purpose of the payer's wallet that keeps it from paying the payee, None where it may; as `allows`."""
    wallet = session.get(WalletRow, payer)
    if wallet is None or wallet.purpose is None or payee in (payer, wallet.bank):
        return None
    if session.get(PurposePayeeRow, (wallet.purpose, payee)) is not None:
        return None
    return session.get_one(PurposeRow, wallet.purpose)


def owner_name(directory: Directory, account: str) -> str:
    """Return an institution's id, or the account of who is none."""
    found = directory.at_address(account)
    return account if found is None else found.id


def purpose_word(name: str) -> bytes:
    """Return a purpose as ParticipantRegistry names it.

    Raises:
        PurposeNameError: the name is none.
    """
    if not _NAME.fullmatch(name):
        raise PurposeNameError(name)
    return name.encode().ljust(32, b"\0")


def purpose_name(word: bytes) -> str:
    """Return a purpose's name; what was not named here, as hex."""
    text = word.rstrip(b"\0").decode("ascii", "replace")
    return text if _NAME.fullmatch(text) else f"0x{word.hex()}"


def _payees(session: Session, row: PurposeRow) -> Sequence[str]:
    return session.scalars(select(PurposePayeeRow.payee).where(PurposePayeeRow.purpose == row.purpose)).all()


def _follow(session: Session, event: ChainEvent) -> None:
    args = event.args
    match event.name:
        case "WalletOpened":
            purpose = None if args["purpose"] == NO_PURPOSE else args["purpose"]
            wallet = WalletRow(account=args["account"], bank=args["bank"], tier=args["tier"], purpose=purpose)
            session.merge(wallet)
        case "PurposeDefined":
            session.merge(PurposeRow(purpose=args["purpose"], owner=args["owner"]))
        case "PayeeAllowed" if args["allowed"]:
            session.merge(PurposePayeeRow(purpose=args["purpose"], payee=args["payee"]))
        case "PayeeAllowed":
            on_list = (PurposePayeeRow.purpose == args["purpose"], PurposePayeeRow.payee == args["payee"])
            session.execute(delete(PurposePayeeRow).where(*on_list))
    session.flush()
