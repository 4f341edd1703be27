"""Carries a `Call` and gives back the raw bytes of the answer.

With `carriers`, which it loads on the first call, the only part of the house that touches an HTTP client or
an official SDK. It retries nothing, follows no redirect, reads no event and keeps no clock but the one for
the connection. No exception of another library leaves it.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from streamcell.errors import LimitExceeded, StreamcellError, TransportError, UsageError
from streamcell.io import failures, pool
from streamcell.io.breath import Breath
from streamcell.io.keys import held_by, redact
from streamcell.io.route import Route, checked, host_of, peer_of, route_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Mapping

    import httpx2

    from streamcell.io.carriers import Carrier
    from streamcell.io.keys import Key
    from streamcell.providers.contract import Call, Facts, Provider

BODY_LIMIT = 16 * 1024 * 1024
"""Unpacked bytes of one answer: about what 128,000 tokens need when each comes in an event of its own."""
_EXPANSION_LIMIT = 200
"""How many bytes one packed byte may become, on average (a stream that is packed event by event: 30)."""
_EXPANSION_FREE = 4 * 1024 * 1024
"""Unpacked bytes that may come from anything: one event is packed all at once."""
# One read of the decompressor gives up to 1 MiB; in smaller blocks the loop gets its turn between them.
_BLOCK = 64 * 1024
_REDIRECTS = range(300, 400)
_LOWEST_ERROR = 400
_HOST = re.compile(r"[\w.:-]{1,253}", re.ASCII)


class Answer:
    """An HTTP answer: its status, its headers (lower-case names), its body once.

    A status of 400 and above is an answer too. Its body is cut at 16 KiB on the wire, and no key stands in
    what `read` gives of it. Valid only inside `Transport.open`.
    """

    def __init__(self, response: httpx2.Response, *, peer: str) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = {
            name.lower(): redact(value) for name, value in response.headers.items()
        }
        self._response = response
        self._peer = peer
        self._body = self._read()

    def blocks(self) -> AsyncIterator[bytes]:
        """The body as it comes from the socket, unpacked, in blocks of at most 64 KiB; it can be read once.

        Raises `ProtocolError` (kind "truncated" when the connection broke) and `LimitExceeded` after 16 MiB.
        """
        return self._body

    async def read(self, limit: int) -> bytes:
        """The whole body; one longer than `limit` bytes is cut for an error status, else `LimitExceeded`."""
        body = bytearray()
        async with aclosing(self._body) as blocks:
            async for block in blocks:
                body += block
                if self.status < _LOWEST_ERROR:
                    self._check_length(len(body), limit)
                elif len(body) >= limit:
                    break
        if self.status < _LOWEST_ERROR:
            return bytes(body)
        return redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")[:limit]

    async def close(self) -> None:
        """Close the connection unless the body was read to its end."""
        # The run is over whatever a broken socket says while it is closed.
        with suppress(Exception):
            await self._body.aclose()
        with suppress(Exception):
            await self._response.aclose()

    async def _read(self) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self._response.aiter_bytes()) as pieces:
                unpacked, breath = 0, Breath(now=asyncio.get_running_loop().time)
                async for piece in pieces:
                    breath.piece()
                    unpacked += len(piece)
                    if self.status < _LOWEST_ERROR:
                        # What an error says is cut short where it is read; its status must not get lost.
                        self._check_length(unpacked, BODY_LIMIT)
                        self._check_expansion(unpacked)
                    for start in range(0, len(piece), _BLOCK):
                        yield piece[start : start + _BLOCK]
                        if len(piece) > _BLOCK:
                            await asyncio.sleep(0)
                    await breath.rest()
                return
        except StreamcellError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the HTTP library raises is described, not passed on
            failure = failures.within_body(error, self._peer)
        # Raised out here so that no foreign exception hangs on it as its context.
        raise failure

    def _check_expansion(self, unpacked: int) -> None:
        packed = self._response.num_bytes_downloaded
        if unpacked > max(_EXPANSION_FREE, _EXPANSION_LIMIT * packed):
            raise LimitExceeded(f"the answer of {self._peer} unpacks to {unpacked} bytes from {packed}")

    def _check_length(self, length: int, limit: int) -> None:
        if length > limit:
            raise LimitExceeded(f"the answer of {self._peer} is longer than {limit} bytes")


class Transport:
    """Sends calls along one route. Usable on any loop; connections are shared per loop, route and key."""

    def __init__(self, route: Route) -> None:
        self._route = route

    def __repr__(self) -> str:
        return f"Transport({self._route.provider!r})"

    @property
    def account(self) -> Hashable:
        """What a server's limits are counted for: equal for the same address with the same key."""
        route = self._route
        if route.ready is None:
            return (peer_of(route.base_url) if route.base_url else route.client, route.key)
        address = str(getattr(route.ready, "base_url", ""))
        return (peer_of(address), *held_by(route.ready, host_of(address)))

    @asynccontextmanager
    async def open(self, call: Call, *, connect: float) -> AsyncGenerator[Answer, None]:
        """The answer to `call`; leaving the context, also by a cancel, closes what is not read to its end.

        `connect` is in seconds. Raises `TransportError` of the kinds connect, tls, timeout_connect and
        redirect, and `UsageError` for a request that cannot be written.
        """
        line = await _line(self._route)
        try:
            answer = Answer(await _send(line.carrier, call, connect=connect), peer=line.carrier.peer)
            try:
                _refuse_redirect(answer, line.carrier.peer)
                yield answer
            finally:
                await answer.close()
        finally:
            line.leave()

    async def aclose(self) -> None:
        """Close this loop's connections on the route, unless another run uses them."""
        line = pool.idle_line(self._route)
        if line is not None:
            await line.close()


