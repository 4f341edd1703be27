"""Recording a run and playing it back, as users do it: through `stream`, `Agent` and the cell."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamcell
from runs import FINISHED, RUNS, STARTED, source, texts
from streamcell import Agent, StreamInterruptedError, UsageError
from streamcell.core.script import Script
from streamcell.core.static import bundle
from streamcell.errors import from_info
from streamcell.events import ErrorInfo, Finished, Started, Usage
from streamcell.handle import Stream
from streamcell.io import recording
from streamcell.notebook.session import Session
from streamcell.playback import Recorder, Replay
from streamcell.testing import Fault, VirtualClock, WireServer

ANSWERS = [Script.of("one two three", usage=Usage(3, 4)), Script.of("four five")]
REQUEST = {"provider": "p", "model": "m", "messages": []}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """No key and no provider of the developer's own; nothing listens where an Ollama would."""
    for name in ("LLM_PROVIDER", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("STREAMCELL_DEMO_PACE", "0")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "run.jsonl"


@pytest.fixture
def server():
    with WireServer(ANSWERS) as server:
        yield server


def ask(server, prompt="Hi", model="openai:m", **options):
    """An answer of the loopback server."""
    return streamcell.stream(prompt, model, base_url=f"{server.base_url}/v1", **options)


def restart(monkeypatch):
    """What a new kernel knows: it is another session and has asked nothing yet."""
    recording._asked.clear()
    monkeypatch.setattr(recording, "SESSION", f"after {recording.SESSION}")


# Sources


async def deliver_nothing(_events):
    pass


def record(run, clock):
    """The recording of a source."""
    kept = []

    async def main():
        recorder = Recorder(run, REQUEST, kept.append, clock=clock)
        try:
            await recorder(deliver_nothing)
        except streamcell.StreamcellError as error:
            return error
        return None

    return asyncio.run(main()), kept


def paced(events, gaps, clock):
    async def run(deliver):
        for event, gap in zip(events, gaps, strict=True):
            await clock.sleep(gap)
            await deliver([event])

    return run


@settings(deadline=None)
@given(RUNS, st.data())
def test_a_replay_gives_every_run_of_the_grammar_event_by_event_at_its_pace(run, data):
    gaps = data.draw(st.lists(st.sampled_from([0.0, 0.25, 2.0]), min_size=len(run), max_size=len(run)))
    speed = data.draw(st.sampled_from([1.0, 2.0, 0.0]))
    clock = VirtualClock()
    _, (kept,) = record(paced(run, gaps, clock), clock)
    seen = []

    async def play():
        clock = VirtualClock()

        async def note(events):
            seen.extend((clock.monotonic(), event) for event in events)

        await Replay(kept, clock=clock, speed=speed)(note)

    asyncio.run(play())
    assert [event for _, event in seen] == run
    due = [at / speed if speed else 0.0 for at, _ in kept.events]
    assert [at for at, _ in seen] == pytest.approx(due)
    assert [at for at, _ in kept.events] == pytest.approx([sum(gaps[: n + 1]) for n in range(len(gaps))])


def test_a_failing_run_is_kept_with_its_failure():
    failure = from_info(ErrorInfo("rate_limit", "slow down", status=429, retry_after=3.0))
    raised, (kept,) = record(source([STARTED, *texts("a")], error=failure), VirtualClock())
    assert raised is failure
    assert kept.events[-1][1] == Finished("error", error=failure.info())


def test_a_run_that_is_stopped_is_kept_as_far_as_it_came():
    kept = []

    async def main():
        clock = VirtualClock()
        run = source([STARTED, *texts("a")], never_ends=True)
        stream = Stream(Recorder(run, REQUEST, kept.append, clock=clock), clock=clock)
        async for _chunk in stream:
            break
        return await stream

    asyncio.run(main())
    assert [event for _, event in kept[0].events] == [STARTED, *texts("a"), Finished("cancelled")]


def test_a_failure_of_our_own_is_not_kept():
    class OwnError(Exception):
        pass

    kept = []
    recorder = Recorder(source([STARTED], error=OwnError()), REQUEST, kept.append, clock=VirtualClock())
    with pytest.raises(OwnError):
        asyncio.run(recorder(deliver_nothing))
    assert kept == []


def test_a_replay_stops_when_it_is_told_to():
    _, (kept,) = record(source([STARTED, *texts("a")], [*texts("b"), FINISHED]), VirtualClock())

    async def main():
        clock = VirtualClock()
        late = [(at + 60 * number, event) for number, (at, event) in enumerate(kept.events)]
        stream = Stream(Replay(type(kept)(kept.begin, late), clock=clock, speed=1.0), clock=clock)
        stream.subscribe(lambda event: event == STARTED and stream.cancel())
        return await stream

    response = asyncio.run(main())
    assert (response.stop_reason, response.text) == ("cancelled", "")


# Through the front door


def test_what_was_recorded_is_replayed_without_a_key_or_a_request(server, file):
    first = ask(server, api_key="not-really-a-key", record=file).result()
    again = streamcell.stream("Hi", "openai:m", replay=file, speed=0)
    assert again.result().text == first.text == "one two three"
    assert again.response.usage == first.usage
    assert [chunk.content for chunk in again.response.chunks] == [chunk.content for chunk in first.chunks]
    assert len(server.requests) == 1


def test_a_replay_says_so_and_keeps_the_figures_of_the_recording(server, file):
    first = ask(server, api_key="not-really-a-key", record=file).result()
    again = streamcell.stream("Hi", "openai:m", replay=file, clock=VirtualClock(), speed=0).result()
    assert again.metadata["replayed"] is True
    assert again.metadata["recorded"]["time"] == pytest.approx(first.start_time, abs=1)
    assert again.metadata["recorded"]["metrics"]["chunks"] == first.metrics.chunks
    assert again.metadata["recorded"]["metrics"]["duration"] == pytest.approx(first.metrics.duration, abs=0.1)
    assert again.metrics.duration == 0.0
    for shown in bundle(again).values():
        assert "replayed from a recording" in shown
    for shown in bundle(first).values():
        assert "replayed" not in shown


class Page:
    """What a live view is told."""

    def __init__(self):
        self.told = []

    def tell(self, message):
        self.told.append(message)

    def publish(self, snapshot):
        self.told.append(snapshot)

    def publish_static(self):
        pass


def live_names(stream):
    """The model as the page is told it: before the first event, and with it."""
    page = Page()
    session = Session(stream, page, run="1", model="m", scripted=False)
    before = session.snapshot().model
    stream.result()
    session.flush(0.0)
    return [before, *(event.model for event in page.told[0].events if isinstance(event, Started))]


def test_the_live_view_says_so_from_the_beginning(server, file):
    assert live_names(ask(server, api_key="not-really-a-key", record=file)) == ["m", "m"]
    replay = streamcell.stream("Hi", "openai:m", replay=file, speed=0)
    assert live_names(replay) == ["m (replayed)", "m (replayed)"]


def test_no_key_is_in_the_file(server, file):
    canary = "canary-0123456789"
    ask(
        server, f"repeat {canary}", system=canary, api_key=canary, extra={"api_key": canary}, record=file
    ).result()
    assert "0123456789" not in file.read_text()
    replayed = streamcell.stream(
        f"repeat {canary}", "openai:m", system=canary, extra={"api_key": "?"}, replay=file, speed=0
    )
    assert replayed.result().text == "one two three"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"prompt": "Ho"}, "message 1 differs at character 2: it was 'Hi' and is 'Ho'"),
        ({"model": "openai:n"}, "model was 'm' and is 'n'"),
        ({"model": "anthropic:m"}, "provider was 'openai' and is 'anthropic'"),
        ({"temperature": 0.5}, "temperature was None and is 0.5"),
        ({"max_output_chunks": 2}, "max_output_chunks was None and is 2"),
    ],
)
def test_a_request_that_is_not_there_is_told_what_differs(server, file, asked, says):
    ask(server, api_key="not-really-a-key", record=file).result()
    with pytest.raises(UsageError) as raised:
        streamcell.stream(**{"prompt": "Hi", "model": "openai:m"} | asked, replay=file)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_file_and_an_empty_one_are_told_apart(file):
    with pytest.raises(UsageError, match="there is no recording"):
        streamcell.stream("Hi", "demo", replay=file)
    streamcell.stream("Hi", "demo", record=file).result()
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(UsageError, match="holds no run"):
        streamcell.stream("Hi", "demo", replay=file)


