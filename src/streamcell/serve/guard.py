"""Who may come in, and with how much: token, Origin, Host and size, the same for HTTP and WebSocket.

An ASGI middleware in front of everything else. It knows no route but those it is told to leave open; it
counts the bytes of a body and never looks into it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamcell.errors import UsageError
from streamcell.serve.limits import Limits
from streamcell.serve.refusals import refused, turn_away

EVERYBODY: Final = "everybody"
"""The one caller of a server without tokens."""
SUBPROTOCOL: Final = "streamcell"
BEARER_PROTOCOL: Final = "bearer."
"""A page cannot set the headers of its WebSocket: it offers the subprotocols ``streamcell`` and
``bearer.TOKEN``. Never in the address, which ends up in logs."""

_SHORTEST_TOKEN = 16
_SCHEMES = {"ws": "http", "wss": "https"}


class Tokens:
    """The tokens that open the server, held as digests of a key of this process: none can be shown.

    With `shared` a caller has the same name in every process that was given its token.
    """

    def __init__(self, tokens: Sequence[str], *, shared: bool = False) -> None:
        tokens = [tokens] if isinstance(tokens, str) else tokens
        self._key = secrets.token_bytes(32)
        for token in tokens:
            if len(token) < _SHORTEST_TOKEN:
                raise UsageError(
                    f"a token has {_SHORTEST_TOKEN} characters or more, one given has {len(token)}"
                )
        self._digests = [self._digest(token) for token in tokens]
        self._names = {
            digest: _shared_name(token) if shared else digest.hex()
            for digest, token in zip(self._digests, tokens, strict=True)
        }

    def __bool__(self) -> bool:
        return bool(self._digests)

    def caller(self, offered: Iterable[str]) -> str | None:
        """A name for whoever offers a token of ours; None for anybody else. Takes the same time for all."""
        found = None
        for digest in map(self._digest, offered):
            for known in self._digests:
                if hmac.compare_digest(digest, known):
                    found = self._names[known]
        return found

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode("utf-8", "surrogateescape"), hashlib.sha256)


class Guard:
    """Passes on what may come in, with ``state["caller"]``; answers 401, 403, 408 or 413 to the rest.

    `tokens` are those that open the app, one of which a caller sends as ``Authorization: Bearer TOKEN``.
    Without any only requests to a loopback name are answered: a page that lets its own name point to this
    machine (DNS rebinding) sends its own name as Host. Pages of the app's own origin and of `origins` may
    ask, compared exactly; `body_bytes` is the longest body of a request, `body_seconds` the time it may take.
    `open_paths` are for everybody: what is answered there depends on nobody and tells nothing.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Sequence[str] | Tokens = (),
        origins: Sequence[str] = (),
        body_bytes: int = Limits().body_bytes,
        body_seconds: float = Limits().body_seconds,
        open_paths: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._tokens = tokens if isinstance(tokens, Tokens) else Tokens(tokens)
        self._origins = frozenset(origins)
        self._body_bytes = body_bytes
        self._body_seconds = body_seconds
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in self._open_paths:
            try:
                scope.setdefault("state", {})["caller"] = self._admit(scope)
                receive = self._counted(receive) if scope["type"] == "http" else receive
            except HTTPException as error:
                await turn_away(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._tokens and not is_loopback(_name(host)):
            raise refused(403, f"without a token only localhost is served, not the host {host[:80]!r}")
        scheme = _SCHEMES.get(scope["scheme"], scope["scheme"])
        for origin in headers.getlist("origin"):
            if origin not in self._origins and origin != f"{scheme}://{host}":
                raise refused(403, f"the origin {origin[:80]!r} is not allowed")
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > self._body_bytes:
            raise self._too_long()
        return self._caller(scope, headers)

    def _counted(self, receive: Receive) -> Receive:
        """The same, but for no more bytes of a body, and for no longer, than is allowed."""
        left = self._body_bytes
        end: float | None = asyncio.get_running_loop().time() + self._body_seconds

        async def counted() -> Message:
            nonlocal left, end
            message = await self._in_time(receive, end)
            if message["type"] == "http.request":
                end = end if message.get("more_body", False) else None
                left -= len(message.get("body", b""))
                if left < 0:
                    raise self._too_long()
            return message

        return counted

    async def _in_time(self, receive: Receive, end: float | None) -> Message:
        try:
            async with asyncio.timeout_at(end):
                return await receive()
        except TimeoutError:
            message = f"the body was not here after {self._body_seconds:g} s"
            raise refused(408, message, headers={"connection": "close"}) from None

    def _too_long(self) -> HTTPException:
        # The rest of the body is not read: the connection cannot be used for another request.
        message = f"the body is longer than {self._body_bytes} bytes"
        return refused(413, message, headers={"connection": "close"})

    def _caller(self, scope: Scope, headers: Headers) -> str:
        if not self._tokens:
            return EVERYBODY
        caller = self._tokens.caller(_offered(scope, headers))
        if caller is None:
            message = "a token is needed: send the header Authorization: Bearer TOKEN"
            raise refused(401, message, headers={"www-authenticate": "Bearer"})
        return caller


def _shared_name(token: str) -> str:
    """A name that leaves the process: made slowly, so that whoever reads it cannot try out tokens."""
    secret, salt = token.encode("utf-8", "surrogateescape"), b"streamcell caller"
    return hashlib.scrypt(secret, salt=salt, n=2**14, r=8, p=1, dklen=16).hex()


def is_loopback(name: str) -> bool:
    """Whether this is a name or an address of the machine itself."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _offered(scope: Scope, headers: Headers) -> list[str]:
    kind, _, token = headers.get("authorization", "").partition(" ")
    offered = [token.strip()] if kind.lower() == "bearer" else []
    if scope["type"] == "websocket":
        protocols = scope.get("subprotocols", [])
        offered += [
            name.removeprefix(BEARER_PROTOCOL) for name in protocols if name.startswith(BEARER_PROTOCOL)
        ]
    return offered
