"""How far a batch is, in words."""

from __future__ import annotations

import pytest

from streamcell.events import Usage
from streamcell.many.tasks import TaskResult
from streamcell.notebook.tally import Tally


def result(*, kind=None, tokens=None, resumed=False):
    return TaskResult(
        task_id="1",
        agent_selected="a",
        success=kind is None,
        kind=kind,
        usage=Usage(output_tokens=tokens),
        resumed=resumed,
    )


def line(*results, total=None, seconds=0.0):
    tally = Tally(total, began=100.0)
    for one in results:
        tally.add(one)
    return tally.line(100.0 + seconds)


def test_at_the_beginning_nothing_is_foretold():
    assert line(total=4) == "0/4 · 0:00"


def test_of_prompts_without_a_length_it_is_said_how_many_are_done():
    assert line(result(), result(), seconds=61) == "2 done · 1:01"


def test_the_time_left_goes_by_what_was_done():
    assert line(result(), total=4, seconds=10) == "1/4 · 0:30 left"


def test_at_the_end_it_is_the_time_it_took():
    assert line(result(), result(), total=2, seconds=7322) == "2/2 · 2:02:02"


def test_failures_and_tokens_a_second_are_told():
    assert line(result(kind="server"), result(tokens=50), total=2, seconds=5) == (
        "2/2 · 1 failed · 10 tokens/s · 0:05"
    )


def test_who_was_cancelled_has_not_failed():
    assert line(result(kind="cancelled"), total=1) == "1/1 · 1 cancelled · 0:00"


def test_what_an_earlier_run_did_counts_as_done_but_not_for_the_pace():
    resumed = [result(tokens=1000, resumed=True)] * 6
    assert line(*resumed, total=10, seconds=2) == "6/10 · 6 resumed · 0:02"
    assert line(*resumed, result(tokens=20), total=10, seconds=2) == (
        "7/10 · 6 resumed · 10 tokens/s · 0:06 left"
    )


@pytest.mark.parametrize("total", [0, None])
def test_an_empty_batch_has_a_line(total):
    assert line(total=total).endswith(" · 0:00")
