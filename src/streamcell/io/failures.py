"""What the HTTP stack raises, said in our own errors.

Exceptions are recognised by the names of their classes, so that this module imports no HTTP client: httpx2,
the older httpx (which an official client still takes from a user) and the official clients share them.
Nothing of a foreign exception survives but the operating system's own words.
"""

from __future__ import annotations

import errno
import ssl
from typing import TYPE_CHECKING, TypeGuard

from streamcell.errors import ProtocolError, StreamcellError, TransportError, UsageError
from streamcell.io.keys import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

_BAD_REQUESTS = frozenset({"LocalProtocolError", "UnsupportedProtocol", "InvalidURL"})
_TIMEOUTS = frozenset({"TimeoutException", "APITimeoutError", "TimeoutError"})
_CONNECTIONS = frozenset({"TransportError", "APIConnectionError", "OSError"})
# How httpcore2 says that nothing at all came; its other protocol errors tell of bytes that are no HTTP.
_SAID_NOTHING = "Server disconnected"
_ADVICE = {errno.EMFILE: "; allow more (ulimit -n) or run fewer streams at once"}


def before_answer(error: BaseException, peer: str) -> StreamcellError:
    """The error for a call that got no answer, or none that could be read, from `peer` (`host:port`)."""
    names = _names(error)
    secure = next((link for link in _links(error) if _is_tls_failure(link)), None)
    if secure is not None:
        return TransportError(f"no secure connection to {peer}: {_tls_reason(secure)}", kind="tls")
    if names & _TIMEOUTS:
        return TransportError(f"no connection to {peer} in time", kind="timeout_connect", retryable=True)
    if "DecodingError" in names:
        return within_body(error, peer)
    if _is_no_http(error):
        return ProtocolError(f"what {peer} answered is no HTTP; check the base URL", retryable=True)
    if names & _CONNECTIONS and not names & _BAD_REQUESTS:
        return TransportError(f"no connection to {peer}: {_reason(error)}", retryable=True)
    said = redact(f"{type(error).__name__}: {error}")[:300]
    return UsageError(f"the request to {peer} could not be written: {said}")


def within_body(error: BaseException, peer: str) -> ProtocolError:
    """The error for an answer from `peer` whose body broke."""
    if "DecodingError" in _names(error):
        return ProtocolError(f"the answer of {peer} is packed, and cannot be unpacked", retryable=True)
    return ProtocolError(
        f"the connection to {peer} broke in the middle of the answer", kind="truncated", retryable=True
    )


def _links(error: BaseException) -> Iterator[BaseException]:
    """`error` and everything it came from, groups opened."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        waiting.extend(cause for cause in (link.__context__, link.__cause__) if cause is not None)


def _names(error: BaseException) -> frozenset[str]:
    return frozenset(kind.__name__ for link in _links(error) for kind in type(link).__mro__)


def _reason(error: BaseException) -> str:
    for link in _links(error):
        if isinstance(link, OSError) and link.strerror and not isinstance(link, ssl.SSLError):
            return link.strerror.removeprefix(f"[Errno {link.errno}] ") + _ADVICE.get(link.errno or 0, "")
    return "it was closed before an answer came"


def _is_no_http(error: BaseException) -> bool:
    said = (str(link) for link in _links(error) if type(link).__name__ == "RemoteProtocolError")
    return any(text and not text.startswith(_SAID_NOTHING) for text in said)


def _is_tls_failure(link: BaseException) -> TypeGuard[ssl.SSLError]:
    # "Want read" is how OpenSSL waits: it hangs on every error that ends a handshake.
    return isinstance(link, ssl.SSLError) and not isinstance(
        link, ssl.SSLWantReadError | ssl.SSLWantWriteError
    )


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was refused ({error.verify_message})"
    return (error.reason or "the handshake failed").replace("_", " ").lower()
