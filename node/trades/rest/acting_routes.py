"""Routes of what parties decide about a funded trade, and of what their bank's watch may do by itself."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from fx.reprice import Settlement
from node.quotes.wire import hex_of, word_of
from node.storage.cursor import booked_until_s
from node.trades.acting.settling import Conversion
from node.trades.limits import MILESTONES_MAX
from node.trades.rest.acting_schemas import (
    ConversionOut,
    ConversionsOut,
    DeferIn,
    DisputeIn,
    DisputeOut,
    SettleIn,
    TopUpIn,
    WaiveIn,
    WatchIn,
    WatchOut,
)
from node.trades.rest.routing import Reference, TradeCall, actor_of, stake_of, trades_of, view_of
from node.trades.views.schemas import SideIn, TradeOut
from node.trades.views.trades import shown_money
from node.web.auth import Caller, Staff, needs
from node.web.desk import CallersDesk, Desk
from node.web.etags import IfMatch, set_tag
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["trades"])
Index = Annotated[int, Path(ge=0, lt=MILESTONES_MAX, description="The milestone's place, from 0")]
_MILESTONE = "/trades/{reference}/milestones/{index}"


@router.post(
    f"{_MILESTONE}/accept", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_FUND)]
)
async def accept(
    reference: Reference, index: Index, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """The importer's word that a milestone is to be paid in full, final at once."""

    def effect(session: Session) -> TradeOut:
        deciding, now_s = trades_of(desk).deciding, booked_until_s(session)
        return view_of(session, desk, principal, deciding.accept(session, reference, index, actor_of(principal), now_s))

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "accept", index))


@router.post(
    f"{_MILESTONE}/waive", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def waive(
    reference: Reference, index: Index, order: WaiveIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """The exporter's side gives up a part of a milestone, or all of it."""

    def effect(session: Session) -> TradeOut:
        deciding, now_s, amount = trades_of(desk).deciding, booked_until_s(session), int(order.amount)
        return view_of(
            session, desk, principal, deciding.waive(session, reference, index, amount, actor_of(principal), now_s)
        )

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "waive", index))


