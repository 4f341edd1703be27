from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.wire import (
    BODY,
    LIMIT,
    JsonArray,
    JsonLines,
    Payload,
    Reader,
    ServerSentEvents,
    reader,
)
from streamcell.errors import LimitExceeded

PIECES = st.sampled_from(
    [
        b"data: ",
        b"data:",
        b"data",
        b"event: ping",
        b"event:x",
        b": keep-alive",
        b"id: 7",
        b"retry: 10",
        b"error: {}",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b'{"text": "h\xc3\xa9llo \xf0\x9f\x8c\x8d"}',
        b'{"a": {"b": "}\\"{"}}',
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b",",
        b"]",
        b" ",
        b"<html>",
        b"[DONE]",
        b"\xef\xbb\xbf",
        b"\xff",
    ]
)
BODIES = st.lists(PIECES, max_size=40).map(b"".join)
READERS = pytest.mark.parametrize("make", [ServerSentEvents, JsonLines, JsonArray])


def feed_all(instance: Reader, blocks: list[bytes]) -> list[Payload]:
    return [payload for block in blocks for payload in instance.feed(block)]


def read(maker: type[Reader], blocks: list[bytes]) -> list[Payload]:
    instance = maker()
    return feed_all(instance, blocks) + instance.close()


def events(text: str) -> list[Payload]:
    return read(ServerSentEvents, [text.encode()])


@READERS
@given(body=BODIES | st.binary(max_size=200), cuts=st.lists(st.integers(0, 300), max_size=12))
def test_any_cut_gives_what_the_whole_gives(make, body, cuts):
    edges = sorted({0, len(body), *(min(cut, len(body)) for cut in cuts)})
    blocks = [body[a:b] for a, b in pairwise(edges)]
    assert read(make, blocks) == read(make, [body])


@READERS
@given(body=BODIES)
def test_byte_by_byte_gives_what_the_whole_gives(make, body):
    assert read(make, [body[i : i + 1] for i in range(len(body))]) == read(make, [body])


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_line_end_is_known(end):
    assert events(f"event: a{end}data: 1{end}{end}data: 2{end}{end}") == [
        Payload("a", b"1"),
        Payload("", b"2"),
    ]


def test_a_payload_comes_out_with_the_byte_that_ends_it():
    lone_return = ServerSentEvents()
    assert lone_return.feed(b"data: 1\r\r") == [Payload("", b"1")]
    assert lone_return.feed(b"\ndata: 2\r\n\r") == [Payload("", b"2")]


def test_data_needs_no_space_and_keeps_all_but_the_first():
    assert events("data:1\n\ndata:  2\n\n") == [Payload("", b"1"), Payload("", b" 2")]


def test_several_data_lines_are_joined():
    assert events("data: {\ndata: }\n\n") == [Payload("", b"{\n}")]


def test_comments_ids_and_empty_frames_pass_by():
    assert events(": OPENROUTER PROCESSING\n\nid: 1\nretry: 5\ndata:\n\ndata\n\n") == []


def test_an_event_name_ends_with_its_event():
    assert events("event: ping\n\ndata: 1\n\n") == [Payload("", b"1")]


def test_a_byte_order_mark_hides_nothing():
    assert events("\ufeffdata: 1\n\n") == [Payload("", b"1")]
    assert read(JsonLines, [b'\xef\xbb\xbf{"a":1}\n']) == [Payload("", b'{"a":1}')]
    assert read(JsonArray, [b'\xef\xbb\xbf[{"a":1}]']) == [Payload("", b'{"a":1}')]


def test_the_last_event_needs_no_blank_line():
    assert events("data: 1\n\ndata: 2") == [Payload("", b"1"), Payload("", b"2")]


def test_an_error_field_is_an_error_event():
    assert events('error: {"message": "no"}\n\n') == [Payload("error", b'{"message": "no"}')]


def test_what_is_no_event_comes_out_as_the_body():
    page = "<html>\n<p>Bad gateway</p>\n</html>"
    assert events(page) == [Payload(BODY, page.encode())]
    assert events('data: 1\n\n{"error": 1}') == [Payload("", b"1"), Payload(BODY, b'{"error": 1}')]


def test_unknown_fields_never_fill_the_memory():
    instance = ServerSentEvents()
    feed_all(instance, [b"mood: " + b"x" * 60_000 + b"\n"] * (LIMIT // 60_000 + 1))
    assert len(instance.close()[0].data) < 200_000


def test_blank_lines_between_json_lines_are_passed_by():
    assert read(JsonLines, [b'{"a":1}\n\n \r\n{"b":2}']) == [
        Payload("", b'{"a":1}'),
        Payload("", b'{"b":2}'),
    ]


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=5),
            st.recursive(st.text(max_size=8) | st.integers(), lambda v: st.lists(v, max_size=3)),
            max_size=3,
        )
    )
)
def test_the_objects_of_an_array_come_out_one_by_one(objects):
    body = json.dumps(objects, indent=1, ensure_ascii=False).encode()
    assert [json.loads(payload.data) for payload in read(JsonArray, [body])] == objects


def test_an_object_of_an_array_comes_out_before_the_array_ends():
    assert JsonArray().feed(b'[{"a": "}"}\n') == [Payload("", b'{"a": "}"}')]


def test_an_array_that_is_cut_hands_out_its_rest():
    assert read(JsonArray, [b'[{"a":1},\n{"b":']) == [Payload("", b'{"a":1}'), Payload("", b'{"b":')]


def test_text_that_is_no_array_comes_out_as_the_body():
    assert read(JsonArray, [b"<html> a ", b" b"]) == [Payload(BODY, b"<html> a  b")]


@READERS
@pytest.mark.parametrize("size", [1024 * 1024, LIMIT + 64])
def test_a_line_without_end_is_refused(make, size):
    instance = make()
    start = b'data: {"a": "' if make is ServerSentEvents else b'{"a": "'
    instance.feed(start)
    with pytest.raises(LimitExceeded, match="8 MiB"):
        feed_all(instance, [b"x" * size] * (LIMIT // size + 1))


def test_an_event_without_end_is_refused():
    instance = ServerSentEvents()
    line = b"data: " + b"x" * 65_536 + b"\n"
    with pytest.raises(LimitExceeded, match="an event"):
        feed_all(instance, [line] * (LIMIT // 65_536 + 1))


def test_a_framing_has_its_reader():
    assert isinstance(reader("sse"), ServerSentEvents)
    assert isinstance(reader("ndjson"), JsonLines)
    assert isinstance(reader("json-array"), JsonArray)
