"""What an institution publishes about itself: its document, the notice of its next message key, revocations."""

from collections.abc import Callable
from typing import Any, Final

import rfc8785
from sqlalchemy.orm import Session

from contracts.client.deployment import Deployment
from node.participants import rotation
from node.participants.algorithms import BY_ROLE
from node.participants.directory import Directory
from node.participants.errors import NoRotationError
from node.participants.keys import MessageKey
from node.participants.kids import thumbprint_of
from node.participants.papers import (
    DOCUMENT,
    REVOCATION,
    ROTATION,
    AnyPaper,
    Endpoints,
    Jwk,
    PaperKey,
    ParticipantDocument,
    Revocation,
    RotationNotice,
    key_id,
    sign_paper,
)
from node.participants.peers import Peers
from node.participants.ports import KeyRing
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.web.events import publish
from pqc.keystore import KeyInfo

ANCHORS: Final = "anchors:"
"""Prefix of the outbox's references of anchors that the governor sets."""


class OwnPapers:
    """Signs one institution's papers, takes them into its own directory and hands them to `spread`."""

    def __init__(
        self,
        *,
        institution_id: str,
        directory: Directory,
        deployment: Deployment,
        peers: Peers,
        ring: KeyRing,
        endpoints: Endpoints,
        spread: Callable[[Session, AnyPaper], None],
    ) -> None:
        self._institution_id = institution_id
        self._directory = directory
        self._deployment = deployment
        self._peers = peers
        self._ring = ring
        self._endpoints = endpoints
        self._spread = spread
        self._key = MessageKey(ring, directory, institution_id)

    def publish(self, session: Session, now_s: int) -> ParticipantDocument:
        """Send the present document to every institution and return it; raises what `document` does."""
        document = self.document(session, now_s)
        self._spread(session, document)
        return document

    def document(self, session: Session, now_s: int) -> ParticipantDocument:
        """Return the present document; a new one is signed where keys or endpoints are no longer those of the last.

        Raises:
            OwnKeyMissingError: the keystore lacks the key that the registry holds.
            KeyRevokedError: that key is revoked.
        """
        kept = self._peers.entry(session, self._institution_id).document
        fields = self._document_fields(self._key, now_s if kept is None else max(now_s, kept.issued_at_s + 1))
        if kept is not None and _content(kept.model_dump(exclude_none=True)) == _content(fields):
            return kept
        document = sign_paper(ParticipantDocument, self._key, fields)
        # Whoever holds the anchored key needs no notice to believe itself.
        self._peers.take(session, document.data, document.issued_at_s, accept_key=document.message_key.kid)
        return document

    def rotate(self, session: Session, *, now_s: int, overlap_s: int) -> RotationNotice:
        """Make the next message key and announce it; it signs once the governor has anchored it.

        Raises:
            KeyChangeRefusedError: another rotation is under way, or the overlap is too long.
            OwnKeyMissingError: the keystore lacks the present key.
        """
        following = self._key.following(now_s, overlap_s)
        inner = sign_paper(ParticipantDocument, following, self._document_fields(following, now_s))
        fields = self._fields(ROTATION, now_s) | {
            "old": key_id(self._key.algorithm, self._key.public_key),
            "new": inner.message_key.kid,
            "starts_at_s": now_s,
            "old_until_s": now_s + overlap_s,
            "document": inner.model_dump(exclude_none=True),
        }
        notice = sign_paper(RotationNotice, self._key, fields)
        self._peers.take(session, notice.data, now_s)
        self._spread(session, notice)
        return notice

    def revoke(self, session: Session, *, kid: str, reason: str, now_s: int) -> Revocation:
        """Take back a message key of this institution, from now on.

        Raises:
            KeyChangeRefusedError: the key was never pinned, or is revoked.
            OwnKeyMissingError: the keystore lacks the present key.
        """
        fields = self._fields(REVOCATION, now_s) | {"kid": kid, "revoked_at_s": now_s, "reason": reason}
        paper = sign_paper(Revocation, self._key, fields)
        self._peers.take(session, paper.data, now_s)
        self._spread(session, paper)
        return paper

    def anchor(self, session: Session, institution_id: str, key: str | None = None) -> str:
        """Queue, as the governor, an institution's next anchor; return the key's id.

        Args:
            key: For an institution that lost its key; otherwise the one that its notice names.

        Raises:
            UnknownInstitutionError: the registry has no such institution.
            NoRotationError: no notice waits.
        """
        institution = self._directory.institution(institution_id)
        waiting = rotation.waiting_of(session, institution.lei)
        if key is None:
            if waiting is None:
                raise NoRotationError(institution.id)
            key = waiting.new
        outbox.enqueue(
            session,
            contract="ParticipantRegistry",
            function="set_key_thumbprint",
            args=(institution.address, thumbprint_of(key)),
            reference=ANCHORS + institution.id,
        )
        return key

    def on_anchor_outcome(self, session: Session, outcome: OutboxRow) -> None:
        """Tell the operator when the chain refused an anchor."""
        if outcome.state == outbox.FAILED:
            body = {"institution": outcome.reference.removeprefix(ANCHORS), "reason": outcome.reason}
            kind, time_s = "participant.anchor_refused", booked_until_s(session)
            publish(session, kind=kind, owner=None, body=body, time_s=time_s)

    def _document_fields(self, key: PaperKey, issued_at_s: int) -> dict[str, Any]:
        own = self._directory.institution(self._institution_id)
        message = Jwk.of("message", key.algorithm, key.public_key)
        infos = self._ring.keys()
        others = (Jwk.of(info.role, info.alg, info.public_key) for info in infos if _is_published(info))
        return self._fields(DOCUMENT, issued_at_s) | {
            "bic": own.bic,
            "name": own.name,
            "account": own.address,
            "endpoints": self._endpoints.model_dump(exclude_none=True),
            "jwks": {"keys": [message.model_dump(), *(one.model_dump() for one in others)]},
        }

    def _fields(self, kind: str, issued_at_s: int) -> dict[str, Any]:
        return {
            "type": kind,
            "network": self._deployment.network,
            "chain_id": self._deployment.chain_id,
            "lei": self._directory.institution(self._institution_id).lei,
            "issued_at_s": issued_at_s,
        }


def _is_published(info: KeyInfo) -> bool:
    return info.role != "message" and info.alg in BY_ROLE.get(info.role, ())


def _content(fields: dict[str, Any]) -> bytes:
    """Return what a document says beside when it was signed."""
    content = {name: value for name, value in fields.items() if name not in ("issued_at_s", "signature")}
    return bytes(rfc8785.dumps(content))
