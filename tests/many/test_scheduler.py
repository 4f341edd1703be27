"""Many tasks at once: their records, their order, their limits, their ends; and nothing stays behind."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import threading

import pytest

from runs import FINISHED, STARTED, source, texts
from streamcell import Agent
from streamcell.errors import BackpressureTimeout, ProviderError, UsageError
from streamcell.events import Usage, UsageReport
from streamcell.io import wire_server
from streamcell.many.rates import MINUTE
from streamcell.many.scheduler import LOOKAHEAD, Scheduler
from streamcell.many.tasks import Task, TaskChunk
from streamcell.testing import Fault, Script, VirtualClock, WireServer
from stubs import (
    DOWN,
    PATIENCE,
    Stub,
    collect,
    failing,
    failing_first,
    nobody_else,
    results,
    run,
    stuck,
    tasks,
    turns,
)

SOON = 0.05


# Records


def test_a_task_gives_its_chunks_and_then_its_result():
    scheduler = Scheduler(agents={"a": Stub(), "b": Stub()})
    records = asyncio.run(collect(scheduler.stream(Task("t1", "hi", "creative"), "a")))
    assert records[:-1] == [TaskChunk("t1", "re: "), TaskChunk("t1", "hi")]
    last = records[-1]
    assert (last.task_id, last.task_type, last.agent_selected) == ("t1", "creative", "a")
    assert (last.result, last.done, last.success, last.error) == ("re: hi", True, True, None)
    assert last.latency >= 0


def test_a_record_can_be_read_like_a_dict():
    record = TaskChunk("t1", "hi")
    assert (record["task_id"], record["chunk"], record["done"]) == ("t1", "hi", False)
    with pytest.raises(KeyError):
        record["keys"]


def test_several_tasks_are_merged_and_each_keeps_its_order():
    records = run(Scheduler(agents={"a": Stub()}), tasks(5))
    for number in range(5):
        own = [record for record in records if record.task_id == str(number)]
        assert [record.done for record in own] == [False, False, True]
        assert "".join(record.chunk for record in own[:-1]) == own[-1].result == f"re: prompt {number}"
    names = [record.task_id for record in records]
    assert names != sorted(names)


def test_a_task_names_its_agent_and_the_call_may_name_another():
    one, two = Stub(), Stub()
    scheduler = Scheduler(agents={"one": one, "two": two})
    run(scheduler, [Task("1", "x", agent="one"), Task("2", "y", agent="two")])
    run(scheduler, [Task("3", "z", agent="one")], "two")
    assert (one.asked, two.asked) == (["x"], ["y", "z"])


def test_an_agent_may_be_given_by_the_name_of_its_model():
    scheduler = Scheduler(agents={"a": "demo:json", "b": Stub()})
    assert repr(scheduler.agents["a"]) == "Agent('a', demo:json)"


def test_an_agent_that_is_not_there_is_refused_at_once():
    scheduler = Scheduler(agents={"a": Stub(), "b": Stub()})
    with pytest.raises(UsageError, match=r"no agent 'nope'; one of 'a', 'b'"):
        scheduler.stream(Task("t", "hi"), "nope")
    with pytest.raises(UsageError, match="name an agent"):
        scheduler.map(["hi"])


def test_among_many_tasks_one_without_its_agent_fails_alone():
    ended = results(run(Scheduler(agents={"a": Stub()}), [Task("1", "x", agent="nope"), Task("2", "y")]))
    assert (ended["1"].success, ended["1"].kind) == (False, "usage")
    assert ended["2"].success


def test_a_task_hands_its_options_on():
    agent = Stub()
    run(Scheduler(agents={"a": agent}), [Task("1", "x", options={"temperature": 0.5})])
    assert agent.options == [{"temperature": 0.5}]


@pytest.mark.parametrize(
    "fields",
    [
        {"deadline": 0},
        {"deadline": "z"},
        {"deadline": float("nan")},
        {"priority": "hi"},
        {"priority": float("nan")},
        {"retries": -1},
        {"retries": True},
        {"options": {"temprature": 1}},
        {"options": "x"},
        {"id": 7},
    ],
    ids=str,
)
def test_a_task_with_a_wrong_value_is_refused_when_it_is_made(fields):
    with pytest.raises(UsageError):
        Task(**{"id": "1", "prompt": "x"} | fields)


def test_a_key_in_a_task_is_out_of_sight():
    assert "canary-1234567" not in repr(Task("1", "x", options={"api_key": "canary-1234567"}))


# Failures


def test_a_task_that_fails_stops_no_other_and_keeps_its_text():
    agents = {"good": Stub(), "bad": Stub(failing(DOWN, [STARTED, *texts("half")]))}
    ended = results(run(Scheduler(agents), [Task("1", "x", agent="bad"), Task("2", "y", agent="good")]))
    assert (ended["1"].success, ended["1"].kind, ended["1"].result) == (False, "server", "half")
    assert "it is down" in ended["1"].error
    assert ended["2"].result == "re: y"


def test_what_an_agent_of_somebody_else_raises_is_a_failure_of_the_task(caplog):
    class Broken:
        def stream(self, _prompt, **_options):
            raise ZeroDivisionError("what?")

    with caplog.at_level(logging.ERROR, "streamcell"):
        ended = results(run(Scheduler(agents={"a": Broken()}), tasks(2)))
    assert [result.success for result in ended.values()] == [False, False]
    assert ended["0"].error == "agent 'a' raised ZeroDivisionError: what?"


@pytest.mark.parametrize(("retries", "success", "asked"), [(0, False, 1), (1, False, 2), (2, True, 3)])
def test_a_task_is_begun_anew_as_often_as_it_says(retries, success, asked):
    clock = VirtualClock()
    agent = Stub(failing_first(DOWN, DOWN))
    scheduler = Scheduler(agents={"a": agent}, clock=clock)
    ended = results(run(scheduler, [Task("1", "x", retries=retries)]))
    assert (ended["1"].success, len(agent.asked), ended["1"].attempts) == (success, asked, asked)


@pytest.mark.parametrize(
    ("error", "shown"),
    [(DOWN, ["half"]), (ProviderError("no", kind="auth"), [])],
    ids=["text was shown", "it will not pass"],
)
def test_a_task_is_not_begun_anew_when(error, shown):
    agent = Stub(failing_first(error, shown=shown))
    ended = results(run(Scheduler(agents={"a": agent}, clock=VirtualClock()), [Task("1", "x", retries=3)]))
    assert (ended["1"].success, len(agent.asked)) == (False, 1)


def test_map_shows_nothing_so_a_broken_answer_is_asked_for_again():
    agent = Stub(failing_first(DOWN, shown=["half"]))
    scheduler = Scheduler(agents={"a": agent}, clock=VirtualClock())

    async def main():
        return await scheduler.map(["x"], "a", retries=1)

    [result] = asyncio.run(main())
    assert (result.success, result.result, result.attempts) == (True, "x", 2)


# Order and bounds


@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_run_than_may(limit):
    agent = Stub()
    run(Scheduler(agents={"a": agent}, max_concurrency=limit), tasks(20))
    assert (agent.peak, len(agent.asked)) == (limit, 20)


def test_all_iterations_share_the_bound():
    async def main():
        agent = Stub()
        scheduler = Scheduler(agents={"a": agent}, max_concurrency=3)
        await asyncio.gather(
            collect(scheduler.stream_all(tasks(6))),
            *(collect(scheduler.stream(task)) for task in tasks(6)),
            collect(scheduler.map(map(str, range(6)))),
        )
        return agent

    agent = asyncio.run(main())
    assert (agent.peak, len(agent.asked)) == (3, 18)


def test_the_highest_priority_goes_first_and_equals_in_their_order():
    agent = Stub()
    given = [Task(str(n), str(n), priority=priority) for n, priority in enumerate([0, 5, 0, 9, 5])]
    run(Scheduler(agents={"a": agent}, max_concurrency=1), given)
    assert agent.asked == ["3", "1", "4", "0", "2"]


def test_an_urgent_task_overtakes_those_that_wait():
    async def main():
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def held(deliver):
            begun.set()
            await go_on.wait()
            await deliver([FINISHED])

        agent = Stub(lambda prompt: held if prompt == "prompt 0" else source([FINISHED]))
        scheduler = Scheduler(agents={"a": agent}, max_concurrency=1)
        waiting = asyncio.create_task(collect(scheduler.stream_all(tasks(3))))
        await begun.wait()
        urgent = asyncio.create_task(collect(scheduler.stream(Task("x", "urgent", priority=1))))
        await turns()
        go_on.set()
        await asyncio.gather(waiting, urgent)
        return agent.asked

    assert asyncio.run(main()) == ["prompt 0", "urgent", "prompt 1", "prompt 2"]


def test_agents_take_turns():
    scheduler = Scheduler(agents={"a": Stub(), "b": Stub()}, max_concurrency=1)
    asked = []
    scheduler.events.on("task.stream_started", lambda event: asked.append(event["agent"]))
    run(scheduler, [*tasks(3, agent="a"), *tasks(3, agent="b")])
    assert asked == ["a", "b", "a", "b", "a", "b"]


def test_a_source_is_read_as_it_is_needed():
    read = itertools.count()

    def endless():
        for number in read:
            yield Task(str(number), "x")

    async def main():
        scheduler = Scheduler(agents={"a": Stub()}, max_concurrency=2)
        seen = 0
        async for record in scheduler.stream_all(endless()):
            seen += record.done
            if seen == 50:
                break
        await nobody_else()

    asyncio.run(main())
    assert next(read) <= 50 + 2 + LOOKAHEAD + 2


def test_an_error_of_the_source_comes_after_the_tasks_before_it():
    def broken():
        yield from tasks(2)
        raise ValueError("no more")

    async def main():
        seen = []
        with pytest.raises(ValueError, match="no more"):
            await collect(Scheduler(agents={"a": Stub()}).stream_all(broken()), seen)
        return seen

    assert set(results(asyncio.run(main()))) == {"0", "1"}


@pytest.mark.parametrize("given", ["text", 7, ["text"]], ids=str)
def test_what_is_no_task_is_refused(given):
    with pytest.raises(UsageError):
        run(Scheduler(agents={"a": Stub()}), given)


@pytest.mark.parametrize(
    "fields",
    [
        {"max_concurrency": 0},
        {"agents": {}},
        {"agents": [Stub()]},
        {"agents": Stub()},
        {"agents": {"a": 7}},
        {"agents": {"a": Agent}},
        {"agents": {"a": "nonsense:m"}},
        {"tokens_per_minute": 0},
        {"backpressure": 0},
        {"backpressure": -1},
        {"backpressure": "x"},
    ],
    ids=str,
)
def test_a_wrong_bound_is_refused(fields):
    with pytest.raises(UsageError):
        Scheduler(**{"agents": {"a": Stub()}} | fields)


# Rates


def timed(clock, agent, used=None):
    """The stub's source takes two seconds, and says what it used."""
    starts = []

    def answer(_):
        async def run(deliver):
            starts.append(clock.monotonic())
            await deliver([STARTED, *texts("x")])
            await clock.sleep(2)
            usage = [] if used is None else [UsageReport(Usage(input_tokens=0, output_tokens=used))]
            await deliver([*usage, FINISHED])

        return run

    agent._answer, agent._clock = answer, clock
    return starts


