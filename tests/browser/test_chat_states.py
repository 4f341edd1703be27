"""Every state of a chat in JupyterLab, light and dark, wide and narrow: axe finds nothing, all fits."""

from pathlib import Path

import pytest

from talk import (
    answer,
    answer_to,
    ask,
    box,
    button,
    last_answer,
    open_chat,
    say,
    wait_until_done,
    write,
)
from test_appearance import OVERFLOW, TEXT
from views import view

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = 1280, 320
TOOLS = """
def clear_folder(path: str) -> str:
    "Remove every file in a folder."
    return f"{path} is empty"

ChatWidget("demo:tools", tools=[clear_folder])
"""
VIOLATIONS = """
async view => (await axe.run(view)).violations.flatMap(({ id, nodes }) =>
  nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
"""


class Looker:
    """Looks at the chat of one notebook in its states, and keeps pictures of them."""

    def __init__(self, notebook, theme):
        self.notebook = notebook
        self.theme = theme
        if not AXE.exists():
            pytest.skip("no axe-core: run `npm ci` in js/")
        notebook.page.evaluate(AXE.read_text(encoding="utf-8"))

    def look(self, state, index=0, *, widths=(WIDE, NARROW)):
        for width in widths:
            self.notebook.resize(width)
            shown = view(self.notebook, index)
            assert shown.evaluate(VIOLATIONS) == []
            assert shown.evaluate(OVERFLOW) == []
            path = self.notebook.screenshot(f"chat-{state}-{self.theme}-{width}")
            assert path.exists()
        self.notebook.resize(WIDE)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chat_keeps_the_rules_and_fits_its_page_in_every_state(lab, faucet, theme):
    options = ", suggestions=['What is DNA?', 'Who found it?'], models=['openai:other']"
    notebook = open_chat(lab, faucet, TOOLS, options=options)
    notebook.theme(theme)
    look = Looker(notebook, theme).look
    look("empty")
    box(notebook).press_sequentially("Look at {h")
    view(notebook, 0).get_by_role("option", name="held Agent").wait_for()
    look("names", widths=(WIDE,))
    box(notebook).fill("")
    view(notebook, 0).get_by_role("button", name="What is DNA?").click()
    flow = faucet.next()
    look("waiting", widths=(WIDE,))
    flow.think("The user wants to know what DNA is. I should be brief.")
    say(notebook, flow, TEXT)
    last_answer(notebook).get_by_text("Thinking", exact=True).click()
    look("streaming")
    flow.end()
    wait_until_done(notebook)
    button(notebook, "Regenerate").click()
    answer(faucet, "DNA is a **molecule**.")
    last_answer(notebook).filter(has_text="DNA is a molecule.").wait_for()
    wait_until_done(notebook)
    answer_to(notebook, faucet, "Write a function that takes the complement of a strand.", TEXT)
    look("done")
    button(notebook, "Answer to variable").first.click()
    look("variable", widths=(WIDE,))
    button(notebook, "Edit").last.click()
    look("editing")
    button(notebook, "Cancel").click()
    flow = ask(notebook, faucet, "And RNA?")
    say(notebook, flow, "It is")
    flow.cut()
    button(notebook, "Retry").wait_for()
    look("failed")
    notebook.run(1)
    box(notebook, 1).wait_for()
    write(notebook, "Clear the scratch folder", 1)
    button(notebook, "Approve", 1).wait_for()
    look("approval", 1)
    button(notebook, "Deny", 1).click()
    wait_until_done(notebook, 1)
    look("denied", 1, widths=(WIDE,))
    notebook.restart()
    view(notebook, 0).get_by_text("This chat is not live").wait_for()
    look("not-live")
    assert notebook.errors == []
