"""What a provider is: how to write its request, and how to read its answer.

A provider is a value with two pure functions and a few facts. It opens no connection: `io.transport` carries
the call, `core.wire` cuts the bytes into payloads, the provider's decoder turns payloads into events. An
outside package adds one through the entry-point group ``streamcell.providers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import msgspec

from streamcell.core.wire import Payload
from streamcell.events import ErrorInfo, Event
from streamcell.messages import Request

Framing = Literal["sse", "ndjson"]


class Call(msgspec.Struct, frozen=True):
    """One HTTP request, without authentication: a path below the base URL and a JSON body."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str] = {}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the rest of the house may know of a provider."""

    name: str
    default_model: str
    framing: Framing = "sse"
    client: str = ""
    """`module:class` of the official async client that carries the call; empty: plain HTTP."""
    key_names: tuple[str, ...] = ()
    """Environment variables that may hold the key, first match wins; empty: no key needed."""
    key_header: str = ""
    """The header that carries the bare key over plain HTTP; empty: ``Authorization: Bearer``."""
    base_names: tuple[str, ...] = ()
    """Environment variables that may hold the base URL."""
    base_url: str | None = None
    """The default base URL; None: the official client's own."""
    delta_event: str = "text"
    """The provider's own name for the wire event that carries text (`chunk.metadata["event_type"]`)."""
    prefill: str = ""
    """A pattern for the beginning of a model's name: such a model goes on with an assistant message that ends
    the conversation. Empty: none does."""
    scripted: bool = False
    refused: dict[str, frozenset[str]] = {}
    """Of `parameters`, those that some models do not take: a pattern of the model's id, and their names."""
    parameters: frozenset[str] = frozenset()
    """The optional fields of `Request` this provider takes; another one that is set is a `UsageError`."""


class Decoder(Protocol):
    """Reads one answer. Holds the state of one model turn; never reused.

    `feed` and `close` may raise `errors.ProviderError` / `errors.ProtocolError` for an error inside the
    stream; whatever else is in the payload is read or passed by, never raised.
    """

    def feed(self, payload: Payload) -> Iterable[Event]:
        """The events one payload says (`Started` first, then content, usage; never `Finished`)."""
        ...

    def close(self) -> Iterable[Event]:
        """The events the end of the body says: whole tool calls still open, usage, `Finished`.

        Raises `ProtocolError(kind="truncated")` when the provider's terminal marker never came.
        """
        ...

    @property
    def finished(self) -> bool:
        """True once the terminal marker was seen: the answer is whole, only usage may still come."""
        ...

    @property
    def complete(self) -> bool:
        """True once nothing more can come: the body need not be read further."""
        ...


class Provider(Protocol):
    """One wire dialect of one vendor."""

    @property
    def facts(self) -> Facts: ...

    def encode(self, request: Request) -> Call:
        """The HTTP call for `request`; raises `UsageError` for a parameter this model does not take."""
        ...

    def decoder(self, request: Request) -> Decoder:
        """A fresh decoder for the streamed answer to `request`."""
        ...

    def decode_whole(self, request: Request, body: bytes) -> Iterable[Event]:
        """The events of a blocking answer (`request.stream` false), `Finished` included."""
        ...

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ErrorInfo:
        """What an HTTP error answer means; at most 4 KiB of its text is kept, no HTML."""
        ...
