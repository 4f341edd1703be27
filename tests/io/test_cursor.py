"""Readers of a log: each at its own pace, in either colour, never missing the last wake."""

from __future__ import annotations

import asyncio
import threading

import pytest

from streamcell.core.log import Log
from streamcell.io.cursor import Cursor

COUNT = 2000


def test_a_cursor_takes_every_item_once_in_order():
    log = Log()
    cursor = Cursor(log)
    log.extend("abc")
    assert (cursor.behind, cursor.take(2), cursor.take(), cursor.take()) == (3, ["a", "b"], ["c"], [])


def test_it_waits_only_while_more_may_come():
    log = Log()
    cursor = Cursor(log)
    assert cursor.waiting
    log.extend("a")
    assert not cursor.waiting
    cursor.take()
    assert cursor.waiting
    log.close()
    assert not cursor.waiting


def test_it_goes_on_behind_what_was_discarded():
    log = Log()
    cursor = Cursor(log)
    log.extend("abcd")
    log.discard(2)
    assert cursor.take(1) == ["c"]
    assert (cursor.take(), cursor.position) == (["d"], 4)
    assert Cursor(log).position == 2


def test_a_closed_log_is_read_to_its_end_without_waiting():
    log = Log()
    log.extend("a")
    log.close()
    cursor = Cursor(log)
    assert cursor.wait()
    assert cursor.take() == ["a"]
    assert not cursor.wait()
    assert asyncio.run(cursor.more()) is False


def fill(log):
    for number in range(COUNT):
        log.extend([number])
    log.close()


def test_a_thread_gets_what_another_appends():
    log, got = Log(), []
    writer = threading.Thread(target=fill, args=(log,))
    cursor = Cursor(log)
    writer.start()
    while cursor.wait():
        got += cursor.take(1)
    writer.join()
    assert got == list(range(COUNT))


def test_a_loop_gets_what_a_thread_appends():
    log, got = Log(), []
    writer = threading.Thread(target=fill, args=(log,))

    async def read():
        cursor = Cursor(log)
        writer.start()
        while await cursor.more():
            got.extend(cursor.take(3))

    asyncio.run(read())
    writer.join()
    assert got == list(range(COUNT))


def test_a_reader_keeps_its_place_while_another_thread_discards_what_was_read():
    log, got = Log(), []
    cursor = Cursor(log)

    def fill_and_forget():
        for number in range(COUNT):
            log.extend([number])
            log.discard(cursor.position)
        log.close()

    writer = threading.Thread(target=fill_and_forget)
    writer.start()
    while cursor.wait():
        got += cursor.take(1)
    writer.join()
    assert got == list(range(COUNT))


def test_a_loop_gets_what_its_own_tasks_append():
    async def main():
        log = Log()
        reader = asyncio.create_task(read_all(log))
        for number in range(5):
            await asyncio.sleep(0)
            log.extend([number])
        log.close()
        return await reader

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


async def read_all(log):
    cursor, got = Cursor(log), []
    while await cursor.more():
        got += cursor.take()
    return got


def test_a_reader_that_is_cancelled_leaves_no_watcher():
    async def main():
        log = Log()
        reader = asyncio.create_task(read_all(log))
        await asyncio.sleep(0)
        assert len(log._wakes) == 1
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert not log._wakes

    asyncio.run(main())


def test_an_append_after_the_readers_loop_was_closed_is_harmless():
    log = Log()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(Cursor(log).more())
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))
    (wake,) = log._wakes.values()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    loop.close()
    writer = threading.Thread(target=wake)
    writer.start()
    writer.join()
