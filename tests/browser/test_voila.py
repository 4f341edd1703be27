"""A notebook as a page of Voilà: what its cells said is read, and its widgets are live."""

import sys
from contextlib import ExitStack

import nbformat
import pytest

import hosts
import server
from faucet import LOAD
from talk import CHAT, answer_to, ask, box, button, questions, say, wait_until_done
from views import article, status, view

KERNEL = "ipykernel-7.4"


@pytest.fixture
def voila(browser, tmp_path):
    """Opens a page with what these code cells show."""
    if not server.kernel_python(KERNEL).exists():
        pytest.skip(f"no environment for {KERNEL}: run `make kernels`")
    with ExitStack() as stack:

        def show(*cells):
            folder = tmp_path / "voila"
            server.furnish(folder)
            path = folder / "notebooks" / "page.ipynb"
            notebook = nbformat.v4.new_notebook()
            notebook.metadata.kernelspec = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
            notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
            nbformat.write(notebook, path)

            def command(port):
                place = ["--Voila.ip=127.0.0.1", f"--port={port}", "--Voila.port_retries=0"]
                return [sys.executable, "-m", "voila", str(path), "--no-browser", *place]

            return stack.enter_context(hosts.opened(folder, command, browser))

        yield show


def test_the_answer_of_a_cell_is_on_the_page_whole_and_formatted(voila):
    shown = voila(LOAD, "%%stream demo\nSpeak")
    shown.output().get_by_role("heading", name="In figures", exact=True).wait_for()
    assert view(shown).count() == 0
    assert shown.output().get_by_role("table").count() == 1
    assert "scripted demo answer" in shown.output().inner_text()


def test_an_answer_in_the_background_streams_on_the_page_and_is_stopped_there(voila, faucet):
    shown = voila(LOAD, faucet.cell("--bg"))
    flow = faucet.next()
    flow.say("First words")
    article(shown).get_by_text("First words").wait_for()
    flow.say(" and more")
    article(shown).get_by_text("First words and more").wait_for()
    button(shown, "Stop").click()
    flow.wait_until_left()
    status(shown).get_by_text("Stopped").wait_for()
    assert "First words and more" in article(shown).inner_text()


def test_a_chat_answers_what_is_typed_and_is_stopped(voila, faucet):
    shown = voila(CHAT.format(base_url=faucet.base_url, title="Held", options=""))
    answer_to(shown, faucet, "How deep?", "Very deep")
    flow = ask(shown, faucet, "How wide?")
    assert flow.prompt == "How wide?"
    say(shown, flow, "First words")
    button(shown, "Stop").click()
    flow.wait_until_left()
    wait_until_done(shown)
    assert questions(shown).count() == 2
    assert "First words" in view(shown).inner_text()
    assert box(shown).is_enabled()
