"""`streamcell ask` into a pipe."""

import json
import subprocess
import sys

import msgspec
import pytest

from streamcell.core.recording import EventLine
from streamcell.events import Finished, TextDelta
from streamcell.testing import Fault, Script, WireServer


def _at(server):
    return ("-m", "openai:x", "--base-url", f"{server.base_url}/v1")


def test_the_answer_alone_goes_into_a_pipe(said):
    with WireServer(Script.of("# A title\n\n**Some** words.")) as server:
        assert said("ask", "Speak", *_at(server)) == (0, "# A title\n\n**Some** words.\n", "")


def test_the_demo_answers_without_a_key(said):
    code, text, complaint = said("ask", "Explain", "DNA")
    assert (code, complaint) == (0, "")
    assert "Explain DNA" in text
    assert "scripted" in text


@pytest.mark.parametrize(
    ("words", "content", "prompt"),
    [
        (["Explain", "DNA"], "", "Explain DNA"),
        ([], "From a file.\n", "From a file."),
        (["-"], "From a file.\n", "From a file."),
        (["Review this:", "-"], "a change\n", "Review this:\n\na change"),
        (["Review", "-", "in one line"], "a change", "Review\n\na change\n\nin one line"),
        (["Explain DNA"], "not read", "Explain DNA"),
        ([], b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_prompt_is_the_words_and_standard_input(said, typed, words, content, prompt):
    typed(content)
    with WireServer(Script.of("Yes.")) as server:
        assert said("ask", *words, *_at(server))[0] == 0
    assert server.requests[0].body["messages"] == [{"role": "user", "content": prompt}]


def test_words_and_options_may_be_mixed(said, typed):
    typed("text")
    with WireServer(Script.of("Yes.")) as server:
        assert said("ask", "Sum", *_at(server), "up:", "-q", "-")[0] == 0
    assert server.requests[0].body["messages"][0]["content"] == "Sum up:\n\ntext"


def test_the_options_of_a_call_are_sent(said, monkeypatch):
    monkeypatch.setenv("MY_OWN_NAME", "a-placeholder")
    options = "-s brief -t 0.2 --max-tokens 9 --stop END --param seed=7 --no-stream --key-env MY_OWN_NAME"
    with WireServer(Script.of("Yes.")) as server:
        assert said("ask", "Speak", *_at(server), *options.split())[:2] == (0, "Yes.\n")
    (asked,) = server.requests
    assert asked.body["messages"][0] == {"role": "system", "content": "brief"}
    assert (asked.body["temperature"], asked.body["seed"], asked.body["stop"]) == (0.2, 7, ["END"])
    assert not asked.body.get("stream")
    assert asked.headers["authorization"] == "Bearer a-placeholder"


def test_json_is_one_event_a_line_as_in_recordings(said):
    with WireServer(Script.of("Some words \x1b[31m\x9b and é.")) as server:
        code, text, complaint = said("ask", "Speak", "--json", *_at(server))
    lines = [msgspec.json.decode(line, type=EventLine) for line in text.splitlines()]
    assert (code, complaint) == (0, "")
    assert json.loads(text.splitlines()[0])["line"] == "event"
    assert [line.n for line in lines] == list(range(len(lines)))
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    pieces = [line.event.text for line in lines if isinstance(line.event, TextDelta)]
    assert "".join(pieces) == "Some words \x1b[31m\x9b and é."
    assert isinstance(lines[-1].event, Finished)
    assert text.isascii()


def test_a_failure_keeps_what_came_and_says_why_on_standard_error(said):
    with WireServer(Script.of("Some words come.", fault=Fault("close", after=3))) as server:
        code, text, complaint = said("ask", "Speak", *_at(server))
    assert (code, text) == (1, "Some words come\n")
    assert "the connection to 127.0.0.1" in complaint


def test_a_failure_is_told_twice_in_json_as_an_event_and_on_standard_error(said):
    code, text, complaint = said("ask", "Speak", "-m", "demo:error", "--json")
    last = msgspec.json.decode(text.splitlines()[-1], type=EventLine).event
    assert (code, last.reason) == (1, "truncated")
    assert last.error.message in complaint


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_why_it_failed_is_said_in_the_words_of_the_command_line(said, words):
    with WireServer(Script.of("Some words come.", fault=Fault("stall", after=3))) as server:
        code, _, complaint = said("ask", "Speak", *_at(server), "--timeout", "0.3", *words)
    assert code == 1
    assert "raise --timeout" in complaint


def test_escape_sequences_of_the_model_are_made_visible(said):
    with WireServer(Script.of("a \x1b[31mred\x1b]0;pwned\x07 text")) as server:
        assert said("ask", "Speak", *_at(server))[1] == "a ␛[31mred␛]0;pwned␇ text\n"


def test_a_run_is_recorded_and_replayed(said):
    first = said("ask", "Speak", "--record", "run.jsonl")
    again = said("ask", "Speak", "--replay", "run.jsonl", "--speed", "0")
    assert first == again
    assert first[0] == 0
    code, text, complaint = said("ask", "Something else", "--replay", "run.jsonl")
    assert (code, text) == (2, "")
    assert "nearest" in complaint


def test_nothing_to_ask_in_a_terminal_is_said_at_once(said, pipe, monkeypatch):
    stdin = pipe("never read")
    monkeypatch.setattr(stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", stdin)
    code, _, complaint = said("ask")
    assert code == 2
    assert "type a question, or pipe one in" in complaint


def test_a_reader_that_has_seen_enough_ends_the_answer_quietly():
    words = [sys.executable, "-m", "streamcell", "ask", "-", "-m", "demo:long"]
    asked = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with asked:
        asked.stdin.write("Tell me a long story")
        asked.stdin.close()
        asked.stdout.read(40)
        asked.stdout.close()
        complaint = asked.stderr.read()
    assert (asked.returncode, complaint) == (1, "")
