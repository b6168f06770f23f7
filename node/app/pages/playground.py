"""A devnet's own pages: being anybody of its cast, its accounts, its clock, its rates and its faults.

They exist only where the desk process serves a devnet, whose keys and tokens are public.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.app.cast import Cast, InstitutionCast, PersonCast
from node.audit.log import Entry as AuditEntry
from node.audit.log import append
from node.errors import RejectedError
from node.identity import sessions
from node.identity.browser import check_same_origin
from node.identity.pages import welcome
from node.identity.people import ACTIVE, Newcomer
from node.identity.routing import Visiting
from node.identity.service import Entered, Identity, Visit
from node.identity.store import PersonRow
from node.web.auth import Principal
from node.web.console.errors import FormFieldError, RefusalError
from node.web.console.forms import Filled
from node.web.console.navigation import Entry
from node.web.console.page import LOGIN, Looking, Page, own_path
from node.web.desk import Desk
from node.web.errors import NoSuchRouteError
from node.web.permissions import DEVNET_STAFF, Permission, Role

MENU: Final = (Entry("/devnet", "Devnet", Permission.STATUS_READ, staff_only=True),)
BY_CHOICE: Final = "choice on a devnet"
_DAY_S: Final = 86_400
_DAYS_MAX: Final = 120
_TIMEOUT_S: Final = 30.0
_SETTLED_WITHIN_S: Final = 10
_GROUPS: Final = (
    ("Exporters and importers", None),
    ("Banks", "bank"),
    ("Central banks and regulators", "central_bank"),
    ("FX providers", "fx_provider"),
    ("Attesters", "attester"),
    ("Arbiters", "arbiter"),
)


@dataclass(frozen=True, slots=True)
class Somebody:
    """Somebody of the cast, as the sign-in page shows them."""

    key: str
    name: str
    job: str
    of: str


def groups(cast: Cast) -> list[tuple[str, list[Somebody]]]:
    """Return the people of the cast by what they are."""
    found: list[tuple[str, list[Somebody]]] = []
    for label, role in _GROUPS:
        people = [
            _somebody(institution, person)
            for institution in cast.institutions
            for person in institution.people
            if (person.customer is not None if role is None else person.customer is None and role in institution.roles)
        ]
        found.append((label, people))
    return [(label, people) for label, people in found if people]


def build_router(cast: Cast, rpc_url: str) -> APIRouter:
    """Return the pages of a devnet."""
    router = APIRouter()
    chain = _Chain(rpc_url)

    @router.post(f"{LOGIN}/devnet", dependencies=[Depends(check_same_origin)])
    async def be_somebody(request: Request, form: Filled, visit: Visiting) -> Response:
        """Begin a session as somebody of the cast."""
        institution, person = _chosen(cast, form.text("person"))
        desk: Desk = request.app.state.desks[institution.id]
        return welcome(_enter(desk, person, visit), own_path(form.text("next")))

    @router.get("/devnet")
    async def show_devnet(page: Looking) -> Response:
        """Show the devnet's accounts, clock, rates and faults."""
        return await _devnet_page(page, cast, chain)

    @router.post("/devnet/clock")
    async def move_clock(page: Looking, form: Filled) -> Response:
        """Move ledger time, a day at a time, so that every day's fixing is played."""
        await page.get("/status")
        try:
            await _advance(page, chain, form.text("days"), form.text("to"))
        except RejectedError as error:
            return await _devnet_page(page, cast, chain, RefusalError.of(error))
        return page.go(own_path(form.text("next"), "/devnet"), "moved")

    @router.post("/devnet/oracle/{base}/{quote}/{step}")
    async def switch_oracle(base: str, quote: str, step: str, page: Looking, form: Filled) -> Response:
        """Let every reporter of a pair fall silent, or report again."""
        if step not in ("pause", "resume"):
            raise NoSuchRouteError(f"path: expected pause or resume, got {step[:40]!r}")
        await page.get("/status")
        for institution in cast.institutions:
            if "reporter" in institution.roles:
                await _as_institution(page, institution.id).post(
                    f"/oracle/{base}/{quote}/{step}", None, f"{form.once}/{institution.id}"
                )
        return page.go("/devnet", "changed")

    return router


