"""What a customer may ask about its own data: a copy of it, and that it is forgotten (GDPR, articles 15, 17 and 20).

An institution has to keep what it knows for some years after it parts from a customer (AMLD, article 40); after that it
is forgotten by itself. What is on the chain stays: addresses and amounts, hashes of documents, no names.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from node.customers.errors import ExportTooLargeError, ObstacleError
from node.customers.limits import EXPORT_BYTES_MAX
from node.customers.onboarding import DECLINED
from node.customers.ports import Keeper
from node.customers.store import ApplicationRow, KycDocumentRow
from node.participants.service import ParticipantService
from node.participants.store import CustomerRow
from node.web.personal import forget_answers

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Retention:
    """How long an institution keeps what it knows, in days."""

    closed_customers: int = 1_827
    """After parting; five years in the EU."""
    declined_applications: int = 180


class Subjects:
    """Copies of customers' data, and its end."""

    def __init__(self, participants: ParticipantService, keepers: Sequence[Keeper], retention: Retention) -> None:
        self._participants = participants
        self._keepers = tuple(keepers)
        self._retention = retention

    def export(self, session: Session, customer_id: str) -> bytes:
        """Return a ZIP of everything that is held about a customer: JSON by keeper, and documents as files.

        Raises:
            UnknownCustomerError: there is no such customer.
            ExportTooLargeError: it does not fit.
        """
        self._participants.customer(session, customer_id)
        archive = _Archive()
        for keeper in self._keepers:
            archive.add(keeper.name, keeper.export(session, customer_id))
        return archive.close()

    def close(self, session: Session, customer_id: str, now_s: int) -> CustomerRow:
        """Part from a customer: nobody acts for it any more.

        Raises:
            ObstacleError: it has money here, or a trade that runs.
        """
        self._check_obstacles(session, customer_id)
        for keeper in self._keepers:
            keeper.close(session, customer_id, now_s)
        return self._participants.close(session, customer_id, now_s)

    def erase(self, session: Session, customer_id: str, now_s: int) -> CustomerRow:
        """Forget a customer.

        Raises:
            ObstacleError: it is a customer still, or has to be kept for longer.
        """
        row = self._participants.customer(session, customer_id)
        if row.closed_at_s is None:
            raise ObstacleError(customer_id, ["it is a customer still; close it first"])
        until_s = row.closed_at_s + self._retention.closed_customers * _DAY_S
        if now_s < until_s:
            day = datetime.fromtimestamp(until_s, UTC).date().isoformat()
            raise ObstacleError(customer_id, [f"what is known about it has to be kept until {day}"])
        self._check_obstacles(session, customer_id)
        for keeper in self._keepers:
            keeper.erase(session, customer_id, now_s)
        return self._participants.erase(session, customer_id)

    def sweep(self, session: Session, now_s: int) -> list[str]:
        """Forget everybody whose time has come; return who that was."""
        oldest_s = now_s - self._retention.declined_applications * _DAY_S
        old = select(ApplicationRow.id).where(ApplicationRow.state == DECLINED, ApplicationRow.changed_at_s < oldest_s)
        for application_id in session.scalars(old).all():
            _forget(session, application_id)
        closed_s = now_s - self._retention.closed_customers * _DAY_S
        forgotten = [
            row.id
            for row in self._participants.customers(session)
            if row.closed_at_s is not None and row.closed_at_s <= closed_s and row.name
        ]
        for customer_id in forgotten:
            self.erase(session, customer_id, now_s)
        return forgotten

    def _check_obstacles(self, session: Session, customer_id: str) -> None:
        found = [one for keeper in self._keepers for one in keeper.obstacles(session, customer_id)]
        if found:
            raise ObstacleError(customer_id, found)


class ApplicationKeeper:
    """What this slice holds."""

    name = "applications"

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        return []

    def export(self, session: Session, customer_id: str) -> Any:
        return [
            {"application": row.shown(), "documents": [one.shown() for one in self._documents(session, row.id)]}
            for row in self._of(session, customer_id)
        ]

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """Nothing acts here."""

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        for row in self._of(session, customer_id):
            _forget(session, row.id)

    def _of(self, session: Session, customer_id: str) -> Sequence[ApplicationRow]:
        return session.scalars(select(ApplicationRow).where(ApplicationRow.customer == customer_id)).all()

    def _documents(self, session: Session, application_id: str) -> Sequence[KycDocumentRow]:
        return session.scalars(select(KycDocumentRow).where(KycDocumentRow.application == application_id)).all()


def _forget(session: Session, application_id: str) -> None:
    """Delete an application with its documents, and empty the answers that repeat them."""
    documents = select(KycDocumentRow.id).where(KycDocumentRow.application == application_id)
    forget_answers(session, application_id, *session.scalars(documents).all())
    session.execute(delete(KycDocumentRow).where(KycDocumentRow.application == application_id))
    session.execute(delete(ApplicationRow).where(ApplicationRow.id == application_id))


class _Archive:
    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_DEFLATED)
        self._bytes = 0
        self._files = 0

    def add(self, name: str, content: Any) -> None:
        text = json.dumps(content, indent=1, ensure_ascii=False, default=self._as_file)
        self._write(f"{name}.json", text.encode())

    def close(self) -> bytes:
        self._zip.close()
        return self._buffer.getvalue()

    def _as_file(self, value: Any) -> Any:
        if not isinstance(value, bytes):
            return str(value)
        if len(value) <= 64:
            return "0x" + value.hex()
        self._files += 1
        name = f"files/{self._files:04}"
        self._write(name, value)
        return {"file": name}

    def _write(self, name: str, data: bytes) -> None:
        self._bytes += len(data)
        if self._bytes > EXPORT_BYTES_MAX:
            raise ExportTooLargeError(f"export: expected at most {EXPORT_BYTES_MAX} bytes, got more")
        self._zip.writestr(name, data)
