"""Routes of a trade on paper."""

from fastapi import APIRouter
from fastapi.responses import Response

from node.languages import DEFAULT
from node.printing.languages import Language, speech
from node.printing.layout import headers_of
from node.printing.press import MEDIA_TYPE, Press
from node.storage.cursor import booked_until_s
from node.trades.evidence.packs import EvidenceRoom
from node.trades.papers.cover import cover_page, pack_facts
from node.trades.papers.summary import summary_page
from node.trades.rest.routing import Reference, actor_of, trades_of, view_of
from node.trades.views.rates import rate_figure
from node.trades.views.releases import releases_of
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.openapi import download
from node.web.permissions import Permission

router = APIRouter(prefix="/trades", tags=["trades"])

_PDF = download(MEDIA_TYPE, "%PDF-1.7 ...", "The paper (PDF)")


@router.get(
    "/{reference}/summary", response_class=Response, responses=_PDF, dependencies=[needs(Permission.TRADES_READ)]
)
async def print_summary(
    reference: Reference, principal: Caller, desk: CallersDesk, language: Language = DEFAULT
) -> Response:
    """Return a trade on paper: who trades what, what it cost, who got what and when."""
    trades, actor = trades_of(desk), actor_of(principal)
    with desk.database.read() as session:
        trade = trades.desk.trade_of(session, reference, actor)
        only, now_s, words = trades.desk.holdings(session, trade, actor), booked_until_s(session), speech(language)
        shown = view_of(session, desk, principal, trade)
        page = summary_page(
            shown,
            releases_of(session, trades.desk, trade, only),
            # Under the other policies the rate is one figure, which the paper tells.
            rate_figure(session, trades.desk, trade, words, now_s, only) if shown.policy == "float" else None,
            trades.desk.participants.institution,
            words,
            now_s,
        )
    paper = await desk.get(Press).print(page)
    return Response(paper, media_type=MEDIA_TYPE, headers=headers_of(f"{reference}.summary.pdf"))


@router.get(
    "/{reference}/evidence/cover", response_class=Response, responses=_PDF, dependencies=[needs(Permission.TRADES_READ)]
)
async def print_cover(
    reference: Reference, principal: Caller, desk: CallersDesk, language: Language = DEFAULT
) -> Response:
    """Return the cover sheet of a closed trade's evidence pack: its hash, and how anybody verifies it offline."""
    trades, actor = trades_of(desk), actor_of(principal)
    facts = pack_facts(await desk.get(EvidenceRoom).build(reference, actor), reference)
    with desk.database.read() as session:
        view = view_of(session, desk, principal, trades.desk.trade_of(session, reference, actor))
        now_s = booked_until_s(session)
    page = cover_page(facts, view, trades.desk.participants.institution, speech(language), now_s)
    paper = await desk.get(Press).print(page)
    return Response(paper, media_type=MEDIA_TYPE, headers=headers_of(f"{reference}.cover.pdf"))
