"""The files of recordings."""

from __future__ import annotations

import logging

import pytest

from streamcell.core.recording import Recorded, RunLine
from streamcell.errors import UsageError
from streamcell.events import Finished, Started, TextDelta
from streamcell.io import recording
from streamcell.io.keys import Key


@pytest.fixture
def file(tmp_path):
    return tmp_path / "run.jsonl"


def run(text, *, key="k", session="s"):
    begin = RunLine(key, session, 0.0, {"messages": []})
    return Recorded(begin, [(0.0, Started("p", "m")), (0.5, TextDelta(text)), (1.0, Finished("stop"))])


def test_runs_are_appended_and_read_again_when_the_file_has_changed(file):
    assert recording.load(file) is None
    recording.append(file, run("a"))
    assert recording.load(file).runs == [run("a")]
    recording.append(file, run("b"))
    assert recording.load(str(file)).runs == [run("a"), run("b")]


def test_a_cut_run_is_noted_once_and_does_not_spoil_what_is_appended_to_it(file, caplog):
    recording.append(file, run("a"))
    whole = file.read_bytes()
    recording.append(file, run("cut"))
    file.write_bytes(file.read_bytes()[: len(whole) + 200])
    recording.append(file, run("b"))
    with caplog.at_level(logging.WARNING, logger="streamcell"):
        assert recording.load(file).runs == [run("a"), run("b")]
        recording.load(file)
    assert [record.message for record in caplog.records] == [
        f"the run at line 7 of {file} is cut or damaged, and ignored"
    ]


def test_the_nth_ask_gives_the_nth_run_and_then_the_last_one_again(file):
    runs = [run("a"), run("b"), run("c")]
    assert [recording.take_turn(file, runs) for _ in range(5)] == [*runs, runs[2], runs[2]]


def test_other_requests_and_files_have_turns_of_their_own(file, tmp_path):
    runs, others = [run("a"), run("b")], [run("x", key="other"), run("y", key="other")]
    taken = [recording.take_turn(file, runs), recording.take_turn(file, others)]
    assert [*taken, recording.take_turn(tmp_path / "two.jsonl", runs)] == [runs[0], others[0], runs[0]]


def test_what_a_later_session_recorded_takes_the_place_of_an_earlier_one(file):
    runs = [run("old"), run("older still"), run("new", session="t"), run("newer", session="t")]
    assert [recording.take_turn(file, runs) for _ in range(3)] == [runs[2], runs[3], runs[3]]


def test_a_key_that_this_process_knows_never_reaches_the_file(file):
    canary = "canary/" + "0123456789" * 2
    Key(canary)
    begin = RunLine(
        "k", "s", 0.0, {"system": canary, "messages": [], "extra": {"u": canary.replace("/", "%2F")}}
    )
    pieces = [(0.1, TextDelta(letter)) for letter in f"it is {canary}."]
    recording.append(file, Recorded(begin, [(0.0, Started("p", "m")), *pieces, (1.0, Finished("stop"))]))
    kept = recording.load(file).runs[0]
    said = "".join(event.text for _, event in kept.events if isinstance(event, TextDelta))
    assert said == "it is [key removed]."
    assert "0123456789" not in file.read_text()


def test_a_place_where_nothing_can_be_written_is_refused_before_the_call(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        recording.check_writable(tmp_path / "missing" / "run.jsonl")
    with pytest.raises(UsageError, match="cannot"):
        recording.check_writable(tmp_path)


def test_a_file_of_something_else_is_neither_read_nor_written_to(file):
    file.write_text("my notes\n")
    with pytest.raises(UsageError, match="no recording"):
        recording.check_writable(file)
    with pytest.raises(UsageError, match="no recording"):
        recording.load(file)
    assert file.read_text() == "my notes\n"


def test_a_failed_write_is_an_error_in_the_log_and_no_exception(tmp_path, caplog):
    recording.append(tmp_path / "gone" / "run.jsonl", run("a"))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "not recorded" in caplog.text
