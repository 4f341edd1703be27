"""Several models asked together, against loopback servers."""

from __future__ import annotations

import asyncio
import sys

import pytest

from streamcell import Conversation, UsageError
from streamcell.core.metrics import Metrics
from streamcell.core.response import StreamingResponse
from streamcell.core.script import Fault, Script, text_pieces
from streamcell.events import Usage
from streamcell.many.comparison import Comparison, compare, waits
from streamcell.testing import WireServer

ANSWER = Script.of("one two three", usage=Usage(3, 4))


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """No key and no provider of the developer's own; demo answers come at once."""
    for name in ("LLM_PROVIDER", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "DEMO_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STREAMCELL_DEMO_PACE", "0")


def asked(models, **options):
    return asyncio.run(compare("Hi", models, **options))


def asked_of(server, models, **options):
    return asked(models, base_url=f"{server.base_url}/v1", **options)


def test_the_answers_are_kept_by_model_as_the_caller_named_it():
    answers = asked(["demo:markdown", "demo/thinking"])
    assert list(answers) == ["demo:markdown", "demo/thinking"]
    assert all(isinstance(answer, StreamingResponse) for answer in answers.values())
    assert answers["demo:markdown"].text
    assert answers["demo/thinking"].thinking


def test_a_model_named_again_is_asked_again_and_numbered():
    assert list(asked(["demo"] * 3)) == ["demo", "demo#2", "demo#3"]


def test_a_name_that_looks_like_a_number_loses_no_answer():
    with WireServer(ANSWER) as server:
        answers = asked_of(server, ["openai:m#2", "openai:m", "openai:m"])
    assert list(answers) == ["openai:m#2", "openai:m", "openai:m#3"]


def test_options_go_to_every_model():
    with WireServer(ANSWER) as server:
        asked_of(server, ["openai:a", "openai:b"], temperature=0.5)
        assert {(sent.body["model"], sent.body["temperature"]) for sent in server.requests} == {
            ("a", 0.5),
            ("b", 0.5),
        }


def test_the_streams_run_at_the_same_time_and_are_cancelled_together():
    silence = Script(fault=Fault("stall"))

    async def main():
        async with WireServer(silence) as server:
            comparing = asyncio.create_task(
                compare("Hi", ["openai:a", "openai:b", "openai:c"], base_url=f"{server.base_url}/v1")
            )
            await server.received(3)
            comparing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await comparing
            for connection in range(3):
                await server.closed(connection)
            return server.open_connections

    assert asyncio.run(main()) == 0


# Blocking calls


def test_a_blocking_call_stands_behind_the_stream_it_goes_with():
    with WireServer(ANSWER) as server:
        answers = asked_of(server, ["openai:a", "openai:a"], blocking=True)
    assert list(answers) == ["openai:a", "openai:a (blocking)", "openai:a#2", "openai:a#2 (blocking)"]
    assert [answer.streamed for answer in answers.values()] == [True, False, True, False]
    assert {answer.text for answer in answers.values()} == {"one two three"}


def test_no_blocking_call_begins_before_all_streams_are_over():
    def answer(_path, _headers, body):
        return Script.of("one two three", pace=0.01 if body["model"] == "slow" else 0.0)

    with WireServer(answer) as server:
        answers = asked_of(server, ["openai:fast", "openai:slow"], blocking=True)
        assert [sent.body.get("stream", False) for sent in server.requests] == [True, True, False, False]
    over = max(answer.end_time for answer in answers.values() if answer.streamed)
    assert all(answer.start_time >= over for answer in answers.values() if not answer.streamed)


def test_two_answers_can_be_set_side_by_side_afterwards():
    async def main():
        both = await compare("Hi", ["demo:markdown"], blocking=True)
        return waits(*both.values())

    side_by_side = asyncio.run(main())
    assert list(side_by_side) == ["demo:markdown", "demo:markdown (blocking)"]
    assert " instead of " in side_by_side.picture.caption


def test_answers_of_nobody_knows_whom_can_be_set_side_by_side():
    answers = waits(StreamingResponse(), StreamingResponse(streamed=False))
    assert list(answers) == ["streamed", "streamed (blocking)"]


# Failures


@pytest.mark.parametrize("said", [{}, {"on_error": "raise"}])
def test_a_model_that_fails_does_not_stop_the_others(said):
    def answer(_path, _headers, body):
        failing = Script(pieces=text_pieces("half of"), fault=Fault("cut", after=1))
        return failing if body["model"] == "bad" else ANSWER

    with WireServer(answer) as server:
        answers = asked_of(server, ["openai:bad", "openai:good"], **said)
    assert answers["openai:good"].text == "one two three"
    assert (answers["openai:bad"].text, answers["openai:bad"].stop_reason) == ("half", "truncated")
    assert list(answers.failures) == ["openai:bad"]


@pytest.mark.parametrize(
    ("models", "options", "words"),
    [
        (["demo"], {"temprature": 1}, "temperature"),
        (["demo", "demo:no"], {"chunk_size": 0}, "chunk_size"),
        ([], {}, "at least one"),
        ("demo:markdown", {}, r"\['demo:markdown', …\]"),
        (["demo", None], {}, "None"),
        (None, {}, r"models is a list of names, not NoneType; write \['provider:model', …\]"),
        (7, {}, "not int"),
        (["demo", "openai:m"], {}, "OPENAI_API_KEY"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent(models, options, words):
    with pytest.raises(UsageError, match=words):
        asked(models, **options)


def test_several_answers_do_not_go_into_one_conversation():
    with pytest.raises(UsageError, match="one conversation"):
        asked(["demo", "demo"], conversation=Conversation())


# What is shown


def test_a_comparison_is_a_plain_dict_with_a_page():
    answers = asked(["demo:markdown", "demo:thinking"])
    assert isinstance(answers, dict)
    bundle = answers._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain", "image/svg+xml"}
    assert all(f"<h2>{model}</h2>" in bundle["text/html"] for model in answers)
    assert "demo:thinking: first text" in bundle["text/plain"]


def test_the_summary_leaves_the_answers_out():
    answers = asked(["demo:markdown"])
    shown = answers.summary._repr_mimebundle_()
    assert "<table>" in shown["text/html"]
    assert "<h2>" not in shown["text/html"]


def test_the_figures_are_a_frame_with_a_row_for_each_answer():
    answer = StreamingResponse()
    answer.metrics = Metrics(time_to_first_token=0.4, duration=6.2, output_tokens=7, characters=30)
    frame = Comparison({"a": answer, "b": StreamingResponse(streamed=False)}).to_frame()
    assert list(frame.index) == ["a", "b"]
    assert frame.loc["a", "time_to_first_token"] == 0.4
    assert list(frame["streamed"]) == [True, False]


def test_without_pandas_the_frame_is_refused_with_a_word(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="install pandas"):
        Comparison().to_frame()
