"""`--tool` where nobody can be asked: standard input is a pipe."""

import sys

import pytest

from streamcell.testing import Script, WireServer, in_turn, tool_pieces

FILE = '''
from dataclasses import dataclass

from neighbour import NAME
from streamcell import tool


@dataclass
class Place:
    city: str


def greet(place: Place) -> str:
    """Greets."""
    return f"{NAME} greets {place.city}"


look = tool(greet, name="look", read_only=True)
forced = tool(greet, name="forced", approve="always")
number = 7
'''


@pytest.fixture(autouse=True)
def _files(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tools.py").write_text(FILE)
    (folder / "neighbour.py").write_text('NAME = "Oslo"\n')
    (tmp_path / "broken.py").write_text('raise RuntimeError("no data base")\n')


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch):
    """What a command loads is gone after the test."""
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.setattr("sys.modules", {**sys.modules})


def calling(name):
    call = Script(pieces=tool_pieces(0, name, arguments={"place": {"city": "Rome"}}), stop="tool_calls")
    return WireServer(in_turn(call, Script.of("Done.")))


def at(server):
    return ("-m", "openai:x", "--base-url", f"{server.base_url}/v1")


@pytest.mark.parametrize(
    ("name", "words"),
    [("look", ()), ("greet", ("--yes",)), ("look", ("-y", "--tool", "mine/tools.py:greet"))],
)
def test_a_function_of_a_file_is_run(said, name, words):
    with calling(name) as server:
        code, text, told = said("ask", "Go", *at(server), "--tool", f"mine/tools.py:{name}", *words)
    assert (code, text) == (0, "Done.\n")
    assert "Oslo greets Rome" in told
    assert server.requests[1].body["messages"][-1]["content"] == "Oslo greets Rome"


def test_a_function_of_a_module_is_offered(said):
    with WireServer(Script.of("Yes.")) as server:
        assert said("ask", "Go", *at(server), "--tool", "textwrap:dedent", "-y")[:2] == (0, "Yes.\n")
    assert server.requests[0].body["tools"][0]["function"]["name"] == "dedent"


@pytest.mark.parametrize(
    "words", [("--tool", "mine/tools.py:greet"), ("--tool", "mine/tools.py:forced", "-y")]
)
@pytest.mark.parametrize("command", [("ask", "Go"), ("ask", "Go", "--json")])
def test_a_tool_that_would_ask_is_an_error_before_anything_is_sent(said, command, words):
    with WireServer(Script.of("Yes.")) as server:
        code, text, told = said(*command, *at(server), *words)
    assert (code, text) == (2, "")
    assert "must ask before running" in told
    assert "--yes" in told
    assert not server.requests


def test_a_chat_in_a_pipe_says_so_too(said, typed):
    typed("One\n")
    with WireServer(Script.of("Yes.")) as server:
        code, text, told = said("chat", *at(server), "--tool", "mine/tools.py:greet")
    assert (code, text) == (1, "")
    assert "--yes" in told
    assert not server.requests


def test_a_replay_asks_nobody_and_runs_nothing(said):
    recorded = ("ask", "Go", "--tool", "mine/tools.py:greet")
    with calling("greet") as server:
        first = said(*recorded, *at(server), "-y", "--record", "run.jsonl")
    again = said(*recorded, *at(server), "--replay", "run.jsonl", "--speed", "0")
    assert (again[0], again[1]) == (first[0], first[1]) == (0, "Done.\n")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("greet", "--tool takes FILE.py:FUNCTION or MODULE:FUNCTION, not 'greet'"),
        (":greet", "--tool takes FILE.py:FUNCTION"),
        ("none.py:greet", "none.py cannot be loaded: FileNotFoundError"),
        ("no_such_module:greet", "no_such_module cannot be loaded: ModuleNotFoundError"),
        ("broken.py:greet", "broken.py cannot be loaded: RuntimeError: no data base"),
        ("mine/tools.py:nope", "mine/tools.py has no function 'nope'; there are forced, greet, look"),
        ("mine/tools.py:number", "mine/tools.py has no function 'number'"),
    ],
)
def test_what_is_no_tool_is_said_in_one_line(said, name, says):
    code, text, told = said("ask", "Go", "--tool", name)
    assert (code, text) == (2, "")
    assert says in told
    assert told.count("\n") == 1
