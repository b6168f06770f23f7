"""Tables of people, how they sign in, and their sessions. What lets somebody in is kept as a hash, or sealed."""

from sqlalchemy import JSON, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import PERSONAL, SECRET
from node.storage.database import Base


class PersonRow(Base):
    """Somebody who works for the institution or for one of its customers."""

    __tablename__ = "identity_person"

    id: Mapped[str] = mapped_column(primary_key=True)
    """`p-` and 16 hex digits; says nothing about who it is."""
    email: Mapped[str | None] = mapped_column(unique=True, info=PERSONAL)
    """In small letters; None once erased, as is the name."""
    name: Mapped[str | None] = mapped_column(info=PERSONAL)
    customer: Mapped[str | None] = mapped_column(index=True)
    """Whose business this person does; None: the institution's own."""
    roles: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[str]
    """`invited`, then `active`; `disabled` while locked out by an operator, `erased` for good."""
    password_hash: Mapped[str | None] = mapped_column(info=SECRET)
    """Argon2id, PHC string."""
    totp: Mapped[bytes | None] = mapped_column(LargeBinary, info=SECRET)
    """The secret of the authenticator app, sealed to the institution's own key."""
    totp_step: Mapped[int] = mapped_column(server_default="0")
    """Of the last code that was used: it and earlier ones count no more."""
    created_at_s: Mapped[int]


class PasskeyRow(Base):
    """A passkey."""

    __tablename__ = "identity_passkey"

    id: Mapped[bytes] = mapped_column(LargeBinary(1023), primary_key=True)
    """Credential id, as the authenticator chose it."""
    person: Mapped[str] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(info=PERSONAL)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    """COSE."""
    sign_count: Mapped[int]
    created_at_s: Mapped[int]
    used_at_s: Mapped[int | None]


class InvitationRow(Base):
    """A one-time link."""

    __tablename__ = "identity_invitation"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person: Mapped[str] = mapped_column(index=True)
    made_by: Mapped[str]
    made_at_s: Mapped[int]
    expires_at_s: Mapped[int]
    totp: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    """The secret that the person's app is given, sealed; theirs once they show a code of it."""


class ChallengeRow(Base):
    """A random number that a passkey has to sign, once."""

    __tablename__ = "identity_challenge"

    id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    """`sign-in`, or `register:` and a person's id."""
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at_s: Mapped[int] = mapped_column(index=True)


class SessionRow(Base):
    """A session of a person's browser."""

    __tablename__ = "identity_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, info=SECRET)
    id: Mapped[str] = mapped_column(unique=True)
    """What it is called where it is listed; lets nobody in."""
    person: Mapped[str] = mapped_column(index=True)
    method: Mapped[str]
    """`password and code` or `passkey`."""
    made_at_s: Mapped[int]
    seen_at_s: Mapped[int]
    expires_at_s: Mapped[int]
    address: Mapped[str] = mapped_column(info=PERSONAL)
    agent: Mapped[str] = mapped_column(info=PERSONAL)


class TriesRow(Base):
    """Tries to sign in: from one address, or to one account whether there is such an account or not."""

    __tablename__ = "identity_tries"

    whose: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of an address or of an e-mail address."""
    count: Mapped[int]
    began_at_s: Mapped[int]
    locked_until_s: Mapped[int] = mapped_column(index=True)
