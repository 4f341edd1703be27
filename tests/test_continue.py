"""An answer that was cut, and its rest: `response.continue_()` against a loopback server."""

from __future__ import annotations

import pickle

import pytest

import streamcell
from streamcell import StreamcellError, UsageError
from streamcell.continuation import INSTRUCTION, SEAM
from streamcell.events import Finished, Notice, ReasoningDelta, Started, TextDelta
from streamcell.testing import Fault, Script, WireServer, text_pieces, thinking_pieces, tool_pieces

FIRST = "One two three four five."
REST = "four five six."
CUT = Script.of(FIRST, fault=Fault("cut", after=3))
PARTIAL = "".join(piece.text for piece in text_pieces(FIRST)[:3])
WORDS = "openai:gpt-5-mini"
PREFILLED = "anthropic:claude-sonnet-4-5"


def ask(server, model=WORDS, prompt="Count", **options):
    where = {"base_url": server.base_url + ("/v1" if model == WORDS else ""), "api_key": "unused"}
    return streamcell.stream(prompt, model, **{**where, "retries": 0, "on_error": "keep", **options})


def test_the_rest_of_a_cut_answer_is_joined_to_it():
    with WireServer([CUT, Script.of(REST)]) as server:
        cut = ask(server).result()
        response = cut.continue_().result()
    assert cut.stop_reason == "truncated"
    assert cut.text == PARTIAL
    assert response.text == PARTIAL + REST
    assert response.stop_reason == "stop"
    assert "".join(chunk.content for chunk in response.chunks) == response.text


def test_the_seam_stands_between_the_two_pieces():
    with WireServer([CUT, Script.of(REST)]) as server:
        stream = ask(server).result().continue_()
        response = stream.result()
    events = list(stream.events())
    assert isinstance(events[0], Started)
    assert events[1:3] == [TextDelta(PARTIAL, 1), Notice("continued", SEAM, 1)]
    assert all(event.part > 1 for event in events[3:] if isinstance(event, TextDelta))
    assert response.metadata["notices"] == [SEAM]


def test_nothing_is_sent_before_the_continuation_is_read():
    with WireServer([CUT, Script.of(REST)]) as server:
        stream = ask(server).result().continue_()
        assert len(server.requests) == 1
        stream.result()
        assert len(server.requests) == 2


def test_a_model_that_takes_no_prefill_is_asked_in_words():
    with WireServer([CUT, Script.of(REST)]) as server:
        ask(server, system="Be brief", temperature=0.5).result().continue_().result()
        body = server.requests[1].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": PARTIAL},
        {"role": "user", "content": INSTRUCTION},
    ]
    assert body["temperature"] == 0.5


@pytest.mark.parametrize(
    "model",
    ["claude-sonnet-4-5", "claude-3-7-sonnet-latest", "claude-opus-4-20250514", "claude-haiku-4-5-20251001"],
)
def test_a_model_that_takes_one_goes_on_with_the_answer_itself(model):
    with WireServer([CUT, Script.of(REST)]) as server:
        ask(server, f"anthropic:{model}").result().continue_().result()
        turns = server.requests[1].body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert turns[1]["content"] == [{"type": "text", "text": PARTIAL.rstrip()}]


@pytest.mark.parametrize(
    "model", ["claude-opus-4-6", "claude-sonnet-4-6-20260201", "claude-sonnet-5", "claude-opus-4-10"]
)
def test_a_newer_model_of_the_same_vendor_is_asked_in_words(model):
    with WireServer([CUT, Script.of(REST)]) as server:
        ask(server, f"anthropic:{model}").result().continue_().result()
        turns = server.requests[1].body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]


def test_a_model_that_thought_is_asked_in_words_and_its_thinking_is_kept():
    thought = Script(pieces=(*thinking_pieces("hm"), *text_pieces(FIRST)), fault=Fault("cut", after=4))
    with WireServer([thought, Script.of(REST)]) as server:
        cut = ask(server, PREFILLED).result()
        stream = cut.continue_()
        response = stream.result()
        turns = server.requests[1].body["messages"]
    assert turns[-1]["role"] == "user"
    assert response.thinking == cut.thinking == "hm"
    assert ReasoningDelta("hm", 0) in list(stream.events())


def test_white_space_at_the_cut_is_there_once():
    spaced = Script(pieces=(TextDelta("One "), TextDelta("two.")), fault=Fault("cut", after=1))
    with WireServer([spaced, Script(pieces=(TextDelta(" two"), TextDelta(" three.")))]) as server:
        response = ask(server, PREFILLED).result().continue_().result()
        assert server.requests[1].body["messages"][-1]["content"][0]["text"] == "One"
    assert response.text == "One two three."


def test_white_space_that_was_sent_is_left_alone():
    spaced = Script(pieces=(TextDelta("One "), TextDelta("two.")), fault=Fault("cut", after=1))
    with WireServer([spaced, Script(pieces=(TextDelta(" two"),))]) as server:
        assert ask(server).result().continue_().result().text == "One  two"


