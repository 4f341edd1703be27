import json
import math
import os
import re
import string
import types

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from IPython.display import Image as ShownImage
from matplotlib.figure import Figure
from PIL import Image

from streamcell.core.interpolate import LONGEST_SUMMARY, LONGEST_VALUE, interpolate
from streamcell.errors import UsageError


class Key:
    __streamcell_secret__ = True


class Frame:
    shape = (1000, 2)
    columns = ("a", "b")
    dtypes = ("int64", "object")

    def head(self, rows):
        return f"<{rows} rows>"


class Column:
    shape = (1000,)
    dtype = "int64"

    def head(self, rows):
        return f"<{rows} values>"


class Array:
    shape = (2, 2)
    dtype = "float64"

    def __init__(self, written="[[1 2]\n [3 4]]"):
        self.written = written

    def __str__(self):
        return self.written


class Broken:
    def __str__(self):
        raise ValueError("secret of the value")


def test_a_known_name_is_replaced():
    assert interpolate("Hi {name}!", {"name": "Ada"}) == ("Hi Ada!", ("name",), (), ())


def test_an_unknown_name_stays_and_is_listed_once():
    assert interpolate("{a} {b} {a}", {"b": 1}) == ("{a} 1 {a}", ("b",), ("a",), ())


def test_doubled_braces_around_a_name_write_the_name():
    assert interpolate("{{name}}", {"name": "Ada"}).text == "{name}"


def test_a_value_is_never_read_again():
    assert interpolate("{a} {b}", {"a": "{b}", "b": "{{a}}"}).text == "{b} {{a}}"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"b": [1, 2]}}',
        r"\frac{1}{2} \sqrt{\alpha}",
        "{x.y} {x[0]} {x()} {x!r} {x:>10} {x=} { x } {x,}",
        "{x.__class__.__mro__} {x[__globals__]}",
        "{} {0} {1x} {-x} {{}} {{ x }} {{x.y}} {{1}}",
        "{ unbalanced } } {{ {",
        "{{%raw%}} {%x%} ${{ x }}",
    ],
)
def test_every_other_brace_stays_as_it_was(text):
    assert interpolate(text, {"x": "VALUE", "a": "VALUE"}) == (text, (), (), ())


def test_a_dunder_name_is_never_looked_up():
    namespace = {"__name__": "__main__", "__builtins__": {}}
    assert interpolate("{__name__} {__builtins__}", namespace).text == "{__name__} {__builtins__}"


def test_a_name_with_an_underscore_may_be_used():
    assert interpolate("{_} {_x}", {"_": 1, "_x": 2}).text == "1 2"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (os, "module"),
        (types.ModuleType("m"), "module"),
        (len, "function"),
        (lambda: 1, "function"),
        ("".join, "function"),
        (Key, "class"),
        (Key(), "key"),
        (types.SimpleNamespace(__streamcell_secret__=1), "key"),
        (os.environ, "environment"),
    ],
)
def test_code_and_secrets_are_refused_by_name(value, word):
    with pytest.raises(UsageError, match=rf"\{{thing\}} holds .*{word}"):
        interpolate("{thing}", {"thing": value})


def test_what_is_not_named_in_the_text_is_not_looked_at():
    assert interpolate("hello", {"thing": Key()}).text == "hello"


def test_a_value_that_cannot_be_written_is_an_error_without_its_text():
    with pytest.raises(UsageError, match="ValueError") as caught:
        interpolate("{x}", {"x": Broken()})
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_string_goes_in_whole():
    assert interpolate("{x}", {"x": "a" * 1_000_000}).text == "a" * 1_000_000


def test_another_long_value_is_cut_and_says_by_how_much():
    written = str(list(range(20_000)))
    text = interpolate("{x}", {"x": list(range(20_000))}).text
    assert text == f"{written[:LONGEST_VALUE]}… [cut: {len(written) - LONGEST_VALUE:,} more characters]"


@pytest.mark.parametrize(
    ("value", "written"),
    [(1, "1"), (math.inf, "inf"), (b"a", "b'a'"), ([1, "a"], "[1, 'a']"), (None, "None")],
)
def test_plain_values_are_written_as_python_writes_them(value, written):
    assert interpolate("{x}", {"x": value}).text == written


def test_a_table_comes_as_shape_types_and_first_rows():
    assert interpolate("{x}", {"x": Frame()}).text == (
        "Frame, 1000 rows, 2 columns: a (int64), b (object)\nFirst rows:\n<5 rows>"
    )


def test_a_column_and_an_array_come_as_shape_type_and_values():
    assert interpolate("{x}", {"x": Column()}).text == "Column, 1000 values, int64\nFirst values:\n<5 values>"
    assert interpolate("{x}", {"x": Array()}).text == "Array, shape (2, 2), float64\n[[1 2]\n [3 4]]"


