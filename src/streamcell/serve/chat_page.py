"""The page at ``/``: the notebook's own chat, in a browser without a notebook. Static, and open to everybody.

It holds no secret: what it asks for goes over the server's routes, with the token that its user types. Only
the files of the chat are the notebook's; nothing of the notebook is imported.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamcell.serve.refusals import refused

_FILES = {
    "chat.js": ("notebook/static", "text/javascript"),
    "chat_model.js": ("serve/static", "text/javascript"),
    "highlight.js": ("notebook/static", "text/javascript"),
    "maths.js": ("notebook/static", "text/javascript"),
    "page.css": ("serve/static", "text/css"),
    "page.html": ("serve/static", "text/html"),
    "page.js": ("serve/static", "text/javascript"),
    "server.js": ("serve/static", "text/javascript"),
}
_HEADERS = {
    # The chat adds its style sheets to the page as text, and loads the parts for maths and code, which are
    # files of this server as all scripts are, from its own memory.
    "content-security-policy": "default-src 'none'; script-src 'self' blob:;"
    " style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
PATHS: Final = ("/", *(f"/page/{name}" for name in _FILES))


def table() -> list[Route]:
    return [
        Route("/", _page, methods=["GET"], include_in_schema=False),
        Route("/page/{name}", _file, methods=["GET"], include_in_schema=False),
    ]


async def _page(_request: Request) -> Response:
    return _answer("page.html")


async def _file(request: Request) -> Response:
    return _answer(request.path_params["name"])


def _answer(name: str) -> Response:
    if name not in _FILES:
        raise refused(404, "the page has no such file")
    folder, media_type = _FILES[name]
    file = resources.files("streamcell").joinpath(folder, name)
    if not file.is_file():
        raise refused(404, f"{name} was not built; run `make js`")
    return Response(file.read_bytes(), headers=_HEADERS, media_type=media_type)
