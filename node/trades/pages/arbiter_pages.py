"""The arbiter's desk: the cases put before it, their documents side by side, and its awards."""

from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.errors import RejectedError
from node.trades.pages.drafting import percent_to_bps
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

MENU: Final = (
    Entry("/disputes", "Disputes", Permission.DISPUTES_READ, staff_only=True, of_roles=frozenset({"arbiter"})),
)
Hash = Annotated[str, PathValue(pattern="^[0-9a-f]{64}$")]
Digest = Annotated[str, PathValue(pattern="^0x[0-9a-f]{64}$")]

router = APIRouter()


@router.get("/disputes")
async def show_cases(page: Looking) -> Response:
    """Show the disputes put before this arbiter."""
    return page.show("trades/cases.html", cases=await page.get("/disputes"))


@router.get("/disputes/{dispute}")
async def show_case(dispute: Digest, page: Looking) -> Response:
    """Show one dispute: what each side says, what the papers say, and the award."""
    return await _case_page(page, dispute)


@router.get("/disputes/{dispute}/documents/{sha256}")
async def download_exhibit(dispute: Digest, sha256: Hash, page: Looking) -> Response:
    """Hand out a document of a dispute, never to be opened as a page."""
    answer = await page.fetch(f"/disputes/{dispute}/documents/{sha256}")
    media_type = answer.headers.get("content-type", "application/octet-stream")
    ending = "xml" if "xml" in media_type else "json"
    headers = {"Content-Disposition": f'attachment; filename="{sha256[:16]}.{ending}"'}
    return Response(answer.content, media_type=media_type, headers=headers)


@router.post("/disputes/{dispute}/award")
async def award(dispute: Digest, page: Looking, form: Filled) -> Response:
    """Decide a dispute; a second person may have to approve."""

    async def again(refusal: RefusalError) -> Response:
        return await _case_page(page, dispute, refusal, form)

    try:
        order = {"share_bps": percent_to_bps("share_bps", form.text("share_bps")), "reasons": form.text("reasons")}
    except RejectedError as error:
        return await again(RefusalError.of(error))
    path = f"/disputes/{dispute}"
    return await page.act(f"{path}/award", order, form, to=path, done="sent", again=again)


async def _case_page(
    page: Page, dispute: str, refusal: RefusalError | None = None, form: Form | None = None
) -> Response:
    return page.show(
        "trades/case.html",
        200 if refusal is None else refusal.status,
        case=await page.get(f"/disputes/{dispute}"),
        form=form or Form({}, {}),
        refusal=refusal,
    )
