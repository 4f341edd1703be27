"""Structured answers as tables in a saved notebook."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from streamcell.core import safe_html
from streamcell.core.structure import answer_table


def cells(html):
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]


def test_a_list_of_objects_is_a_table_of_their_fields():
    text = json.dumps([{"name": "Ada", "age": 36}, {"name": "Max", "place": "Rome"}])
    assert cells(answer_table.html(text)) == [
        ["name", "age", "place"],
        ["Ada", "36", ""],
        ["Max", "", "Rome"],
    ]


def test_a_list_inside_an_object_is_the_table_and_the_other_fields_stand_before_it():
    html = answer_table.html('{"title": "Two", "items": [{"n": 1}, {"n": 2}]}')
    assert cells(html) == [["Field", "Value"], ["title", "Two"], ["n"], ["1"], ["2"]]
    assert "2 rows" in html


def test_one_object_is_a_table_of_its_fields():
    html = answer_table.html('{"name": "Ada", "tags": [1, 2]}')
    assert cells(html) == [["Field", "Value"], ["name", "Ada"], ["tags", "[1, 2]"]]


def test_json_that_was_cut_shows_what_came():
    assert cells(answer_table.html('[{"name": "Ada"}, {"name": "Ma'))[:2] == [["name"], ["Ada"]]


def test_a_fence_around_the_json_is_not_shown():
    assert cells(answer_table.html('```json\n[{"n": 1}]\n```')) == [["n"], ["1"]]


def test_in_plain_text_the_columns_stand_below_each_other():
    text = json.dumps([{"name": "Ada", "age": 36}, {"name": "Maximilian", "age": 7}])
    assert answer_table.plain(text) == "name        age\nAda         36\nMaximilian  7"


def test_a_very_long_list_says_how_much_of_it_is_shown():
    html = answer_table.html(json.dumps([{"n": number} for number in range(1001)]))
    assert len(cells(html)) == 1 + 1000
    assert "1,001 rows, the first 1,000 shown" in html


def test_text_that_is_no_json_stays_as_it_is():
    assert answer_table.html("I cannot say.") == safe_html.preformatted("I cannot say.")


@given(st.lists(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3), max_size=3))
def test_no_value_becomes_markup(rows):
    html = answer_table.html(json.dumps(rows))
    assert set(re.findall(r"</?(\w+)", html)) <= {
        "table", "thead", "tbody", "tr", "th", "td", "p", "small", "pre", "code", "bdi", "span"
    }  # fmt: skip
