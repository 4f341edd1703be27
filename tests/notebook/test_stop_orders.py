"""Stops of a dashboard that a kernel has not delivered, in a queue as ipykernel 6 has it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from streamcell.handle import Stream
from streamcell.live_runs import live_runs
from streamcell.notebook import stop_orders

LINE = "the-line-of-a-dashboard"


async def _nothing(_deliver):
    """A run that says nothing."""


@pytest.fixture
def stream():
    stream = Stream(_nothing)
    live_runs.follow(stream)
    stream.result()
    return stream


@pytest.fixture
def listening():
    stop_orders.listen(LINE)
    yield
    stop_orders.forget(LINE)


def shell_with(content, line=LINE):
    frame = json.dumps({"comm_id": line, "data": {"method": "custom", "content": content}}).encode()
    queue = SimpleNamespace(_queue=[(0, None, ([b"header", frame],))])
    return SimpleNamespace(kernel=SimpleNamespace(msg_queue=queue))


def stop_of(stream):
    return {"type": "stop", "run": str(live_runs.number(stream))}


@pytest.mark.usefixtures("listening")
def test_an_unread_stop_of_the_stream_is_found(stream):
    assert stop_orders.stop_is_queued(shell_with(stop_of(stream)), stream)


@pytest.mark.usefixtures("listening")
def test_the_stop_of_another_stream_is_not_its_own(stream):
    assert not stop_orders.stop_is_queued(shell_with({"type": "stop", "run": "0"}), stream)
    assert not stop_orders.stop_is_queued(shell_with({**stop_of(stream), "type": "ack"}), stream)


def test_a_line_that_nobody_listens_to_says_nothing(stream):
    assert not stop_orders.stop_is_queued(shell_with(stop_of(stream)), stream)


def test_a_stream_that_never_began_has_no_stop():
    assert not stop_orders.stop_is_queued(shell_with({"type": "stop", "run": "None"}), Stream(_nothing))


def test_only_what_a_cell_waits_for_is_waited(stream):
    other = Stream(_nothing)
    stop_orders.wait_for(other)
    assert (stop_orders.is_waited(other), stop_orders.is_waited(stream)) == (True, False)
