"""Functions as JSON schemas, and arguments read strictly against them."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import inspect
import sys
import types
from dataclasses import dataclass
from decimal import Decimal
from keyword import iskeyword
from typing import Annotated, Any, Literal

import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from streamcell.core.tool_schema import parameters_of
from streamcell.errors import ToolError, UsageError


class Unit(enum.Enum):
    celsius = "C"
    kelvin = 1


class Place(pydantic.BaseModel):
    name: str
    height: int = 0


class Anything(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str


@dataclass
class Span:
    begin: dt.date
    days: int = 1


class Row(TypedDict):
    a: int


class Sensitive(pydantic.BaseModel):
    name: str

    @pydantic.field_validator("name")
    @classmethod
    def look_up(cls, name):
        return {}[name]


def function(**hints):
    """A function with these parameters, which gives them back."""

    def returns(**arguments):
        return arguments

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint)
        for name, hint in hints.items()
    ]
    returns.__signature__ = inspect.Signature(parameters)
    return returns


def taken(hint, value):
    return parameters_of(function(x=hint), "f").read({"x": value})["x"]


def refusal(hint, value):
    with pytest.raises(ToolError) as caught:
        taken(hint, value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


# -- the schema --------------------------------------------------------------------------------------


def test_the_schema_names_types_defaults_and_what_is_required():
    def weather(city: str, days: int = 3, *, unit: Literal["C", "K"] = "C") -> Nowhere: ...  # noqa: F821

    assert parameters_of(weather, "weather").schema == {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "default": 3},
            "unit": {"type": "string", "enum": ["C", "K"], "default": "C"},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_a_parameter_is_described_by_its_field_its_annotation_or_the_docstring():
    def look(
        one: Annotated[int, pydantic.Field(description="from the field", ge=1)],
        two: Annotated[int, "from the annotation"],
        three: int = pydantic.Field(4, description="from the default"),
        four: int = 0,
    ):
        """Look.

        Args:
            one: not taken
            two: not taken
            four: from the docstring
        """

    read = parameters_of(look, "look")
    assert {name: made["description"] for name, made in read.schema["properties"].items()} == {
        "one": "from the field",
        "two": "from the annotation",
        "three": "from the default",
        "four": "from the docstring",
    }
    assert read.read({"one": 1, "two": 2}) == {"one": 1, "two": 2, "three": 4, "four": 0}


@pytest.mark.parametrize("hint", [Place, Span, Row])
def test_objects_inside_are_closed_too(hint):
    (definition,) = parameters_of(function(x=hint), "f").schema["$defs"].values()
    assert definition["additionalProperties"] is False


def test_a_parameter_may_have_any_name():
    names = dict.fromkeys(("schema", "model_config", "given", "properties", "self", "arguments"), 1)
    assert parameters_of(function(**dict.fromkeys(names, int)), "f").read(names) == names


def test_a_default_that_json_cannot_say_stays_a_default():
    nothing = object()

    def look(at: int, hint=nothing): ...

    read = parameters_of(look, "look")
    assert read.schema["properties"]["hint"] == {}
    assert read.read({"at": 1}) == {"at": 1, "hint": nothing}


def test_a_mutable_default_is_not_shared_between_calls():
    def look(tags: list[str] = []): ...  # noqa: B006 - the case itself

    read = parameters_of(look, "look")
    read.read({})["tags"].append("x")
    assert read.read({}) == {"tags": []}


def test_a_bound_argument_is_not_offered():
    def send(to: str, text: str, times: int = 1): ...

    read = parameters_of(functools.partial(send, "me", times=2), "send")
    assert list(read.schema["properties"]) == ["text"]
    with pytest.raises(ToolError, match="times is unknown"):
        read.read({"text": "hi", "times": 1_000})


def test_a_function_of_a_cell_finds_the_types_of_its_notebook(monkeypatch):
    cell = types.ModuleType("cell")
    monkeypatch.setitem(sys.modules, "cell", cell)  # as `__main__` is
    exec(  # noqa: S102 - as a notebook runs a cell
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Place:\n    name: str\n"
        "def go(to: Place): ...\n",
        vars(cell),
    )
    made = parameters_of(cell.go, "go").read({"to": {"name": "Rome"}})
    assert made == {"to": cell.Place("Rome")}


def test_a_function_inside_of_another_finds_the_types_around_it():
    @dataclass
    class Town:
        name: str

    def go(to: Town): ...

    assert parameters_of(go, "go").read({"to": {"name": "Rome"}}) == {"to": Town("Rome")}


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda *cities: cities, r"'\*cities' \(variadic positional\)"),
        (lambda **cities: cities, r"'\*\*cities' \(variadic keyword\)"),
        (lambda city, /: city, r"'city' \(positional-only\)"),
        (function(frame=pd.DataFrame), r"'frame' of the tool 'f' \(.*DataFrame"),
        (function(x=int, act=type(print)), "'act' of the tool 'f'"),
        (function(x="Nowhere"), "NameError: name 'Nowhere' is not defined"),
    ],
)
def test_what_a_model_cannot_give_is_refused_with_its_name(refused, said):
    with pytest.raises(UsageError, match=said) as caught:
        parameters_of(refused, "f")
    assert "\n" not in str(caught.value)


# -- reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "value", "made"),
    [
        (int, 5, 5),
        (int, 10**40, 10**40),
        (float, 5, 5.0),
        (int | None, None, None),
        (int | str, "5", "5"),
        (Any, {"a": [1, 2.5, None, {"__args__": []}]}, {"a": [1, 2.5, None, {"__args__": []}]}),
        (dt.date, "2026-01-02", dt.date(2026, 1, 2)),
        (
            dt.datetime,
            "2026-01-02T03:04:05Z",
            dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        ),
        (Decimal, "1.10", Decimal("1.10")),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[str], ["a", "b"], {"a", "b"}),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (Literal["a", 1], 1, 1),
        (Unit, "C", Unit.celsius),
        (Unit, 1, Unit.kelvin),
        (Place, {"name": "Rome"}, Place(name="Rome")),
        (list[Place], [{"name": "Rome", "height": 21}], [Place(name="Rome", height=21)]),
        (Span, {"begin": "2026-01-02"}, Span(dt.date(2026, 1, 2))),
        (Row, {"a": 1}, {"a": 1}),
        (Anything, {"name": "a", "more": 1}, Anything(name="a", more=1)),
    ],
)
def test_a_value_comes_as_the_annotated_type(hint, value, made):
    read = taken(hint, value)
    assert read == made
    assert type(read) is type(made)


@pytest.mark.parametrize(
    ("hint", "value", "said"),
    [
        (int, "5", 'x: should be a valid integer, not "5"'),
        (int, True, "x: should be a valid integer, not true"),
        (int, 5.0, "x: should be a valid integer, not 5.0"),
        (int, None, "x: should be a valid integer, not null"),
        (float, "5", 'x: should be a valid number, not "5"'),
        (float, True, "x: should be a valid number, not true"),
        (str, 5, "x: should be a valid string, not 5"),
        (bool, 1, "x: should be a valid boolean, not 1"),
        (bool, "yes", 'x: should be a valid boolean, not "yes"'),
        (list[int], "1,2", 'x: should be a valid array, not "1,2"'),
        (
            list[int],
            [1, "2", 3.0],
            'x.1: should be a valid integer, not "2"; x.2: should be a valid integer, not 3.0',
        ),
        (dt.date, 5, "x: should be a valid date, not 5"),
        (Literal["a", "b"], "c", "x: should be 'a' or 'b', not \"c\""),
        (Literal[1], True, "x: should be 1, not true"),
        (list[Literal[1]], [1, 1.0], "x.1: should be 1, not 1.0"),
        (Unit, True, "x: should be 1, not true"),
        (Unit, "K", "x: should be 'C' or 1, not \"K\""),
        (Place, {"name": 1}, "x.name: should be a valid string, not 1"),
        (Place, {"name": "a", "height": "2"}, 'x.height: should be a valid integer, not "2"'),
        (Place, {"name": "a", "colour": 1}, "x.colour is unknown"),
        (Place, {}, "x.name is missing"),
        (Span, {"begin": "2026-01-02", "weeks": 1}, "x.weeks is unknown"),
        (Row, {"a": 1, "b": 2}, "x.b is unknown"),
        (Annotated[int, pydantic.Field(le=10)], 11, "x: should be less than or equal to 10, not 11"),
    ],
)
def test_nothing_is_coerced_and_the_line_says_where_and_what(hint, value, said):
    assert refusal(hint, value) == said


def test_all_problems_stand_in_one_line():
    read = parameters_of(function(city=str, days=int), "f")
    with pytest.raises(ToolError) as caught:
        read.read({"days": "3", "place": "Rome"})
    assert str(caught.value) == 'city is missing; days: should be a valid integer, not "3"; place is unknown'


def test_many_problems_are_counted():
    assert refusal(list[int], ["x"] * 5_000).endswith("; and 4992 more")


def test_a_long_value_is_cut():
    assert refusal(int, "x" * 5_000) == f'x: should be a valid integer, not "{"x" * 59}…'


def nested(depth):
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("hint", [Any, list, float, int, str, Place])
@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        pytest.param(10**5_000, id="a huge integer"),
        nested(1_000),
        nested(sys.getrecursionlimit() * 20),
        "\ud800",
        {1, 2},
        {"self": object()},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_say_is_refused(hint, value):
    assert len(refusal(hint, value)) < 400


def test_a_number_too_large_for_a_float_does_not_become_infinite():
    assert refusal(list[float], [1, 10**400]).startswith("x.1: is too large, 1000")


def test_a_validator_that_raises_anything_is_a_refusal():
    assert refusal(Sensitive, {"name": "a"}) == "the arguments cannot be read (KeyError: 'a')"


# -- any function ------------------------------------------------------------------------------------

_INTEGERS = st.integers(-(2**60), 2**60)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: _INTEGERS,
    float: _FLOATS,
    str: st.text(),
    bool: st.booleans(),
    None: st.none(),
    Literal["a", "b", 3]: st.sampled_from(["a", "b", 3]),
}
_WRONG: dict[Any, list[Any]] = {
    int: ["5", 5.0, True, None, [5], {}],
    float: ["5", True, None, [5.0], {}],
    str: [5, 5.0, True, None, ["a"], {}],
    bool: [0, 1, "true", None, [], {}],
    None: [0, "", False, "null", [], {}],
    Literal["a", "b", 3]: ["c", "3", 3.0, True, None, ["a"], {}],
}


@st.composite
def typed_values(draw):
    """A type, a value of it as JSON has it, and one that it must refuse."""
    hint = draw(st.sampled_from(list(_SCALARS)))
    value, wrong = draw(_SCALARS[hint]), draw(st.sampled_from(_WRONG[hint]))
    match draw(st.sampled_from(["alone", "list", "dict"])):
        case "list":
            before = draw(st.lists(_SCALARS[hint], max_size=3))
            return list[hint], [*before, value], [*before, wrong]
        case "dict":
            return dict[str, hint], {"key": value}, {"key": wrong}
        case _:
            return hint, value, wrong


_PARAMETERS = st.dictionaries(
    st.from_regex(r"\A[a-z_]{1,7}\Z").filter(lambda name: name.isidentifier() and not iskeyword(name)),
    typed_values(),
    min_size=1,
    max_size=4,
)


def of_signature(parameters):
    called = function(**{name: hint for name, (hint, _, _) in parameters.items()})
    return called, parameters_of(called, "f"), {name: value for name, (_, value, _) in parameters.items()}


def exact(value):
    """Equal only for values of the same types: 1, 1.0 and True are three."""
    return repr(sorted(value.items()))


@given(parameters=_PARAMETERS)
def test_valid_arguments_reach_the_function_unchanged(parameters):
    called, read, arguments = of_signature(parameters)
    assert exact(called(**read.read(arguments))) == exact(arguments)


@given(parameters=_PARAMETERS, data=st.data())
def test_altered_arguments_never_reach_the_function(parameters, data):
    _, read, arguments = of_signature(parameters)
    name = data.draw(st.sampled_from(list(parameters)))
    match data.draw(st.sampled_from(["missing", "extra", "wrong"])):
        case "missing":
            del arguments[name]
        case "extra":
            arguments["surplus_"] = arguments[name]
        case _:
            arguments[name] = parameters[name][2]
    with pytest.raises(ToolError) as caught:
        read.read(arguments)
    assert "\n" not in str(caught.value)
