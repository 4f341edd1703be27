"""Runs a provider's decoder over bytes and gathers what it says, as the product does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcell.core.fold import Fold
from streamcell.core.response import StreamingResponse
from streamcell.core.wire import reader
from streamcell.errors import StreamcellError
from streamcell.events import Event, ToolCallDelta
from streamcell.messages import Message, Request, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamcell.providers.contract import Decoder, Provider


def ask(provider: Provider, text: str = "Hi", **options) -> Request:
    """A request with one message."""
    message = Message("user", (TextPart(text),))
    return Request(provider=provider.facts.name, messages=(message,), **{"model": "m", **options})


def events_of(provider: Provider, blocks: Iterable[bytes]) -> tuple[list[Event], StreamcellError | None]:
    """The events that a streamed answer says, and the error that it ends with."""
    decoder = provider.decoder(ask(provider))
    said: list[Event] = []
    try:
        for event in _read(provider, decoder, blocks):
            said.append(event)  # noqa: PERF402 - an error must leave the events before it
    except StreamcellError as error:
        return said, error
    return said, None


def _read(provider: Provider, decoder: Decoder, blocks: Iterable[bytes]) -> Iterable[Event]:
    lines = reader(provider.facts.framing)
    for block in blocks:
        for payload in lines.feed(block):
            yield from decoder.feed(payload)
        if decoder.complete:
            break
    else:
        for payload in lines.close():
            yield from decoder.feed(payload)
    yield from decoder.close()


def answer(events: Iterable[Event]) -> StreamingResponse:
    """The events folded; checks that deltas and whole calls tell the same."""
    response = StreamingResponse()
    fold = Fold(response)
    pieces: dict[int, str] = {}
    for event in events:
        fold.add(event)
        if isinstance(event, ToolCallDelta):
            pieces[event.part] = pieces.get(event.part, "") + event.arguments
    for call in response.tool_calls:
        assert pieces[call.part] == call.raw_arguments
    return response


def streamed(provider: Provider, *blocks: bytes) -> StreamingResponse:
    """The answer of a stream that ends well."""
    events, error = events_of(provider, blocks)
    assert error is None, error
    return answer(events)


def failed(provider: Provider, *blocks: bytes) -> StreamcellError:
    """The error of a stream that does not end well."""
    events, error = events_of(provider, blocks)
    assert error is not None, events
    return error


def told(response: StreamingResponse) -> dict[str, object]:
    """The answer in the form in which the recordings say what they hold."""
    return {
        "text": response.text,
        "thinking": response.thinking,
        "refusal": response.refusal,
        "tool_calls": [
            {"id": call.id, "name": call.name, "arguments": call.raw_arguments, "server": call.server}
            for call in response.tool_calls
        ],
        "usage": response.usage.raw,
        "stop": response.metadata.get("stop"),
        "citations": len(response.citations),
        "tool_results": len(response.tool_results),
    }
