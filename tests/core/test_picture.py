from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.bar_image import ARRIVING, WAITING
from streamcell.core.picture import BLOCKING, Bar, Picture, cells, said, seconds, shortened

STREAMED = Bar("m", 0.4, 6.2)
AT_ONCE = Bar("m" + BLOCKING, 6.1, 6.2, streamed=False)
SVG = "{http://www.w3.org/2000/svg}"

times = st.none() | st.floats(0, 1e5)
notes = st.none() | st.sampled_from(["failed", "stopped"])
pictures = st.lists(st.builds(Bar, st.text(), times, times, st.booleans(), notes), max_size=4).map(
    lambda bars: Picture(tuple(bars))
)


def drawn(*bars):
    """The root of the picture, as XML."""
    return ET.fromstring(Picture(bars).svg)  # noqa: S314 - our own


def widths(root, colour):
    """The widths of the bars in a colour; the last is the legend's."""
    return [float(block.get("width")) for block in root.iter(f"{SVG}rect") if block.get("fill") == colour]


# The caption


def test_a_streamed_answer_is_set_against_its_blocking_call():
    assert Picture((STREAMED, AT_ONCE)).caption == "first text after 0.40 s instead of 6.2 s"


def test_several_pairs_are_told_apart_by_name():
    other = Bar("n", 1.0, 2.0), Bar("n" + BLOCKING, 2.0, 2.0, streamed=False)
    assert Picture((STREAMED, AT_ONCE, *other)).caption.splitlines() == [
        "first text after 0.40 s instead of 6.2 s (m)",
        "first text after 1.0 s instead of 2.0 s (n)",
    ]


@pytest.mark.parametrize(
    ("bars", "caption"),
    [
        ((), "nothing was asked"),
        ((Bar("a"), Bar("b", None, 2.0)), "no text came"),
        ((STREAMED,), "first text after 0.40 s"),
        ((Bar("a", 2.0, 3.0), STREAMED, Bar("b")), "first text after 0.40 s (m) to 2.0 s (a)"),
        ((Bar("a", 0.401, 3.0), STREAMED), "first text after 0.40 s from each"),
        ((STREAMED, Bar("m" + BLOCKING, None, 2.0, streamed=False)), "first text after 0.40 s"),
    ],
)
def test_without_a_pair_the_waits_of_the_answers_are_told(bars, caption):
    assert Picture(bars).caption == caption


# Words


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        (STREAMED, "first text 0.40 s, all 6.2 s"),
        (AT_ONCE, "all text at once 6.2 s"),
        (Bar("m", None, 2.0, note="failed"), "no text in 2.0 s, failed"),
        (Bar("m", 1.0, 2.0, note="stopped"), "first text 1.0 s, all 2.0 s, stopped"),
        (Bar("m"), "not timed"),
        (Bar("m", note="not finished"), "not finished"),
    ],
)
def test_a_bar_is_told_in_words(bar, words):
    assert said(bar) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0 ms"), (0.004, "4 ms"), (0.38, "0.38 s"), (1, "1.0 s"), (61.25, "61.2 s")]
)
def test_times_are_seconds_unless_that_would_hide_them(value, words):
    assert seconds(value) == words


@given(st.text(), st.integers(3, 50))
def test_a_shortened_text_fits(text, most):
    assert cells(shortened(text, most)) <= most


def test_a_long_name_keeps_both_ends():
    assert shortened("openrouter:vendor/model (blocking)", 20) == "openroute…(blocking)"


def test_a_wide_letter_takes_two_cells():
    assert cells("日a") == 3


# Drawn


def test_the_wait_is_thin_and_the_rest_thick_on_one_scale():
    root = drawn(Bar("a", 1.0, 4.0), Bar("b", 1.0, 2.0))
    *waiting, _ = widths(root, WAITING)
    *arriving, _ = widths(root, ARRIVING)
    assert waiting == [84, 84]
    assert arriving == [252, 84]


def test_for_a_blocking_call_the_whole_bar_is_waiting():
    root = drawn(STREAMED, AT_ONCE)
    assert widths(root, WAITING)[1] == 333
    assert widths(root, ARRIVING)[1] == 3


def test_an_answer_that_never_came_has_no_thick_part():
    assert len(widths(drawn(Bar("a", None, 2.0)), ARRIVING)) == 1


def test_an_answer_that_took_no_time_can_be_seen():
    assert widths(drawn(Bar("a", 0.0, 0.0)), ARRIVING)[0] > 0


def test_the_picture_has_a_title_and_a_description():
    root = drawn(STREAMED, AT_ONCE)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "First text after 0.40 s instead of 6.2 s"
    assert "m (blocking): all text at once 6.2 s" in root.findtext(f"{SVG}desc")


def test_a_label_is_only_text():
    root = drawn(Bar("</text><script>alert(1)</script>\u202e\x1b", 1.0, 2.0))
    assert root.find(f".//{SVG}script") is None
    assert "</text><script>alert(1)</script>" in [text.text for text in root.iter(f"{SVG}text")]


@given(pictures)
def test_any_picture_is_a_document_of_shapes_and_text(picture):
    root = ET.fromstring(picture.svg.encode())  # noqa: S314 - our own
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "desc", "rect", "text")
    }
    right = float(root.get("width"))
    for block in root.iter(f"{SVG}rect"):
        assert 0 <= float(block.get("x")) <= float(block.get("x")) + float(block.get("width")) <= right


@given(pictures)
def test_as_text_no_bar_is_longer_than_the_scale(picture):
    bars = [line for line in str(picture).splitlines() if line and not line.strip("─█")]
    assert all(0 < len(bar) <= 40 for bar in bars)
    assert len(bars) >= sum(bar.total is not None for bar in picture.bars)


def test_as_text_the_wait_is_a_line_and_the_rest_a_block():
    assert str(Picture((Bar("a", 1.0, 4.0), Bar("b", None, 2.0)))).splitlines() == [
        "first text after 1.0 s",
        "a: first text 1.0 s, all 4.0 s",
        "─" * 10 + "█" * 30,
        "b: no text in 2.0 s",
        "─" * 20,
    ]


def test_a_notebook_gets_the_picture_and_its_text():
    picture = Picture((STREAMED,))
    assert picture._repr_mimebundle_() == {"image/svg+xml": picture.svg, "text/plain": str(picture)}
    assert picture._repr_svg_() == picture.svg
