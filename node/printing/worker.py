"""A process that prints: HTML on its standard input, PDF on its standard output, one paper after the other.

Run by `press`, never imported by the node: WeasyPrint takes a second to import, and a processor while it sets pages.
It reads nothing but the fonts of this room, whatever the HTML asks for. It ends with its input, or when nothing has
come for a while.
"""

import logging
import resource
import signal
import sys
from importlib.resources import files
from typing import BinaryIO, Final

from node.printing.limits import WORKER_IDLE_S, WORKER_MEMORY_BYTES

NO_LIBRARY: Final = 3
"""Exit code: a library of the system is missing."""
LENGTH_BYTES: Final = 4
"""Before each page and each paper stands its length, big-endian."""
FONT_SCHEME: Final = "font:"
_VARIANT: Final = "pdf/ua-1"


def main() -> int:
    """Print what comes, and return the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (WORKER_MEMORY_BYTES, WORKER_MEMORY_BYTES))
    # What it has to say about a paper would fill the pipe that only an end is explained by.
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    try:
        from weasyprint import HTML
        from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse
    except OSError as error:
        sys.stderr.write(str(error))
        return NO_LIBRARY

    class Fonts(URLFetcher):  # type: ignore[misc]  # it comes without types
        """Gives fonts by name, and nothing else."""

        def fetch(self, url: str, headers: object = None) -> object:
            name = url.removeprefix(FONT_SCHEME)
            if name == url or "/" in name or not name.endswith(".woff2"):
                raise FatalURLFetchingError(f"expected a font of this room, got {url[:200]!r}")
            return URLFetcherResponse(url, files("node.printing").joinpath("fonts", name).read_bytes())

    while (page := _next(sys.stdin.buffer)) is not None:
        paper = HTML(string=page.decode("utf-8"), url_fetcher=Fonts()).write_pdf(pdf_variant=_VARIANT)
        sys.stdout.buffer.write(len(paper).to_bytes(LENGTH_BYTES, "big") + paper)
        sys.stdout.buffer.flush()
    return 0


def _next(source: BinaryIO) -> bytes | None:
    """Return the next page, None where there is none any more."""
    signal.alarm(WORKER_IDLE_S)
    length = source.read(LENGTH_BYTES)
    signal.alarm(0)
    return source.read(int.from_bytes(length, "big")) if len(length) == LENGTH_BYTES else None


if __name__ == "__main__":
    sys.exit(main())
