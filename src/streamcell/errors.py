"""Everything that can go wrong, as one tree.

::

    StreamcellError            base: kind, retryable, partial, request_id, attempts
    ├── UsageError             the call itself is wrong; nothing was sent
    ├── ProviderError          the provider said no: status, code, retry_after
    ├── TransportError         no connection, TLS, a clock ran out
    ├── ProtocolError          the answer is not what the provider's API promises
    ├── ToolError              a tool could not be called
    ├── LimitExceeded          one of our caps (size, cost, turns) was reached
    ├── BackpressureTimeout    nobody read the stream for too long
    └── StreamInterruptedError any of the above after content was shown; __cause__ says which

The module refers to `StreamingResponse` by type only and knows no exception of any other library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcell.events import ErrorInfo, ErrorKind

if TYPE_CHECKING:
    from streamcell.core.response import StreamingResponse


class StreamcellError(Exception):
    """Base of all errors of this package; its text is one line that says what happened and what to do.

    `kind` is one word of `events.ErrorKind`; `retryable` says whether the same call may succeed later;
    `partial` is what had been received (None before anything was); `attempts` counts requests sent.
    """

    default_kind: ErrorKind = "provider"

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        retryable: bool = False,
        partial: StreamingResponse | None = None,
        request_id: str | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind or self.default_kind
        self.retryable = retryable
        self.partial = partial
        self.request_id = request_id
        self.attempts = attempts

    @property
    def partial_response(self) -> StreamingResponse | None:
        """The same as `partial`."""
        return self.partial

    def info(self) -> ErrorInfo:
        """The error as a value that travels inside `Finished`."""
        return ErrorInfo(
            kind=self.kind, message=str(self), retryable=self.retryable, request_id=self.request_id
        )


class UsageError(StreamcellError):
    """The call is wrong: an unknown option, a parameter the provider does not take, a missing key."""

    default_kind: ErrorKind = "usage"


class ProviderError(StreamcellError):
    """The provider refused: HTTP `status`, the provider's own `code`, `retry_after` in seconds."""

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        retryable: bool = False,
        partial: StreamingResponse | None = None,
        request_id: str | None = None,
        attempts: int = 0,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(
            message,
            kind=kind,
            retryable=retryable,
            partial=partial,
            request_id=request_id,
            attempts=attempts,
        )
        self.status = status
        self.code = code
        self.retry_after = retry_after

    def info(self) -> ErrorInfo:
        return ErrorInfo(
            kind=self.kind,
            message=str(self),
            retryable=self.retryable,
            status=self.status,
            code=self.code,
            retry_after=self.retry_after,
            request_id=self.request_id,
        )


class TransportError(StreamcellError):
    """The provider could not be reached, or a clock ran out."""

    default_kind: ErrorKind = "connect"


class ProtocolError(StreamcellError):
    """The bytes received are not an answer: an HTML page, broken JSON, an end without an end."""

    default_kind: ErrorKind = "protocol"


class ToolError(StreamcellError):
    """A tool could not be called or asked about."""

    default_kind: ErrorKind = "tool"


class LimitExceeded(StreamcellError):
    """A cap of ours was reached: bytes, cost, turns."""

    default_kind: ErrorKind = "limit"


class BackpressureTimeout(StreamcellError):
    """The reader of a bounded stream stayed away too long."""

    default_kind: ErrorKind = "backpressure"


class StreamInterruptedError(StreamcellError):
    """The stream failed after content was shown; `partial` holds exactly what was received."""


_TRANSPORT_KINDS = frozenset(
    {"connect", "tls", "timeout_connect", "timeout_first", "timeout_idle", "timeout_total"}
)
_CLASSES: dict[str, type[StreamcellError]] = {
    **dict.fromkeys(_TRANSPORT_KINDS, TransportError),
    "protocol": ProtocolError,
    "truncated": ProtocolError,
    "tool": ToolError,
    "limit": LimitExceeded,
    "backpressure": BackpressureTimeout,
    "usage": UsageError,
}


def from_info(
    info: ErrorInfo,
    *,
    partial: StreamingResponse | None = None,
    attempts: int = 1,
) -> StreamcellError:
    """The exception for `info`, of the class its kind belongs to."""
    error = _CLASSES.get(info.kind, ProviderError)(info.message, kind=info.kind, retryable=info.retryable)
    error.partial, error.request_id, error.attempts = partial, info.request_id, attempts
    if isinstance(error, ProviderError):
        error.status, error.code, error.retry_after = info.status, info.code, info.retry_after
    return error


def interrupted(cause: StreamcellError, partial: StreamingResponse) -> StreamInterruptedError:
    """The error raised once content was shown: the kind of its cause, and the partial answer."""
    error = StreamInterruptedError(
        f"{cause} (the answer so far is kept in .partial)",
        kind=cause.kind,
        retryable=cause.retryable,
        partial=partial,
        request_id=cause.request_id,
        attempts=cause.attempts,
    )
    error.__cause__ = cause
    return error