def test_a_cut_run_is_not_replayed_and_the_error_says_so(file):
    streamcell.stream("Hi", "demo", record=file).result()
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(UsageError, match="cut or damaged"):
        streamcell.stream("Hi", "demo", replay=file)


def test_a_recorded_failure_is_replayed_as_the_failure(file):
    broken = Script.of("one two three", fault=Fault("cut", after=2))
    with WireServer(broken) as server, pytest.raises(StreamInterruptedError) as first:
        ask(server, api_key="not-really-a-key", record=file).result()
    with pytest.raises(StreamInterruptedError) as again:
        streamcell.stream("Hi", "openai:m", replay=file, speed=0).result()
    assert (again.value.kind, str(again.value)) == (first.value.kind, str(first.value))
    assert again.value.partial.text == first.value.partial.text
    assert type(again.value.__cause__) is type(first.value.__cause__)


def test_equal_requests_are_replayed_in_their_order_then_the_last_one_again(server, file):
    for _ in range(2):
        ask(server, api_key="not-really-a-key", record=file).result()
    replayed = [streamcell.stream("Hi", "openai:m", replay=file, speed=0).result().text for _ in range(3)]
    assert replayed == ["one two three", "four five", "four five"]


def test_recording_anew_in_another_session_takes_the_place_of_the_old(server, file, monkeypatch):
    ask(server, api_key="not-really-a-key", record=file).result()
    restart(monkeypatch)
    ask(server, api_key="not-really-a-key", record=file).result()
    assert streamcell.stream("Hi", "openai:m", replay=file, speed=0).result().text == "four five"


