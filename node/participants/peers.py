"""Whose keys count: takes signed papers of institutions, pins their keys, and answers for the exchange of messages.

A key counts when three things agree: the registry on the chain holds its thumbprint, it is the pinned key or the one
that the pinned key's notice named, and neither chain nor institution has taken it back.

Source: docs/spec/participants.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client.deployment import Deployment
from node.participants import pins, revocation, rotation
from node.participants.clock import check_not_ahead
from node.participants.directory import Directory, Institution
from node.participants.errors import (
    AnchorMismatchError,
    ForeignPaperError,
    KeyChangeRefusedError,
    KeyNotValidError,
    KeyPendingError,
    KeyRevokedError,
    NoDocumentError,
    PinnedKeyError,
    StalePaperError,
)
from node.participants.kids import kid_of, thumbprint_of
from node.participants.papers import (
    AnyPaper,
    Endpoints,
    Paper,
    ParticipantDocument,
    Revocation,
    RotationNotice,
    parse_paper,
    read_paper,
)
from node.participants.registry import institution_of
from node.participants.store import InstitutionRow, KeyWindowRow, MessageKeyRow
from node.storage.database import signal
from node.web.events import publish
from pqc.envelope import USUAL_CLOCK
from pqc.jws import VerifyingKey
from pqc.sealing import PublicSealingKey

# Of a network with some hundred institutions all; a document has some kilobytes.
_DOCUMENTS_CACHED: Final = 512

TOPIC: Final = "participants"
"""Rings when a paper was taken; what blocks change, `node.storage.cursor` rings."""

Status = Literal["active", "suspended", "no_document", "key_unconfirmed", "key_revoked"]


@dataclass(frozen=True, slots=True)
class PeerKeys:
    """What the exchange needs of an institution now; without a status of active nothing counts, so all is empty."""

    lei: str
    id: str
    status: Status
    endpoints: Endpoints
    verify_keys: tuple[VerifyingKey, ...]
    """That hold now, the one that began last first."""
    sealing_keys: tuple[PublicSealingKey, ...]
    """The institution's order: seal to the first whose `alg` is known."""

    algorithms: frozenset[str]
    """Of the keys that held within the age that a message may have: what else the institution sends is a downgrade.
    Whether a key held at its message's time says `key_at`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An institution as the directory shows it."""

    institution: Institution
    status: Status
    document: ParticipantDocument | None
    windows: tuple[tuple[MessageKeyRow, KeyWindowRow], ...]
    waiting: RotationNotice | None


