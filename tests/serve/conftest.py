"""A server on loopback, and a client inside the process; both answer from scripts, at once."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from serving import listening
from streamcell.agent import Agent
from streamcell.core.script import Script
from streamcell.serve import create_app
from streamcell.testing import Fault, WireServer

TEXT = "## Streams\n\nEin Bächlein läuft 🏞 und hört nicht auf.\n" * 5
HOST = "127.0.0.1:8080"


@pytest.fixture
def text():
    return TEXT


@pytest.fixture
def scripted():
    """A function from answers to the model that gives them in turn."""
    with ExitStack() as stack:

        def model(*answers, name="scripted"):
            wire = stack.enter_context(WireServer([*map(_script, answers)]))
            return Agent("openai:m", name=name, base_url=f"{wire.base_url}/v1", retries=0)

        yield model


@pytest.fixture
def endless(scripted):
    """A model that says half of the text and then nothing, until it is stopped."""
    pieces = Script.of(TEXT).pieces
    return scripted(Script.of(TEXT, fault=Fault("stall", after=len(pieces) // 2)), name="endless")


@pytest.fixture
def client():
    """A function from the arguments of `create_app` to a client of that app."""
    with ExitStack() as stack:

        def open_client(models, **options):
            return stack.enter_context(_Client(create_app(models, **options), base_url=f"http://{HOST}"))

        yield open_client


@pytest.fixture
def served():
    """A function from the arguments of `run` to the address of a server that really listens."""
    with ExitStack() as stack:
        yield lambda models, **options: stack.enter_context(listening(models, **options))


class _Client(TestClient):
    """Starlette's, which calls every WebSocket ``testserver``, whatever its `base_url`."""

    def websocket_connect(self, path, **options):
        return super().websocket_connect(f"ws://{HOST}{path}", **options)


def _script(answer):
    return Script.of(answer) if isinstance(answer, str) else answer


class StillClock:
    """A clock that stands until a test moves it; an `io.clock.Clock`."""

    now = 0.0

    def monotonic(self):
        return self.now

    def time(self):
        return 1_767_225_600.0 + self.now

    async def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def still():
    return StillClock()
