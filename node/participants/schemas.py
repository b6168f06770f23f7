"""What the API takes and gives about institutions and customers."""

from typing import Annotated

from pydantic import Field

from node.participants.addresses import PostalAddress
from node.participants.limits import OVERLAP_S_MAX, REASON_CHARS_MAX
from node.participants.papers import Endpoints, Jwk, Kid
from node.participants.peers import Entry
from node.web.schemas import Answer, HexBytes, Order, Time


class KeyTimeOut(Answer):
    """A time in which a message key of an institution holds."""

    kid: str = Field(description="RFC 7638 thumbprint, base64url")
    alg: str
    from_s: Time = Field(description="Ledger time")
    until_s: Time | None = Field(description="It holds before this; null while there is no end")
    ended_by: str | None = Field(description="rotation, anchor, status or revocation")
    revoked_at_s: Time | None


class RotationOut(Answer):
    """A rotation notice that waits for its anchor on the chain."""

    old: str
    new: str
    starts_at_s: Time
    old_until_s: Time


class JwksOut(Answer):
    """A JWKS (RFC 7517)."""

    keys: list[Jwk]


class InstitutionOut(Answer):
    """An institution of the network, with what counts for it now."""

    id: str
    name: str
    lei: str = Field(description="ISO 17442")
    bic: str = Field(description="ISO 9362")
    role_names: list[str]
    address: str = Field(description="Of its transaction key")
    key_thumbprint: HexBytes = Field(description="Its anchor: RFC 7638 thumbprint of its message key")
    status: str = Field(description="active, suspended, no_document, key_unconfirmed or key_revoked")
    endpoints: Endpoints = Field(description="As its document says; empty without one")
    jwks: JwksOut = Field(description="Keys of its document, counting only while the status is active")
    document_issued_at_s: Time | None
    message_keys: list[KeyTimeOut] = Field(description="Every time in which a key held or holds, the oldest first")
    rotation: RotationOut | None

    @classmethod
    def of(cls, entry: Entry) -> "InstitutionOut":
        """Return an entry of the directory as the API shows it."""
        one, document, waiting = entry.institution, entry.document, entry.waiting
        return cls(
            id=one.id,
            name=one.name,
            lei=one.lei,
            bic=one.bic,
            role_names=list(one.role_names),
            address=one.address,
            key_thumbprint=one.key_thumbprint,
            status=entry.status,
            endpoints=document.endpoints if document else Endpoints(),
            jwks=JwksOut(keys=list(document.jwks.keys) if document else []),
            document_issued_at_s=document.issued_at_s if document else None,
            message_keys=[
                KeyTimeOut(
                    kid=key.kid,
                    alg=key.alg,
                    from_s=window.from_s,
                    until_s=window.until_s,
                    ended_by=window.ended_by,
                    revoked_at_s=key.revoked_at_s,
                )
                for key, window in entry.windows
            ],
            rotation=RotationOut.model_validate(waiting) if waiting else None,
        )


class RotationIn(Order):
    """A rotation of the institution's own message key."""

    overlap_s: int = Field(
        alias="overlap_s", ge=0, le=OVERLAP_S_MAX, description="How long the old key still counts", examples=[86400]
    )


class RevocationIn(Order):
    """A message key of the institution that is taken back, from now on and for good."""

    kid: Kid
    reason: Annotated[str, Field(max_length=REASON_CHARS_MAX)]


class AnchorIn(Order):
    """An anchor that the governor sets."""

    key: Kid | None = Field(None, description="For an institution that lost its key; null: what its notice names")


class TakenOut(Answer):
    """A paper that was taken, or was known."""

    type: str
    lei: str
    kid: str = Field(description="Of the key that signed it")


class AnchorOut(Answer):
    """An anchor that was queued for the chain."""

    key: str = Field(description="Key id, base64url of the thumbprint")


class CustomerOut(Answer):
    """A customer of the caller's institution."""

    id: str
    name: str
    address: str = Field(description="Of the key that the institution keeps for it")
    created_at_s: Time = Field(description="Ledger time")
    wallet: str = Field(description="On the chain, opened by its bank: none, queued, open or failed")
    postal_address: PostalAddress | None = None


class CustomerIn(Order):
    """A customer to be made."""

    id: str = Field(description="Up to 55 of a-z, 0-9 and -", examples=["bloem"])
    name: str = Field(description="Up to 140 characters", examples=["Bloemenhuis BV"])
    postal_address: PostalAddress | None = Field(None, description="As its payment messages name it")
