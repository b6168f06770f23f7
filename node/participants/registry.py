"""Follows ParticipantRegistry: every event about an institution changes the directory in the block's transaction.

A handler only gets facts. What this node does not accept as an institution (a LEI with wrong check digits, a second
account under a LEI in use) is told to the operator and otherwise ignored.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from contracts.client.blocks import BlockData
from contracts.client.deployment import Deployment
from node.participants import pins, rotation
from node.participants.directory import Directory, Institution, Role
from node.participants.errors import InvalidIdentifierError
from node.participants.identifiers import validate_bic, validate_lei
from node.participants.kids import kid_of
from node.participants.store import InstitutionRow
from node.web.events import publish

_CONTRACT: Final = "ParticipantRegistry"


class RegistryFollower:
    """Keeps the table of institutions, and the directory in memory, as the registry has them."""

    def __init__(self, *, directory: Directory, deployment: Deployment) -> None:
        self._directory = directory
        self._deployment = deployment
        self._handlers: Final = {
            "ParticipantRegistered": self._on_registered,
            "RolesChanged": self._on_roles,
            "StatusChanged": self._on_status,
            "KeyThumbprintChanged": self._on_anchor,
        }

    def open(self, session: Session) -> None:
        """Enter the institutions of the genesis in a new database, and bring the directory to what the table has.

        Raises:
            InvalidIdentifierError: the genesis names an institution by a LEI or BIC that is none.
        """
        known = set(session.scalars(select(InstitutionRow.lei)))
        for institution in self._directory:
            if institution.lei not in known:
                validate_lei(institution.lei)
                validate_bic(institution.bic)
                session.add(_new_row(institution, self._deployment.genesis_time_s))
        session.flush()
        for row in session.scalars(select(InstitutionRow)):
            self._show(row)

    def on_block(self, session: Session, block: BlockData) -> None:
        """Apply a block's events; a block handler of the follower."""
        for event in block.events:
            handler = self._handlers.get(event.name) if event.contract == _CONTRACT else None
            if handler is not None:
                handler(session, event)

    def _on_registered(self, session: Session, event: ChainEvent) -> None:
        lei, address = str(event.args["lei"]), str(event.args["account"])
        try:
            validate_lei(lei)
            validate_bic(str(event.args["bic"]))
        except InvalidIdentifierError as error:
            _tell(session, "participant.refused", event, {"lei": lei, "address": address, "reason": str(error)})
            return
        row = session.get(InstitutionRow, lei)
        if row is not None and row.is_active:
            reason = f"account: expected {row.address}, the active one of {lei}, got {address}"
            _tell(session, "participant.refused", event, {"lei": lei, "address": address, "reason": reason})
            return
        if row is None:
            row = _new_row(_registered(event.args), event.block_time_s)
            session.add(row)
        else:
            row.address, row.bic, row.roles = address, str(event.args["bic"]), int(event.args["roles"])
            row.is_active = True
            self._move_anchor(session, row, event)
        self._show(row)
        _tell(session, "participant.registered", event, {"lei": lei, "address": address})

    def _on_roles(self, session: Session, event: ChainEvent) -> None:
        row = _row_of(session, event)
        if row is not None:
            row.roles = int(event.args["roles"])
            self._show(row)

    def _on_status(self, session: Session, event: ChainEvent) -> None:
        row = _row_of(session, event)
        if row is None or row.is_active == event.args["active"]:
            return
        row.is_active, row.usable_since_s = bool(event.args["active"]), event.block_time_s
        if row.is_active:
            pins.resume(session, row, event.block_time_s)
        else:
            pins.end(session, row.lei, event.block_time_s, "status")
        self._show(row)
        kind = "participant.resumed" if row.is_active else "participant.suspended"
        _tell(session, kind, event, {"lei": row.lei})

    def _on_anchor(self, session: Session, event: ChainEvent) -> None:
        row = _row_of(session, event)
        if row is not None and row.anchor != event.args["key_thumbprint"]:
            self._move_anchor(session, row, event)
            self._show(row)

    def _move_anchor(self, session: Session, row: InstitutionRow, event: ChainEvent) -> None:
        row.anchor, row.usable_since_s = bytes(event.args["key_thumbprint"]), event.block_time_s
        kid = kid_of(row.anchor)
        waiting = rotation.waiting_of(session, row.lei)
        if waiting is not None and waiting.new == kid:
            rotation.complete(session, row, waiting, event.block_time_s)
            _tell(session, "participant.key_rotated", event, {"lei": row.lei, "old": waiting.old, "new": kid})
            return
        # Without a notice another anchor revokes the old key at once, and only a person can accept the new one.
        pins.end(session, row.lei, event.block_time_s, "anchor")
        pins.resume(session, row, event.block_time_s)
        if row.pinned_kid not in (None, kid):
            _tell(session, "participant.key_unconfirmed", event, {"lei": row.lei, "pinned": row.pinned_kid, "new": kid})

    def _show(self, row: InstitutionRow) -> None:
        self._directory.put(institution_of(row))


def institution_of(row: InstitutionRow) -> Institution:
    """Return a row as the directory in memory has it."""
    return Institution(
        id=row.id,
        name=row.name,
        lei=row.lei,
        bic=row.bic,
        roles=Role(row.roles),
        address=row.address,
        key_thumbprint=row.anchor,
        is_active=row.is_active,
    )


def _registered(args: Mapping[str, Any]) -> Institution:
    lei = str(args["lei"])
    # The registry knows no names: the LEI serves as id, and as name until the first document.
    return Institution(
        id=lei.lower(),
        name=lei,
        lei=lei,
        bic=str(args["bic"]),
        roles=Role(int(args["roles"])),
        address=str(args["account"]),
        key_thumbprint=bytes(args["key_thumbprint"]),
    )


def _new_row(institution: Institution, since_s: int) -> InstitutionRow:
    return InstitutionRow(
        lei=institution.lei,
        id=institution.id,
        name=institution.name,
        bic=institution.bic,
        roles=int(institution.roles),
        address=institution.address,
        is_active=True,
        anchor=institution.key_thumbprint,
        usable_since_s=since_s,
        pinned_kid=None,
        document=None,
    )


def _row_of(session: Session, event: ChainEvent) -> InstitutionRow | None:
    return session.scalar(select(InstitutionRow).where(InstitutionRow.address == event.args["account"]))


def _tell(session: Session, kind: str, event: ChainEvent, body: dict[str, Any]) -> None:
    publish(session, kind=kind, owner=None, body=body, time_s=event.block_time_s)
