"""The WebSocket of the server: streams are started, resumed and stopped on it, and bad messages refused."""

from __future__ import annotations

import asyncio
import json

import pytest
import websockets

from serving import frames, said
from serving import heard as numbered
from streamcell.events import Finished
from streamcell.serve import Limits

START = {"type": "start", "prompt": "hi"}


def ask(line, message):
    """What is said first in answer to `message`."""
    line.send_json(message)
    return line.receive_json()


def rest(line):
    """The events up to the last one."""
    found = []
    while not found or not isinstance(found[-1].data, Finished):
        found.append(numbered(line.receive_text()))
    return found


def test_a_stream_comes_over_a_socket_as_it_does_over_http(client, scripted, text):
    here = client([scripted(text)])
    with here.websocket_connect("/v1/ws") as line:
        opened = ask(line, START)
        found = rest(line)
    assert opened["model"] == "scripted"
    assert said(found) == text
    assert found == frames(here.get(f"/v1/streams/{opened['stream']}").text)


def test_a_reader_that_comes_back_gets_the_rest(client, scripted, text):
    here = client([scripted(text)])
    with here.websocket_connect("/v1/ws") as line:
        opened = ask(line, START)
        had = [numbered(line.receive_text()) for _ in range(4)]
    with here.websocket_connect("/v1/ws") as line:
        ask(line, {"type": "resume", "stream": opened["stream"], "last_event_id": had[-1].id})
        found = had + rest(line)
    assert [frame.id for frame in found] == list(range(len(found)))
    assert said(found) == text


def test_several_streams_go_over_one_socket_in_turn(client, scripted):
    with client([scripted("one", "two")]).websocket_connect("/v1/ws") as line:
        for expected in ("one", "two"):
            ask(line, START)
            assert said(rest(line)) == expected


def test_a_stop_ends_the_stream_and_keeps_what_came(client, endless, text):
    with client([endless]).websocket_connect("/v1/ws") as line:
        ask(line, START)
        had = [numbered(line.receive_text()) for _ in range(4)]
        line.send_json({"type": "stop"})
        found = had + rest(line)
    assert found[-1].data == Finished("cancelled")
    assert text.startswith(said(found))


def test_one_stream_runs_on_a_socket_at_a_time(client, endless):
    with client([endless]).websocket_connect("/v1/ws") as line:
        ask(line, START)
        line.send_json(START)
        line.send_json({"type": "stop"})
        messages = [json.loads(line.receive_text())]
        while "error" not in messages[-1]:
            messages.append(json.loads(line.receive_text()))
    assert messages[-1]["error"]["code"] == "busy"


BAD_MESSAGES = [
    ("{", "not valid JSON"),
    ("[]", "Expected `object`"),
    ("{}", "missing required field `type`"),
    ('{"type": "shout"}', "Invalid value 'shout'"),
    ('{"type": "start"}', "either 'prompt' or 'messages'"),
    ('{"type": "start", "prompt": "hi", "base_url": "http://x"}', "unknown field `base_url`"),
    ('{"type": "start", "prompt": "hi", "model": "gpt-5"}', "choose from: scripted"),
    ('{"type": "resume", "stream": "guessed"}', "there is no such stream"),
    ('{"type": "resume"}', "missing required field `stream`"),
    ("x" * 100, "longer than 90 bytes"),
    ("ä" * 50, "longer than 90 bytes"),
]


@pytest.mark.parametrize(("message", "reason"), BAD_MESSAGES)
def test_a_bad_message_is_refused_and_the_next_one_heard(client, scripted, message, reason):
    with client([scripted("x")], limits=Limits(body_bytes=90)).websocket_connect("/v1/ws") as line:
        line.send_text(message)
        assert reason in line.receive_json()["error"]["message"]
        line.send_bytes(json.dumps(START).encode())
        assert "stream" in line.receive_json()


def test_a_socket_of_a_real_server_serves_a_real_client(served, scripted, text):
    address = served([scripted(text)]).replace("http", "ws")

    async def read():
        async with websockets.connect(f"{address}/v1/ws") as line:
            await line.send(json.dumps(START))
            await line.recv()
            found = []
            while not found or not isinstance(found[-1].data, Finished):
                found.append(numbered(await line.recv()))
            return found

    assert said(asyncio.run(read())) == text


def test_a_socket_of_a_real_server_is_refused_with_a_status(served, scripted, monkeypatch):
    monkeypatch.setenv("SERVER_TOKEN", "correct-horse-battery")
    address = served([scripted("x")], token_env="SERVER_TOKEN").replace("http", "ws")  # noqa: S106 - a name

    async def knock(**options):
        async with websockets.connect(f"{address}/v1/ws", **options):
            pass

    with pytest.raises(websockets.InvalidStatus, match="401"):
        asyncio.run(knock())
    headers = {"Authorization": "Bearer correct-horse-battery"}
    with pytest.raises(websockets.InvalidStatus, match="403"):
        asyncio.run(knock(additional_headers=headers, origin="http://evil.example"))
    asyncio.run(knock(additional_headers=headers))
