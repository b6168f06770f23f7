"""What goes into the token endpoint and comes out of it, apart from the library that answers there."""

from dataclasses import dataclass
from typing import Any, Final

PRIVATE_KEY_JWT: Final = "private_key_jwt"
METHODS: Final = ("client_secret_basic", PRIVATE_KEY_JWT)
"""How clients show who they are (RFC 7591)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The key that a token is bound to."""

    jkt: str | None = None
    x5t: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint says."""

    status: int
    body: dict[str, Any]
    client_id: str | None = None
    """Of who got a token."""
