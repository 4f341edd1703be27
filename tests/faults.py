"""What servers do wrong, as a table: for each fault what is sent and what a user must then see.

A row holds for all providers unless it names those it is for; an expectation may differ by provider, because
dialects differ in what they can tell (Ollama's errors have no code, Gemini's streams no terminator).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from streamcell import Timeouts
from streamcell.core.script import Script, tool_pieces
from streamcell.events import TextDelta
from wires import WIRES, Reply, Wire, chunked, head, sized, until_close

KEY = "canary-" + "0123456789abcdef"
PIECES = tuple(map(TextDelta, ("Grüße", " 👋", " aus", " Köln.")))
HALF = "Grüße 👋"
TEXT = "Grüße 👋 aus Köln."
SHORT = 0.3
SILENT_FIRST = {"timeouts": Timeouts(first=SHORT)}
SILENT_LATER = {"timeouts": Timeouts(idle=SHORT)}
MEBIBYTE = 1024 * 1024
SSE = frozenset(name for name, wire in WIRES.items() if wire.is_sse)
EVERYBODY = frozenset(WIRES)


class Site(NamedTuple):
    """Where a fault happens: the wire it is written in, the server's own address, and another one."""

    wire: Wire
    url: str
    elsewhere: str


class Expect(NamedTuple):
    """What comes out: an error of this `kind` (None: none), the text kept (None: any), the requests made."""

    kind: str | None = None
    text: str | None = ""
    requests: int = 1
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    request_id: str | None = None
    says: str = ""
    stop: str | None = None


class Fault(NamedTuple):
    """One row of the table. `address` is where the call goes instead of to the server."""

    name: str
    reply: Callable[[Site], Reply | Sequence[Reply]]
    expect: Expect
    other: Mapping[str, Expect] = MappingProxyType({})
    options: Mapping[str, Any] = MappingProxyType({})
    providers: frozenset[str] = EVERYBODY
    address: Callable[[str], str] | None = None

    def expected(self, provider: str) -> Expect:
        return self.other.get(provider, self.expect)


def well(text: str = TEXT, **fields: Any) -> Expect:
    return Expect(None, text, **fields)


WELL = well()
TRUNCATED = Expect("truncated", HALF)
NOTHING = Expect("truncated", "", requests=2)


def whole(site: Site) -> list[bytes]:
    """A good answer, in blocks."""
    return site.wire.blocks(Script(pieces=PIECES))


def first_half(site: Site) -> list[bytes]:
    return whole(site)[:3]


def events(make: Callable[[Site], Iterable[bytes]], **fields: Any) -> Callable[[Site], Reply]:
    """A streamed answer of these blocks."""
    return lambda site: chunked(site.wire, make(site), **fields)


# --- no answer -----------------------------------------------------------------------------------------

UNREACHABLE = Expect("connect", requests=0, says="no connection to")
NO_ANSWER = (
    Fault("refused", events(whole), UNREACHABLE, address=lambda _: "http://127.0.0.1:9"),
    Fault("no such host", events(whole), UNREACHABLE, address=lambda _: "https://nowhere.invalid"),
    Fault("reset before the answer", lambda _: Reply((), "reset"), Expect("connect", requests=3)),
    Fault("closed before the answer", lambda _: Reply((), "close"), Expect("connect", requests=3)),
    Fault(
        "closed inside the head", lambda _: Reply((b"HTTP/1.1 20",), "close"), Expect("connect", requests=3)
    ),
    Fault(
        "not HTTP",
        lambda _: Reply((b"220 mail at your service\r\n\r\n",), "close"),
        Expect("protocol", requests=2),
    ),
    Fault(
        "an endless head",
        lambda _: Reply((b"HTTP/1.1 200 OK\r\nx-padding: ", b"x" * MEBIBYTE), "close"),
        Expect("protocol", requests=2),
    ),
    Fault(
        "a TLS handshake that never ends",
        lambda _: Reply((), "hang"),
        Expect("timeout_connect", requests=0, says="in time"),
        options={"timeouts": Timeouts(connect=SHORT)},
        address=lambda url: url.replace("http://", "https://"),
    ),
    Fault(
        "TLS to a plain port",
        events(whole),
        Expect("tls", requests=0, says="no secure connection"),
        address=lambda url: url.replace("http://", "https://"),
    ),
)


# --- redirects -----------------------------------------------------------------------------------------


