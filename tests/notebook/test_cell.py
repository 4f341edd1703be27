"""One cell at work: it ends well, by an error or by an interrupt, and always leaves what came."""

import asyncio
import contextlib
import queue
import signal
import threading

import pytest

import streamcell
from streamcell.errors import ProviderError, StreamInterruptedError
from streamcell.events import Finished, Started, TextDelta
from streamcell.handle import Stream
from streamcell.notebook.cell import Cell, Interrupted
from streamcell.notebook.display import StaticDisplay, TerminalDisplay

SECONDS = 60
CAME = [Started("scripted", "m"), TextDelta("One, "), TextDelta("two")]


async def whole(deliver):
    await deliver(CAME)
    await deliver([Finished("stop")])


async def broken(deliver):
    await deliver(CAME)
    raise ProviderError("it broke", kind="server")


async def endless(deliver):
    await deliver(CAME)
    await asyncio.Event().wait()


async def counting(deliver):
    await deliver([Started("scripted", "m")])
    for number in range(1000):
        await deliver([TextDelta(str(number))])
    await deliver([Finished("stop")])


class Screen:
    """A display that keeps what it is told; `act` is called once, as soon as text is shown."""

    asks = False

    def __init__(self, act=None, *, stop=False):
        self.told = []
        self.events = []
        self.act = act
        self._stop = stop

    def open(self, stream):
        self.told.append("open")

    def show(self, events):
        self.told.append("show")
        self.events += events
        if self.act and any(isinstance(event, TextDelta) for event in self.events):
            act, self.act = self.act, None
            act()

    def close(self, stream):
        self.told.append("close")

    @contextlib.contextmanager
    def quiet(self):
        self.told.append("quiet")
        yield

    def heard_stop(self):
        return self._stop

    @property
    def text(self):
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))


def cell_of(source, screen, *, on_error="raise"):
    left = []
    cell = Cell(Stream(source, on_error=on_error), screen, number=1, model="m", leave=left.append)
    return cell, left


def interrupt():
    signal.raise_signal(signal.SIGINT)


def test_the_display_is_opened_shown_every_event_once_and_closed():
    screen = Screen()
    cell, left = cell_of(whole, screen)
    cell.begin()
    cell.wait()
    cell.check()
    assert (screen.told[0], screen.told[-1], screen.told.count("close")) == ("open", "close", 1)
    assert screen.events == [*CAME, Finished("stop")]
    assert [response.text for response in left] == ["One, two"]


def test_no_event_is_shown_twice_or_left_out():
    screen = Screen()
    cell, _left = cell_of(counting, screen)
    cell.begin()
    cell.wait()
    numbers = [int(event.text) for event in screen.events if isinstance(event, TextDelta)]
    assert numbers == list(range(1000))


def test_the_variables_are_left_before_the_error_is_raised():
    screen = Screen()
    cell, left = cell_of(broken, screen)
    cell.begin()
    cell.wait()
    assert screen.told[-1] == "close"
    assert [(response.text, response.stop_reason) for response in left] == [("One, two", "error")]
    with pytest.raises(StreamInterruptedError, match="it broke") as raised:
        cell.check()
    assert raised.value.partial is left[0]


def test_an_error_that_is_to_be_kept_is_not_raised():
    cell, left = cell_of(broken, Screen(), on_error="keep")
    cell.begin()
    cell.wait()
    cell.check()
    assert left[0].stop_reason == "error"


def test_ctrl_c_stops_the_stream_and_keeps_what_came():
    screen = Screen(interrupt)
    cell, left = cell_of(endless, screen)
    cell.begin()
    with pytest.raises(Interrupted) as raised:
        cell.wait()
    assert (screen.text, screen.told[-1]) == ("One, two", "close")
    assert [(response.text, response.stop_reason) for response in left] == [("One, two", "cancelled")]
    assert raised.value._render_traceback_() == ["Interrupted"]
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_an_interrupt_that_was_the_stop_of_the_page_ends_the_cell_well():
    cell, left = cell_of(endless, Screen(interrupt, stop=True))
    cell.begin()
    cell.wait()
    cell.check()
    assert left[0].stop_reason == "cancelled"


def test_a_stop_from_elsewhere_ends_the_cell_well():
    screen = Screen()
    cell, left = cell_of(endless, screen)
    screen.act = cell.stream.cancel
    cell.begin()
    cell.wait()
    cell.check()
    assert (left[0].text, left[0].stop_reason) == ("One, two", "cancelled")


def test_an_awaited_cell_leaves_its_loop_free():
    order = []

    async def both():
        screen = Screen()
        cell, left = cell_of(whole, screen)
        cell.begin()
        asyncio.get_running_loop().call_soon(order.append, "the loop's other work")
        await cell.wait_awaited()
        order.append("the cell")
        return screen, left

    screen, left = asyncio.run(both())
    assert order == ["the loop's other work", "the cell"]
    assert screen.events == [*CAME, Finished("stop")]
    assert left[0].text == "One, two"


