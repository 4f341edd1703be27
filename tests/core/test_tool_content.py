"""What the model is told of a tool's work."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.response import StreamingResponse
from streamcell.core.tool_content import LONGEST_CONTENT, LONGEST_FAILURE, content_of, failure_of
from streamcell.messages import StreamChunk, TextPart

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@dataclasses.dataclass
class Day:
    date: dt.date
    degrees: float


class Place(pydantic.BaseModel):
    name: str
    key: pydantic.SecretStr = pydantic.SecretStr("hidden")


class Colour(enum.StrEnum):
    red = "red"


class Broken:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("as it is: ä\n", "as it is: ä\n"),
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (Colour.red, "red"),
        (Decimal("1.10"), "1.10"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (float("nan"), "NaN"),
        ({"days": [Day(dt.date(2026, 1, 2), 3.5)]}, '{"days":[{"date":"2026-01-02","degrees":3.5}]}'),
        (Place(name="Rome"), '{"name":"Rome","key":"**********"}'),
        (TextPart("hi"), '{"type":"text","text":"hi"}'),
        (range(3), "[0,1,2]"),
        ((letter for letter in "ab"), '["a","b"]'),
        (b"\xff", "b'\\xff'"),
        (np.int64(3), "3"),
        (np.float32(1.5), "1.5"),
        (np.bool_(True), "true"),  # noqa: FBT003 - numpy's own signature
        (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
        ([np.datetime64("2026-01-02")], '["2026-01-02"]'),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), "a,b\n1,x\n2,\n"),
        (pd.DataFrame({"a": [1]}, index=["row"]), ",a\nrow,1\n"),
        (pd.Series([1, 2], name="a"), "a\n1\n2\n"),
        (object(), "<object object>"),
        (Broken(), "<Broken>"),
    ],
)
def test_a_value_is_told_as_text(value, told):
    assert content_of(value) == told


@given(value=JSON)
def test_json_is_told_as_json(value):
    told = content_of(value)
    assert told == value if isinstance(value, str) else json.loads(told) == value


def test_an_answer_is_told_by_its_text():
    answer = StreamingResponse()
    answer.add_chunk(StreamChunk("Rome is warm"))
    assert content_of(answer) == "Rome is warm"


def test_a_value_that_holds_itself_is_told():
    loop: list[object] = []
    loop.append(loop)
    assert content_of(loop) == "[[...]]"


@pytest.mark.parametrize("value", ["\ud800", ["\ud800"], ValueError("\ud800")])
def test_half_a_character_can_be_sent(value):
    assert content_of(value).encode()


def test_a_long_result_is_cut_and_says_how_much_is_left_out():
    told = content_of("x" * (LONGEST_CONTENT + 1_234))
    assert told == "x" * LONGEST_CONTENT + "… [cut: 1,234 more characters]"


def test_a_result_without_an_end_is_cut():
    def count():
        number = 0
        while True:
            yield number
            number += 1

    told = content_of(count())
    assert told.startswith("[0,1,2,")
    assert told.endswith("more characters]")


def test_a_long_table_is_cut_by_rows():
    told = content_of(pd.DataFrame({"a": range(1_500)}))
    assert told.endswith("\n999\n… [cut: 500 more rows]")


def test_a_large_array_is_told_as_its_summary():
    assert content_of(np.zeros((1_000, 1_000))).startswith("shape (1000, 1000), float64\n[[0. 0. 0. ...")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no such\n  city"), "ValueError: no such city"),
        (KeyError("city"), "KeyError: 'city'"),
        (TimeoutError(), "TimeoutError"),
        (RuntimeError(object()), "RuntimeError: <object object>"),
        (RuntimeError(Broken()), "RuntimeError"),
        (
            ExceptionGroup("two", [ValueError("one"), TypeError("other")]),
            "ExceptionGroup: ValueError: one; TypeError: other",
        ),
    ],
)
def test_a_failure_is_one_line(error, told):
    assert failure_of(error) == told


def test_a_long_failure_is_cut():
    told = failure_of(ValueError("x" * 5_000))
    assert len(told) == LONGEST_FAILURE
    assert told.endswith("x…")
