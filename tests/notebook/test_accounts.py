"""Tables of past runs."""

import re
from datetime import UTC, datetime

import msgspec
import pytest

from streamcell.notebook.accounts import cost, history
from streamcell.past_runs import Row

ROW = Row(
    run=1,
    started=datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC),
    provider="openai",
    model="gpt-5-mini",
    streamed=True,
    stop_reason="stop",
    error=None,
    time_to_first_token=0.25,
    duration=1.5,
    chunks=3,
    characters=9,
    input_tokens=1200,
    output_tokens=7,
    tokens_estimated=False,
    tokens_per_second=5.0,
    cost=0.01,
    stalls=0,
    retries=0,
    replayed=False,
    scripted=False,
)


def row(**changes):
    return msgspec.structs.replace(ROW, **changes)


def test_a_run_is_one_line_under_its_heads():
    head, line = history([ROW]).splitlines()
    assert re.split("  +", head) == [
        "run",
        "at",
        "model",
        "ended",
        "first token",
        "total",
        "tokens in",
        "out",
        "cost",
    ]
    local = f"{ROW.started.astimezone():%H:%M:%S}"
    figures = ["0.25 s", "1.50 s", "1,200", "7", "$0.0100"]
    assert re.split("  +", line.strip()) == ["1", local, "openai:gpt-5-mini", "stop", *figures]


def test_what_nobody_knows_is_said_as_unknown():
    unknown = {"started": None, "time_to_first_token": None, "duration": None, "input_tokens": None}
    _, line = history([row(**unknown, output_tokens=None, cost=None)]).splitlines()
    assert line.split().count("unknown") == 6


def test_an_estimate_and_a_replay_are_marked():
    _, line = history([row(tokens_estimated=True, replayed=True, cost=None)]).splitlines()
    assert "~7" in line.split()
    assert "stop, replayed" in line
    assert line.endswith("none")


def test_the_newest_runs_are_shown_and_the_others_counted():
    *_, newest, last = history([row(run=number) for number in range(1, 31)]).splitlines()
    assert newest.split()[0] == "30"
    assert last == "the last 20 of 30 runs; streamcell.history() has all"
    assert len(history([row(run=number) for number in range(1, 31)]).splitlines()) == 22


def test_costs_are_added_by_model_and_in_all():
    rows = [ROW, row(cost=0.02), row(model="new", cost=None), row(model="new", cost=0.5)]
    assert [line.split() for line in cost(rows).splitlines()] == [
        ["runs", "cost"],
        ["openai:gpt-5-mini", "2", "$0.0300"],
        ["openai:new", "2", "$0.5000", "+", "1", "unknown"],
        ["total", "4", "$0.5300", "+", "1", "unknown"],
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cost": None}, "unknown"),
        ({"cost": None, "scripted": True}, "none"),
        ({"cost": None, "replayed": True}, "none"),
        ({"cost": 0.0}, "$0.0000"),
    ],
)
def test_unknown_is_no_zero_and_nothing_asked_costs_nothing(changes, said):
    assert cost([row(**changes)]).splitlines()[-1].split() == ["total", "1", said]


def test_a_hostile_name_commands_no_terminal():
    assert "\x1b" not in history([row(model="a\x1b[2J")])
    assert "\x1b" not in cost([row(model="a\x1b[2J")])


def test_before_the_first_run_that_is_said():
    assert history([]) == cost([]) == "no stream has ended yet"
