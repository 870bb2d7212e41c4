"""Pages and their files, as they are in the package: read once, served from memory."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Page:
    """Serves one file of the package; no path of a request is ever opened."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self._content = files("kakehashi.serving").joinpath("static", name).read_bytes()
        self._type = _TYPES[name.rpartition(".")[2]]

    async def serve(self, request: Request) -> Response:
        """Serve the file."""
        headers = {"content-security-policy": _POLICY, "cache-control": "no-cache"}
        return Response(self._content, 200, headers, self._type)


def open_pages(names: Mapping[str, str]) -> list[Page]:
    """Open files of the package by the paths that they are served at."""
    return [Page(path, name) for path, name in names.items()]


EXTRACT_PAGES = {
    "/": "extract.html",
    "/static/extract.js": "extract.js",
    "/static/shared.js": "shared.js",
    "/static/style.css": "style.css",
    "/static/icon.svg": "icon.svg",
}

REVIEW_PAGES = {
    **EXTRACT_PAGES,
    "/review": "review.html",
    "/static/review.js": "review.js",
    "/static/review.css": "review.css",
    "/static/keys.js": "keys.js",
    "/static/overview.js": "overview.js",
    "/static/saving.js": "saving.js",
    "/static/sentence.js": "sentence.js",
}