def densest(starts, weight=1):
    return max(weight * sum(start <= at < start + MINUTE for at in starts) for start in starts)


def test_requests_a_minute_hold_on_the_clock_that_is_given():
    clock, agent = VirtualClock(), Stub()
    starts = timed(clock, agent)
    run(Scheduler(agents={"a": agent}, requests_per_minute=30, clock=clock), tasks(150))
    assert densest(starts) == 30
    assert starts[-1] == pytest.approx(4 * MINUTE, rel=0.05)


def test_tokens_a_minute_hold_although_they_are_known_only_afterwards():
    clock, agent = VirtualClock(), Stub()
    starts = timed(clock, agent, used=300)
    run(Scheduler(agents={"a": agent}, tokens_per_minute=30_000, clock=clock), tasks(600))
    assert densest(starts, 300) <= 1.05 * 30_000
    in_five_minutes = sum(at < 5 * MINUTE for at in starts)
    assert 300 * in_five_minutes == pytest.approx(5 * 30_000, rel=0.05)


def test_what_an_answer_did_not_use_is_free_as_soon_as_it_ends():
    clock, agent = VirtualClock(), Stub()
    starts = timed(clock, agent, used=40)
    run(Scheduler(agents={"a": agent}, tokens_per_minute=1000, max_concurrency=2, clock=clock), tasks(20))
    assert max(starts) < MINUTE


