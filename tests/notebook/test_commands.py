"""What a `%%stream` cell does with its line, its prompt and its variables; and the commands of `%stream`."""

import itertools
import re
from collections import deque
from contextlib import contextmanager

import pytest

from streamcell import question
from streamcell.core.script import Script
from streamcell.notebook import commands, running
from streamcell.past_runs import History
from streamcell.testing import Fault, WireServer

QUICK = "demo --param pace=0"
KEY = "canary-" + "0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_streams_yet(monkeypatch):
    monkeypatch.setattr(running, "_cells", deque(maxlen=100))
    monkeypatch.setattr(running, "_numbers", itertools.count(1))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(loaded, capsys):
    """Runs a cell; what it printed, without what came before. `fails` says how it should end."""

    def run(source, *, fails=False):
        capsys.readouterr()
        outcome = loaded.run_cell(source, store_history=True)
        captured = capsys.readouterr()
        shown = captured.out + captured.err
        assert outcome.success is not fails, shown
        return shown

    run.names = loaded.user_ns
    return run


@contextmanager
def stalling():
    """A server whose answers never end by themselves, and the beginning of a cell's line that asks it."""
    with WireServer(Script.of("One, two", fault=Fault("stall", after=3))) as server:
        yield f"openai:held --base-url {server.base_url}/v1"


def wait_until_over():
    for cell in running._cells:
        cell.stream.result()


def one_line(shown):
    (line,) = [line for line in shown.splitlines() if line.strip()]
    return line


# -- a cell --------------------------------------------------------------------------------------------


def test_the_answer_is_shown_and_left_in_the_variable(run):
    shown = run(f"%%stream {QUICK} -o r\nHi")
    answer = run.names["r"]
    assert answer.stop_reason == "stop"
    assert shown.startswith(answer.text)
    assert "scripted demo answer" in shown.splitlines()[-1]


def test_the_underscore_is_set_as_by_any_other_cell(run):
    run(f"%%stream {QUICK} -o r\nHi")
    number = max(run.names["Out"])
    assert run.names["Out"][number] is run.names["_"] is run.names["r"]
    run("2 + 3")
    assert (run.names["_"], run.names["__"]) == (5, run.names["r"])


def test_a_variable_of_the_users_named_underscore_is_left_alone(run):
    run("_ = 'mine'")
    run(f"%%stream {QUICK} -o r\nHi")
    assert run.names["_"] == "mine"


def test_names_in_the_prompt_become_values_and_unknown_ones_are_noted(run):
    run("topic = 'DNA'")
    shown = run("%%stream demo --dry-run\nExplain {topic} to {whom}, not {{topic}} {a.b} {}")
    assert '"Explain DNA to {whom}, not {topic} {a.b} {}"' in shown
    assert shown.splitlines()[0] == "note: {whom} sent as written: no variable of that name"
    assert shown.count("note:") == 1


def test_nothing_is_filled_into_a_raw_prompt(run):
    run("topic = 'DNA'")
    shown = run("%%stream demo --raw --dry-run\nExplain {topic} and {{topic}} to {whom}")
    assert '"Explain {topic} and {{topic}} to {whom}"' in shown
    assert "note:" not in shown


def test_python_values_in_the_line_are_not_expanded_by_ipython(run):
    run("topic = 'DNA'")
    assert '"{topic} $topic"' in run("%%stream demo -s '{topic} $topic' --dry-run\nHi")