class Peers:
    """Documents and keys of the network's institutions, in one institution's database."""

    def __init__(self, *, directory: Directory, deployment: Deployment) -> None:
        self._directory = directory
        self._deployment = deployment

    def take(self, session: Session, data: bytes, now_s: int, accept_key: str | None = None) -> AnyPaper:
        """Take a paper: a document, a rotation notice or a revocation; one that is known changes nothing.

        Args:
            now_s: Ledger time.
            accept_key: Key id of a document's message key which a person has checked with the institution, and which
                the registry holds though no notice of the pinned key led to it.

        Raises:
            PaperTooLargeError, PaperFormatError, InvalidIdentifierError, PaperSignatureError: see `parse_paper`.
            UnknownInstitutionError: the registry has no institution of this LEI.
            AheadOfLedgerError: it is dated after the time this node has followed to; bring it again.
            ForeignPaperError: another network, or another BIC or account than the registry has.
            KeyChangeRefusedError: it would change keys against chain, pin or clock; tell the operator by `report`.
        """
        paper = parse_paper(data)
        self._check_network(paper)
        row = self._row(session, paper.lei)
        match paper:
            case ParticipantDocument():
                is_new = self._take_document(session, row, paper, now_s, accept_key)
            case RotationNotice():
                self._check_identity(row, paper.document)
                is_new = rotation.take(session, row, paper, now_s)
            case Revocation():
                is_new = revocation.take(session, row, paper, now_s)
        if is_new:
            signal(session, TOPIC)
            self._directory.put(institution_of(row))
            body = {"lei": paper.lei, "type": paper.type, "kid": paper.signature.kid}
            publish(session, kind="participant.paper_taken", owner=None, body=body, time_s=now_s)
        return paper

    def report(self, session: Session, error: KeyChangeRefusedError, now_s: int) -> None:
        """Tell the operator of a refused change of keys, in a transaction after the one that was rolled back."""
        body = {"lei": error.lei, "code": f"{error.codespace}/{error.code}", "reason": str(error)}
        publish(session, kind="participant.refused", owner=None, body=body, time_s=now_s)

    def keys_of(self, session: Session, lei: str, now_s: int) -> PeerKeys:
        """Return what may be used with an institution now, or raise UnknownInstitutionError."""
        row = self._row(session, lei)
        status, document = self._status(session, row), _document(row)
        is_usable = status == "active" and document is not None
        held = pins.holding(session, row.lei, now_s) if is_usable else ()
        recent = pins.holding(session, row.lei, now_s, now_s - USUAL_CLOCK.age_s) if is_usable else ()
        return PeerKeys(
            lei=row.lei,
            id=row.id,
            status=status,
            endpoints=document.endpoints if is_usable and document else Endpoints(),
            verify_keys=tuple(_verifying(key) for key in held),
            sealing_keys=tuple(
                PublicSealingKey(key.alg, key.public_key)
                for key in (document.of_role("sealing") if is_usable and document else ())
            ),
            algorithms=frozenset(key.alg for key in recent),
        )

    def key_at(self, session: Session, lei: str, kid: str, time_s: int) -> VerifyingKey:
        """Return the message key `kid` if it held at `time_s`, the time of what it signed.

        Raises:
            UnknownInstitutionError: the registry has no institution of this LEI.
            KeyPendingError: the key is announced and not yet anchored as far as this node has followed; try again.
            KeyNotValidError: the institution has no such key, or it did not hold then.
        """
        row = self._row(session, lei)
        for key in pins.holding(session, row.lei, time_s):
            if key.kid == kid:
                return _verifying(key)
        _check_not_pending(session, row, kid)
        raise KeyNotValidError(row.lei, kid, _why_not(session, row, kid, time_s))

    def known_key(self, session: Session, lei: str, kid: str) -> VerifyingKey | None:
        """Return a message key that was ever pinned, to read a message's time with: then ask `key_at` about that time.

        Raises:
            UnknownInstitutionError: the registry has no institution of this LEI.
            KeyPendingError: the key is announced and not yet anchored as far as this node has followed; try again.
        """
        row = self._row(session, lei)
        found = session.get(MessageKeyRow, (row.lei, kid))
        if found is None:
            _check_not_pending(session, row, kid)
            return None
        return _verifying(found)

    def entry(self, session: Session, institution_id: str) -> Entry:
        """Return what is known of an institution, by id or LEI, or raise UnknownInstitutionError."""
        institution = self._directory.institution(institution_id)
        row = self._row(session, institution.lei)
        keys = {key.kid: key for key in session.scalars(select(MessageKeyRow).where(MessageKeyRow.lei == row.lei))}
        waiting = rotation.waiting_of(session, row.lei)
        return Entry(
            institution=institution,
            status=self._status(session, row),
            document=_document(row),
            windows=tuple((keys[window.kid], window) for window in pins.windows(session, row.lei)),
            waiting=None if waiting is None else rotation.read(waiting),
        )

    def entries(self, session: Session) -> Iterable[Entry]:
        """Return every institution, in the directory's order."""
        return [self.entry(session, institution.id) for institution in self._directory]

    def certificates(self, session: Session) -> tuple[bytes, ...]:
        """Return what institutions that may take part show in TLS, by their documents, in DER."""
        documents = (
            _document(row)
            for row in session.scalars(select(InstitutionRow).order_by(InstitutionRow.lei))
            if self._status(session, row) == "active"
        )
        return tuple(
            certificate
            for document in documents
            for certificate in (document.endpoints.certificates_der if document else ())
        )

    def document(self, session: Session, institution_id: str) -> bytes:
        """Return an institution's document as it was signed, or raise NoDocumentError."""
        found = self._row(session, self._directory.institution(institution_id).lei).document
        if found is None:
            raise NoDocumentError(institution_id)
        return found

    def _take_document(
        self, session: Session, row: InstitutionRow, document: ParticipantDocument, now_s: int, accept_key: str | None
    ) -> bool:
        if row.document == document.data:
            return False
        self._check_identity(row, document)
        key = document.message_key
        if thumbprint_of(key.kid) != row.anchor:
            raise AnchorMismatchError(row.lei, kid_of(row.anchor), key.kid)
        known = session.get(MessageKeyRow, (row.lei, key.kid))
        if known is not None and known.revoked_at_s is not None:
            raise KeyRevokedError(row.lei, key.kid, known.revoked_at_s)
        if row.pinned_kid not in (None, key.kid) and accept_key != key.kid:
            raise PinnedKeyError(row.lei, str(row.pinned_kid), key.kid)
        _check_issued(row, document, now_s)
        if row.pinned_kid not in (None, key.kid):
            rotation.drop_waiting(session, row.lei, str(row.pinned_kid))
        row.document, row.name = document.data, document.name
        pins.pin(session, row, key, row.usable_since_s)
        return True

    def _check_network(self, paper: Paper) -> None:
        for field, expected, got in (
            ("network", self._deployment.network, paper.network),
            ("chain_id", self._deployment.chain_id, paper.chain_id),
        ):
            if expected != got:
                raise ForeignPaperError(field, expected, got)

    def _check_identity(self, row: InstitutionRow, document: ParticipantDocument) -> None:
        for field, expected, got in (("bic", row.bic, document.bic), ("account", row.address, document.account)):
            if expected != got:
                raise ForeignPaperError(field, f"{expected or 'none'}, as the registry has it", got or "none")

    def _row(self, session: Session, lei: str) -> InstitutionRow:
        found = session.get(InstitutionRow, lei)
        return session.get_one(InstitutionRow, self._directory.institution(lei).lei) if found is None else found

    def _status(self, session: Session, row: InstitutionRow) -> Status:
        if not row.is_active:
            return "suspended"
        if row.pinned_kid is None:
            return "no_document"
        if session.get_one(MessageKeyRow, (row.lei, row.pinned_kid)).revoked_at_s is not None:
            return "key_revoked"
        return "active" if pins.is_anchored(row) else "key_unconfirmed"


