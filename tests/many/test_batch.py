"""Many prompts, from lists, tables and sources: their results, and going on where a batch was broken off."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import tracemalloc

import msgspec
import pandas as pd
import pytest

from runs import FINISHED, STARTED, source, texts
from streamcell.errors import UsageError
from streamcell.many.scheduler import LOOKAHEAD, Scheduler
from streamcell.many.tasks import Task
from stubs import DOWN, Stub, collect, failing_first, nobody_else, stuck, turns


def batch(scheduler, *args, **options):
    async def main():
        return await scheduler.map(*args, **options)

    return asyncio.run(main())


def backwards(count):
    """An agent whose later prompts are answered first."""
    waiting = {}

    def answer(prompt):
        async def run(deliver):
            number = int(prompt)
            done = waiting.setdefault(number, asyncio.Event())
            if number < count - 1:
                await waiting.setdefault(number + 1, asyncio.Event()).wait()
            await deliver([STARTED, *texts(prompt), FINISHED])
            done.set()

        return run

    return Stub(answer)


@pytest.mark.parametrize(("ordered", "expected"), [(True, "012345"), (False, "543210")])
def test_a_batch_keeps_the_order_or_gives_what_comes(ordered, expected):
    scheduler = Scheduler(agents={"a": backwards(6)}, max_concurrency=6)
    assert "".join(r.result for r in batch(scheduler, map(str, range(6)), "a", ordered=ordered)) == expected


def test_a_batch_can_be_iterated():
    async def main():
        return [result.result async for result in Scheduler(agents={"a": Stub()}).map(["x", "y"], agent="a")]

    assert asyncio.run(main()) == ["re: x", "re: y"]


def test_a_table_fills_the_template_row_by_row():
    table = pd.DataFrame({"text": ["fine", "bad"], "stars": [5, 1]}, index=["r1", "r2"])
    ended = batch(Scheduler(agents={"a": Stub()}), table, "a", template="Rate {text} ({stars}) as {{json}}")
    assert [(r.task_id, r.result) for r in ended] == [
        ("r1", "re: Rate fine (5) as {json}"),
        ("r2", "re: Rate bad (1) as {json}"),
    ]


@pytest.mark.parametrize("given", [[{"text": "a"}], ["a"]], ids=["rows", "texts"])
def test_rows_and_texts_fill_the_template(given):
    template = "Say {text}" if isinstance(given[0], dict) else "Say {prompt}"
    assert batch(Scheduler(agents={"a": Stub()}), given, "a", template=template)[0].result == "re: Say a"


def test_tasks_among_the_prompts_keep_what_they_say():
    a, b = Stub(), Stub()
    given = [Task("t1", "x", "creative", agent="b"), Task("t2", "y"), "z"]
    ended = batch(Scheduler(agents={"a": a, "b": b}), given, "a")
    assert [(r.task_id, r.task_type) for r in ended] == [("t1", "creative"), ("t2", ""), ("2", "")]
    assert (sorted(a.asked), b.asked) == (["y", "z"], ["x"])


@pytest.mark.parametrize(
    ("given", "template", "says"),
    [
        (pd.DataFrame({"text": ["a"]}), "Say {txt}", "names txt, the row has text"),
        (pd.DataFrame({"text": ["a"]}), None, "template"),
        ("one text", None, "list"),
        (7, None, "int"),
    ],
    ids=["missing column", "no template", "one text", "a number"],
)
def test_a_batch_that_cannot_be_read_says_why(given, template, says):
    with pytest.raises(UsageError, match=says):
        batch(Scheduler(agents={"a": Stub()}), given, "a", template=template)


def test_an_asynchronous_source_is_read_and_closed():
    closed = []

    async def prompts():
        try:
            for number in itertools.count():
                yield str(number)
        finally:
            closed.append(True)

    async def main():
        seen = []
        async for result in Scheduler(agents={"a": Stub()}).map(prompts(), "a"):
            seen.append(result.result)
            if len(seen) == 3:
                break
        await nobody_else()
        return seen

    assert asyncio.run(main()) == ["re: 0", "re: 1", "re: 2"]
    assert closed == [True]


def test_a_slow_first_answer_does_not_let_the_rest_pile_up():
    read = itertools.count()

    async def main():
        agent = Stub(lambda prompt: stuck(prompt) if prompt == "0" else source([FINISHED]))
        waiting = asyncio.create_task(collect(Scheduler(agents={"a": agent}).map(map(str, read), "a")))
        await turns(5000)
        waiting.cancel()
        await asyncio.wait({waiting})

    asyncio.run(main())
    assert next(read) <= 8 + LOOKAHEAD + 2


# Resuming


def lines(path):
    return path.read_bytes().splitlines()


def test_finished_tasks_are_not_repeated(tmp_path):
    path, first, second = tmp_path / "run.jsonl", Stub(), Stub()
    before = batch(Scheduler(agents={"a": first}), ["x", "y"], "a", resume=path)
    after = batch(Scheduler(agents={"a": second}), ["x", "y", "z"], "a", resume=path)
    assert (first.asked, second.asked) == (["x", "y"], ["z"])
    assert [result.resumed for result in after] == [True, True, False]
    assert [msgspec.structs.replace(result, resumed=False) for result in after[:2]] == before
    assert len(lines(path)) == 3


def test_a_failed_task_is_tried_again(tmp_path):
    path, agent = tmp_path / "run.jsonl", Stub(failing_first(DOWN))
    first = batch(Scheduler(agents={"a": agent}), ["x"], "a", resume=path)
    second = batch(Scheduler(agents={"a": agent}), ["x"], "a", resume=path)
    assert [result.success for result in (*first, *second)] == [False, True]


def test_another_prompt_or_agent_under_the_same_id_is_another_task(tmp_path):
    path, agent = tmp_path / "run.jsonl", Stub()
    scheduler = Scheduler(agents={"a": agent, "b": agent})
    for prompt, name in (("x", "a"), ("y", "a"), ("x", "b"), ("x", "a")):
        batch(scheduler, [prompt], name, resume=path)
    assert agent.asked == ["x", "y", "x"]


@pytest.mark.parametrize("cut", range(2, 60, 7))
def test_a_line_cut_by_a_crash_is_passed_by(tmp_path, cut):
    path, agent = tmp_path / "run.jsonl", Stub()
    batch(Scheduler(agents={"a": Stub()}), ["x", "y"], "a", resume=path)
    path.write_bytes(path.read_bytes()[:-cut])
    results = batch(Scheduler(agents={"a": agent}), ["x", "y"], "a", resume=path)
    assert [result.result for result in results] == ["re: x", "re: y"]
    assert len(agent.asked) == 1
    again = Stub()
    batch(Scheduler(agents={"a": again}), ["x", "y"], "a", resume=path)
    assert again.asked == []


def test_a_batch_that_is_left_goes_on_where_it_was(tmp_path):
    path, first, second = tmp_path / "run.jsonl", Stub(), Stub()

    async def leave():
        prompts = map(str, range(20))
        async for result in Scheduler(agents={"a": first}, max_concurrency=1).map(prompts, "a", resume=path):
            if result.task_id == "4":
                break
        await nobody_else()

    asyncio.run(leave())
    done = {json.loads(line)["result"]["task_id"] for line in lines(path)}
    batch(Scheduler(agents={"a": second}), map(str, range(20)), "a", resume=path)
    assert {"0", "1", "2", "3", "4"} <= done < set(map(str, range(20)))
    assert sorted(second.asked, key=int) == sorted(set(map(str, range(20))) - done, key=int)


def test_messages_are_known_again_and_a_prompt_of_no_shape_stops_no_other(tmp_path):
    path, agent = tmp_path / "run.jsonl", Stub(lambda _: source([FINISHED]))
    given = [[{"role": "user", "content": "x"}], [object()], ""]
    for _ in range(2):
        assert len(batch(Scheduler(agents={"a": agent}), given, "a", resume=path)) == 3
    assert agent.asked.count(given[0]) == 1


def test_the_file_holds_no_prompt(tmp_path):
    path = tmp_path / "run.jsonl"
    batch(
        Scheduler(agents={"a": Stub(lambda _: source([FINISHED]))}),
        ["nobody must read this"],
        "a",
        resume=path,
    )
    assert b"nobody" not in path.read_bytes()


@pytest.mark.parametrize("content", [b"a diary\n", b"a diary\nof two lines", b'{"key": 1}\n'])
def test_a_file_that_is_something_else_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "diary.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="another file"):
        batch(Scheduler(agents={"a": Stub()}), ["x"], "a", resume=path)
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot resume"):
        batch(Scheduler(agents={"a": Stub()}), ["x"], "a", resume=tmp_path / "missing" / "run.jsonl")


# Memory


def test_memory_stays_flat_over_many_results():
    def memory():
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    async def main(count):
        scheduler = Scheduler(agents={"a": forgetful("x" * 10_000)})
        async for result in scheduler.map(map(str, range(count)), "a"):
            assert len(result.result) == 10_000

    tracemalloc.start()
    try:
        asyncio.run(main(100))
        before = memory()
        asyncio.run(main(1000))
        assert memory() - before < 200_000
    finally:
        tracemalloc.stop()


def forgetful(text):
    class Forgetful(Stub):
        def stream(self, prompt, **options):
            self.asked.clear()
            self.options.clear()
            return super().stream(prompt, **options)

    return Forgetful(lambda _: source([STARTED, *texts(text)], [FINISHED]))