class _Chain:
    """The chain's own RPC, for what only a devnet allows."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def call(self, method: str, *params: Any) -> Any:
        """Return the result of a method.

        Raises:
            FormFieldError: the chain refuses.
        """
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
            answer = (await client.post(self._url, json=request)).json()
        if "error" in answer:
            raise FormFieldError("time", "what the chain takes", str(answer["error"].get("message")))
        return answer["result"]


def _as_institution(page: Page, institution_id: str) -> Page:
    """Return a page that speaks as an institution's own system, as its public token of a devnet does."""
    principal = Principal(institution_id, None, DEVNET_STAFF)
    return Page(page.request, page.desk, page.speech, principal, page.renderer)


async def _advance(page: Page, chain: _Chain, days: str, to: str) -> None:
    now_s = int((await chain.call("landfall_clock"))["time_s"])
    target_s = _target_s(now_s, days, to)
    while now_s < target_s:
        now_s = min(now_s + _DAY_S, target_s)
        await chain.call("landfall_advanceTo", now_s)
        block_number = int(await chain.call("eth_blockNumber"), 16)
        await page.get("/status", idle_at=block_number, wait_s=_SETTLED_WITHIN_S)
        now_s = max(now_s, int((await chain.call("landfall_clock"))["time_s"]))


def _target_s(now_s: int, days: str, to: str) -> int:
    if to:
        try:
            target_s = int(datetime.fromisoformat(to).replace(tzinfo=UTC).timestamp())
        except ValueError as error:
            raise FormFieldError("to", "a date and time such as 2026-08-12T09:30", to) from error
    elif days.isascii() and days.isdigit() and len(days) <= len(str(_DAYS_MAX)):
        target_s = now_s + int(days) * _DAY_S
    else:
        raise FormFieldError("days", f"whole days up to {_DAYS_MAX}", days)
    if not now_s <= target_s <= now_s + _DAYS_MAX * _DAY_S:
        raise FormFieldError("to", f"a time from now to {_DAYS_MAX} days ahead", to or days)
    return target_s


async def _devnet_page(page: Page, cast: Cast, chain: _Chain, refusal: RefusalError | None = None) -> Response:
    institutions = await page.get("/institutions")
    pairs = []
    for pair in cast.pairs:
        base, quote = pair.name.split("/")
        mid = await page.find(f"/rates/{base}/{quote}")
        pairs.append({"name": pair.name, "oracle": await page.find(f"/oracle/{base}/{quote}"), "mid": mid})
    return page.show(
        "app/devnet.html",
        200 if refusal is None else refusal.status,
        institutions=institutions,
        cast=cast,
        clock=await chain.call("landfall_clock"),
        pairs=pairs,
        rounds=await page.find("/oracle/rounds", limit=40) or [],
        # Staff alone: who has no use for the node's state has none for its faults.
        status=await page.get("/status"),
        refusal=refusal,
    )


def _somebody(institution: InstitutionCast, person: PersonCast) -> Somebody:
    customers = {one.id: one.name for one in institution.customers}
    of = institution.name if person.customer is None else customers[person.customer]
    return Somebody(f"{institution.id}/{person.id}", person.name, person.job, of)


def _chosen(cast: Cast, key: str) -> tuple[InstitutionCast, PersonCast]:
    for institution in cast.institutions:
        for person in institution.people:
            if key == f"{institution.id}/{person.id}":
                return institution, person
    raise FormFieldError("person", "somebody of the devnet's cast", key)


def _enter(desk: Desk, person: PersonCast, visit: Visit) -> Entered:
    identity = desk.get(Identity)
    with desk.database.transaction() as session:
        row = _row_of(session, identity, person, visit.now_s)
        if visit.old_token is not None:
            sessions.end_session(session, visit.old_token)
        token, _ = sessions.open_session(session, desk.institution_id, row, BY_CHOICE, visit.origin, visit.now_s)
        roles = frozenset(Role(role) for role in row.roles)
        principal = Principal(desk.institution_id, row.customer, roles, row.id)
        entry = AuditEntry(principal.name, f"session.opened by {BY_CHOICE}", row.id, visit.origin, visit.now_s)
        append(session, entry)
    return Entered(token, principal)


def _row_of(session: Session, identity: Identity, person: PersonCast, now_s: int) -> PersonRow:
    """Return somebody's account, made when they are first chosen; nobody can sign in to it with a password."""
    email = f"{person.id}@{identity.institution_id}.example"
    found = session.scalar(select(PersonRow).where(PersonRow.email == email))
    if found is None:
        roles = frozenset(Role(role) for role in person.roles)
        found = identity.people.add(session, Newcomer(email, person.name, roles, person.customer), now_s)
        found.state = ACTIVE
        session.flush()
    return found
