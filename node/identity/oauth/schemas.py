"""What the API takes and gives about OAuth clients and tokens."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from node.identity.limits import NAME_CHARS_MAX
from node.identity.oauth.limits import KEYS_MAX, SCOPES_MAX
from node.identity.oauth.store import ClientRow
from node.identity.schemas import Roles
from node.web.permissions import Permission
from node.web.schemas import Answer, Order, Time

Jwks = Annotated[
    list[dict[str, Any]],
    Field(max_length=KEYS_MAX, description="Public keys (RFC 7517) that sign its assertions, for private_key_jwt"),
]


class ClientIn(Order):
    """A program to be registered."""

    name: str = Field(min_length=1, max_length=NAME_CHARS_MAX, examples=["ERP"])
    roles: Roles
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=SCOPES_MAX, examples=[["trades:read"]])]
    jwks: Jwks = Field(default_factory=list)
    customer: str | None = Field(None, max_length=64, description="Whose business; null: the institution's own")


class KeysIn(Order):
    """Other keys."""

    jwks: Annotated[Jwks, Field(min_length=1)]


class ClientOut(Answer):
    """A registered program."""

    id: str = Field(description="`client_id`")
    name: str
    customer: str | None
    roles: list[str]
    scopes: list[str]
    token_endpoint_auth_method: Literal["private_key_jwt", "client_secret_basic"]
    state: Literal["active", "disabled"]
    created_at_s: Time

    @classmethod
    def of(cls, row: ClientRow) -> "ClientOut":
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "token_endpoint_auth_method"}
        method: Literal["private_key_jwt", "client_secret_basic"] = (
            "private_key_jwt" if row.jwks else "client_secret_basic"
        )
        return cls(**fields, token_endpoint_auth_method=method)


class SecretOut(Answer):
    """A client's secret; it is shown this once."""

    client_id: str
    client_secret: str


class TokenForm(BaseModel):
    """The form of the token endpoint (RFC 6749, section 4.4.2)."""

    model_config = ConfigDict(extra="allow")

    grant_type: Literal["client_credentials"]
    scope: str | None = None
    client_assertion_type: str | None = None
    client_assertion: str | None = None


class TokenOut(BaseModel):
    """A token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["DPoP", "Bearer"]
    expires_in: int
    scope: str


class OAuthProblem(BaseModel):
    """An error of OAuth (RFC 6749, section 5.2)."""

    error: str
    error_description: str | None = None


class Metadata(BaseModel):
    """What this node says about itself as an authorization server (RFC 8414)."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    dpop_signing_alg_values_supported: list[str]
    tls_client_certificate_bound_access_tokens: bool
    service_documentation: str
