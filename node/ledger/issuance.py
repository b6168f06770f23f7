"""New money in two tiers: a bank or FX provider asks on the chain, the currency's central bank approves or declines.

Both keep the request in their books under the same id, and both learn its state from the chain's events alone: what
is ordered here is `queued` or `answering` until the follower has seen it.
"""

import secrets
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockData
from contracts.client.deployment import Deployment
from node.ledger.errors import IssuanceStateError, NotEligibleError, NotIssuerError, UnknownCurrencyError
from node.ledger.store import IssuanceRow
from node.participants.directory import Role
from node.participants.service import ParticipantService
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.errors import UnknownRowError
from node.storage.outbox import OutboxRow
from node.web.events import publish

PREFIX: Final = "issuance:"
OPEN: Final = "open"
ANSWERING: Final = "answering"
ISSUED: Final = "issued"
DECLINED: Final = "declined"
_ANSWERS: Final = {"Issued": ("to", ISSUED), "IssuanceDeclined": ("requester", DECLINED)}


class IssuanceService:
    """Requests for money: those this institution makes, and those it has to answer."""

    def __init__(self, *, participants: ParticipantService, deployment: Deployment, issues: frozenset[str]) -> None:
        """Prepare.

        Args:
            issues: Currencies that this institution issues.
        """
        self._participants = participants
        self._issues = issues
        self._currency_of = {token.address: currency for currency, token in deployment.tokens.items()}

    def request(self, session: Session, *, currency: str, amount_minor: int, text: str) -> IssuanceRow:
        """Ask a currency's central bank for money.

        Raises:
            NotEligibleError: this institution is neither a bank nor an FX provider.
            UnknownCurrencyError: the network has no such currency.
        """
        own = self._participants.institution
        if not own.roles & (Role.BANK | Role.FX_PROVIDER):
            raise NotEligibleError(own.id, own.role_names)
        if currency not in self._currency_of.values():
            raise UnknownCurrencyError(currency, tuple(sorted(self._currency_of.values())))
        reference = secrets.token_bytes(32)
        row = _new_row(currency, own.address, reference, amount_minor, booked_until_s(session))
        row.text = text
        session.add(row)
        session.flush()
        self._enqueue(session, row, "request_issuance", (amount_minor, reference))
        return row

    def approve(self, session: Session, request_id: str) -> IssuanceRow:
        """Issue what a request asks for.

        Raises:
            UnknownRowError: there is no such request here.
            NotIssuerError: this institution does not issue the currency.
            IssuanceStateError: the request is not open.
        """
        row = self._begin_answer(session, request_id)
        self._enqueue(session, row, "issue", (row.requester, row.amount_minor, row.reference))
        return row

    def decline(self, session: Session, request_id: str) -> IssuanceRow:
        """Say no to a request; raises what `approve` does."""
        row = self._begin_answer(session, request_id)
        self._enqueue(session, row, "decline_issuance", (row.requester, row.reference))
        return row

    def get(self, session: Session, request_id: str) -> IssuanceRow:
        """Return a request, or raise UnknownRowError."""
        found = session.get(IssuanceRow, request_id)
        if found is None:
            raise UnknownRowError("issuance request", request_id)
        return found

    def requests(self, state: str | None = None) -> Select[IssuanceRow]:
        """Return the query of the requests, of one state or all."""
        wanted = select(IssuanceRow)
        return wanted if state is None else wanted.where(IssuanceRow.state == state)

    def requester_name(self, row: IssuanceRow) -> str:
        """Return who asked: an institution's id, or the address of who is none of the genesis."""
        found = self._participants.directory.at_address(row.requester)
        return row.requester if found is None else found.id

    def on_block(self, session: Session, block: BlockData) -> None:
        """Follow the requests that concern this institution; a block handler of the follower."""
        for event in block.events:
            currency = self._currency_of.get(event.address)
            if currency is None:
                continue
            if event.name == "IssuanceRequested":
                self._on_requested(session, currency, event)
            elif event.name in _ANSWERS:
                field, state = _ANSWERS[event.name]
                row = session.get(IssuanceRow, _request_id(currency, event.args[field], event.args["reference"]))
                if row is not None:
                    row.state, row.reason = state, None
                    self._tell(session, row, event.block_time_s)

    def on_outcome(self, session: Session, outcome: OutboxRow) -> None:
        """Book what the chain refused: a request has failed, an answer can be given again."""
        if outcome.state != outbox.FAILED:
            return
        row = self.get(session, outcome.reference.removeprefix(PREFIX))
        row.state = OPEN if row.state == ANSWERING else outbox.FAILED
        row.reason = outcome.reason
        self._tell(session, row, booked_until_s(session))

    def _on_requested(self, session: Session, currency: str, event: ChainEvent) -> None:
        requester, reference = event.args["requester"], event.args["reference"]
        if currency not in self._issues and requester != self._participants.institution.address:
            return
        row = session.get(IssuanceRow, _request_id(currency, requester, reference))
        if row is None:
            row = _new_row(currency, requester, reference, event.args["amount"], event.block_time_s)
            session.add(row)
        row.state, row.requested_at_s = OPEN, event.block_time_s
        self._tell(session, row, event.block_time_s)

    def _tell(self, session: Session, row: IssuanceRow, time_s: int) -> None:
        body = {"id": row.id, "currency": row.currency, "amount": str(row.amount_minor), "reason": row.reason}
        publish(session, kind=f"issuance.{row.state}", owner=None, body=body, time_s=time_s)

    def _begin_answer(self, session: Session, request_id: str) -> IssuanceRow:
        row = self.get(session, request_id)
        if row.currency not in self._issues:
            raise NotIssuerError(self._participants.institution.id, row.currency)
        if row.state != OPEN:
            raise IssuanceStateError(row.id, row.state)
        row.state, row.reason = ANSWERING, None
        session.flush()
        return row

    def _enqueue(self, session: Session, row: IssuanceRow, function: str, args: tuple[Any, ...]) -> None:
        outbox.enqueue(session, contract=row.currency, function=function, args=args, reference=PREFIX + row.id)


def _new_row(currency: str, requester: str, reference: bytes, amount_minor: int, now_s: int) -> IssuanceRow:
    return IssuanceRow(
        id=_request_id(currency, requester, reference),
        currency=currency,
        requester=requester,
        reference=reference,
        amount_minor=amount_minor,
        text="",
        state=outbox.QUEUED,
        reason=None,
        ordered_at_s=now_s,
        requested_at_s=None,
    )


def _request_id(currency: str, requester: str, reference: bytes) -> str:
    return sha256(f"{currency}/{requester}/".encode() + reference).hexdigest()
