"""Files that pages load: held in memory, named by their content, so that browsers keep them for good."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.web.errors import NoSuchRouteError

PREFIX: Final = "/static"
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_KEPT: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and how it is sent."""

    media_type: str
    content: bytes
    packed: bytes
    """With gzip; it holds no secrets, so its length tells nothing."""


class Assets:
    """The console's files."""

    def __init__(self) -> None:
        self._by_path: dict[str, Asset] = {}
        self._paths: dict[str, str] = {}
        for file in files(__package__).joinpath("static").iterdir():
            stem, _, ending = file.name.rpartition(".")
            if ending not in _TYPES:
                continue
            content = file.read_bytes()
            path = f"{stem}-{sha256(content).hexdigest()[:16]}.{ending}"
            self._by_path[path] = Asset(_TYPES[ending], content, gzip.compress(content, mtime=0))
            self._paths[file.name] = f"{PREFIX}/{path}"

    def path(self, name: str) -> str:
        """Return where a file is loaded from."""
        return self._paths[name]

    def router(self) -> APIRouter:
        """Return the route that sends them; anyone may load them."""
        router = APIRouter(include_in_schema=False)

        @router.get(PREFIX + "/{path}")
        async def get_asset(path: str, request: Request) -> Response:
            asset = self._by_path.get(path)
            if asset is None:
                raise NoSuchRouteError(f"path: expected a file of the console, got {path[:100]!r}")
            headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding"}
            if "gzip" not in request.headers.get("Accept-Encoding", ""):
                return Response(asset.content, media_type=asset.media_type, headers=headers)
            headers["Content-Encoding"] = "gzip"
            return Response(asset.packed, media_type=asset.media_type, headers=headers)

        return router
