"""The SDK against the real application: typed resources, pages and preconditions."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from node.client import AsyncLandfallClient, ProblemError
from tests.integration.api_world import REFERENCE, ApiWorld, build_world, furnish


@pytest.fixture
async def world(tmp_path: Path) -> ApiWorld:
    built = build_world(tmp_path)
    await furnish(built)
    return built


@pytest.fixture
async def bank(world: ApiWorld) -> AsyncIterator[AsyncLandfallClient]:
    transport = httpx.ASGITransport(world.app)
    async with AsyncLandfallClient("http://desk", world.tokens["bank-nl"], transport) as client:
        yield client


async def test_trade_is_read_and_countered_when_it_is_as_it_was_seen(bank: AsyncLandfallClient) -> None:
    trade = await bank.trades.get_trade(REFERENCE)
    assert (trade["reference"], trade["state"], trade["currency"]) == (REFERENCE, "negotiating", "KES")
    documents = [one async for one in bank.trades.list_documents(REFERENCE)]
    assert {one["kind"] for one in documents} == {"terms", "invoice"}
    content = await bank.trades.download_document(REFERENCE, documents[0]["sha256"])
    assert len(content) == documents[0]["size_bytes"]
    with pytest.raises(ProblemError) as refused:
        await bank.trades.withdraw(REFERENCE, if_match='"another"')
    assert (refused.value.status, refused.value.problem_code) == (412, "web/42")
    assert (await bank.trades.withdraw(REFERENCE))["state"] == "withdrawn"


async def test_lists_are_whole_when_walked_by_pages_of_one(bank: AsyncLandfallClient) -> None:
    whole = [one["id"] async for one in bank.participants.list_institutions()]
    assert [one["id"] async for one in bank.participants.list_institutions(limit=1)] == whole
    assert len(whole) == 11
    kinds = {one["kind"] async for one in bank.events.list_events(limit=2)}
    assert {"trade.offered", "payment.ordered", "customer.added"} <= kinds


async def test_webhook_is_changed_by_what_was_seen_when_it_is_no_other(bank: AsyncLandfallClient) -> None:
    made = await bank.webhooks.register({"url": "https://erp.example/hook", "kinds": ["trade"]})
    assert (made["secret"] or "").startswith("whsec_")
    with pytest.raises(ProblemError) as unseen:
        await bank.webhooks.change_webhook(made["id"], {"state": "disabled"})
    assert unseen.value.status == 428
    await bank.webhooks.get_webhook(made["id"])
    assert (await bank.webhooks.change_webhook(made["id"], {"state": "disabled"}))["state"] == "disabled"
    assert (await bank.webhooks.change_webhook(made["id"], {"state": "active"}))["state"] == "active"
    await bank.webhooks.delete_webhook(made["id"])
    with pytest.raises(ProblemError):
        await bank.webhooks.get_webhook(made["id"])
