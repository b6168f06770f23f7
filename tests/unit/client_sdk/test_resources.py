"""The SDK has every operation of the API, as the routes are now."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from node.client import AsyncLandfallClient, LandfallClient

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_client", ROOT / "scripts" / "build_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_resources_are_what_the_routes_say_when_built_anew(builder: ModuleType) -> None:
    for name, text in builder.build(builder.document()).items():
        assert (ROOT / "node" / "client" / "resources" / name).read_text("utf-8") == text, "run scripts/build_client.py"


def test_every_operation_is_a_method_of_both_clients(builder: ModuleType) -> None:
    clients = (LandfallClient("http://node", "x"), AsyncLandfallClient("http://node", "x"))
    count = 0
    for path, verbs in builder.document()["paths"].items():
        for operation in verbs.values():
            tag = operation["tags"][0].replace(" ", "_").replace("-", "_")
            if not path.startswith("/v1/") or path == "/v1/events/stream":
                continue
            name = operation["operationId"].removeprefix(f"{tag}_")
            for client in clients:
                assert callable(getattr(getattr(client, tag), name)), operation["operationId"]
            count += 1
    assert count > 120
