"""One question, checked and complete: who is asked what, with which options, and how the answer is got.

Made before anything is sent; whatever is wrong with a call is found here and raised as `UsageError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec

from streamcell import choice, memory, playback
from streamcell.approvals import Approvals, Trusted
from streamcell.budget import Budget
from streamcell.continuation import Continuation, request_for_rest
from streamcell.core.prompt import Prompt, split_system
from streamcell.core.request_key import described
from streamcell.core.response import StreamingResponse
from streamcell.core.structure.schema import Schema
from streamcell.core.tools import Tool, toolbox
from streamcell.fallback import Fallback
from streamcell.handle import Stream
from streamcell.io.clock import Clock, SystemClock
from streamcell.io.environment import environment
from streamcell.io.prices import missing_reason, pricing_for
from streamcell.io.retry import Policy
from streamcell.io.route import address_for
from streamcell.live_runs import live_runs
from streamcell.messages import Request
from streamcell.options import Options, check_options
from streamcell.past_runs import past_runs
from streamcell.providers import registry
from streamcell.providers.contract import Call, Provider
from streamcell.run import Run, Source, Timeouts
from streamcell.structured import Checked, with_schema
from streamcell.tool_loop import MAX_TURNS, ToolLoop


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request to one provider, and everything that surrounds it. `named`: the user chose the model."""

    provider: Provider
    request: Request
    options: Options
    tools: Mapping[str, Tool]
    trusted: Trusted
    schema: Schema | None = None
    named: bool = True

    @property
    def model(self) -> str:
        """``provider:model``."""
        return f"{self.request.provider}:{self.request.model}"

    def stream(self) -> Stream:
        """The answer, not yet asked for."""
        approvals = Approvals(self.options.get("approve"), trusted=self.trusted)
        source = self.source(approvals)
        return self.opened(source, approvals, labels=playback.labels(source))

    def rest(self, cut: StreamingResponse) -> Stream:
        """`cut`, the answer to this question, and what the same model adds to it."""
        facts, request = self.provider.facts, self.request
        approvals = Approvals(self.options.get("approve"), trusted=self.trusted)
        longer = replace(self, request=request_for_rest(request, cut, facts), named=True)
        asked = longer.source(approvals)
        whole = Continuation(asked, cut, model=request.model, facts=facts)
        shown = replace(self, request=msgspec.structs.replace(request, stream=True))
        return shown.opened(whole, approvals, labels=playback.labels(asked))

    def call(self) -> tuple[Call, str]:
        """What would be sent and to which address; needs no key."""
        address = address_for(
            self.provider.facts,
            base_url=self.options.get("base_url"),
            environment=environment,
            allow_http=self.options.get("allow_http", False),
        )
        return self.provider.encode(self.request), address or ""

    def _within_cost(self, source: Source) -> Source:
        limit, asked = self.options.get("max_cost"), self.request
        if limit is None or self.provider.facts.scripted:  # a script costs nothing
            return source
        return Budget(
            source,
            limit=limit,
            pricing=pricing_for(asked.provider, asked.model),
            request=asked,
            reason=missing_reason(asked.provider, asked.model),
        )

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
        other, name = choice.named(fallback)
        # Another model brings its own key and address.
        own = cast("Options", {k: v for k, v in self.options.items() if k not in OF_ONE_PROVIDER})
        second = msgspec.structs.replace(request, provider=other.facts.name, model=name, schema=None)
        if self.schema is not None:
            second = with_schema(second, self.schema, other.facts)
        registry.check_parameters(other, second)
        other.encode(second)
        return Fallback(first, _run(other, second, own), name=fallback)

    def source(self, approvals: Approvals) -> Source:
        """The run that asks, or its recording, or both; a replay asks nobody and needs no key."""
        said = described(self.request, limit=self.options.get("max_output_chunks"))
        return playback.source(
            said,
            lambda: self._within_cost(self._asking(approvals)),
            self.options,
            clock=self._clock,
            named=self.named,
        )

    def opened(self, source: Source, approvals: Approvals, *, labels: dict[str, Any]) -> Stream:
        """The stream over `source`, remembered as these options say; `labels` are those of a replay."""
        asked = self.request
        stream = Stream(
            source if self.schema is None else Checked(source, self.schema),
            prompt=asked.messages,
            metadata={"event_type": self.provider.facts.delta_event},
            chunk_size=self.options.get("chunk_size", 1),
            keep=self.options.get("keep", True),
            streamed=asked.stream,
            on_error=self.options.get("on_error", "raise"),
            backpressure=(self.options.get("timeouts") or Timeouts()).backpressure,
            approvals=approvals,
            pricing=None if labels else pricing_for(asked.provider, asked.model),
            clock=self.options.get("clock"),
        )
        stream.response.metadata |= {"provider": asked.provider, "model": asked.model, **labels}
        if self.schema is not None:
            stream.response.schema = self.schema
            stream.response.metadata["format"] = "table"
        past_runs.follow(stream.ledger)
        live_runs.follow(stream)
        stream.response.continuation = self.rest
        memory.remember(stream, self.options)
        return stream

    @property
    def _clock(self) -> Clock:
        return self.options.get("clock") or SystemClock()


OF_ONE_PROVIDER = frozenset({"base_url", "api_key", "client"})


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

    Raises `UsageError` for whatever is wrong, a parameter that the provider does not take included.
    `named`: whether the user chose the model; unless said, whether `model` is given. `trusted`: the tools
    that need no consent any more.
    """
    check_options(options)
    options = memory.placed(prompt, options)
    provider, name = choice.resolve(model, options)
    tools = toolbox(options.get("tools") or ())
    schema = None if options.get("schema") is None else Schema(options["schema"])
    request = _request(prompt, provider, name, options, tools=tools, streamed=streamed)
    if schema is not None:
        request = with_schema(request, schema, provider.facts)
    registry.check_parameters(provider, request)
    provider.encode(request)
    return Question(
        provider=provider,
        request=request,
        options=options,
        tools=tools,
        schema=schema,
        trusted=[] if trusted is None else trusted,
        named=bool(model) if named is None else named,
    )


def _request(
    prompt: Prompt,
    provider: Provider,
    model: str,
    options: Options,
    *,
    tools: Mapping[str, Tool],
    streamed: bool,
) -> Request:
    system, messages = split_system(*memory.said(prompt, options))
    stop = options.get("stop") or ()
    return Request(
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


def _run(provider: Provider, request: Request, options: Options) -> Run:
    return Run(
        provider,
        request,
        choice.link(provider, options),
        clock=options.get("clock") or SystemClock(),
        timeouts=options.get("timeouts"),
        policy=Policy(retries=options.get("retries", 2)),
        max_output_chunks=options.get("max_output_chunks"),
    )
