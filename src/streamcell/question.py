"""One question, checked and complete: who is asked what, with which options, and how the answer is got.

Made before anything is sent; whatever is wrong with a call is found here and raised as `UsageError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import msgspec

from streamcell import memory, playback
from streamcell.approvals import Approvals, Trusted
from streamcell.continuation import Continuation, request_for_rest
from streamcell.core.prompt import Prompt, split_system
from streamcell.core.request_key import described
from streamcell.core.response import StreamingResponse
from streamcell.core.tools import Tool, toolbox
from streamcell.errors import UsageError
from streamcell.handle import Stream
from streamcell.io.clock import Clock, SystemClock
from streamcell.io.demo_server import DemoTransport
from streamcell.io.environment import environment
from streamcell.io.local import is_running
from streamcell.io.retry import Policy
from streamcell.io.route import address_for
from streamcell.io.transport import transport_for
from streamcell.messages import Request
from streamcell.options import Options, check_options
from streamcell.providers import registry
from streamcell.providers.contract import Call, Provider
from streamcell.run import Fallback, Link, Run, Source, Timeouts
from streamcell.tool_loop import MAX_TURNS, ToolLoop


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request to one provider, and everything that surrounds it. `named`: the user chose the model."""

    provider: Provider
    request: Request
    options: Options
    tools: Mapping[str, Tool]
    trusted: Trusted
    named: bool = True

    @property
    def model(self) -> str:
        """``provider:model``."""
        return f"{self.request.provider}:{self.request.model}"

    def stream(self) -> Stream:
        """The answer, not yet asked for."""
        approvals = Approvals(self.options.get("approve"), trusted=self.trusted)
        return self.opened(self.source(approvals), approvals)

    def rest(self, cut: StreamingResponse) -> Stream:
        """`cut`, the answer to this question, and what the same model adds to it."""
        facts, request = self.provider.facts, self.request
        approvals = Approvals(self.options.get("approve"), trusted=self.trusted)
        longer = replace(self, request=request_for_rest(request, cut, facts), named=True)
        asked = longer.source(approvals)
        whole = Continuation(asked, cut, model=request.model, facts=facts)
        shown = replace(self, request=msgspec.structs.replace(request, stream=True))
        stream = shown.opened(whole, approvals)
        stream.response.metadata |= playback.labels(asked)
        return stream

    def call(self) -> tuple[Call, str]:
        """What would be sent and to which address; needs no key."""
        address = address_for(
            self.provider.facts,
            base_url=self.options.get("base_url"),
            environment=environment,
            allow_http=self.options.get("allow_http", False),
        )
        return self.provider.encode(self.request), address or ""

    def _asking(self, approvals: Approvals) -> Source:
        """Every turn of the run: one, unless there are tools."""
        if not self.tools:
            return self._turn(self.request)
        return ToolLoop(
            self.request,
            self._turn,
            tools=self.tools,
            approvals=approvals,
            clock=self._clock,
            max_turns=self.options.get("max_turns") or MAX_TURNS,
            total=(self.options.get("timeouts") or Timeouts()).total,
        )

    def _turn(self, request: Request) -> Source:
        """One turn of the model, with whoever is asked when it fails."""
        first = _run(self.provider, request, self.options)
        fallback = self.options.get("fallback")
        if fallback is None:
            return first
        if fallback == "blocking":
            blocking = _run(self.provider, msgspec.structs.replace(request, stream=False), self.options)
            return Fallback(first, blocking, name="the same model without streaming")
        other, name = registry.resolve(fallback, environment=environment, is_running=is_running)
        # Another model brings its own key and address.
        own = cast("Options", {k: v for k, v in self.options.items() if k not in _OF_ONE_PROVIDER})
        second = msgspec.structs.replace(request, provider=other.facts.name, model=name)
        registry.check_parameters(other, second)
        other.encode(second)
        return Fallback(first, _run(other, second, own), name=fallback)

    def source(self, approvals: Approvals) -> Source:
        """The run that asks, or its recording, or both; a replay asks nobody and needs no key."""
        said = described(self.request, limit=self.options.get("max_output_chunks"))
        return playback.source(
            said, lambda: self._asking(approvals), self.options, clock=self._clock, named=self.named
        )

    def opened(self, source: Source, approvals: Approvals) -> Stream:
        """The stream over `source`, labelled and remembered as these options say."""
        stream = Stream(
            source,
            prompt=self.request.messages,
            metadata={"event_type": self.provider.facts.delta_event},
            chunk_size=self.options.get("chunk_size", 1),
            keep=self.options.get("keep", True),
            streamed=self.request.stream,
            on_error=self.options.get("on_error", "raise"),
            backpressure=(self.options.get("timeouts") or Timeouts()).backpressure,
            approvals=approvals,
            clock=self.options.get("clock"),
        )
        stream.response.metadata |= {"provider": self.request.provider, "model": self.request.model}
        stream.response.metadata |= playback.labels(source)
        stream.response.continuation = self.rest
        memory.remember(stream, self.options)
        return stream

    @property
    def _clock(self) -> Clock:
        return self.options.get("clock") or SystemClock()


_OF_ONE_PROVIDER = frozenset({"base_url", "api_key", "client"})


def question(
    prompt: Prompt,
    model: str | None,
    options: Options,
    *,
    streamed: bool,
    named: bool | None = None,
    trusted: Trusted | None = None,
) -> Question:
    """The question that these arguments mean; nothing is sent.

    `named`: whether the user chose the model; unless said, whether `model` is given. `trusted`: the tools
    that need no consent any more.
    """
    check_options(options)
    options = memory.placed(prompt, options)
    provider, name = resolve(model, options)
    tools = toolbox(options.get("tools") or ())
    return Question(
        provider=provider,
        request=_request(prompt, provider, name, options, tools=tools, streamed=streamed),
        options=options,
        tools=tools,
        trusted=[] if trusted is None else trusted,
        named=bool(model) if named is None else named,
    )


def resolve(model: str | None, options: Options) -> tuple[Provider, str]:
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


def link(provider: Provider, options: Options) -> Link:
    """What carries the calls to this provider; raises `UsageError` for a missing key."""
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


def _usual(options: Options) -> str | None:
    """The provider that an option means where the name of the model does not: a client, or an address."""
    client = options.get("client")
    if client is not None:
        package = type(client).__module__.partition(".")[0]
        return registry.of_client(package)
    compatible = options.get("base_url") and not environment.get("LLM_PROVIDER")
    return registry.COMPATIBLE if compatible else None


def _request(
    prompt: Prompt,
    provider: Provider,
    model: str,
    options: Options,
    *,
    tools: Mapping[str, Tool],
    streamed: bool,
) -> Request:
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
        tools=tuple(tool.spec for tool in tools.values()),
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


def _run(provider: Provider, request: Request, options: Options) -> Run:
    return Run(
        provider,
        request,
        link(provider, options),
        clock=options.get("clock") or SystemClock(),
        timeouts=options.get("timeouts"),
        policy=Policy(retries=options.get("retries", 2)),
        max_output_chunks=options.get("max_output_chunks"),
    )
