"""Structured answers: rows stand in a table while they stream, a frame has those that came, and they last."""

import importlib.util
from pathlib import Path

from faucet import LOAD
from views import is_running, status, view, wait_until_replaced

ROW = """
from pydantic import BaseModel

class Row(BaseModel):
    city: str
    people: int
"""
WIDE = """
from pydantic import create_model

fields = {"name": str, "remark": str} | {f"quantity_{at}": float for at in range(12)}
Row = create_model("Row", **fields)
"""
LISTED = '--schema "list[Row]" -o rows'
# The kernels' own environments have no pandas; it is optional, and they take that of the tests.
PANDAS = f"import sys; sys.path.append({str(Path(importlib.util.find_spec('pandas').origin).parents[1])!r})"
FRAME = "frame = rows.to_frame(); print(list(frame), frame.values.tolist())"
DEMO = f"%%stream demo:json {LISTED} --param pace=0.05\nCities such as Rome, Oslo and Lima with 3, 5 and 8"
THEMES = ("dark", "light")  # the last one stays for the tests that follow
HOSTILE = '<img src=x onerror="top.planted=1"><b>Rome</b>'


def test_rows_come_one_by_one_as_text_while_the_stream_goes_on(lab, faucet):
    notebook = lab.open([LOAD, ROW, faucet.cell(LISTED)])
    notebook.run_all()
    flow = faucet.next()
    rows = _rows(notebook)
    flow.say(_opening(flow) + '{"city": "Rome", "people": 3')
    flow.say('}, {"city": "Oslo"')
    rows.first.wait_for()
    assert rows.all_inner_texts() == ["Rome\t3"]
    flow.say(', "people": 5}')
    rows.nth(1).wait_for()
    assert rows.all_inner_texts() == ["Rome\t3", "Oslo\t5"]
    assert _table(notebook).get_by_role("columnheader").all_inner_texts() == ["city", "people"]
    view(notebook, 2).get_by_text("2 rows").wait_for()
    escaped = HOSTILE.replace('"', '\\"')
    flow.say(f', {{"city": "{escaped}", "people": 3}}')
    rows.get_by_text(HOSTILE, exact=True).wait_for()
    assert view(notebook, 2).locator("img, b").count() == 0
    assert is_running(notebook, 2)
    flow.say("]}")
    flow.end()
    output = wait_until_replaced(notebook, 2)
    assert "Oslo" in output.inner_text()
    assert HOSTILE in output.inner_text()
    assert output.locator("img, b").count() == 0
    assert notebook.page.evaluate("window.planted") is None
    assert notebook.errors == []


def test_a_list_of_models_becomes_rows_a_frame_and_a_table_in_the_file(lab):
    notebook = lab.open([LOAD, ROW, PANDAS, DEMO, FRAME, "rows.parsed"])
    notebook.run_all()
    _rows(notebook, 3).nth(1).wait_for()
    assert is_running(notebook, 3)
    notebook.wait_for_output("['city', 'people'] [['Rome', 3], ['Oslo', 5], ['Lima', 8]]", 4)
    notebook.wait_for_output("Row(city='Lima', people=8)", 5)
    wait_until_replaced(notebook, 3)
    saved = notebook.save()
    (output,) = saved.cells[3].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert "Lima" in output.data["text/plain"]
    assert "widgets" not in saved.metadata
    lab.server.end_kernels()
    again = lab.show(notebook.path)
    again._tell("return panel.sessionContext.shutdown()")
    kept = again.output(3)
    kept.get_by_role("columnheader", name="people").wait_for()
    for city in ("Rome", "Oslo", "Lima"):
        kept.get_by_role("cell", name=city, exact=True).wait_for()
    again.screenshot("table-reopened", 3)


