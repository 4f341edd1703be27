"""What goes wrong is said in one line in the cell, and what had come is kept."""

import pytest

from faucet import LOAD
from streamcell.testing import Fault, Script, WireServer
from views import wait_until_replaced

REFUSED = {
    "openai:x": "openai needs a key: set OPENAI_API_KEY",
    "demo --colour red": "unrecognized arguments: --colour red",
    "nosuch:thing": "'nosuch' names no provider",
    "demo --api-key abc": "a key never goes into a notebook",
    "openai:x --key-env NO_SUCH_NAME": "NO_SUCH_NAME is not set",
    "demo -o 9lives": "-o takes the name of a variable, not '9lives'",
    "openai:x --base-url http://127.0.0.1:9/v1 --retries 0": "no connection to 127.0.0.1:9",
}
WITHOUT_WIDGETS = "import sys\nsys.modules['anywidget'] = None"


@pytest.fixture(scope="module")
def breaking():
    """A server whose answers break after the first words."""
    words = Script.of("The first words and no more.", fault=Fault("close", after=3))
    with WireServer(words) as server:
        yield server


def test_every_refusal_is_one_line_and_fails_the_cell(lab):
    notebook = lab.open([LOAD, *(f"%%stream {line}\nHi" for line in REFUSED), "%%stream demo\n \n"])
    expected = [*REFUSED.values(), "the prompt is empty"]
    notebook.run(0)
    notebook.wait_until_run(0)
    for index, said in enumerate(expected, 1):
        notebook.run(index)
        notebook.wait_until_run(index)
        error = notebook.outputs(index)[-1]
        assert error["output_type"] == "error"
        (line,) = error["traceback"]
        assert said in line
        assert "\n" not in line
        notebook.wait_for_output(said, index)
        assert "Traceback" not in notebook.output(index).inner_text()
    assert notebook.errors == []


def test_a_wrong_key_is_one_line_and_ends_run_all(lab):
    denied = Script(fault=Fault("status", status=401, message="Incorrect key"))
    with WireServer(denied) as server:
        notebook = lab.open([LOAD, _ask(server), "'not reached'"])
        notebook.run_all()
        notebook.wait_for_output("Incorrect key", 1)
        notebook.wait_until_run(1)
    (line,) = notebook.outputs(1)[-1]["traceback"]
    assert line.startswith("ProviderError: HTTP 401: Incorrect key")
    notebook.wait_for_kernel("idle")
    assert notebook.outputs(2) == []


def test_a_stream_that_breaks_keeps_what_came_and_ends_run_all(lab, breaking):
    notebook = lab.open([LOAD, _ask(breaking, "-o r"), "print(repr(r.text), r.stop_reason)"])
    notebook.run_all()
    notebook.wait_until_run(1)
    output = wait_until_replaced(notebook)
    assert "The first words" in output.inner_text()
    answer, error = notebook.outputs(1)
    assert sorted(answer["data"]) == ["text/html", "text/plain"]
    (line,) = error["traceback"]
    assert line.startswith("StreamInterruptedError: the connection to 127.0.0.1")
    notebook.wait_for_kernel("idle")
    assert notebook.outputs(2) == []
    notebook.run(2)
    notebook.wait_for_output("'The first words' truncated", 2)


def test_an_error_may_be_kept_so_that_run_all_goes_on(lab, breaking):
    cells = [LOAD, _ask(breaking, "-o r --on-error keep"), "print(repr(r.text), r.error.kind)"]
    notebook = lab.open(cells)
    notebook.run_all()
    notebook.wait_for_output("'The first words' truncated", 2)
    assert "The first words" in wait_until_replaced(notebook).inner_text()
    assert [output["output_type"] for output in notebook.outputs(1)] == ["display_data"]


def test_without_anywidget_the_answer_is_static_and_a_note_says_so(lab):
    with WireServer(Script.of("# An answer")) as server:
        notebook = lab.open([WITHOUT_WIDGETS, LOAD, _ask(server, "-o r"), "r.stop_reason"])
        notebook.run_all()
        notebook.wait_for_output("stop", 3)
    note, answer = notebook.outputs(2)
    assert "pip install anywidget" in note["text"]
    assert note["text"].count("\n") == 1
    assert sorted(answer["data"]) == ["text/html", "text/plain"]
    notebook.output(2).get_by_role("heading", name="An answer").wait_for()


def _ask(server, options=""):
    return f"%%stream openai:x --base-url {server.base_url}/v1 {options}\nHi"
