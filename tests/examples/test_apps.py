"""The examples, each run by the command in its first line, and asked what its docstring says."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import websockets

from serving import frames, heard, said
from streamcell.events import Finished

EXAMPLES = Path(__file__).parents[2] / "examples"
TOKEN = "correct-horse-battery"  # noqa: S105 - opens nothing
BEARER = {"Authorization": f"Bearer {TOKEN}"}
FOREIGN = {"Origin": "http://evil.example"}
ASKED = {"prompt": "Explain DNA"}
ASGI = ["fastapi_app", "starlette_app"]
PLACES = {"fastapi_app": "/answers", "starlette_app": "/answer", "flask_app": "/answer"}


def command(name):
    """What the docstring says under Run."""
    first = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()[0]
    program, *words = first.partition("Run: ")[2].rstrip(".").split()
    return [sys.executable, "-m", program, *words]


@contextmanager
def running(name, **variables):
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    known = {**os.environ, "PYTHONWARNINGS": "error", **variables}
    asked = [*command(name), "--port", str(port)]
    with subprocess.Popen(asked, cwd=EXAMPLES.parent, env=known, stderr=subprocess.PIPE, text=True) as app:
        try:
            assert any("unning on http" in line for line in app.stderr)
            yield f"http://127.0.0.1:{port}"
        finally:
            app.terminate()


def ask(web, name, **options):
    if name == "starlette_app":
        return web.get(PLACES[name], params=ASKED, **options)
    return web.post(PLACES[name], json=ASKED, **options)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize("name", PLACES)
def test_an_example_streams_to_curl_as_its_first_lines_say(name):
    line = next(line for line in _docstring(name) if line.startswith("Ask: "))
    port = "5000" if name == "flask_app" else "8000"
    with running(name) as address:
        asked = line.removeprefix("Ask: ").replace(f"http://127.0.0.1:{port}", address)
        sent = subprocess.run(["sh", "-c", f"{asked} -s"], capture_output=True, text=True, check=True).stdout
    sent = sent.replace("\r", "")
    assert said(frames(sent.partition("\n\n")[2] if "HTTP/1.1" in sent else sent)).startswith("##")
    assert "event: finished" in sent


@pytest.mark.parametrize("name", PLACES)
def test_an_example_refuses_strangers(name):
    with running(name, APP_TOKEN=TOKEN) as address, httpx2.Client(base_url=address, timeout=60) as web:
        assert ask(web, name).status_code == 401
        assert ask(web, name, headers=BEARER | FOREIGN).status_code == 403
        assert ask(web, name, headers=BEARER).status_code == 200


@pytest.mark.parametrize("name", PLACES)
def test_an_example_without_a_token_serves_only_this_machine(name):
    with running(name) as address, httpx2.Client(base_url=address, timeout=60) as web:
        assert ask(web, name, headers={"Host": "evil.example"}).status_code in (400, 403)
        assert ask(web, name, headers=FOREIGN).status_code == 403


def test_an_answer_is_read_again_from_where_it_was_cut():
    with running("fastapi_app") as address, httpx2.Client(base_url=address, timeout=60) as web:
        answer = ask(web, "fastapi_app")
        whole = frames(answer.text)
        again = web.get(answer.headers["location"], headers={"Last-Event-ID": str(whole[4].id)})
        assert frames(again.text) == whole[5:]
        assert web.get("/answers/guessed").status_code == 404


@pytest.mark.parametrize("name", ASGI)
def test_an_example_speaks_over_a_websocket(name):
    async def read(address):
        async with websockets.connect(f"{address}/ws?prompt=Explain%20DNA") as line:
            if name == "starlette_app":
                await line.send("Explain DNA")
            found = []
            while not found or not isinstance(found[-1].data, Finished):
                found.append(heard(await line.recv()))
            return said(found)

    with running(name) as address:
        assert asyncio.run(read(address.replace("http", "ws"))).startswith("##")


def _docstring(name):
    return (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").split('"""')[1].splitlines()


@pytest.mark.parametrize("name", PLACES)
def test_an_example_fits_a_page(name):
    assert len((EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 40
