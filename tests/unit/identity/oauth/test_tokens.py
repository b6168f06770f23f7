"""Programs come in with client credentials, and their tokens work for the holder of one key alone."""

import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from starlette.types import ASGIApp, Receive, Scope, Send

from node.client import ClientCredentials, CredentialsError
from node.identity.oauth.clients import NewClient
from node.identity.oauth.dpop import ProofStore, token_digest
from node.identity.oauth.limits import (
    FORM_BYTES_MAX,
    FORM_FIELDS_MAX,
    PROOF_AGE_S_MAX,
    PROOF_AHEAD_S_MAX,
    PROOF_CHARS_MAX,
    TOKEN_S,
)
from node.identity.oauth.store import AccessTokenRow
from node.web.permissions import Permission, Role
from tests.unit.identity.authenticator import b64
from tests.unit.identity.conftest import START_S, Browser, Office

KEY = ECKey.generate_key("P-256")
OTHER_KEY = ECKey.generate_key("P-256")
ASSERTING = OKPKey.generate_key("Ed25519")
TOKEN_URL = "https://desk/v1/oauth/token"
ME_URL = "https://desk/v1/me"
READ = Permission.OWN


def proof(
    url: str = TOKEN_URL,
    method: str = "POST",
    token: str | None = None,
    *,
    key: Any = KEY,
    alg: str = "ES256",
    **change: Any,
) -> str:
    claims: dict[str, Any] = {"jti": str(time.perf_counter_ns()), "htm": method, "htu": url, "iat": START_S}
    claims |= ({} if token is None else {"ath": token_digest(token)}) | change
    header = {"typ": claims.pop("typ", "dpop+jwt"), "alg": alg, "jwk": claims.pop("jwk", key.as_dict(private=False))}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(header, claims, key, algorithms=[alg], default_type=None)


def assertion(client_id: str, *, key: Any = ASSERTING, alg: str = "EdDSA", **change: Any) -> str:
    claims = {"iss": client_id, "sub": client_id, "aud": TOKEN_URL, "jti": str(time.perf_counter_ns())}
    claims |= {"exp": START_S + 60} | change
    return jwt.encode({"alg": alg}, {k: v for k, v in claims.items() if v is not None}, key, algorithms=[alg])


class Bench:
    """A client with a secret and one with a key."""

    def __init__(self, office: Office) -> None:
        self.office = office
        new = NewClient("ERP", frozenset({Role.BANK_MAKER}), frozenset({READ, Permission.PAYMENTS_WRITE}))
        signing = NewClient(
            "Scanner", frozenset({Role.IMPORTER}), frozenset({READ}), (ASSERTING.as_dict(private=False),), "bloem"
        )
        with office.database.transaction() as session:
            self.id = office.clients.add(session, new, START_S).id
            self.signing_id = office.clients.add(session, signing, START_S).id
        with office.database.transaction() as session:
            self.secret = office.clients.new_secret(session, self.id)
        self.http = self.open()

    def open(self, certificate: bytes | None = None, address: str = "203.0.113.7") -> httpx.AsyncClient:
        app = self.office.app if certificate is None else Listener(self.office.app, certificate)
        transport = httpx.ASGITransport(app, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="https://desk/v1")

    def basic(self, secret: str | None = None, client_id: str | None = None) -> str:
        return "Basic " + b64encode(f"{client_id or self.id}:{secret or self.secret}".encode()).decode()

    async def ask(self, form: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": self.basic(), "DPoP": proof()} | headers
        sent = {name.replace("_", "-"): value for name, value in sent.items() if value}
        return await self.http.post(
            "/oauth/token", data={"grant_type": "client_credentials"} | (form or {}), headers=sent
        )

    async def token(self) -> str:
        answer = await self.ask()
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def me(self, token: str, scheme: str = "DPoP", **headers: str) -> httpx.Response:
        sent = {"Authorization": f"{scheme} {token}", "DPoP": proof(ME_URL, "GET", token)} | headers
        return await self.http.get("/me", headers={name: value for name, value in sent.items() if value})


class Listener:
    """A listener with TLS to which a client has shown its certificate."""

    def __init__(self, app: ASGIApp, certificate: bytes) -> None:
        self.app, self.certificate = app, certificate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "state": {"client_certificate": self.certificate}}, receive, send)


