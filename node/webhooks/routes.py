"""Routes of webhooks: for an institution's staff, and for its customers about their own events."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from node.web.auth import Caller, Principal, needs
from node.web.desk import CallersDesk, Desk
from node.web.etags import IfMatch, set_tag
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission
from node.web.recording import Recorded
from node.webhooks.schemas import (
    AttemptOut,
    DeliveryDetailOut,
    DeliveryOut,
    DeliveryState,
    KeyIn,
    KeyOut,
    NewKeyOut,
    NewWebhookOut,
    ReplayedOut,
    ReplayIn,
    State,
    WebhookChangeIn,
    WebhookIn,
    WebhookOut,
)
from node.webhooks.service import Change, WebhookService
from node.webhooks.signing import public_text, secret_text
from node.webhooks.store import QUEUED, DeliveryRow, EndpointRow, KeyRow, message_id

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

WebhookId = Annotated[str, Path(max_length=64, examples=["wh_5e5e5e5e5e5e5e5e5e5e5e5e"])]
Number = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("", dependencies=[needs(Permission.WEBHOOKS_READ)])
async def list_webhooks(
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("created"))],
    state: State | None = None,
) -> list[WebhookOut]:
    """Return the addresses that events are brought to: a customer's own, or all of the institution."""
    wanted = _service(desk).endpoints(principal.customer_id)
    if state is not None:
        wanted = wanted.where(EndpointRow.state == state)
    with desk.database.read() as session:
        rows = page.rows(session, wanted, EndpointRow.created_at_s, EndpointRow.id)
        return [_shown(session, desk, row) for row in rows]


