"""Every route of the desk's application with every role: allowed or refused as the one table says."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from node.app import status
from node.app.wiring import ROUTERS, open_routers
from node.identity.oauth.authenticator import Programs
from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority, needs, permission_of
from node.web.desk import Desk
from node.web.errors import UndeclaredRouteError
from node.web.permissions import OF_CUSTOMERS, PERMISSIONS, Permission, Role

BANK = "bank-nl"
REFUSED = "web/60"
OPEN_PATHS = {
    "/health",
    "/.well-known/oauth-authorization-server",
    "/v1/oauth/token",
    "/v1/oauth/revoke",
    "/v1/sign-in",
    "/v1/sign-in/passkey",
    "/v1/sign-in/passkey/options",
    "/v1/invitations/look",
    "/v1/invitations/accept",
    "/v1/invitations/passkey",
    "/v1/invitations/passkey/options",
}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    database = Database("sqlite://")
    prepare(database)
    tokens = {
        f"{role}-token": Principal(BANK, "bloem" if role in OF_CUSTOMERS else None, frozenset({role})) for role in Role
    } | {"nothing-token": Principal(BANK, None, frozenset())}
    desk = Desk(institution_id=BANK, database=database, services=[])
    return build_app(
        desks={BANK: desk},
        authority=TokenAuthority(tokens),
        routers=(status.build_router([database]), *ROUTERS),
        open_routers=open_routers(Programs("https://desk", ("https://desk",))),
    )


def guarded_routes(app: FastAPI) -> Iterator[tuple[str, str, Permission]]:
    """Yield method, path and permission of every route that asks who is calling."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        permission = permission_of(route.dependencies) if isinstance(route, APIRoute) else None
        if permission is not None:
            path = str(context.path).replace("{base}", "EUR").replace("{quote}", "KES")
            for method in context.methods or ():
                yield method, path.replace("{", "").replace("}", "").replace(":path", ""), permission


def test_every_path_is_guarded_when_it_is_not_one_of_the_open_ones(app: FastAPI) -> None:
    guarded = {path for _, path, _ in guarded_routes(app)}
    assert len(guarded) > 60
    for path in app.openapi()["paths"]:
        plain = path.replace("{base}", "EUR").replace("{quote}", "KES").replace("{", "").replace("}", "")
        assert (path in OPEN_PATHS) != (plain in guarded), path


@pytest.mark.parametrize("role", [*Role, None])
async def test_every_route_allows_a_role_when_the_table_does(app: FastAPI, role: Role | None) -> None:
    allowed = frozenset[Permission]() if role is None else PERMISSIONS[role]
    headers = {"Authorization": f"Bearer {role or 'nothing'}-token", "Idempotency-Key": "k"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://desk") as client:
        for method, path, permission in guarded_routes(app):
            if path.endswith("/stream") and permission in allowed:
                continue
            answer = await client.request(method, path, headers=headers)
            code = answer.json().get("code", "") if answer.status_code >= 400 else ""
            assert answer.status_code != 401, path
            assert (code == REFUSED) == (permission not in allowed), (role, method, path, answer.text)


def test_process_does_not_start_when_a_route_names_no_permission() -> None:
    router = APIRouter()

    @router.get("/careless")
    async def careless() -> None:
        """Nobody thought about who may see this."""

    with pytest.raises(UndeclaredRouteError, match="/careless"):
        build_app(desks={}, authority=TokenAuthority({}), routers=[router])
    router.routes.clear()
    router.add_api_route("/careless", careless, dependencies=[needs(Permission.STATUS_READ)])
    build_app(desks={}, authority=TokenAuthority({}), routers=[router])


def test_scopes_narrow_when_a_token_names_some() -> None:
    whole = Principal(BANK, None, frozenset({Role.TREASURER}), actor="c-1")
    narrow = Principal(BANK, None, frozenset({Role.TREASURER}), "c-1", frozenset({Permission.RATES_READ}))
    beyond = Principal(BANK, None, frozenset({Role.TREASURER}), "c-1", frozenset({Permission.PAYMENTS_WRITE}))
    assert whole.may(Permission.RATES_WRITE)
    assert narrow.permissions == {Permission.RATES_READ}
    assert beyond.permissions == frozenset()


def test_regulator_only_reads_and_nobody_else_acts_alone() -> None:
    assert all(str(one).endswith(":read") or one is Permission.OWN for one in PERMISSIONS[Role.REGULATOR])
    assert [role for role in Role if Permission.ACT_ALONE in PERMISSIONS[role]] == [Role.DEVNET]
    for role in OF_CUSTOMERS:
        assert not any(str(one).endswith((":approve", ":decide", ":answer")) for one in PERMISSIONS[role])
