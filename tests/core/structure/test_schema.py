"""A schema: what is one, how it goes on the wire, what fits it, what it shows of half an answer."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import itertools
import json
import pathlib
import pickle
import sys
from typing import Annotated, Literal, NotRequired, TypedDict

import jsonschema
import pandas as pd
import pytest
from pydantic import (
    AfterValidator,
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    ImportString,
    PrivateAttr,
    RootModel,
    Secret,
    field_validator,
)
from pydantic_core import core_schema

from streamcell.core.response import StreamingResponse
from streamcell.core.structure.schema import Schema
from streamcell.errors import ProtocolError, UsageError
from streamcell.messages import StreamChunk


class Shade(enum.Enum):
    LIGHT = "light"


class Row(BaseModel):
    name: str
    age: int = 3
    when: dt.date | None = None
    shade: Shade | None = None
    size: Literal["small", "large"] | None = None


class Report(BaseModel):
    title: str = Field(alias="Title")
    rows: list[Row] = Field(alias="Rows")


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Loose(TypedDict):
    a: int
    b: NotRequired[str]


class Holder(TypedDict):
    inner: Loose | None
    many: list[Loose]


EITHER = {
    "oneOf": [
        {
            "type": "object",
            "properties": {name: {"type": kind}},
            "required": [name],
            "additionalProperties": False,
        }
        for name, kind in {"a": "string", "value": "integer"}.items()
    ]
}
ROWS = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}}


def complaint(given, text):
    with pytest.raises(ProtocolError) as raised:
        Schema(given).parse(text)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return str(raised.value)


# What is a schema


@pytest.mark.parametrize(
    "given",
    [
        int,
        dict,
        list,
        dict[str, int],
        tuple[int],
        "Row",
        Row(name="x"),
        Point(1),
        None,
        print,
        {},
        {"a": "b"},
    ],
)
def test_what_is_no_schema_is_refused_in_one_line(given):
    with pytest.raises(UsageError, match=r"schema takes a pydantic model, .*") as raised:
        Schema(given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("given", [{"type": "objekt"}, {"type": "object", "properties": {"a": str}}])
def test_a_dict_that_is_no_json_schema_is_refused(given):
    with pytest.raises(UsageError, match="schema is no JSON schema: "):
        Schema(given)


def test_a_type_that_json_has_no_words_for_is_refused():
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: object = None
        stream: StreamingResponse

    with pytest.raises(UsageError, match="schema Odd cannot be written as JSON schema: "):
        Schema(Odd)


@pytest.mark.parametrize(
    ("given", "name"),
    [(Row, "Row"), (list[Row], "list[Row]"), ({"type": "object", "title": "T"}, "T"), (ROWS, "the schema")],
)
def test_a_schema_has_a_name_for_messages(given, name):
    assert Schema(given).name == name


# On the wire


@pytest.mark.parametrize(
    "given", [Row, Report, Tree, Point, Loose, Holder, list[Row], list[int], ROWS, RootModel[list[int]]]
)
def test_on_the_wire_every_schema_is_a_valid_one_of_an_object(given):
    written = Schema(given).json
    jsonschema.Draft202012Validator.check_schema(written)
    assert written["type"] == "object"
    assert "properties" in written


def test_a_list_is_wrapped_and_its_definitions_stay_at_the_root():
    written = Schema(list[Row]).json
    assert written["properties"]["items"]["items"] == {"$ref": "#/$defs/Row"}
    assert (list(written["properties"]), written["required"]) == (["items"], ["items"])
    assert "Row" in written["$defs"]
    jsonschema.validate({"items": [{"name": "A"}]}, written)


def test_a_root_of_several_objects_is_wrapped_under_a_name_that_none_of_them_has():
    assert (Schema(EITHER).wrapper, Schema(RootModel[Row | Point]).wrapper) == ("value_", "value")


# What fits


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"value_": {"a": "x"}}', {"a": "x"}),
        ('{"value_": {"value": 3}}', {"value": 3}),
        ('{"a": "x"}', {"a": "x"}),
        ('{"value": 3}', {"value": 3}),
    ],
)
@pytest.mark.parametrize("given", ["oneOf", "anyOf", "$ref"])
def test_a_root_of_several_objects_is_read_wrapped_or_bare_and_grows(given, text, value):
    choices = {"anyOf": EITHER["oneOf"]}
    named = {"oneOf": EITHER, "anyOf": choices, "$ref": {"$ref": "#/$defs/e", "$defs": {"e": choices}}}
    schema = Schema(named[given])
    assert schema.parse(text) == schema.partial(text) == value
    seen = [schema.partial(text[:end]) for end in range(len(text))]
    assert all(part.items() <= value.items() or part == {"a": ""} for part in seen)
    assert ({"a": ""} in seen) == ("a" in value)


def test_a_root_model_of_several_is_read_wrapped_or_bare():
    schema = Schema(RootModel[Row | Point])
    assert schema.parse('{"x": 1}') == schema.parse('{"value": {"x": 1}}') == RootModel[Row | Point](Point(1))
    assert schema.partial('{"value": {"x": 1}').root == schema.partial('{"x": 1}').root == Point(1, None)


def test_an_answer_that_fits_neither_wrapped_nor_bare_is_refused_for_the_wrapped_one():
    assert complaint(EITHER, '{"a": 3}').endswith("the schema: expected an object with 'value_' alone")


@pytest.mark.parametrize(
    "text", ['{"items": [{"name": "A"}]}', '[{"name": "A"}]', '```json\n[{"name": "A"}]\n```']
)
def test_a_list_is_taken_out_of_its_object_or_read_bare(text):
    assert Schema(list[Row]).parse(text) == [Row(name="A")]


def test_a_typed_dict_of_the_standard_library_may_hold_others():
    value = {"inner": {"a": 1, "b": "x"}, "many": [{"a": 2}]}
    assert Schema(Holder).parse(json.dumps(value)) == value
    assert Schema(list[Loose]).parse('[{"a": 1}]') == [{"a": 1}]


def test_an_answer_is_an_instance_of_the_type():
    assert Schema(Point).parse('{"x": 1}') == Point(1, 0)
    assert Schema(Report).parse('{"Title": "T", "Rows": []}') == Report(Title="T", Rows=[])
    assert Schema(RootModel[list[int]]).parse('{"items": [1]}') == RootModel[list[int]]([1])
    assert Schema(ROWS).parse('{"items": [{"a": 1}]}') == [{"a": 1}]


@pytest.mark.parametrize(
    ("given", "text", "said"),
    [
        (
            Row,
            '{"name": 1, "age": "x"}',
            'Row: name: expected a text, got 1; age: expected an integer, got "x"',
        ),
        (Row, "{}", "Row: name: is missing"),
        (Row, '{"name": "A", "size": "huge"}', "Row: size: expected 'small' or 'large', got \"huge\""),
        (list[Row], '{"items": [{"name": "A"}, 3]}', "list[Row]: [1]: expected an object, got 3"),
        (list[Row], '{"rows": []}', "list[Row]: items: is missing"),
        (Report, '{"Title": "T", "Rows": [{"age": 1}]}', "Report: Rows[0].name: is missing"),
        (Point, '{"x": null}', "Point: x: expected an integer, got null"),
        (Row, "", "Row: there is no text in it"),
        (Row, "Sorry", 'Row: it is no JSON (expected value at line 1 column 1): "Sorry"'),
        (ROWS, '[{"a": "x"}]', 'the schema: [0].a: expected an integer, got "x"'),
        (ROWS, '{"rows": []}', "the schema: expected an object with 'items' alone"),
        ({"type": "object", "required": ["a", "b"]}, '{"a": 1}', "the schema: is without b"),
        (
            {"type": "object", "properties": {"n": {"maximum": 3}}},
            '{"n": 4}',
            "the schema: n: does not keep to maximum 3: 4",
        ),
        ({"type": "object"}, "{", "the schema: it is no JSON"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(given, text, said):
    assert complaint(given, text).startswith(f"the answer does not fit {said}")


def test_of_many_places_five_are_named():
    said = complaint(list[int], json.dumps(["x"] * 9))
    assert said.count("expected an integer") == 5
    assert said.endswith("; and 4 more")


def test_a_long_value_is_cut_in_the_message():
    assert len(complaint(Row, json.dumps({"name": "A", "age": "x" * 9999}))) < 200


def test_an_error_inside_a_validator_of_the_user_is_named():
    class Strange(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def never(cls, value):
            raise KeyError(value)

    assert complaint(Strange, '{"a": 1}').endswith("Strange: its validator raised KeyError: 1")


def test_a_format_of_a_json_schema_is_checked():
    given = {"type": "object", "properties": {"d": {"type": "string", "format": "date"}}}
    assert complaint(given, '{"d": "soon"}').endswith('d: does not keep to format "date": "soon"')


def test_a_reference_out_of_the_schema_is_refused_and_nothing_is_fetched():
    given = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    with pytest.raises(
        UsageError, match=r"schema refers to what is not in it: http://127.0.0.1:9/schema.json"
    ):
        Schema(given).parse('{"a": 1}')


def test_without_jsonschema_a_dict_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(UsageError, match="pip install jsonschema"):
        Schema(ROWS)


# Half an answer


@pytest.mark.parametrize(
    ("given", "empty"),
    [(Loose, {}), (ROWS, []), ({"type": "object"}, {}), (list[Row], []), (Point, Point(None, None))],
)
def test_before_anything_came_everything_is_missing(given, empty):
    assert Schema(given).partial("") == Schema(given).partial("Well,") == empty


def test_of_a_model_the_missing_fields_are_none_whatever_their_default():
    shown = Schema(Row).partial('{"name": "A')
    assert type(shown) is Row
    assert dict(shown) == {"name": "A", "age": None, "when": None, "shade": None, "size": None}
    assert shown.model_fields_set == {"name"}


def test_scalars_that_json_writes_as_text_appear_when_they_are_complete():
    text = '{"when": "2026-01-31", "shade": "light", "size": "small"}'
    seen = [Schema(Row).partial(text[:end]) for end in range(len(text))]
    assert {row.when for row in seen} == {None, dt.date(2026, 1, 31)}
    assert {row.shade for row in seen} == {None, Shade.LIGHT}
    assert {row.size for row in seen} == {None, "small"}


def test_so_do_those_of_a_json_schema():
    shade = {"anyOf": [{"enum": ["light", "lilac"]}, {"type": "null"}]}
    row = {"properties": {"name": {"type": "string"}, "shade": {"$ref": "#/$defs/shade"}}}
    days = {"type": "array", "items": {"type": "string", "format": "date"}}
    given = {"properties": {"rows": {"items": row}, "days": days, "more": {}}, "$defs": {"shade": shade}}
    text = '{"rows": [{"name": "Ada", "shade": "light"}], "days": ["2026-01-31"], "more": "x"}'
    seen = [Schema(given).partial(text[:end]) for end in range(len(text) + 1)]
    assert {row["name"] for part in seen for row in part.get("rows", []) if "name" in row} == {
        *("", "A", "Ad", "Ada")
    }
    assert {row["shade"] for part in seen for row in part.get("rows", []) if "shade" in row} == {"light"}
    assert {day for part in seen for day in part.get("days", [])} == {"2026-01-31"}
    assert seen[-1] == json.loads(text)


def test_a_value_of_another_type_than_the_fields_is_not_shown():
    shown = Schema(Row).partial('{"name": 3, "age": "36", "when": "soon", "size": "huge"}')
    assert dict(shown) == dict.fromkeys(Row.model_fields)


def test_a_recursive_model_grows_inside_itself():
    shown = Schema(Tree).partial('{"name": "a", "children": [{"name": "b", "children": [{"na')
    assert shown.children[0].name == "b"
    assert shown.children[0].children == [Tree.model_construct(name=None, children=None)]


def test_neither_validators_nor_post_init_of_the_user_run_before_the_end():
    class Touchy(BaseModel):
        a: Annotated[str, Field(min_length=5)]

        @field_validator("a")
        @classmethod
        def never(cls, value):
            raise AssertionError(value)

        def model_post_init(self, context):
            raise AssertionError(context)

    assert Schema(Touchy).partial('{"a": "x').a == "x"


def test_keys_that_are_numbers_and_private_attributes_are_there_early():
    class Counts(BaseModel):
        per_year: dict[int, list[str]]
        _unit: str = PrivateAttr("t")

    shown = Schema(Counts).partial('{"per_year": {"2026": ["a", "b')
    assert (shown.per_year, shown._unit) == ({2026: ["a", "b"]}, "t")


def test_a_union_is_decided_by_what_tells_its_choices_apart():
    class Cat(BaseModel):
        kind: Literal["cat"]
        name: str

    class Dog(BaseModel):
        kind: Literal["dog"]
        name: str

    class Owner(BaseModel):
        pet: Cat | Dog | None

    schema = Schema(Owner)
    assert schema.partial('{"pet": {"name": "Rex').pet is None
    assert type(schema.partial('{"pet": {"name": "Rex", "kind": "dog"').pet) is Dog


def test_what_a_text_becomes_is_never_shown_as_that_text():
    class Loud(str):
        __slots__ = ()

        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            return core_schema.no_info_after_validator_function(cls.made, core_schema.str_schema())

        @classmethod
        def made(cls, text):
            return cls(text.upper())

    class Sealed(BaseModel):
        model_config = ConfigDict(str_strip_whitespace=True)
        loud: Loud
        key: Secret[list[str]]
        site: AnyUrl
        text: str
        bare: Annotated[str, AfterValidator(str.lower)]

    plain = {"loud": "ab", "key": ["cd"], "site": "http://a.b", "text": " e ", "bare": "FG"}
    text = json.dumps(plain)
    seen = [Schema(Sealed).partial(text[:end]) for end in range(len(text) + 1)]
    whole = dict(Sealed.model_validate(plain))
    for name, value in whole.items():
        said = [getattr(part, name) for part in seen]
        assert [item for item in said if item is not None] == [value] * (len(said) - said.count(None))
        assert {type(item) for item in said} == {type(None), type(value)}


def test_a_text_with_constraints_or_a_validator_of_the_user_grows():
    def shout(text):
        return text + "!"

    class Lines(BaseModel):
        short: Annotated[str, Field(min_length=9, pattern="^x")]
        checked: Annotated[str, AfterValidator(shout)]

    shown = Schema(Lines).partial('{"short": "ab", "checked": "cd')
    assert (shown.short, shown.checked) == ("ab", "cd")


def test_what_pydantic_looks_for_on_the_disk_waits_for_the_end():
    class Files(BaseModel):
        file: FilePath
        code: ImportString

    shown = Schema(Files).partial('{"file": "/no/such/file", "code": "no.such.module"')
    assert dict(shown) == {"file": pathlib.Path("/no/such/file"), "code": None}


def test_a_member_joins_a_set_when_it_is_complete_and_stays():
    class Tags(BaseModel):
        names: set[str]
        points: frozenset[tuple[int, str]]

    text = '{"names": ["ab", "c"], "points": [[1, "de"]]}'
    seen = [Schema(Tags).partial(text[:end]) for end in range(len(text) + 1)]
    assert [names for names, _ in itertools.groupby(part.names for part in seen)] == [
        *(None, set(), {"ab"}, {"ab", "c"})
    ]
    assert [points for points, _ in itertools.groupby(part.points for part in seen)] == [
        *(None, frozenset(), {(1, "de")})
    ]


def test_a_member_that_cannot_be_in_a_set_ends_it():
    assert Schema(RootModel[set[Point | int]]).partial('[1, {"x": 1}, 2]').root == {1}


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (list[Row | Point], [{"name": "A"}, {"x": 1}]),
        (list[Loose | Holder], [{"a": 1}, {"inner": None, "many": []}]),
        (list[list[int] | list[str]], [[1], ["a"]]),
    ],
)
def test_an_untagged_union_shows_what_pydantic_chooses_when_it_is_complete(given, rows):
    text = json.dumps(rows)
    schema = Schema(given)
    counts = [len(schema.partial(text[:end])) for end in range(len(text) + 1)]
    assert counts == sorted(counts)
    assert counts[text.index("}" if isinstance(rows[0], dict) else "]") + 1] == 1
    shown, whole = schema.partial(text), schema.parse(text)
    assert [type(item) for item in shown] == [type(item) for item in whole]


def test_an_object_of_an_untagged_union_that_fits_none_is_not_shown():
    assert Schema(list[Row | Point]).partial('[{"x": 1}, {"x": "one"}, {"x": 2}]') == [Point(1, None)]


def test_a_union_gives_a_date_only_where_pydantic_does():
    class When(BaseModel):
        day: dt.date | str
        text: str | dt.date

    shown = Schema(When).partial('{"day": "2026-01-31", "text": "2026-01')
    assert (shown.day, shown.text) == (dt.date(2026, 1, 31), "2026-01")
    assert Schema(When).partial('{"day": "2026-01').day is None


def test_a_schema_can_be_pickled_with_an_answer_to_it():
    response = StreamingResponse()
    response.schema = Schema(Row)
    response.add_chunk(StreamChunk('{"name": "A"'))
    assert response.parsed.name == pickle.loads(pickle.dumps(response)).parsed.name == "A"  # noqa: S301


# An answer with a schema


def answer(text, given=None, *, stop=None):
    response = StreamingResponse()
    response.schema = None if given is None else Schema(given)
    response.add_chunk(StreamChunk(text))
    response.stop_reason = stop
    return response


def test_only_an_answer_that_ended_well_is_validated():
    text = '{"name": "A"}'
    assert answer(text, Row, stop="length").parsed.age is None
    assert answer(text, Row, stop="stop").parsed == Row(name="A", age=3)


def test_an_answer_that_does_not_fit_is_shown_as_far_as_it_does():
    assert dict(answer('{"name": "A", "age": "x"}', Row, stop="stop").parsed)["name"] == "A"


# Rows


def test_a_list_gives_a_frame_of_its_complete_rows():
    response = answer('[{"name": "A", "age": 1}, {"name": "B", "a', list[Row])
    assert response.to_frame().to_dict("records") == [
        {"name": "A", "age": 1, "when": None, "shade": None, "size": None}
    ]
    response.add_chunk(StreamChunk('ge": 2}'))
    assert list(response.to_frame()["age"]) == [1, 2]


def test_a_list_of_untagged_models_gives_its_complete_rows():
    text, response, counts = '[{"name": "A"}, {"x": 1}, {"x": 2', answer("", list[Row | Point]), []
    for character in text:
        response.add_chunk(StreamChunk(character))
        counts.append(len(response.to_frame()))
    assert counts == sorted(counts)
    assert counts[text.index("}") :][:2] == [1, 1]
    assert counts[-1] == 2


def test_one_list_of_objects_in_an_object_gives_the_rows():
    text = '{"Title": "T", "Rows": [{"name": "A"}, {"name": "B'
    assert list(answer(text, Report).to_frame()["name"]) == ["A"]
    assert list(answer(text + '"}], "Titl', Report).to_frame()["name"]) == ["A", "B"]


def test_an_object_gives_one_row():
    assert answer('{"x": 1, "y": 2}', Point, stop="stop").to_frame().to_dict("records") == [{"x": 1, "y": 2}]


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        (list[Row], list(Row.model_fields)),
        (Report, list(Row.model_fields)),
        (Point, ["x", "y"]),
        (ROWS, ["a"]),
        (None, []),
    ],
)
def test_before_the_first_row_the_frame_has_the_columns_of_the_schema(given, columns):
    frame = answer("", given).to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert (list(frame.columns), len(frame)) == (columns, 0)


def test_without_a_schema_rows_are_found_all_the_same():
    assert answer('[{"a": 1}, {"a": 2}]').to_frame().to_dict("list") == {"a": [1, 2]}
    assert answer('{"t": "x", "rows": [{"a": 1}, {"a": 2').to_frame().to_dict("list") == {"a": [1]}
    assert answer('{"a": 1, "b": "x"}').to_frame().to_dict("list") == {"a": [1], "b": ["x"]}
    assert answer("[1, 2, 3]").to_frame().to_dict("list") == {"value": [1, 2, 3]}
    assert answer("no JSON").to_frame().empty


def test_a_frame_never_loses_a_row_while_the_answer_grows():
    text = json.dumps({"Title": "T", "Rows": [{"name": "[{", "age": n} for n in range(3)], "more": [[1]]})
    response, counts = answer("", Report), []
    for character in text:
        response.add_chunk(StreamChunk(character))
        counts.append(len(response.to_frame()))
    assert counts == sorted(counts)
    assert counts[-1] == 3


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        answer("[]").to_frame()
