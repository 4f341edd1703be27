"""From what the user says to a `Stream`: the model is found, the request written, the run put together.

`stream` asks once; an `Agent` remembers a model and its options. Nothing here waits or sends.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Unpack, cast

import msgspec

from streamcell import memory, playback
from streamcell.continuation import Continuation, request_for_rest
from streamcell.core.prompt import Prompt, split_system
from streamcell.core.request_key import described
from streamcell.core.response import StreamingResponse
from streamcell.errors import UsageError
from streamcell.handle import Stream
from streamcell.io.clock import SystemClock
from streamcell.io.demo_server import DemoTransport
from streamcell.io.environment import environment
from streamcell.io.local import is_running
from streamcell.io.retry import Policy
from streamcell.io.route import address_for
from streamcell.io.transport import Transport, transport_for
from streamcell.messages import Request
from streamcell.options import Options, check_options
from streamcell.providers import registry
from streamcell.providers.contract import Call, Provider
from streamcell.run import Fallback, Link, Run, Source, Timeouts


def stream(prompt: Prompt, model: str | None = None, **options: Unpack[Options]) -> Stream:
    """A stream of the model's answer; nothing is sent until it is read.

    `model` is ``provider:model``; without one the environment decides (`LLM_PROVIDER`, keys found), and
    without any key the scripted `demo` answers. Raises `UsageError` at once for anything wrong with the call:
    an unknown option or model prefix, a missing key, a parameter the provider does not take.
    """
    return ask(prompt, model, options, streamed=True).stream


class Agent:
    """A model with its options; every option can also be given, or changed, per call.

    `name` is for logs and schedulers. All calls may be made from any thread; `await` and ``async for`` run on
    the caller's loop.
    """

    def __init__(
        self, model: str | None = None, *, name: str | None = None, **options: Unpack[Options]
    ) -> None:
        check_options(options)
        self.provider, self.model = _resolve(model, options)
        self._named = bool(model)
        self.name = name or self.provider.facts.name
        self._options = options

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> Stream:
        """The streamed answer to `prompt`."""
        return self._ask(prompt, options, streamed=True)

    def run(self, prompt: Prompt, **options: Unpack[Options]) -> StreamingResponse:
        """The whole answer from one blocking call; works in a plain cell."""
        return self._ask(prompt, options, streamed=False).result()

    async def arun(self, prompt: Prompt, **options: Unpack[Options]) -> StreamingResponse:
        """The whole answer from one blocking call, awaited."""
        return await self._ask(prompt, options, streamed=False)

    def get_provider_info(self) -> dict[str, Any]:
        """Name and model of the provider, and what it can do."""
        facts = self.provider.facts
        return {
            "name": facts.name,
            "model": self.model,
            "supports_streaming": True,
            "parameters": sorted(facts.parameters),
            "scripted": facts.scripted,
        }

    async def aclose(self) -> None:
        """Close this loop's idle connections now; without it they close within half a second."""
        with contextlib.suppress(UsageError):  # without a key, as in a replay, nothing was opened
            link = _link(self.provider, self._options)
            if isinstance(link, Transport):
                await link.aclose()

    def _ask(self, prompt: Prompt, options: Options, *, streamed: bool) -> Stream:
        check_options(options)
        merged = cast("Options", {**self._options, **options})
        model = f"{self.provider.facts.name}:{self.model}"
        return ask(prompt, model, merged, streamed=streamed, named=self._named).stream

    def __repr__(self) -> str:
        return f"Agent({self.provider.facts.name}:{self.model})"


class Asked(NamedTuple):
    """A stream with the name of the model it asks, and whether that is only a script."""

    stream: Stream
    model: str
    scripted: bool


def ask(
    prompt: Prompt, model: str | None, options: Options, *, streamed: bool, named: bool | None = None
) -> Asked:
    """The same as `stream`, for callers that also want to say what is asked.

    `named`: whether the user chose the model; unless said, whether `model` is given.
    """
    check_options(options)
    options = memory.placed(prompt, options)
    provider, name = _resolve(model, options)
    request = _request(prompt, provider, name, options, streamed=streamed)

    def asking() -> Source:
        return _with_fallback(_run(provider, request, options), prompt, provider, request, options)

    source = _source(request, asking, options, named=bool(model) if named is None else named)
    asked = _stream(source, provider, request, options)
    return Asked(asked, f"{provider.facts.name}:{name}", provider.facts.scripted)


def describe(prompt: Prompt, model: str | None, options: Options, *, streamed: bool) -> tuple[Call, str]:
    """What would be sent and to which address, without a key; nothing is sent."""
    check_options(options)
    options = memory.placed(prompt, options)
    provider, name = _resolve(model, options)
    request = _request(prompt, provider, name, options, streamed=streamed)
    allow = options.get("allow_http", False)
    address = address_for(
        provider.facts, base_url=options.get("base_url"), environment=environment, allow_http=allow
    )
    return provider.encode(request), address or ""


