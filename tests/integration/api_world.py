"""The whole API on desks that wiring has built, in front of a chain that stands still."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from contracts.client.block_feed import BlockFeed
from contracts.client.chain_client import Block, ChainClient
from contracts.client.deployment import Deployment
from contracts.client.follower import Cursor
from node.app.cast import load_cast
from node.app.examples import example
from node.app.home import Home, genesis_time_s, load_tokens, prepare_home
from node.app.network import shipped_genesis
from node.app.wiring import Chain, Institution, build_institutions, build_rest
from node.identity.oauth.authenticator import Programs
from node.identity.passkeys import Site
from node.printing.press import Press
from node.storage.cursor import SqlFollowerStore
from node.web.throttle import Policy, Throttle

HEAD = Cursor(1, b"\1" * 32)
REFERENCE = "NR-2026-0817"


class StillChain(ChainClient):
    """A chain with one block, on which nobody has anything."""

    async def block_hash(self, number: int) -> bytes:
        return HEAD.hash

    async def call(self, contract: str, function: str, *args: Any, block: Block = "latest") -> Any:
        return 0


@dataclass(frozen=True)
class ApiWorld:
    """The application, its tokens by owner, and the desks behind it."""

    app: FastAPI
    tokens: dict[str, str]
    institutions: dict[str, Institution]

    def headers(self, owner: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[owner]}"}

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://desk/v1")


def build_world(folder: Path, databases: str | None = None) -> ApiWorld:
    """Build the desks of a devnet in a folder, each with one block followed."""
    home, cast, genesis = Home(folder / "home", databases), load_cast(), shipped_genesis()
    prepare_home(home, cast, genesis)
    deployment = Deployment.from_genesis(genesis["landfall"], int(genesis["config"]["chainId"]))
    client = StillChain("http://127.0.0.1:1", deployment)
    urls = ("http://127.0.0.1:1/v1", "https://127.0.0.1:1/messages")
    site = Site("desk", cast.network, "http://desk")
    institutions = build_institutions(home, cast, Chain(client, BlockFeed(client), deployment), *urls, site, Press())
    for institution in institutions.values():
        store = SqlFollowerStore(institution.desk.database)
        with store.transaction() as session:
            store.save_cursor(session, HEAD, genesis_time_s(cast) + 60)
    app = build_rest(home, cast, institutions, Programs(site.origin, (site.origin,)))
    app.state.throttle = Throttle(Policy(1_000_000, 1))
    return ApiWorld(app, load_tokens(home), institutions)


async def furnish(world: ApiWorld) -> None:
    """Put something behind the addresses that the API's examples name."""
    async with world.client() as client:

        async def post(owner: str, path: str, body: Any, **query: str) -> Any:
            headers = world.headers(owner) | {
                "Idempotency-Key": f"furnish{path}{json.dumps(body, sort_keys=True)[:40]}"
            }
            answer = await client.post(path, json=body, headers=headers, params=query)
            assert answer.is_success, answer.text
            return answer.json()

        await _furnish(post)


async def _furnish(post: Callable[..., Awaitable[Any]]) -> None:
    terms, invoice = (example(f"roses/{name}").read_text("utf-8") for name in ("terms.toml", "invoice.xml"))
    await post("bloem", "/trades", {"terms_toml": terms, "invoice_xml": invoice})
    await post("bank-nl", "/payments", {"payee": "bloem", "currency": "EUR", "amount": "100"})
    await post("bank-nl", "/issuance-requests", {"currency": "EUR", "amount": "100"})
    await post("bank-nl", "/purposes", {"purpose": "roses"})