def test_a_summary_is_capped():
    assert len(interpolate("{x}", {"x": Array("1" * 100_000)}).text) < LONGEST_SUMMARY + 60


FIGURE = Figure()
PICTURES = {
    "figure": FIGURE,
    "axes": FIGURE.subplots(),
    "part of a figure": FIGURE.subfigures(),
    "PIL": Image.new("RGB", (1, 1)),
    "IPython": ShownImage(data=b"\x89PNG\r\n\x1a\n", format="png"),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_marked_in_the_text_and_told_once(picture):
    filled = interpolate("see {plot} and {plot}, not {{plot}}", {"plot": picture})
    assert filled == ("see [image: plot] and [image: plot], not {plot}", ("plot",), (), ("plot",))


def test_what_can_be_drawn_but_is_read_as_text_stays_text():
    class Formula:
        def _repr_png_(self):
            return b""

        def __str__(self):
            return "x + 1"

    assert interpolate("{f}", {"f": Formula()}) == ("x + 1", ("f",), (), ())


PIECES = st.sampled_from(
    [*"{}.[]!:() \\", "{{", "}}", "x", "os", "environ", "__class__", "!r", ":>10", '"a": 1', "\\frac"]
)


@given(st.lists(PIECES).map("".join))
def test_text_without_a_name_alone_in_braces_round_trips(text):
    assume(not re.search(r"\{[^\W\d]\w*\}", text))
    assert interpolate(text, {"x": "VALUE", "os": os, "environ": os.environ}) == (text, (), (), ())


@given(st.lists(PIECES).map("".join))
def test_text_without_escaped_names_round_trips_when_nothing_is_known(text):
    assume(not re.search(r"\{\{[^\W\d]\w*\}\}", text))
    assert interpolate(text, {}).text == text


@given(
    st.recursive(
        st.none() | st.integers() | st.text(string.ascii_letters),
        lambda inner: st.dictionaries(st.text(string.ascii_letters), inner),
    )
)
def test_json_round_trips_untouched(value):
    text = json.dumps(value)
    assert interpolate(text, dict.fromkeys(string.ascii_letters, "VALUE")).text == text


@given(st.text(alphabet="{}ab"), st.text(alphabet="{}ab"))
def test_a_value_is_put_in_exactly_once_and_unchanged(before, value):
    assert interpolate(f"{before}|{{name}}|", {"name": value}).text.endswith(f"|{value}|")


# -- everything at once ------------------------------------------------------------------------------------

HOSTILE = ["x", "_", "__class__", "__import__", "os", "environ", "self", "class", "ñandú", "x1", "名前", "ﬁ"]
NAMES = st.sampled_from(HOSTILE)
BRACED = st.one_of(
    NAMES.map(lambda name: f"{{{name}}}"),
    NAMES.map(lambda name: f"{{{{{name}}}}}"),
    NAMES.map(lambda name: f"{{{name}.__globals__}}"),
    NAMES.map(lambda name: f"{{{name}!r:>{{{name}}}}}"),
    NAMES.map(lambda name: f"{{{name}=:.3f}}"),
    NAMES.map(lambda name: f'{{"{name}": [{{"{name}": 1}}]}}'),
    NAMES.map(lambda name: f"\\frac{{{name}}}{{\\text{{{name}}}}}"),
    NAMES.map(lambda name: f"{{%if {name}%}}{{{{ {name} }}}}"),
)
TEXTS = st.lists(BRACED | st.text() | st.text(alphabet="{}x_1²é \n\\")).map("".join)


def read_by_hand(text, namespace):
    """What the rules say, one character after the other, without a pattern."""

    def name_at(begin):
        end = begin
        while end < len(text) and (text[end] == "_" or text[end].isalnum()):
            end += 1
        return "" if text[begin : begin + 1].isdecimal() else text[begin:end]

    done, at = "", 0
    while at < len(text):
        escaped = name_at(at + 2) if text.startswith("{{", at) else ""
        plain = name_at(at + 1) if text[at] == "{" else ""
        if escaped and text.startswith("}}", at + 2 + len(escaped)):
            done, at = f"{done}{{{escaped}}}", at + 4 + len(escaped)
        elif (
            plain in namespace
            and not re.fullmatch("__.*__", plain)
            and text[at + 1 + len(plain) :][:1] == "}"
        ):
            done, at = done + namespace[plain], at + 2 + len(plain)
        else:
            done, at = done + text[at], at + 1
    return done


@given(TEXTS, st.dictionaries(NAMES, st.text(alphabet="{}x_ ")))
def test_any_text_keeps_all_but_the_names_that_are_there(text, namespace):
    filled = interpolate(text, namespace)
    assert filled.text == read_by_hand(text, namespace)
    assert set(filled.used) <= namespace.keys()
    assert not filled.pictures