def test_both_ask_once_and_replay_ever_after(server, file, monkeypatch):
    both = {"record": file, "replay": file, "speed": 0}
    assert ask(server, api_key="not-really-a-key", **both).result().text == "one two three"
    restart(monkeypatch)
    again = streamcell.stream("Hi", "openai:m", **both).result()
    assert (again.text, again.metadata["replayed"], len(server.requests)) == ("one two three", True, 1)


def test_both_do_not_take_a_failure_for_an_answer(file):
    broken = Script.of("one two", fault=Fault("cut", after=1))
    with WireServer([broken, ANSWERS[0]]) as server:
        both = {"record": file, "replay": file, "api_key": "not-really-a-key"}
        with pytest.raises(StreamInterruptedError):
            ask(server, **both).result()
        assert ask(server, **both).result().text == "one two three"


def test_both_without_a_key_say_also_that_there_is_no_recording(file):
    with pytest.raises(UsageError, match=r"OPENAI_API_KEY.*there is no recording"):
        streamcell.stream("Hi", "openai:m", record=file, replay=file)


def test_a_model_that_nobody_named_is_the_recorded_one(server, file, monkeypatch):
    monkeypatch.setenv("LLM_PROVIDER", "openai")
    monkeypatch.setenv("OPENAI_MODEL", "m")
    monkeypatch.setenv("OPENAI_API_KEY", "not-really-a-key")
    ask(server, model=None, record=file).result()
    Agent(base_url=f"{server.base_url}/v1", record=file).run("Ho")
    streamcell.stream("Hi", "demo", record=file).result()
    for name in ("LLM_PROVIDER", "OPENAI_MODEL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name)
    assert streamcell.stream("Hi", replay=file, speed=0).result().text == "one two three"
    assert Agent(replay=file, speed=0).run("Ho").text == "four five"


def test_an_agent_of_recordings_closes_without_a_key(server, file):
    ask(server, api_key="not-really-a-key", record=file).result()

    async def main():
        agent = Agent("openai:m", replay=file, speed=0)
        response = await agent.stream("Hi")
        await agent.aclose()
        return response

    assert asyncio.run(main()).text == "one two three"


def test_an_answer_and_what_was_added_to_it_are_replayed_alike(file):
    cut = {"max_output_chunks": 5}
    first = streamcell.stream("Hi", "demo", record=file, **cut).result().continue_().result()
    short = streamcell.stream("Hi", "demo", replay=file, speed=0, **cut).result()
    again = short.continue_().result()
    assert (again.text, again.metadata["replayed"]) == (first.text, True)


def test_runs_side_by_side_are_recorded_whole(file):
    async def main():
        return await asyncio.gather(*(streamcell.stream(f"Say {n}", "demo", record=file) for n in range(8)))

    answers = asyncio.run(main())
    replayed = [streamcell.stream(f"Say {n}", "demo", replay=file, speed=0).result() for n in range(8)]
    assert [answer.text for answer in replayed] == [answer.text for answer in answers]


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), "fast"])
def test_a_speed_that_is_none_is_refused(speed, file):
    with pytest.raises(UsageError, match="speed"):
        streamcell.stream("Hi", "demo", replay=file, speed=speed)


def test_a_speed_without_a_replay_is_refused():
    with pytest.raises(UsageError, match="replay="):
        streamcell.stream("Hi", "demo", speed=2)


def test_a_place_that_cannot_be_recorded_into_is_refused_before_the_call(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        streamcell.stream("Hi", "demo", record=tmp_path / "missing" / "run.jsonl")


def test_a_replay_loads_no_client_and_opens_no_connection(server, file):
    ask(server, api_key="not-really-a-key", record=file).result()
    script = f"""
import socket, sys
import streamcell
def refuse(*_args, **_options): raise AssertionError("a connection")
socket.socket.connect = refuse
print(streamcell.stream("Hi", "openai:m", replay={str(file)!r}, speed=0).result().text)
print([name for name in ("openai", "anthropic", "httpx2", "IPython") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["one two three", "[]"], done.stderr
