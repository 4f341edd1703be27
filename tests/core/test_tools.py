"""Functions as tools: what the model sees, what a person is asked, what the function gets."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.tools import Tool, digest_of, tool, toolbox
from streamcell.errors import ToolError, UsageError
from streamcell.events import ToolCall

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def weather(city: str, days: int = 1) -> str:
    """The weather of a place.

    Uses the nearest station.

    Args:
        city: Name of the city.
    """
    return f"{city}: {days} days of rain"


async def later(city: str) -> str:
    return city


class Shop:
    """A shop with a price list."""

    def __init__(self, price):
        self._price = price

    def cost(self, number: int) -> int:
        """What so many cost."""
        return number * self._price

    @tool(read_only=True, description="Half of it.")
    def half(self, number: int) -> float:
        return self.cost(number) / 2

    def __call__(self, number: int) -> int:
        return self.cost(number)


def call(arguments, *, raw=""):
    return ToolCall(0, "call-1", "weather", arguments=arguments, raw_arguments=raw)


# -- making ------------------------------------------------------------------------------------------


def test_the_model_sees_the_name_the_description_and_the_parameters():
    spec = tool(weather).spec
    assert spec.name == "weather"
    assert spec.description == "The weather of a place.\n\nUses the nearest station."
    assert spec.parameters["properties"]["city"] == {"type": "string", "description": "Name of the city."}


def test_a_tool_is_called_like_its_function():
    made = tool(weather)
    assert made("Rome", days=2) == weather("Rome", days=2)
    assert (made.__name__, made.__doc__, made.__wrapped__) == ("weather", weather.__doc__, weather)
    assert inspect.signature(made) == inspect.signature(weather)


def test_a_decorated_function_is_a_tool_with_or_without_options():
    @tool
    def plain(): ...

    @tool(
        read_only=True, approve="always", timeout=None, idempotent=True, name="other", description="Does it."
    )
    def given_options(): ...

    assert (plain.read_only, plain.approve, plain.timeout, plain.idempotent) == (False, None, 60.0, False)
    assert (given_options.read_only, given_options.approve) == (True, "always")
    assert (given_options.timeout, given_options.idempotent) == (None, True)
    assert (given_options.spec.name, given_options.spec.description) == ("other", "Does it.")


def test_a_tool_given_again_is_a_copy_that_keeps_what_is_not_said():
    first = tool(weather, read_only=True, timeout=5, name="rain")
    second = tool(first, approve="always", description="Rain.")
    assert (second.name, second.read_only, second.timeout, second.approve) == ("rain", True, 5, "always")
    assert (first.approve, first.spec.description[:11]) == (None, "The weather")
    assert second.function is weather
    assert second.arguments(call({"city": "Rome"})) == {"city": "Rome", "days": 1}


def test_a_tool_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        tool(weather).read_only = True


def test_attributes_of_the_function_do_not_hide_those_of_the_tool():
    def risky(): ...

    risky.read_only = True
    risky.approve = "never"
    assert tool(risky).asks


@pytest.mark.parametrize(
    ("options", "asks"),
    [
        ({}, True),
        ({"read_only": True}, False),
        ({"approve": "never"}, False),
        ({"approve": "always", "read_only": True}, True),
    ],
)
def test_a_tool_asks_unless_it_only_reads(options, asks):
    assert tool(weather, **options).asks is asks


def test_a_method_a_partial_and_an_object_are_tools():
    shop = Shop(3)
    box = toolbox([shop.cost, shop, functools.partial(weather, days=7)])
    assert {name: made.spec.description.partition("\n")[0] for name, made in box.items()} == {
        "cost": "What so many cost.",
        "Shop": "A shop with a price list.",
        "weather": "The weather of a place.",
    }
    assert [list(made.spec.parameters["properties"]) for made in box.values()] == [
        ["number"],
        ["number"],
        ["city"],
    ]
    assert box["cost"](2) == box["Shop"](2) == 6
    assert box["weather"].function(city="Rome") == "Rome: 7 days of rain"


def test_a_decorated_method_is_a_tool_of_its_object():
    half = Shop(3).half
    assert isinstance(half, Tool)
    assert half(2) == 3.0
    assert (half.read_only, half.spec.description) == (True, "Half of it.")
    assert list(half.spec.parameters["properties"]) == ["number"]
    assert isinstance(Shop.half, Tool)


def test_an_async_function_is_known_also_behind_a_partial_or_an_object():
    class Slow:
        async def __call__(self): ...

    assert all(tool(made).is_async for made in (later, functools.partial(later, city="Rome"), Slow()))
    assert not tool(weather).is_async


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "say hello"}, "'say hello'"),
        ({"name": ""}, "1 to 64"),
        ({"name": "x" * 65}, "1 to 64"),
        ({"name": "größe"}, "'größe'"),
        ({"name": "x\n"}, "1 to 64"),
        ({"approve": "sometimes"}, "'always' or 'never', not 'sometimes'"),
        ({"approve": True}, "not True"),
        ({"read_only": "no"}, "read_only= of the tool 'weather' is True or False, not 'no'"),
        ({"read_only": None}, "not None"),
        ({"read_only": 1}, "not 1"),
        ({"idempotent": "yes"}, "idempotent= of the tool 'weather' is True or False, not 'yes'"),
        ({"timeout": True}, "not True"),
        ({"timeout": math.nan}, "not nan"),
        ({"timeout": 0}, "seconds or None, not 0"),
        ({"timeout": math.inf}, "not inf"),
        ({"timeout": "5"}, "not '5'"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        tool(weather, **options)


# -- the toolbox -------------------------------------------------------------------------------------


def test_a_toolbox_holds_its_tools_by_name_in_their_order():
    ready = tool(later)
    box = toolbox([weather, ready])
    assert list(box) == ["weather", "later"]
    assert box["later"] is not weather
    assert box["later"].function is later


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two tools are called 'weather'"):
        toolbox([weather, tool(later, name="weather")])


def unnamed():
    yield 1


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        (weather, r"not function weather; write tools=\[f, g\]"),
        (tool(weather), "not Tool weather"),
        ("weather", "not str"),
        ({"weather": weather}, "not dict"),
        (None, "not NoneType"),
        (["weather"], "a tool is a function, not str"),
        ([{"type": "web_search"}], "a tool is a function, not dict"),
        ([None], "a tool is a function, not NoneType"),
        ([Shop], "a tool is a function, not type Shop"),
        ([lambda city: city], "a lambda has no name"),
        ([print], "'print' takes"),
        ([unnamed], "'unnamed' is a generator"),
    ],
)
def test_what_is_no_function_is_refused(tools, said):
    with pytest.raises(UsageError, match=said):
        toolbox(tools)


def test_a_lambda_with_a_name_is_a_tool():
    assert toolbox([tool(lambda city: city, name="echo")])["echo"].function(city=1) == 1


# -- arguments ---------------------------------------------------------------------------------------


def test_the_function_gets_what_the_call_says():
    assert tool(weather).arguments(call({"city": "Rome", "days": 2})) == {"city": "Rome", "days": 2}


def test_what_is_shown_is_what_runs():
    shown = call({"city": "Rome"}, raw='{"city": "Rome", "city": "Paris"}')
    assert tool(weather).arguments(shown) == {"city": "Rome", "days": 1}


def test_broken_json_is_never_repaired():
    with pytest.raises(ToolError) as caught:
        tool(weather).arguments(call(None, raw='{"city": "Ro' + "o" * 500))
    assert str(caught.value) == (
        f'weather was not called: the arguments are no JSON object: {{"city": "Ro{"o" * 188}'
    )


def test_wrong_arguments_name_the_tool_and_the_parameter():
    with pytest.raises(
        ToolError, match=r'^weather was not called: days: should be a valid integer, not "2"$'
    ) as caught:
        tool(weather).arguments(call({"city": "Rome", "days": "2"}))
    assert caught.value.__suppress_context__


# -- the digest --------------------------------------------------------------------------------------


def test_a_digest_is_the_same_in_every_process():
    assert digest_of("weather", {"city": "Rome", "days": 1}) == "0e4e141f54ac35af12537d42738fca8f"


@given(arguments=st.dictionaries(st.text(), JSON, min_size=2, max_size=4))
def test_a_digest_does_not_see_the_order(arguments):
    assert digest_of("f", arguments) == digest_of("f", dict(reversed(arguments.items())))


@given(one=st.dictionaries(st.text(), JSON), other=st.dictionaries(st.text(), JSON))
def test_a_digest_is_of_one_tool_with_these_arguments(one, other):
    assert digest_of("f", one) != digest_of("g", one)
    if repr(one) != repr(other) and one != other:
        assert digest_of("f", one) != digest_of("f", other)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (0, False), ("1", 1), (None, "null"), ([], {})]
)
def test_values_that_python_takes_for_equal_have_digests_of_their_own(one, other):
    assert digest_of("f", {"x": one}) != digest_of("f", {"x": other})


def test_a_digest_of_what_json_cannot_say_is_refused():
    with pytest.raises(ToolError, match="TypeError"):
        digest_of("f", {"x": object()})


def test_importing_the_module_loads_nothing_heavy():
    code = "import sys, streamcell.core.tools; print(*{'pydantic', 'pandas', 'asyncio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()
