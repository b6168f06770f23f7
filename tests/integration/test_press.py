"""The press prints in a process of its own, reads nothing but fonts, and goes on after what happens to its worker."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from pypdf import PdfReader

from node.printing import press as presses
from node.printing.errors import PressError, PressUnavailableError
from node.printing.limits import HTML_BYTES_MAX
from node.printing.press import Press
from tests.pango import needs_pango

pytestmark = needs_pango
PAGE = '<html lang="en"><title>A paper</title><body><h1>One</h1>{}</body></html>'


@pytest.fixture
async def press() -> AsyncIterator[Press]:
    press = Press()
    yield press
    await press.close()


def text_of(paper: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(BytesIO(paper)).pages)


async def test_papers_are_printed_by_one_worker_when_several_want_one(press: Press) -> None:
    papers = await asyncio.gather(*(press.print(PAGE.format(name)) for name in ("first", "second")))
    worker = press._worker
    papers.append(await press.print(PAGE.format("third")))
    assert press._worker is worker
    for name, paper in zip(("first", "second", "third"), papers, strict=True):
        assert name in text_of(paper)


@pytest.mark.parametrize(
    "element",
    [
        '<img src="file:///etc/hostname">',
        '<img src="http://127.0.0.1:1/x.png">',
        '<link rel="stylesheet" href="https://example.com/x.css">',
        '<style>@font-face { font-family: x; src: url("font:../limits.py") } body { font-family: x }</style>',
        '<link rel="attachment" href="file:///etc/hostname">',
    ],
)
async def test_paper_is_refused_when_it_asks_for_anything_but_a_font(press: Press, element: str) -> None:
    with pytest.raises(PressError, match="expected a font of this room"):
        await press.print(PAGE.format(element))
    assert "after" in text_of(await press.print(PAGE.format("after")))


async def test_press_goes_on_when_its_worker_was_killed(press: Press) -> None:
    await press.print(PAGE.format("before"))
    assert press._worker is not None
    press._worker.kill()
    await press._worker.wait()
    assert "after" in text_of(await press.print(PAGE.format("after")))


async def test_paper_is_given_up_when_it_takes_too_long() -> None:
    press = Press(timeout_s=0.0)
    with pytest.raises(PressUnavailableError, match="within 0 s"):
        await press.print(PAGE)
    assert press._worker is None


async def test_paper_is_refused_when_too_many_wait_or_it_is_too_long(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presses, "PAPERS_MAX", 1)
    first = asyncio.create_task(press.print(PAGE.format("first")))
    await asyncio.sleep(0)
    with pytest.raises(PressUnavailableError, match="fewer than 1"):
        await press.print(PAGE.format("second"))
    assert "first" in text_of(await first)
    with pytest.raises(PressError, match="html"):
        await press.print("x" * (HTML_BYTES_MAX + 1))


async def test_caller_is_told_what_to_install_when_pango_is_missing(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presses, "_WORKER", "tests.no_pango")
    with pytest.raises(PressUnavailableError, match="libpango"):
        await press.print(PAGE)
