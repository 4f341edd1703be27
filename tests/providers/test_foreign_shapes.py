from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreign_json import VALUES
from streamcell import StreamcellError, UsageError
from streamcell.core.fold import Fold
from streamcell.core.response import StreamingResponse
from streamcell.messages import Request
from streamcell.providers import registry
from streamcell.providers.foreign_shapes import payload_of, reader_of
from streamcell.providers.foreign_text import NAME, TextDecoder


@pytest.mark.parametrize(
    ("item", "reader"),
    [
        ("text", NAME),
        ({"choices": []}, "openai"),
        ({"id": "c", "object": "chat.completion.chunk", "choices": None}, "openai"),
        ({"error": {"message": "no"}}, "openai"),
        ({"type": "response.created"}, "openai-responses"),
        ({"type": "message_start"}, "anthropic"),
        ({"type": "content_block_delta", "index": 0}, "anthropic"),
        ({"candidates": []}, "gemini"),
        ({"usageMetadata": {}}, "gemini"),
        ({"message": {"content": "a"}, "done": False}, "ollama"),
        ({"response": "a", "done": False}, "ollama"),
        ({"type": "ping"}, None),
        ({"type": "text", "text": "a helper's event"}, None),
        ({}, None),
    ],
)
def test_the_first_item_that_tells_decides_who_reads(item, reader):
    assert reader_of(payload_of(item)) == reader


class Event:
    """An event as the helper of an official client wraps a chunk."""

    type = "chunk"
    chunk = {"choices": []}  # noqa: RUF012 - a plain value of the test


def test_a_chunk_inside_a_helpers_event_is_taken_out():
    assert json.loads(payload_of(Event()).data) == {"choices": []}


def test_an_event_keeps_its_name():
    assert payload_of({"type": "content_block_delta"}).event == "content_block_delta"


class Pydantic:
    """What is used of a pydantic object."""

    def __init__(self, text):
        self._text = text

    def model_dump_json(self, *, by_alias, exclude_unset, exclude, warnings):
        assert (by_alias, exclude_unset, warnings) == (True, True, False)
        assert "snapshot" in exclude  # all the text so far, in each event of a helper
        return json.dumps({"choices": [], "text": self._text}, ensure_ascii=False).encode().decode()

    def model_dump(self, **_settings):
        return {"choices": [], "text": self._text}


@pytest.mark.parametrize("text", ["plain", "\ud83d"])
def test_an_object_is_dumped_even_with_half_a_character(text):
    assert json.loads(payload_of(Pydantic(text)).data) == {"choices": [], "text": text}


@pytest.mark.parametrize("item", [1, b"bytes", None, object(), ["a"]])
def test_what_is_no_chunk_is_refused_by_its_type(item):
    with pytest.raises(UsageError, match=f"a stream of {type(item).__name__} cannot be read"):
        payload_of(item)


def test_what_has_no_json_form_is_refused():
    endless = {}
    endless["endless"] = endless
    with pytest.raises(UsageError, match="no JSON form"):
        payload_of(endless)


@given(st.lists(st.dictionaries(st.sampled_from(["choices", "type", "done", "message", "error"]), VALUES)))
def test_any_dictionaries_end_as_an_answer_or_as_an_error_of_ours(items):
    payloads = [payload_of(item) for item in items]
    for payload in payloads:
        name = reader_of(payload)
        if name is None:
            continue
        decoder = registry.installed().provider(name).decoder(Request(provider=name, model="m", messages=()))
        try:
            for each in payloads:
                list(decoder.feed(each))
            list(decoder.close())
        except StreamcellError:
            pass


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()))))
def test_any_strings_are_their_own_text(pieces):
    decoder, response = TextDecoder("text", ""), StreamingResponse()
    fold = Fold(response)
    for piece in pieces:
        for event in decoder.feed(payload_of(piece)):
            fold.add(event)
    for event in decoder.close():
        fold.add(event)
    assert response.text == "".join(pieces)
    assert response.stop_reason == "stop"
