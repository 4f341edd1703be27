"""What the server says when it does not do what was asked: a status, and one line of JSON.

The shape is that of OpenAI's API, so that one client understands the errors of every route.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from streamcell.errors import StreamcellError
from streamcell.events import ErrorInfo

_SERVER = 500
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "busy",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limit",
}
_STATUS_OF_KIND = {
    "usage": 400,
    "bad_request": 400,
    "too_large": 413,
    "rate_limit": 429,
    "overloaded": 503,
    "timeout_connect": 504,
    "timeout_first": 504,
    "timeout_idle": 504,
    "timeout_total": 504,
}
_UPSTREAM = 502
"""Everything else is between this server and the provider: its key, its bill, its answer."""
_POLICY_VIOLATION = 1008


def refused(status: int, message: str, *, headers: Mapping[str, str] | None = None) -> HTTPException:
    """The exception that ends a request with `status`."""
    return HTTPException(status, message, headers)


def bad_request(error: StreamcellError) -> HTTPException:
    """A call that the engine refused before anything was sent."""
    return refused(400, str(error))


def failed(info: ErrorInfo) -> HTTPException:
    """A run that failed before its first content."""
    wait = {} if info.retry_after is None else {"retry-after": str(int(info.retry_after) + 1)}
    return HTTPException(_STATUS_OF_KIND.get(info.kind, _UPSTREAM), info.message, wait)


def body(status: int, message: str, code: str | None = None) -> dict[str, object]:
    """The JSON of an error."""
    kind = "server_error" if status >= _SERVER else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code or _CODES.get(status)}}


def response(error: HTTPException) -> Response:
    """The answer to an HTTP request that is refused."""
    line = msgspec.json.encode(body(error.status_code, error.detail)) + b"\n"
    return Response(line, error.status_code, error.headers, media_type="application/json")


async def answer(_connection: HTTPConnection, error: Exception) -> Response:
    """The same as Starlette's exception handler wants it."""
    if isinstance(error, HTTPException):
        return response(error)
    return response(refused(_SERVER, "the server failed for a reason of its own; its log says more"))


async def turn_away(error: HTTPException, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a request or the handshake of a WebSocket, before anybody else has seen it."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(error)(scope, receive, send)
    else:
        await WebSocketClose(_POLICY_VIOLATION, error.detail[:120])(scope, receive, send)
