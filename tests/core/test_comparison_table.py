from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core import safe_html
from streamcell.core.comparison_table import bundle, picture, rows, summary
from streamcell.core.metrics import Metrics
from streamcell.core.response import StreamingResponse

FOREIGN = "<img src=x onerror=alert(1)>\u202e\x1b[31m$x$"


def answer(text="An answer.", *, reason="stop", streamed=True, **figures):
    response = StreamingResponse(streamed=streamed)
    response.add_text(text)
    response.stop_reason = reason
    response.metrics = Metrics(**{"time_to_first_token": 0.4, "duration": 6.2, **figures})
    return response


def html(**answers):
    return bundle(answers)["text/html"]


def plain(**answers):
    return bundle(answers)["text/plain"]


def test_each_answer_stands_under_its_model():
    shown = html(a=answer("**one**"), b=answer("two"))
    places = [shown.index(part) for part in ("<h2>a</h2>", "<strong>one</strong>", "<h2>b</h2>", "two")]
    assert places == sorted(places)


def test_the_answer_of_a_blocking_call_is_folded():
    assert "<details><summary>b</summary>" in html(a=answer(), b=answer(streamed=False))


def test_the_figures_stand_in_one_table():
    figures = {"tokens_per_second": 71.6, "output_tokens": 1234, "cost": 0.0012, "characters": 5000}
    *_, head, row = plain(a=answer(**figures)).splitlines()
    assert head.split() == [
        *("model", "first", "token", "total", "tokens/s", "tokens", "cost", "length", "ended")
    ]
    assert row.split() == ["a", "0.40", "s", "6.2", "s", "72", "1,234", "$0.0012", "5,000", "stop"]


def test_the_columns_of_the_text_are_aligned():
    *_, head, first, second = plain(**{"日本": answer(cost=12.5), "long:name": answer()}).splitlines()
    assert head.index("ended") == second.index("stop") == first.index("stop") + 2


def test_what_nobody_knows_is_a_dash_and_an_estimate_is_marked():
    *_, row = plain(a=answer("", time_to_first_token=None, duration=None)).splitlines()
    assert row.split() == ["a", *["—"] * 5, "0", "stop"]
    *_, row = plain(a=answer(output_tokens=7, tokens_per_second=3.2, tokens_estimated=True)).splitlines()
    assert "~3" in row.split()
    assert "~7" in row.split()


def test_every_timed_answer_has_a_bar_and_words_for_it():
    shown = html(a=answer(), b=answer(time_to_first_token=None, duration=None))
    assert shown.count('<img src="data:image/png;base64,') == 1
    assert 'alt="first text 0.40 s, all 6.2 s"' in shown
    assert "b · not timed" in shown


@pytest.mark.parametrize(
    ("reason", "note"),
    [("error", "failed"), ("truncated", "cut off"), ("cancelled", "stopped"), (None, "not finished")],
)
def test_an_answer_that_is_not_whole_says_so_at_its_bar(reason, note):
    (bar,) = picture({"a": answer(reason=reason)}).bars
    assert bar.note == note


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "refusal", "unknown"])
def test_an_answer_that_ended_by_itself_has_no_note(reason):
    (bar,) = picture({"a": answer(reason=reason)}).bars
    assert bar.note is None


def test_the_length_of_a_kept_answer_is_known_without_figures():
    (row,) = rows({"a": answer("four", characters=0)})
    assert row.characters == 4


def test_the_summary_has_no_answers():
    shown = summary({"a": answer("said")})
    assert "said" not in shown["text/html"]
    assert "said" not in shown["text/plain"]
    assert "<table>" in shown["text/html"]


def test_nothing_to_compare_is_said():
    assert "Nothing was asked" in html()
    assert "nothing was asked" in plain()


def test_the_name_of_a_model_is_only_text():
    shown = bundle({FOREIGN: answer(FOREIGN)})
    assert "<img src=x" not in shown["text/html"]
    for control in ("\u202e", "\x1b"):
        assert control not in shown["text/html"]
        assert control not in shown["text/plain"]


@given(st.text(), st.text(), st.none() | st.floats(0, 1e5), st.none() | st.floats(0, 1e5), st.booleans())
def test_the_html_is_what_the_second_wall_lets_through(label, text, first, total, streamed):
    shown = bundle({label: answer(text, time_to_first_token=first, duration=total, streamed=streamed)})
    assert safe_html.seal(shown["text/html"]) == shown["text/html"]
    shown["text/plain"].encode()
