"""What the clients and streams of others raise, said in our own errors.

Exceptions are recognised by what they carry (a status, an error body) and by the names of their classes, so
that no client is imported. Nothing of a foreign exception survives but its text, cut and cleaned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from streamcell.errors import (
    ProtocolError,
    ProviderError,
    StreamcellError,
    TransportError,
    UsageError,
    from_info,
)
from streamcell.events import ErrorInfo, ErrorKind
from streamcell.io.keys import redact
from streamcell.providers.failures import clean, of_event, of_status, truncated

PEER: Final = "the server of the wrapped stream"
WRONG_LOOP: Final = (
    "the client of this stream belongs to another event loop: read the stream there, with `async for`,"
    " `await` or `await show(…)`; ask with a synchronous client, or with stream(…, client=…), to read it from"
    " anywhere"
)
_TIMEOUTS: Final = frozenset({"TimeoutException", "APITimeoutError", "TimeoutError"})
_CONNECTIONS: Final = frozenset({"TransportError", "APIConnectionError", "ConnectionError"})
_STATUSES: Final = range(400, 600)
_TEXT_LIMIT: Final = 300


def failure_of(error: BaseException, *, started: bool) -> StreamcellError:
    """The error of ours for `error`; `started`: the stream had given something before."""
    if isinstance(error, StreamcellError):
        return error
    info = _refusal(error)
    if info is not None:
        return from_info(info)
    links = list(_links(error))
    broken = next((link for link in links if isinstance(link, json.JSONDecodeError)), None)
    if broken is not None:
        return _unreadable(broken, started=started)
    names = frozenset(kind.__name__ for link in links for kind in type(link).__mro__)
    return _lost(names, started=started) or _unknown(error)


def _refusal(error: Any) -> ErrorInfo | None:
    """What the provider said, if the exception tells it: an HTTP status, or an error inside the stream."""
    body = _first(error, ("body", "details"))
    text = _first(error, ("error",))
    codes = (getattr(error, name, None) for name in ("status_code", "code"))
    status = next((code for code in codes if isinstance(code, int) and code in _STATUSES), None)
    if status is not None:
        said = body if isinstance(body, dict | list) else {"message": text or str(error)}
        return of_status(status, _headers(error), msgspec.json.encode(said, enc_hook=str))
    if isinstance(body, dict):
        return of_event(body if "error" in body else {"error": body})
    return of_event({"error": text}) if isinstance(text, str) else None


def _first(error: object, names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := getattr(error, name, None))), None)


def _headers(error: Any) -> dict[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return {str(name).lower(): str(headers[name]) for name in headers} if isinstance(headers, Mapping) else {}


def _unreadable(error: json.JSONDecodeError, *, started: bool) -> StreamcellError:
    """JSON that the client could not read: the stream was cut inside it, or it was none."""
    if error.doc and (error.pos >= len(error.doc) or error.msg.startswith("Unterminated")):
        return truncated(started=started)
    start = redact(clean(error.doc))[:80]
    return ProtocolError(f"{PEER} sent {start!r} where JSON was due; report it to them")


def _lost(names: frozenset[str], *, started: bool) -> StreamcellError | None:
    """The error for a connection that broke or fell silent, told by the names of the exception's classes."""
    if names & _TIMEOUTS:
        kind: ErrorKind = "timeout_idle" if started else "timeout_first"
        return TransportError(f"{PEER} fell silent; its client gave up", kind=kind, retryable=True)
    if not names & _CONNECTIONS:
        return None
    if started:
        text = f"the connection to {PEER} broke in the middle of the answer"
        return ProtocolError(text, kind="truncated", retryable=True)
    return TransportError(f"no connection to {PEER}", retryable=True)


def _unknown(error: BaseException) -> StreamcellError:
    said = redact(clean(f"{type(error).__name__}: {error}"))[:_TEXT_LIMIT]
    if isinstance(error, RuntimeError) and "loop" in said:
        return UsageError(WRONG_LOOP)
    return ProviderError(f"the wrapped stream failed: {said}")


def _links(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it came from."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
