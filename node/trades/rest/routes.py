"""Routes of trades: what the command line, the console and a bank's own systems use."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from node.quotes.wire import word_of
from node.storage.cursor import booked_until_s
from node.trades.agreement.negotiating import Papers
from node.trades.evidence.packs import EvidenceRoom, pack_name
from node.trades.logistics.attesting import is_fulfilled
from node.trades.rest import (
    acting_routes,
    arbiter_routes,
    chart_routes,
    motion_routes,
    paper_routes,
    payment_routes,
    printing_routes,
)
from node.trades.rest.routing import Reference, TradeCall, actor_of, stake_of, tag_trade, trades_of, view_of
from node.trades.store import Attestation, Trade
from node.trades.terms.document import shown_json
from node.trades.views.known import Known
from node.trades.views.schemas import (
    AcceptQuoteIn,
    AppointmentOut,
    AttestedOut,
    ChangeOut,
    CostOut,
    DraftIn,
    EventOut,
    NextOut,
    QuotesOut,
    SideIn,
    TradeLineOut,
    TradeOut,
    TradeState,
    VersionOut,
)
from node.trades.views.trades import amount_minor, shown_money
from node.trades.watching.chain_view import events_of
from node.web.auth import Caller, Principal, Staff, needs
from node.web.desk import CallersDesk, Desk
from node.web.idempotency import OnceOnly
from node.web.openapi import download
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter()
_trade_router = APIRouter(prefix="/trades", tags=["trades"])

_EPCIS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A GS1 EPCIS 2.0 document in JSON or JSON-LD, byte for byte as the field sent it",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_STATEMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A landfall-statement/1 (docs/spec/terms.md), signed, or unsigned for this desk to sign",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@_trade_router.post("", status_code=201, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)])
async def draft(order: DraftIn, principal: Caller, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Draft a trade from terms and invoice, and offer it to the other side's bank."""

    def effect(session: Session) -> TradeOut:
        papers = Papers(order.terms_toml.encode(), _bytes(order.invoice_xml))
        now_s = booked_until_s(session)
        trade = trades_of(desk).agreement.draft(session, papers, actor_of(principal), order.side, now_s)
        return view_of(session, desk, principal, trade)

    return once.run(effect, status=201)


@_trade_router.get("", dependencies=[needs(Permission.TRADES_READ)])
async def list_trades(
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("reference", "created"))],
    state: Annotated[TradeState | None, Query()] = None,
) -> list[TradeLineOut]:
    """Return trades by reference: a customer's own, or all of the bank."""
    columns = (Trade.reference,) if page.order == "reference" else (Trade.created_at_s, Trade.reference)
    with desk.database.read() as session:
        wanted = trades_of(desk).trades(session, actor_of(principal))
        if state is not None:
            wanted = wanted.where(Trade.state == state)
        trades = page.rows(session, wanted, *columns)
        known, now_s = trades_of(desk).views.known(session, trades), booked_until_s(session)
        return [_line(session, desk, principal, known, trade, now_s) for trade in trades]


@_trade_router.get("/{reference}", dependencies=[needs(Permission.TRADES_READ)])
async def get_trade(reference: Reference, request: Request, principal: Caller, desk: CallersDesk) -> TradeOut:
    """Return a trade: who pays, who gets, what it costs, what is waited for."""
    with desk.database.read() as session:
        shown = view_of(session, desk, principal, _find(session, desk, reference, principal))
    tag_trade(request, shown)
    return shown


@_trade_router.get("/{reference}/next", dependencies=[needs(Permission.TRADES_READ)])
async def list_next(reference: Reference, principal: Caller, desk: CallersDesk) -> list[NextOut]:
    """Return what each party may do next, the most urgent first: until when, from when, and what happens otherwise."""
    with desk.database.read() as session:
        trade = _find(session, desk, reference, principal)
        only = trades_of(desk).desk.holdings(session, trade, actor_of(principal))
        return trades_of(desk).views.all_steps(session, trade, booked_until_s(session), only)


@_trade_router.get("/{reference}/versions", dependencies=[needs(Permission.TRADES_READ)])
async def list_versions(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("version"))]
) -> list[VersionOut]:
    """Return every version of the terms with what it changed."""
    with desk.database.read() as session:
        trade = _find(session, desk, reference, principal)
        found = [
            VersionOut(
                version=row.version,
                proposed_by=row.proposed_by,
                proposed_at_s=row.proposed_at_s,
                changes=[ChangeOut(field=field, old=old, new=new) for field, old, new in changed],
                document=shown_json(row.document),
                has_invoice=row.invoice is not None,
            )
            for row, changed in trades_of(desk).views.versions(session, trade)
        ]
    return page.items(found, lambda one: (one.version,))


