"""What stays when the stream is over: in the file, without a kernel, elsewhere; and what never stays."""

import json
import secrets

import pytest
from nbconvert import HTMLExporter

import server
from faucet import LOAD
from lab import Lab
from streamcell.notebook.display import UNFINISHED
from streamcell.testing import Fault, Script, WireServer
from views import article, wait_until_replaced

ANSWER = "# A title\n\nSome **words**, `code` and\n\n- a list\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
PROMPT = "A prompt told once"
ASSEMBLED = 'import os\nos.environ["CANARY"] = "-".join(["canary", "of", "this", "test"])'
CANARY = "canary-of-this-test"
WIDGETS = "@jupyter-widgets/jupyterlab-manager/plugin"


@pytest.fixture
def finished(lab, faucet):
    """A notebook with a finished answer, saved."""
    notebook = lab.open([LOAD, f'prompt = "{PROMPT}"', faucet.cell("-o r", "{prompt}")])
    notebook.run_all()
    flow = faucet.next()
    assert flow.prompt == PROMPT
    flow.say(ANSWER)
    article(notebook, 2).get_by_role("heading", name="A title").wait_for()
    flow.end()
    wait_until_replaced(notebook, 2)
    notebook.wait_until_run(2)
    notebook.save()
    return notebook


def test_the_file_holds_the_answer_as_html_and_text_and_no_widget(finished):
    saved = finished.file()
    (output,) = saved.cells[2].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert ANSWER.strip() in output.data["text/plain"]
    assert "<h1>A title</h1>" in output.data["text/html"]
    assert "widgets" not in saved.metadata
    saved.cells[1].source = ""
    assert PROMPT not in json.dumps(saved)
    assert len(json.dumps(saved)) < 5_000
    _check_that_it_stands_alone(finished)


def test_the_answer_is_shown_with_a_fresh_kernel_and_without_one(lab, finished):
    lab.server.end_kernels()
    again = lab.show(finished.path)
    _check_that_it_stands_alone(again)
    again._tell("return panel.sessionContext.shutdown()")
    _check_that_it_stands_alone(again)


def test_a_restarted_kernel_leaves_the_answer_where_it_is(finished):
    finished.restart()
    _check(finished.output(2))
    finished.reload()
    _check(finished.output(2))


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
@pytest.mark.filterwarnings("default")
def test_nbconvert_shows_the_answer(browser, finished, tmp_path, scripts):
    html, _ = HTMLExporter().from_notebook_node(finished.file())
    path = tmp_path / "page.html"
    path.write_text(html)
    with browser.new_context(java_script_enabled=scripts, offline=True) as context:
        page = context.new_page()
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        _check(page.locator(".jp-Cell").last)


def test_widgets_saved_with_the_notebook_hold_neither_answer_nor_prompt(lab, faucet):
    lab.server.change_settings(WIDGETS, {"saveState": True})
    try:
        notebook = lab.open([LOAD, f'prompt = "{PROMPT}"', faucet.cell("-o r", "{prompt}")])
        notebook.run_all()
        flow = faucet.next()
        flow.say("Confidential words")
        article(notebook, 2).get_by_text("Confidential words").wait_for()
        during = notebook.save()
        flow.end()
        wait_until_replaced(notebook, 2)
        notebook.wait_until_run(2)
        after = notebook.save()
    finally:
        lab.server.change_settings(WIDGETS, {})
    assert "bundle_ref" in json.dumps(during.metadata.widgets)
    for saved in (during, after):
        state = json.dumps(saved.metadata)
        assert "Confidential" not in state
        assert PROMPT not in state


