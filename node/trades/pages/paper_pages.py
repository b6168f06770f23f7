"""Pages of what a trade leaves: papers to keep, its rate as a chart, and how long settlements take."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.web.console.page import Looking

Hash = Annotated[str, PathValue(pattern="^[0-9a-f]{64}$")]

router = APIRouter()


@router.get("/trades/{reference}/evidence")
async def download_evidence(reference: str, page: Looking) -> Response:
    """Hand out the evidence pack of a closed trade."""
    return await page.hand_out(f"/trades/{reference}/evidence")


@router.get("/trades/{reference}/cover.pdf")
async def download_cover(reference: str, page: Looking) -> Response:
    """Hand out the cover sheet of the evidence pack, in the language of the page."""
    return await page.hand_out(f"/trades/{reference}/evidence/cover", language=page.speech.code)


@router.get("/trades/{reference}/summary.pdf")
async def download_summary(reference: str, page: Looking) -> Response:
    """Hand out the trade on paper, in the language of the page."""
    return await page.hand_out(f"/trades/{reference}/summary", language=page.speech.code)


@router.get("/trades/{reference}/documents/{sha256}")
async def download_document(reference: str, sha256: Hash, page: Looking) -> Response:
    """Hand out a document of a trade, never to be opened as a page."""
    return await page.hand_out(f"/trades/{reference}/documents/{sha256}")


@router.get("/trades/{reference}/messages/{number}")
async def download_message(reference: str, number: int, page: Looking) -> Response:
    """Hand out the XML of a payment message."""
    return await page.hand_out(f"/trades/{reference}/messages/{number}")


@router.get("/trades/{reference}/rate.svg")
async def draw_rate(reference: str, page: Looking) -> Response:
    """Draw the rate of a trade; its figures stand beside it on the trade's page."""
    return await page.hand_out(f"/trades/{reference}/rates/chart", language=page.speech.code)


@router.get("/settlement-times")
async def show_settlement_times(page: Looking) -> Response:
    """Show how long it took from final to settled."""
    return page.show("trades/settlement_times.html", times=await page.get("/settlement-times"))


@router.get("/settlement-times.svg")
async def draw_settlement_times(page: Looking) -> Response:
    """Draw how long settlements took."""
    return await page.hand_out("/settlement-times/chart", language=page.speech.code)