@_trade_router.get("/{reference}/history", dependencies=[needs(Permission.TRADES_READ)])
async def list_history(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("time"))]
) -> list[EventOut]:
    """Return what the chain says happened to a trade, or to the milestones that the caller holds, oldest first."""
    with desk.database.read() as session:
        trade = _find(session, desk, reference, principal)
        only = trades_of(desk).desk.holdings(session, trade, actor_of(principal))
        found = [
            event
            for event in events_of(session, trade.trade_id or b"")
            if only is None or "milestone" not in event.args or int(event.args["milestone"]) in only
        ]
    return [
        EventOut(
            name=event.name,
            time_s=event.block_time_s,
            block_number=event.block_number,
            tx_hash="0x" + event.tx_hash.hex(),
            args=event.args,
        )
        for event in page.items(found, lambda event: (event.block_number, event.log_index))
    ]


@_trade_router.post("/{reference}/counter", response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)])
async def counter(
    reference: Reference, order: DraftIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Answer with another version; without an invoice the last one stays."""

    def effect(session: Session) -> TradeOut:
        papers = Papers(order.terms_toml.encode(), _bytes(order.invoice_xml))
        now_s = booked_until_s(session)
        trade = trades_of(desk).agreement.counter(session, reference, papers, actor_of(principal), order.side, now_s)
        return view_of(session, desk, principal, trade)

    return once.run(effect)


@_trade_router.post("/{reference}/sign", response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)])
async def sign(
    reference: Reference, order: SideIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Consent to the latest version: the bank signs with the customer's key and keeps who agreed."""

    def effect(session: Session) -> TradeOut:
        now_s = booked_until_s(session)
        trade = trades_of(desk).agreement.sign(session, reference, actor_of(principal), order.side, now_s)
        return view_of(session, desk, principal, trade)

    return once.run(effect)


@_trade_router.post("/{reference}/withdraw", response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)])
async def withdraw(reference: Reference, principal: Caller, desk: CallersDesk, once: TradeCall) -> JSONResponse:
    """End a negotiation before funding."""

    def effect(session: Session) -> TradeOut:
        return view_of(
            session, desk, principal, trades_of(desk).agreement.withdraw(session, reference, actor_of(principal))
        )

    return once.run(effect)


@_trade_router.post("/{reference}/quotes", response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)])
async def request_quotes(reference: Reference, principal: Caller, desk: CallersDesk, once: TradeCall) -> JSONResponse:
    """Ask every FX provider for a firm quote; live quotes of the last request stand."""

    def effect(session: Session) -> TradeOut:
        now_s = booked_until_s(session)
        return view_of(
            session,
            desk,
            principal,
            trades_of(desk).funding.request_quotes(session, reference, actor_of(principal), now_s),
        )

    return once.run(effect)


@_trade_router.get("/{reference}/quotes", dependencies=[needs(Permission.TRADES_READ)])
async def list_quotes(reference: Reference, principal: Caller, desk: CallersDesk) -> QuotesOut:
    """Return the live quotes, the cheapest all in first, with their cost in percent of mid."""
    trades, actor = trades_of(desk), actor_of(principal)
    with desk.database.read() as session:
        trade = trades.desk.trade_of(session, reference, actor)
        document = trades.desk.document(session, trade)
        now_s = booked_until_s(session)
        offers = trades.funding.offers(session, reference, actor, now_s)
        taken = trades.desk.quotes.taker.taken(session, trade.quote_request or "", now_s)
        return QuotesOut(
            quotes=[trades.views.offer(offer, document) for offer in offers],
            declined=dict(trades.funding.declined(session, reference, actor)),
            accepted=None if taken is None else "0x" + taken.digest.hex(),
        )


@_trade_router.post("/{reference}/quotes/accept", response_model=CostOut, dependencies=[needs(Permission.TRADES_FUND)])
async def accept_quote(
    reference: Reference, order: AcceptQuoteIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Take a quote: the cheapest all in, unless its digest names another."""

    def effect(session: Session) -> CostOut:
        trades, actor, now_s = trades_of(desk), actor_of(principal), booked_until_s(session)
        digest = None if order.digest is None else word_of(order.digest, "digest")
        offer = trades.funding.accept(session, reference, actor, digest, now_s)
        trade = trades.desk.trade_of(session, reference, actor)
        return trades.views.offer(offer, trades.desk.document(session, trade))

    return once.run(effect)


@_trade_router.post(
    "/{reference}/fund", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_FUND)]
)
async def fund(reference: Reference, principal: Caller, desk: CallersDesk, once: TradeCall) -> JSONResponse:
    """Sign the importer's holds and send the one transaction that starts the trade."""

    def effect(session: Session) -> TradeOut:
        now_s = booked_until_s(session)
        return view_of(
            session, desk, principal, trades_of(desk).funding.fund(session, reference, actor_of(principal), now_s)
        )

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "fund"))


