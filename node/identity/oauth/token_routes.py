"""Where programs get their tokens, and what they read first: open, as nobody is known here yet."""

import base64
import json
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import delete

from node.audit.log import Entry, append
from node.identity import tries
from node.identity.oauth.authenticator import Programs
from node.identity.oauth.bound import METHODS, Answer, Bound
from node.identity.oauth.clients import OF_PROGRAMS
from node.identity.oauth.errors import ProofError
from node.identity.oauth.keys import ALGORITHMS
from node.identity.oauth.limits import FORM_BYTES_MAX, FORM_FIELDS_MAX
from node.identity.oauth.schemas import Metadata, OAuthProblem, TokenForm, TokenOut
from node.identity.oauth.store import AccessTokenRow
from node.identity.tokens import institution_of, token_hash
from node.json_depth import json_depth
from node.web.clock import now_s_of
from node.web.desk import Desk
from node.web.middleware import body_of
from node.web.origin import origin_of

TOKEN_PATH: Final = "/v1/oauth/token"  # noqa: S105 - an address
REVOKE_PATH: Final = "/v1/oauth/revoke"
METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
_FORM: Final = "application/x-www-form-urlencoded"
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_DEPTH_MAX: Final = 4
_TOKEN_FORM: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {_FORM: {"schema": TokenForm.model_json_schema()}}}
}
_REVOKE_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM: {"schema": {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}}}
        },
    }
}
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": OAuthProblem, "description": "An error of OAuth (RFC 6749, section 5.2)"} for status in (400, 401)
}


def build_router(programs: Programs) -> APIRouter:
    """Return the routes of an authorization server that answers as `programs.issuer`."""
    router = APIRouter(tags=["oauth"])

    @router.get(METADATA_PATH)
    async def get_metadata() -> Metadata:
        """Return what clients need to know about this authorization server (RFC 8414)."""
        return Metadata(
            issuer=programs.issuer,
            token_endpoint=programs.issuer + TOKEN_PATH,
            revocation_endpoint=programs.issuer + REVOKE_PATH,
            scopes_supported=sorted(OF_PROGRAMS),
            response_types_supported=[],
            grant_types_supported=["client_credentials"],
            token_endpoint_auth_methods_supported=list(METHODS),
            token_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
            revocation_endpoint_auth_methods_supported=["none"],
            dpop_signing_alg_values_supported=list(ALGORITHMS),
            tls_client_certificate_bound_access_tokens=True,
            service_documentation=programs.issuer + "/docs",
        )

    @router.post(TOKEN_PATH, response_model=TokenOut, responses=_PROBLEMS, openapi_extra=_TOKEN_FORM)
    async def get_token(request: Request) -> JSONResponse:
        """Give a client a token that is bound to its key: of a DPoP proof, or of its TLS certificate."""
        form = _form_of(request)
        if isinstance(form, JSONResponse):
            return form
        client_id = _client_id_of(request, form)
        desks: dict[str, Desk] = request.app.state.desks
        desk = desks.get(institution_of(client_id))
        if desk is None:
            return _refusal(401, "invalid_client", "The client does not exist on this server.")
        now_s = now_s_of(request)
        tries.count_try(desk.database, origin_of(request).address, f"client/{client_id}", now_s)
        try:
            bound = programs.bound(request, now_s)
        except ProofError as error:
            return _refusal(400, "invalid_dpop_proof", f"Expected another proof, got {error.reason}")
        answer = _answer(request, desk, form, bound, programs.issuer, now_s)
        return JSONResponse(answer.body, answer.status, _NO_STORE)

    @router.post(REVOKE_PATH, responses=_PROBLEMS, openapi_extra=_REVOKE_FORM)
    async def revoke(request: Request) -> JSONResponse:
        """End a token (RFC 7009): whoever has it may."""
        form = _form_of(request)
        if isinstance(form, JSONResponse):
            return form
        token = form.get("token")
        if token is None:
            return _refusal(400, "invalid_request", "A token is missing.")
        desks: dict[str, Desk] = request.app.state.desks
        desk = desks.get(institution_of(token))
        if desk is not None:
            with desk.database.transaction() as session:
                row = session.get(AccessTokenRow, token_hash(token))
                if row is not None:
                    session.execute(delete(AccessTokenRow).where(AccessTokenRow.token_hash == row.token_hash))
                    origin = origin_of(request)
                    append(session, Entry(row.client, "token.revoked", row.client, origin, now_s_of(request)))
        return JSONResponse({}, headers=_NO_STORE)

    return router


def _answer(request: Request, desk: Desk, form: dict[str, str], bound: Bound, issuer: str, now_s: int) -> Answer:
    # When the first program comes in: Authlib takes a twentieth of a desk's start.
    from node.identity.oauth.server import TokenServer

    with desk.database.transaction() as session:
        server = TokenServer(
            session,
            institution_id=desk.institution_id,
            url=issuer + TOKEN_PATH,
            issuer=issuer,
            bound=bound,
            now_s=now_s,
        )
        try:
            answer = server.answer(form, request.headers)
        except ValueError:
            # Authlib reads the Authorization header as it comes.
            return Answer(400, {"error": "invalid_request", "error_description": "The request cannot be read."})
        if answer.client_id is not None:
            tries.forget_tries(session, f"client/{answer.client_id}")
            name = f"{desk.institution_id}/{answer.client_id}"
            append(session, Entry(name, "token.issued", answer.client_id, origin_of(request), now_s))
        return answer


def _form_of(request: Request) -> dict[str, str] | JSONResponse:
    """Return the form of a request, or the refusal of one that is none (RFC 6749, section 3.2)."""
    body = body_of(request)
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != _FORM:
        return _refusal(400, "invalid_request", f"The body has to be {_FORM}.")
    if len(body) > FORM_BYTES_MAX:
        return _refusal(400, "invalid_request", f"The body has to have at most {FORM_BYTES_MAX} bytes.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        return _refusal(400, "invalid_request", "The body is no form.")
    if len({name for name, _ in pairs}) != len(pairs):
        return _refusal(400, "invalid_request", "A parameter is there twice.")
    return dict(pairs)


def _client_id_of(request: Request, form: dict[str, str]) -> str:
    """Return which client a request says it is of; nothing has been checked yet, it only chooses the database."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() == "basic":
            return unquote(base64.b64decode(credentials).decode().partition(":")[0])
        if "client_assertion" in form:
            payload = form["client_assertion"].split(".")[1]
            claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            return str(json.loads(claims)["sub"]) if json_depth(claims) <= _DEPTH_MAX else ""
    except (ValueError, LookupError, TypeError):
        return ""
    return form.get("client_id", "")


def _refusal(status: int, error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status, _NO_STORE)
