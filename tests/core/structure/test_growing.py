"""JSON read while it grows: every beginning of a document says a part of it, and takes nothing back."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import enum
import itertools
import json
import math
import pathlib
import pickle
from collections.abc import Mapping
from typing import Annotated, Literal, TypedDict

import jiter
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Base64Str, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from streamcell.core.response import StreamingResponse
from streamcell.core.structure import growing
from streamcell.core.structure.growing import EXACT, STEP, Growing, document, read_beginning
from streamcell.core.structure.schema import Schema
from streamcell.messages import StreamChunk


class Shade(enum.Enum):
    LIGHT = "light"
    DARK = "dark"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Row(BaseModel):
    name: str
    ok: bool
    age: int | None = None
    score: float | None = None
    when: dt.date | None = None
    shade: Shade = Shade.LIGHT
    pet: Cat | Dog | None = None
    pair: tuple[int, str] | None = None
    notes: dict[str, str] = {}
    either: int | str = 0


class Report(BaseModel):
    title: str = Field(alias="Title")
    rows: list[Row]
    inner: Report | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    name: str
    x: float
    tags: list[str]
    next: Point | None = None


class Named(BaseModel):
    name: str


class Counted(BaseModel):
    count: int
    name: str = "x"


class Tree(BaseModel):
    parts: list[Tree | Named | int]


class Sealed(BaseModel):
    model_config = ConfigDict(use_enum_values=True)
    key: SecretStr
    path: pathlib.Path
    encoded: Base64Str
    shade: Shade
    loud: Annotated[str, StringConstraints(to_upper=True)]
    where: pathlib.Path | str
    when: dt.date | str
    members: set[str]
    pairs: frozenset[tuple[int, str]]
    secrets: list[SecretStr]
    by_path: dict[pathlib.Path, SecretStr]


class Loose(TypedDict, total=False):
    word: str
    number: int
    words: list[str]


REPORT, ROW_LIST, POINT, LOOSE_DICT = map(Schema, (Report, list[Row], Point, Loose))
NAMED_OR_COUNTED, TREES, SEALED = map(Schema, (list[Named | Counted], list[Tree | Named], Sealed))
OBJECT = Schema({"type": "object"})

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=6)
PETS = st.builds(Cat, kind=st.just("cat"), lives=st.integers()) | st.builds(
    Dog, kind=st.just("dog"), tricks=st.lists(TEXTS, max_size=2)
)
ROWS = st.builds(
    Row,
    name=TEXTS,
    ok=st.booleans(),
    age=st.none() | st.integers(),
    score=st.none() | FLOATS,
    when=st.none() | st.dates(),
    shade=st.sampled_from(Shade),
    pet=st.none() | PETS,
    pair=st.none() | st.tuples(st.integers(), TEXTS),
    notes=st.dictionaries(TEXTS, TEXTS, max_size=2),
    either=st.integers() | TEXTS,
)
REPORTS = st.builds(Report, Title=TEXTS, rows=st.lists(ROWS, max_size=2), inner=st.none())
REPORTS = REPORTS | st.builds(Report, Title=TEXTS, rows=st.just([]), inner=REPORTS)
POINTS = st.builds(Point, TEXTS, FLOATS, st.lists(TEXTS, max_size=2), st.none())
POINTS = POINTS | st.builds(Point, TEXTS, FLOATS, st.just([]), POINTS)
NAMED = st.builds(Named, name=TEXTS)
COUNTED = st.builds(Counted, count=st.integers(), name=TEXTS)
TREE = st.recursive(
    st.builds(Tree, parts=st.lists(NAMED | st.integers(), max_size=2)),
    lambda inner: st.builds(Tree, parts=st.lists(inner | NAMED, max_size=2)),
    max_leaves=4,
)
CLEAN_TEXTS = st.text('ab/\\"é ', min_size=1, max_size=6)
SEALED_PLAIN = st.fixed_dictionaries(
    {
        "key": TEXTS,
        "path": CLEAN_TEXTS,
        "encoded": TEXTS.map(lambda text: base64.b64encode(text.encode()).decode()),
        "shade": st.sampled_from([shade.value for shade in Shade]),
        "loud": TEXTS,
        "where": CLEAN_TEXTS,
        "when": TEXTS | st.dates().map(str),
        "members": st.lists(TEXTS, max_size=3),
        "pairs": st.lists(st.tuples(st.integers(), TEXTS), max_size=3),
        "secrets": st.lists(TEXTS, max_size=2),
        "by_path": st.dictionaries(CLEAN_TEXTS, TEXTS, max_size=2),
    }
)
LOOSE = st.fixed_dictionaries(
    {}, optional={"word": TEXTS, "number": st.integers(), "words": st.lists(TEXTS, max_size=2)}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
WRITTEN = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.none() | st.just(1)})


def has_grown(before, after):
    """Whether `after` holds all that `before` held: texts and lists go on, nothing else changes or goes."""
    if before is None:
        return True
    if isinstance(before, BaseModel) or dataclasses.is_dataclass(before):
        return type(before) is type(after) and has_grown(fields(before), fields(after))
    match before:
        case str():
            return isinstance(after, str) and after.startswith(before)
        case list() | tuple():
            pairs = zip(before, after, strict=False)
            return (
                type(before) is type(after)
                and len(before) <= len(after)
                and all(has_grown(*p) for p in pairs)
            )
        case Mapping():
            return all(key in after and has_grown(item, after[key]) for key, item in before.items())
        case _:
            # A set is less than one that holds more.
            held = before <= after if isinstance(before, set | frozenset) else before == after
            return held and type(before) is type(after)


def fields(value):
    if isinstance(value, BaseModel):
        return dict(value)
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def readings(text, schema, *, fence=False):
    """What `.parsed` says after each character, and at the end."""
    response = StreamingResponse()
    response.schema = schema
    seen = [response.parsed]
    for character in f"```json\n{text}\n```\n" if fence else text:
        response.add_chunk(StreamChunk(character))
        seen.append(response.parsed)
    response.stop_reason = "stop"
    return [*seen, response.parsed]


def check(text, schema, expected, *, kind, fence=False):
    seen = readings(text, schema, fence=fence)
    for before, after in itertools.pairwise(seen):
        assert isinstance(after, kind)
        assert has_grown(before, after), (before, after)
    assert seen[-1] == expected


@settings(max_examples=300, deadline=None)
@given(REPORTS, WRITTEN, st.booleans(), st.booleans())
def test_a_model_grows_at_every_character_and_ends_as_the_document(report, written, leave_out, fence):
    plain = report.model_dump(mode="json", by_alias=True, exclude_none=leave_out)
    check(json.dumps(plain, **written), REPORT, report, kind=Report, fence=fence)


@settings(max_examples=100, deadline=None)
@given(st.lists(ROWS, max_size=3), WRITTEN, st.booleans())
def test_a_list_of_models_grows_row_by_row_wrapped_or_bare(rows, written, wrapped):
    plain = [row.model_dump(mode="json") for row in rows]
    text = json.dumps({"items": plain} if wrapped else plain, **written)
    check(text, ROW_LIST, rows, kind=list)


@settings(max_examples=100, deadline=None)
@given(st.lists(NAMED | COUNTED, max_size=4), WRITTEN, st.booleans())
def test_a_list_of_untagged_models_gains_each_row_when_it_is_complete(rows, written, wrapped):
    plain = [row.model_dump(mode="json") for row in rows]
    text = json.dumps({"items": plain} if wrapped else plain, **written)
    check(text, NAMED_OR_COUNTED, rows, kind=list)
    seen = readings(text, NAMED_OR_COUNTED)
    assert all(rows[:count] in seen for count in range(len(rows) + 1))
    assert rows in seen[:-2]


@settings(max_examples=100, deadline=None)
@given(st.lists(TREE | NAMED, max_size=2), WRITTEN)
def test_a_recursive_union_grows(trees, written):
    check(json.dumps([tree.model_dump(mode="json") for tree in trees], **written), TREES, trees, kind=list)


@settings(max_examples=300, deadline=None)
@given(SEALED_PLAIN, WRITTEN)
def test_what_validation_changes_appears_when_it_is_complete(plain, written):
    text = json.dumps(plain, **written)
    check(text, SEALED, Sealed.model_validate_json(text), kind=Sealed)


@settings(max_examples=100, deadline=None)
@given(POINTS, WRITTEN)
def test_a_frozen_dataclass_with_slots_grows(point, written):
    check(json.dumps(dataclasses.asdict(point), **written), POINT, point, kind=Point)


@settings(max_examples=100, deadline=None)
@given(LOOSE, WRITTEN)
def test_a_typed_dict_holds_what_has_come(value, written):
    check(json.dumps(value, **written), LOOSE_DICT, value, kind=dict)


@settings(max_examples=1000, deadline=None)
@given(st.dictionaries(TEXTS, JSON, max_size=3), WRITTEN)
def test_an_object_of_a_json_schema_grows(value, written):
    check(json.dumps(value, **written), OBJECT, value, kind=dict)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXTS, JSON, max_size=3), WRITTEN)
def test_without_a_schema_json_grows_as_well(value, written):
    check(json.dumps(value, **written), None, value, kind=dict | None)


# What is JSON in a text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('  {"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```\nThat is all.', '{"a": 1}'),
        ("```\n[1,\n2", "[1,\n2"),
        ("```js", ""),
    ],
)
def test_the_document_is_found_inside_a_fence(text, found):
    assert document(text) == found


def test_backticks_inside_a_text_are_no_end_of_a_fence():
    seen = readings('{"a": "x```y"}', None, fence=True)
    assert {"a": "x```"} in seen
    assert all(has_grown(before, after) for before, after in itertools.pairwise(seen))


def test_what_stood_before_the_first_fault_is_kept():
    assert read_beginning('{"a": 1, oops: 2}').value == {"a": 1}
    assert read_beginning('{"é": [1, 2],\n "b": "x\ny"}').value == {"é": [1, 2], "b": "x"}
    assert read_beginning('{"a": "x\\ud83d" }').value == {"a": "x"}


def test_many_quotes_in_an_open_text_cost_one_pass():
    text = '["' + '\\"' * 200_000
    assert read_beginning(text).value == ['"' * 200_000]


def test_many_quotes_in_an_open_text_of_a_row_cost_one_pass():
    assert growing.is_inside_row('[{"a": "' + '\\"' * 200_000)


# Cost


@pytest.mark.parametrize("length", [2**16, 2**18, 2**20])
def test_reading_after_every_piece_costs_linear_work(length, monkeypatch):
    given = 0

    def counting(data, **options):
        nonlocal given
        given += len(data)
        return parse(data, **options)

    parse = jiter.from_json
    monkeypatch.setattr(growing.jiter, "from_json", counting)
    text = json.dumps([{"word": "abcdefgh", "number": 1234567}] * (length // 40))
    response = StreamingResponse()
    for start in range(0, len(text), 20):
        response.add_chunk(StreamChunk(text[start : start + 20]))
        assert response.parsed is not None
    # Each reading is at most twice the text, and they get longer by a sixteenth; the small ones come on top.
    small = 2 * EXACT * EXACT // 20
    assert given <= 2 * (STEP + 2) * len(text) + small


def test_a_reading_is_made_anew_when_the_text_grew_enough_was_replaced_or_ended():
    made = []

    def make():
        made.append(len(made))
        return made[-1]

    kept = Growing()
    long = EXACT * 2
    said = [
        kept.read(make, stamp=0, length=long),
        kept.read(make, stamp=0, length=long + long // STEP - 1),
        kept.read(make, stamp=0, length=long + long // STEP),
        kept.read(make, stamp=1, length=long + long // STEP),
        kept.read(make, stamp=1, length=long + long // STEP, ended=True),
        kept.read(make, stamp=1, length=long + long // STEP, ended=True),
    ]
    assert said == [0, 0, 1, 2, 3, 3]


def test_a_short_text_is_read_again_whenever_it_grew():
    kept = Growing()
    assert [kept.read(lambda n=n: n, stamp=0, length=n) for n in range(1, 50)] == list(range(1, 50))
    assert pickle.loads(pickle.dumps(kept)).read(lambda: math.pi, stamp=0, length=49) == math.pi  # noqa: S301
