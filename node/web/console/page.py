"""One request of a person: who looks, the API in their name, and how the answer is shown.

A page decides nothing. It asks the API of this process as the person who looks and shows what it answers, so that
permissions, four eyes, limits and refusals are the API's own.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from node.storage.cursor import booked_until_s
from node.web.auth import Caller, Principal
from node.web.console.errors import ApiAwayError, RefusalError
from node.web.console.forms import Form
from node.web.console.languages import Speech, speech_of
from node.web.console.limits import PAGES_MAX, PATH_CHARS_MAX
from node.web.console.navigation import Entry
from node.web.console.rendering import Renderer
from node.web.console.times import by_name
from node.web.desk import CallersDesk, Desk
from node.web.inside import Answered, Sent, send_inside
from node.web.limits import PAGE_MAX
from node.web.permissions import Permission

API: Final = "/v1"
LOGIN: Final = "/login"
_PASSED_ON: Final = ("user-agent", "cookie")
_OF_FILES: Final = ("content-type", "content-disposition")
_NEXT: Final = re.compile(r'<([^>]+)>; rel="next"')
_JSON: Final = "application/json"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
PROPOSED: Final = "proposed"
"""What is said after a form whose effect waits for a second person."""
Show = Callable[["RefusalError"], Awaitable[Response]]


@dataclass(frozen=True)
class Viewer:
    """Who looks."""

    principal: Principal
    name: str
    institution_id: str
    institution: str
    roles: frozenset[str]
    """Of the institution, in the network."""
    customer: str | None
    """Name of the customer whose business the person does; None: the institution's own."""
    csrf_token: str

    @property
    def acts_for(self) -> str:
        """Whose business the viewer does, by name."""
        return self.customer or self.institution

    @cached_property
    def names(self) -> frozenset[str]:
        """What the API calls whom the viewer acts for."""
        return frozenset({self.customer} if self.customer else {self.institution, self.institution_id})

    def may(self, permission: str) -> bool:
        """Tell whether the viewer has a permission, by its name."""
        return self.principal.may(Permission(permission))

    @property
    def is_staff(self) -> bool:
        return self.principal.customer_id is None


