"""What people do in the console, step by step, as several tests need it."""

import json
import time
from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Locator, Page, expect

CHANGED_MS = 60_000
LOADED = "image => image.decode()"
"""Fails where a picture does not come."""


def say(page: Page, text: str) -> None:
    """Wait for what the page says after a form."""
    expect(page.locator(".said")).to_contain_text(text, timeout=CHANGED_MS)


def wait_for(page: Page, wanted: Locator) -> None:
    """Load a page again until the network has done what is wanted."""
    end = time.monotonic() + CHANGED_MS / 1000
    while wanted.count() == 0 and time.monotonic() < end:
        page.wait_for_timeout(200)
        page.reload()
    expect(wanted).not_to_have_count(0)


def approve(page: Page, about: str) -> None:
    """Approve the latest proposal about something."""
    page.goto("/approvals")
    page.locator("tr", has_text=about).locator("th a").first.click()
    page.get_by_role("button", name="Approve").click()
    say(page, "Approved")


def ledger_time(page: Page) -> datetime:
    """Return ledger time, as the page's foot says it."""
    written = page.locator("footer time").get_attribute("datetime")
    assert written is not None
    return datetime.fromisoformat(written.removesuffix("Z"))


def draft_roses(page: Page, reference: str, *, goods: str = "Cut roses, 25,000 stems", days: int = 20) -> None:
    """Draft a sale of roses for one delivery, as the exporter."""
    now = ledger_time(page)
    page.goto("/trades/new?side=exporter")
    page.get_by_label("Reference", exact=True).fill(reference)
    page.get_by_label("Goods", exact=True).fill(goods)
    importer = page.locator("fieldset", has=page.locator("legend", has_text="Importer"))
    importer.get_by_label("Bank", exact=True).select_option("bank-nl")
    importer.get_by_label("Customer number at that bank").fill("bloem")
    importer.get_by_label("Name", exact=True).fill("Bloemenhuis BV")
    page.get_by_label("Shipment numbers, one a line").fill(shipment(reference))
    page.get_by_label("Invoice number").fill(f"INV-{reference}")
    page.get_by_label("Invoice amount").fill("300,000.00")
    page.get_by_label("To be funded by (UTC)").fill(minute(now + timedelta(days=5)))
    first = page.get_by_role("group", name="Milestone 1", exact=True)
    first.get_by_label("What happens").select_option("delivered")
    first.get_by_label("Share in percent").fill("100")
    first.get_by_label("Deadline (UTC)").fill(minute(now + timedelta(days=days)))
    first.get_by_label("Lake Inspection Services").check()
    page.get_by_role("button", name="Offer it to the other side").click()


def shipment(reference: str) -> str:
    """Return the shipment's number of such a trade."""
    return f"https://naivasha.example/lot/{reference}"


def statement(reference: str, at: datetime) -> dict[str, Any]:
    """Return the inspector's statement that such a trade's goods have come."""
    return {
        "schema": "landfall-statement/1",
        "statement_id": f"LIS-{reference}",
        "inspector": "inspector",
        "shipment": shipment(reference),
        "milestone": "delivered",
        "outcome": "fulfilled",
        "share_bps": 10000,
        "inspected_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "findings": "25,000 stems, cold chain intact",
    }


def hand_in(page: Page, reference: str, document: dict[str, Any]) -> None:
    """Hand in a statement at the attester's desk."""
    page.goto("/appointments")
    card = page.locator("section", has_text=reference)
    card.get_by_label("Statement of this institution (JSON)").set_input_files(
        {"name": "statement.json", "mimeType": "application/json", "buffer": json.dumps(document).encode()}
    )
    card.get_by_role("button", name="Attest the statement").click()
    say(page, "attestation is on its way")


def minute(at: datetime) -> str:
    """Return a moment as a browser's field takes it."""
    return at.strftime("%Y-%m-%dT%H:%M")
