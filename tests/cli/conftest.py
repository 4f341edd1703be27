"""The command line in the test's own process: standard input, output and error are pipes, no key is there."""

import io
import os

import pytest

from streamcell.cli import main


@pytest.fixture
def pipe():
    """Makes a standard input that holds a text, or bytes."""

    def made(content):
        data = content if isinstance(content, bytes) else content.encode()
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")

    return made


@pytest.fixture
def typed(pipe, monkeypatch):
    """Puts a text, or bytes, on standard input."""
    return lambda content: monkeypatch.setattr("sys.stdin", pipe(content))


@pytest.fixture(autouse=True)
def _no_keys_and_no_waiting(monkeypatch, tmp_path, pipe):
    for name in tuple(os.environ):
        if name.endswith(("_API_KEY", "_MODEL", "_BASE_URL", "OLLAMA_HOST")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LLM_PROVIDER", "demo")
    monkeypatch.setenv("STREAMCELL_DEMO_PACE", "0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", pipe(""))


@pytest.fixture
def said(capsys):
    """Runs a command: its exit code, what it printed, what it complained about."""

    def run(*words):
        code = main(words)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
