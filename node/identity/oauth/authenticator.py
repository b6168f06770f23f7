"""Knows programs by their access tokens, each of which works for the holder of one key alone."""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from fastapi import Request
from sqlalchemy.orm import Session

from node.identity.oauth.bound import Bound
from node.identity.oauth.clients import ACTIVE
from node.identity.oauth.dpop import ProofStore, Target, verify_proof
from node.identity.oauth.errors import ProofError, TokenRefusedError
from node.identity.oauth.store import AccessTokenRow, ClientRow
from node.identity.tokens import institution_of, token_hash
from node.web.auth import Principal, authorization
from node.web.clock import now_s_of
from node.web.desk import Desk
from node.web.permissions import Permission, Role
from pqc import base64url

CERTIFICATE: Final = "client_certificate"
"""Where a listener with TLS puts the certificate (DER) that a client has shown, in the request's state."""


@dataclass(frozen=True, slots=True)
class Programs:
    """How programs of every institution of the process come in."""

    issuer: str
    """Address of this node, as the metadata document says it."""
    origins: tuple[str, ...]
    """Every address under which clients may reach it; proofs are made for one of them."""
    proofs: ProofStore = field(default_factory=ProofStore)

    async def authenticate(self, request: Request) -> Principal | None:
        """Return whose token the request brings; None if it brings none of this kind.

        Raises:
            TokenRefusedError: the token does not hold, or is not the sender's.
        """
        scheme, token = authorization(request)
        institution_id = institution_of(token)
        desks: dict[str, Desk] = request.app.state.desks
        if scheme not in ("bearer", "dpop") or institution_id not in desks:
            return None
        now_s = now_s_of(request)
        with desks[institution_id].database.read() as session:
            row, client = _find(session, token, now_s)
        self._check_bound(request, row, scheme, token, now_s)
        return Principal(
            institution_id=institution_id,
            customer_id=client.customer,
            roles=frozenset(Role(role) for role in client.roles),
            actor=client.id,
            scopes=frozenset(Permission(scope) for scope in row.scopes),
        )

    def bound(self, request: Request, now_s: int) -> Bound:
        """Return the key that a request at the token endpoint shows: of its proof, or of its certificate."""
        proof = self._proof(request)
        if proof is not None:
            return Bound(jkt=verify_proof(proof, self._target(request), self.proofs, now_s))
        return Bound(x5t=certificate_thumbprint(request))

    def _check_bound(self, request: Request, row: AccessTokenRow, scheme: str, token: str, now_s: int) -> None:
        if row.jkt is None:
            shown = certificate_thumbprint(request)
            if scheme != "bearer" or shown is None or not hmac.compare_digest(shown, row.x5t or ""):
                raise TokenRefusedError("one that is bound to another client certificate")
            return
        proof = self._proof(request)
        if scheme != "dpop" or proof is None:
            raise TokenRefusedError("one that is bound to a key, without `Authorization: DPoP` and a DPoP proof")
        jkt = verify_proof(proof, self._target(request), self.proofs, now_s, token)
        if not hmac.compare_digest(jkt, row.jkt):
            raise ProofError("another key than the token's")

    def _target(self, request: Request) -> Target:
        return Target(request.method, request.url.path, self.origins)

    def _proof(self, request: Request) -> str | None:
        proofs = request.headers.getlist("DPoP")
        if len(proofs) > 1:
            raise ProofError("another one beside it")
        return proofs[0] if proofs else None


def certificate_thumbprint(request: Request) -> str | None:
    """Return `x5t#S256` of the certificate that the client has shown to the listener, None if it has shown none."""
    certificate: bytes | None = getattr(request.state, CERTIFICATE, None)
    return None if certificate is None else base64url.encode(sha256(certificate).digest()).decode()


def _find(session: Session, token: str, now_s: int) -> tuple[AccessTokenRow, ClientRow]:
    row = session.get(AccessTokenRow, token_hash(token))
    if row is None or now_s >= row.expires_at_s:
        raise TokenRefusedError("one that is over, or none of ours")
    client = session.get(ClientRow, row.client)
    if client is None or client.state != ACTIVE:
        raise TokenRefusedError("one of a client that is disabled")
    return row, client
