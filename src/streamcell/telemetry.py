"""Runs told to OpenTelemetry, by its conventions for generative AI, once `instrument` was called.

A run is one client span and a few metrics, whatever retries and tools it took. Neither prompt nor answer is
told unless asked. Names and buckets: https://opentelemetry.io/docs/specs/semconv/gen-ai/ (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from streamcell.core.response import StreamingResponse
from streamcell.errors import UsageError
from streamcell.live_runs import LiveRun, live_runs

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "openai-responses": "openai",
    "xai": "x_ai",
}
"""What the conventions call a provider, where that is not our name."""
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(4**power for power in range(14))
_BILLION: Final = 1_000_000_000

Attributes = dict[str, str | bool | int | float | tuple[str, ...]]


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool = False,
) -> Callable[[], None]:
    """Tell OpenTelemetry of every run of this process from now on; returns the function that ends it.

    A span ``chat MODEL`` has provider, model, stop reason, tokens and the time to the first token; a failure
    has its kind as ``error.type``. Metrics: ``gen_ai.client.operation.duration``,
    ``gen_ai.client.operation.time_to_first_chunk`` (seconds) and ``gen_ai.client.token.usage``. Without
    providers those that the program has set are used. With `content`, spans hold the messages, too. Replays
    are not told. Raises `UsageError` when opentelemetry-api is not installed.
    """
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise UsageError("OpenTelemetry is not installed; `pip install 'streamcell[metrics]'`") from None
    tracer = trace.get_tracer("streamcell", tracer_provider=tracer_provider)
    meter = metrics.get_meter("streamcell", meter_provider=meter_provider)

    def histogram(name: str, unit: str, what: str, buckets: tuple[float, ...]) -> Callable[..., None]:
        made = meter.create_histogram(name, unit, what, explicit_bucket_boundaries_advisory=list(buckets))
        return made.record

    return live_runs.watch(
        _Telling(
            lambda name, **given: tracer.start_span(name, kind=trace.SpanKind.CLIENT, **given),
            failed=lambda span, what: span.set_status(trace.StatusCode.ERROR, what),
            duration=histogram(
                "gen_ai.client.operation.duration", "s", "GenAI operation duration.", _SECONDS
            ),
            first=histogram(
                "gen_ai.client.operation.time_to_first_chunk",
                "s",
                "Time to receive the first chunk.",
                _SECONDS,
            ),
            tokens=histogram(
                "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", _TOKENS
            ),
            content=content,
        )
    )


class _Telling:
    """A watcher of runs: a span for each that goes."""

    def __init__(
        self,
        start: Callable[..., Span],
        *,
        failed: Callable[[Span, str], object],
        duration: Callable[..., None],
        first: Callable[..., None],
        tokens: Callable[..., None],
        content: bool,
    ) -> None:
        self._start = start
        self._failed = failed
        self._duration, self._first, self._tokens = duration, first, tokens
        self._content = content
        self._open: dict[int, tuple[Span, Attributes]] = {}

    def begun(self, run: LiveRun) -> None:
        response = run.response
        if response.metadata.get("replayed"):
            return
        asked = _asked(response.metadata)
        span = self._start(
            " ".join(["chat", *filter(None, [str(asked.get("gen_ai.request.model", ""))])]),
            attributes={**asked, "gen_ai.request.stream": response.streamed},
            start_time=_nanoseconds(response.start_time),
        )
        self._open[run.number] = span, asked

    def ended(self, run: LiveRun) -> None:
        span, asked = self._open.pop(run.number, (None, {}))
        if span is None:
            return
        response = run.response
        answered = dict(_answered(response))
        span.set_attributes(answered)
        if self._content:
            span.set_attributes(dict(_messages(response)))
        if response.error is not None:
            self._failed(span, response.error.kind)
        span.end(_nanoseconds(response.end_time))
        names = ("gen_ai.response.model", "error.type")
        self._measure(response, {**asked, **{name: answered[name] for name in names if name in answered}})

    def _measure(self, response: StreamingResponse, attributes: Attributes) -> None:
        metrics, usage = response.metrics, response.usage
        if metrics.duration is not None:
            self._duration(metrics.duration, attributes)
        if metrics.time_to_first_token is not None and response.streamed:
            self._first(metrics.time_to_first_token, attributes)
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                self._tokens(count, {**attributes, "gen_ai.token.type": kind})


def _asked(metadata: Mapping[str, Any]) -> Attributes:
    provider, model = str(metadata.get("provider") or "unknown"), metadata.get("model")
    said: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
    }
    return {**said, "gen_ai.request.model": str(model)} if model else said


def _answered(response: StreamingResponse) -> Iterator[tuple[str, str | int | float | tuple[str, ...]]]:
    usage, metrics, model = response.usage, response.metrics, response.metadata.get("model")
    if model and response.error is None:
        yield "gen_ai.response.model", str(model)
    if response.stop_reason is not None:
        yield "gen_ai.response.finish_reasons", (str(response.metadata.get("stop") or response.stop_reason),)
    counts = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    yield from ((name, count) for name, count in counts.items() if count is not None)
    if metrics.time_to_first_token is not None and response.streamed:
        yield "gen_ai.response.time_to_first_chunk", metrics.time_to_first_token
    if response.error is not None:
        yield "error.type", response.error.kind


def _messages(response: StreamingResponse) -> Iterator[tuple[str, str]]:
    """What was said, as far as it is text."""
    asked = [_message(message.role, message.content) for message in response.prompt_messages]
    answer = _message("assistant", response.text)
    yield "gen_ai.input.messages", json.dumps(asked, ensure_ascii=False)
    finished = {**answer, "finish_reason": response.stop_reason}
    yield "gen_ai.output.messages", json.dumps([finished], ensure_ascii=False)


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * _BILLION)
