"""The token endpoint, by Authlib: client credentials for clients that show a key, and tokens bound to a key.

One server stands for one request, in its transaction. A token is never given without a DPoP proof or a client
certificate, so that there are no tokens that work for whoever finds them.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidClientError,
    InvalidRequestError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from node.identity.oauth.bound import METHODS, PRIVATE_KEY_JWT, Answer, Bound
from node.identity.oauth.clients import ACTIVE
from node.identity.oauth.keys import ALGORITHMS
from node.identity.oauth.limits import ASSERTION_S_MAX, TOKEN_S, TOKENS_MAX
from node.identity.oauth.store import AccessTokenRow, AssertionRow, ClientRow
from node.identity.tokens import new_token, token_hash


class _Client(ClientMixin):  # type: ignore[misc]
    """A client's row as Authlib asks about it."""

    def __init__(self, row: ClientRow) -> None:
        self.row = row

    def get_client_id(self) -> str:
        return self.row.id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return what is asked for, everything if nothing is; None where it goes beyond."""
        if not scope:
            return " ".join(self.row.scopes)
        asked = scope.split()
        return " ".join(asked) if set(asked) <= set(self.row.scopes) else None

    def check_client_secret(self, client_secret: str) -> bool:
        known = self.row.secret_hash
        return known is not None and hmac.compare_digest(known, token_hash(client_secret))

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == (PRIVATE_KEY_JWT if self.row.jwks else METHODS[0])

    def check_grant_type(self, grant_type: str) -> bool:
        return bool(grant_type == ClientCredentialsGrant.GRANT_TYPE)


class _Request(OAuth2Request):  # type: ignore[misc]
    """A request of the token endpoint."""

    def __init__(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__("POST", url, headers=headers)
        self._form = dict(form)
        self.payload = BasicOAuth2Payload(self._form)

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class _Assertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """Authentication by a JWT that the client signs (RFC 7523), on our clock and with our keys."""

    CLIENT_AUTH_METHOD = PRIVATE_KEY_JWT

    def __init__(self, server: "TokenServer") -> None:
        super().__init__(leeway=0)
        self._server = server

    def resolve_client_public_key(self, client: _Client) -> KeySet:
        return KeySet.import_key_set({"keys": client.row.jwks})

    def process_assertion_claims(self, assertion: str, resolve_key: Key | KeySet) -> Any:
        try:
            claims = jwt.decode(assertion, resolve_key, algorithms=list(ALGORITHMS)).claims
            registry = jwt.JWTClaimsRegistry(
                now=self._server.now_s,
                iss={"essential": True},
                sub={"essential": True},
                aud={"essential": True, "values": list(self._server.audiences)},
                exp={"essential": True},
                jti={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidClientError(description="The assertion does not hold.") from error
        if claims["iss"] != claims["sub"] or not isinstance(claims["jti"], str):
            raise InvalidClientError(description="The assertion is not of its client.")
        if claims["exp"] > self._server.now_s + ASSERTION_S_MAX:
            raise InvalidClientError(description=f"The assertion lives for more than {ASSERTION_S_MAX} seconds.")
        self._server.spend(f"{claims['sub']}/{claims['jti']}", int(claims["exp"]))
        return claims


class TokenServer(AuthorizationServer):  # type: ignore[misc]
    """Gives tokens to the clients of one institution, within one transaction."""

    def __init__(
        self, session: Session, *, institution_id: str, url: str, issuer: str, bound: Bound, now_s: int
    ) -> None:
        super().__init__()
        self.now_s = now_s
        self.audiences = (url, issuer)
        self._session = session
        self._institution_id = institution_id
        self._url = url
        self._bound = bound
        self.register_grant(_Grant)
        self.register_client_auth_method(PRIVATE_KEY_JWT, _Assertion(self))
        generate = BearerTokenGenerator(lambda **_: new_token(institution_id)[0], expires_generator=TOKEN_S)
        self.register_token_generator("default", generate)

    def answer(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Answer a request for a token, as RFC 6749 section 5 says."""
        request = _Request(self._url, form, headers)
        status, body = self.create_token_response(request)
        return Answer(status, body, request.client.row.id if status == 200 else None)

    def spend(self, assertion: str, expires_at_s: int) -> None:
        """Use an assertion up, or raise InvalidClientError."""
        name = sha256(assertion.encode()).digest()
        self._session.execute(delete(AssertionRow).where(AssertionRow.expires_at_s < self.now_s))
        if self._session.get(AssertionRow, name) is not None:
            raise InvalidClientError(description="The assertion was used before.")
        self._session.add(AssertionRow(id=name, expires_at_s=expires_at_s))
        self._session.flush()

    def query_client(self, client_id: str) -> _Client | None:
        row = self._session.get(ClientRow, client_id)
        return _Client(row) if row is not None and row.state == ACTIVE else None

    def save_token(self, token: dict[str, Any], request: _Request) -> None:
        row: ClientRow = request.client.row
        if self._bound == Bound():
            raise InvalidRequestError(description="A DPoP proof or a client certificate is needed.")
        self._session.execute(delete(AccessTokenRow).where(AccessTokenRow.expires_at_s <= self.now_s))
        held = select(func.count()).where(AccessTokenRow.client == row.id)
        if (self._session.scalar(held) or 0) >= TOKENS_MAX:
            raise InvalidRequestError(description=f"The client has {TOKENS_MAX} tokens that hold.")
        token["token_type"] = "Bearer" if self._bound.jkt is None else "DPoP"
        self._session.add(
            AccessTokenRow(
                token_hash=token_hash(token["access_token"]),
                client=row.id,
                scopes=token["scope"].split(),
                jkt=self._bound.jkt,
                x5t=self._bound.x5t,
                issued_at_s=self.now_s,
                expires_at_s=self.now_s + TOKEN_S,
            )
        )
        self._session.flush()

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, _headers: Any) -> tuple[int, dict[str, Any]]:
        return status, dict(body)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""