def transport_for(
    provider: Provider,
    *,
    base_url: str | None = None,
    api_key: str | Key | None = None,
    client: object | None = None,
    allow_http: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Transport:
    """The transport for a provider; nothing is imported or opened before its first `open`.

    `client` is a ready official client, which brings its own address and key (an async one, or a synchronous
    one whose settings an async twin can be given). Raises `UsageError` for a missing key, naming the
    variable, for an address that is unsafe, and for a client of another vendor's; the rules are those of
    `io.route`. `environment` defaults to the process's own.
    """
    if client is None:
        return Transport(
            route_for(
                provider.facts,
                base_url=base_url,
                api_key=api_key,
                environment=os.environ if environment is None else environment,
                allow_http=allow_http,
            )
        )
    if base_url is not None or api_key is not None:
        raise UsageError("client= brings its own address and key; leave out base_url= and api_key=")
    return Transport(_ready_route(provider.facts, client, allow_http=allow_http))


def _ready_route(facts: Facts, client: Any, *, allow_http: bool) -> Route:
    if not (hasattr(client, "base_url") and hasattr(client, "post") and hasattr(client, "copy")):
        raise UsageError(
            f"client= is a {type(client).__name__}; pass an official async client, such as AsyncOpenAI(...)"
        )
    _check_vendor(facts, client)
    checked(str(client.base_url), allow_http=allow_http)
    return Route(provider=facts.name, ready=client)


def _check_vendor(facts: Facts, client: Any) -> None:
    """Raise `UsageError` for a client of another vendor than the one that carries the provider's calls."""
    if not facts.client and facts.base_url is None:
        return  # the provider is wherever the client goes, such as azure
    package, _, name = facts.client.partition(":")
    # By `__class__`, which proxies of tracing libraries pretend to have, and with the bases of a subclass.
    if package in {kind.__module__.partition(".")[0] for kind in client.__class__.__mro__}:
        return
    advice = f"pass an {package} client, such as {name}(...)" if package else "leave out client="
    raise UsageError(f"client= is a {type(client).__name__}, which does not carry {facts.name}: {advice}")


async def _line(route: Route) -> pool.Line:
    try:
        return await pool.line_for(route)
    except StreamcellError:
        raise
    except Exception as error:  # noqa: BLE001 - a client's constructor raises whatever it likes
        reason = redact(f"{type(error).__name__}: {error}")[:300]
    raise UsageError(f"the client for {route.provider} could not be made: {reason}")


async def _send(carrier: Carrier, call: Call, *, connect: float) -> httpx2.Response:
    try:
        return await carrier.send(call, connect=connect)
    except Exception as error:  # noqa: BLE001 - see Answer._read
        failure = failures.before_answer(error, carrier.peer)
    raise failure


def _refuse_redirect(answer: Answer, peer: str) -> None:
    if answer.status in _REDIRECTS:
        raise TransportError(
            f"{peer} answered {answer.status} and points to {_target(answer)}; redirects are not followed,"
            " for they would carry the prompt elsewhere: set base_url= to the final address",
            kind="redirect",
        )


def _target(answer: Answer) -> str:
    try:
        host = urlsplit(answer.headers.get("location", "")).hostname
    except ValueError:
        host = None
    if host is None:
        return "another path"
    return redact(host) if _HOST.fullmatch(host) else "what is no host"
