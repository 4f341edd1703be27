"""The scripted provider: what its models answer, and that the whole path reads them."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from streamcell.core.script import joined
from streamcell.core.wire import reader
from streamcell.events import Finished, ReasoningDelta, Started, TextDelta, ToolCall, UsageReport
from streamcell.io.wire_plan import Drop, plan
from streamcell.messages import Message, Request, TextPart, ToolSpec
from streamcell.providers.demo import answer, demo
from streamcell.providers.demo_scripts import MODELS

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "unit": {"enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city"],
}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}


def ask(prompt="Explain DNA", model="markdown", **fields):
    return answer({"model": model, "messages": [{"role": "user", "content": prompt}], **fields})


def said(prompt="Explain DNA", model="markdown", **fields):
    return joined(ask(prompt, model, **fields))


def request(prompt="Explain DNA", model="markdown", **fields):
    message = Message("user", (TextPart(prompt),))
    fields = {"extra": {"pace": 0}, **fields}
    return Request(provider="demo", model=model, messages=(message,), **fields)


def decoded(asked):
    """The events of the answer to `asked`: encoded, written, read and decoded by the real pieces."""
    call = demo.encode(asked)
    steps = plan(answer(call.body), call.path, call.body).steps
    body = b"".join(step.data for step in steps)
    if not asked.stream:
        return list(demo.decode_whole(asked, body))
    lines, decoder = reader("sse"), demo.decoder(asked)
    payloads = [*lines.feed(body), *lines.close()]
    return [*(event for payload in payloads for event in decoder.feed(payload)), *decoder.close()]


def kinds(markdown):
    return {token.type for token in MARKDOWN.parse(markdown)}


# -- the models


@pytest.mark.parametrize("prompt", ["Explain DNA", "x", "", "Что это?", "a\nb\nc"])
def test_markdown_always_has_headings_a_list_a_table_and_code(prompt):
    script = ask(prompt)
    text = joined(script).text
    assert {"heading_open", "bullet_list_open", "table_open", "fence"} <= kinds(text)
    assert {token.tag for token in MARKDOWN.parse(text) if token.type == "heading_open"} == {"h2"}
    assert len(script.pieces) >= 48


@pytest.mark.parametrize(
    "model", ["markdown", "thinking", "slow", "long", "error", "refusal", "unicode", "tools"]
)
def test_an_answer_says_that_it_is_scripted(model):
    whole = said(model=model)
    assert "scripted" in whole.text + whole.refusal


@pytest.mark.parametrize("model", sorted(MODELS))
def test_the_same_prompt_gets_the_same_answer(model):
    assert ask(model=model, tools=[TOOL]) == ask(model=model, tools=[TOOL])


def test_different_prompts_get_different_answers():
    assert len({said(f"prompt {number}").text.replace(str(number), "") for number in range(40)}) > 5


def test_the_answer_names_the_words_of_the_prompt():
    assert "Explain DNA\u2019s role in a follow-up" in said('Explain *DNA\'s* role, in a "follow-up"!').text


@given(st.text(alphabet=st.sampled_from("ab1 \n`*_[]()<>!#|&;:/\\~-+=$'\"@.")))
def test_no_markdown_of_a_prompt_becomes_active(prompt):
    active = {"html_inline", "html_block", "link_open", "image", "em_open"}
    inline = [child.type for token in MARKDOWN.parse(said(prompt).text) for child in token.children or ()]
    assert not active & {*kinds(said(prompt).text), *inline}
    assert inline.count("strong_open") == 1
    assert "code_inline" not in inline


def test_control_characters_of_a_prompt_are_left_out():
    text = said("a\u202eb c\x1b[31md \u200bq").text
    assert not re.search("[\u202e\x1b\u200b]", text)


def test_tools_calls_every_tool_with_arguments_that_fit():
    other = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}
    script = ask("What is the weather in Paris for 3 days?", "tools", tools=[TOOL, other])
    first, second = joined(script).calls
    assert (first.name, second.name, second.arguments) == ("get_weather", "now", "{}")
    jsonschema.validate(json.loads(first.arguments), WEATHER)
    assert json.loads(first.arguments) == {"city": "Paris", "days": 3, "unit": "celsius"}
    assert len(script.pieces) > 6
    assert script.stop == "tool_calls"
    assert first.id != second.id


def test_tools_answers_with_the_results():
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": []},
        {"role": "tool", "tool_call_id": "a", "content": '{"degrees": 21}'},
        {"role": "tool", "tool_call_id": "b", "content": "``x`` <img src=y>"},
    ]
    text = joined(answer({"model": "tools", "messages": messages, "tools": [TOOL]})).text
    assert '{"degrees": 21}' in text
    assert "html_inline" not in [
        child.type for token in MARKDOWN.parse(text) for child in token.children or ()
    ]


def test_results_of_an_earlier_question_do_not_answer_a_new_one():
    messages = [
        {"role": "tool", "tool_call_id": "a", "content": "old"},
        {"role": "user", "content": "Weather?"},
    ]
    assert joined(answer({"model": "tools", "messages": messages, "tools": [TOOL]})).calls


def test_thinking_comes_before_the_text():
    pieces = [type(piece) for piece in ask(model="thinking").pieces]
    assert pieces == sorted(pieces, key=[ReasoningDelta, TextDelta].index)
    assert set(pieces) == {ReasoningDelta, TextDelta}


def test_json_fits_the_schema():
    schema = {"type": "array", "items": WEATHER, "minItems": 4}
    wanted = {"type": "json_schema", "json_schema": {"name": "rows", "schema": schema}}
    for model in ("json", "markdown"):
        jsonschema.validate(json.loads(said(model=model, response_format=wanted).text), schema)
    assert json.loads(said(model="json").text)["scripted"] is True


@pytest.mark.parametrize("prompt", ["x", "a long question " * 30])
def test_slow_takes_between_twenty_and_sixty_seconds(prompt):
    script = ask(prompt, "slow")
    assert 20 < script.delay + script.pace * len(script.pieces) < 60


def test_error_breaks_within_two_seconds_after_sixty_characters():
    for stream in (True, False):
        body = {"model": "error", "messages": [{"role": "user", "content": "x"}], "stream": stream}
        script = answer(body)
        *before, last = plan(script, "/chat/completions", body).steps
        assert last == Drop(reset=False)
        assert max(step.due for step in before) < 2
    assert len(joined(script).text) > 60


def test_long_has_thousands_of_tokens():
    assert len(ask(model="long").pieces) > 2000


def test_unicode_holds_many_scripts_and_joined_emoji():
    text = said(model="unicode").text
    assert all(sample in text for sample in ("中文", "العربية", "עברית", "👩‍🔬", "e\u0301"))


def test_an_unknown_model_is_refused_with_the_list_of_models():
    call = demo.encode(request(model="nothing"))
    refused = plan(answer(call.body), call.path, call.body)
    body = b"".join(step.data for step in refused.steps)
    info = demo.decode_error(refused.status, refused.headers, body)
    assert (refused.status, info.kind, info.code) == (404, "not_found", "model_not_found")
    assert all(f"demo:{name}" in info.message for name in MODELS)


# -- timing, limits, usage


def test_the_usual_pace_is_that_of_a_hosted_model():
    script = ask()
    assert 60 <= 1 / script.pace <= 80
    assert 0.15 <= script.delay <= 0.4


def test_pace_and_delay_can_be_asked_for():
    script = ask(pace="0.001", delay=0)
    assert (script.pace, script.delay) == (0.001, 0)
    assert ask(model="slow", pace=0).pace == 0


def test_the_surroundings_pace_hurries_all_but_the_slow_model():
    message = {"role": "user", "content": "x"}
    hurried = answer({"model": "markdown", "messages": [message]}, pace=0.0)
    assert (hurried.pace, hurried.delay) == (0, 0)
    assert answer({"model": "slow", "messages": [message]}, pace=0.0).pace > 0.05
    assert answer({"model": "markdown", "messages": [message], "pace": 0.5}, pace=0.0).pace == 0.5


@pytest.mark.parametrize("pace", ["fast", -1, "nan", "inf", 1000, []])
def test_a_pace_that_is_no_time_is_refused(pace):
    assert ask(pace=pace).fault.status == 400


def test_a_token_limit_cuts_the_answer():
    script = ask(max_tokens=5)
    assert (len(script.pieces), script.stop, script.usage.output_tokens) == (5, "length", 5)


# -- the dialect


@pytest.mark.parametrize("stream", [True, False])
def test_the_provider_reads_its_own_answer_and_says_that_it_is_scripted(stream):
    events = decoded(request(stream=stream))
    assert (events[0].provider, events[0].model, events[0].scripted) == ("demo", "markdown", True)
    assert isinstance(events[0], Started)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == said().text
    assert events[-1] == Finished("stop", stop="stop")
    usage = next(event.usage for event in events if isinstance(event, UsageReport))
    assert usage.output_tokens == len(ask().pieces)
    assert usage.input_tokens > 0


def test_the_provider_reads_thinking_tool_calls_and_refusals():
    thought = decoded(request(model="thinking"))
    assert "script" in "".join(event.text for event in thought if isinstance(event, ReasoningDelta))
    tool = ToolSpec("get_weather", "", WEATHER)
    called = decoded(request("In Rome?", "tools", tools=(tool,)))
    assert [event.arguments["city"] for event in called if isinstance(event, ToolCall)] == ["Rome"]
    assert called[-1].reason == "tool_calls"
    assert decoded(request(model="refusal"))[-1].reason == "refusal"
