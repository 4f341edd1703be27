"""What all commands share: wrong usage, help, and what is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from streamcell.cli import COMMANDS


def run(words, **streams):
    command = [sys.executable, "-m", "streamcell", *words.split()]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **streams)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nope"], "'nope' is no command; there are ask, chat"),
        (["aks", "x"], "'aks' is no command; did you mean 'ask'?"),
        (["help", "nope"], "'nope' is no command"),
        (["serve", "--port", "99999"], "--port: invalid"),
        (["ask", "x", "--nope"], "--nope"),
        (["ask", "x", "-t", "warm"], "invalid float value: 'warm'; `streamcell ask --help`"),
        (["ask", "x", "-m", "openai"], "--key-env"),
        (["ask", "x", "-m", "nobody:x"], "names no provider"),
        (["ask", "x", "--key-env", "NOT_THERE"], "NOT_THERE is not set"),
        (["ask", "x", "--replay", "none.jsonl"], "there is no recording none.jsonl"),
        (["ask", "x", "--timeout", "0"], "--timeout"),
        (["ask"], "the question is empty"),
        (["ask", "-", "-"], "with one -"),
        (["chat", "-m", "openai"], "--key-env"),
        (["models", "nobody"], "no provider 'nobody'"),
        (["models", "vllm"], "type vllm:MODEL"),
        (["scan", "none.ipynb"], "cannot read none.ipynb"),
        (["scan"], "no .ipynb file in this folder"),
        (["demo", "--nope"], "--nope"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(said, words, says):
    code, text, complaint = said(*words)
    assert (code, text) == (2, "")
    assert says in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("words", ["ask x --api-key SAID", "chat --key=SAID", "serve --token SAID"])
def test_a_key_on_the_line_is_refused_and_not_repeated(said, words):
    code, text, complaint = said(*words.split())
    assert (code, text) == (2, "")
    assert "environment variable" in complaint
    assert "SAID" not in complaint


def test_help_names_every_command(said):
    code, text, _ = said("--help")
    assert code == 0
    for name, command in COMMANDS.items():
        assert name in text
        assert command.meaning in text
    assert said() == (0, text, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(said, name):
    code, text, complaint = said(name, "--help")
    assert (code, complaint) == (0, "")
    assert f"usage: streamcell {name}" in text
    assert said("help", name) == (0, text, "")


@pytest.mark.parametrize(
    "words", ["ask Speak", "models", "doctor", "ask Speak --json", "--help", "--version"]
)
def test_a_full_disk_is_one_line(words):
    with Path("/dev/full").open("wb") as full:
        done = run(words, stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "streamcell: cannot read or write: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("closed", "code"), [("0<&-", 2), ("1>&-", 2), ("2>&-", 2), ("0<&- 1>&- 2>&-", 2)])
def test_a_closed_standard_stream_is_an_empty_one(closed, code):
    command = f'exec "$0" -m streamcell ask - {closed} < /dev/null'
    if "0<&-" in closed:
        command = command.removesuffix(" < /dev/null")
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


def test_the_version_is_told(said):
    assert said("--version")[1].startswith("streamcell 0.")


def test_nothing_heavy_is_loaded_before_it_is_needed():
    program = """
import sys
from streamcell.cli import COMMANDS, ask, chat, doctor, main, models, scan
assert main(["models"]) == 0
heavy = {"IPython", "anywidget", "ipywidgets", "openai", "anthropic", "pydantic", "httpx2", "starlette"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
