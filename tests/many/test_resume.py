"""A batch whose process is killed: the next run sends what is missing, and nothing else."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

import pytest

from streamcell.testing import Fault, Script, WireServer

COUNT, AT_ONCE, ANSWERED = 40, 4, 12
EVERYTHING = list(map(str, range(COUNT)))

BATCH = """
import asyncio, json, sys
from streamcell import Agent
from streamcell.many.scheduler import Scheduler

async def main(address, count, at_once, path):
    agent = Agent("openai:m", base_url=address, api_key="none", retries=0)
    scheduler = Scheduler({"a": agent}, max_concurrency=int(at_once))
    results = await scheduler.map(map(str, range(int(count))), resume=path)
    print(json.dumps([[result.task_id, result.result, result.success] for result in results]))

asyncio.run(main(*sys.argv[1:]))
"""


class Questions:
    """Answers each question with its number, those from `silent_from` on never; and notes what was asked."""

    def __init__(self, silent_from=COUNT):
        self.asked = []
        self._silent_from = silent_from

    def __call__(self, _path, _headers, body):
        question = body["messages"][-1]["content"]
        self.asked.append(question)
        silent = int(question) >= self._silent_from
        return Script.of(f"This is answer {question}.", fault=Fault("stall", after=1) if silent else None)


def start(server, path):
    command = (sys.executable, "-W", "error", "-c", BATCH, f"{server.base_url}/v1", str(COUNT), str(AT_ONCE))
    return asyncio.create_subprocess_exec(*command, str(path), stdout=subprocess.PIPE)


async def kill_after(requests, path, questions):
    """Run the batch, and end it without a warning when so many requests have come."""
    async with WireServer(questions) as server:
        process = await start(server, path)
        await server.received(requests)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        assert process.returncode == -signal.SIGKILL


async def run_through(path):
    """What was asked by a run that comes to its end, and its results."""
    questions = Questions()
    async with WireServer(questions) as server:
        process = await start(server, path)
        said, _ = await process.communicate()
    return questions.asked, json.loads(said)


def known(path):
    """The tasks whose results stand whole in the file."""
    return [json.loads(line)["result"]["task_id"] for line in path.read_bytes().split(b"\n")[:-1]]


def complete():
    return [[number, f"This is answer {number}.", True] for number in EVERYTHING]


def test_what_was_answered_before_a_kill_is_not_asked_again(tmp_path):
    path, first = tmp_path / "run.jsonl", Questions(silent_from=ANSWERED)
    asyncio.run(kill_after(ANSWERED + AT_ONCE, path, first))
    assert sorted(known(path), key=int) == EVERYTHING[:ANSWERED]
    asked, results = asyncio.run(run_through(path))
    assert sorted(asked, key=int) == EVERYTHING[ANSWERED:]
    assert results == complete()
    assert asyncio.run(run_through(path)) == ([], complete())


@pytest.mark.parametrize("requests", [1, 7, 23])
def test_wherever_it_is_killed_only_what_is_missing_is_asked(tmp_path, requests):
    path = tmp_path / "run.jsonl"
    asyncio.run(kill_after(requests, path, Questions(silent_from=30)))  # so it cannot end before it is killed
    done = known(path)
    asked, results = asyncio.run(run_through(path))
    assert sorted([*asked, *done], key=int) == EVERYTHING
    assert results == complete()
