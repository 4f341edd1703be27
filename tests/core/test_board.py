from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.board import COLUMNS, POINTS, WINDOW, Bin, Course, rates, spread
from streamcell.core.metrics import Gaps

STEPS = st.lists(st.tuples(st.floats(0.01, 5.0), st.integers(0, 50)), min_size=1, max_size=200)


def course(*points):
    made = Course()
    for at, tokens in points:
        made.add(at, tokens)
    return made


def times(*seconds):
    made = Gaps()
    for one in seconds:
        made.add(one)
    return made


def test_between_two_points_tokens_come_evenly():
    made = course((10.0, 0), (12.0, 40))
    assert [made.tokens(at) for at in (9.0, 10.0, 10.5, 12.0, 99.0)] == [0, 0, 10, 40, 40]


def test_an_answer_that_came_at_once_is_a_step():
    made = course((10.0, 0), (10.0, 7))
    assert [made.tokens(at) for at in (9.99, 10.0)] == [0, 7]
    assert sum(rates([made])[0]) * 0.1 / COLUMNS == pytest.approx(7, rel=0.05)


def test_a_point_before_the_last_is_left_out():
    assert course((1.0, 0), (2.0, 5), (1.5, 99)).tokens(9.0) == 5


@given(STEPS)
def test_a_course_of_any_length_is_small_and_keeps_its_ends(steps):
    made, at, tokens = course((100.0, 0)), 100.0, 0
    for seconds, more in steps:
        at, tokens = at + seconds, tokens + more
        made.add(at, tokens)
    assert made.span == (100.0, at)
    assert made.tokens(at) == tokens
    assert len(made._times) <= POINTS


@given(STEPS)
def test_the_columns_hold_every_token_of_the_window(steps):
    made, at, tokens = course((100.0, 0)), 100.0, 0
    for seconds, more in steps:
        at, tokens = at + seconds, tokens + more
        made.add(at, tokens)
    columns, covered = rates([made])
    before = made.tokens(at - WINDOW) if at - WINDOW > 100 else 0
    assert len(columns) == COLUMNS
    assert covered <= WINDOW
    assert sum(columns) * covered / COLUMNS == pytest.approx(tokens - before, abs=0.05 * covered + 1e-6)


def test_the_courses_of_several_runs_are_added():
    both, _ = rates([course((0.0, 0), (4.0, 40)), course((0.0, 0), (4.0, 80))])
    assert both == [30.0] * COLUMNS


def test_without_a_token_there_are_no_columns():
    assert rates([Course()]) == ([], 0.0)


def test_a_count_at_the_end_makes_no_jump_of_what_was_estimated_too_low():
    made = course((0.0, 0), (1.0, 10), (2.0, 20))
    made.settle(4.0, 80)
    assert [made.tokens(at) for at in (0.0, 1.0, 2.0, 4.0)] == [0, 20, 40, 80]


def test_times_are_sorted_into_neighbouring_bins():
    found = spread(times(0.015, 0.018, 0.15))
    assert found.bins == [Bin(0.02, 2), Bin(0.05, 0), Bin(0.1, 0), Bin(0.2, 1)]
    assert found.p50 == pytest.approx(0.018, rel=0.06)


@given(st.lists(st.floats(1e-6, 4000.0), max_size=50))
def test_no_time_is_left_out_of_the_bins(seconds):
    assert sum(one.count for one in spread(times(*seconds)).bins) == len(seconds)
