from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.providers.mending import parse_mended


@given(
    st.recursive(
        st.none() | st.integers(-(2**60), 2**60) | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    )
)
def test_good_json_is_read_as_it_is(value):
    assert parse_mended(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'["a\xff"]', ["a\ufffd"]),
        (rb'["\ud83d"]', ["\ufffd"]),
        (rb'["\ude00", "\ud83d\ude00\ud83d"]', ["\ufffd", "\U0001f600\ufffd"]),
        (rb'["\\ud83d", NaN]', ["\\ud83d", None]),
        (b'["a\x01b", Infinity]', ["a\x01b", None]),
    ],
)
def test_what_cannot_be_read_is_replaced(body, value):
    assert parse_mended(body) == value


@pytest.mark.parametrize("body", [b"", b"[", b"<html>", b"[" * 100_000, b"9" * 10_000 + b"x"])
def test_what_is_no_json_is_none(body):
    assert parse_mended(body) is None


@given(st.binary())
def test_mended_text_can_be_written_out(body):
    json.dumps(parse_mended(body), ensure_ascii=False).encode()
