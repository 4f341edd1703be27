"""The rules for formulas, on the cases that the page's own tests read too."""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from streamcell.core import maths, safe_html

CASES = json.loads((Path(__file__).parents[2] / "js/test/formulas.json").read_text(encoding="utf-8"))


def formulas(markdown):
    """What stands in an element of its own as it was typed; a lone `$` or backslash is none."""
    shown = re.findall(r"<span>(.*?)</span>", safe_html.render(markdown), re.DOTALL)
    return [unescape(text) for text in shown if text not in {"$", "\\"}]


@pytest.mark.parametrize(("markdown", "expected"), CASES["found"], ids=lambda value: ascii(value)[:40])
def test_a_formula_is_one_here_if_it_is_one_on_the_page(markdown, expected):
    assert formulas(markdown) == expected


@pytest.mark.parametrize("formula", CASES["typeset"])
def test_what_typesets_is_kept_as_it_was_typed(formula):
    assert f"<span>${formula}$</span>" in safe_html.render(f"a ${formula}$ b")


@pytest.mark.parametrize("formula", CASES["refused"])
def test_what_does_more_than_typeset_is_code(formula):
    assert not maths.typesettable(formula)
    assert "<span>" not in safe_html.render(f"a ${formula}$ b")


@pytest.mark.parametrize("piece", ["$", "$a ", "\\(", "\\[", "\\[x\n", "$x\\"])
def test_what_begins_like_a_formula_and_does_not_end_is_text(piece):
    assert formulas(piece * 2_000) == []


def test_a_formula_that_is_too_long_is_shown_as_its_source():
    assert f"<code>${'x' * 6_000}$</code>" in safe_html.render(f"${'x' * 6_000}$")
