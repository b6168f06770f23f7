"""Freeze orders: a currency's central bank gives them by number, and lifts them; every desk sees those on its accounts.

The chain carries number, scope, expiry and a hash of the reasons; the reasons themselves stay with the central bank.
What is ordered here is `queued` or `lifting` until the follower has seen it.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent, checksummed
from contracts.client.blocks import BlockData
from contracts.client.deployment import Deployment
from node.ledger.errors import FreezeStateError, NotIssuerError
from node.ledger.ports import Owners
from node.ledger.store import FreezeRow
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.errors import UnknownRowError
from node.storage.outbox import OutboxRow
from node.web.events import publish

PREFIX: Final = "freeze:"
SCOPES: Final[Mapping[str, int]] = {"available": 1, "all": 2}
IN_FORCE: Final = "in force"
LIFTING: Final = "lifting"
LIFTED: Final = "lifted"


class FreezeService:
    """Orders that this institution gives, and those on the accounts of its books."""

    def __init__(self, *, institution_id: str, owners: Owners, deployment: Deployment, issues: frozenset[str]) -> None:
        """Prepare.

        Args:
            issues: Currencies that this institution issues.
        """
        self._institution_id = institution_id
        self._owners = owners
        self._issues = issues
        self._currency_of = {token.address: currency for currency, token in deployment.tokens.items()}

    def order(
        self, session: Session, *, currency: str, account: str, scope: str, expires_at_s: int, reasons: str
    ) -> FreezeRow:
        """Freeze an account from the next block on.

        Args:
            scope: `available`: it cannot spend. `all`: nor can its holds be executed, and their clocks stand still.

        Raises:
            NotIssuerError: this institution does not issue the currency.
        """
        self._check_issues(currency)
        highest = session.scalar(select(func.max(FreezeRow.number)).where(FreezeRow.currency == currency))
        row = FreezeRow(
            currency=currency,
            number=(highest or 0) + 1,
            account=checksummed(account),
            scope=scope,
            expires_at_s=expires_at_s,
            reason_hash=sha256(reasons.encode()).digest(),
            reasons=reasons,
            state=outbox.QUEUED,
        )
        session.add(row)
        session.flush()
        arguments = (row.account, row.number, SCOPES[scope], expires_at_s, row.reason_hash)
        self._enqueue(session, row, "order_freeze", arguments)
        return row

    def lift(self, session: Session, currency: str, number: int) -> FreezeRow:
        """End an order before it expires.

        Raises:
            NotIssuerError: this institution does not issue the currency.
            UnknownRowError: there is no such order.
            FreezeStateError: it is not in force.
        """
        self._check_issues(currency)
        row = self.get(session, currency, number)
        if row.state != IN_FORCE:
            raise FreezeStateError(currency, number, row.state)
        row.state, row.failure = LIFTING, None
        session.flush()
        self._enqueue(session, row, "lift_freeze", (row.account, row.number))
        return row

    def get(self, session: Session, currency: str, number: int) -> FreezeRow:
        """Return an order, or raise UnknownRowError."""
        found = session.get(FreezeRow, (currency, number))
        if found is None:
            raise UnknownRowError("freeze order", f"{currency}/{number}")
        return found

    def orders(self, session: Session) -> Select[FreezeRow]:
        """Return the query of the orders in the currencies this institution issues and on its own accounts."""
        accounts = self._owners.account_names(session)
        return select(FreezeRow).where(or_(FreezeRow.currency.in_(self._issues), FreezeRow.account.in_(accounts)))

    def on_block(self, session: Session, block: BlockData) -> None:
        """Follow every order of the network; a block handler of the follower."""
        for event in block.events:
            currency = self._currency_of.get(event.address)
            if currency is None:
                continue
            if event.name == "FreezeOrdered":
                self._on_ordered(session, currency, event)
            elif event.name == "FreezeLifted":
                row = self.get(session, currency, event.args["order"])
                row.state, row.failure, row.lifted_at_s = LIFTED, None, event.block_time_s
                self._tell(session, row, "freeze.lifted", event.block_time_s)

    def on_outcome(self, session: Session, outcome: OutboxRow) -> None:
        """Book what the chain refused: an order has failed, one that was not lifted is in force still."""
        if outcome.state != outbox.FAILED:
            return
        currency, number = outcome.reference.removeprefix(PREFIX).split("/")
        row = self.get(session, currency, int(number))
        row.state = IN_FORCE if row.state == LIFTING else outbox.FAILED
        row.failure = outcome.reason
        self._tell(session, row, "freeze.failed", booked_until_s(session))

    def _on_ordered(self, session: Session, currency: str, event: ChainEvent) -> None:
        number = event.args["order"]
        row = session.get(FreezeRow, (currency, number))
        if row is None:
            scope = next(name for name, value in SCOPES.items() if value == event.args["scope"])
            row = FreezeRow(
                currency=currency,
                number=number,
                account=event.args["account"],
                scope=scope,
                expires_at_s=event.args["expires_at"],
                reason_hash=event.args["reason"],
                reasons="",
            )
            session.add(row)
        row.state, row.ordered_at_s = IN_FORCE, event.block_time_s
        self._tell(session, row, "freeze.ordered", event.block_time_s)

    def _tell(self, session: Session, row: FreezeRow, kind: str, time_s: int) -> None:
        """Tell the staff of who issues the currency, and of who keeps books for the account."""
        owner = self._owners.account_names(session).get(row.account)
        if row.currency in self._issues or owner is not None:
            body = {"currency": row.currency, "number": row.number, "account": row.account, "reason": row.failure}
            publish(session, kind=kind, owner=None, body=body | {"owner": owner}, time_s=time_s)

    def _check_issues(self, currency: str) -> None:
        if currency not in self._issues:
            raise NotIssuerError(self._institution_id, currency)

    def _enqueue(self, session: Session, row: FreezeRow, function: str, args: tuple[Any, ...]) -> None:
        reference = f"{PREFIX}{row.currency}/{row.number}"
        outbox.enqueue(session, contract=row.currency, function=function, args=args, reference=reference)
