"""The server as an ASGI app, put together: guard, routes, streams and models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from streamcell.agent import Agent
from streamcell.errors import UsageError
from streamcell.io.clock import Clock, SystemClock
from streamcell.serve import chat_page, refusals
from streamcell.serve.book import Book
from streamcell.serve.event_stream import HEARTBEAT, Leaving
from streamcell.serve.guard import Guard, Tokens
from streamcell.serve.limits import Limits
from streamcell.serve.models import Models
from streamcell.serve.routes import STREAM_HEADER, Routes
from streamcell.serve.streams import Streams

_WORTH_PACKING = 1024
"""Bytes. Events are packed where they are written (`live`), one by one: here they are passed by."""


def create_app(
    models: Sequence[str | Agent] = ("demo",),
    *,
    tokens: Sequence[str] = (),
    origins: Sequence[str] = (),
    limits: Limits | None = None,
    on_leave: Leaving = "go_on",
    heartbeat: float = HEARTBEAT,
    log: str | None = None,
    clock: Clock | None = None,
) -> Starlette:
    """The whole server: ``/v1/streams``, ``/v1/ws``, ``/v1/chat/completions``, ``/healthz``, ``/metrics``.

    `models` are names as `streamcell.stream` takes them, or agents, which are called by their `name`; the
    first one answers where the caller names none. With `tokens` a caller needs one of them, and its streams
    are its own; without, only loopback names are served. Pages are served from the server's own origin and
    from `origins`, compared exactly (``https://example.org``). `on_leave` says what becomes of a stream that
    its last reader has left, `heartbeat` after how many seconds of silence a comment is sent.

    `log` is the address of a Redis (``redis://host:6379``; needs ``streamcell[redis]``): all workers that
    name it are one server, of which any serves, resumes and stops any stream, and limits hold for all of
    them together. What models answer is kept there for as long as `limits` say.

    Raises `UsageError` for a model that cannot be asked, such as one whose key is missing, and for a log
    that cannot be kept.
    """
    clock, limits = clock or SystemClock(), limits or Limits()
    book = None if log is None else _shared(log, limits, clock=clock, on_leave=on_leave)
    streams = Streams(Models(models), limits=limits, clock=clock, on_leave=on_leave, book=book)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await streams.open()
        yield
        await streams.close()

    longest = limits.body_bytes
    routes = Routes(streams, longest_message=longest, clock=clock, heartbeat=heartbeat)
    guard = Middleware(
        Guard,
        tokens=Tokens(tokens, shared=log is not None),
        origins=origins,
        body_bytes=longest,
        body_seconds=limits.body_seconds,
        open_paths=("/healthz", *chat_page.PATHS),
    )
    return Starlette(
        routes=[*routes.table(), *chat_page.table()],
        middleware=[*_cross_origin(origins), guard, Middleware(GZipMiddleware, minimum_size=_WORTH_PACKING)],
        exception_handlers={HTTPException: refusals.answer, 500: refusals.answer},
        lifespan=lifespan,
    )


def _shared(log: str, limits: Limits, *, clock: Clock, on_leave: Leaving) -> Book:
    if on_leave == "stop":
        raise UsageError('on_leave="stop" is for one worker: with log= a reader may have gone to another one')
    try:
        from streamcell.serve.shared.book import SharedBook  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise UsageError("log= needs redis; install it with pip install 'streamcell[redis]'") from None
    return SharedBook(log, limits, clock=clock)


def _cross_origin(origins: Sequence[str]) -> list[Middleware]:
    """Lets pages of these origins, and of no other, read the answers.

    Stands before the guard, as a browser's preliminary request carries no token.
    """
    for origin in origins:
        if "*" in origin or origin.count("/") != 2:  # noqa: PLR2004 - those of `://`
            raise UsageError(f"an origin is a scheme and a host, like https://example.org, not {origin!r}")
    if not origins:
        return []
    cross_origin = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["authorization", "content-type", "last-event-id"],
        expose_headers=[STREAM_HEADER, "location", "retry-after"],
    )
    return [cross_origin]
