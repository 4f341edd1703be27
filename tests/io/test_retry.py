"""The retry policy, without waiting."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.events import ErrorInfo
from streamcell.io.retry import Policy

BUSY = ErrorInfo(kind="overloaded", message="busy", retryable=True)
jitters = st.floats(0, 1, exclude_max=True)


def limited(retry_after: float) -> ErrorInfo:
    return ErrorInfo(kind="rate_limit", message="slow down", retryable=True, retry_after=retry_after)


def test_what_cannot_be_repeated_is_not_repeated():
    error = ErrorInfo(kind="auth", message="no", retryable=False, retry_after=1)
    assert Policy().delay(1, error, 0.5) is None


def test_two_retries_are_the_default():
    assert [Policy().delay(attempt, BUSY, 0.0) is None for attempt in (1, 2, 3)] == [False, False, True]


def test_no_retries_means_none():
    assert Policy(retries=0).delay(1, BUSY, 0.0) is None


def test_the_pause_doubles_up_to_its_cap():
    policy = Policy(retries=2000, base=0.5, cap=3.0)
    assert [policy.delay(attempt, BUSY, 0.0) for attempt in (1, 2, 3, 4, 2000)] == [0.25, 0.5, 1.0, 1.5, 1.5]


def test_a_pause_the_server_asks_for_is_honoured_up_to_a_minute():
    assert Policy().delay(1, limited(60), 0.0) == 60
    assert Policy().delay(1, limited(60.1), 0.0) is None
    assert Policy().delay(1, limited(math.inf), 0.0) is None


@pytest.mark.parametrize("nonsense", [-1.0, math.nan])
def test_a_pause_that_makes_no_sense_is_passed_over(nonsense):
    assert Policy().delay(1, limited(nonsense), 0.0) == Policy().delay(1, BUSY, 0.0)


@given(attempt=st.integers(1, 50), jitter=jitters)
def test_a_pause_is_never_above_its_cap(attempt, jitter):
    policy = Policy(retries=50)
    assert 0 < policy.delay(attempt, BUSY, jitter) <= policy.cap


@given(asked=st.floats(0, 60), jitter=jitters)
def test_a_pause_the_server_asks_for_is_never_cut_short(asked, jitter):
    policy = Policy()
    assert asked <= policy.delay(1, limited(asked), jitter) <= asked + policy.base


@given(st.tuples(jitters, jitters).filter(lambda pair: pair[0] + 1e-6 < pair[1]))
def test_jitter_spreads_streams_that_failed_together(pair):
    early, late = pair
    assert Policy().delay(1, limited(10), early) < Policy().delay(1, limited(10), late)
    assert Policy().delay(1, BUSY, early) < Policy().delay(1, BUSY, late)


def test_an_answer_that_was_none_is_asked_for_once_more():
    error = ErrorInfo(kind="protocol", message="a web page", retryable=True)
    assert Policy().delay(1, error, 0.0) is not None
    assert Policy().delay(2, error, 0.0) is None


@pytest.mark.parametrize("asked", [0.5, 60.0])
def test_a_pause_for_all_callers_is_what_the_server_asked(asked):
    assert Policy().pause(limited(asked)) == asked


@pytest.mark.parametrize("asked", [60.1, math.inf, math.nan, -1.0])
def test_a_pause_too_long_or_of_no_sense_is_for_nobody(asked):
    assert Policy().pause(limited(asked)) == 0


def test_an_error_that_does_not_pass_asks_for_no_pause():
    error = ErrorInfo(kind="auth", message="no", retryable=False, retry_after=5.0)
    assert Policy().pause(error) == 0