@pytest.mark.parametrize("stop", [False, True], ids=["interrupted", "stopped"])
def test_an_awaited_cell_that_is_cancelled_keeps_what_came(stop):
    async def cancelled():
        screen = Screen(stop=stop)
        cell, left = cell_of(endless, screen)
        cell.begin()
        task = asyncio.ensure_future(cell.wait_awaited())
        screen.act = task.cancel
        if stop:
            await task
        else:
            with pytest.raises(Interrupted):
                await task
        return screen, left

    screen, left = asyncio.run(cancelled())
    assert (screen.text, screen.told[-1]) == ("One, two", "close")
    assert left[0].stop_reason == "cancelled"


@pytest.mark.parametrize("over", [False, True], ids=["while it runs", "when it is over already"])
def test_a_cell_in_the_background_is_closed_once_on_the_thread_of_the_run(over):
    left = queue.Queue()
    screen = Screen()
    cell = Cell(
        Stream(whole),
        screen,
        number=1,
        model="m",
        leave=lambda response: left.put((response, threading.current_thread().name)),
    )
    cell.begin()
    if over:
        cell.stream.result()
    cell.wait_in_background()
    response, thread = left.get(timeout=SECONDS)
    assert response.text == "One, two"
    assert thread == "streamcell-portal"
    assert screen.events == [*CAME, Finished("stop")]
    assert screen.told.count("close") == 1


# -- show --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("shell")
def test_show_of_a_stream_shows_it_and_returns_nothing(capsys):
    stream = streamcell.stream("Hi", "demo", extra={"pace": 0})
    assert streamcell.show(stream) is None
    shown = capsys.readouterr().out
    assert stream.finished
    assert shown.startswith(stream.result().text.strip().splitlines()[0])
    assert "scripted demo answer" in shown


@pytest.mark.usefixtures("shell")
def test_show_of_an_iterator_of_text_shows_it(capsys):
    streamcell.show(iter(["One, ", "two"]))
    assert "One, two" in capsys.readouterr().out


def test_show_of_an_error_shows_the_partial_and_raises_one_line(shell, capsys):
    shell.user_ns["s"] = streamcell.stream("Hi", "demo:error", extra={"pace": 0})
    assert not shell.run_cell("from streamcell import show\nshow(s)").success
    captured = capsys.readouterr()
    partial = shell.user_ns["s"].response.text
    assert len(partial) >= 60
    assert partial.splitlines()[0] in captured.out
    assert (captured.out + captured.err).count("StreamInterruptedError: ") == 1
    assert "Traceback" not in captured.out + captured.err


def test_show_of_what_is_no_stream_says_so_in_one_line(shell, capsys):
    assert not shell.run_cell("import streamcell\nstreamcell.show(7)").success
    captured = capsys.readouterr()
    assert (captured.out + captured.err).strip().splitlines() == [
        "UsageError: wrap takes the stream of a client, or an iterator of chunks or str, not int"
    ]


@pytest.mark.usefixtures("shell")
def test_ctrl_c_in_show_keeps_what_came(monkeypatch, capsys):
    show = TerminalDisplay.show

    def shown_then_interrupted(self, events):
        show(self, events)
        if any(isinstance(event, TextDelta) for event in events):
            interrupt()

    monkeypatch.setattr(TerminalDisplay, "show", shown_then_interrupted)
    stream = Stream(endless)
    with pytest.raises(Interrupted):
        streamcell.show(stream)
    assert (stream.response.text, stream.response.stop_reason) == ("One, two", "cancelled")
    shown = capsys.readouterr().out
    assert "One, two" in shown
    assert "Stopped" in shown


# -- the displays that need no widget ------------------------------------------------------------------


def published(shell, monkeypatch):
    """What is sent to a front end, in order: the bundle's types, the display id and whether it replaces."""
    sent = []
    monkeypatch.setattr(
        shell.display_pub,
        "publish",
        lambda data, *, transient=None, update=False, **_: sent.append(
            (data, (transient or {}).get("display_id"), update)
        ),
    )
    return sent


def test_a_static_answer_is_published_once_at_the_end(shell, monkeypatch):
    sent = published(shell, monkeypatch)
    cell, _left = cell_of(whole, StaticDisplay())
    cell.begin()
    assert sent == []
    cell.wait()
    ((bundle, _, update),) = sent
    assert sorted(bundle) == ["text/html", "text/plain"]
    assert not update


def test_a_placed_answer_takes_its_place_at_once_and_fills_it_later(shell, monkeypatch):
    sent = published(shell, monkeypatch)
    cell, _left = cell_of(whole, StaticDisplay(placed=True))
    cell.begin()
    cell.wait()
    (first, place, update), (last, same, replaces) = sent
    assert "still streaming" in first["text/plain"]
    assert "One, two" in last["text/plain"]
    assert place == same
    assert (update, replaces) == (False, True)