def redirects() -> Iterator[Fault]:
    refused = Expect("redirect", says="redirects are not followed")
    for status in (301, 302, 303, 307, 308):
        yield Fault(
            f"{status} to another origin",
            lambda site, status=status: sized(b"", status=status, location=f"{site.elsewhere}/moved"),
            refused,
        )
        yield Fault(
            f"{status} to itself",
            lambda site, status=status: sized(b"", status=status, location=f"{site.url}{site.wire.path}"),
            refused,
        )
    strange = {"nowhere": "", "a bad address": "http://[", "a page": f"/<html>{KEY}</html>"}
    strange |= {"a page for a host": "http://<script>/", "a long host": f"http://{'x' * 50_000}/"}
    strange["a host that is the key"] = f"http://{KEY}.example/"
    for name, location in strange.items():
        yield Fault(
            f"redirect to {name}",
            lambda _, location=location: sized(b"", status=307, location=location),
            refused,
        )


# --- HTTP errors ---------------------------------------------------------------------------------------

KINDS = {
    400: "bad_request",
    401: "auth",
    402: "payment",
    403: "permission",
    404: "not_found",
    408: "server",
    409: "conflict",
    413: "too_large",
    422: "bad_request",
    429: "rate_limit",
    500: "server",
    502: "server",
    503: "overloaded",
    504: "server",
    529: "overloaded",
}
REPEATED = {408, 429, 500, 502, 503, 504, 529}
PAGE = b"<!DOCTYPE html><html><head><title>Oops</title></head><body><script>x()</script></body></html>"
DATES = {"date": "Thu, 01 Jan 2026 00:00:00 GMT", "retry_after": "Thu, 01 Jan 2026 00:00:30 GMT"}


def refusal(site: Site, status: int, message: str = "Not like this.", code: str = "c_42") -> bytes:
    return msgspec.json.encode(site.wire.format.error(status, message, code))


def statuses() -> Iterator[Fault]:
    for status, kind in KINDS.items():
        expect = Expect(
            kind,
            requests=3 if status in REPEATED else 1,
            status=status,
            code="c_42",
            request_id="req_1",
            says=f"HTTP {status}: Not like this.",
        )
        yield Fault(
            f"HTTP {status}",
            lambda site, status=status: sized(
                refusal(site, status), status=status, **{site.wire.format.request_header: "req_1"}
            ),
            expect,
            {"ollama": expect._replace(code=None)},
        )


