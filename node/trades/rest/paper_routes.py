"""Routes of what a trade rests on: its documents, attestations, and what was released on them."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.trades.context import Actor
from node.trades.errors import UnknownDocumentError
from node.trades.logistics.handing_in import is_current
from node.trades.rest.routing import PAPER, Reference, actor_of, trades_of
from node.trades.service import TradeService
from node.trades.store import Attestation, Document, MilestoneRow, TermsVersion, Trade
from node.trades.views.releases import releases_of
from node.trades.views.schemas import PaperOut, ReleaseOut, TradeAttestationOut
from node.trades.views.trades import shown_attestation
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/trades", tags=["trades"])

Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["5e" * 32])]


@router.get("/{reference}/documents", dependencies=[needs(Permission.TRADES_READ)])
async def list_documents(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("time"))]
) -> list[PaperOut]:
    """Return the terms and invoices of a trade, and what its attesters have attested, the oldest first."""
    with desk.database.read() as session:
        papers = [paper for paper, _ in _papers(session, trades_of(desk), reference, actor_of(principal))]
    return page.items(papers, lambda one: (one.time_s, one.sha256))


@router.get(
    "/{reference}/documents/{sha256}",
    response_class=Response,
    responses=PAPER,
    dependencies=[needs(Permission.TRADES_READ)],
)
async def download_document(reference: Reference, sha256: Sha256, principal: Caller, desk: CallersDesk) -> Response:
    """Return a document of a trade, byte for byte."""
    with desk.database.read() as session:
        for paper, content in _papers(session, trades_of(desk), reference, actor_of(principal)):
            if paper.sha256 == sha256:
                media_type = "application/xml" if paper.kind == "invoice" else "application/json"
                ending = media_type.partition("/")[2]
                headers = {"Content-Disposition": f'attachment; filename="{paper.kind}-{sha256[:12]}.{ending}"'}
                return Response(content, media_type=media_type, headers=headers)
    raise UnknownDocumentError(sha256)


@router.get("/{reference}/attestations", dependencies=[needs(Permission.TRADES_READ)])
async def list_attestations(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("signed"))]
) -> list[TradeAttestationOut]:
    """Return what attesters have claimed about a trade's milestones, the oldest first."""
    trades, actor = trades_of(desk), actor_of(principal)
    with desk.database.read() as session:
        trade = trades.desk.trade_of(session, reference, actor)
        found = [_attestation(session, trade, row) for row in _attestations(session, trades, trade, actor)]
    return page.items(found, lambda one: (one.signed_at_s, one.digest))


@router.get("/{reference}/releases", dependencies=[needs(Permission.TRADES_READ)])
async def list_releases(
    reference: Reference, principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("time"))]
) -> list[ReleaseOut]:
    """Return the milestones that were settled, with who got what and what went back, the oldest first."""
    trades, actor = trades_of(desk), actor_of(principal)
    with desk.database.read() as session:
        trade = trades.desk.trade_of(session, reference, actor)
        only = trades.desk.holdings(session, trade, actor)
        found = releases_of(session, trades.desk, trade, only)
    return page.items(found, lambda one: (one.time_s, one.milestone))


def _papers(session: Session, trades: TradeService, reference: str, actor: Actor) -> list[tuple[PaperOut, bytes]]:
    trade = trades.desk.trade_of(session, reference, actor)
    papers = []
    # Who only holds a milestone is not shown what the parties have negotiated.
    if trades.desk.holdings(session, trade, actor) is None:
        wanted = select(TermsVersion).where(TermsVersion.reference == reference).order_by(TermsVersion.version)
        for row in session.scalars(wanted):
            about = f"version {row.version}, proposed by the {row.proposed_by}"
            papers.append(_paper("terms", row.document, about, None, row.proposed_at_s))
            if row.invoice is not None:
                papers.append(_paper("invoice", row.invoice, about, None, row.proposed_at_s))
    for claim in _attestations(session, trades, trade, actor):
        found = session.get(Document, bytes.fromhex(str(claim.message["evidence_hash"]).removeprefix("0x")))
        if found is not None:
            papers.append(_paper(claim.source, found.content, claim.summary, claim.milestone, claim.signed_at_s))
    # The same invoice under several versions is one paper.
    return list({paper.sha256: (paper, content) for paper, content in reversed(papers)}.values())


def _paper(kind: str, content: bytes, about: str, milestone: int | None, time_s: int) -> tuple[PaperOut, bytes]:
    told = {
        "sha256": sha256(content).hexdigest(),
        "kind": kind,
        "about": about,
        "milestone": milestone,
        "size_bytes": len(content),
        "time_s": time_s,
    }
    return PaperOut.model_validate(told), content


def _attestations(session: Session, trades: TradeService, trade: Trade, actor: Actor) -> list[Attestation]:
    only = trades.desk.holdings(session, trade, actor)
    found = session.scalars(select(Attestation).where(Attestation.trade_id == trade.trade_id))
    return [row for row in found if only is None or row.milestone in only]


def _attestation(session: Session, trade: Trade, row: Attestation) -> TradeAttestationOut:
    milestone = session.get(MilestoneRow, (trade.trade_id, row.milestone))
    return TradeAttestationOut(
        **shown_attestation(row).model_dump(),
        digest="0x" + row.digest.hex(),
        milestone=row.milestone,
        signed_at_s=row.signed_at_s,
        is_current=milestone is None or is_current(row, milestone),
    )