@router.post(
    f"{_MILESTONE}/dispute", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def dispute(
    reference: Reference, index: Index, order: DisputeIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Put a milestone that is due before the arbiter."""

    def effect(session: Session) -> TradeOut:
        deciding, actor, now_s = trades_of(desk).deciding, actor_of(principal), booked_until_s(session)
        trade = deciding.dispute(session, reference, index, order.reasons, actor, order.side, now_s)
        return view_of(session, desk, principal, trade)

    return once.run(effect, status=202)


@router.get("/trades/{reference}/disputes", dependencies=[needs(Permission.TRADES_READ)])
async def list_disputes(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("raised"))]
) -> list[DisputeOut]:
    """Return the disputes of a trade with their reasons and awards, the oldest first."""
    trades = trades_of(desk)
    with desk.database.read() as session:
        trade = trades.desk.trade_of(session, reference, actor_of(principal))
        only = trades.desk.holdings(session, trade, actor_of(principal))
        importer = trades.desk.document(session, trade).importer.account
        found = [
            DisputeOut(
                dispute=hex_of(row.digest),
                milestone=row.milestone,
                raised_by="importer" if row.party == importer else "exporter",
                raised_at_s=row.raised_at_s or 0,
                reasons=row.reasons,
                share_bps=row.share_bps,
                award_reasons=row.award_reasons,
                awarded_at_s=row.awarded_at_s,
            )
            for row in trades.arbitration.disputes(session, trade)
            if only is None or row.milestone in only
        ]
    return page.items(found, lambda one: (one.raised_at_s, one.dispute))


@router.post(f"{_MILESTONE}/quotes", response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)])
async def request_settlement_quotes(
    reference: Reference, index: Index, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Ask every FX provider for a quote that settles a final milestone of a float; live quotes stand."""

    def effect(session: Session) -> TradeOut:
        settling, now_s = trades_of(desk).settling, booked_until_s(session)
        return view_of(
            session, desk, principal, settling.request_quotes(session, reference, index, actor_of(principal), now_s)
        )

    return once.run(effect)


@router.get(f"{_MILESTONE}/quotes", dependencies=[needs(Permission.TRADES_READ)])
async def list_settlement_quotes(
    reference: Reference, index: Index, principal: Caller, desk: CallersDesk
) -> ConversionsOut:
    """Return the live quotes with what each makes of the milestone now, the best first."""
    trades, actor = trades_of(desk), actor_of(principal)
    with desk.database.read() as session:
        now_s = booked_until_s(session)
        found = trades.settling.conversions(session, reference, index, actor, now_s)
        trade = trades.desk.trade_of(session, reference, actor)
        document = trades.desk.document(session, trade)
        request = trades.settling.quote_request(session, trade, index)
        return ConversionsOut(
            quotes=[
                ConversionOut(
                    quote=trades.views.offer(one.offer, document),
                    chooser=one.chooser,
                    refusal=one.refusal,
                    **_moved(one, document.funding.currency, document.invoice.currency),
                )
                for one in found
            ],
            declined=dict(trades.desk.quotes.taker.declined(session, request)),
        )


@router.post(
    f"{_MILESTONE}/settle", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def settle(
    reference: Reference, index: Index, order: SettleIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Settle a final milestone; under float at the quote that the caller's side chooses."""

    def effect(session: Session) -> TradeOut:
        trade = trades_of(desk).settling.settle(
            session,
            reference,
            index,
            actor_of(principal),
            booked_until_s(session),
            quote=None if order.quote is None else word_of(order.quote, "quote"),
            least=None if order.least is None else int(order.least),
            side=order.side,
        )
        return view_of(session, desk, principal, trade)

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "settle", index))


@router.post(
    f"{_MILESTONE}/last-resort", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def last_resort(
    reference: Reference, index: Index, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """Pay a final milestone without quote or fresh median, once its time has come."""

    def effect(session: Session) -> TradeOut:
        settling, now_s = trades_of(desk).settling, booked_until_s(session)
        return view_of(
            session, desk, principal, settling.last_resort(session, reference, index, actor_of(principal), now_s)
        )

    return once.run(effect, status=202)


@router.post(
    f"{_MILESTONE}/defer", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def defer(
    reference: Reference, index: Index, order: DeferIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """The exporter's side takes a later deadline, where the terms of a float have the option wait."""

    def effect(session: Session) -> TradeOut:
        repricing, actor, now_s = trades_of(desk).repricing, actor_of(principal), booked_until_s(session)
        return view_of(
            session, desk, principal, repricing.defer(session, reference, index, order.deadline_s, actor, now_s)
        )

    return once.run(effect, status=202)


@router.post(
    "/trades/{reference}/reprice",
    status_code=202,
    response_model=TradeOut,
    dependencies=[needs(Permission.TRADES_WRITE)],
)
async def reprice(reference: Reference, principal: Caller, desk: CallersDesk, once: TradeCall) -> JSONResponse:
    """Call the importer of a float for a top-up, where the rate has fallen below the band."""

    def effect(session: Session) -> TradeOut:
        repricing, now_s = trades_of(desk).repricing, booked_until_s(session)
        return view_of(session, desk, principal, repricing.reprice(session, reference, actor_of(principal), now_s))

    return once.run(effect, status=202)


@router.post(
    "/trades/{reference}/top-up", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_FUND)]
)
async def top_up(
    reference: Reference, order: TopUpIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """The importer holds more: exactly what the last call asks for."""

    def effect(session: Session) -> TradeOut:
        repricing, now_s = trades_of(desk).repricing, booked_until_s(session)
        amount = None if order.amount is None else int(order.amount)
        return view_of(
            session, desk, principal, repricing.top_up(session, reference, amount, actor_of(principal), now_s)
        )

    return once.run(effect, status=202, stake=stake_of(desk, principal, reference, "top up"))


@router.post(
    "/trades/{reference}/close", status_code=202, response_model=TradeOut, dependencies=[needs(Permission.TRADES_WRITE)]
)
async def close(
    reference: Reference, order: SideIn, principal: Caller, desk: CallersDesk, once: TradeCall
) -> JSONResponse:
    """End a float whose rate stays outside its band, where the terms have the option refund."""

    def effect(session: Session) -> TradeOut:
        repricing, actor, now_s = trades_of(desk).repricing, actor_of(principal), booked_until_s(session)
        return view_of(
            session, desk, principal, repricing.close_out_of_band(session, reference, actor, order.side, now_s)
        )

    return once.run(effect, status=202)


@router.get("/watch", dependencies=[needs(Permission.STATUS_READ)])
async def get_watch(request: Request, _staff: Staff, desk: CallersDesk) -> WatchOut:
    """Return which steps the watch does by itself."""
    with desk.database.read() as session:
        shown = _watch(session, desk)
    set_tag(request, shown)
    return shown


@router.post("/watch", response_model=WatchOut, dependencies=[needs(Permission.WATCH_WRITE)])
async def set_watch(order: WatchIn, _staff: Staff, desk: CallersDesk, once: OnceOnly, seen: IfMatch) -> JSONResponse:
    """Let the watch do a step by itself, or only propose it to staff by an event."""

    def effect(session: Session) -> WatchOut:
        seen.check(_watch(session, desk))
        trades_of(desk).duties.set_performs(session, order.step, order.performs)
        session.flush()
        return _watch(session, desk)

    return once.run(effect)


def _watch(session: Session, desk: Desk) -> WatchOut:
    return WatchOut(**trades_of(desk).duties.performs(session))


def _moved(one: Conversion, funding: str, invoice: str) -> dict[str, object]:
    found: Settlement | None = one.settlement
    if found is None:
        nothing = dict.fromkeys(("paid", "paid_minor", "owed", "sold", "refunded"))
        return {**nothing, "is_short": False}
    return {
        "paid": shown_money(found.paid, invoice),
        "paid_minor": found.paid,
        "owed": shown_money(found.full, invoice),
        "sold": shown_money(found.sold, funding),
        "refunded": shown_money(found.refunded, funding),
        "is_short": found.is_short,
    }