def bodies() -> Iterator[Fault]:
    def answered(name: str, status: int, body: bytes, *, says: str = "", **fields: str) -> Fault:
        times = 3 if status in REPEATED else 1
        expect = Expect(KINDS[status], requests=times, status=status, says=says)
        return Fault(f"HTTP {status} with {name}", lambda _: sized(body, status=status, **fields), expect)

    page = {"content_type": "text/html"}
    yield answered("a page", 502, PAGE, says="web page", **page)
    yield answered("a page", 401, PAGE, says="web page", **page)
    yield answered("a page that calls itself JSON", 500, PAGE, says="web page")
    yield answered("a page after a blank", 504, b"\r\n  " + PAGE, says="web page")
    yield answered("a page in JSON", 400, msgspec.json.encode({"error": {"message": PAGE.decode()}}))
    yield answered("a fragment of a page", 403, b"<div><b>no</b></div>")
    yield answered("nothing", 500, b"", says="HTTP 500")
    yield answered("nothing", 404, b"", says="HTTP 404")
    yield answered("a megabyte", 500, msgspec.json.encode({"error": {"message": "x" * MEBIBYTE}}))
    yield answered("a megabyte of text", 400, b"so " * (MEBIBYTE // 3), content_type="text/plain")
    yield answered(
        "the key", 401, msgspec.json.encode({"error": {"message": f"bad key {KEY}!", "code": KEY}})
    )
    yield answered("the key in plain text", 403, f"denied: {KEY}".encode(), content_type="text/plain")
    yield answered(
        "control characters", 400, b'{"error": {"message": "a\\u001b[31mb\\u0000c\\r\\nd\\u202ee"}}'
    )
    yield answered(
        "raw control characters", 400, b"a\x1b[31mb\x00c\r\nd\xe2\x80\xaee", content_type="text/plain"
    )
    yield answered("broken UTF-8", 500, b'{"error": {"message": "caf\xe9 \xff\xfe"}}', says="caf")
    yield answered("wrong types", 400, b'{"error": {"message": {"a": [1]}, "code": [], "type": 3}}')
    yield answered("a list", 403, b'[{"error": {"message": "from a list"}}]', says="from a list")
    yield answered("a deep nest", 400, b"[" * 100_000)
    yield answered("a bomb", 500, gzip.compress(bytes(64 * MEBIBYTE)), content_encoding="gzip")
    squeeze = zlib.compressobj(9, wbits=-15)
    mebibyte = squeeze.compress(bytes(MEBIBYTE)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    twice = gzip.compress(mebibyte * 1024, 9)
    yield answered("a bomb in a bomb", 500, twice, content_encoding="deflate, gzip")
    yield answered("a strange charset", 401, b'{"error": "no"}', content_type="text/plain; charset=idna")
    tags = '<!-- x --><noscript>no</noscript><video src=x onerror="a()">, <model> not found <img src='
    says = ": no , <model> not found"
    yield answered("scattered tags", 400, msgspec.json.encode({"error": tags}), says=says)
    yield answered("a false packing", 503, b'{"error": "no"}', content_encoding="gzip")
    yield Fault(
        "HTTP 500 whose body never comes",
        lambda _: Reply((head(500, content_length="10"),), "hang"),
        Expect("server", requests=3, status=500),
        options=SILENT_FIRST,
    )
    yield Fault(
        "HTTP 400 whose body breaks",
        lambda _: Reply((head(400, content_length="10"), b"{"), "close"),
        Expect("bad_request", status=400),
    )


def pauses() -> Iterator[Fault]:
    limited = Expect("rate_limit", requests=3, status=429)

    def asking(name: str, expect: Expect, *, status: int = 429, **fields: str) -> Fault:
        return Fault(
            f"HTTP {status}, {name}", lambda _: sized(b'{"error": "slow"}', status=status, **fields), expect
        )

    yield asking("no pause", limited)
    yield asking("a pause of 2 s", limited._replace(retry_after=2.0), retry_after="2")
    yield asking("a pause of 60 s", limited._replace(retry_after=60.0), retry_after="60")
    yield asking("a pause of 600 s", limited._replace(retry_after=600.0, requests=1), retry_after="600")
    yield asking("a pause of years", limited._replace(retry_after=1e9, requests=1), retry_after="1e9")
    yield asking("a pause of no number", limited, retry_after="soon")
    yield asking("a pause below nothing", limited._replace(retry_after=0.0), retry_after="-5")
    yield asking("a pause that is endless", limited, retry_after="inf")
    yield asking("a date", limited._replace(retry_after=30.0), **DATES)
    yield asking("milliseconds", limited._replace(retry_after=0.25), retry_after_ms="250")
    yield asking("an order not to repeat", limited._replace(requests=1), x_should_retry="false")
    busy = Expect("overloaded", requests=1, status=503, retry_after=600.0)
    yield asking("a pause of 600 s", busy, status=503, retry_after="600")
    yield Fault(
        "HTTP 429 once, then an answer",
        lambda site: [sized(b"{}", status=429, retry_after="1"), chunked(site.wire, whole(site))],
        well(requests=2),
    )
    yield Fault(
        "reset once, then an answer",
        lambda site: [Reply((), "reset"), chunked(site.wire, whole(site))],
        well(requests=2),
    )
    yield Fault(
        "an error event once, then an answer",
        lambda site: [
            chunked(site.wire, [site.wire.format.failure(529, "Busy", "overloaded_error")]),
            chunked(site.wire, whole(site)),
        ],
        well(requests=2),
        {"ollama": Expect("provider")},
    )


# --- status 200 and yet no stream ----------------------------------------------------------------------

PROTOCOL = Expect("protocol", requests=2)


def instead_of_stream() -> Iterator[Fault]:
    page = {"content_type": "text/html"}
    yield Fault("200 with a page", lambda _: sized(PAGE, **page), PROTOCOL._replace(says="web page"))
    yield Fault("200 with a page as stream", events(lambda _: [PAGE]), PROTOCOL._replace(says="web page"))
    yield Fault("200 with a word", lambda _: sized(b"OK", content_type="text/plain"), PROTOCOL)
    yield Fault("200 with noise", events(lambda _: [bytes(range(256)) * 8]), PROTOCOL)
    yield Fault("200 with an empty object", lambda _: sized(b"{}"), PROTOCOL, {"ollama": NOTHING})
    yield Fault(
        "200 with a JSON error",
        lambda site: sized(refusal(site, 429, "Too many.", "rate_limit_exceeded")),
        Expect("rate_limit", requests=3, says="Too many.", code="rate_limit_exceeded"),
        {"ollama": Expect("provider", says="Too many.")},
    )
    yield Fault(
        "200 with a JSON error over lines",
        lambda site: sized(msgspec.json.format(refusal(site, 401, "No.", "invalid_api_key"))),
        Expect("auth", says="No.", code="invalid_api_key"),
        {"ollama": Expect("provider", says="No.")},
    )
    yield Fault(
        "200 with a whole answer",
        lambda site: sized(site.wire.whole(Script(pieces=PIECES))),
        PROTOCOL._replace(says="stream=False"),
        {"openai-responses": WELL, "gemini": WELL, "ollama": WELL},
    )
    yield Fault("200 with nothing", lambda _: sized(b""), NOTHING)
    yield Fault("200 with an empty stream", events(lambda _: []), NOTHING)
    yield Fault("204", lambda _: Reply((head(204),)), NOTHING)
    yield Fault("200 with blank lines", events(lambda _: [b"\n\n\n"]), NOTHING)
    yield Fault("200 with an opening only", events(lambda site: [site.wire.opening()]), NOTHING)
    yield Fault(
        "a wrong content type",
        lambda site: chunked(site.wire, whole(site), content_type="text/plain"),
        WELL,
    )
    yield Fault("no content type", lambda site: until_close(site.wire, whole(site), content_type=""), WELL)
    yield Fault("201", lambda site: Reply((head(201, connection="close"), *whole(site)), "close"), WELL)


# --- silence -------------------------------------------------------------------------------------------

LATE = Expect("timeout_first", requests=3, says="within 0.3 s")
IDLE = Expect("timeout_idle", HALF, says="no new content for 0.3 s")


def silences() -> Iterator[Fault]:
    def ping(site: Site) -> list[bytes]:
        return [site.wire.format.ping]

    def hollow(site: Site) -> list[bytes]:
        return site.wire.pieces(TextDelta(""))

    yield Fault("silence before the head", lambda _: Reply((), "hang"), LATE, options=SILENT_FIRST)
    yield Fault("silence after the head", events(lambda _: [], end="hang"), LATE, options=SILENT_FIRST)
    yield Fault(
        "silence after the opening",
        events(lambda site: [site.wire.opening()], end="hang"),
        LATE,
        options=SILENT_FIRST,
    )
    yield Fault("silence in the middle", events(first_half, end="hang"), IDLE, options=SILENT_LATER)
    yield Fault(
        "silence inside an event",
        events(lambda site: [*first_half(site), whole(site)[3][:20]], end="hang"),
        IDLE,
        options=SILENT_LATER,
    )
    yield Fault("pings only", events(ping, end="repeat"), LATE, options=SILENT_FIRST)
    yield Fault(
        "pings after some text",
        events(lambda site: [*first_half(site), *ping(site)], end="repeat"),
        IDLE,
        options=SILENT_LATER,
    )
    yield Fault("comments only", events(lambda _: [b": wait\n\n"], end="repeat"), LATE, {}, SILENT_FIRST, SSE)
    yield Fault(
        "blanks after some text",
        events(lambda site: [*first_half(site), b"\r\n"], end="repeat"),
        IDLE,
        options=SILENT_LATER,
    )
    yield Fault(
        "empty deltas after some text",
        events(lambda site: [*first_half(site), b"".join(hollow(site))], end="repeat"),
        IDLE,
        options=SILENT_LATER,
    )
    yield Fault(
        "text without end, within a total time",
        events(lambda site: whole(site)[:2], end="repeat"),
        Expect("timeout_total", None, says="total"),
        options={"timeouts": Timeouts(total=SHORT)},
    )


# --- cuts ----------------------------------------------------------------------------------------------


def packed(blocks: Iterable[bytes], *, finish: bool) -> Iterator[bytes]:
    """A gzip body that can be read up to each block; without its end unless `finish`."""
    squeeze = zlib.compressobj(wbits=31)
    for block in blocks:
        yield squeeze.compress(block) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    if finish:
        yield squeeze.flush()


def cuts() -> Iterator[Fault]:
    def inside_event(site: Site) -> list[bytes]:
        third = whole(site)[3]
        return [*first_half(site), third[: len(third) // 2]]

    def inside_character(site: Site) -> list[bytes]:
        block = site.wire.pieces(*PIECES[:2], TextDelta("👋"))[2]
        return [*first_half(site), block[: block.index("👋".encode()) + 2]]

    def lying(site: Site, length: int) -> bytes:
        return head(content_type=site.wire.format.content_type, content_length=str(length))

    half = {"a clean end": events(first_half), "a clean end inside an event": events(inside_event)}
    half["a clean end inside a character"] = events(inside_character)
    half["the end of the connection"] = lambda site: until_close(site.wire, first_half(site))
    half["a reset"] = events(first_half, end="reset")
    half["the end of the connection, where chunks were due"] = events(first_half, end="close")
    half["the end inside a chunk"] = lambda site: Reply(
        (*chunked(site.wire, first_half(site), end="close").pieces, b"ff\r\ndata: {"), "close"
    )
    half["a chunk without size"] = lambda site: Reply(
        (*chunked(site.wire, first_half(site), end="close").pieces, b"what?\r\n"), "close"
    )
    half["a length that is too long"] = lambda site: Reply((lying(site, 10_000), *first_half(site)), "close")
    half["a length that is too short"] = lambda site: Reply(
        (lying(site, len(b"".join(first_half(site)))), *whole(site)), "close"
    )
    half["a packed body that stops"] = lambda site: chunked(
        site.wire, packed(first_half(site), finish=False), content_encoding="gzip"
    )
    half["a packed body that is reset"] = lambda site: chunked(
        site.wire, packed(first_half(site), finish=False), content_encoding="gzip", end="reset"
    )
    half["a packed body that ends"] = lambda site: chunked(
        site.wire, packed(first_half(site), finish=True), content_encoding="gzip"
    )
    for name, reply in half.items():
        yield Fault(f"cut by {name}", reply, TRUNCATED)
    yield Fault(
        "cut by a packed body that turns to noise",
        lambda site: chunked(
            site.wire,
            chain(packed(first_half(site), finish=False), [b"\xff" * 100]),
            content_encoding="gzip",
        ),
        Expect("protocol", HALF),
    )
    yield Fault(
        "a packed body that is not packed",
        lambda site: chunked(site.wire, whole(site), content_encoding="gzip"),
        PROTOCOL._replace(says="cannot be unpacked"),
    )
    yield Fault(
        "a packing that nobody knows",
        lambda site: chunked(site.wire, whole(site), content_encoding="klingon"),
        WELL,
    )
    yield Fault("cut inside the first event", events(lambda site: [whole(site)[0][:25]]), NOTHING)
    calls = tool_pieces(0, "look", arguments={"city": "Köln", "days": 3}, identity="c1")
    yield Fault(
        "a tool call cut in its arguments",
        events(lambda site: site.wire.blocks(Script(pieces=calls))[:-2]),
        Expect("truncated", ""),
        {"gemini": NOTHING, "ollama": NOTHING},
    )


# --- wrong events --------------------------------------------------------------------------------------


def frame(site: Site, data: bytes, event: str = "") -> bytes:
    """Any bytes as one event of the wire."""
    if not site.wire.is_sse:
        return data + b"\n"
    return (f"event: {event}\n".encode() if event else b"") + b"data: " + data + b"\n\n"


def inserted(*data: bytes, event: str = "") -> Callable[[Site], list[bytes]]:
    """A good answer with something foreign in its middle."""

    def blocks(site: Site) -> list[bytes]:
        return [*first_half(site), *(frame(site, piece, event) for piece in data), *whole(site)[3:]]

    return blocks


ODD_PAYLOADS = {
    "null": b"null",
    "a number": b"42",
    "a string": b'"hello"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "unknown fields": b'{"surprise": {"a": [1, 2]}, "event_id": "e7"}',
    "an unknown type": b'{"type": "response.hologram.delta", "delta": "no"}',
    "choices that are no list": b'{"choices": 7}',
    "choices without objects": b'{"choices": [null, 7, "x", []]}',
    "a delta that is a list": b'{"choices": [{"index": 0, "delta": [1], "finish_reason": 4}]}',
    "text that is a number": b'{"choices": [{"index": 0, "delta": {"content": 7, "tool_calls": {"a": 1}}}]}',
    "a block delta without a block": b'{"type": "content_block_delta", "index": "x", "delta": null}',
    "a block of no type": b'{"type": "content_block_start", "index": 99, "content_block": {"type": 7}}',
    "a usage that is text": b'{"usage": "a lot", "usageMetadata": 3, "eval_count": "x"}',
    "candidates that are no list": b'{"candidates": {"a": 1}}',
    "parts that are no list": b'{"candidates": [{"content": {"parts": 7}, "finishReason": 9}]}',
    "a message that is a list": b'{"message": [1], "done": "yes"}',
    "an item of no type": b'{"type": "response.output_item.added", "output_index": null, "item": 7}',
}


def wrong_events() -> Iterator[Fault]:
    for name, data in ODD_PAYLOADS.items():
        yield Fault(f"{name} in the middle", events(inserted(data)), WELL)
    yield Fault("an unknown event", events(inserted(b'{"a": 1}', event="hologram")), WELL, providers=SSE)
    yield Fault("an event of no data", events(inserted(b"")), WELL)
    yield Fault("words between events", events(inserted(b"still here")), WELL)
    broken = Expect("protocol", HALF, says="where JSON was due")
    yield Fault("broken JSON behind a blank", events(inserted(b'  {"broken": ')), broken)
    yield Fault("the back of an event", events(inserted(b'"delta": {"content": "x"}}]}')), broken)
    vast = b'{"a": [], "usage": {"x": 1, "completion_tokens": %d, "output_tokens": %d}, "usageMetadata": '
    vast += b'{"candidatesTokenCount": %d, "promptTokensDetails": [{"modality": 1}]}, "eval_count": %d}'
    yield Fault("counts of 400 digits", events(inserted(vast % ((10**400,) * 4))), WELL)
    yield Fault("broken JSON in the middle", events(inserted(b'{"broken": ')), broken)
    yield Fault("an event cut in two", events(inserted(b'{"choices": [{"delta"', b": {}}]}")), broken)
    yield Fault(
        "broken JSON first",
        events(lambda site: [frame(site, b'{"broken": '), *whole(site)]),
        Expect("protocol", says="where JSON was due"),
    )
    yield Fault(
        "broken JSON last", events(lambda site: [*first_half(site), frame(site, b'{"broken": ')]), TRUNCATED
    )
    yield Fault("a deep nest", events(inserted(b"[" * 100_000)), WELL)
    yield Fault("a deep nest of objects", events(inserted(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)), broken)
    yield Fault(
        "an event twice",
        events(lambda site: [*first_half(site), *whole(site)[2:]]),
        well("Grüße 👋 👋 aus Köln."),
        {"openai-responses": WELL},
    )


def failure(site: Site, status: int, message: str, code: str) -> bytes:
    return site.wire.format.failure(status, message, code)


def error_events() -> Iterator[Fault]:
    def early(site: Site) -> list[bytes]:
        return [failure(site, 529, "Busy.", "overloaded_error")]

    def later(site: Site) -> list[bytes]:
        return [site.wire.opening(), failure(site, 500, "Broken.", "server_error")]

    def middle(site: Site) -> list[bytes]:
        return [*first_half(site), failure(site, 429, f"Slow, {KEY}\x1b[2J\nplease.", "rate_limit_exceeded")]

    def page(site: Site) -> list[bytes]:
        return [*first_half(site), failure(site, 500, PAGE.decode(), "server_error")]

    def gibberish(site: Site) -> list[bytes]:
        return [*first_half(site), failure(site, 500, "x" * 100_000, "server_error" * 1000)]

    def strange(site: Site) -> list[bytes]:
        return [*first_half(site), frame(site, b'{"type": "error", "error": {"message": [1], "code": {}}}')]

    def after_finish(site: Site) -> list[bytes]:
        closing = site.wire.without_terminator(site.wire.closing(*PIECES))
        return [*whole(site)[:-1], closing, failure(site, 500, "Too late.", "server_error")]

    plain = Expect("provider", HALF)
    yield Fault(
        "an error first",
        events(early),
        Expect("overloaded", requests=3, says="Busy.", code="overloaded_error"),
        {"ollama": Expect("provider", says="Busy.")},
    )
    yield Fault(
        "an error after the opening",
        events(later),
        Expect("server", requests=3, says="Broken."),
        {"ollama": Expect("provider", says="Broken.")},
    )
    yield Fault(
        "an error after some text",
        events(middle),
        Expect("rate_limit", HALF, says="Slow, [key removed] [2J please.", code="rate_limit_exceeded"),
        {"ollama": plain},
    )
    yield Fault(
        "an error that is a page", events(page), Expect("server", HALF, says="web page"), {"ollama": plain}
    )
    flat = b'{"message": "Slow.", "code": "rate_limit_exceeded"}'
    limited = Expect("rate_limit", HALF, says="Slow.", code="rate_limit_exceeded")
    named = events(inserted(flat, event="error"))
    yield Fault("an error event without an object", named, limited, providers=SSE)
    line = events(lambda site: [*first_half(site), b"error: " + flat + b"\n\n", *whole(site)[3:]])
    yield Fault("an error line", line, limited, providers=SSE)
    yield Fault("an error of 100 kB", events(gibberish), Expect("server", HALF), {"ollama": plain})
    yield Fault("an error of wrong types", events(strange), plain)
    yield Fault("an error after the finish", events(after_finish), WELL)


def ends() -> Iterator[Fault]:
    def finished(site: Site) -> list[bytes]:
        return [*whole(site)[:-1], site.wire.without_terminator(site.wire.closing(*PIECES))]

    def with_more(site: Site) -> list[bytes]:
        return [*whole(site), *site.wire.pieces(*PIECES, TextDelta(" Und mehr."))[-1:]]

    def twice(site: Site) -> list[bytes]:
        return [*whole(site), site.wire.closing(*PIECES)]

    yield Fault("the end of the body without a terminator", events(finished), WELL)
    yield Fault("a finish, then silence", events(finished, end="hang"), WELL)
    yield Fault("a finish, then a reset", events(finished, end="reset"), WELL)
    yield Fault("a finish, then a broken chunk", events(finished, end="close"), WELL)
    yield Fault(
        "a finish, then pings for ever",
        events(lambda site: [*finished(site), site.wire.format.ping], end="repeat"),
        WELL,
    )
    yield Fault(
        "a finish, then a broken event",
        events(lambda site: [*finished(site), frame(site, b'{"broken": '), frame(site, b'{"a": 1}')]),
        WELL,
    )
    yield Fault("a terminator, then silence", events(whole, end="hang"), WELL)
    yield Fault("a terminator, then a reset", events(whole, end="reset"), WELL)
    yield Fault("two terminators", events(twice), WELL)
    # A Gemini stream has no terminator: its finish reason may come in every chunk.
    yield Fault("text after the terminator", events(with_more), WELL, {"gemini": well(TEXT + " Und mehr.")})


# --- sizes ---------------------------------------------------------------------------------------------

LIMIT = Expect("limit", HALF)


def sizes() -> Iterator[Fault]:
    def piece(site: Site, size: int) -> bytes:
        return site.wire.pieces(*PIECES[:2], TextDelta("x" * size))[2]

    def one(size: int) -> Callable[[Site], Iterable[bytes]]:
        return lambda site: [*first_half(site), piece(site, size), *whole(site)[3:]]

    def many(site: Site) -> Iterator[bytes]:
        return chain(first_half(site), repeat(piece(site, MEBIBYTE), 40))

    def bomb(site: Site) -> Iterator[bytes]:
        yield from first_half(site)
        for _ in range(64):
            yield piece(site, MEBIBYTE)

    def packed_at_once(site: Site) -> list[bytes]:
        return [gzip.compress(b"".join(bomb(site)))]

    line = events(lambda site: chain(first_half(site), repeat(b"x" * 65_536, 160)))
    yield Fault("a line without end", line, LIMIT._replace(says="8 MiB"))
    yield Fault("a delta of 10 MB", events(one(10_000_000)), LIMIT._replace(says="8 MiB"))
    yield Fault("a delta of 3 MB", events(one(3_000_000)), well(HALF + "x" * 3_000_000 + " aus Köln."))
    yield Fault("40 MB of text", events(many), Expect("limit", None))
    yield Fault(
        "a packed bomb",
        lambda site: chunked(site.wire, packed_at_once(site), content_encoding="gzip"),
        Expect("limit", None),
    )
    yield Fault(
        "a packed bomb in small pieces",
        lambda site: chunked(
            site.wire,
            packed(chain(first_half(site), repeat(piece(site, 200_000), 100)), finish=True),
            content_encoding="gzip",
        ),
        Expect("limit", None),
    )
    yield Fault(
        "text without end",
        events(lambda site: whole(site)[:2], end="repeat"),
        well("Grüße" * 20, stop="length"),
        options={"max_output_chunks": 20},
        providers=EVERYBODY - {"openai-responses"},  # which would take it for one event, sent again
    )


# --- framings ------------------------------------------------------------------------------------------


def framings() -> Iterator[Fault]:
    def changed(change: Callable[[bytes], bytes]) -> Callable[[Site], Reply]:
        return events(lambda site: [change(b"".join(whole(site)))])

    def by_byte(site: Site) -> Reply:
        body = b"".join(whole(site))
        return chunked(site.wire, (body[at : at + 1] for at in range(len(body))))

    def lines(body: bytes) -> bytes:
        """The data of each event over two lines, cut between two fields."""
        return body.replace(b', "', b',\ndata: "').replace(b',"', b',\ndata: "')

    yield Fault("one byte a write", by_byte, WELL)
    yield Fault("all in one write", changed(bytes), WELL)
    yield Fault("a byte-order mark", changed(lambda body: b"\xef\xbb\xbf" + body), WELL)
    yield Fault("CRLF", changed(lambda body: body.replace(b"\n", b"\r\n")), WELL)
    yield Fault(
        "blank lines",
        changed(lambda body: body.replace(b"\n", b"\n\n\n")),
        WELL,
        providers=frozenset({"ollama"}),
    )
    yield Fault("CR", changed(lambda body: body.replace(b"\n", b"\r")), WELL, providers=SSE)
    yield Fault("no last line end", changed(lambda body: body.rstrip(b"\n")), WELL)
    yield Fault(
        "comments",
        changed(lambda body: b":\n: hi\n\n" + body.replace(b"\n\n", b"\n\n: x\n")),
        WELL,
        providers=SSE,
    )
    yield Fault("no space", changed(lambda body: body.replace(b"data: ", b"data:")), WELL, providers=SSE)
    yield Fault("data over lines", changed(lines), WELL, providers=SSE)
    yield Fault(
        "id and retry fields",
        changed(lambda body: body.replace(b"data: ", b"id: 7\nretry: 10\ndata: ")),
        WELL,
        providers=SSE,
    )
    yield Fault(
        "a packed body",
        lambda site: chunked(site.wire, packed(whole(site), finish=True), content_encoding="gzip"),
        WELL,
    )
    yield Fault(
        "a packed body without its trailer",
        lambda site: chunked(site.wire, packed(whole(site), finish=False), content_encoding="gzip"),
        WELL,
    )
    yield Fault("a body without length", lambda site: until_close(site.wire, whole(site)), WELL)
    yield Fault(
        "trailers and extensions",
        lambda site: Reply(
            (
                *chunked(site.wire, [], end="close").pieces,
                *(b"%x;a=b\r\n%b\r\n" % (len(block), block) for block in whole(site) if block),
                b"0\r\nx-trailer: 1\r\n\r\n",
            )
        ),
        WELL,
    )


# --- hostile text --------------------------------------------------------------------------------------

ESCAPED = {
    "NUL": (rb"a\u0000b", "a\x00b"),
    "a lone surrogate": (rb"a\ud83db", "a\ufffdb"),
    "a pair of surrogates": (rb"\ud83d\udc4b", "👋"),
    "reversed surrogates": (rb"\udc4b\ud83d", "\ufffd\ufffd"),
    "an escape sequence": (rb"\u001b]0;owned\u0007", "\x1b]0;owned\x07"),
    "bidi marks": ("\u202eevil\u2066".encode(), "\u202eevil\u2066"),
    "tag characters": ("\U000e0041".encode(), "\U000e0041"),
    "a raw NUL": (b"a\x00b", "a\x00b"),
    "broken UTF-8": (b"a\xff\xfeb", "a\ufffd\ufffdb"),
    "an overlong form": (b"a\xc0\xafb", "a\ufffd\ufffdb"),
    "line separators": ("\u2028\u2029\x85".encode(), "\u2028\u2029\x85"),
    "HTML": (b"<script>alert(1)<\\/script>", "<script>alert(1)</script>"),
}


def hostile_text() -> Iterator[Fault]:
    def holding(raw: bytes) -> Callable[[Site], list[bytes]]:
        return lambda site: [
            block.replace(b"PLACE", raw) for block in site.wire.blocks(Script(pieces=(TextDelta("PLACE"),)))
        ]

    for name, (raw, text) in ESCAPED.items():
        yield Fault(f"{name} in the text", events(holding(raw)), well(text))


FAULTS = (
    *NO_ANSWER,
    *redirects(),
    *statuses(),
    *bodies(),
    *pauses(),
    *instead_of_stream(),
    *silences(),
    *cuts(),
    *wrong_events(),
    *error_events(),
    *ends(),
    *sizes(),
    *framings(),
    *hostile_text(),
)


def faults_of(provider: str) -> list[Fault]:
    return [fault for fault in FAULTS if provider in fault.providers]
