"""What the API takes and gives about people and their sessions."""

from typing import Annotated, Any, Literal

from pydantic import Field

from node.identity.limits import EMAIL_CHARS_MAX, NAME_CHARS_MAX, PASSWORD_CHARS_MAX, ROLES_MAX
from node.identity.passkeys import Asked
from node.identity.store import PasskeyRow, PersonRow, SessionRow
from node.web.permissions import Role
from node.web.schemas import Answer, Order, Time

InstitutionId = Annotated[
    str | None, Field(max_length=64, description="Whose account; not needed where the node serves one institution")
]
Email = Annotated[str, Field(min_length=3, max_length=EMAIL_CHARS_MAX, examples=["ann@bank.example"])]
Password = Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARS_MAX)]
Code = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="Six digits of the authenticator app")]
Token = Annotated[str, Field(min_length=1, max_length=200, description="Of the one-time link")]
Challenge = Annotated[str, Field(min_length=1, max_length=64)]
Credential = Annotated[dict[str, Any], Field(description="What `navigator.credentials` returned, by `toJSON()`")]
PasskeyName = Annotated[str, Field(min_length=1, max_length=NAME_CHARS_MAX, examples=["Laptop"])]
StaffOrCustomerRole = Literal[
    Role.EXPORTER,
    Role.IMPORTER,
    Role.BANK_MAKER,
    Role.BANK_CHECKER,
    Role.TREASURER,
    Role.COMPLIANCE,
    Role.OPERATOR,
    Role.REGULATOR,
]
Roles = Annotated[list[StaffOrCustomerRole], Field(min_length=1, max_length=ROLES_MAX)]


class SignInIn(Order):
    """Password and code."""

    institution: InstitutionId = None
    email: Email
    password: Password
    code: Code


class InstitutionIn(Order):
    """Where somebody wants to sign in."""

    institution: InstitutionId = None


class PasskeyIn(Order):
    """A passkey's answer."""

    institution: InstitutionId = None
    challenge: Challenge
    credential: Credential


class TokenIn(Order):
    """The token of a one-time link."""

    token: Token


class AcceptIn(Order):
    """A password to sign in with, and a code of the app that was given the secret."""

    token: Token
    password: Password
    code: Code


class AcceptPasskeyIn(Order):
    """A passkey to sign in with."""

    token: Token
    challenge: Challenge
    credential: Credential
    name: PasskeyName


class PasswordIn(Order):
    """Another password."""

    old: Password
    new: Password
    code: Code


class NewPasskeyIn(Order):
    """Another passkey."""

    challenge: Challenge
    credential: Credential
    name: PasskeyName


class PersonIn(Order):
    """Somebody to be invited."""

    email: Email
    name: str = Field(min_length=1, max_length=NAME_CHARS_MAX, examples=["Ann Bakker"])
    roles: Roles
    customer: str | None = Field(None, max_length=64, description="Whose business; null: the institution's own")


class RolesIn(Order):
    """Other roles."""

    roles: Roles


class AskedOut(Answer):
    """What a browser is asked to do with a passkey."""

    challenge: str
    options: dict[str, Any] = Field(description="For `navigator.credentials`, as JSON (WebAuthn, section 5.1.8)")

    @classmethod
    def of(cls, asked: Asked) -> "AskedOut":
        return cls(challenge=asked.challenge, options=asked.options)


class InvitationOut(Answer):
    """Who is invited, and the secret for their authenticator app."""

    institution: str
    name: str
    email: str
    roles: list[str]
    customer: str | None
    expires_at_s: Time = Field(description="Of the clock on the wall")
    app_link: str = Field(description="`otpauth:` link, to be shown as a QR code")
    app_secret: str = Field(description="The same, to be typed; base32")


class LinkOut(Answer):
    """A one-time link; it is shown this once."""

    link: str
    expires_at_s: Time


class MeOut(Answer):
    """The caller."""

    institution: str
    customer: str | None
    id: str | None = Field(description="Person or client; null: a devnet's token")
    name: str | None
    email: str | None
    roles: list[str]
    permissions: list[str]
    csrf_token: str | None = Field(description="For the header X-CSRF-Token; null without a session's cookie")


class SessionOut(Answer):
    """A session of the caller."""

    id: str
    method: str
    made_at_s: Time
    seen_at_s: Time
    expires_at_s: Time
    address: str
    agent: str
    is_this: bool

    @classmethod
    def of(cls, row: SessionRow, this: str | None) -> "SessionOut":
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "is_this"}
        return cls(**fields, is_this=row.id == this)


class PasskeyOut(Answer):
    """A passkey of the caller."""

    id: str = Field(description="Credential id, hex")
    name: str
    created_at_s: Time
    used_at_s: Time | None

    @classmethod
    def of(cls, row: PasskeyRow) -> "PasskeyOut":
        return cls(id=row.id.hex(), name=row.name, created_at_s=row.created_at_s, used_at_s=row.used_at_s)


class PersonOut(Answer):
    """A person of the institution, or of one of its customers."""

    id: str
    email: str | None
    name: str | None
    customer: str | None
    roles: list[str]
    state: Literal["invited", "active", "disabled", "erased"]
    created_at_s: Time

    @classmethod
    def of(cls, row: PersonRow) -> "PersonOut":
        return cls.model_validate(row)
