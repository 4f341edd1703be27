"""What OpenTelemetry is told of runs, caught by its own SDK."""

import json
import sys

import pytest

from streamcell import stream, telemetry, wrap
from streamcell.errors import StreamcellError, UsageError

pytest.importorskip("opentelemetry.sdk")
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

PROMPT = "Explain DNA to a very secretive reader"


class Told:
    """Spans and metrics so far."""

    def __init__(self):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracing = TracerProvider(shutdown_on_exit=False)
        self.tracing.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.metering = MeterProvider([self.reader], shutdown_on_exit=False)

    def begin(self, **options):
        return telemetry.instrument(tracer_provider=self.tracing, meter_provider=self.metering, **options)

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def points(self):
        data = json.loads(self.reader.get_metrics_data().to_json())
        return {
            metric["name"]: metric["data"]["data_points"]
            for resource in data["resource_metrics"]
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
        }


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def instrumented(told):
    end = told.begin()
    yield told
    end()


def test_a_run_is_a_client_span_with_the_attributes_of_the_conventions(instrumented):
    response = stream(PROMPT, "demo:markdown").result()
    (span,) = instrumented.spans
    assert (span.name, span.kind) == ("chat markdown", SpanKind.CLIENT)
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "demo",
        "gen_ai.request.model": "markdown",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": response.metadata["model"],
        "gen_ai.response.finish_reasons": (response.metadata["stop"],),
        "gen_ai.usage.input_tokens": response.usage.input_tokens,
        "gen_ai.usage.output_tokens": response.usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": response.usage.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": response.usage.reasoning_tokens,
        "gen_ai.response.time_to_first_chunk": response.metrics.time_to_first_token,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.end_time - span.start_time == pytest.approx(response.duration * 1e9, rel=0.01)


def test_the_metrics_are_those_of_the_conventions(instrumented):
    response = stream(PROMPT, "demo:markdown").result()
    points = instrumented.points()
    assert sorted(points) == [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    ]
    (duration,) = points["gen_ai.client.operation.duration"]
    assert duration["sum"] == response.metrics.duration
    assert duration["attributes"]["gen_ai.request.model"] == "markdown"
    kinds = {
        point["attributes"]["gen_ai.token.type"]: point["sum"]
        for point in points["gen_ai.client.token.usage"]
    }
    assert kinds == {"input": response.usage.input_tokens, "output": response.usage.output_tokens}


def test_a_failure_has_its_kind_and_no_words_of_the_provider(instrumented):
    with pytest.raises(StreamcellError) as raised:
        stream(PROMPT, "demo:error").result()
    (span,) = instrumented.spans
    assert span.attributes["error.type"] == raised.value.kind
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, raised.value.kind)


def test_a_span_belongs_to_the_span_around_its_asking(instrumented):
    tracer = instrumented.tracing.get_tracer("user")
    with tracer.start_as_current_span("around") as around:
        stream(PROMPT, "demo:markdown").result()
    inner, _ = instrumented.spans
    assert inner.parent.span_id == around.get_span_context().span_id


def test_nobody_hears_what_was_said_unless_asked(instrumented):
    response = stream(PROMPT, "demo:markdown").result()
    (span,) = instrumented.spans
    assert PROMPT not in span.to_json()
    assert response.text[:20] not in span.to_json()


def test_with_content_the_messages_are_told(told):
    end = told.begin(content=True)
    response = stream(PROMPT, "demo:markdown").result()
    end()
    (span,) = told.spans
    (asked,) = json.loads(span.attributes["gen_ai.input.messages"])
    assert asked == {"role": "user", "parts": [{"type": "text", "content": PROMPT}]}
    (answer,) = json.loads(span.attributes["gen_ai.output.messages"])
    assert answer["parts"] == [{"type": "text", "content": response.text}]


def test_after_its_end_nothing_is_told(told):
    told.begin()()
    wrap(iter(["a", "b"])).result()
    assert told.spans == ()


def test_a_stream_of_others_is_told_as_far_as_it_is_known(instrumented):
    wrap(iter(["a", "b"])).result()
    (span,) = instrumented.spans
    assert span.name == "chat"
    assert span.attributes["gen_ai.provider.name"] == "unknown"


def test_without_opentelemetry_there_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(UsageError, match=r"pip install 'streamcell\[metrics\]'"):
        telemetry.instrument()