def test_agents_of_one_account_share_its_rate_and_others_do_not_wait_for_it():
    clock = VirtualClock()
    agents = {name: Stub() for name in "abc"}
    agents["a"].account = agents["b"].account = "shared"
    starts = {name: timed(clock, agent) for name, agent in agents.items()}
    scheduler = Scheduler(agents, requests_per_minute=3, max_concurrency=2, clock=clock)
    run(scheduler, [task for name in "abc" for task in tasks(3, agent=name)])
    assert densest(starts["a"] + starts["b"]) == 3
    assert max(starts["c"]) < MINUTE < max(starts["a"] + starts["b"])


@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_waiting_for_a_rate_ends_with(how):
    async def main():
        clock, agent = VirtualClock(manual=True), Stub()
        scheduler = Scheduler(agents={"a": agent}, requests_per_minute=1, clock=clock)
        await collect(scheduler.stream(Task("first", "x")))
        waiting = asyncio.create_task(collect(scheduler.stream(Task("second", "y", deadline=5))))
        await turns()
        if how == "cancel":
            assert scheduler.cancel("second")
        else:
            await clock.advance(5)
        [record] = await waiting
        await clock.advance(MINUTE)
        await collect(scheduler.stream(Task("third", "z")))
        return record, agent.asked

    record, asked = asyncio.run(main())
    assert (record.success, record.kind) == (False, {"cancel": "cancelled", "deadline": "timeout_total"}[how])
    assert asked == ["x", "z"]