def _verifying(key: MessageKeyRow) -> VerifyingKey:
    return VerifyingKey(key.alg, key.public_key)


def _document(row: InstitutionRow) -> ParticipantDocument | None:
    return None if row.document is None else _read_document(row.document)


@lru_cache(maxsize=_DOCUMENTS_CACHED)
def _read_document(data: bytes) -> ParticipantDocument:
    # Asked for with every message; reading takes longer than opening one.
    paper = read_paper(data)
    assert isinstance(paper, ParticipantDocument)
    return paper


def _check_issued(row: InstitutionRow, document: ParticipantDocument, now_s: int) -> None:
    check_not_ahead(row.lei, "issued_at_s", document.issued_at_s, now_s)
    kept = _document(row)
    if kept is None or kept.message_key.kid != document.message_key.kid:
        return
    if document.issued_at_s <= kept.issued_at_s:
        raise StalePaperError(
            row.lei,
            f"issued_at_s: expected later than {kept.issued_at_s}, of the document kept, got {document.issued_at_s}",
        )


def _check_not_pending(session: Session, row: InstitutionRow, kid: str) -> None:
    waiting = rotation.waiting_of(session, row.lei)
    if waiting is not None and waiting.new == kid:
        raise KeyPendingError(row.lei, kid)


def _why_not(session: Session, row: InstitutionRow, kid: str, time_s: int) -> str:
    key = session.get(MessageKeyRow, (row.lei, kid))
    if key is None:
        return "which is not a known one"
    if key.revoked_at_s is not None and key.revoked_at_s <= time_s:
        return f"revoked at {key.revoked_at_s}"
    times = [f"{one.from_s} to {one.until_s or 'now'}" for one in pins.windows(session, row.lei, kid)]
    return f"which held from {' and from '.join(times) or 'no time on'}, not at {time_s}"
