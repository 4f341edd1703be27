"""Notebooks run with no page in front of them: the answers are there, and need no widget."""

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter, MarkdownExporter

from streamcell.testing import Fault, Script, WireServer

ANSWER = "# A title\n\nSome **words** and the end."

# The answer is shown on the thread of the portal, in the step that ends the run.
WAIT = """\
import asyncio, time
from streamcell.io.portal import portal
while r.stop_reason is None: time.sleep(0.01)
portal.submit(lambda: asyncio.sleep(0)).result()
"""


@pytest.fixture(scope="module")
def server():
    with WireServer(Script.of(ANSWER, pace=0.01)) as server:
        yield server


@pytest.fixture(scope="module")
def breaking():
    with WireServer(Script.of("The first words and no more.", fault=Fault("close", after=3))) as server:
        yield server


@pytest.fixture(scope="module")
def converted(server, tmp_path_factory):
    """A notebook that `nbconvert --execute` ran, as it wrote it."""
    path = tmp_path_factory.mktemp("converted") / "notebook.ipynb"
    nbformat.write(_notebook(_ask(server)), path)
    done = _jupyter("nbconvert", "--execute", "--to", "notebook", "--inplace", str(path))
    assert done.returncode == 0, done.stderr
    return nbformat.read(path, as_version=4)


def test_an_executed_notebook_holds_the_static_answer(server):
    notebook = _executed(_ask(server, "-o r"))
    _check(notebook.cells[1].outputs)
    assert "widgets" not in notebook.metadata


def test_an_error_stops_the_run_and_what_came_is_in_the_progress_that_was_saved(breaking, tmp_path):
    path = tmp_path / "progress.ipynb"
    notebook = _notebook(_ask(breaking, "-o r"), "'not reached'")
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        on_cell_executed=lambda **_: nbformat.write(notebook, path),
    )
    with pytest.raises(CellExecutionError, match="StreamInterruptedError"):
        client.execute()
    _, failed, after = nbformat.read(path, as_version=4).cells
    answer, error = failed.outputs
    assert sorted(answer.data) == ["text/html", "text/plain"]
    assert "The first words" in answer.data["text/plain"]
    (line,) = error.traceback
    assert line.startswith("StreamInterruptedError: ")
    assert "\n" not in line
    assert after.outputs == []


def test_an_error_that_is_to_be_kept_lets_the_run_go_on(breaking):
    notebook = _executed(_ask(breaking, "-o r --on-error keep"), "print(r.text, r.stop_reason)")
    _, kept, after = notebook.cells
    (answer,) = kept.outputs
    assert "The first words" in answer.data["text/plain"]
    assert "Cut off" in answer.data["text/plain"]
    assert after.outputs[0].text == "The first words truncated\n"


def test_a_widget_that_was_asked_for_ends_as_the_static_answer(server):
    _check(_executed(_ask(server, "-o r --display widget")).cells[1].outputs)


def test_a_stream_in_the_background_lands_in_its_own_cell(server):
    notebook = _executed(_ask(server, "-o r --bg"), WAIT)
    _check(notebook.cells[1].outputs)
    assert notebook.cells[2].outputs == []


def test_the_variable_is_there_for_the_next_cell(server):
    notebook = _executed(_ask(server, "-o r"), "print(r.text)")
    assert notebook.cells[2].outputs[0].text.strip() == ANSWER


def test_the_command_that_executes_notebooks_does_so(server, tmp_path):
    path = tmp_path / "notebook.ipynb"
    nbformat.write(_notebook(_ask(server)), path)
    done = _jupyter("execute", "--inplace", str(path))
    assert done.returncode == 0, done.stderr
    _check(nbformat.read(path, as_version=4).cells[1].outputs)


def test_the_command_that_executes_notebooks_fails_with_the_cell(breaking, tmp_path):
    path = tmp_path / "notebook.ipynb"
    nbformat.write(_notebook(_ask(breaking)), path)
    done = _jupyter("execute", str(path))
    assert done.returncode != 0
    assert "StreamInterruptedError: the connection to 127.0.0.1" in done.stderr


def test_the_command_that_converts_notebooks_executes_them_too(converted):
    _check(converted.cells[1].outputs)
    assert "widgets" not in converted.metadata


@pytest.mark.filterwarnings("default")  # nbconvert's own
def test_converted_to_html_the_answer_is_formatted_and_alone(converted):
    page, _ = HTMLExporter().from_notebook_node(converted)
    assert page.count("<h1>A title</h1>") == 1
    assert "Some <strong>words</strong> and the end." in page
    assert "application/vnd.jupyter.widget-view+json" not in page


@pytest.mark.filterwarnings("default")
def test_converted_to_markdown_the_answer_is_there(converted):
    text, _ = MarkdownExporter().from_notebook_node(converted)
    assert text.count("A title") == 1
    assert "<strong>words</strong> and the end." in text


def _jupyter(*arguments):
    """A Jupyter command, run to its end."""
    command = [sys.executable, "-m", "jupyter", *arguments]
    return subprocess.run(command, capture_output=True, check=False, text=True)


def _ask(server, options=""):
    return f"%%stream openai:x --base-url {server.base_url}/v1 {options}\nSpeak"


def _notebook(*cells):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in ("%load_ext streamcell", *cells)]
    return notebook


def _executed(*cells):
    notebook = _notebook(*cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


def _check(outputs):
    (output,) = outputs
    assert output.output_type == "display_data"
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert ANSWER in output.data["text/plain"]
    assert "<h1>A title</h1>" in output.data["text/html"]
