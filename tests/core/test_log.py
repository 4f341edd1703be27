"""The log: numbers, discarding, waking; and readers that see whole changes only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.log import Log


def filled(count):
    log = Log()
    log.extend(range(count))
    return log


def test_items_are_numbered_from_zero():
    log = filled(3)
    assert (log.first, log.next, log.items) == (0, 3, [0, 1, 2])


def test_a_read_begins_at_a_number_and_ends_at_a_limit():
    log = filled(5)
    assert log.read(1) == [1, 2, 3, 4]
    assert log.read(1, 2) == [1, 2]
    assert log.read(5) == []
    assert log.read(99) == []


def test_discarded_items_are_left_out_and_numbers_stay():
    log = filled(5)
    log.discard(3)
    assert (log.first, log.next) == (3, 5)
    assert log.read(0) == [3, 4]
    assert log.read(4) == [4]


def test_more_is_never_discarded_than_there_is_and_never_taken_back():
    log = filled(2)
    log.discard(99)
    log.discard(1)
    assert (log.first, log.next, log.items) == (2, 2, [])


@given(st.lists(st.integers(0, 4) | st.integers(-30, -1), max_size=30))
def test_every_item_keeps_its_number_whatever_is_appended_and_discarded(steps):
    """A step of 0 or more appends so many items, a negative one discards below that number."""
    log, count = Log(), 0
    for step in steps:
        if step < 0:
            log.discard(-step)
        else:
            log.extend(range(count, count + step))
            count += step
        assert log.next == count
        assert log.read(0) == list(range(log.first, count))


def test_a_reader_that_was_given_items_keeps_them_through_a_discard():
    log = filled(4)
    held = log.items
    log.discard(4)
    assert held == [0, 1, 2, 3]


def test_watchers_are_called_at_each_append_and_at_the_close():
    log, calls = Log(), []
    log.watch(lambda: calls.append((log.next, log.closed)))
    log.extend("ab")
    log.close()
    assert calls == [(2, False), (2, True)]


def test_a_watcher_that_ended_is_called_no_more():
    log, calls = Log(), []
    end = log.watch(lambda: calls.append(1))
    end()
    end()
    log.extend("a")
    assert calls == []


def test_a_watcher_may_end_itself_while_it_is_called():
    log, calls = Log(), []

    def once():
        calls.append(1)
        end()

    end = log.watch(once)
    log.extend("a")
    log.extend("b")
    assert calls == [1]
