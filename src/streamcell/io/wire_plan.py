"""What goes over a connection for one answer, and when: the head, then steps with their due times.

Pure: scripts, faults and framings in, values out. Sockets and waiting are `wire_server`'s business.
"""

from __future__ import annotations

import itertools
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streamcell.core.script import Answer, Cuts, Fault, Framing, Raw, Script, cut
from streamcell.io.wire_formats import Format, Route, route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PING_SECONDS = 0.05
_PAGE = b"<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>"


class Send(NamedTuple):
    """Bytes of the body, due so many seconds after the request."""

    due: float
    data: bytes


class Hang(NamedTuple):
    """Nothing more until the client leaves."""


class Drop(NamedTuple):
    """The connection ends here, without an end of the body; by RST or by FIN."""

    reset: bool


Step = Send | Hang | Drop


class Plan(NamedTuple):
    """One answer: status and headers (None: not even those are sent), and the steps of its body."""

    status: int | None
    headers: Mapping[str, str]
    steps: Iterator[Step]


def plan(answer: Answer, path: str, body: Mapping[str, object]) -> Plan:
    """How `answer` is given to a request for `path` with that JSON `body`."""
    if isinstance(answer, Raw):
        headers = {"content-type": answer.content_type, **answer.headers}
        return Plan(answer.status, headers, _at_once(cut(answer.body, answer.cuts)))
    destination = route(path, body)
    if destination is None:
        return _json(404, {"error": {"message": f"no provider answers at {path}"}})
    if answer.fault is not None:
        instead = _instead(answer.fault, destination)
        if instead is not None:
            return instead
    return _answer(answer, destination)


def _answer(script: Script, destination: Route) -> Plan:
    written, asked, streams = destination
    if streams:
        sends = _timed(script, written.stream(script, asked))
    else:
        sends = iter(
            (Send(0, b""), Send(_duration(script), msgspec.json.encode(written.whole(script, asked))))
        )
    content_type = written.content_type if streams else "application/json"
    headers = {"content-type": content_type, written.request_header: "req_scripted"}
    if "gzip" in script.framings:
        headers["content-encoding"] = "gzip"
    framed = _framed(sends, script.framings, server_sent="event-stream" in content_type)
    steps: Iterator[Step] = framed
    if script.fault is not None:
        after = (script.fault.after or 0) if streams else 0
        steps = _with_fault(framed, script.fault, after=after, written=written)
    return Plan(200, headers, _cut(_squeezed(steps) if "gzip" in script.framings else steps, script.cuts))


def _instead(fault: Fault, destination: Route) -> Plan | None:
    """The answer of a fault that replaces the whole answer; None for one that happens inside a stream."""
    if fault.kind in {"close", "reset", "stall"}:
        step = Hang() if fault.kind == "stall" else Drop(fault.kind == "reset")
        return Plan(None, {}, iter((step,))) if fault.after is None else None
    if fault.kind == "error" and destination.streams:
        return None
    written = destination.format
    error = written.error(fault.status, fault.message, fault.code)
    retry = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    headers = {written.request_header: "req_scripted", **retry, **fault.headers}
    page = {"content-type": "text/html", **headers}
    instead = {
        "status": _json(fault.status, error, headers=headers),
        "error": _json(fault.status, error, headers=headers),
        "json_error": _json(200, error, headers=headers),
        "redirect": Plan(307, {"location": "http://localhost:9/moved", **headers}, _at_once(())),
        "html": Plan(200, page, _at_once((_PAGE,))),
        "empty": Plan(200, {"content-type": written.content_type, **headers}, _at_once(())),
    }
    return instead.get(fault.kind)


def _with_fault(sends: Iterator[Send], fault: Fault, *, after: int, written: Format) -> Iterator[Step]:
    due = 0.0
    for send in itertools.islice(sends, after + 1):
        due = send.due
        yield send
    match fault.kind:
        case "close" | "reset":
            yield Drop(fault.kind == "reset")
        case "stall":
            yield Hang()
        case "pings":
            yield from (Send(due + count * PING_SECONDS, written.ping) for count in itertools.count(1))
        case "cut_inside":
            following = next(sends, Send(due, b""))
            yield following._replace(data=following.data[: len(following.data) // 2])
        case "error":
            yield Send(due, written.failure(fault.status, fault.message, fault.code))
        case "malformed":
            yield Send(due, written.frame({}).replace(b"{}", b'{"broken": '))
            yield from sends
        case "oversized":
            yield Send(due, written.frame({"padding": "x" * fault.size}))
            yield from sends
        case "endless":
            yield from _repeated(sends, due)
        case _:
            return


def _repeated(sends: Iterator[Send], due: float) -> Iterator[Send]:
    following = next(sends, Send(due, b""))
    gap = next(sends, following).due - following.due
    yield from (following._replace(due=following.due + count * gap) for count in itertools.count())


def _timed(script: Script, blocks: Iterable[bytes]) -> Iterator[Send]:
    for number, block in enumerate(blocks):
        yield Send(script.delay + script.pace * (number - 1) if number else 0.0, block)


def _duration(script: Script) -> float:
    return script.delay + script.pace * len(script.pieces)


_FIELD = re.compile(rb"(?m)^(data|event): ")


def _framed(sends: Iterator[Send], framings: frozenset[Framing], *, server_sent: bool) -> Iterator[Send]:
    for number, (due, block) in enumerate(sends):
        data = block
        if server_sent and "comments" in framings:
            data = b": keep-alive\n\n" + data
        if server_sent and "no_space" in framings:
            data = _FIELD.sub(rb"\1:", data)
        if "crlf" in framings:
            data = data.replace(b"\n", b"\r\n")
        elif server_sent and "cr" in framings:
            data = data.replace(b"\n", b"\r")
        if "bom" in framings and number == 0:
            data = b"\xef\xbb\xbf" + data
        yield Send(due, data)


def _squeezed(steps: Iterator[Step]) -> Iterator[Step]:
    """The same steps with a gzip body, flushed at each of them; only a clean end finishes it."""
    squeeze = zlib.compressobj(wbits=31)
    due = 0.0
    for step in steps:
        if not isinstance(step, Send):
            yield step
            return
        due = step.due
        yield Send(due, squeeze.compress(step.data) + squeeze.flush(zlib.Z_SYNC_FLUSH))
    yield Send(due, squeeze.flush())


def _cut(steps: Iterator[Step], cuts: Cuts) -> Iterator[Step]:
    held = Send(0.0, b"")
    for step in steps:
        if not isinstance(step, Send):
            yield held
            yield step
            return
        if cuts == "whole":
            held = Send(step.due, held.data + step.data)
        elif cuts == "events":
            yield step
        else:
            yield from (Send(step.due, block) for block in cut(step.data, cuts))
    yield held


def _at_once(blocks: Iterable[bytes]) -> Iterator[Step]:
    return (Send(0.0, block) for block in blocks)


def _json(status: int, value: object, *, headers: Mapping[str, str] | None = None) -> Plan:
    body = msgspec.json.encode(value)
    return Plan(status, {"content-type": "application/json", **(headers or {})}, _at_once((body,)))
