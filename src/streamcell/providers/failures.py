"""What a refusal means: HTTP status and error bodies to `ErrorInfo`, in every dialect the same way.

Foreign text is cut to 4 KiB, loses its control characters and line ends, and is never HTML. The module reads
no clock: a Retry-After date is measured against the answer's own Date header.
"""

from __future__ import annotations

import math
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from streamcell.errors import ProtocolError, StreamcellError, from_info
from streamcell.events import ErrorInfo, ErrorKind
from streamcell.providers.loose import count, record, string
from streamcell.providers.mending import parse_mended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamcell.core.wire import Payload

TEXT_LIMIT: Final = 4096
"""Bytes of foreign text that are kept."""

_STATUS_KINDS: Final[Mapping[int, ErrorKind]] = {
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
    503: "overloaded",
    529: "overloaded",
}
_WORD_KINDS: Final[Mapping[str, ErrorKind]] = {
    r"insufficient_(quota|balance|funds|credits)|billing|payment": "payment",
    r"overloaded|capacity|unavailable": "overloaded",
    r"rate_?limit|too_many_requests|resource_exhausted|^requests$|^tokens$": "rate_limit",
    r"authentication|invalid_api_key|unauthori[sz]ed|unauthenticated": "auth",
    r"permission|forbidden": "permission",
    r"not_?found": "not_found",
    r"too_large": "too_large",
    r"conflict": "conflict",
    r"invalid|bad_?request|context_length|tool_use_failed|unsupported|content_filter": "bad_request",
    r"server|internal|api_error|timeout|upstream": "server",
}
"""Words in an error's code or type, first match wins; case does not count."""
_RETRYABLE: Final = frozenset({"rate_limit", "overloaded", "server"})
_ADVICE: Final[Mapping[ErrorKind, str]] = {
    "auth": "check the API key",
    "permission": "check what the key may do",
    "not_found": "check the model's name and the base URL",
    "payment": "check the account's credit",
    "rate_limit": "wait, or send less at once",
    "overloaded": "try again later",
    "server": "try again later",
    "too_large": "send less",
    "redirect": "check the base URL",
}
_MARKUP = re.compile(r"\s*(<!doctype|<html|<head|<body|<\?xml)", re.IGNORECASE)
# Comments, what HTML knows, whatever has attributes; "<model> not found" is a sentence. The end may be cut.
_TAG = re.compile(
    r"<!--.*?(?:-->|$)|<[!?][^<>]*(?:>|$)|<[a-z][\w:-]*+\s[^<>=]*+=[^<>]*+>|</?(?:"
    r"a|abbr|address|article|aside|audio|b|base|blockquote|body|br|button|canvas|center|cite|code|col|colgroup|dd|"
    r"details|dialog|div|dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|frameset|h[1-6]|head|"
    r"header|hr|html|i|iframe|img|input|kbd|label|legend|li|link|main|map|marquee|math|menu|meta|nav|noscript|"
    r"object|ol|optgroup|option|p|param|picture|pre|q|s|samp|script|section|select|slot|small|source|span|strike|"
    r"strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|time|title|tr|track|tt|u|ul|"
    r"var|video|wbr)\b[^<>]*(?:>|$)",
    re.IGNORECASE | re.DOTALL,
)
_NO_TAGS = str.maketrans("<>", "()")
_WEB_PAGE = "the server answered with a web page"


def of_status(status: int, headers: Mapping[str, str], body: bytes) -> ErrorInfo:
    """What an HTTP answer with an error status means; `headers` have lower-case names."""
    said = _said(body)
    kind = _kind_of_status(status)
    specific = _kind_of_word(said.code)
    if kind in _RETRYABLE and specific in ("payment", "overloaded", "rate_limit"):
        kind = specific
    return ErrorInfo(
        kind=kind,
        message=f"HTTP {status}: {said.text or 'no reason given'}{_advice(kind)}",
        retryable=_retryable(kind, headers),
        status=status,
        code=said.code,
        retry_after=retry_after(headers),
        request_id=headers.get("x-request-id") or headers.get("request-id") or said.request_id,
    )


def of_event(body: object) -> ErrorInfo:
    """What an error object inside a stream, or in place of an answer, means."""
    said = _Said(body)
    status = said.status
    kind = _kind_of_word(said.code) or (_kind_of_status(status) if status else "provider")
    return ErrorInfo(
        kind=kind,
        message=f"{said.text or 'the provider reported an error and gave no reason'}{_advice(kind)}",
        retryable=kind in _RETRYABLE,
        status=status,
        code=said.code,
        request_id=said.request_id,
    )


def error_in(value: Mapping[str, Any], event: str = "") -> object | None:
    """The error object that a payload holds, in any of the forms in use; None when it holds none."""
    if value.get("error"):
        return value
    if event == "error" or value.get("object") == "error" or value.get("type") == "error":
        return value
    return None


