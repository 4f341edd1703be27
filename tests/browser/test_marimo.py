"""A chat in marimo, as an app and in its editor: no IPython, no magics, a kernel of its own."""

import sys

import pytest

import hosts
import server
from talk import answer_to, ask, box, button, last_answer, questions, say, wait_until_done

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from streamcell import Agent, ChatWidget, Timeouts

    return Agent, ChatWidget, Timeouts, mo


@app.cell
def _(Agent, ChatWidget, Timeouts, mo):
    held = Agent("openai:held", base_url="{base_url}", timeouts=Timeouts(first=600, idle=600))
    chat = mo.ui.anywidget(ChatWidget(held, title="Held"))
    chat
    return (chat,)
"""


# The editor waits for a click unless its user set this.
SETTINGS = "[tool.marimo.runtime]\nauto_instantiate = true\n"


@pytest.fixture(params=[["run"], ["edit", "--skip-update-check"]], ids=["run", "edit"])
def shown(request, browser, faucet, tmp_path):
    """The page of an app that shows a chat with the faucet."""
    folder = tmp_path / "marimo"
    server.furnish(folder)
    path = folder / "notebooks" / "app.py"
    path.write_text(APP.format(base_url=faucet.base_url))
    (path.parent / "pyproject.toml").write_text(SETTINGS)

    def command(port):
        place = ["--headless", "--no-token", "--host=127.0.0.1", f"--port={port}"]
        return [sys.executable, "-m", "marimo", *request.param, str(path), *place]

    with hosts.opened(folder, command, browser) as page:
        yield page


def test_a_chat_answers_what_is_typed_as_it_comes_and_is_stopped(shown, faucet):
    answer_to(shown, faucet, "How deep?", "Very deep")
    flow = ask(shown, faucet, "How wide?")
    assert flow.prompt == "How wide?"
    say(shown, flow, "First words")
    say(shown, flow, " and more")
    assert "First words and more" in last_answer(shown).inner_text()
    button(shown, "Stop").click()
    flow.wait_until_left()
    wait_until_done(shown)
    assert questions(shown).count() == 2
    assert "Stopped" in last_answer(shown).inner_text()
    assert box(shown).is_enabled()
