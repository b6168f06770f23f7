"""Tables of OAuth clients and their tokens."""

from typing import Any

from sqlalchemy import JSON, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import SECRET
from node.storage.database import Base


class ClientRow(Base):
    """A program that acts for the institution or for one of its customers."""

    __tablename__ = "identity_client"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The institution's id, a dot and 16 hex digits."""
    name: Mapped[str]
    customer: Mapped[str | None] = mapped_column(index=True)
    roles: Mapped[list[str]] = mapped_column(JSON)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    """Permissions it may ask for: within those of its roles."""
    jwks: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Public keys of its assertions; empty where it has a secret."""
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=SECRET)
    state: Mapped[str]
    """`active` or `disabled`."""
    created_at_s: Mapped[int]


class AccessTokenRow(Base):
    """A token; only who holds the key that it is bound to can use it."""

    __tablename__ = "identity_access_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, info=SECRET)
    client: Mapped[str] = mapped_column(index=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    jkt: Mapped[str | None]
    """Thumbprint of the key of its DPoP proofs (RFC 9449)."""
    x5t: Mapped[str | None]
    """SHA-256 of the client's certificate (RFC 8705); one of the two is there."""
    issued_at_s: Mapped[int]
    expires_at_s: Mapped[int] = mapped_column(index=True)


class AssertionRow(Base):
    """A client's assertion that was used."""

    __tablename__ = "identity_assertion"

    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the client's id and the assertion's."""
    expires_at_s: Mapped[int] = mapped_column(index=True)
