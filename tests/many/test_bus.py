"""Names called out on a bus, and who hears them."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from streamcell.errors import UsageError
from streamcell.many import bus as bus_module
from streamcell.many.bus import EventBus

PATIENCE = 30.0


def test_a_listener_hears_its_name_and_no_other():
    bus, heard = EventBus(), []
    bus.on("a", heard.append)
    bus.emit("a", {"number": 1})
    bus.emit("b", {"number": 2})
    assert [(event.name, event.data, event["number"]) for event in heard] == [("a", {"number": 1}, 1)]


def test_a_pattern_hears_all_that_it_matches():
    bus, heard = EventBus(), []
    bus.on("task.*", heard.append)
    for name in ("task.one", "other", "task.two"):
        bus.emit(name)
    assert [event.name for event in heard] == ["task.one", "task.two"]


@pytest.mark.parametrize("how", ["off", "returned"])
def test_who_is_off_hears_nothing_more(how):
    bus, heard = EventBus(), []
    end = bus.on("a", heard.append)
    bus.emit("a")
    if how == "off":
        bus.off("a", heard.append)
        bus.off("a", heard.append)
    else:
        end()
    bus.emit("a")
    assert len(heard) == 1


def test_a_listener_that_raises_is_reported_once_and_detached(caplog):
    bus, heard = EventBus(), []

    def broken(_):
        heard.append("broken")
        raise ValueError

    bus.on("a", broken)
    bus.on("a", lambda _: heard.append("whole"))
    with caplog.at_level(logging.ERROR, "streamcell"):
        bus.emit("a")
        bus.emit("a")
    assert heard == ["broken", "whole", "whole"]
    assert [record.name for record in caplog.records] == ["streamcell"]


def test_what_cannot_be_called_is_refused():
    with pytest.raises(UsageError, match="function"):
        EventBus().on("a", None)


def test_an_asynchronous_listener_hears_one_event_after_the_other():
    async def main():
        bus, heard = EventBus(), []

        async def slow(event):
            heard.append(f"{event['number']} begins")
            await asyncio.sleep(0)
            heard.append(f"{event['number']} ends")

        bus.on("a", slow)
        bus.emit("a", {"number": 1})
        bus.emit("a", {"number": 2})
        assert heard == []
        await bus.join()
        return heard

    assert asyncio.run(main()) == ["1 begins", "1 ends", "2 begins", "2 ends"]


def test_a_listener_that_never_ends_delays_nobody():
    async def main():
        bus, heard = EventBus(), []

        async def stuck(_):
            await asyncio.Event().wait()

        bus.on("a", stuck)
        bus.on("a", heard.append)
        bus.emit("a")
        bus.emit("a")
        return heard

    assert len(asyncio.run(main())) == 2


def test_an_asynchronous_listener_that_raises_is_detached_with_what_it_has_not_heard(caplog):
    async def main():
        bus, heard = EventBus(), []

        async def broken(event):
            heard.append(event["number"])
            raise ValueError

        bus.on("a", broken)
        for number in range(3):
            bus.emit("a", {"number": number})
        await bus.join()
        bus.emit("a", {"number": 3})
        await bus.join()
        return heard

    with caplog.at_level(logging.ERROR, "streamcell"):
        assert asyncio.run(main()) == [0]
    assert len(caplog.records) == 1


def test_a_listener_too_far_behind_is_detached(caplog, monkeypatch):
    monkeypatch.setattr(bus_module, "LONGEST_QUEUE", 3)

    async def main():
        bus, calls = EventBus(), []

        def counted(event):
            calls.append(event)
            return asyncio.Event().wait()

        bus.on("a", counted)
        for _ in range(20):
            bus.emit("a")
        return len(calls)

    with caplog.at_level(logging.ERROR, "streamcell"):
        assert asyncio.run(main()) == 4
    assert len(caplog.records) == 1


def test_a_listener_cut_off_with_its_loop_hears_the_next_event_on_another():
    bus, heard = EventBus(), []

    async def listen(event):
        heard.append(event["number"])
        if event["number"] == 1:
            await asyncio.Event().wait()

    async def emit(number):
        bus.emit("a", {"number": number})
        await asyncio.sleep(0)

    bus.on("a", listen)
    asyncio.run(emit(1))
    asyncio.run(emit(2))
    assert heard == [1, 2]


def test_without_a_loop_an_asynchronous_listener_runs_in_the_background():
    bus, heard = EventBus(), threading.Event()

    async def listen(_):
        heard.set()

    bus.on("a", listen)
    bus.emit("a")
    assert heard.wait(PATIENCE)


def test_one_who_listens_may_go_while_it_is_told():
    bus, heard = EventBus(), []
    end = bus.on("a", lambda event: (heard.append(event), end()))
    bus.on("a", heard.append)
    bus.emit("a")
    bus.emit("a")
    assert len(heard) == 3
