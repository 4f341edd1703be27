"""The dashboard in a process without a page, and as a widget whose messages nobody sends on."""

from __future__ import annotations

import json

import pytest

from kernel_page import displays, executed
from streamcell.live_runs import LiveRuns
from streamcell.notebook import dashboard
from streamcell.notebook.dashboard import NO_KERNEL, VIEW, Dashboard

ASK = "from streamcell import stream\nstream('Hi', 'demo:markdown').result()"


@pytest.fixture
def empty(monkeypatch):
    """No stream has run."""
    monkeypatch.setattr(dashboard, "live_runs", LiveRuns())


@pytest.mark.usefixtures("shell", "empty")
def test_in_a_terminal_it_is_plain_text(capsys):
    Dashboard()._ipython_display_()
    assert capsys.readouterr().out == "No stream has run yet.\n"


@pytest.mark.usefixtures("shell", "empty")
def test_its_text_says_how_many_streams_there_are():
    assert repr(Dashboard()) == "<Dashboard No stream has run yet.>"


def test_status_shows_one_table_however_often_where_there_is_a_page(page):
    page.run(f"%load_ext streamcell\n{ASK}")
    lasting, live = displays(page.run("%stream status"))
    assert "1 done" in lasting["data"]["text/plain"]
    assert (sorted(live["data"]), live["data"]["text/plain"]) == ([VIEW, "text/plain"], NO_KERNEL)
    again, shared = displays(page.run("%stream status"))
    assert shared["data"][VIEW] == live["data"][VIEW]
    assert again["transient"] == lasting["transient"]


def test_a_run_is_told_to_the_page_and_then_to_what_lasts(page):
    page.run("from streamcell import Dashboard\nDashboard()")
    page.run(ASK)
    told = page.wait_for("comm_msg", lambda content: board_of(content).get("done") == 1)
    assert [run["state"] for run in board_of(told)["runs"]] == ["done"]
    page.wait_for("update_display_data", lambda content: "1 done" in content["data"]["text/plain"])


def test_a_page_stops_a_run_by_its_number(page):
    _, live = displays(page.run("from streamcell import Dashboard\nDashboard()"))
    page.run("from streamcell import stream\ns = stream('Hi', 'demo:slow')\ns.start()")
    told = page.wait_for("comm_msg", lambda content: board_of(content).get("running") == 1)
    (run,) = board_of(told)["runs"]
    page.say(live["data"][VIEW]["model_id"], {"type": "stop", "run": run["run"]})
    page.wait_for("comm_msg", lambda content: board_of(content).get("stopped") == 1)


def test_without_a_page_it_is_its_static_output_alone():
    notebook = executed("%load_ext streamcell\n" + ASK, "%stream status")
    (output,) = notebook.cells[1].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert "1 done" in output.data["text/plain"]
    assert "widgets" not in notebook.metadata


def test_no_prompt_and_no_answer_is_told(page):
    page.run("from streamcell import Dashboard\nDashboard()")
    page.run("from streamcell import stream\nstream('secretive', 'demo:markdown').result().text")
    page.wait_for("update_display_data", lambda content: "1 done" in content["data"]["text/plain"])
    told = [one["content"] for one in page.heard if one["msg_type"] in ("comm_msg", "update_display_data")]
    assert "demo:markdown" in json.dumps(told)
    assert "secretive" not in json.dumps(told)


def board_of(content):
    return content["data"].get("state", {}).get("board", {})
