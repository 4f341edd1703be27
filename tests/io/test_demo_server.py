"""The server behind the demo provider: one for each loop, for as long as a run needs it."""

from __future__ import annotations

import asyncio

import httpx2
import openai
import pytest

from streamcell.core.script import joined
from streamcell.events import TextDelta
from streamcell.io.demo_server import DemoTransport, _answer, demo_server
from streamcell.messages import Message, Request, TextPart
from streamcell.providers.demo import answer, demo
from streamcell.testing import ScriptedProvider

MESSAGES = [{"role": "user", "content": "Explain DNA"}]
EXPECTED = joined(answer({"model": "markdown", "messages": MESSAGES})).text


def test_the_demo_server_lives_as_long_as_its_runs(monkeypatch):
    monkeypatch.setenv("STREAMCELL_DEMO_PACE", "0")

    async def text(base):
        async with openai.AsyncOpenAI(base_url=base, api_key="none") as api:
            answered = await api.chat.completions.create(model="markdown", messages=MESSAGES)
        return answered.choices[0].message.content

    async def main():
        async with demo_server() as first:
            async with demo_server() as second:
                assert second == first
            assert await text(first) == EXPECTED
        async with httpx2.AsyncClient() as http:
            with pytest.raises(httpx2.ConnectError):
                await http.get(first)
        async with demo_server() as again:
            assert await text(again) == EXPECTED

    asyncio.run(main())


def test_runs_that_start_together_share_a_server():
    async def main():
        async def base():
            async with demo_server() as url:
                await asyncio.sleep(0)
                return url

        return await asyncio.gather(*(base() for _ in range(5)))

    assert len(set(asyncio.run(main()))) == 1


def test_a_cancelled_run_leaves_no_server():
    async def main():
        async def run():
            async with demo_server():
                await asyncio.Event().wait()

        task = asyncio.create_task(run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return asyncio.all_tasks() == {asyncio.current_task()}

    assert asyncio.run(main())


async def whole_text(provider):
    prompt = Message("user", (TextPart("Explain DNA"),))
    asked = Request(provider="demo", model="markdown", messages=(prompt,), stream=False, extra={"pace": 0})
    async with DemoTransport(provider).open(provider.encode(asked), connect=10) as received:
        body = await received.read(1_000_000)
    events = provider.decode_whole(asked, body)
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_the_demo_is_carried_by_the_ordinary_transport():
    assert asyncio.run(whole_text(demo)) == EXPECTED


def test_a_scripted_provider_is_asked_at_its_own_server():
    async def main():
        async with ScriptedProvider("Hello") as scripted:
            return await whole_text(scripted.provider), len(scripted.requests)

    assert asyncio.run(main()) == ("Hello", 1)


@pytest.mark.parametrize(("value", "pace"), [("0.5", 0.5), ("-1", 0.0), ("inf", 60.0), ("fast", 0.014)])
def test_the_environment_sets_the_pace(monkeypatch, value, pace):
    monkeypatch.setenv("STREAMCELL_DEMO_PACE", value)
    body = {"model": "markdown", "messages": MESSAGES}
    assert _answer("/v1/chat/completions", {}, body).pace == pace
