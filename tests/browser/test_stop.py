"""Stop ends a cell well, an interrupt ends it with one line; either way what came is kept."""

import pytest

from faucet import LOAD
from views import article, status, view, wait_until_replaced

SHOW = "print(repr(r.text), r.stop_reason)"
TOLD = "'One, two' cancelled"


@pytest.fixture
def streaming(lab, faucet, kernel):
    """A notebook run whole, whose second cell shows an answer that would never end by itself."""
    notebook = lab.open([LOAD, faucet.cell("-o r"), SHOW], kernel=kernel)
    notebook.run_all()
    flow = faucet.next()
    flow.say("One, two")
    article(notebook).get_by_text("One, two").wait_for()
    return notebook, flow


def test_the_stop_button_ends_the_cell_well_and_the_next_cells_go_on(streaming):
    notebook, flow = streaming
    notebook.stop(1)
    flow.wait_until_left()
    notebook.wait_for_output(TOLD, 2)
    _check_that_it_ended_well(notebook)


def test_escape_in_the_view_stops_too(streaming):
    notebook, flow = streaming
    article(notebook).click()
    notebook.page.keyboard.press("Escape")
    flow.wait_until_left()
    notebook.wait_for_output(TOLD, 2)
    _check_that_it_ended_well(notebook)


def test_an_interrupt_of_the_kernel_leaves_one_line_and_ends_run_all(streaming):
    notebook, flow = streaming
    notebook.interrupt()
    flow.wait_until_left()
    notebook.wait_until_run(1)
    wait_until_replaced(notebook)
    *answer, error = notebook.outputs(1)
    assert "One, two" in answer[0]["data"]["text/plain"]
    assert (error["output_type"], error["traceback"]) == ("error", ["Interrupted"])
    assert notebook.output(1).inner_text().count("Interrupted") == 1
    notebook.wait_for_kernel("idle")
    assert notebook.outputs(2) == []
    notebook.run(2)
    notebook.wait_for_output(TOLD, 2)


def test_a_stop_while_nothing_has_come_yet_ends_the_cell_well(lab, faucet, kernel):
    notebook = lab.open([LOAD, faucet.cell("-o r"), SHOW], kernel=kernel)
    notebook.run_all()
    flow = faucet.next()
    status(notebook).filter(has_text="Waiting").wait_for()
    notebook.stop(1)
    flow.wait_until_left()
    notebook.wait_for_output("'' cancelled", 2)


def test_a_stream_in_the_background_is_stopped_by_command(lab, faucet, kernel):
    cells = [LOAD, faucet.cell("--bg -o r"), "%stream stop", SHOW, "%stream list"]
    notebook = lab.open(cells, kernel=kernel)
    notebook.run(0)
    notebook.wait_until_run(0)
    notebook.run(1)
    notebook.wait_until_run(1)
    flow = faucet.next()
    flow.say("One, two")
    article(notebook).get_by_text("One, two").wait_for()
    notebook.run(2)
    notebook.wait_for_output("stopped 1", 2)
    flow.wait_until_left()
    wait_until_replaced(notebook)
    notebook.run(3)
    notebook.wait_for_output(TOLD, 3)
    notebook.run(4)
    notebook.wait_for_output("no stream is running", 4)


def test_a_stream_in_the_background_is_stopped_by_its_button(lab, faucet, kernel):
    notebook = lab.open([LOAD, faucet.cell("--bg -o r"), "6 * 7", SHOW], kernel=kernel)
    notebook.run(0)
    notebook.run(1)
    flow = faucet.next()
    flow.say("One, two")
    article(notebook).get_by_text("One, two").wait_for()
    notebook.run(2)
    notebook.wait_for_output("42", 2)
    notebook.stop(1)
    flow.wait_until_left()
    wait_until_replaced(notebook)
    notebook.run(3)
    notebook.wait_for_output(TOLD, 3)


def _check_that_it_ended_well(notebook):
    output = wait_until_replaced(notebook)
    assert view(notebook).count() == 0
    assert [entry["output_type"] for entry in notebook.outputs(1)] == ["display_data"]
    text = output.inner_text()
    assert "One, two" in text
    assert "Stopped" in text
    assert notebook.errors == []
