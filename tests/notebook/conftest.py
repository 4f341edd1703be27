"""An IPython shell in the test's own process: no kernel, no history, nothing of the user's."""

from __future__ import annotations

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@pytest.fixture
def shell(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("LLM_PROVIDER", "demo")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts its own there
    configuration = Config()
    configuration.HistoryManager.enabled = False
    configuration.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=configuration)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def loaded(shell):
    """The same shell after `%load_ext streamcell`."""
    assert shell.run_cell("%load_ext streamcell").success
    return shell
