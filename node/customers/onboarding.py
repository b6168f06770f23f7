"""From stranger to customer: an application is written, gets its documents, is submitted; another person decides."""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from node.customers.documents import validate_document
from node.customers.errors import (
    ApplicationStateError,
    IncompleteError,
    SamePersonError,
    TooManyError,
    UnknownApplicationError,
)
from node.customers.kyc import REQUIRED_DOCUMENTS, CompanyFields, Fields, PersonFields, is_exposed, name_of
from node.customers.limits import APPLICATIONS_OPEN_MAX, DOCUMENTS_MAX
from node.customers.store import ApplicationRow, KycDocumentRow
from node.participants.service import ParticipantService
from node.storage.cursor import booked_until_s
from node.web.auth import Principal
from node.web.permissions import Permission

DRAFT: Final = "draft"
SUBMITTED: Final = "submitted"
APPROVED: Final = "approved"
DECLINED: Final = "declined"
_FIELDS: Final[TypeAdapter[CompanyFields | PersonFields]] = TypeAdapter(Fields)


class Onboarding:
    """Applications of one institution."""

    def __init__(self, participants: ParticipantService) -> None:
        self._participants = participants

    def draft(
        self, session: Session, customer_id: str, fields: CompanyFields | PersonFields, writer: Principal, now_s: int
    ) -> ApplicationRow:
        """Begin an application.

        Raises:
            TooManyError: too many wait for a decision.
            InvalidCustomerError, CustomerExistsError: the id is not acceptable, or taken.
        """
        undecided = select(func.count()).where(ApplicationRow.state.in_((DRAFT, SUBMITTED)))
        if (session.scalar(undecided) or 0) >= APPLICATIONS_OPEN_MAX:
            raise TooManyError(f"applications: expected fewer than {APPLICATIONS_OPEN_MAX} undecided, got as many")
        self._participants.validate_new(session, customer_id, name_of(fields))
        row = ApplicationRow(
            id=secrets.token_hex(8),
            customer=customer_id,
            kind=fields.kind,
            fields=fields.model_dump(mode="json"),
            state=DRAFT,
            writers=[writer.name],
            made_at_s=now_s,
            changed_at_s=now_s,
        )
        session.add(row)
        session.flush()
        return row

    def change(
        self,
        session: Session,
        application_id: str,
        fields: CompanyFields | PersonFields,
        writer: Principal,
        now_s: int,
    ) -> ApplicationRow:
        """Write another version of the fields."""
        row = self._written(session, application_id, writer, now_s)
        row.kind, row.fields = fields.kind, fields.model_dump(mode="json")
        return row

    def add_document(
        self,
        session: Session,
        application_id: str,
        *,
        kind: str,
        name: str,
        media_type: str,
        content: bytes,
        writer: Principal,
        now_s: int,
    ) -> KycDocumentRow:
        """Keep a document of an application.

        Raises:
            DocumentFormatError: it is not what it says it is.
            TooManyError: there are too many.
        """
        row = self._written(session, application_id, writer, now_s)
        validate_document(name, media_type, content)
        if len(self.documents(session, row.id)) >= DOCUMENTS_MAX:
            raise TooManyError(f"documents: expected at most {DOCUMENTS_MAX} of an application, got as many")
        document = KycDocumentRow(
            id=secrets.token_hex(8),
            application=row.id,
            kind=kind,
            name=name,
            media_type=media_type,
            sha256=sha256(content).digest(),
            content=content,
            added_by=writer.name,
            added_at_s=now_s,
        )
        session.add(document)
        session.flush()
        return document

    def submit(self, session: Session, application_id: str, writer: Principal, now_s: int) -> ApplicationRow:
        """Put an application before another person; IncompleteError where a document is missing."""
        row = self._written(session, application_id, writer, now_s)
        known = {one.kind for one in self.documents(session, row.id)}
        missing = tuple(f"documents.{kind}" for kind in REQUIRED_DOCUMENTS[row.kind] if kind not in known)
        if missing:
            raise IncompleteError(missing)
        row.state = SUBMITTED
        return row

    def approve(
        self, session: Session, application_id: str, risk: str, checker: Principal, now_s: int
    ) -> ApplicationRow:
        """Make the customer, as another person than those who wrote the application.

        Raises:
            SamePersonError: the checker wrote at it.
            IncompleteError: a politically exposed person is among them, and the risk is not `high`.
            CustomerExistsError: the id has been taken meanwhile.
        """
        row = self._decided(session, application_id, checker, now_s)
        fields = _FIELDS.validate_python(row.fields)
        if is_exposed(fields) and risk != "high":
            raise IncompleteError(("risk high, as a politically exposed person is among them,",))
        self._participants.validate_new(session, row.customer, name_of(fields))
        self._participants.add_customer(
            session,
            customer_id=row.customer,
            name=name_of(fields),
            now_s=booked_until_s(session),
            postal_address=fields.address,
        )
        row.state, row.risk = APPROVED, risk
        return row

    def decline(
        self, session: Session, application_id: str, reason: str, checker: Principal, now_s: int
    ) -> ApplicationRow:
        """Say no; what was written is kept for as long as the institution's retention says."""
        row = self._decided(session, application_id, checker, now_s)
        row.state, row.reason = DECLINED, reason
        return row

    def get(self, session: Session, application_id: str) -> ApplicationRow:
        """Return an application, or raise UnknownApplicationError."""
        found = session.get(ApplicationRow, application_id)
        if found is None:
            raise UnknownApplicationError("application", application_id)
        return found

    def applications(self, state: str | None) -> Select[ApplicationRow]:
        """Return the query of applications; in one state if named."""
        wanted = select(ApplicationRow)
        return wanted if state is None else wanted.where(ApplicationRow.state == state)

    def documents(self, session: Session, application_id: str) -> Sequence[KycDocumentRow]:
        """Return an application's documents, the oldest first."""
        wanted = select(KycDocumentRow).where(KycDocumentRow.application == application_id)
        return session.scalars(wanted.order_by(KycDocumentRow.added_at_s, KycDocumentRow.id)).all()

    def document(self, session: Session, application_id: str, document_id: str) -> KycDocumentRow:
        """Return a document, or raise UnknownApplicationError."""
        found = session.get(KycDocumentRow, document_id)
        if found is None or found.application != application_id:
            raise UnknownApplicationError("document", document_id)
        return found

    def _written(self, session: Session, application_id: str, writer: Principal, now_s: int) -> ApplicationRow:
        row = self.get(session, application_id)
        if row.state != DRAFT:
            raise ApplicationStateError(DRAFT, row.state)
        row.writers = sorted({*row.writers, writer.name})
        row.changed_at_s = now_s
        return row

    def _decided(self, session: Session, application_id: str, checker: Principal, now_s: int) -> ApplicationRow:
        row = self.get(session, application_id)
        if row.state != SUBMITTED:
            raise ApplicationStateError(SUBMITTED, row.state)
        if checker.name in row.writers and not checker.may(Permission.ACT_ALONE):
            raise SamePersonError
        row.decided_by, row.changed_at_s = checker.name, now_s
        return row


def shown_fields(row: ApplicationRow) -> dict[str, Any]:
    """Return what was written."""
    return dict(row.fields)
