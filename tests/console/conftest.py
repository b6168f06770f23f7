"""One devnet with its console for every test of this folder, and browsers for its people."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / ".cache" / "screenshots"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
START_TIMEOUT_S = 90
LANDFALL = (sys.executable, "-W", "ignore::UserWarning", "-m", "node.app.cli")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
# Longest waits, for a machine that does much else; nothing sleeps so long.
TIMEOUT_MS = 60_000
expect.set_options(timeout=TIMEOUT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Playwright keeps an event loop running while a browser is open: asynchronous tests run in another process."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.console)


@dataclass
class Console:
    """The console of a running devnet."""

    origin: str
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def context(self, size: str = "desktop", **options: Any) -> BrowserContext:
        """Return a fresh browser profile."""
        width, height = SIZES[size]
        made = self.browser.new_context(
            base_url=self.origin, viewport={"width": width, "height": height}, has_touch=size == "phone", **options
        )
        made.set_default_timeout(TIMEOUT_MS)
        self.contexts.append(made)
        return made

    def sign_in(self, person: str, size: str = "desktop", **options: Any) -> Page:
        """Return the browser of somebody of the cast who has come in through the sign-in page."""
        page = self.context(size, **options).new_page()
        page.goto("/login")
        button = page.locator(f'button[value="{person}"]')
        details = button.locator("xpath=ancestor::details")
        if not button.is_visible():
            details.locator("summary").click()
        button.click()
        page.wait_for_url(self.origin + "/")
        return page


@pytest.fixture(scope="session")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A devnet with its starting money; its URLs and home."""
    home = tmp_path_factory.mktemp("console") / "devnet"
    process = subprocess.Popen(
        [*LANDFALL, "devnet", "--home", str(home), "--rpc-port", "0", "--rest-port", "0", "--messages-port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    end = time.monotonic() + START_TIMEOUT_S
    while not (home / "run.json").exists():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"devnet did not start: {process.communicate()[0].decode()}")
        time.sleep(0.05)
    subprocess.run([*LANDFALL, "devnet", "--home", str(home), "fund"], cwd=ROOT, check=True, capture_output=True)
    yield json.loads((home / "run.json").read_text()) | {"home": str(home)}
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if not Path(CHROMIUM).exists():
        if "REQUIRE_CHROMIUM" in os.environ:
            pytest.fail(f"REQUIRE_CHROMIUM: expected a browser at {CHROMIUM}, got none")
        pytest.skip(f"no browser at {CHROMIUM}: install Debian's chromium, or name another in CHROMIUM")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def console(devnet: dict[str, str], browser: Browser) -> Iterator[Console]:
    """The console, with profiles that end with the test."""
    port = devnet["rest_url"].rpartition(":")[2]
    # Browsers keep a __Host- cookie without TLS for localhost.
    opened = Console(f"http://localhost:{port}", browser)
    yield opened
    for context in opened.contexts:
        context.close()


@pytest.fixture
def photograph(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps a picture of a page, to be looked at."""

    def take(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png", full_page=True)

    return take
