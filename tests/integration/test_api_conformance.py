"""Whatever is sent to the API, its answers are as its OpenAPI document says, and none is the node's own error."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from node.app.cast import load_cast
from node.printing.press import Press
from tests.integration.api_world import REFERENCE, ApiWorld, build_world, furnish
from tests.postgres import Server, postgresql

__all__ = ["postgresql"]

# They wait: tests/unit/web/test_events.py reads the one, every test with a devnet the other.
_WAITING = "^/v1/(events/stream|status)$"
_PLAIN = ("/health", "/.well-known/oauth-authorization-server")
# A change of something that has changed meanwhile is refused, whatever else is wrong with it.
_REFUSALS = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "428", "429"]
_CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": _REFUSALS}}})
# So that what is asked for is there.
_KNOWN = {
    "reference": REFERENCE,
    "institution_id": "bank-ke",
    "customer_id": "bloem",
    "currency": "EUR",
    "base": "EUR",
    "quote": "KES",
    "index": 0,
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ApiWorld:
    databases = None
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        for one in load_cast().institutions:
            server.create(one.id.replace("-", "_"))
        databases = server.url("{institution}")
    built = build_world(Path(tmp_path_factory.mktemp("api")), databases)
    asyncio.run(furnish(built))
    return built


@pytest.fixture(autouse=True)
def _unprinted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give pages as they are: test_papers.py prints them, and here each call has an event loop of its own."""

    async def give(_press: Press, html: str) -> bytes:
        return html.encode()

    monkeypatch.setattr(Press, "print", give)


@pytest.fixture(scope="module")
def api(world: ApiWorld) -> BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", world.app, config=_CONFIG).exclude(path_regex=_WAITING)


def test_answers_are_as_documented_when_staff_asks_for_what_is_there(api: BaseSchema, world: ApiWorld) -> None:
    assert conform(api, world, "bank-nl", GenerationMode.POSITIVE, 3, _KNOWN) == []


def test_answers_are_as_documented_when_staff_asks_for_what_may_not_be_there(api: BaseSchema, world: ApiWorld) -> None:
    assert conform(api, world, "bank-nl", GenerationMode.POSITIVE, 2) == []


def test_answers_are_as_documented_when_requests_are_not(api: BaseSchema, world: ApiWorld) -> None:
    assert conform(api, world, "bank-nl", GenerationMode.NEGATIVE, 4) == []


@pytest.mark.soak
@pytest.mark.parametrize("owner", ["bank-nl", "bank-ke", "cb-eur", "fx-amber", "carrier", "arbiter", "bloem"])
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("known", [{}, _KNOWN])
def test_answers_are_as_documented_when_anybody_asks_anything(
    api: BaseSchema, world: ApiWorld, owner: str, mode: GenerationMode, known: dict[str, Any]
) -> None:
    assert conform(api, world, owner, mode, 60, known) == []


def conform(
    api: BaseSchema,
    world: ApiWorld,
    owner: str,
    mode: GenerationMode,
    examples: int,
    known: Mapping[str, Any] = MappingProxyType({}),
) -> list[str]:
    """Ask every operation as `owner` and return what was not as documented."""
    found = []
    for result in api.get_all_operations():
        operation = result.ok()
        # Nothing to get wrong.
        if operation.path in _PLAIN and mode is GenerationMode.NEGATIVE:
            continue
        names = {parameter.name for parameter in operation.path_parameters}
        in_path = {name: value for name, value in known.items() if name in names}
        try:
            _asking(operation, world.headers(owner), mode, examples, in_path)()
        except (AssertionError, BaseExceptionGroup, HypothesisException) as error:
            found.append(f"{operation.label}: {error}")
    return found


def _asking(
    operation: APIOperation, headers: dict[str, str], mode: GenerationMode, examples: int, in_path: dict[str, Any]
) -> Callable[[], None]:
    @seed(1)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=in_path or None))
    def ask(case: Case) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    return ask
