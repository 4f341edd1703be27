"""The one background loop: started when needed, gone when idle, the caller's context carried over."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading

import pytest

from streamcell.io import portal as module
from streamcell.io.portal import Portal

PATIENCE = 30.0
COLOUR = contextvars.ContextVar("colour", default="none")


@pytest.fixture
def portal(monkeypatch):
    """A portal that rests soon, and has rested when the test is over."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    portal = Portal()
    yield portal
    rested(portal)


def rested(portal):
    thread = portal._thread
    if thread is not None:
        thread.join(PATIENCE)
        assert not thread.is_alive()


async def whereabouts():
    return threading.current_thread().name, COLOUR.get()


def test_work_runs_on_a_thread_of_its_own_and_is_waited_for(portal):
    name, _ = portal.submit(whereabouts).result(PATIENCE)
    assert name == "streamcell-portal"


def test_nothing_is_started_before_the_first_call(portal):
    assert not portal.running
    assert portal._loop is None


def test_what_fails_there_is_raised_here(portal):
    async def fail():
        raise LookupError("there")

    with pytest.raises(LookupError, match="there"):
        portal.submit(fail).result(PATIENCE)


def test_work_and_posts_see_the_callers_context(portal):
    seen, done = [], threading.Event()

    def look():
        seen.append(COLOUR.get())
        done.set()

    token = COLOUR.set("blue")
    assert portal.submit(whereabouts).result(PATIENCE)[1] == "blue"
    portal.post(look, delay=0.001)
    assert done.wait(PATIENCE)
    COLOUR.reset(token)
    assert seen == ["blue"]


def test_what_the_work_sets_stays_in_its_copy_of_the_context(portal):
    async def paint():
        COLOUR.set("red")

    portal.submit(paint).result(PATIENCE)
    assert COLOUR.get() == "none"


def test_the_thread_ends_when_idle_and_leaves_a_closed_loop(portal):
    portal.submit(whereabouts).result(PATIENCE)
    thread, loop = portal._thread, portal._loop
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not portal.running
    assert loop is None or loop.is_closed()


def test_a_later_call_starts_it_again(portal):
    portal.submit(whereabouts).result(PATIENCE)
    rested(portal)
    assert portal.submit(whereabouts).result(PATIENCE)[0] == "streamcell-portal"


def test_a_task_that_others_left_on_the_loop_keeps_it(portal):
    release = threading.Event()
    order = []

    async def closing():
        await asyncio.to_thread(release.wait)
        order.append("closed")

    async def leave_behind():
        portal.kept = asyncio.create_task(closing())

    portal.submit(leave_behind).result(PATIENCE)
    thread = portal._thread
    thread.join(0.1)
    assert thread.is_alive()
    order.append("released")
    release.set()
    thread.join(PATIENCE)
    assert order == ["released", "closed"]


def test_a_post_from_the_portals_own_thread_is_called_at_once(portal):
    order = []

    async def post():
        portal.post(lambda: order.append("posted"))
        order.append("went on")

    portal.submit(post).result(PATIENCE)
    assert order == ["posted", "went on"]


def test_a_delayed_post_keeps_the_portal_until_it_was_called(portal):
    called = threading.Event()
    portal.post(called.set, delay=0.05)
    thread = portal._thread
    thread.join(PATIENCE)
    assert called.is_set()


def test_only_the_portals_own_thread_is_here(portal):
    async def ask():
        return portal.is_here()

    assert portal.submit(ask).result(PATIENCE)
    assert not portal.is_here()


def test_a_thread_that_inherits_the_number_of_the_ended_one_is_not_here(portal):
    portal.submit(whereabouts).result(PATIENCE)
    rested(portal)
    # The system hands out numbers again; here that of the thread which asks.
    portal._thread._ident = threading.get_ident()
    assert not portal.is_here()


def test_many_threads_share_one_thread(portal, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.5)

    async def which():
        return threading.current_thread()

    found = set()
    callers = [
        threading.Thread(target=lambda: found.add(portal.submit(which).result(PATIENCE))) for _ in range(20)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 1


def test_a_callback_that_wants_to_end_the_program_ends_nobodys_work(portal):
    going_on = asyncio.Event()

    def leave():
        raise SystemExit

    waiting = portal.submit(going_on.wait)
    portal.post(leave)
    portal.post(going_on.set)
    assert waiting.result(PATIENCE) is True


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_has_a_portal_of_its_own_even_if_the_lock_was_held():
    portal = module.portal
    portal.submit(whereabouts).result(PATIENCE)
    with portal._lock:
        child = os.fork()
        if child == 0:
            ok = portal.submit(whereabouts).result(PATIENCE)[0] == "streamcell-portal"
            os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert portal.submit(whereabouts).result(PATIENCE)[0] == "streamcell-portal"
