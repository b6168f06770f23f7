"""Routes of the arbiter's desk: the cases put before it, their documents, and its awards."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from node.participants.directory import Role
from node.quotes.wire import hex_of, word_of
from node.storage.cursor import booked_until_s
from node.trades.disputes.arbiter import Arbiter, OpenCase
from node.trades.disputes.arbitration import INVOICE
from node.trades.errors import NotPermittedError
from node.trades.rest.acting_schemas import AwardIn, CaseOut, ExhibitOut
from node.trades.rest.routing import PAPER, trades_of
from node.trades.terms import document as doc
from node.trades.terms.document import shown_json
from node.trades.views.trades import shown_money
from node.web.approvals.service import Stake
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk, Desk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/disputes", tags=["arbiters"])


@router.get("", dependencies=[needs(Permission.DISPUTES_READ)])
async def list_cases(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("award"))]
) -> list[CaseOut]:
    """Return the disputes put before this arbiter, the earliest to be awarded first."""
    with desk.database.read() as session:
        found = [_case(one) for one in _arbiter(desk).cases(session)]
    return page.items(found, lambda one: (one.award_by_s, one.dispute))


@router.get("/{dispute}", dependencies=[needs(Permission.DISPUTES_READ)])
async def get_case(dispute: str, _staff: Staff, desk: CallersDesk) -> CaseOut:
    """Return one dispute with its terms, reasons and list of documents."""
    with desk.database.read() as session:
        return _case(_arbiter(desk).case(session, word_of(dispute, "dispute")))


@router.get(
    "/{dispute}/documents/{sha256}",
    response_class=Response,
    responses=PAPER,
    dependencies=[needs(Permission.DISPUTES_READ)],
)
async def download_exhibit(dispute: str, sha256: str, _staff: Staff, desk: CallersDesk) -> Response:
    """Return a document of a dispute, byte for byte."""
    with desk.database.read() as session:
        digest, wanted = word_of(dispute, "dispute"), word_of(f"0x{sha256}", "sha256")
        content = _arbiter(desk).exhibit(session, digest, wanted)
        found = _arbiter(desk).case(session, digest)
    kind = next(one.kind for one in found.exhibits if one.sha256 == wanted)
    return Response(content, media_type="application/xml" if kind == INVOICE else "application/json")


@router.post(
    "/{dispute}/award", status_code=202, response_model=CaseOut, dependencies=[needs(Permission.DISPUTES_AWARD)]
)
async def award(dispute: str, order: AwardIn, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Decide a dispute: the exporter's share of the whole milestone, with reasons; final once the chain has it."""

    def effect(session: Session) -> CaseOut:
        digest, now_s = word_of(dispute, "dispute"), booked_until_s(session)
        return _case(_arbiter(desk).award(session, digest, order.share_bps, order.reasons, now_s))

    def stake(session: Session) -> Stake:
        found = _arbiter(desk).case(session, word_of(dispute, "dispute"))
        case, document = found.case, found.document
        amount, currency = doc.milestone_amounts(document)[case.milestone], document.invoice.currency
        about = f"award milestone {case.milestone + 1} of {case.reference}, {order.share_bps} of 10000 to the exporter"
        return Stake(f"{about}: {shown_money(amount, currency)}", amount, currency)

    return once.run(effect, status=202, stake=stake)


def _arbiter(desk: Desk) -> Arbiter:
    trades = trades_of(desk)
    institution = trades.desk.participants.institution
    if Role.ARBITER not in institution.roles:
        raise NotPermittedError("institution", "one registered as ARBITER", institution.id)
    return trades.arbiter


def _case(found: OpenCase) -> CaseOut:
    case, dispute, document = found.case, found.dispute, found.document
    amount = doc.milestone_amounts(document)[case.milestone]
    return CaseOut(
        dispute=hex_of(case.digest),
        reference=case.reference,
        trade_id=hex_of(case.trade_id),
        milestone=case.milestone,
        milestone_kind=document.milestones[case.milestone].kind,
        amount=shown_money(amount, document.invoice.currency),
        importer=document.importer.name,
        exporter=document.exporter.name,
        goods=document.goods,
        raised_by="importer" if found.is_importers else "exporter",
        raised_at_s=dispute.raised_at_s or 0,
        award_by_s=case.award_by_s,
        reasons=dispute.reasons,
        share_bps=dispute.share_bps,
        award_reasons=dispute.award_reasons,
        awarded_at_s=dispute.awarded_at_s,
        exhibits=[
            ExhibitOut(sha256=one.sha256.hex(), kind=one.kind, summary=one.summary, sent_by=one.sent_by)
            for one in found.exhibits
        ],
        terms=shown_json(case.document),
    )