@router.post("", status_code=201, response_model=NewWebhookOut, dependencies=[needs(Permission.WEBHOOKS_WRITE)])
async def register(order: WebhookIn, principal: Caller, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Have events brought to an address from now on; the answer tells the secret, this once."""

    def effect(session: Session) -> NewWebhookOut:
        row, key = _service(desk).register(session, principal.customer_id, **order.model_dump())
        return NewWebhookOut(**_shown(session, desk, row).model_dump(), secret=secret_text(key))

    return once.run(effect, status=201)


@router.get("/{webhook_id}", dependencies=[needs(Permission.WEBHOOKS_READ)])
async def get_webhook(webhook_id: WebhookId, request: Request, principal: Caller, desk: CallersDesk) -> WebhookOut:
    """Return an address with the keys that count."""
    with desk.database.read() as session:
        shown = _shown(session, desk, _endpoint(session, desk, principal, webhook_id))
    set_tag(request, shown)
    return shown


@router.patch("/{webhook_id}", dependencies=[needs(Permission.WEBHOOKS_WRITE)])
async def change_webhook(
    webhook_id: WebhookId,
    order: WebhookChangeIn,
    principal: Caller,
    desk: CallersDesk,
    seen: IfMatch,
    call: Recorded,
) -> WebhookOut:
    """Change an address, or stop and go on; what happened while it was disabled is brought once it is active again."""

    def effect(session: Session) -> WebhookOut:
        row = _endpoint(session, desk, principal, webhook_id)
        seen.require(_shown(session, desk, row))
        return _shown(session, desk, _service(desk).change(session, row, Change(**order.model_dump())))

    shown = call.run(effect)
    seen.tag(shown)
    return shown


@router.delete(
    "/{webhook_id}", status_code=204, response_class=Response, dependencies=[needs(Permission.WEBHOOKS_WRITE)]
)
async def delete_webhook(
    webhook_id: WebhookId, principal: Caller, desk: CallersDesk, seen: IfMatch, call: Recorded
) -> Response:
    """Bring events there no more, and forget the address with its keys and deliveries."""

    def effect(session: Session) -> None:
        row = _endpoint(session, desk, principal, webhook_id)
        seen.check(_shown(session, desk, row))
        _service(desk).remove(session, row)

    call.run(effect)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/keys", status_code=201, response_model=NewKeyOut, dependencies=[needs(Permission.WEBHOOKS_WRITE)]
)
async def rotate_key(
    webhook_id: WebhookId, order: KeyIn, principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Sign with a new key; for the overlap messages carry a signature of each key that counts."""

    def effect(session: Session) -> NewKeyOut:
        row = _endpoint(session, desk, principal, webhook_id)
        key = _service(desk).rotate(session, row, order.scheme, order.overlap_s)
        return NewKeyOut(**_key(key).model_dump(), secret=secret_text(key))

    return once.run(effect, status=201)


@router.get("/{webhook_id}/deliveries", dependencies=[needs(Permission.WEBHOOKS_READ)])
async def list_deliveries(
    webhook_id: WebhookId,
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-number"))],
    state: DeliveryState | None = None,
) -> list[DeliveryOut]:
    """Return what was brought to an address, or is on its way; the latest first."""
    with desk.database.read() as session:
        wanted = _service(desk).deliveries(_endpoint(session, desk, principal, webhook_id), state)
        return [_delivery(desk, row) for row in page.rows(session, wanted, DeliveryRow.id)]


@router.get("/{webhook_id}/deliveries/{number}", dependencies=[needs(Permission.WEBHOOKS_READ)])
async def get_delivery(
    webhook_id: WebhookId, number: Number, principal: Caller, desk: CallersDesk
) -> DeliveryDetailOut:
    """Return a delivery with how each attempt went."""
    with desk.database.read() as session:
        return _detail(session, desk, _endpoint(session, desk, principal, webhook_id), number)


@router.post(
    "/{webhook_id}/deliveries/{number}/replay",
    response_model=DeliveryDetailOut,
    dependencies=[needs(Permission.WEBHOOKS_WRITE)],
)
async def replay_delivery(
    webhook_id: WebhookId, number: Number, principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Send a delivery again that has ended, under the same `webhook-id`."""

    def effect(session: Session) -> DeliveryDetailOut:
        row = _endpoint(session, desk, principal, webhook_id)
        found, _ = _service(desk).delivery(session, row, number)
        _service(desk).replay(session, found)
        return _detail(session, desk, row, number)

    return once.run(effect)


@router.post("/{webhook_id}/replay", response_model=ReplayedOut, dependencies=[needs(Permission.WEBHOOKS_WRITE)])
async def replay(
    webhook_id: WebhookId, order: ReplayIn, principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Send again what has failed since an event, or all of it; a thousand at most."""

    def effect(session: Session) -> ReplayedOut:
        row = _endpoint(session, desk, principal, webhook_id)
        count = _service(desk).replay_after(session, row, order.after, only_failed=order.only_failed)
        return ReplayedOut(count=count)

    return once.run(effect)


def _service(desk: Desk) -> WebhookService:
    return desk.get(WebhookService)


def _endpoint(session: Session, desk: Desk, principal: Principal, webhook_id: str) -> EndpointRow:
    return _service(desk).endpoint(session, principal.customer_id, webhook_id)


def _shown(session: Session, desk: Desk, row: EndpointRow) -> WebhookOut:
    keys = [_key(key) for key in _service(desk).keys(session, row)]
    return WebhookOut(
        id=row.id,
        owner=row.owner,
        url=row.url,
        kinds=row.kinds,
        text=row.text,
        state="active" if row.state == "active" else "disabled",
        reason=row.reason,
        created_at_s=row.created_at_s,
        keys=keys,
    )


def _key(key: KeyRow) -> KeyOut:
    told = {"number": key.id, "scheme": key.scheme, "public": public_text(key), "until_s": key.until_s}
    return KeyOut.model_validate(told)


def _delivery(desk: Desk, row: DeliveryRow) -> DeliveryOut:
    return DeliveryOut.model_validate(
        {
            "number": row.id,
            "event": row.event_id,
            "kind": row.kind,
            "message_id": message_id(desk.institution_id, row.event_id),
            "state": row.state,
            "attempts": row.attempts,
            "queued_at_s": row.queued_at_s,
            "next_attempt_at_s": row.next_attempt_at_s if row.state == QUEUED else None,
            "ended_at_s": row.ended_at_s,
            "reason": row.reason,
        }
    )


def _detail(session: Session, desk: Desk, endpoint: EndpointRow, number: int) -> DeliveryDetailOut:
    row, log = _service(desk).delivery(session, endpoint, number)
    shown = _delivery(desk, row).model_dump()
    return DeliveryDetailOut(**shown, log=[AttemptOut.model_validate(attempt) for attempt in log])
