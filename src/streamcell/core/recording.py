"""A recorded run as lines of JSON, and back.

The first line of a file is a `Header`. Each run is a `RunLine` with the request, an `EventLine` for each of
its events with the seconds since its start, and an `EndLine`. Only a run with all of them counts: one that
was cut while it was written is passed by, with a note. The module knows no file and no clock.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from streamcell.core.metrics import Meter, Metrics
from streamcell.errors import UsageError
from streamcell.events import Event, Finished, Notice, ReasoningDelta, TextDelta, ToolCallDelta

FORMAT: Final = "streamcell-recording"
SCHEMA: Final = 1

Clean = Callable[[str], str]
"""Takes the secrets out of a text."""

_TEXT_FIELDS: dict[type, str] = {
    TextDelta: "text",
    ReasoningDelta: "text",
    Notice: "text",
    ToolCallDelta: "arguments",
}


class Header(msgspec.Struct, frozen=True, tag="header", tag_field="line"):
    """Line 1. `streamcell` is the version that began the file."""

    format: str
    schema: int
    streamcell: str


class RunLine(msgspec.Struct, frozen=True, tag="run", tag_field="line", omit_defaults=True):
    """The beginning of a run: what was asked (`core.request_key`), and when (seconds since the epoch)."""

    key: str
    session: str
    """Which process recorded it: what a later one records takes the place of what an earlier one did."""
    time: float
    request: dict[str, Any]
    named: bool = True
    """False when the call left the model to the environment: a replay that does so finds it here."""


class EventLine(msgspec.Struct, frozen=True, tag="event", tag_field="line"):
    """Event number `n` of the run, `at` so many seconds after its start."""

    n: int
    at: float
    event: Event


class EndLine(msgspec.Struct, frozen=True, tag="end", tag_field="line"):
    """The run has this many events."""

    events: int


Line = Header | RunLine | EventLine | EndLine
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class Recorded(msgspec.Struct, frozen=True):
    """One run: its beginning, and its events with their seconds; the last one is `Finished`."""

    begin: RunLine
    events: list[tuple[float, Event]]

    @property
    def ended_well(self) -> bool:
        """Whether the answer came to its own end: not stopped, not cut, not failed."""
        end = self.events[-1][1]
        return isinstance(end, Finished) and end.reason not in ("cancelled", "truncated", "error")

    def groups(self) -> Iterator[tuple[float, list[Event]]]:
        """The events that came together, with their seconds."""
        for at, group in itertools.groupby(self.events, key=lambda timed: timed[0]):
            yield at, [event for _, event in group]

    def metrics(self) -> Metrics:
        """The figures of the run when it was recorded."""
        meter = Meter(0.0)
        for at, events in self.groups():
            meter.add(events, at)
        return meter.metrics(self.events[-1][0])


class Tape(msgspec.Struct, frozen=True):
    """The whole runs of a file, oldest first, and a note for each piece that was passed by."""

    runs: list[Recorded]
    notes: list[str]


def header(version: str) -> bytes:
    """The first line of a new file."""
    return msgspec.json.encode(Header(FORMAT, SCHEMA, version)) + b"\n"


def check_header(first: bytes, name: str) -> None:
    """Raise `UsageError` when a file called `name` that begins with the line `first` is none of ours."""
    line = _line(first)
    if not isinstance(line, Header) or line.format != FORMAT:
        raise UsageError(f"{name} is no recording of streamcell; name another file")
    if line.schema > SCHEMA:
        raise UsageError(
            f"{name} was written by streamcell {line.streamcell} (schema {line.schema}), this one reads"
            f" schema {SCHEMA}; update streamcell, or record anew into another file"
        )


def write(run: Recorded, clean: Clean) -> bytes:
    """The lines of `run`, without what `clean` takes out of any text, also out of one that came in pieces."""
    events = _clean_pieces([event for _, event in run.events], clean)
    times = [at for at, _ in run.events]
    rows: list[Line] = [run.begin]
    rows += [EventLine(n, at, event) for n, (at, event) in enumerate(zip(times, events, strict=True))]
    rows.append(EndLine(len(events)))
    try:
        block = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    except UnicodeEncodeError:
        pass  # half of a surrogate pair, which only `json` can write
    else:
        text = block.decode()
        if clean(text) == text:
            return block
    plain = (_clean_value(msgspec.to_builtins(row), clean) for row in rows)
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in plain).encode()


def read(content: bytes, name: str) -> Tape:
    """The runs of a file; raises `UsageError` when it is no recording, or of a newer kind."""
    first, *rest = content.split(b"\n")
    check_header(first, name)
    tape = Tape([], [])
    begin, begun_at, events = None, 0, list[tuple[float, Event]]()
    for number, raw in enumerate(rest, 2):
        if not raw:
            continue
        match _line(raw):
            case RunLine() as line:
                _note_cut(tape, name, begun_at if begin else None)
                begin, begun_at, events = line, number, []
            case EventLine(n=n, at=at, event=event) if begin and n == len(events):
                events.append((at, event))
            case EndLine(events=count) if begin and count == len(events) and _is_over(events):
                tape.runs.append(Recorded(begin, events))
                begin = None
            case _ if begin:
                _note_cut(tape, name, begun_at)
                begin = None
            case _:
                pass  # the rest of a run that is noted already
    _note_cut(tape, name, begun_at if begin else None)
    return tape


def _note_cut(tape: Tape, name: str, begun_at: int | None) -> None:
    if begun_at is not None:
        tape.notes.append(f"the run at line {begun_at} of {name} is cut or damaged, and ignored")


def _is_over(events: list[tuple[float, Event]]) -> bool:
    return bool(events) and isinstance(events[-1][1], Finished)


def _line(raw: bytes) -> Line | None:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        line: Line = msgspec.convert(json.loads(raw), Line)  # half of a surrogate pair, see `write`
    except (ValueError, msgspec.ValidationError):
        return None
    return line


def _clean_pieces(events: list[Event], clean: Clean) -> list[Event]:
    """The same number of events; a secret that is spread over several pieces of a text is gone."""
    texts: dict[tuple[type, int], list[int]] = {}
    for index, event in enumerate(events):
        if type(event) in _TEXT_FIELDS:
            texts.setdefault((type(event), getattr(event, "part", 0)), []).append(index)
    cleaned = list(events)
    for (kind, _), places in texts.items():
        pieces = [getattr(events[index], _TEXT_FIELDS[kind]) for index in places]
        text = "".join(pieces)
        safe = clean(text)
        if safe == text:
            continue
        ends = list(itertools.accumulate(map(len, pieces)))[:-1]
        for index, begin, end in zip(places, [0, *ends], [*ends, None], strict=True):
            cleaned[index] = msgspec.structs.replace(events[index], **{_TEXT_FIELDS[kind]: safe[begin:end]})
    return cleaned


def _clean_value(value: Any, clean: Clean) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {name: _clean_value(inner, clean) for name, inner in value.items()}
        case list() | tuple():
            return [_clean_value(inner, clean) for inner in value]
        case _:
            return value