@_trade_router.post(
    "/{reference}/events",
    status_code=202,
    response_model=AttestedOut,
    openapi_extra=_EPCIS,
    dependencies=[needs(Permission.ATTESTATIONS_WRITE)],
)
async def attest_event(
    reference: Reference, request: Request, _staff: Staff, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Attest what an EPCIS document shows, as an attester of the trade."""
    data = await request.body()

    def effect(session: Session) -> AttestedOut:
        return _attested(trades_of(desk).attesting.attest_epcis(session, reference, data, booked_until_s(session)))

    return once.run(effect, status=202)


@_trade_router.post(
    "/{reference}/statements",
    status_code=202,
    response_model=AttestedOut,
    openapi_extra=_STATEMENT,
    dependencies=[needs(Permission.ATTESTATIONS_WRITE)],
)
async def attest_statement(
    reference: Reference, request: Request, _staff: Staff, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Attest what this institution's own statement says."""
    data = await request.body()

    def effect(session: Session) -> AttestedOut:
        return _attested(trades_of(desk).attesting.attest_statement(session, reference, data, booked_until_s(session)))

    return once.run(effect, status=202)


@_trade_router.get(
    "/{reference}/evidence",
    response_class=Response,
    responses=download("application/json", "{...}"),
    dependencies=[needs(Permission.TRADES_READ)],
)
async def download_evidence(reference: Reference, principal: Caller, desk: CallersDesk) -> Response:
    """Return the evidence pack of a closed trade: `landfall verify` needs nothing else."""
    pack = await desk.get(EvidenceRoom).build(reference, actor_of(principal))
    name = pack_name(reference)
    return Response(
        pack, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.get("/appointments", tags=["attesters"], dependencies=[needs(Permission.APPOINTMENTS_READ)])
async def list_appointments(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("deadline", "reference"))],
    attested: Annotated[bool | None, Query(description="Only those that are, or are not yet")] = None,
) -> list[AppointmentOut]:
    """Return the milestones that this institution was named to attest, the earliest deadline first."""
    with desk.database.read() as session:
        found = [
            AppointmentOut(
                reference=item.reference,
                trade_id="0x" + item.trade_id.hex(),
                index=item.index,
                kind=item.kind,
                goods=item.goods,
                shipment=item.shipment,
                place=item.place,
                deadline_s=item.deadline_s,
                attested=item.attested is not None,
            )
            for item in trades_of(desk).attesting.appointments(session)
            if attested in (None, item.attested is not None)
        ]
    by_reference = page.order == "reference"
    return page.items(
        found,
        lambda one: (
            (one.reference, one.trade_id, one.index) if by_reference else (one.deadline_s, one.trade_id, one.index)
        ),
    )


def _find(session: Session, desk: Desk, reference: Reference, principal: Principal) -> Trade:
    return trades_of(desk).desk.trade_of(session, reference, actor_of(principal))


def _line(session: Session, desk: Desk, principal: Principal, known: Known, trade: Trade, now_s: int) -> TradeLineOut:
    trades, document = trades_of(desk), known.documents[trade.reference]
    only = trades.desk.holdings(session, trade, actor_of(principal))
    amount = amount_minor(known, trade, only)
    return TradeLineOut(
        reference=trade.reference,
        state=trade.state,
        importer=document.importer.name,
        exporter=document.exporter.name,
        amount=shown_money(amount, document.invoice.currency),
        amount_minor=amount,
        currency=document.invoice.currency,
        next=trades.views.next_actions(session, known, trade, now_s, only),
    )


def _attested(attestation: Attestation) -> AttestedOut:
    return AttestedOut(
        digest="0x" + attestation.digest.hex(),
        trade_id="0x" + attestation.trade_id.hex(),
        milestone=attestation.milestone,
        outcome="fulfilled" if is_fulfilled(attestation) else "failed",
        share_bps=int(attestation.message["share_bps"]),
        summary=attestation.summary,
        state=attestation.state,
        evidence_sha256=str(attestation.message["evidence_hash"]),
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


router.include_router(_trade_router)
router.include_router(acting_routes.router)
router.include_router(arbiter_routes.router)
router.include_router(motion_routes.router)
router.include_router(paper_routes.router)
router.include_router(payment_routes.router)
router.include_router(printing_routes.router)
router.include_router(chart_routes.router)
