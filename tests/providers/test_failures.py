from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.errors import StreamcellError
from streamcell.providers import failures
from streamcell.providers.failures import clean, of_event, of_status, retry_after


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (307, "redirect", False),
        (400, "bad_request", False),
        (401, "auth", False),
        (402, "payment", False),
        (403, "permission", False),
        (404, "not_found", False),
        (408, "server", True),
        (409, "conflict", False),
        (413, "too_large", False),
        (418, "bad_request", False),
        (422, "bad_request", False),
        (429, "rate_limit", True),
        (500, "server", True),
        (502, "server", True),
        (503, "overloaded", True),
        (529, "overloaded", True),
    ],
)
def test_a_status_has_a_kind(status, kind, retryable):
    info = of_status(status, {}, b'{"error": {"message": "because"}}')
    assert (info.kind, info.retryable, info.status) == (kind, retryable, status)
    assert f"HTTP {status}: because" in info.message


def test_a_spent_quota_is_no_rate_limit():
    info = of_status(429, {}, b'{"error": {"message": "m", "code": "insufficient_quota"}}')
    assert (info.kind, info.retryable) == ("payment", False)


@pytest.mark.parametrize(
    ("wish", "status", "retryable"), [("true", 400, True), ("false", 500, False), ("?", 500, True)]
)
def test_the_servers_wish_decides_about_retrying(wish, status, retryable):
    assert of_status(status, {"x-should-retry": wish}, b"").retryable is retryable


@pytest.mark.parametrize(
    ("body", "text", "code"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c"}}, "m", "c"),
        ({"error": {"message": "m", "type": "t", "code": None}}, "m", "t"),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, "m", "t"),
        ({"error": "m"}, "m", None),
        ({"error": "c", "message": "m"}, "m", "c"),
        ({"detail": "m"}, "m", None),
        ({"message": "m", "code": 17}, "m", "17"),
        ([{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}], "m", "INVALID_ARGUMENT"),
        ({"detail": [{"loc": ["body"]}]}, "[{'loc': ['body']}]", None),
    ],
)
def test_the_reason_is_found_wherever_it_stands(body, text, code):
    info = of_status(422, {}, json.dumps(body).encode())
    assert (info.message, info.code) == (f"HTTP 422: {text}", code)


def test_a_web_page_is_not_repeated():
    for body in (b"<!doctype html><p>secret", b'{"error": {"message": "<html>secret</html>"}}'):
        message = of_status(502, {}, body).message
        assert "web page" in message
        assert "secret" not in message


@given(st.text(max_size=50), st.integers(1, 3000))
def test_foreign_text_is_one_short_line(text, times):
    line = clean(text * times)
    assert len(line.encode()) <= failures.TEXT_LIMIT
    assert not any(
        ord(character) < 32 or 127 <= ord(character) < 160 or "\u202a" <= character <= "\u202e"
        for character in line
    )


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(["error", "message", "code", "type", "status", "detail", "response"]), v
            )
        ),
    )
)
def test_any_json_is_some_failure(body):
    assert of_event(body).message
    assert of_status(500, {}, json.dumps(body).encode()).message
    assert isinstance(failures.not_an_answer(json.dumps(body).encode()), StreamcellError)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"date": "Sat, 21 Nov 2026 08:00:00 GMT", "retry-after": "Sat, 21 Nov 2026 08:00:09 GMT"}, 9.0),
        ({"date": "Sat, 21 Nov 2026 08:00:00 GMT", "retry-after": "Sat, 21 Nov 2026 07:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 08:00:09 GMT"}, None),
        ({"date": "?", "retry-after": "Sat, 21 Nov 2026 08:00:09 GMT"}, None),
    ],
)
def test_the_wait_is_read_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds


def test_the_request_id_is_kept():
    assert of_status(500, {"request-id": "r1"}, b"").request_id == "r1"
    assert of_event({"error": {"message": "m"}, "request_id": "r2"}).request_id == "r2"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no <model> found, 1 < 2 > 0", "no <model> found, 1 < 2 > 0"),
        ("a<!-- hidden --><noscript>b</noscript>c", "a b c"),
        ("<video src=x onerror=a()>x<textarea>", "x"),
        ("<details ontoggle=a()>x<object data=y>", "x"),
        ("<x-y onclick=a()>x", "x"),
        ("cut <img src=x onerror=a()", "cut"),
        ("cut <!-- without an end", "cut"),
        ("<i<b>mg src=x>", "(i mg src=x)"),
    ],
)
def test_no_tag_of_a_page_is_left(text, line):
    assert clean(text) == line
