"""A message key is taken back by its institution: at once, for good, from the moment the revocation names."""

from sqlalchemy.orm import Session

from node.participants import pins, rotation
from node.participants.clock import check_not_ahead
from node.participants.errors import PaperSignatureError, StalePaperError
from node.participants.papers import Revocation
from node.participants.store import InstitutionRow, MessageKeyRow


def take(session: Session, row: InstitutionRow, paper: Revocation, now_s: int) -> bool:
    """Let a key hold no longer; False when the revocation is known.

    The moment may lie in the past, as far as the institution thinks its key was in other hands.

    Raises:
        StalePaperError: the key was never pinned here, or was revoked from an earlier moment on.
        PaperSignatureError: it is signed neither by the key itself nor by the institution's pinned one.
        AheadOfLedgerError, KeyTimesError: the moment lies in the future.
    """
    key = session.get(MessageKeyRow, (row.lei, paper.kid))
    if key is None:
        raise StalePaperError(row.lei, f"kid: expected a key that was pinned for {row.lei}, got {paper.kid}")
    if key.revocation == paper.data:
        return False
    _signer(session, row, paper, key)
    check_not_ahead(row.lei, "revoked_at_s", paper.revoked_at_s, now_s)
    if key.revoked_at_s is not None and key.revoked_at_s <= paper.revoked_at_s:
        raise StalePaperError(
            row.lei, f"revoked_at_s: expected before {key.revoked_at_s}, as it is kept, got {paper.revoked_at_s}"
        )
    key.revoked_at_s, key.revocation = paper.revoked_at_s, paper.data
    pins.end(session, row.lei, paper.revoked_at_s, "revocation", paper.kid)
    # Whoever has the key could have dated its notice before the revocation.
    rotation.drop_waiting(session, row.lei, paper.kid)
    return True


def _signer(session: Session, row: InstitutionRow, paper: Revocation, key: MessageKeyRow) -> None:
    signer = paper.signature.kid
    if signer == key.kid:
        paper.verify(key.alg, key.public_key)
        return
    pinned = None if row.pinned_kid is None else session.get(MessageKeyRow, (row.lei, row.pinned_kid))
    if pinned is None or signer != pinned.kid or pinned.revoked_at_s is not None:
        raise PaperSignatureError(
            row.lei, f"signature.kid: expected the revoked key itself or {row.pinned_kid}, got {signer}"
        )
    paper.verify(pinned.alg, pinned.public_key)