# Deadline and cancel


def test_a_task_that_is_late_fails_with_its_text_and_its_stream_is_cancelled():
    async def main():
        clock, agent = VirtualClock(manual=True), Stub(stuck)
        records = Scheduler(agents={"a": agent}, clock=clock).stream(Task("1", "x", deadline=5))
        assert (await anext(records)).chunk == "a"
        assert agent.inside == 1
        await clock.advance(5)
        [last] = await collect(records)
        await nobody_else()
        return last, agent.inside

    last, inside = asyncio.run(main())
    assert (last.success, last.kind, last.result, inside) == (False, "timeout_total", "a", 0)
    assert "within 5 s" in last.error


def test_a_task_in_time_leaves_no_timer():
    async def main():
        clock = VirtualClock(manual=True)
        ended = await collect(Scheduler(agents={"a": Stub()}, clock=clock).stream(Task("1", "x", deadline=5)))
        await nobody_else()
        return ended[-1].success

    assert asyncio.run(main())


@pytest.mark.parametrize("thread", [False, True], ids=["here", "from another thread"])
def test_one_task_is_cancelled_and_the_others_go_on(thread):
    async def main():
        agent = Stub(lambda prompt: stuck(prompt) if prompt == "prompt 1" else source([FINISHED]))
        scheduler = Scheduler(agents={"a": agent})
        records = scheduler.stream_all(tasks(3))
        ended = {}
        async with asyncio.timeout(PATIENCE):
            async for record in records:
                if record.done:
                    ended[record.task_id] = record
                elif thread:
                    assert await asyncio.to_thread(scheduler.cancel, "1")
                else:
                    assert scheduler.cancel("1")
        assert not scheduler.cancel("1")
        await nobody_else()
        return ended, agent.inside

    ended, inside = asyncio.run(main())
    assert {name: result.success for name, result in ended.items()} == {"0": True, "1": False, "2": True}
    assert (ended["1"].kind, ended["1"].result, inside) == ("cancelled", "a", 0)


