"""Proofs of possession (DPoP, RFC 9449): a signed note beside each request, so that a stolen token alone is useless.

A proof counts for one method, one address, one token and once. Which were used is remembered for as long as they could
be used again; a process that starts anew takes none that was made before it started.
"""

import json
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from node.identity.oauth.errors import ProofError
from node.identity.oauth.keys import ALGORITHMS, public_key
from node.identity.oauth.limits import (
    JTI_CHARS_MAX,
    PROOF_AGE_S_MAX,
    PROOF_AHEAD_S_MAX,
    PROOF_CHARS_MAX,
    PROOFS_KEPT_MAX,
)
from node.json_depth import json_depth
from pqc import base64url
from pqc.errors import MalformedError as PqcMalformedError

if TYPE_CHECKING:
    from joserfc.jwk import Key

TYPE: Final = "dpop+jwt"
_DEPTH_MAX: Final = 4
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """What a proof has to be for."""

    method: str
    path: str
    origins: tuple[str, ...]
    """Addresses of this node, `https://desk.example.com`; any of them."""


@dataclass(slots=True)
class ProofStore:
    """The proofs that were used."""

    started_at_s: int = field(default_factory=lambda: int(time.time()))
    _until_s: dict[bytes, int] = field(default_factory=dict)
    """Oldest first, as proofs are kept equally long."""

    def spend(self, key_id: str, jti: str, issued_at_s: int, now_s: int) -> None:
        """Use a proof up.

        Raises:
            ProofError: it was used before, or could have been by a process that is no more.
        """
        if issued_at_s < self.started_at_s:
            raise ProofError("an iat before this process started; make a new one")
        name = sha256(f"{key_id}/{jti}".encode()).digest()
        if self._until_s.get(name, 0) > now_s:
            raise ProofError("a jti that was used before")
        while self._until_s and next(iter(self._until_s.values())) <= now_s:
            del self._until_s[next(iter(self._until_s))]
        if len(self._until_s) >= PROOFS_KEPT_MAX:
            raise ProofError("no room to remember it; try again in a minute")
        self._until_s.pop(name, None)
        self._until_s[name] = now_s + PROOF_AGE_S_MAX + PROOF_AHEAD_S_MAX + 1


def verify_proof(proof: str, target: Target, store: ProofStore, now_s: int, token: str | None = None) -> str:
    """Return the thumbprint of the key that made a proof, and use the proof up.

    Args:
        token: The access token that is sent with it; None at the token endpoint.

    Raises:
        ProofError: it does not hold for this request.

    Source:
        RFC 9449, section 4.3.
    """
    key, claims = _open(proof)
    if claims.get("htm") != target.method:
        raise ProofError("the htm of another method")
    if not _is_for(claims.get("htu"), target):
        raise ProofError("the htu of another address")
    issued_at_s, jti = claims.get("iat"), claims.get("jti")
    if not isinstance(issued_at_s, int) or isinstance(issued_at_s, bool):
        raise ProofError("no iat")
    if not now_s - PROOF_AGE_S_MAX <= issued_at_s <= now_s + PROOF_AHEAD_S_MAX:
        raise ProofError(f"an iat that is not of the last {PROOF_AGE_S_MAX} seconds")
    if not isinstance(jti, str) or not 1 <= len(jti) <= JTI_CHARS_MAX:
        raise ProofError(f"no jti of 1 to {JTI_CHARS_MAX} characters")
    if token is not None and claims.get("ath") != token_digest(token):
        raise ProofError("the ath of another token")
    thumbprint = str(key.thumbprint())
    store.spend(thumbprint, jti, issued_at_s, now_s)
    return thumbprint


def token_digest(token: str) -> str:
    """Return `ath`, the hash of an access token in base64url."""
    return base64url.encode(sha256(token.encode()).digest()).decode()


def _open(proof: str) -> tuple["Key", dict[str, Any]]:
    """Return the key in a proof's header and its claims, once the key has been seen to have signed them."""
    from joserfc import jws
    from joserfc.errors import JoseError

    if len(proof) > PROOF_CHARS_MAX or proof.count(".") != 2 or not proof.isascii():
        raise ProofError("another form than that of a signed JWT")
    try:
        for part in proof.split(".")[:2]:
            if json_depth(base64url.decode("proof", part.encode())) > _DEPTH_MAX:
                raise ProofError("JSON that is nested too deeply")
        header = jws.extract_compact(proof.encode()).headers()
        if header.get("typ") != TYPE or header.get("alg") not in ALGORITHMS:
            raise ProofError(f"another typ than {TYPE}, or another alg than {', '.join(ALGORITHMS)}")
        key = public_key(header.get("jwk"))
        claims = json.loads(jws.deserialize_compact(proof, key, algorithms=list(ALGORITHMS)).payload)
    except ProofError:
        raise
    except (JoseError, ValueError, TypeError, KeyError, PqcMalformedError) as error:
        raise ProofError("a signature, key or form that does not hold") from error
    if not isinstance(claims, dict):
        raise ProofError("claims that are no object")
    return key, claims


def _is_for(htu: object, target: Target) -> bool:
    """Tell whether an address is one of the target's, without query and fragment (RFC 9449, section 4.3, 9)."""
    if not isinstance(htu, str):
        return False
    given = urlsplit(htu)
    if unquote(given.path) != target.path:
        return False
    return any(_origin(htu) == _origin(origin) for origin in target.origins)


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", "", None