def test_a_dry_run_shows_path_and_body_and_no_key(run, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    with WireServer(Script.of("never")) as server:
        address = f"{server.base_url}/v1"
        shown = run(f"%%stream openai:m -o r --base-url {address} --key-env MY_KEY -s Brief --dry-run\nHi")
        assert server.requests == []
    assert shown.splitlines()[0] == f"POST {address}/chat/completions"
    for words in ('"model": "m"', '"Brief"', '"Hi"', '"stream": true'):
        assert words in shown
    assert KEY not in shown
    assert "r" not in run.names


def test_the_key_comes_from_the_variable_that_key_env_names(run, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    with WireServer(Script.of("One, two")) as server:
        shown = run(f"%%stream openai:m --base-url {server.base_url}/v1 --key-env MY_KEY\nHi")
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "One, two" in shown
    assert KEY not in shown


def test_a_variable_for_the_key_that_is_not_set_is_named(run, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    assert one_line(run("%%stream openai:m --key-env NO_SUCH_KEY\nHi", fails=True)) == (
        "UsageError: --key-env: the environment variable NO_SUCH_KEY is not set"
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("%%stream demo --nope\nHi", "--nope"),
        ("%%stream openay:m\nHi", "did you mean 'openai'"),
        ("%%stream demo\n   \n", "the prompt is empty"),
        ("%%stream demo -o 9lives\nHi", "9lives"),
        ("%%stream demo 'open\nHi", "quot"),
        ("%%stream demo --retries -1\nHi", "retries"),
        ("%%stream openai:m\nHi", "OPENAI_API_KEY"),
        ("%%stream openai:m --base-url ftp://x.example\nHi", "https://host/path"),
        ("%%stream demo --api-key abc\nHi", "--key-env"),
        ("import os\n%stream stop 99", "no running stream 99"),
        ("%stream bogus", "no such command; there are list, status, stop [ID]"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, source, says):
    line = one_line(run(source, fails=True))
    assert line.startswith("UsageError: ")
    assert says in line


def test_an_error_leaves_the_partial_and_fails_the_cell_with_one_line(run):
    shown = run("%%stream demo:error -o r --param pace=0\nHi", fails=True)
    answer = run.names["r"]
    assert answer.stop_reason == "truncated"
    assert shown.startswith(answer.text[:40])
    assert len(re.findall(r"^StreamInterruptedError: .+$", shown, re.MULTILINE)) == 1
    assert "Traceback" not in shown
    assert run.names["_"] is answer


def test_an_error_that_is_to_be_kept_does_not_fail_the_cell(run):
    shown = run("%%stream demo:error -o r --on-error keep --param pace=0\nHi")
    assert "What arrived is kept." in shown
    assert run.names["r"].error is not None


def test_a_blocking_call_is_shown_too(run):
    run(f"%%stream {QUICK} -o r --no-stream\nHi")
    assert run.names["r"].streamed is False
    assert run.names["r"].text


def test_options_reach_the_provider(run):
    with WireServer(Script.of("One, two")) as server:
        run(f"%%stream openai:m --base-url {server.base_url}/v1 -t 0.5 --max-tokens 7 --param seed=3\nHi")
        body = server.requests[0].body
    assert (body["temperature"], body["seed"]) == (0.5, 3)
    assert 7 in (body.get("max_tokens"), body.get("max_completion_tokens"))


# -- the background, and the commands --------------------------------------------------------------------


def test_a_cell_in_the_background_returns_at_once_and_is_listed_and_stopped(run):
    with stalling() as held:
        run(f"%%stream {held} --bg -o r\nHi")
        assert run.names["r"].stop_reason is None
        assert re.fullmatch(r"\s+1  running +openai:held\b.*\n", run("%stream list"))
        assert "stopped 1\n" in run("%stream stop 1")  # the answer's own end may be printed before it
        wait_until_over()
    assert run("%stream list") == "no stream is running\n"
    assert re.match(r"\s+1  cancelled +openai:held\b", run("%stream status"))


def test_stop_without_a_number_stops_all_that_run(run):
    with stalling() as held:
        run(f"%%stream {QUICK}\nHi")
        for _ in range(2):
            run(f"%%stream {held} --bg\nHi")
        assert [line.split()[0] for line in run("%stream list").splitlines()] == ["2", "3"]
        assert "stopped 2, 3\n" in run("%stream stop")
        wait_until_over()
        assert run("%stream stop") == "no stream is running\n"
        assert one_line(run("%stream stop 1 2", fails=True)) == (
            "UsageError: %stream stop: no running stream 1, 2; `%stream list` shows them"
        )


def test_nothing_to_list_is_said(run):
    assert run("%stream list") == "no stream is running\n"
    assert run("%stream status") == "no stream has run yet\n"
    assert run("%stream stop") == "no stream is running\n"


def test_status_tells_how_each_stream_ended(run):
    run(f"%%stream {QUICK}\nHi")
    run("%%stream demo:error --on-error keep --param pace=0\nHi")
    first, second = run("%stream status").splitlines()
    assert first.split()[:3] == ["1", "stop", "demo:markdown"]
    assert second.split()[:3] == ["2", "truncated", "demo:error"]


@pytest.mark.parametrize("asked", ["%stream", "%stream help"])
def test_help_names_the_options_and_the_commands(run, asked):
    shown = run(asked)
    for words in ("--key-env NAME", "--on-error", "list", "status", "stop [ID]"):
        assert words in shown


def test_past_runs_and_their_cost_are_told(run, monkeypatch):
    past = History()
    for module in (commands, question):
        monkeypatch.setattr(module, "past_runs", past)
    assert run("%stream history") == run("%stream cost") == "no stream has ended yet\n"
    run(f"%%stream {QUICK}\nHi")
    assert "demo:markdown" in run("%stream history")
    assert run("%stream cost").splitlines()[-1].split() == ["total", "1", "none"]


def test_a_command_that_takes_nothing_refuses_more(run):
    assert "no such command" in one_line(run("%stream list all", fails=True))


def test_an_error_names_the_option_as_it_is_typed(run):
    assert "--stop-after must be" in one_line(run("%%stream demo --stop-after 0\nHi", fails=True))
    shown = one_line(run("%%stream openai:o3 -t 0.5 --dry-run\nHi", fails=True))
    assert shown.endswith("with --param temperature=...")