@pytest.fixture
async def bench(office: Office) -> AsyncIterator[Bench]:
    bench = Bench(office)
    async with bench.http:
        yield bench


async def test_token_works_when_its_key_signs_every_request(bench: Bench) -> None:
    answer = await bench.ask()
    token = answer.json()
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("DPoP", TOKEN_S, "own:use payments:write")
    assert answer.headers["Cache-Control"] == "no-store"
    me = (await bench.me(token["access_token"])).json()
    assert (me["id"], me["institution"], me["roles"]) == (bench.id, "bank-nl", ["bank_maker"])
    assert me["permissions"] == ["own:use", "payments:write"]


async def test_token_is_narrower_when_less_is_asked_for(bench: Bench) -> None:
    answer = await bench.ask({"scope": "own:use"})
    assert (await bench.me(answer.json()["access_token"])).json()["permissions"] == ["own:use"]
    beyond = await bench.ask({"scope": "own:use keys:write"}, DPoP=proof())
    assert (beyond.status_code, beyond.json()["error"]) == (400, "invalid_scope")


async def test_client_comes_in_when_it_signs_an_assertion_with_its_own_key(bench: Bench) -> None:
    form = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(bench.signing_id),
    }
    answer = await bench.ask(form, Authorization="")
    me = (await bench.me(answer.json()["access_token"])).json()
    assert (me["customer"], me["id"]) == ("bloem", bench.signing_id)
    again = await bench.ask(form, Authorization="", DPoP=proof())
    assert (again.status_code, again.json()["error"]) == (400, "invalid_client")


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://other.example/token"},
        {"exp": START_S - 1},
        {"exp": START_S + 301},
        {"exp": None},
        {"jti": None},
        {"jti": 7},
        {"iss": "bank-nl.0000000000000000"},
        {"sub": "bank-nl.0000000000000000"},
        {"sub": "bank-ke.0000000000000000"},
        {"sub": 7},
        {"key": OKPKey.generate_key("Ed25519")},
        {"key": OctKey.import_key("secret-of-32-bytes-secret-of-32-b"), "alg": "HS256"},
    ],
)
async def test_assertion_is_refused_when_it_does_not_hold(bench: Bench, change: dict[str, Any]) -> None:
    form = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(bench.signing_id, **change),
    }
    answer = await bench.ask(form, Authorization="")
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("form", "headers", "error"),
    [
        ({}, {"Authorization": "Basic " + b64encode(b"bank-nl.0000000000000000:x").decode()}, "invalid_client"),
        ({}, {"Authorization": "Basic ////"}, "invalid_client"),
        ({}, {"Authorization": "Basic /w=="}, "invalid_client"),
        ({}, {"Authorization": ""}, "invalid_client"),
        ({"grant_type": "password"}, {}, "unsupported_grant_type"),
        ({"grant_type": ""}, {}, "unsupported_grant_type"),
        ({"client_assertion": "a.b.c"}, {"Authorization": ""}, "invalid_client"),
        ({"client_assertion": "x"}, {"Authorization": ""}, "invalid_client"),
        ({}, {"DPoP": ""}, "invalid_request"),
    ],
)
async def test_token_is_refused_when_the_request_does_not_hold(
    bench: Bench, form: dict[str, str], headers: dict[str, str], error: str
) -> None:
    answer = await bench.ask(form, **headers)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error
    with bench.office.database.read() as session:
        assert session.query(AccessTokenRow).count() == 0


async def test_client_waits_when_its_secret_is_guessed_at(bench: Bench) -> None:
    for _ in range(5):
        assert (await bench.ask(Authorization=bench.basic("guess"), DPoP=proof())).status_code == 401
    assert (await bench.ask(DPoP=proof())).status_code == 429


