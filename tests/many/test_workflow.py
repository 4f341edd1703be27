"""Steps one after the other: what they say, what they hand on, how they end."""

from __future__ import annotations

import asyncio
from unittest.mock import ANY

import pytest

from runs import FINISHED, STARTED, source, texts
from streamcell.errors import ProviderError, StreamInterruptedError, UsageError
from streamcell.handle import Stream
from streamcell.many.scheduler import Scheduler
from streamcell.many.tasks import Task
from streamcell.many.workflow import StepChunk, StepResult, Workflow
from streamcell.testing import VirtualClock, create_mock_stream
from stubs import DOWN, Stub, collect, failing, nobody_else, stuck


def answer(*pieces):
    return Stream(source([STARTED, *texts(*pieces)], [FINISHED]))


def updates(workflow, given=None):
    return asyncio.run(collect(workflow.stream(given)))


def context_after(workflow, given=None):
    async def main():
        return await workflow.stream(given)

    return asyncio.run(main())


def test_a_step_streams_its_status_and_hands_its_data_on():
    workflow = Workflow(clock=VirtualClock())

    @workflow.step("calculate")
    async def calculate(context):
        yield f"Calculating {context['a']} times {context['b']}"
        context["calculate"] = context["a"] * context["b"]

    @workflow.step("report")
    async def report(context):
        yield f"It is {context['calculate']}"

    assert updates(workflow, {"a": 6, "b": 7}) == [
        StepChunk("calculate", "Calculating 6 times 7", "status"),
        StepResult(step="calculate", result=42),
        StepChunk("report", "It is 42", "status"),
        StepResult(step="report", result="It is 42"),
    ]


def test_a_step_without_a_name_is_named_like_its_function():
    workflow = Workflow()

    @workflow.step
    def calculate(context):
        return context["a"] * context["b"]

    assert calculate({"a": 2, "b": 3}) == 6
    assert updates(workflow, {"a": 6, "b": 7}) == [StepResult(step="calculate", result=42, latency=ANY)]


def test_a_stream_inside_a_step_is_its_text_and_a_status_is_not():
    workflow = Workflow()

    @workflow.step("draft")
    async def draft(_):
        yield "Asking"
        yield answer("An ", "answer")

    ended = updates(workflow)
    assert ended[:-1] == [
        StepChunk("draft", "Asking", "status"),
        StepChunk("draft", "An "),
        StepChunk("draft", "answer"),
    ]
    assert ended[-1].result == "An answer"


@pytest.mark.parametrize(
    "step",
    [
        lambda _: answer("an ", "answer"),
        lambda _: create_mock_stream("an answer", chunk_size=2),
        lambda _: (chunk for chunk in create_mock_stream("an answer")),
        lambda _: (stream for stream in [answer("an "), answer("answer")]),
        lambda _: "an answer",
    ],
    ids=["a stream", "chunks", "a generator of chunks", "a generator of streams", "a value"],
)
def test_a_step_may_give(step):
    workflow = Workflow()
    workflow.step("one")(step)
    assert context_after(workflow)["one"] == "an answer"


def test_an_awaited_step_gives_a_value_or_a_stream():
    workflow = Workflow()

    @workflow.step("value")
    async def value(_):
        return {"n": 1}

    @workflow.step("stream")
    async def stream(context):
        return answer("n is ", str(context["value"]["n"]))

    @workflow.step("nothing")
    async def nothing(_):
        return None

    assert context_after(workflow) == {"value": {"n": 1}, "stream": "n is 1"}


def test_an_agent_and_a_scheduler_are_steps():
    workflow = Workflow()
    workflow.add("draft", Stub(), prompt="Write about {input}")
    workflow.add("check", Scheduler(agents={"a": Stub(), "b": Stub()}), prompt="Check: {draft}", agent="b")
    context = context_after(workflow, "DNA")
    assert context == {
        "input": "DNA",
        "draft": "re: Write about DNA",
        "check": "re: Check: re: Write about DNA",
    }


def test_many_tasks_inside_a_step_are_merged_and_a_failure_is_a_status():
    workflow = Workflow()
    scheduler = Scheduler(agents={"good": Stub(), "bad": Stub(failing(DOWN))})

    @workflow.step("many")
    async def many(_):
        yield scheduler.stream_all([Task("1", "x", agent="good"), Task("2", "y", agent="bad")])

    ended = updates(workflow)
    assert StepChunk("many", "Task 2 failed: it is down", "status") in ended
    assert ended[-1].result == "re: x"


def test_the_dict_that_is_given_is_the_context():
    workflow, given = Workflow(), {}
    workflow.step("one")(lambda _: 1)
    assert context_after(workflow, given) is given
    assert given == {"one": 1}


def test_a_step_that_fails_says_so_and_ends_the_run():
    workflow, seen = Workflow(), []
    workflow.step("broken")(lambda _: Stream(source([STARTED, *texts("half")], error=DOWN)))
    workflow.step("never")(lambda _: seen.append("ran"))

    async def main():
        await collect(workflow.stream(), seen)

    with pytest.raises(StreamInterruptedError, match="it is down"):
        asyncio.run(main())
    assert seen[0] == StepChunk("broken", "half")
    assert (seen[1].success, "it is down" in seen[1].error, len(seen)) == (False, True, 2)


def test_a_task_of_a_scheduler_that_fails_ends_the_run():
    workflow = Workflow()
    workflow.add("one", Scheduler(agents={"bad": Stub(failing(DOWN))}), prompt="x")
    with pytest.raises(ProviderError, match="it is down") as raised:
        context_after(workflow)
    assert raised.value.kind == "server"


def test_leaving_the_run_cancels_what_runs():
    async def main():
        workflow, agent = Workflow(), Stub(stuck)
        workflow.add("one", agent, prompt="x")
        async for update in workflow.stream():
            assert (update.content, agent.inside) == ("a", 1)
            break
        await nobody_else()
        return agent.inside

    assert asyncio.run(main()) == 0


def test_runs_side_by_side_do_not_meet():
    workflow = Workflow()
    workflow.add("one", Stub())

    async def main():
        return await asyncio.gather(*(collect(workflow.stream(text)) for text in "ab"))

    assert [ended[-1].result for ended in asyncio.run(main())] == ["re: a", "re: b"]


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda _: None, "no steps"),
        (lambda workflow: [workflow.step("one")(len) for _ in range(2)], "already"),
        (lambda workflow: workflow.step("one")("text"), "no function"),
        (lambda workflow: workflow.step(len) and workflow.step("len")(len), "a step 'len' already"),
        (lambda workflow: workflow.step(lambda _: None), "the step has no name"),
        (lambda workflow: workflow.step(7), r"named with text, not 7: @workflow.step\('name'\)"),
        (lambda workflow: workflow.step(""), "named with text, not ''"),
        (lambda workflow: workflow.add(None, Stub()), "named with text, not None"),
        (lambda workflow: workflow.add("one", Stub(), prompt="{missing}"), "names missing"),
        (lambda workflow: workflow.step("one")(lambda _: iter_of(7)), "yielded int"),
    ],
    ids=[
        "no steps",
        "a name twice",
        "no function",
        "a function's name twice",
        "no name",
        "a number",
        "nothing",
        "None",
        "a missing name",
        "something else",
    ],
)
def test_what_is_wrong_is_refused(prepare, says):
    workflow = Workflow()

    def attempt():
        prepare(workflow)
        updates(workflow)

    with pytest.raises(UsageError, match=says):
        attempt()


def iter_of(item):
    yield item