@dataclass
class Page:
    """A page on its way."""

    request: Request
    desk: Desk
    speech: Speech
    principal: Principal
    renderer: Renderer
    viewer: Viewer = field(init=False)
    more: str | None = None
    """Where the list that is shown goes on."""
    seen: str | None = None
    """Tag of what is shown and may be decided about; the page's forms carry it."""

    async def get(self, path: str, **query: object) -> Any:
        """Return what the API answers to a GET; what is None in the query is left out.

        A list comes whole, unless `limit` says how many rows of it.

        Raises:
            RefusalError: the API refuses.
            ApiAwayError: the list is too long to be shown whole.
        """
        answer = await self.fetch(path, **query)
        found = answer.body
        pages = 1
        while "limit" not in query and (cursor := _cursor_of(answer)) is not None:
            if pages == PAGES_MAX:
                raise ApiAwayError(f"{path}: expected at most {len(found)} rows, got more; ask the API, page by page")
            answer = await self.fetch(path, **query, limit=PAGE_MAX, cursor=cursor)
            found += answer.body
            pages += 1
        return by_name(found)

    async def see(self, path: str) -> Any:
        """Return what `get` does of a thing that the page's forms decide about, and keep its tag."""
        answer = await self.fetch(path)
        self.seen = answer.headers.get("etag")
        return by_name(answer.body)

    async def rows(self, path: str, **query: object) -> Any:
        """Return the page of a list that the browser's address asks for; `more` says where the next one is."""
        answer = await self.fetch(path, cursor=self.request.query_params.get("cursor"), **query)
        cursor = _cursor_of(answer)
        if cursor is not None:
            url = self.request.url.include_query_params(cursor=cursor)
            self.more = f"{url.path}?{url.query}"
        return by_name(answer.body)

    async def fetch(self, path: str, **query: object) -> Answered:
        """Return the whole answer to a GET, as it came."""
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return self._checked(await self._send(Sent("GET", API + path, given, self._headers({}))))

    async def hand_out(self, path: str, **query: object) -> Response:
        """Hand on a file of the API as it came; what is saved keeps its name."""
        answer = await self.fetch(path, **query)
        kept = {name: answer.headers[name] for name in _OF_FILES if name in answer.headers}
        return Response(answer.content, headers=kept)

    async def find(self, path: str, **query: object) -> Any:
        """Return what `get` does, None where there is no such thing or it is not for this viewer."""
        try:
            return await self.get(path, **query)
        except RefusalError as refusal:
            if refusal.status in (403, 404, 409, 422, 503):
                return None
            raise

    async def post(
        self,
        path: str,
        order: object,
        key: str,
        media_type: str = _JSON,
        seen: str | None = None,
        *,
        method: str = "POST",
        query: Mapping[str, str] = _NOTHING,
    ) -> Answered:
        """Send an order to the API under a key, so that it takes effect once.

        Args:
            seen: Tag of what the person saw; the order is refused where it is something else by now.

        Raises:
            RefusalError: the API refuses.
        """
        body = b"" if order is None else order if isinstance(order, bytes) else json.dumps(order).encode()
        more = {"idempotency-key": key} | ({"content-type": media_type} if body else {})
        headers = self._headers(more | ({} if seen is None else {"if-match": seen}))
        return self._checked(await self._send(Sent(method, API + path, urlencode(query), headers, body)))

    async def act(
        self,
        path: str,
        order: object,
        form: Form,
        *,
        to: str,
        done: str,
        again: Show,
        media_type: str = _JSON,
        method: str = "POST",
        query: Mapping[str, str] = _NOTHING,
    ) -> Response:
        """Send what a form orders; go on to a page that says it is done, or show the form again with the refusal.

        Args:
            done: Name of what is said (`messages.html`); a proposal says that it waits.
        """
        try:
            answer = await self.post(path, order, form.once, media_type, form.seen, method=method, query=query)
        except RefusalError as refusal:
            return await again(refusal)
        is_proposal = answer.status == 202 and "/approvals/" in answer.headers.get("location", "")
        return self.go(to, PROPOSED if is_proposal else done)

    def show(self, template: str, http_status: int = 200, /, **facts: Any) -> HTMLResponse:
        """Return a page made of a template."""
        return HTMLResponse(self.renderer.render(template, self.speech, self.facts | facts), http_status)

    def go(self, path: str, done: str | None = None) -> RedirectResponse:
        """Send the browser on to another page of the console."""
        if done is not None:
            path += f"{'&' if '?' in path else '?'}done={quote(done)}"
        return RedirectResponse(path, 303)

    @property
    def facts(self) -> dict[str, Any]:
        """What every template knows."""
        return {
            "viewer": self.viewer,
            "menu": self.menu,
            "path": self.request.url.path,
            "back": self.back,
            "now_s": self.now_s,
            "done": self.request.query_params.get("done", ""),
            "more": self.more,
            "seen": self.seen,
            "refusal": None,
        }

    @property
    def back(self) -> str:
        """Where the page can be looked at again; one that answers a form cannot."""
        url = self.request.url
        return (f"{url.path}?{url.query}" if url.query else url.path) if self.request.method == "GET" else "/"

    @property
    def menu(self) -> list[Entry]:
        """The pages that the viewer has a use for."""
        return [one for one in self.renderer.entries if one.is_for(self.principal, self.viewer.roles)]

    @cached_property
    def now_s(self) -> int:
        """Ledger time, as far as the institution has followed it."""
        with self.desk.database.read() as session:
            return booked_until_s(session)

    async def meet(self) -> None:
        """Find out who looks."""
        me = await self.get("/me")
        institution = await self.get(f"/institutions/{self.principal.institution_id}")
        customer = None
        if self.principal.customer_id is not None:
            customer = (await self.get(f"/customers/{self.principal.customer_id}"))["name"]
        self.viewer = Viewer(
            principal=self.principal,
            name=me["name"] or customer or institution["name"],
            institution_id=self.principal.institution_id,
            institution=institution["name"],
            roles=frozenset(institution["role_names"]),
            customer=customer,
            csrf_token=me["csrf_token"] or "",
        )

    async def _send(self, sent: Sent) -> Answered:
        return await send_inside(self.request, sent, self.principal)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        kept = {name: self.request.headers[name] for name in _PASSED_ON if name in self.request.headers}
        return kept | {"accept": _JSON} | more

    @staticmethod
    def _checked(answer: Answered) -> Answered:
        if answer.status < 400:
            return answer
        try:
            problem = answer.body
        except ValueError as error:
            raise ApiAwayError(f"API: expected an answer, got {answer.status} without one") from error
        raise RefusalError(problem)


async def get_page(request: Request, principal: Caller, desk: CallersDesk) -> Page:
    """Return the page that somebody asks for who is known."""
    page = Page(request, desk, speech_of(request), principal, request.app.state.renderer)
    await page.meet()
    return page


Looking = Annotated[Page, Depends(get_page)]


def _cursor_of(answer: Answered) -> str | None:
    """Return where a list goes on, None where it ends."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return None if found is None else dict(parse_qsl(urlsplit(found[1]).query))["cursor"]


def own_path(given: str | None, otherwise: str = "/") -> str:
    """Return a path to go to that stays on this site: browsers read `//x` and `/\\x` as another one."""
    path = given or ""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if is_own and len(path) <= PATH_CHARS_MAX else otherwise


def show_open(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Return a page for somebody who is not known yet."""
    renderer: Renderer = request.app.state.renderer
    shown = renderer.render(template, speech_of(request), {"path": request.url.path, "refusal": None} | facts)
    return HTMLResponse(shown, status)
