"""Tables of customers and what was signed for them, and of institutions and their pinned keys."""

from typing import Any

from sqlalchemy import JSON, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import PERSONAL
from node.storage.database import Base


class CustomerRow(Base):
    """A customer whose key this institution keeps."""

    __tablename__ = "participant_customer"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(info=PERSONAL)
    """Empty once it is erased."""
    address: Mapped[str] = mapped_column(unique=True)
    key_name: Mapped[str] = mapped_column(unique=True)
    created_at_s: Mapped[int]
    wallet: Mapped[str] = mapped_column(server_default="none")
    """Its wallet in ParticipantRegistry: `none`, `queued`, then `open` or `failed`."""
    postal_address: Mapped[dict[str, Any] | None] = mapped_column(JSON, info=PERSONAL)
    """A `PostalAddress`, None while the institution knows none."""
    closed_at_s: Mapped[int | None]
    """Wall time at which the institution parted from it: nothing is signed for it any more."""


class ConsentRow(Base):
    """A signature made with a kept key, and who agreed to it."""

    __tablename__ = "participant_consent"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    signer: Mapped[str] = mapped_column(index=True)
    """Customer id, or the institution's own id."""
    address: Mapped[str]
    primary_type: Mapped[str]
    domain: Mapped[dict[str, Any]] = mapped_column(JSON)
    message: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What was shown: integers as digits, bytes as hex."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    signature: Mapped[bytes] = mapped_column(LargeBinary(65))
    given_by: Mapped[str]
    """Who asked for it, as the desk authenticated them."""
    given_at_s: Mapped[int]
    """Ledger time."""


class InstitutionRow(Base):
    """An institution as the registry on the chain has it, with the document that counts for it."""

    __tablename__ = "participant_institution"

    lei: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    bic: Mapped[str]
    roles: Mapped[int]
    address: Mapped[str] = mapped_column(unique=True)
    is_active: Mapped[bool]
    anchor: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Thumbprint of its message key in the registry, zeros while it has none."""
    usable_since_s: Mapped[int]
    """Since when both anchor and status are what they are; ledger time."""
    pinned_kid: Mapped[str | None]
    """The message key that was verified last; None before the first document."""
    document: Mapped[bytes | None]


class MessageKeyRow(Base):
    """A message key of an institution that was pinned once."""

    __tablename__ = "participant_message_key"

    lei: Mapped[str] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    alg: Mapped[str]
    public_key: Mapped[bytes]
    revoked_at_s: Mapped[int | None]
    revocation: Mapped[bytes | None]
    """The signed revocation."""


class KeyWindowRow(Base):
    """A time in which a message key holds: from `from_s` until before `until_s`."""

    __tablename__ = "participant_key_window"

    lei: Mapped[str] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    from_s: Mapped[int] = mapped_column(primary_key=True)
    until_s: Mapped[int | None]
    ended_by: Mapped[str | None]
    """What set `until_s`: `rotation`, `anchor`, `status` or `revocation`."""


class RotationRow(Base):
    """A rotation notice that was verified."""

    __tablename__ = "participant_rotation"

    lei: Mapped[str] = mapped_column(primary_key=True)
    new: Mapped[str] = mapped_column(primary_key=True)
    old: Mapped[str]
    starts_at_s: Mapped[int]
    old_until_s: Mapped[int]
    notice: Mapped[bytes]
    is_done: Mapped[bool]
    """Whether the new key was pinned by it."""
