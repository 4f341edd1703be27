"""IPython in a real terminal: an answer streams by, and Ctrl-C keeps what came."""

import os
import re
import sys

import pexpect
import pytest

from streamcell.testing import Fault, Script, WireServer

PROMPT = re.compile(r"In \[\d+\]: ")
MORE = re.compile(r"\.\.\.: ")
SECONDS = 60
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def session(tmp_path):
    """IPython with the extension loaded, at its prompt."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=NoColor"],
        env={**os.environ, "IPYTHONDIR": str(tmp_path), "TERM": "xterm", "COLUMNS": "100"},
        encoding="utf-8",
        timeout=SECONDS,
        dimensions=(40, 100),
    )
    child.expect(PROMPT)
    _run(child, "%load_ext streamcell")
    yield child
    child.close(force=True)


def test_a_cell_streams_into_the_terminal(session):
    with WireServer(Script.of("# A title\n\nSome words and the end.", pace=0.01)) as server:
        _ask(session, server)
        session.expect("Some words and the end.")
        session.expect("total")
        session.expect(PROMPT)
    assert _run(session, "print(r.stop_reason)") == "stop"


def test_the_demo_answers_without_a_key(session):
    _cell(session, "demo --param pace=0", "Explain DNA")
    session.expect("scripted demo answer")
    session.expect(PROMPT)


def test_ctrl_c_keeps_what_came_and_prints_one_line(session):
    held = Script.of("Some words come.", fault=Fault("stall", after=3))
    with WireServer(held) as server:
        _ask(session, server)
        session.expect("Some words come")
        session.sendintr()
        session.expect(PROMPT)
        said = COLOURS.sub("", session.before)
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said
    assert len(re.findall(r"(?m)^Interrupted\r?$", said)) == 1
    assert _run(session, "print(repr(r.text), r.stop_reason)") == "'Some words come' cancelled"


def test_an_error_keeps_what_came_and_prints_one_line(session):
    with WireServer(Script.of("Some words come.", fault=Fault("close", after=3))) as server:
        _ask(session, server)
        session.expect(PROMPT)
        said = COLOURS.sub("", session.before)
    assert "Some words come" in said
    assert "Traceback" not in said
    assert len(re.findall(r"(?m)^StreamInterruptedError: the connection to 127.0.0.1", said)) == 1
    assert _run(session, "print(repr(r.text), r.stop_reason)") == "'Some words come' truncated"


def test_what_the_model_says_never_commands_the_terminal(session):
    said = "\x1b]0;pwned\x07 \x1b[2J\x9b31m &#27;[5m end"
    with WireServer(Script.of(said)) as server:
        _ask(session, server)
        session.expect("total")
        shown = session.before
        session.expect(PROMPT)
    assert "␛]0;pwned␇ ␛[2J[U+009B]31m �[5m end" in COLOURS.sub("", shown)
    for command in ("\x1b]0;pwned", "\x1b[2J", "\x9b", "\x1b[5m"):
        assert command not in shown
    assert _run(session, "print(r.text.count(chr(27)))") == "2"


def test_the_figures_are_the_last_line(session):
    with WireServer(Script.of("# A title\n\nSome words and the end.")) as server:
        _ask(session, server)
        session.expect(PROMPT)
    *_, answer, figures = _lines(session.before)
    assert answer == "Some words and the end."
    assert re.fullmatch(r"openai:x · first token .+ · total .+", figures)


def _lines(shown):
    """The lines a user reads once all is drawn, without those that are blank."""
    # What a line showed before it was drawn anew stands before the last erasure of it.
    drawn = (line.rpartition("\x1b[2K")[2] for line in shown.splitlines())
    return [line.strip() for line in (COLOURS.sub("", line) for line in drawn) if line.strip()]


def _ask(session, server):
    _cell(session, f"openai:x -o r --base-url {server.base_url}/v1", "Speak")


def _cell(session, line, prompt):
    """Types a cell, as one does: two empty lines end it."""
    for typed in (f"%%stream {line}", prompt):
        session.sendline(typed)
        session.expect(MORE)
    session.sendline("")
    session.expect(MORE)
    session.sendline("")


def _run(session, line):
    """What a line prints, without its echo."""
    session.sendline(line)
    session.expect(PROMPT)
    return COLOURS.sub("", session.before).split("\n", 1)[1].strip()