@pytest.mark.parametrize(
    "content",
    [
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"%",
        b"\xff=\xff",
        b"&".join(b"a%d=1" % n for n in range(FORM_FIELDS_MAX + 1)),
        b"grant_type=" + b"x" * FORM_BYTES_MAX,
    ],
)
async def test_form_is_refused_when_it_cannot_be_read(bench: Bench, content: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": bench.basic(), "DPoP": proof()}
    answer = await bench.http.post("/oauth/token", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = await bench.http.post("/oauth/token", json={}, headers={"Authorization": bench.basic()})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


UNSIGNED = [
    b64(json.dumps({"typ": "dpop+jwt", "alg": alg, "jwk": key}).encode()) + ".e30."
    for alg, key in (
        ("ES256", "x"),
        ("ES256", None),
        ("none", KEY.as_dict(private=False)),
        (7, []),
        ("ES256", {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
        ("ES256", {"kty": ["EC"]}),
    )
]
PROOFS: list[dict[str, Any]] = [
    {"method": "GET"},
    {"url": "https://desk/v1/oauth/revoke"},
    {"url": "https://evil.example/v1/oauth/token"},
    {"url": "http://desk/v1/oauth/token"},
    {"url": "https://desk:444/v1/oauth/token"},
    {"url": "https://desk:99999999/v1/oauth/token"},
    {"htu": 7},
    {"htu": None},
    {"iat": START_S - PROOF_AGE_S_MAX - 1},
    {"iat": START_S + PROOF_AHEAD_S_MAX + 1},
    {"iat": None},
    {"iat": "now"},
    {"iat": True},
    {"jti": None},
    {"jti": ""},
    {"jti": "x" * 129},
    {"typ": "JWT"},
    {"alg": "HS256", "key": OctKey.generate_key(256), "jwk": {"kty": "oct", "k": "AAAA"}},
    {"jwk": KEY.as_dict(private=True)},
    {"jwk": OTHER_KEY.as_dict(private=False)},
    {"jwk": {}},
    {"alg": "PS256", "key": RSAKey.generate_key(1024, private=True)},
]


@pytest.mark.parametrize("change", PROOFS)
async def test_token_is_refused_when_the_proof_does_not_hold(bench: Bench, change: dict[str, Any]) -> None:
    answer = await bench.ask(DPoP=proof(**change))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof"), change


@pytest.mark.parametrize(
    "text", ["x", "a.b.c", "..", "é.é.é", "e30.e30.e30", "x" * (PROOF_CHARS_MAX + 1), "W1tbW1tbW10.e30.x", *UNSIGNED]
)
async def test_proof_is_refused_when_it_is_no_jwt(bench: Bench, text: str) -> None:
    headers = {"Authorization": bench.basic().encode(), "DPoP": text.encode()}
    answer = await bench.http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("iat", [START_S - 30, START_S + PROOF_AHEAD_S_MAX])
@pytest.mark.parametrize(
    "url", [TOKEN_URL, "https://desk:443/v1/oauth/token?x=1#y", "http://127.0.0.1:8600/v1/oauth/token"]
)
async def test_proof_holds_when_it_is_fresh_and_for_one_of_our_addresses(bench: Bench, url: str, iat: int) -> None:
    assert (await bench.ask(DPoP=proof(url, iat=iat))).status_code == 200


async def test_proof_counts_once_when_it_is_sent_again(bench: Bench) -> None:
    once = proof()
    assert (await bench.ask(DPoP=once)).status_code == 200
    assert (await bench.ask(DPoP=once)).json()["error"] == "invalid_dpop_proof"
    token = await bench.token()
    once = proof(ME_URL, "GET", token)
    assert (await bench.me(token, DPoP=once)).status_code == 200
    answer = await bench.me(token, DPoP=once)
    assert (answer.status_code, answer.json()["code"]) == (401, "identity/31")
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof"')


def test_proof_is_refused_when_the_process_may_have_seen_it_before_it_started(office: Office) -> None:
    store = ProofStore(started_at_s=START_S)
    with pytest.raises(Exception, match="before this process started"):
        store.spend("key", "jti", START_S - 1, START_S)
    store.spend("key", "jti", START_S, START_S)
    with pytest.raises(Exception, match="used before"):
        store.spend("key", "jti", START_S, START_S + PROOF_AGE_S_MAX)
    store.spend("other", "jti", START_S, START_S + PROOF_AGE_S_MAX)


def test_proofs_are_forgotten_when_they_are_old_and_few_when_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.identity.oauth.dpop.PROOFS_KEPT_MAX", 2)
    store = ProofStore(started_at_s=START_S)
    for jti in ("1", "2"):
        store.spend("key", jti, START_S, START_S)
    with pytest.raises(Exception, match="no room"):
        store.spend("key", "3", START_S, START_S)
    later_s = START_S + PROOF_AGE_S_MAX + PROOF_AHEAD_S_MAX + 1
    store.spend("key", "3", later_s, later_s)


async def test_token_is_refused_when_anybody_else_sends_it(bench: Bench) -> None:
    token = await bench.token()
    stolen = [
        await bench.me(token, "Bearer"),
        await bench.me(token, DPoP=""),
        await bench.me(token, DPoP=proof(ME_URL, "GET", token, key=OTHER_KEY)),
        await bench.me(token, DPoP=proof(ME_URL, "GET", "another")),
        await bench.me(token, DPoP=proof(ME_URL, "GET")),
        await bench.me(token, DPoP=proof(ME_URL, "POST", token)),
        await bench.me(token, DPoP=proof(TOKEN_URL, "GET", token)),
        await bench.me(token + "x"),
        await bench.me("bank-nl.none"),
        await bench.me("bank-ke.none"),
    ]
    assert [answer.status_code for answer in stolen] == [401] * len(stolen)
    assert (await bench.me(token)).status_code == 200


async def test_token_ends_when_it_is_old_revoked_or_its_client_is_disabled(bench: Bench) -> None:
    first, second = await bench.token(), await bench.token()
    answer = await bench.http.post("/oauth/revoke", data={"token": first})
    assert answer.status_code == 200
    assert [(await bench.me(token)).status_code for token in (first, second)] == [401, 200]
    assert (await bench.http.post("/oauth/revoke", data={"token": "bank-nl.none"})).status_code == 200
    assert (await bench.http.post("/oauth/revoke", data={"token_type_hint": "access_token"})).status_code == 400
    with bench.office.database.transaction() as session:
        bench.office.clients.disable(session, bench.id, START_S)
    assert (await bench.me(second)).status_code == 401
    assert (await bench.ask(DPoP=proof())).json()["error"] == "invalid_client"


async def test_token_ends_when_its_time_is_over(bench: Bench) -> None:
    token = await bench.token()
    bench.office.clock.now_s += TOKEN_S - 1
    fresh = proof(ME_URL, "GET", token, iat=bench.office.clock())
    assert (await bench.me(token, DPoP=fresh)).status_code == 200
    bench.office.clock.now_s += 1
    fresh = proof(ME_URL, "GET", token, iat=bench.office.clock())
    assert (await bench.me(token, DPoP=fresh)).status_code == 401


async def test_token_is_bound_to_the_certificate_when_there_is_no_proof(bench: Bench) -> None:
    data = {"grant_type": "client_credentials"}
    async with bench.open(b"own certificate") as own, bench.open(b"another") as other:
        answer = await own.post("/oauth/token", data=data, headers={"Authorization": bench.basic()})
        assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert (await own.get("/me", headers=headers)).json()["id"] == bench.id
        for client in (other, bench.http):
            refused = await client.get("/me", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "identity/30")
        wrong = {"Authorization": headers["Authorization"].replace("Bearer", "DPoP")}
        assert (await own.get("/me", headers=wrong)).status_code == 401


async def test_metadata_says_what_clients_need_when_read(bench: Bench) -> None:
    found = (await bench.http.get("https://desk/.well-known/oauth-authorization-server")).json()
    assert (found["issuer"], found["token_endpoint"]) == ("https://desk", TOKEN_URL)
    assert set(found["token_endpoint_auth_methods_supported"]) == {"client_secret_basic", "private_key_jwt"}
    assert "ES256" in found["dpop_signing_alg_values_supported"]
    assert found["tls_client_certificate_bound_access_tokens"] is True
    assert "act:alone" not in found["scopes_supported"]


@pytest.mark.parametrize("kind", ["secret", "key"])
async def test_sdk_comes_in_and_stays_in_when_given_credentials(bench: Bench, kind: str) -> None:
    clock = bench.office.clock
    credentials = ClientCredentials(
        "https://desk",
        bench.id if kind == "secret" else bench.signing_id,
        secret=bench.secret if kind == "secret" else None,
        key=ASSERTING.as_dict(private=True) if kind == "key" else None,
        scopes=("own:use",),
        clock=clock,
    )
    transport = httpx.ASGITransport(bench.office.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://desk/v1", auth=credentials) as http:
        for _ in range(3):
            assert (await http.get("/me")).json()["permissions"] == ["own:use"]
        # Proofs are made for the address without its query; the route knows no such parameter.
        assert (await http.get("/me?x=1")).json()["code"] == "web/12"
        assert bench.office.actions().count("token.issued") == 1
        clock.now_s += TOKEN_S
        assert (await http.get("/me")).status_code == 200
        assert bench.office.actions().count("token.issued") == 2
        with bench.office.database.transaction() as session:
            session.query(AccessTokenRow).delete()
        assert (await http.post("/probe", headers={"Idempotency-Key": "1"})).json().endswith(credentials.client_id)
    assert bench.secret not in repr(credentials)
    assert "access" not in repr(credentials)


async def test_sdk_says_why_when_the_credentials_are_wrong(bench: Bench) -> None:
    credentials = ClientCredentials("https://desk", bench.id, secret="wrong", clock=bench.office.clock)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(bench.office.app), base_url="https://desk/v1", auth=credentials
    ) as http:
        with pytest.raises(CredentialsError, match="cannot authenticate"):
            await http.get("/me")


async def test_secrets_are_not_in_the_database_or_the_log_when_tokens_are_used(bench: Bench) -> None:
    token = await bench.token()
    await bench.me(token)
    stored = "\n".join(bench.office.database.engine.raw_connection().driver_connection.iterdump())  # type: ignore[union-attr]
    assert bench.secret not in stored
    assert token.partition(".")[2] not in stored


async def test_clients_are_registered_by_two_and_ended_by_one(office: Office) -> None:
    first = await office.join(office.invite("op1@bank.example", Role.OPERATOR))
    checker = await office.join(office.invite("op2@bank.example", Role.OPERATOR))
    body = {"name": "ERP", "roles": ["bank_maker"], "scopes": ["trades:read"]}
    held = await first.post("/oauth/clients", body)
    assert held.status_code == 202
    decided = (await checker.post(f"/approvals/{held.json()['id']}/approve")).json()["answer"]
    assert decided["token_endpoint_auth_method"] == "client_secret_basic"
    shown = (await first.post(f"/oauth/clients/{decided['id']}/secret")).json()
    assert shown["client_id"] == decided["id"]
    assert shown["client_secret"] not in office.log_text()
    assert (await first.post(f"/oauth/clients/{decided['id']}/disable", key="end")).json()["state"] == "disabled"
    assert (await first.post(f"/oauth/clients/{decided['id']}/secret")).status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ["devnet"]},
        {"roles": ["importer"]},
        {"roles": []},
        {"scopes": []},
        {"scopes": ["act:alone"]},
        {"scopes": ["keys:write"]},
        {"roles": ["bank_checker"], "scopes": ["approvals:decide"]},
        {"customer": "bloem"},
        {"customer": "nobody", "roles": ["importer"]},
        {"name": "\x07"},
        {"jwks": [{"kty": "oct", "k": "AAAA"}]},
        {"jwks": [ASSERTING.as_dict(private=True)]},
        {"jwks": [ASSERTING.as_dict(private=False)] * 6},
        {"jwks": [{}]},
    ],
)
async def test_client_is_refused_when_a_field_is_not_acceptable(office: Office, change: dict[str, Any]) -> None:
    body = {"name": "ERP", "roles": ["bank_maker"], "scopes": ["trades:read"]} | change
    answer = await Browser(office).post("/oauth/clients", body, Authorization="Bearer devnet")
    assert answer.status_code in (404, 422), answer.text
