"""Routes of what several have to sign: amendments, assignments, cancellations, and requests to sign them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.storage.cursor import booked_until_s
from node.trades.agreement.needs import need_of
from node.trades.agreement.negotiating import Papers
from node.trades.motions.collecting import AMEND, Motions
from node.trades.rest.motion_schemas import (
    AmendIn,
    AssignIn,
    CancelIn,
    DeclineIn,
    MotionOut,
    NeedOut,
    RequestOut,
    SignerOut,
)
from node.trades.rest.routing import Reference, TradeCall, actor_of, stake_of, trades_of, view_of
from node.trades.service import TradeService
from node.trades.store import Motion, SignatureRequest, Trade
from node.trades.views.schemas import ChangeOut, SideIn, TradeOut
from node.trades.views.trades import shown_money
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["trades"])

RequestId = Annotated[str, Path(pattern=r"^[0-9a-f]{8,64}$", description="As listed under /requests")]


@router.get("/trades/{reference}/needs", dependencies=[needs(Permission.TRADES_READ)])
async def get_needs(reference: Reference, principal: Caller, desk: CallersDesk) -> NeedOut:
    """Return what the importer must have, before anybody signs: firm with a quote or under none and float."""
    trades = trades_of(desk)
    with desk.database.read() as session:
        trade = trades.desk.trade_of(session, reference, actor_of(principal))
        document = trades.desk.document(session, trade)
        need = need_of(trades.desk, session, trade, document, booked_until_s(session))
    return NeedOut(
        amount=None if need.amount is None else shown_money(need.amount, need.currency),
        is_firm=need.is_firm,
        consists_of=need.consists_of,
        available=None if need.available is None else shown_money(need.available, need.currency),
        missing=shown_money(need.missing, need.currency) if need.missing else None,
    )


@router.post(
    "/trades/{reference}/amend", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def amend(
    reference: Reference, order: AmendIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Propose other terms for a funded trade; the other side agrees, and whoever else has to sign is asked."""

    def effect(session: Session) -> TradeOut:
        invoice = None if order.invoice_xml is None else order.invoice_xml.encode()
        papers, actor = Papers(order.terms_toml.encode(), invoice), actor_of(principal)
        trade = trades_of(desk).amending.propose(
            session, reference, papers, actor, order.side, booked_until_s(session), ask_provider=order.ask_provider
        )
        return view_of(session, desk, principal, trade)

    return once.run(effect, status=202)


@router.post(
    "/trades/{reference}/agree", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def agree(
    reference: Reference, order: SideIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Sign the amendment that is on the table; with everybody's signature it is sent."""

    def effect(session: Session) -> TradeOut:
        now_s = booked_until_s(session)
        return view_of(
            session,
            desk,
            principal,
            trades_of(desk).amending.agree(session, reference, actor_of(principal), order.side, now_s),
        )

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "agree to the amendment of"))


@router.post(
    "/trades/{reference}/assign",
    status_code=202,
    response_model=TradeOut,
    dependencies=[needs(Permission.TRADES_WRITE)],
)
async def assign(
    reference: Reference, order: AssignIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Offer a milestone to a financier, for good; once it signs, it is paid in the exporter's place."""

    def effect(session: Session) -> TradeOut:
        now_s = booked_until_s(session)
        trade = trades_of(desk).assigning.assign(
            session, reference, order.milestone, order.institution, order.account, actor_of(principal), now_s
        )
        return view_of(session, desk, principal, trade)

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "assign a milestone of"))


@router.post(
    "/trades/{reference}/cancel",
    status_code=202,
    response_model=TradeOut,
    dependencies=[needs(Permission.TRADES_WRITE)],
)
async def cancel(
    reference: Reference, order: CancelIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Sign a cancellation; with both sides' signatures it is sent, and what is unsettled goes back."""

    def effect(session: Session) -> TradeOut:
        now_s, actor = booked_until_s(session), actor_of(principal)
        trade = trades_of(desk).cancelling.cancel(
            session, reference, actor, order.side, now_s, ask_provider=order.ask_provider
        )
        return view_of(session, desk, principal, trade)

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "cancel"))


@router.get("/trades/{reference}/motions", dependencies=[needs(Permission.TRADES_READ)])
async def list_motions(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("name"))]
) -> list[MotionOut]:
    """Return the changes of a funded trade that are on the table: who has signed, who has not, what they change."""
    trades = trades_of(desk)
    with desk.database.read() as session:
        trade = trades.desk.trade_of(session, reference, actor_of(principal))
        now_s = booked_until_s(session)
        found = [_motion(session, trades, trade, motion, now_s) for motion in trades.motions.open_ones(session, trade)]
    return page.items(found, lambda one: (one.name,))


@router.get("/requests", dependencies=[needs(Permission.TRADES_READ)])
async def list_requests(
    principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("asked"))]
) -> list[RequestOut]:
    """Return what the caller is asked to sign about others' trades: as a financier, or as a lock's provider."""
    with desk.database.read() as session:
        wanted = trades_of(desk).asking.waiting(actor_of(principal))
        rows = page.rows(session, wanted, SignatureRequest.asked_at_s, SignatureRequest.id)
        return [_request(row) for row in rows]


@router.post(
    "/requests/{request_id}/sign",
    status_code=202,
    response_model=RequestOut,
    dependencies=[needs(Permission.TRADES_WRITE)],
)
async def sign_request(request_id: RequestId, principal: Caller, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Sign what is asked; an institution's own signature leaves once its digest is recorded on the chain."""

    def effect(session: Session) -> RequestOut:
        now_s = booked_until_s(session)
        return _request(trades_of(desk).asking.sign(session, request_id, actor_of(principal), now_s))

    return once.run(effect, status=202)


@router.post("/requests/{request_id}/decline", response_model=RequestOut, dependencies=[needs(Permission.TRADES_WRITE)])
async def decline_request(
    request_id: RequestId, order: DeclineIn, principal: Caller, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Say no, with a reason; it may be signed later all the same."""

    def effect(session: Session) -> RequestOut:
        return _request(trades_of(desk).asking.decline(session, request_id, order.reason, actor_of(principal)))

    return once.run(effect)


def _motion(session: Session, trades: TradeService, trade: Trade, motion: Motion, now_s: int) -> MotionOut:
    changes = trades.amending.proposed(session, trade) if motion.kind == AMEND else []
    return MotionOut(
        name=motion.name,
        kind=motion.kind,
        proposed_by=motion.proposed_by,
        state=motion.state,
        reason=motion.reason,
        ask_provider=motion.ask_provider,
        signers=_signers(session, trades.motions, trade, motion, now_s),
        changes=[ChangeOut(field=field, old=old, new=new) for field, old, new in changes],
    )


def _signers(session: Session, motions: Motions, trade: Trade, motion: Motion, now_s: int) -> list[SignerOut]:
    missing = motions.missing(session, trade, motion, now_s)
    return [
        SignerOut(
            role=signer.role,
            account=signer.account,
            institution=signer.institution,
            signed=signer not in missing,
        )
        for signer in motions.signers(session, trade, motion)
    ]


def _request(row: SignatureRequest) -> RequestOut:
    return RequestOut(
        id=row.id,
        reference=row.reference,
        kind=row.kind,
        asked_by=row.asked_by,
        owner=row.owner,
        summary=row.summary,
        state=row.state,
        hold_grows_by=None if row.increase is None else row.increase["added"],
        hold_until_s=None if row.increase is None else int(row.increase["expires_at"]),
    )
