"""A server that really listens, read by the programs that people have: openai, curl, a WebSocket client."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import subprocess

import openai
import pytest
import websockets

from serving import frames, heard, said
from streamcell.events import Finished

ASKED = {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]}
CURL = shutil.which("curl")

needs_curl = pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")


def curl(address, *options, asked=None):
    asked = asked or {"prompt": "hi"}
    command = [CURL, "-sSN", *options, "--json", json.dumps(asked), address]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.parametrize("streamed", [False, True])
def test_the_official_client_works_on_a_loop_too(served, scripted, text, streamed):
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
            answer = await client.chat.completions.create(**ASKED, stream=streamed)
            if not streamed:
                return answer.choices[0].message.content
            return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])

    address = served([scripted(text)])
    assert asyncio.run(ask()) == text


@needs_curl
def test_curl_reads_events(served, scripted, text):
    found = frames(curl(f"{served([scripted(text)])}/v1/streams").decode())
    assert said(found) == text
    assert [frame.id for frame in found] == list(range(len(found)))


@needs_curl
def test_curl_sees_the_first_events_while_the_rest_has_not_been_said(served, endless):
    command = [CURL, "-sSN", "--json", '{"prompt": "hi"}', f"{served([endless])}/v1/streams"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert any(line == "event: text\n" for line in reader.stdout)
        assert reader.poll() is None
        reader.terminate()


@needs_curl
def test_events_are_packed_for_who_takes_it(served, scripted, text):
    address = f"{served([scripted(text)])}/v1/streams"
    sent = curl(address, "-H", "Accept-Encoding: gzip")
    assert said(frames(gzip.decompress(sent).decode())) == text
    assert len(sent) < len(curl(address, "-H", "Accept-Encoding: gzip;q=0, br")) / 2


@needs_curl
def test_the_first_packed_events_can_be_read_before_the_rest_has_been_said(served, endless):
    command = [CURL, "-sSN", "--compressed", "--json", '{"prompt": "hi"}', f"{served([endless])}/v1/streams"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert any(line == "event: text\n" for line in reader.stdout)
        reader.terminate()


@pytest.mark.parametrize("compression", ["deflate", None])
def test_a_websocket_client_reads_with_and_without_packing(served, scripted, text, compression):
    async def read():
        async with websockets.connect(f"{address}/v1/ws", compression=compression) as line:
            names = [extension.name for extension in line.protocol.extensions]
            await line.send(json.dumps({"type": "start", "prompt": "hi"}))
            await line.recv()
            found = []
            while not found or not isinstance(found[-1].data, Finished):
                found.append(heard(await line.recv()))
            return names, said(found)

    address = served([scripted(text)]).replace("http", "ws")
    assert asyncio.run(read()) == (["permessage-deflate"] if compression else [], text)
