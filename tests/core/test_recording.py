"""Lines of a recording to runs and back, and what is not let into one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import FAILURE, FINISHED, RUNS, STARTED, texts
from streamcell.core import recording
from streamcell.core.recording import Recorded, RunLine
from streamcell.errors import UsageError
from streamcell.events import (
    Finished,
    Notice,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)

HEADER = recording.header("0")
BEGIN = RunLine("sha256:k", "s1", 5.0, {"provider": "p", "model": "m", "messages": []})
CANARY = "canary-in-the-mine"


def recorded(*events, begin=BEGIN):
    return Recorded(begin, [(number / 8, event) for number, event in enumerate(events)])


def as_it_is(text):
    return text


def without_canary(text):
    return text.replace(CANARY, "[gone]")


def lines_of(*runs, clean=as_it_is):
    return HEADER + b"".join(recording.write(run, clean) for run in runs)


TIMED_RUNS = RUNS.flatmap(
    lambda run: st.lists(st.floats(0, 1e6, allow_nan=False), min_size=len(run), max_size=len(run)).map(
        lambda times: Recorded(BEGIN, list(zip(sorted(times), run, strict=True)))
    )
)


@given(st.lists(TIMED_RUNS, max_size=3))
def test_every_run_of_the_grammar_survives_the_round_trip_exactly(runs):
    tape = recording.read(lines_of(*runs), "f")
    assert (tape.runs, tape.notes) == (runs, [])


@given(TIMED_RUNS, st.data())
def test_a_file_cut_anywhere_gives_whole_runs_only(run, data):
    whole = lines_of(run)
    file = whole + recording.write(run, as_it_is)
    cut = data.draw(st.integers(len(whole), len(file)))
    tape = recording.read(file[:cut], "f")
    # A last line that lacks only its line end is whole.
    assert tape.runs == [run] * (2 if cut >= len(file) - 1 else 1)
    first = file.index(b"\n", len(whole))
    assert bool(tape.notes) == (cut >= first and len(tape.runs) == 1)


def test_what_json_can_only_escape_survives():
    run = recorded(
        STARTED, TextDelta("half \ud83d"), ToolCall(0, "i", "f", {"n": 10**30, "x": [1.5, None]}), FINISHED
    )
    assert recording.read(lines_of(run), "f").runs == [run]


def test_the_first_line_names_format_and_schema():
    assert json.loads(lines_of().splitlines()[0]) == {
        "line": "header",
        "format": "streamcell-recording",
        "schema": 1,
        "streamcell": "0",
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no recording"),
        (b"hello\n", "no recording"),
        (b'{"line":"header","format":"other","schema":1,"streamcell":"0"}\n', "no recording"),
        (
            b'{"line":"header","format":"streamcell-recording","schema":2,"streamcell":"9.9"}\n',
            "9.9.*schema 2",
        ),
    ],
)
def test_another_file_or_a_newer_kind_is_refused_by_name(content, says):
    with pytest.raises(UsageError, match=says) as raised:
        recording.read(content, "run.jsonl")
    assert "run.jsonl" in str(raised.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [*lines[:2], b"{broken", *lines[3:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:-2], b'{"line":"end","events":2}'],
    ],
    ids=["no end", "an event lost", "a broken line", "out of order", "never finished"],
)
def test_a_damaged_run_is_ignored_with_a_note_and_the_others_stay(damage):
    run, other = recorded(STARTED, *texts("a"), FINISHED), recorded(STARTED, *texts("b"), FINISHED)
    damaged = b"\n".join(damage(recording.write(run, as_it_is).splitlines()))
    content = HEADER + damaged + b"\n" + recording.write(other, as_it_is)
    tape = recording.read(content, "f")
    assert tape.runs == [other]
    assert tape.notes == ["the run at line 2 of f is cut or damaged, and ignored"]


@pytest.mark.parametrize(
    "make",
    [
        TextDelta,
        ReasoningDelta,
        lambda text: Notice("refusal", text),
        lambda text: ToolCallDelta(1, arguments=text),
        lambda text: ToolCall(0, "i", "f", {"a": [text]}, raw_arguments=text),
        lambda text: UsageReport(Usage(raw={"note": text})),
        lambda text: Finished("stop", stop=text),
    ],
)
def test_a_secret_in_any_text_is_taken_out(make):
    run = recorded(STARTED, make(f"so {CANARY} it is"), FINISHED)
    content = lines_of(run, clean=without_canary)
    assert CANARY.encode() not in content
    assert recording.read(content, "f").runs[0].events[1][1] == make("so [gone] it is")


@given(st.integers(1, 4), st.integers(1, 6))
def test_a_secret_in_pieces_is_taken_out_and_the_number_of_pieces_stays(size, part):
    said = f"before {CANARY} after"
    pieces = [TextDelta(said[start : start + size], part) for start in range(0, len(said), size)]
    between = ReasoningDelta("thinks")
    run = recorded(STARTED, *pieces[:3], between, *pieces[3:], FINISHED)
    kept = recording.read(lines_of(run, clean=without_canary), "f").runs[0]
    events = [event for _, event in kept.events]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "before [gone] after"
    assert (len(events), events[4]) == (len(run.events), between)
    assert [at for at, _ in kept.events] == [at for at, _ in run.events]


def test_a_secret_in_the_request_is_taken_out():
    begin = RunLine("sha256:k", "s1", 5.0, {"system": f"use {CANARY}", "messages": []})
    kept = recording.read(lines_of(recorded(FINISHED, begin=begin), clean=without_canary), "f").runs[0]
    assert kept.begin.request["system"] == "use [gone]"


def test_events_that_came_together_are_a_group():
    a, b, c = texts("a", "b", "c")
    run = Recorded(BEGIN, [(0.5, STARTED), (0.5, a), (1.0, b), (2.0, c), (2.0, FINISHED)])
    assert list(run.groups()) == [(0.5, [STARTED, a]), (1.0, [b]), (2.0, [c, FINISHED])]


def test_the_figures_of_a_recording_are_those_of_its_run():
    run = Recorded(BEGIN, [(0.5, STARTED), (1.0, TextDelta("ab")), (3.5, TextDelta("c")), (4.0, FINISHED)])
    metrics = run.metrics()
    assert (metrics.time_to_first_token, metrics.duration, metrics.chunks) == (1.0, 4.0, 2)
    assert (metrics.characters, metrics.stalls) == (3, 1)


@pytest.mark.parametrize(
    ("end", "well"),
    [
        (FINISHED, True),
        (Finished("length"), True),
        (Finished("cancelled"), False),
        (Finished("truncated", FAILURE), False),
        (Finished("error", FAILURE), False),
    ],
)
def test_a_stopped_or_failed_run_did_not_end_well(end, well):
    assert recorded(STARTED, end).ended_well is well
