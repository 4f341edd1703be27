"""A run that is recorded while it goes, a recording that is run, and the choice between them.

Both are a `run.Source` like any other: readers, displays and figures know no difference but the label.
A replay needs no key, loads no SDK and sends nothing; time-outs and retries do not apply to it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from streamcell.core import request_key
from streamcell.core.recording import Recorded, RunLine
from streamcell.core.request_key import Described
from streamcell.errors import StreamcellError, UsageError
from streamcell.events import Event, Finished
from streamcell.io import recording
from streamcell.io.clock import Clock
from streamcell.io.keys import redact
from streamcell.io.recording import PathName
from streamcell.run import Deliver, Source

Asking = Callable[[], Source]
"""Gives the source that asks; raises `UsageError` when it cannot, as without a key."""

_MICROSECONDS = 6


class Recorder:
    """A source, and what is done with its run once that is over, however it ended: `keep` is given it."""

    def __init__(
        self,
        source: Source,
        request: Described,
        keep: Callable[[Recorded], None],
        *,
        clock: Clock,
        named: bool = True,
    ) -> None:
        self._source = source
        self._request = request
        self._keep = keep
        self._clock = clock
        self._named = named

    async def __call__(self, deliver: Deliver) -> None:
        start, time = self._clock.monotonic(), self._clock.time()
        said: list[tuple[float, Event]] = []

        def note(*events: Event) -> None:
            at = round(self._clock.monotonic() - start, _MICROSECONDS)
            said.extend((at, event) for event in events)
            # Before anybody is told of the end: who then looks for the recording finds it.
            if isinstance(events[-1], Finished):
                self._keep(Recorded(self._begin(time), said))

        async def deliver_noted(events: list[Event]) -> None:
            note(*events)
            await deliver(events)

        def note_end(end: Finished) -> None:
            if not (said and isinstance(said[-1][1], Finished)):
                note(end)

        try:
            await self._source(deliver_noted)
        except asyncio.CancelledError:
            note_end(Finished("cancelled"))
            raise
        except StreamcellError as error:
            note_end(Finished("truncated" if error.kind == "truncated" else "error", error=error.info()))
            raise
        note_end(Finished("unknown"))

    def _begin(self, time: float) -> RunLine:
        return RunLine(
            request_key.key(self._request), recording.SESSION, time, self._request, named=self._named
        )


class Replay:
    """A recorded run at its own pace, times `speed`; 0 is at once."""

    def __init__(self, run: Recorded, *, clock: Clock, speed: float) -> None:
        self.run = run
        self._clock = clock
        self._speed = speed

    async def __call__(self, deliver: Deliver) -> None:
        start = self._clock.monotonic()
        for at, events in self.run.groups():
            due = start + at / self._speed if self._speed else start
            # Also when nothing is to be waited for: a replay at once can be stopped, too.
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
            await deliver(events)


def source(
    request: Described, asking: Asking, options: Mapping[str, Any], *, clock: Clock, named: bool
) -> Source:
    """The recording of `request` if `options` want one, else what `asking` gives, recorded if they say so.

    Raises `UsageError` when there is no recording and nobody is to be asked, and says what differs.
    """
    record, replay = options.get("record"), options.get("replay")
    if replay is None and "speed" in options:
        raise UsageError("speed is the pace of a replay; name the recording with replay=")
    missing = None
    if replay is not None:
        run = _find(replay, request, only_whole=record is not None)
        if run is not None:
            return Replay(run, clock=clock, speed=options.get("speed", 1.0))
        missing = _missing(replay, request)
        if record is None:
            raise UsageError(f"{missing}; record it with record=, or ask without replay=")
    asked = _ask(asking, missing)
    if record is None:
        return asked
    recording.check_writable(record)
    return Recorder(asked, request, functools.partial(recording.append, record), clock=clock, named=named)


def labels(played: Source) -> dict[str, Any]:
    """What the metadata of a response say of a replay: that it is one, and the figures of the recording."""
    if not isinstance(played, Replay):
        return {}
    figures = msgspec.to_builtins(played.run.metrics())
    return {"replayed": True, "recorded": {"time": played.run.begin.time, "metrics": figures}}


def unnamed_model(replay: PathName | None) -> str | None:
    """The model that the recording has for calls that name none; None when it has none."""
    tape = recording.load(replay) if replay is not None else None
    for run in reversed(tape.runs if tape else []):
        if not run.begin.named:
            return f"{run.begin.request['provider']}:{run.begin.request['model']}"
    return None


def _ask(asking: Asking, missing: str | None) -> Source:
    try:
        return asking()
    except UsageError as error:
        if missing is None:
            raise
        reason = str(error)
    raise UsageError(f"{reason} ({missing})")


def _find(replay: PathName, request: Described, *, only_whole: bool) -> Recorded | None:
    """The run whose turn it is. `only_whole`: who can ask anew takes no stopped or failed answer for one."""
    tape = recording.load(replay)
    wanted = request_key.key(request)
    runs = [run for run in (tape.runs if tape else []) if run.begin.key == wanted]
    if only_whole:
        runs = [run for run in runs if run.ended_well]
    return recording.take_turn(replay, runs) if runs else None


def _missing(replay: PathName, request: Described) -> str:
    tape = recording.load(replay)
    if tape is None:
        return f"there is no recording {replay}"
    near = request_key.nearest(request, [run.begin.request for run in tape.runs])
    if near is None:
        said = f"{replay} holds no run"
    else:
        differing = "; ".join(request_key.differences(request, near)) or "only in what is not recorded"
        said = redact(f"this request is not in {replay}; the nearest one there differs: {differing}")
    return "; ".join([said, *tape.notes])