def test_the_frame_has_the_rows_so_far_while_a_stream_runs_in_the_background(lab, faucet, kernel):
    notebook = lab.open([LOAD, ROW, PANDAS, faucet.cell(f"{LISTED} --bg"), FRAME], kernel=kernel)
    for index in range(4):
        notebook.run(index)
        notebook.wait_until_run(index)
    flow = faucet.next()
    flow.say(_opening(flow) + '{"city": "Rome", "people": 3}, {"city": "Os')
    _rows(notebook, 3).first.wait_for()
    notebook.run(4)
    notebook.wait_for_output("['city', 'people'] [['Rome', 3]]", 4)
    flow.say('lo", "people": 5}]}')
    flow.end()
    wait_until_replaced(notebook, 3)
    notebook.run(4)
    notebook.wait_for_output("[['Rome', 3], ['Oslo', 5]]", 4)


def test_a_stop_keeps_the_rows_that_came_and_a_misfit_fails_its_cell(lab, faucet):
    ask = faucet.cell(LISTED)
    notebook = lab.open([LOAD, ROW, PANDAS, ask, FRAME, ask, "print('next')"])
    notebook.run_all()
    flow = faucet.next()
    flow.say(_opening(flow) + '{"city": "Rome", "people": 3}, {"city": "Os')
    _rows(notebook, 3).first.wait_for()
    notebook.stop(3)
    notebook.wait_for_output("['city', 'people'] [['Rome', 3]]", 4)
    stopped = wait_until_replaced(notebook, 3).inner_text()
    assert [word for word in ("Rome", "Stopped") if word not in stopped] == []
    flow = faucet.next()
    flow.say(_opening(flow) + '{"city": "Rome", "people": "many"}]}')
    flow.end()
    notebook.wait_until_run(5)
    assert "many" in wait_until_replaced(notebook, 5).inner_text()
    error = notebook.outputs(5)[-1]
    assert error["output_type"] == "error"
    assert len(error["traceback"]) == 1
    assert "people" in error["traceback"][0]
    assert notebook.outputs(6) == []


def test_one_object_becomes_a_table_of_its_fields_and_a_wide_list_fits_its_page(lab, faucet):
    one = faucet.cell("--schema Row -o row")
    notebook = lab.open([LOAD, ROW, one, "row.parsed", WIDE, faucet.cell(LISTED)])
    notebook.run_all()
    flow = faucet.next()
    flow.say('{"city": "Rome", ')
    fields = view(notebook, 2).locator(".sc-fields tr")
    fields.first.wait_for()
    assert fields.all_inner_texts() == ["city\tRome"]
    flow.say('"people": 3}')
    fields.nth(1).wait_for()
    flow.end()
    notebook.wait_for_output("Row(city='Rome', people=3)", 3)
    assert "Rome" in wait_until_replaced(notebook, 2).inner_text()
    _check_a_wide_list(notebook, faucet, 5)


def _check_a_wide_list(notebook, faucet, index):
    """More columns than the page is wide: the frame around them and the status end on the page."""
    flow = faucet.next()
    flow.say(f"{_opening(flow)}{_wide(0)}, {_wide(1)}")
    view(notebook, index).get_by_text("2 rows").wait_for()
    for theme in THEMES:
        notebook.theme(theme)
        for width in (1280, 420):
            notebook.resize(width)
            notebook.screenshot(f"table-{theme}-{width}", index)
            assert _right(status(notebook, index)) <= width
            assert _right(_table(notebook, index).locator("xpath=..")) <= width
    flow.say("]}")
    flow.end()
    wait_until_replaced(notebook, index)
    for theme in THEMES:
        notebook.theme(theme)
        for width in (1280, 420):
            notebook.resize(width)
            notebook.screenshot(f"table-finished-{theme}-{width}", index)


def _wide(number):
    fields = "".join(f', "quantity_{at}": {number + at * 1.5}' for at in range(12))
    return f'{{"name": "Row number {number}", "remark": "A remark of some length on this row"{fields}}}'


def _opening(flow):
    """How the answer begins that the request asks for: the list is a property of an object."""
    (wrapper,) = flow.request["response_format"]["json_schema"]["schema"]["properties"]
    return f'{{"{wrapper}": ['


def _table(notebook, index=2):
    return view(notebook, index).locator(".sc-rows table")


def _rows(notebook, index=2):
    return _table(notebook, index).locator("tbody tr")


def _right(part):
    return part.evaluate("node => node.getBoundingClientRect().right")