@pytest.mark.parametrize("fault", [None, Fault("status", status=401, message=f"Bad key {CANARY}")])
def test_a_key_reaches_the_server_and_neither_page_nor_file(lab, fault):
    frames = _frames(lab.context)
    with WireServer(Script.of("An answer.", fault=fault)) as server:
        ask = f"%%stream openai:x --base-url {server.base_url}/v1 --key-env CANARY\nHi"
        notebook = lab.open([LOAD, ASSEMBLED, ask])
        notebook.run_all()
        notebook.wait_for_output("HTTP 401" if fault else "An answer.", 2)
        notebook.wait_until_run(2)
        notebook.save()
        assert CANARY in server.requests[0].headers["authorization"]
    assert CANARY not in notebook.path.read_text()
    assert CANARY not in notebook.page.content()
    assert frames
    assert not any(CANARY.encode() in frame for frame in frames)


@pytest.mark.filterwarnings("default")  # nbconvert's own
def test_a_notebook_saved_in_mid_stream_says_so(lab, faucet):
    notebook = lab.open([LOAD, faucet.cell()])
    notebook.run_all()
    flow = faucet.next()
    flow.say("The first words")
    article(notebook).get_by_text("The first words").wait_for()
    (output,) = notebook.save().cells[1].outputs
    assert output.data["text/plain"] == UNFINISHED
    page, _ = HTMLExporter().from_notebook_node(notebook.file())
    assert f"<pre>{UNFINISHED}</pre>" in page
    flow.end()
    wait_until_replaced(notebook)
    (output,) = notebook.save().cells[1].outputs
    assert UNFINISHED not in json.dumps(output)


def test_a_key_of_the_environment_is_nowhere_in_page_or_folder(browser, tmp_path, monkeypatch):
    """Neither the key that a provider's own variable holds, nor one that `--key-env` names."""
    own, named = (f"canary-{secrets.token_hex(12)}" for _ in range(2))
    environment = server._environment
    with WireServer(Script.of("An answer.")) as wire:
        keys = {"OPENAI_API_KEY": own, "OPENAI_BASE_URL": f"{wire.base_url}/v1", "NAMED_KEY": named}
        monkeypatch.setattr(server, "_environment", lambda folder: environment(folder) | keys)
        with server.serving(tmp_path / "jupyter") as jupyter, browser.new_context() as context:
            jupyter.change_settings(WIDGETS, {"saveState": True})
            frames = _frames(context)
            asks = [LOAD, "%%stream openai:x -o r\nHi", "%%stream openai:x --key-env NAMED_KEY\nHi", "r"]
            notebook = Lab(jupyter, context).open(asks)
            notebook.run_all()
            for index in (1, 2, 3):
                notebook.wait_for_output("An answer.", index)
            notebook.wait_until_run(3)
            notebook.save()
            shown = notebook.page.content()
    sent = [request.headers["authorization"] for request in wire.requests]
    assert sent == [f"Bearer {own}", f"Bearer {named}"]
    files = {path: path.read_bytes() for path in (tmp_path / "jupyter").rglob("*") if path.is_file()}
    assert notebook.path in files
    assert tmp_path / "jupyter" / "server.log" in files
    for canary in (own, named):
        assert canary not in shown
        assert [path for path, content in files.items() if canary.encode() in content] == []
        assert not any(canary.encode() in frame for frame in frames)
    assert any(b"An answer." in frame for frame in frames)


def _frames(context):
    """All that websockets carry between the pages of this context and their server, from now on."""
    frames = []
    context.on("page", lambda page: page.on("websocket", lambda socket: _listen(socket, frames)))
    return frames


def _listen(socket, frames):
    def keep(payload):
        frames.append(payload if isinstance(payload, bytes) else payload.encode())

    socket.on("framereceived", keep)
    socket.on("framesent", keep)


def _check(output):
    output.get_by_role("heading", name="A title").wait_for()
    output.get_by_role("cell", name="2", exact=True).wait_for()
    output.get_by_role("listitem").filter(has_text="a list").wait_for()


def _check_that_it_stands_alone(notebook):
    output = notebook.output(2)
    _check(output)
    assert output.locator(".jp-OutputArea-output").count() == 1
    assert output.locator(".jupyter-widgets").count() == 0
    assert "Error displaying widget" not in notebook.page.content()
