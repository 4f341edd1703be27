"""Which front end asked, and whether its Stop waits in the queue."""

import sys
from types import SimpleNamespace

import pytest

from streamcell.notebook import kernel
from streamcell.notebook.display import StaticDisplay
from streamcell.notebook.screens import choose_display
from streamcell.notebook.view import WidgetDisplay

VSCODE_CELL = "vscode-notebook-cell:/home/me/work.ipynb#W0sZmlsZQ%3D%3D"
LAB_CELL = "1e9aac6b-cee9-4786-813b-df30c0debc38"


def shell(*, msg_id, session, allow_stdin=True, queue=(), cell=None):
    parent = {
        "header": {"msg_id": msg_id, "session": session},
        "content": {"allow_stdin": allow_stdin},
        "metadata": {} if cell is None else {"cellId": cell},
    }
    waiting = SimpleNamespace(_queue=queue)
    return SimpleNamespace(kernel=SimpleNamespace(msg_queue=waiting), get_parent=lambda: parent)


def test_without_a_kernel_output_goes_to_a_terminal():
    assert kernel.host(None) == "terminal"
    assert kernel.host(SimpleNamespace(kernel=None)) == "terminal"


def test_a_page_sends_ids_of_its_own():
    assert kernel.host(shell(msg_id="1b0c-uuid", session="other")) == "page"


def test_an_executor_numbers_its_requests_and_asks_nobody():
    assert kernel.host(shell(msg_id="abc_12_3", session="abc", allow_stdin=False)) == "no_page"
    assert kernel.host(shell(msg_id="abc_12_3", session="abc", allow_stdin=True)) == "page"


def test_a_kernel_that_tells_nothing_is_taken_for_a_page():
    assert kernel.host(SimpleNamespace(kernel=object())) == "page"
    assert kernel.host(SimpleNamespace(kernel=object(), get_parent=lambda: None)) == "page"


@pytest.fixture
def voila(monkeypatch):
    """The environment of a kernel that Voilà started."""
    monkeypatch.setenv("VOILA_BASE_URL", "/")


@pytest.fixture
def colab(monkeypatch):
    """A process that has loaded what is loaded in every kernel of Colab."""
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())


@pytest.mark.usefixtures("voila")
def test_voila_executes_and_opens_a_page_then():
    asked = shell(msg_id="abc_12_3", session="abc", allow_stdin=False)
    assert (kernel.host(asked), kernel.room(asked)) == ("no_page", "page")
    assert kernel.asker(asked, "1") is None


@pytest.mark.usefixtures("voila")
def test_in_voila_only_what_outlives_its_cell_is_live():
    asked = shell(msg_id="abc_12_3", session="abc", allow_stdin=False)
    assert isinstance(choose_display(asked, "auto", model="m", scripted=False), StaticDisplay)
    background = choose_display(asked, "auto", model="m", scripted=False, placed=True)
    assert isinstance(background, WidgetDisplay)


def test_an_executor_shows_no_widget_even_in_the_background():
    asked = shell(msg_id="abc_12_3", session="abc", allow_stdin=False)
    background = choose_display(asked, "auto", model="m", scripted=False, placed=True)
    assert isinstance(background, StaticDisplay)


def test_outside_ipython_a_widget_has_a_page_unless_python_is_interactive(monkeypatch):
    monkeypatch.delattr(sys, "ps1", raising=False)
    assert kernel.room(None) == "page"
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert kernel.room(None) == "terminal"


@pytest.mark.usefixtures("colab")
def test_colab_is_shown_finished_answers_alone():
    asked = shell(msg_id="1b0c-uuid", session="other")
    assert (kernel.host(asked), kernel.room(asked)) == ("no_page", "no_page")
    assert isinstance(choose_display(asked, "auto", model="m", scripted=False), StaticDisplay)


@pytest.mark.usefixtures("colab")
def test_in_colab_a_live_view_can_be_asked_for():
    asked = shell(msg_id="1b0c-uuid", session="other")
    assert isinstance(choose_display(asked, "widget", model="m", scripted=False), WidgetDisplay)


def test_vs_code_is_shown_live_views(monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "4711")
    asked = shell(msg_id="1b0c-uuid", session="other", cell=VSCODE_CELL)
    assert (kernel.host(asked), kernel.takes_input(asked)) == ("page", True)
    assert isinstance(choose_display(asked, "auto", model="m", scripted=False), WidgetDisplay)
    assert kernel.asker(asked, "1") == (VSCODE_CELL, "1b0c-uuid")


def test_vs_code_draws_every_output_apart_and_a_lab_in_its_terminal_does_not(monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "4711")
    assert kernel.draws_apart(shell(msg_id="1b0c-uuid", session="other", cell=VSCODE_CELL))
    assert not kernel.draws_apart(shell(msg_id="1b0c-uuid", session="other", cell=LAB_CELL))
    assert not kernel.draws_apart(shell(msg_id="1b0c-uuid", session="other"))
    assert not kernel.draws_apart(None)


def test_a_stop_that_waits_in_the_queue_is_found_for_its_own_widget_only():
    content = b'{"comm_id": "aa11", "data": {"method": "custom", "content": {"type": "stop", "run": "1"}}}'
    entry = (3, lambda: None, ([b"<IDS|MSG>", b"{}", content],))
    assert kernel.stop_is_queued(shell(msg_id="x", session="y", queue=[entry]), "aa11")
    assert not kernel.stop_is_queued(shell(msg_id="x", session="y", queue=[entry]), "bb22")
    assert not kernel.stop_is_queued(shell(msg_id="x", session="y", queue=["odd", (1, 2, 3)]), "aa11")
    assert not kernel.stop_is_queued(SimpleNamespace(kernel=object()), "aa11")
