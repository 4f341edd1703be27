"""An IPython shell in the test's own process (no history, nothing of the user's), and a kernel in its own."""

from __future__ import annotations

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel
from traitlets.config import Config

from kernel_page import Page


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


@pytest.fixture
def page():
    """A real kernel, with a page beside it that speaks as widgets do."""
    manager, client = start_new_kernel(kernel_name="python3")
    yield Page(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