def test_cancel_all_ends_what_runs_and_waits_and_takes_up_nothing_more():
    async def main():
        agent = Stub(stuck)
        scheduler = Scheduler(agents={"a": agent}, max_concurrency=2)
        records = scheduler.stream_all(Task(str(number), "x") for number in itertools.count())
        assert not (await anext(records)).done
        scheduler.cancel_all()
        ended = results(await collect(records))
        await nobody_else()
        return ended, agent

    ended, agent = asyncio.run(main())
    assert len(agent.asked) == 2
    assert {result.kind for result in ended.values()} == {"cancelled"}


@pytest.mark.parametrize("seed", range(5))
def test_a_storm_of_cancels_leaves_every_place_free(seed):
    chance = random.Random(seed)  # noqa: S311

    async def leave(scheduler, count):
        async for _ in scheduler.stream_all(
            tasks(8, agent=chance.choice("ab"), deadline=chance.choice([None, 2]))
        ):
            await turns(chance.randrange(3))
            count -= 1
            if not count:
                break

    async def storm(scheduler):
        readings = []
        for _ in range(60):
            readings.append(asyncio.create_task(leave(scheduler, chance.randrange(1, 20))))
            await turns(chance.randrange(30))
            if chance.random() < 0.3:
                chance.choice(readings).cancel()
            if chance.random() < 0.3:
                scheduler.cancel(str(chance.randrange(8)))
        scheduler.cancel_all()
        await asyncio.wait(readings)

    async def main():
        clock = VirtualClock()
        slow = Stub(lambda prompt: stuck(prompt) if chance.random() < 0.2 else source([STARTED], [FINISHED]))
        scheduler = Scheduler(
            agents={"a": slow, "b": Stub()}, max_concurrency=3, requests_per_minute=40, clock=clock
        )
        async with asyncio.timeout(PATIENCE):
            await storm(scheduler)
            await nobody_else()
            assert (scheduler.stats()["running"], scheduler.stats()["waiting"], slow.inside) == (0, 0, 0)
            assert len(results(await collect(scheduler.stream_all(tasks(9, agent="b"))))) == 9
        return slow.peak

    assert asyncio.run(main()) <= 3


# Events and counters


def test_events_tell_of_each_task_once():
    agents = {"good": Stub(), "bad": Stub(failing(DOWN)), "stuck": Stub(stuck)}
    scheduler = Scheduler(agents)
    heard = []
    scheduler.events.on("task.*", lambda event: heard.append((event.name, event["task_id"], event["agent"])))

    async def main():
        async for record in scheduler.stream_all(
            [Task("1", "x", agent="good"), Task("2", "x", agent="bad"), Task("3", "x", agent="stuck")]
        ):
            if record.task_id == "3":
                scheduler.cancel("3")

    asyncio.run(main())
    assert sorted(heard) == [
        ("task.stream_cancelled", "3", "stuck"),
        ("task.stream_completed", "1", "good"),
        ("task.stream_failed", "2", "bad"),
        ("task.stream_started", "1", "good"),
        ("task.stream_started", "2", "bad"),
        ("task.stream_started", "3", "stuck"),
    ]
    counters = scheduler.stats()["counters"]
    assert scheduler.get_all_stats() == {"counters": counters, "running": 0, "waiting": 0}
    assert counters == {
        "tasks.stream_started": 3,
        "tasks.stream_completed": 1,
        "tasks.stream_failed": 1,
        "tasks.stream_cancelled": 1,
    }


def test_an_event_carries_latency_and_error():
    scheduler, heard = Scheduler(agents={"a": Stub(failing(DOWN))}), {}
    scheduler.events.on("task.stream_failed", lambda event: heard.update(event.data))
    run(scheduler, [Task("1", "x", "creative")])
    assert heard.pop("latency") >= 0
    assert heard == {
        "task_id": "1",
        "task_type": "creative",
        "agent": "a",
        "error": "it is down",
        "kind": "server",
    }


def test_an_asynchronous_listener_that_hangs_delays_no_stream():
    async def main():
        scheduler = Scheduler(agents={"a": Stub()})
        scheduler.events.on("task.stream_started", lambda _: asyncio.Event().wait())
        return await collect(scheduler.stream_all(tasks(3)))

    assert len(results(asyncio.run(main()))) == 3


# Readers