def test_an_answer_can_be_continued_until_it_is_whole():
    with WireServer([CUT, Script.of(REST, fault=Fault("cut", after=2)), Script.of("six.")]) as server:
        second = ask(server).result().continue_().result()
        whole = second.continue_().result()
        said = server.requests[2].body["messages"]
    assert whole.text == f"{second.text}six."
    assert whole.stop_reason == "stop"
    assert [message["role"] for message in said] == ["user", "assistant", "user"]
    assert said[1]["content"] == second.text


def test_the_conversation_holds_one_answer():
    with WireServer([CUT, Script.of(REST)]) as server:
        response = ask(server).result().continue_().result()
    assert [(message.role, message.content) for message in response.messages] == [
        ("user", "Count"),
        ("assistant", PARTIAL + REST),
    ]


def test_an_answer_at_the_token_limit_can_be_continued():
    with WireServer([Script.of(FIRST, stop="length"), Script.of(REST)]) as server:
        assert ask(server).result().continue_().result().text == FIRST + REST


def test_a_stopped_answer_can_be_continued():
    with WireServer([Script.of(FIRST, fault=Fault("stall", after=3)), Script.of(REST)]) as server:
        stream = ask(server)
        for _ in stream:
            if stream.response.text == PARTIAL:
                break
        assert stream.result().stop_reason == "cancelled"
        assert stream.result().continue_().result().text == PARTIAL + REST


def test_a_connection_that_broke_can_be_continued_from_the_error():
    with WireServer([Script.of(FIRST, fault=Fault("reset", after=3)), Script.of(REST)]) as server:
        with pytest.raises(streamcell.StreamInterruptedError) as failure:
            ask(server, on_error="raise").result()
        assert failure.value.partial.continue_().result().text == PARTIAL + REST


def test_a_continuation_that_fails_at_once_leaves_the_first_piece_where_it_was():
    with WireServer([CUT, Script.of(REST, fault=Fault("status", status=401))]) as server:
        cut = ask(server).result()
        response = cut.continue_().result()
    assert (cut.text, response.text) == (PARTIAL, "")
    assert response.error.kind == "auth"


def test_a_call_in_the_rest_gets_a_part_of_its_own():
    script = Script(pieces=tool_pieces(0, "add", arguments={"a": 1}), stop="tool_calls")
    with WireServer([CUT, script]) as server:
        response = ask(server).result().continue_().result()
    assert [(call.name, call.part > 1) for call in response.tool_calls] == [("add", True)]


def test_an_answer_that_ended_well_is_not_continued():
    with WireServer(Script.of(FIRST)) as server:
        response = ask(server).result()
    with pytest.raises(UsageError, match="only a cut answer can be continued; this one ended with 'stop'"):
        response.continue_()


def test_an_answer_that_grows_is_not_continued():
    with WireServer(Script.of(FIRST)) as server, pytest.raises(UsageError, match="still growing"):
        ask(server).response.continue_()


def test_an_answer_without_text_is_not_continued():
    with WireServer(Script.of(FIRST, fault=Fault("empty"))) as server:
        response = ask(server).result()
    with pytest.raises(UsageError, match="cut before its first text; ask again"):
        response.continue_()


def test_an_answer_of_a_foreign_stream_has_nobody_to_ask():
    cut = [{"choices": [{"index": 0, "delta": {"content": "One"}}]}]
    response = streamcell.wrap(cut, on_error="keep").result()
    with pytest.raises(UsageError, match="nobody can be asked"):
        response.continue_()


def test_a_pickled_answer_takes_no_client_with_it():
    with WireServer(CUT) as server:
        response = ask(server).result()
    copy = pickle.loads(pickle.dumps(response))  # noqa: S301 - our own bytes
    assert copy.text == PARTIAL
    with pytest.raises(UsageError, match="nobody can be asked"):
        copy.continue_()


def test_options_of_the_first_call_hold_for_the_rest():
    with WireServer([CUT, Script.of(REST)]) as server:
        stream = ask(server, chunk_size=100, max_tokens=7).result().continue_()
        assert stream.result().chunk_count == 1
        assert server.requests[1].body["max_completion_tokens"] == 7


def test_a_continuation_ends_with_one_finish():
    with WireServer([CUT, Script.of(REST)]) as server:
        stream = ask(server).result().continue_()
        stream.result()
    ends = [event for event in stream.events() if isinstance(event, Finished)]
    assert ends == [Finished("stop", stop="stop")]


def test_the_error_of_a_second_cut_keeps_both_pieces():
    again = Script.of(REST, fault=Fault("cut", after=2))
    with WireServer([CUT, again]) as server:
        with pytest.raises(StreamcellError) as first:
            ask(server, on_error="raise").result()
        with pytest.raises(StreamcellError) as second:
            first.value.partial.continue_().result()
    assert second.value.partial.text == PARTIAL + "".join(piece.text for piece in text_pieces(REST)[:2])
