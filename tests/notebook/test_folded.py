"""What lasts where a live view cannot hide it: folded away, and still in the notebook."""

import pytest

from kernel_page import displays
from streamcell.notebook.folded import folded

# VS Code names the cells that it runs so; the page of these tests gives them no name.
AS_VSCODE = """
shell, told = get_ipython(), get_ipython().get_parent
shell.get_parent = lambda: {**told(), "metadata": {"cellId": "vscode-notebook-cell:/work.ipynb#W0"}}
"""
CHAT = "from streamcell import ChatWidget\nchat = ChatWidget(lambda message, _: message * 2)\nchat"
BOARD = "from streamcell import Dashboard\nDashboard()"


def test_the_html_is_below_a_line_and_the_text_is_as_it_was():
    bundle = folded({"text/html": "<p>Kept</p>", "text/plain": "Kept"}, line="What is kept")
    assert bundle["text/plain"] == "Kept"
    assert bundle["text/html"].startswith("<details><summary><small>What is kept</small></summary>")
    assert "<p>Kept</p>" in bundle["text/html"]


@pytest.mark.parametrize(("source", "of"), [(CHAT, "chat"), (BOARD, "table")])
def test_in_vs_code_what_lasts_does_not_stand_twice_on_the_page(page, source, of):
    page.run(AS_VSCODE)
    lasting, _live = displays(page.run(source))
    assert lasting["data"]["text/html"].startswith("<details>")
    assert f"What the notebook keeps of this {of}" in lasting["data"]["text/html"]


def test_what_was_folded_is_renewed_folded(page):
    page.run(AS_VSCODE)
    page.run(CHAT)
    asked = page.run("chat.send('Hi').result()")
    (renewed,) = [message["content"] for message in asked if message["msg_type"] == "update_display_data"]
    assert renewed["data"]["text/html"].startswith("<details>")
    assert "HiHi" in renewed["data"]["text/html"]


def test_elsewhere_nothing_is_folded(page):
    for source in (CHAT, BOARD):
        lasting, _live = displays(page.run(source))
        assert "<details" not in lasting["data"]["text/html"]
