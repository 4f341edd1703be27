"""`ask` and `chat` in a real pseudo-terminal, with a model whose mouth the test holds."""

import os
import re
import signal
import sys

import pexpect
import pytest

from faucet import Faucet
from streamcell.testing import Script, WireServer, in_turn, tool_pieces

SECONDS = 60
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PROMPT = "> "
HOSTILE = "\x1b]52;c;cHduZWQ=\x07 \x1b]0;pwned\x1b\\ \x1b[17A \x1b[2J \x9b31m \x1bc \u202e\n\n&#27;[5m end"
TOOLS = '''
import os

def gate(name: str) -> str:
    """Waits until the gate is open."""
    with open(os.environ["GATE"]) as opened:
        return f"{name}: {opened.read()}"
'''


@pytest.fixture
def terminal():
    """Starts a command in a terminal of its own, 24 rows of 100 columns."""
    started = []

    def start(*words, program=None):
        child = pexpect.spawn(
            program or sys.executable,
            [*([] if program else ["-m", "streamcell"]), *words],
            env={
                name: value
                for name, value in os.environ.items()
                if name not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
            }
            | {"TERM": "xterm-256color"},
            encoding="utf-8",
            timeout=SECONDS,
            dimensions=(24, 100),
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


@pytest.fixture
def model():
    with Faucet() as faucet:
        yield faucet


def at(faucet):
    return (
        "-m",
        "openai:held",
        "--base-url",
        faucet.base_url,
        "--first-timeout",
        "600",
        "--idle-timeout",
        "600",
    )


def end_of(child):
    """What it wrote at last, and its exit code."""
    child.expect(pexpect.EOF)
    child.wait()
    return SEQUENCE.sub("", child.before), child.exitstatus


def test_the_answer_is_seen_while_it_arrives_above_a_line_of_figures(terminal, model):
    child = terminal("ask", "Speak", *at(model))
    child.expect("waiting")
    flow = model.next()
    flow.say("The first words")
    child.expect("The first words")
    child.expect(r"writing · \d+\.\d s · ~\d+ token")
    flow.say(" and the last.\n")
    flow.end()
    rest, code = end_of(child)
    assert code == 0
    assert re.search(r"\r?The first words and the last\.\s+openai:held · .*tokens.*\s*$", rest)


def test_markdown_is_drawn_and_not_printed_as_it_stands(terminal, model):
    child = terminal("ask", "Speak", *at(model))
    flow = model.next()
    flow.say("Some **bold words**.\n\n- one\n")
    child.expect("bold words")
    flow.end()
    rest, _ = end_of(child)
    assert "**" not in rest
    assert "• one" in rest


def test_ctrl_c_stops_and_keeps_what_came(terminal, model):
    child = terminal("ask", "Speak", *at(model))
    flow = model.next()
    flow.say("Some words come")
    child.expect("Some words come")
    child.sendintr()
    flow.wait_until_left()
    rest, code = end_of(child)
    assert code == 128 + signal.SIGINT
    last = [line.strip() for line in rest.splitlines() if line.strip()]
    assert [line for line in last if "Some words come" in line][-1].endswith("Some words come")
    assert "Stopped" in rest
    assert not re.search("Traceback|KeyboardInterrupt|Exception", rest)


def test_ctrl_c_before_the_first_word_ends_quietly(terminal, model):
    child = terminal("ask", "Speak", *at(model))
    flow = model.next()
    child.expect("waiting · ")
    child.sendintr()
    flow.wait_until_left()
    rest, code = end_of(child)
    assert code == 128 + signal.SIGINT
    assert not re.search("Traceback|KeyboardInterrupt|Exception", rest)


def test_the_cursor_is_shown_again_however_it_ends(terminal, model):
    child = terminal("ask", "Speak", *at(model))
    model.next()
    child.expect_exact("\x1b[?25l")
    child.expect("waiting · ")
    child.sendintr()
    child.expect_exact("\x1b[?25h")
    child.expect(pexpect.EOF)
    assert "\x1b[?25l" not in child.before


def test_the_next_frame_fits_a_window_that_was_made_narrower(terminal, model):
    child = terminal("ask", "Speak", *at(model))
    flow = model.next()
    flow.say("alpha bravo charlie delta echo foxtrot golf hotel india")
    child.expect("foxtrot golf hotel india")
    child.setwinsize(24, 40)
    child.expect(r"echo foxtrot\r\n(\x1b\[[0-9;]*m)*golf hotel india")
    child.setwinsize(24, 100)
    child.expect("foxtrot golf hotel india")
    flow.say(" juliett")
    flow.end()
    rest, code = end_of(child)
    assert code == 0
    assert "alpha bravo charlie delta echo foxtrot golf hotel india juliett" in rest


def test_what_the_model_says_never_commands_the_terminal(terminal, model):
    child = terminal("ask", "Speak", *at(model))
    flow = model.next()
    flow.say(HOSTILE)
    flow.end()
    child.expect(pexpect.EOF)
    written = child.before
    for seen in ("␛]52;c;cHduZWQ=␇", "␛]0;pwned␛", "␛[17A", "␛[2J", "␛c"):
        assert seen in written
    for command in ("\x1b]", "\x1b[17A", "\x1b[2J", "\x1bc", "\x1b[5m", "\x07", "\x9b", "\u202e"):
        assert command not in written


def test_a_pipe_gets_plain_text_also_when_the_rest_is_a_terminal(terminal, model, tmp_path):
    file = tmp_path / "answer"
    command = 'python="$1"; file="$2"; shift 2; "$python" -m streamcell ask Speak "$@" > "$file"'
    child = terminal("-c", command, "sh", sys.executable, str(file), *at(model), program="/bin/sh")
    flow = model.next()
    flow.say("# A **title**\n\x1b[31m")
    flow.end()
    figures, code = end_of(child)
    assert (code, file.read_text()) == (0, "# A **title**\n␛[31m\n")
    assert "openai:held" in figures


def calls_gate():
    return in_turn(
        Script(pieces=tool_pieces(0, "gate", arguments={"name": "north"}), stop="tool_calls"),
        Script.of("It is done."),
    )


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """A tool that waits until the gate is written to; how it is named on the command line."""
    os.mkfifo(tmp_path / "gate")
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))
    (tmp_path / "tools.py").write_text(TOOLS)
    return "tools.py:gate"