def _stream(source: Source, provider: Provider, request: Request, options: Options) -> Stream:
    asked = Stream(
        source,
        prompt=request.messages,
        metadata={"event_type": provider.facts.delta_event},
        chunk_size=options.get("chunk_size", 1),
        keep=options.get("keep", True),
        streamed=request.stream,
        on_error=options.get("on_error", "raise"),
        backpressure=(options.get("timeouts") or Timeouts()).backpressure,
        clock=options.get("clock"),
    )
    asked.response.metadata |= {"provider": provider.facts.name, "model": request.model}
    asked.response.metadata |= playback.labels(source)
    asked.response.continuation = functools.partial(_rest, provider, request, options)
    memory.remember(asked, options)
    return asked


def _rest(provider: Provider, request: Request, options: Options, cut: StreamingResponse) -> Stream:
    """`cut`, the answer to `request`, and what the same model adds to it."""
    longer = request_for_rest(request, cut, provider.facts)
    rest = _source(longer, lambda: _run(provider, longer, options), options)
    source = Continuation(rest, cut, model=request.model, facts=provider.facts)
    asked = _stream(source, provider, msgspec.structs.replace(request, stream=True), options)
    asked.response.metadata |= playback.labels(rest)
    return asked


def _resolve(model: str | None, options: Options) -> tuple[Provider, str]:
    """The provider and its model; where nobody named one a recording that is to be replayed knows it."""
    if not isinstance(model, str | None):
        raise UsageError(f"a model is named as text, provider:model, not {model!r}")
    chosen = model or playback.unnamed_model(options.get("replay"))
    usual = _usual(options)
    if not chosen and usual is None and options.get("api_key") is not None:
        raise UsageError("api_key= needs a model to go with: name it as provider:model")
    provider, name = registry.resolve(chosen, environment=environment, is_running=is_running, usual=usual)
    if provider.facts.scripted and (options.get("client") or options.get("api_key")):
        raise UsageError(f"{provider.facts.name} is scripted and asks nobody; leave out client= and api_key=")
    return provider, name


def _usual(options: Options) -> str | None:
    """The provider that an option means where the name of the model does not: a client, or an address."""
    client = options.get("client")
    if client is not None:
        package = type(client).__module__.partition(".")[0]
        return registry.of_client(package)
    compatible = options.get("base_url") and not environment.get("LLM_PROVIDER")
    return registry.COMPATIBLE if compatible else None


def _source(
    request: Request, asking: Callable[[], Source], options: Options, *, named: bool = True
) -> Source:
    """What `asking` gives, or its recording, or both; a replay asks nobody and needs no key."""
    said = described(request, limit=options.get("max_output_chunks"))
    return playback.source(said, asking, options, clock=options.get("clock") or SystemClock(), named=named)


def _with_fallback(
    first: Run, prompt: Prompt, provider: Provider, request: Request, options: Options
) -> Source:
    fallback = options.get("fallback")
    if fallback is None:
        return first
    if fallback == "blocking":
        blocking = _run(provider, msgspec.structs.replace(request, stream=False), options)
        return Fallback(first, blocking, name="the same model without streaming")
    # Another model brings its own key and address.
    own = cast("Options", {k: v for k, v in options.items() if k not in ("base_url", "api_key", "client")})
    other, name = registry.resolve(fallback, environment=environment, is_running=is_running)
    second = _run(other, _request(prompt, other, name, own, streamed=request.stream), own)
    return Fallback(first, second, name=fallback)


def _request(prompt: Prompt, provider: Provider, model: str, options: Options, *, streamed: bool) -> Request:
    """The request as it will be sent; raises `UsageError` for a parameter the provider does not take."""
    system, messages = split_system(*memory.said(prompt, options))
    stop = options.get("stop") or ()
    request = Request(
        provider=provider.facts.name,
        model=model,
        messages=messages,
        system=system,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        extra=dict(options.get("extra") or {}),
        stream=streamed,
        temperature=options.get("temperature"),
        max_tokens=options.get("max_tokens"),
        top_p=options.get("top_p"),
        frequency_penalty=options.get("frequency_penalty"),
        presence_penalty=options.get("presence_penalty"),
    )
    registry.check_parameters(provider, request)
    provider.encode(request)
    return request


def _link(provider: Provider, options: Options) -> Link:
    if provider.facts.scripted and not options.get("base_url"):
        return DemoTransport(provider)
    return transport_for(
        provider,
        base_url=options.get("base_url"),
        api_key=options.get("api_key"),
        client=options.get("client"),
        allow_http=options.get("allow_http", False),
        environment=environment,
    )


def _run(provider: Provider, request: Request, options: Options) -> Run:
    return Run(
        provider,
        request,
        _link(provider, options),
        clock=options.get("clock") or SystemClock(),
        timeouts=options.get("timeouts"),
        policy=Policy(retries=options.get("retries", 2)),
        max_output_chunks=options.get("max_output_chunks"),
    )
