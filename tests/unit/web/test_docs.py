"""The node shows its own documentation, and what every problem means, with nothing from elsewhere."""

import re
from html import escape

import httpx
import pytest

from node.web.docs import known_errors
from tests.unit.web.conftest import bearer


async def test_documentation_needs_nobody_else_when_shown(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(wanted) == 4
    for path in wanted:
        assert path.startswith("/docs/")
        assert (await client.get(path)).status_code == 200, path
    assert "/openapi.json" in (await client.get("/docs/start.js")).text
    assert (await client.get("/docs/LICENSE")).status_code == 404


async def test_problem_leads_to_a_page_that_says_what_to_do_when_followed(client: httpx.AsyncClient) -> None:
    for path, token in (
        ("/v1/customers/nobody", "staff-nl"),
        ("/v1/journal", "bloem-nl"),
        ("/v1/journal?limit=0", "staff-nl"),
    ):
        problem = (await client.get(path, headers=bearer(token))).json()
        page = await client.get(problem["type"])
        assert page.status_code == 200
        assert problem["title"] in page.text
        assert escape(problem["next_step"]) in page.text


async def test_every_problem_has_its_page_when_listed(client: httpx.AsyncClient) -> None:
    links = re.findall(r'href="(/problems/[^"]+)"', (await client.get("/problems")).text)
    assert len(links) == len(known_errors()) > 100
    for link in links:
        page = (await client.get(link)).text
        assert "What you can do" in page
        assert "Traceback" not in page


@pytest.mark.parametrize(
    "path", ["/problems/web/9999", "/problems/web/x", "/problems/%3Cscript%3E/6", "/problems/web/" + "9" * 99]
)
async def test_page_is_not_found_when_there_is_no_such_problem(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
