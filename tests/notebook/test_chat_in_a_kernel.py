"""A chat in a real kernel: beside a page that speaks the widgets' protocol, and without one."""

from __future__ import annotations

from kernel_page import displays, executed

VIEW = "application/vnd.jupyter.widget-view+json"
CHAT = """
from streamcell import ChatWidget

def echo(message, history):
    yield f"**{message}** after {len(history)}"

chat = ChatWidget(echo)
chat
"""


def state_of(content):
    return content["data"].get("state", {}).get("thread", {})


def test_a_displayed_chat_lasts_beside_its_live_view_and_answers_a_page(page):
    lasting, live = displays(page.run(CHAT))
    assert sorted(lasting["data"]) == ["text/html", "text/plain"]
    assert sorted(live["data"]) == [VIEW, "text/plain"]
    widget = live["data"][VIEW]["model_id"]
    page.say(widget, {"type": "send", "token": "t1", "text": "Hi"})
    ended = page.wait_for(
        "comm_msg", lambda content: [t.get("state") for t in state_of(content).get("turns", [])] == ["done"]
    )
    assert ended["comm_id"] == widget
    said = [
        message["content"]["data"]["content"]
        for message in page.heard
        if message["msg_type"] == "comm_msg" and message["content"]["data"].get("method") == "custom"
    ]
    assert [event["type"] for batch in said for event in batch["events"]] == ["started", "text", "finished"]
    renewed = [message["content"] for message in page.heard if message["msg_type"] == "update_display_data"]
    assert renewed[-1]["transient"] == lasting["transient"]
    assert "<strong>Hi</strong> after 0" in renewed[-1]["data"]["text/html"]


def test_what_python_asks_is_on_the_page_before_the_cell_goes_on(page):
    (lasting, _live) = displays(page.run(CHAT))
    asked = page.run("chat.send('Hi').result().text")
    kinds = [message["msg_type"] for message in asked]
    assert kinds.index("update_display_data") < kinds.index("execute_result")
    (renewed,) = [message["content"] for message in asked if message["msg_type"] == "update_display_data"]
    assert renewed["transient"] == lasting["transient"]


def test_without_a_page_the_chat_is_its_static_output_alone():
    notebook = executed(CHAT, "chat.send('One')", "chat.send('Two').response.text")
    shown, first, second = notebook.cells
    (output,) = shown.outputs
    assert (output.output_type, sorted(output.data)) == ("display_data", ["text/html", "text/plain"])
    assert "**One** after 0" in output.data["text/plain"]
    assert "<strong>Two</strong> after 2" in output.data["text/html"]
    assert len(first.outputs) == 1
    assert second.outputs[0].data["text/plain"] == "'**Two** after 2'"
    assert "widgets" not in notebook.metadata


def test_a_chat_that_is_shown_when_it_has_answered_lasts_too():
    notebook = executed(CHAT.removesuffix("chat\n"), "chat.send('One');", "chat.view('static')")
    *_, shown = notebook.cells
    assert "**One** after 0" in shown.outputs[0].data["text/plain"]