def test_leaving_the_iteration_cancels_what_runs():
    async def main():
        agent = Stub(stuck)
        async for _ in Scheduler(agents={"a": agent}).stream_all(tasks(5)):
            assert agent.inside
            break
        await nobody_else()
        return agent.inside

    assert asyncio.run(main()) == 0


def test_a_reader_that_is_cancelled_cancels_what_runs():
    async def main():
        agent = Stub(stuck)
        reading = asyncio.create_task(collect(Scheduler(agents={"a": agent}).stream_all(tasks(5))))
        await turns()
        assert agent.inside == 5
        reading.cancel()
        await asyncio.wait({reading})
        await nobody_else()
        return agent.inside, reading.cancelled()

    assert asyncio.run(main()) == (0, True)


def long(delivered):
    async def run(deliver):
        await deliver([STARTED])
        for number in range(5000):
            await deliver(texts(f"{number} "))
            delivered.append(number)
        await deliver([FINISHED])

    return lambda _: run


def test_a_slow_reader_stops_the_source_and_misses_nothing():
    async def main():
        delivered = []
        records = Scheduler(agents={"a": Stub(long(delivered))}).stream(Task("1", "x"))
        await anext(records)
        await turns(6000)
        behind = len(delivered)
        rest = await collect(records)
        return behind, "".join(record.chunk for record in rest[:-1]), rest[-1]

    behind, text, last = asyncio.run(main())
    assert behind < 1000
    assert last.result == f"0 {text}"


def test_a_reader_that_takes_nothing_for_too_long_is_told_and_everything_is_ended():
    async def main():
        delivered, agent = [], Stub()
        agent._answer = long(delivered)
        records = Scheduler(agents={"a": agent}, backpressure=SOON).stream(Task("1", "x"))
        taken = [await anext(records)]
        while agent.inside:  # noqa: ASYNC110 - a source of events tells nobody
            await asyncio.sleep(SOON / 10)
        with pytest.raises(BackpressureTimeout, match="nobody read"):
            await collect(records, taken)
        await nobody_else()
        return [record.chunk for record in taken]

    chunks = asyncio.run(main())
    assert chunks == [f"{number} " for number in range(len(chunks))]


# Over the wire

FAULTS = {
    "reset": Fault("reset", after=2),
    "cut": Fault("cut", after=2),
    "error": Fault("error", after=1, status=500),
    "status": Fault("status", status=503),
    "auth": Fault("status", status=401),
}
MANY, AT_ONCE = 200, 16


def fault_of(number):
    """Every tenth request fails, each in another way."""
    return list(FAULTS.values())[number // 10 % len(FAULTS)] if number % 10 == 0 else None


def test_many_over_the_wire_with_faults_all_end_as_expected(monkeypatch):
    inside, peak, send = 0, 0, wire_server._send

    async def watched(*args):
        nonlocal inside, peak
        inside += 1
        peak = max(peak, inside)
        try:
            return await send(*args)
        finally:
            inside -= 1

    def answer(_path, _headers, body):
        number = int(body["messages"][-1]["content"])
        return Script.of(f"This is answer {number}, in pieces.", pace=0.001, fault=fault_of(number))

    async def main():
        async with WireServer(answer) as server:
            agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="canary-1234", retries=0)
            scheduler = Scheduler(agents={"a": agent}, max_concurrency=AT_ONCE)
            records = await collect(scheduler.stream_all(Task(str(n), str(n)) for n in range(MANY)))
            await agent.aclose()
        await nobody_else()
        return results(records), scheduler.stats()["counters"]

    monkeypatch.setattr(wire_server, "_send", watched)
    threads = threading.active_count()
    ended, counters = asyncio.run(main())
    expected = {str(n): fault_of(n) is None for n in range(MANY)}
    assert {name: result.success for name, result in ended.items()} == expected
    assert all(ended[n].result == f"This is answer {n}, in pieces." for n, well in expected.items() if well)
    assert {ended[n].kind for n, well in expected.items() if not well} >= {"truncated", "server", "auth"}
    assert 1 < peak <= AT_ONCE
    assert (counters["tasks.stream_completed"], counters["tasks.stream_failed"]) == (180, 20)
    assert threading.active_count() <= threads
