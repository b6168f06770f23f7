"""What can go wrong when a program comes in; the token endpoint itself answers as RFC 6749 says."""

from node.errors import RejectedError
from node.identity.oauth.keys import ALGORITHMS


class TokenRefusedError(RejectedError):
    """The token does not hold, or whoever sends it cannot show that it is theirs; get a new one."""

    codespace = "identity"
    code = 30
    kind = "unauthenticated"

    def __init__(self, reason: str, error: str = "invalid_token") -> None:
        super().__init__(f"Authorization: expected a token of this node that is the sender's, got {reason}")
        self.challenge = f'DPoP error="{error}", algs="{" ".join(ALGORITHMS)}"'


class ProofError(TokenRefusedError):
    """The DPoP proof does not fit this request, or was used before; make a new one for every request."""

    code = 31

    def __init__(self, reason: str) -> None:
        super().__init__(f"a DPoP proof with {reason}", "invalid_dpop_proof")
        self.reason = reason


class UnknownClientError(RejectedError):
    """There is no client of this id here."""

    codespace = "identity"
    code = 32
    kind = "not_found"

    def __init__(self, client_id: str) -> None:
        super().__init__(f"client: expected one of this institution, got {client_id[:80]!r}")


class ClientFormatError(RejectedError):
    """A field about a client is not acceptable; nothing was changed."""

    codespace = "identity"
    code = 33

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got!r:.120}")
        self.field = field


class ClientStateError(RejectedError):
    """The client is disabled, or there are too many; nothing was changed."""

    codespace = "identity"
    code = 34
    kind = "conflict"
