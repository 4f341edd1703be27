"""What carries a call: an official async client, or plain HTTP. Only here and in `refusals` is HTTP imported.

Importing it costs 30-150 ms, an official client 0.4-1.8 s more, so `pool` loads both on the first call and
in a worker thread: the loop then stalls for at most ~30 ms instead of the whole import (measured).
A carrier sends and hands back the raw answer; it reads nothing, retries nothing and follows no redirect.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, Protocol

import httpx2

from streamcell.errors import UsageError
from streamcell.io.keys import held_by
from streamcell.io.refusals import limit_refusal
from streamcell.io.route import Route, host_of, is_loopback, peer_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable

    from streamcell.providers.contract import Call

# The clients insist on a key; a server on this computer takes any.
_PLACEHOLDER = "not-needed"
# Arguments of a client that its twin needs no copy of: passed on their own, contained in the base URL or the
# credentials, or about what the twin does not do.
_SETTLED = frozenset(
    {"base_url", "default_headers", "default_query", "http_client", "timeout", "max_retries"}
    | {"azure_endpoint", "azure_deployment", "resource", "data_residency", "websocket_base_url"}
    | {"config", "profile", "open_telemetry"}
)


class Carrier(Protocol):
    """Sends calls to one place, on one event loop."""

    peer: str

    async def send(self, call: Call, *, connect: float) -> httpx2.Response:
        """The answer with its body unread, whatever its status; raises what the HTTP library raises."""
        ...

    async def close(self) -> None: ...


class OfficialClient:
    """An official async client (they share one generator, and so their generic request method)."""

    def __init__(self, client: Any, *, http: httpx2.AsyncClient | None) -> None:
        self.peer = peer_of(str(client.base_url))
        self._client = client
        self._http = http

    async def send(self, call: Call, *, connect: float) -> httpx2.Response:
        try:
            response: httpx2.Response = await self._client.post(
                call.path,
                body=call.body,
                cast_to=httpx2.Response,
                stream=True,
                options={
                    "headers": call.headers,
                    "timeout": _timeout(connect),
                    "max_retries": 0,
                    "follow_redirects": False,
                },
            )
        except Exception as error:
            refused = getattr(error, "response", None)  # the clients raise for a status of 300 and above
            if refused is None:
                raise
            response = refused
        return response

    async def close(self) -> None:
        # Not the client's own `close`: it would also close credentials that a twin shares with its original.
        if self._http is not None:
            await self._http.aclose()


class PlainHttp:
    """httpx2 itself, for providers without an official client of their own."""

    def __init__(self, route: Route) -> None:
        if route.base_url is None:
            raise UsageError(f"{route.provider} has no address; pass base_url=")
        self.peer = peer_of(route.base_url)
        self._client = http_client(route.host, base_url=route.base_url)
        self._route = route

    async def send(self, call: Call, *, connect: float) -> httpx2.Response:
        request = self._client.build_request(
            "POST", call.path, json=call.body, headers=call.headers, timeout=_timeout(connect)
        )
        return await self._client.send(request, stream=True, auth=self._sign)

    def _sign(self, request: httpx2.Request) -> httpx2.Request:
        # The header is made as late as this so that no frame above holds the secret.
        key, host, header = self._route.key, self._route.host, self._route.key_header
        if key is not None and header:
            request.headers[header] = key.reveal(host)
        elif key is not None:
            request.headers["Authorization"] = f"Bearer {key.reveal(host)}"
        return request

    async def close(self) -> None:
        await self._client.aclose()


def load(client: str) -> None:
    """Do now what is slow: import the official client (`module:class`), read the certificates."""
    _tls()
    if client:
        importlib.import_module(client.partition(":")[0])


def carrier_for(route: Route) -> Carrier:
    """A carrier for `route`, to be used on the running loop alone."""
    if route.ready is not None:
        return _ready_client(route.ready)
    if not route.client:
        return PlainHttp(route)
    module, _, name = route.client.partition(":")
    client_class = getattr(importlib.import_module(module), name)
    settings = {} if route.base_url is None else {"base_url": route.base_url}
    http = http_client(route.host)
    client = client_class(
        api_key=_PLACEHOLDER if route.key is None else route.key.reveal(route.host),
        http_client=http,
        max_retries=0,
        **settings,
    )
    if route.provider not in {module, f"{module}-responses"}:
        _forget_environment(client)
    return OfficialClient(client, http=http)


def _forget_environment(client: Any) -> None:
    """Take out what the client read of its vendor's environment: it is not for the host of another.

    `OPENAI_CUSTOM_HEADERS` and `ANTHROPIC_CUSTOM_HEADERS` have no argument that turns them off, and an empty
    organization or project would be sent as an empty header.
    """
    client._custom_headers = {}  # noqa: SLF001 - we gave it none of our own
    for name in ("organization", "project"):
        if hasattr(client, name):
            setattr(client, name, None)


def http_client(host: str | None, *, base_url: str = "") -> httpx2.AsyncClient:
    """An httpx2 client without redirects and limits; proxies of the environment serve all but loopback."""
    return httpx2.AsyncClient(
        base_url=base_url,
        verify=_tls(),
        trust_env=not is_loopback(host),
        follow_redirects=False,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        event_hooks={"response": [limit_refusal]},
    )


def _ready_client(client: Any) -> OfficialClient:
    """A twin of the user's client that is safe on this loop.

    A pool of connections belongs to the loop that opened them, and the same object may be used from several.
    So the twin gets connections of its own, unless the user chose the HTTP client: that one is used as it is.
    """
    held_by(client, host_of(str(client.base_url)))
    if type(getattr(client, "_client", None)).__name__.endswith("HttpxClientWrapper"):
        http = http_client(host_of(str(client.base_url)))
        twin = client.copy(http_client=http) if is_asynchronous(client) else _asynchronous(client, http)
        return OfficialClient(twin, http=http)
    if is_asynchronous(client):
        return OfficialClient(client, http=None)
    raise UsageError(f"client= is synchronous and has an http_client of its own: {_advice(client)}")


def is_asynchronous(client: Any) -> bool:
    """Whether `client` is the async form of an official client."""
    return any(kind.__name__.startswith("Async") for kind in client.__class__.__mro__)


def _asynchronous(client: Any, http: httpx2.AsyncClient) -> Any:
    kind = type(client)
    twin_class = getattr(sys.modules[kind.__module__], f"Async{kind.__name__}", None)
    settings = None if twin_class is None else _settings(client, inspect.signature(twin_class).parameters)
    if twin_class is None or settings is None:
        raise UsageError(f"client= is synchronous: {_advice(client)}")
    twin = twin_class(
        **settings,
        base_url=client.base_url,
        default_headers=client._custom_headers,  # noqa: SLF001 - there is no public way to read them
        default_query=client._custom_query,  # noqa: SLF001
        http_client=http,
    )
    # Azure's constructor refuses these beside `base_url`; its own `copy` sets them like this.
    for name in {"_azure_endpoint", "_azure_deployment"} & vars(client).keys():
        setattr(twin, name, getattr(client, name))
    return twin


def _settings(client: Any, names: Iterable[str]) -> dict[str, Any] | None:
    """The arguments called `names` that `client` was made with; None when one cannot be carried over.

    An argument is kept as an attribute of its name, public or not. Words pass as they are, and a function
    that gives a key or token is called in a thread; any other object may belong to the synchronous client.
    """
    settings: dict[str, Any] = {}
    for name in names:
        if name.startswith("_") or name in _SETTLED:
            continue
        if not (hasattr(client, name) or hasattr(client, f"_{name}")):
            return None
        value = getattr(client, name, None) or getattr(client, f"_{name}", None)
        if name == "api_key":
            value = getattr(client, "_api_key_provider", None) or value
        if callable(value):
            value = _in_thread(value)
        elif value and not isinstance(value, str | bool):
            return None
        if value:
            settings[name] = value
    return settings


def _in_thread(function: Callable[[], str]) -> Callable[[], Awaitable[str]]:
    async def called() -> str:
        return await asyncio.to_thread(function)

    return called


def _advice(client: object) -> str:
    return f"pass its async form, Async{type(client).__name__}(...)"


def _timeout(connect: float) -> httpx2.Timeout:
    # All clocks but this one are the run's: a heartbeat would defeat a read timeout.
    return httpx2.Timeout(None, connect=connect)


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