def asked(server, gate):
    return ("ask", "Go", "-m", "openai:x", "--base-url", f"{server.base_url}/v1", "--tool", gate)


def test_a_spinner_turns_while_a_tool_runs(terminal, gate, tmp_path):
    with WireServer(calls_gate()) as server:
        child = terminal(*asked(server, gate), "--yes")
        frames = set()
        while len(frames) < 3:
            child.expect(r"([⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏])(\x1b\[[0-9;]*m)* (\x1b\[[0-9;]*m)*running gate")
            frames.add(child.match[1])
        (tmp_path / "gate").write_text("open")
        rest, code = end_of(child)
    assert code == 0
    assert re.search(r"✓ gate in \d+\.\d s: north: open", rest)
    assert "It is done." in rest


@pytest.mark.parametrize(("answer", "runs"), [("y", True), ("n", False), ("", False), ("\x04", False)])
def test_a_tool_that_may_write_asks_first(terminal, tmp_path, answer, runs):
    (tmp_path / "tools.py").write_text("def gate(name: str) -> str:\n    return f'{name} is open'\n")
    with WireServer(calls_gate()) as server:
        child = terminal(*asked(server, "tools.py:gate"))
        child.expect_exact("Run gate with")
        child.expect("north")
        child.expect_exact("[a]lways for this tool? ")
        child.sendline(answer) if answer != "\x04" else child.send(answer)
        rest, code = end_of(child)
    assert code == 0
    assert ("north is open" in rest) is runs
    assert ("did not allow" in rest) is not runs
    assert "It is done." in rest


def test_ctrl_c_at_the_question_stops_the_answer(terminal, gate):
    with WireServer(calls_gate()) as server:
        child = terminal(*asked(server, gate))
        child.expect_exact("[a]lways for this tool? ")
        child.sendintr()
        rest, code = end_of(child)
    assert code == 128 + signal.SIGINT
    assert "Traceback" not in rest


def test_a_chat_goes_on_after_an_answer_that_was_stopped(terminal, model, tmp_path):
    child = terminal("chat", *at(model))
    child.expect_exact("openai:held; /help shows the commands, Ctrl-D ends")
    child.expect_exact(PROMPT)
    child.sendline("One")
    flow = model.next()
    flow.say("The beginning")
    child.expect("The beginning")
    child.sendintr()
    child.expect("Stopped")
    child.expect_exact(PROMPT)
    child.sendline("Two")
    flow = model.next()
    said = [(one["role"], one["content"]) for one in flow.request["messages"]]
    assert said == [("user", "One"), ("assistant", "The beginning"), ("user", "Two")]
    flow.say("The second answer")
    child.expect("The second answer")
    flow.end()
    child.expect_exact(PROMPT)
    child.sendline("/save talk.md")
    child.expect_exact("wrote talk.md")
    child.expect_exact(PROMPT)
    child.sendeof()
    rest, code = end_of(child)
    assert code == 0
    assert "Traceback" not in rest
    saved = (tmp_path / "talk.md").read_text()
    assert "The beginning" in saved
    assert "The second answer" in saved


def test_ctrl_c_at_an_empty_line_leaves_the_chat_open(terminal):
    child = terminal("chat", "-m", "demo")
    child.expect_exact(PROMPT)
    child.sendintr()
    child.expect_exact(PROMPT)
    child.sendline("/quit")
    rest, code = end_of(child)
    assert (code, "Traceback" in rest) == (0, False)


def test_ctrl_c_ends_a_chat_that_reads_its_questions_from_a_file(terminal, model, tmp_path):
    (tmp_path / "questions").write_text("One\nTwo\n")
    command = 'exec "$0" -m streamcell chat "$@" < questions'
    child = terminal("-c", command, sys.executable, *at(model), program="/bin/sh")
    flow = model.next()
    flow.say("The beginning")
    child.expect("The beginning")
    child.sendintr()
    flow.wait_until_left()
    rest, code = end_of(child)
    assert code == 128 + signal.SIGINT
    assert "Traceback" not in rest


def test_a_tool_that_was_always_allowed_is_not_asked_about_again(terminal, tmp_path):
    (tmp_path / "tools.py").write_text("def gate(name: str) -> str:\n    return f'{name} is open'\n")
    call, done = (
        Script(pieces=tool_pieces(0, "gate", arguments={"name": "x"}), stop="tool_calls"),
        Script.of("Done."),
    )
    with WireServer(in_turn(call, done, call, done)) as server:
        child = terminal("chat", *asked(server, "tools.py:gate")[2:])
        child.expect_exact(PROMPT)
        child.sendline("One")
        child.expect_exact("[a]lways for this tool? ")
        child.sendline("a")
        child.expect("Done.")
        child.expect_exact(PROMPT)
        child.sendline("Two")
        assert child.expect_exact(["[a]lways", "x is open"]) == 1
        child.expect_exact(PROMPT)
        child.sendeof()
        assert end_of(child)[1] == 0
