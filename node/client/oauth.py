"""Comes in as a program: OAuth 2.0 client credentials, with tokens that only this program can use (DPoP, RFC 9449).

Give it to `LandfallClient` in place of a token. It reads in the node's metadata where tokens are given, gets one when
it needs it, and signs a proof for every request; the key of the proofs is made here and never leaves the process.
"""

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import httpx
from joserfc import jwk, jwt
from joserfc.jwk import ECKey, Key

from node.client.errors import CredentialsError, UnavailableError

_METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_PROOF_ALG: Final = "ES256"
_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "Ed25519", "RSA": "PS256"}
_ASSERTION_S: Final = 60
# A token is not used in its last seconds: the request has to arrive while it holds.
_SPARE_S: Final = 15


@dataclass(slots=True)
class ClientCredentials(httpx.Auth):
    """The credentials of one program.

    Args:
        base_url: Of the node, without `/v1`.
        client_id: As the operator registered it.
        key: Its private key as a JSON Web Key, whose public half the operator registered; or
        secret: the secret that the operator was shown.
        scopes: What to ask for, everything that is registered unless stated.
    """

    base_url: str
    client_id: str
    key: dict[str, Any] | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    clock: Callable[[], float] = field(default=time.time, repr=False)
    _proof_key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", private=True), repr=False)
    _token: str = field(default="", repr=False)
    _until_s: float = 0
    _metadata: dict[str, Any] = field(default_factory=dict, repr=False)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Do as `auth_flow` does, reading what the authorization server says and leaving the answer to its caller."""
        flow = self.auth_flow(request)
        asked = next(flow)
        while True:
            answer = yield asked
            if asked is not request:
                answer.read()
            try:
                asked = flow.send(answer)
            except StopIteration:
                return

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same for programs that await."""
        flow = self.auth_flow(request)
        asked = next(flow)
        while True:
            answer = yield asked
            if asked is not request:
                await answer.aread()
            try:
                asked = flow.send(answer)
            except StopIteration:
                return

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Get a token where there is none that holds, and send the request with it; once more where it was refused."""
        if self.clock() >= self._until_s:
            yield from self._fetch_token()
        self._sign(request)
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            yield from self._fetch_token()
            self._sign(request)
            yield request

    def _fetch_token(self) -> Generator[httpx.Request, httpx.Response, None]:
        if not self._metadata:
            answer = yield httpx.Request("GET", self.base_url.rstrip("/") + _METADATA_PATH)
            self._metadata = _json_of(answer)
        url = self.base_url.rstrip("/") + httpx.URL(self._metadata["token_endpoint"]).path
        form = {"grant_type": "client_credentials"} | ({"scope": " ".join(self.scopes)} if self.scopes else {})
        headers = {"DPoP": self._proof("POST", httpx.URL(url), None)}
        if self.key is not None:
            form |= {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": self._assertion(self.key)}
        request = httpx.Request("POST", url, data=form, headers=headers)
        if self.key is None:
            (request,) = httpx.BasicAuth(self.client_id, self.secret or "").auth_flow(request)
        answer = yield request
        token = _json_of(answer)
        self._token, self._until_s = token["access_token"], self.clock() + token["expires_in"] - _SPARE_S

    def _sign(self, request: httpx.Request) -> None:
        request.headers["Authorization"] = f"DPoP {self._token}"
        request.headers["DPoP"] = self._proof(request.method, request.url, self._token)

    def _proof(self, method: str, url: httpx.URL, token: str | None) -> str:
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": str(url.copy_with(query=None, fragment=None)),
            "iat": int(self.clock()),
        }
        if token is not None:
            claims["ath"] = _digest(token)
        header = {"typ": "dpop+jwt", "alg": _PROOF_ALG, "jwk": self._proof_key.as_dict(private=False)}
        return jwt.encode(header, claims, self._proof_key, algorithms=[_PROOF_ALG], default_type=None)

    def _assertion(self, given: dict[str, Any]) -> str:
        key: Key = jwk.import_key(given)
        now_s = int(self.clock())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self._metadata["issuer"],
            "jti": secrets.token_urlsafe(16),
            "iat": now_s,
            "exp": now_s + _ASSERTION_S,
        }
        algorithm = _ALGORITHMS[given.get("crv", given["kty"])]
        return jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])


def _json_of(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise UnavailableError(f"{answer.request.url}: expected an answer, got {answer.status_code}")
    content: dict[str, Any] = answer.json()
    if answer.is_error:
        said = content.get("error_description") or content.get("detail") or content.get("error")
        raise CredentialsError(f"{answer.request.url}: expected the credentials to be taken, got: {said}")
    return content


def _digest(token: str) -> str:
    return urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