def raise_for(value: object, event: str = "") -> None:
    """Raise the `ProviderError` that `value` tells of, if it tells of one."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict) and error_in(value, event):
        raise from_info(of_event(value), attempts=0)


def in_place_of_stream(payload: Payload) -> StreamcellError:
    """The error for a body that is no stream: a JSON error, a whole answer, a web page, anything else."""
    value = parse_mended(payload.data)
    try:
        raise_for(value)
    except StreamcellError as error:
        return error
    if isinstance(value, (dict, list)):
        return ProtocolError(
            "the server answered with one JSON document instead of a stream; use stream=False",
            retryable=True,
        )
    if _MARKUP.match(payload.data[:200].decode("utf-8", "replace")):
        return ProtocolError(f"{_WEB_PAGE} instead of a stream; check the base URL", retryable=True)
    start = clean(payload.data)[:80]
    return ProtocolError(
        f"the server answered with {start!r} instead of a stream; check the base URL", retryable=True
    )


def unreadable(data: bytes) -> ProtocolError:
    """The error for a payload that is no JSON."""
    return ProtocolError(f"the provider sent {clean(data)[:80]!r} where JSON was due; report it to them")


def truncated(*, started: bool) -> ProtocolError:
    """The error for a body that ended before the answer did."""
    what = "the stream ended before the answer did" if started else "the server sent no answer at all"
    return ProtocolError(f"{what}; try again", kind="truncated", retryable=True)


def not_an_answer(body: bytes) -> StreamcellError:
    """The error for a blocking answer that is none."""
    value = parse_mended(body)
    try:
        raise_for(value)
    except StreamcellError as error:
        return error
    if not body.strip():
        return truncated(started=False)
    if _MARKUP.match(body[:200].decode("utf-8", "replace")):
        return ProtocolError(f"{_WEB_PAGE} instead of JSON; check the base URL", retryable=True)
    return ProtocolError(f"the server answered {clean(body)[:80]!r}, which is no answer; check the base URL")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (a number, or a date later than `date`)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None else _seconds_between(headers.get("date"), value)


def clean(text: str | bytes) -> str:
    """Foreign text on one line, without control characters and HTML tags, at most 4 KiB."""
    if isinstance(text, bytes):
        text = text[: 2 * TEXT_LIMIT].decode("utf-8", "replace")
    # Not printable are line ends, controls, marks that turn the direction of text, and what nobody can see.
    seen = "".join(mark if mark.isprintable() else " " for mark in text[: 2 * TEXT_LIMIT])
    line = " ".join(_TAG.sub(" ", seen).split())
    if _TAG.search(line):  # what stood inside another one
        line = line.translate(_NO_TAGS)
    return line.encode("utf-8", "replace")[:TEXT_LIMIT].decode("utf-8", "ignore")


class _Said:
    """The text, code, status and request id of an error body, wherever the server put them."""

    def __init__(self, body: object) -> None:
        outer = record(body)
        inner = outer.get("error")
        if inner is None and "response" in outer:
            inner = record(outer["response"]).get("error")
        if isinstance(inner, str):
            # FastAPI and Ollama write the text itself; some gateways the code, and the text beside it.
            fields = {
                "message": outer.get("message") or inner,
                "code": inner if outer.get("message") else None,
            }
        else:
            fields = record(inner) or outer
        message = fields.get("message") or fields.get("detail") or outer.get("message") or outer.get("detail")
        self.text = _readable(message)
        code = fields.get("code")
        self.status = _status(code) or _status(outer.get("status_code")) or _status(fields.get("status"))
        kind = string(fields.get("type"))
        word = string(code) or ("" if kind == "error" else kind) or string(fields.get("status"))
        self.code = clean(word or ("" if code is None else str(code)))[:100] or None
        self.request_id = clean(string(outer.get("request_id")))[:200] or None


def _said(body: bytes) -> _Said:
    value = parse_mended(body)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        return _Said(value)
    return _Said({"message": body[: 2 * TEXT_LIMIT].decode("utf-8", "replace")})


def _readable(message: object) -> str:
    if message is None:
        return ""
    text = message if isinstance(message, str) else repr(message)
    return _WEB_PAGE if _MARKUP.match(text) or "<html" in text[:TEXT_LIMIT].lower() else clean(text)


def _status(code: object) -> int | None:
    number = int(code) if isinstance(code, str) and re.fullmatch(r"[45]\d\d", code) else count(code)
    return number if number is not None and 400 <= number < 600 else None  # noqa: PLR2004


def _kind_of_status(status: int) -> ErrorKind:
    if status in _STATUS_KINDS:
        return _STATUS_KINDS[status]
    if status < 400:  # noqa: PLR2004
        return "redirect"
    return "server" if status >= 500 else "bad_request"  # noqa: PLR2004


def _kind_of_word(word: str | None) -> ErrorKind | None:
    if not word:
        return None
    matches = (kind for pattern, kind in _WORD_KINDS.items() if re.search(pattern, word, re.IGNORECASE))
    return next(matches, None)


def _retryable(kind: ErrorKind, headers: Mapping[str, str]) -> bool:
    wish = headers.get("x-should-retry", "").strip().lower()
    return wish == "true" if wish in ("true", "false") else kind in _RETRYABLE


def _advice(kind: ErrorKind) -> str:
    return f" ({_ADVICE[kind]})" if kind in _ADVICE else ""


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _seconds_between(start: str | None, end: str | None) -> float | None:
    if not start or not end:
        return None
    try:
        return max(0.0, (parsedate_to_datetime(end) - parsedate_to_datetime(start)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
