"""API keys: found, held out of sight, and taken out of every text that leaves the house.

A `Key` never shows its secret by accident: not in a repr, a format string, a pickle or a traceback. The only
way to the secret is `reveal`, which the transport calls while it writes a request. The module knows no
provider and no HTTP, and asks a human only when `ask` is called.
"""

from __future__ import annotations

import getpass
import importlib
import importlib.util
import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NoReturn

from streamcell.core.secret_scan import SHORTEST_SECRET, scan_text, spellings
from streamcell.errors import StreamcellError, UsageError
from streamcell.io.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

KEYRING_SERVICE = "streamcell"
REDACTED = "[key removed]"
_TELLING = 12
"""Characters of a key that say it is one; a shorter beginning is the same for all keys of a vendor."""
_KEY_NAMES = ("_API_KEY", "_ACCESS_KEY", "_AUTH_TOKEN", "_SESSION_TOKEN")
# Where the official clients keep theirs.
_CLIENT_ATTRIBUTES = ("api_key", "auth_token", "aws_secret_key", "aws_session_token")


class Key:
    """A secret that can be sent but not read; `source` says where it came from, `host` where it may go.

    A key without a host has not been used yet; `bound` gives the same key tied to one. Keys are equal when
    their secret and host are. Copies are the same object; pickling raises `UsageError`.
    """

    __slots__ = ("_open", "host", "source")

    def __init__(self, secret: str, *, source: str = "api_key=", host: str | None = None) -> None:
        secret = secret.strip()
        if not (secret and secret.isascii() and secret.isprintable()):
            del secret  # a traceback with local variables must not show it
            raise UsageError(
                f"the key from {source} is empty or holds a character no HTTP header takes; copy it again"
            )
        self._open: Callable[[], str] = lambda: secret
        self.source = source
        self.host = host
        _known.add(self)

    def reveal(self, host: str | None) -> str:
        """The secret, for a request to `host`; raises `UsageError` when the key belongs to another host."""
        self.bound(host)
        return self._open()

    def bound(self, host: str | None) -> Key:
        """The same key tied to `host`; raises `UsageError` when it is tied to another one already."""
        if self.host == host:
            return self
        if self.host is not None:
            raise UsageError(
                f"the key from {self.source} belongs to {self.host} and is not sent to {host};"
                " pass that host's own key as api_key="
            )
        return Key(self._open(), source=self.source, host=host)

    def __repr__(self) -> str:
        return f"Key(from {self.source})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and (self._open(), self.host) == (other._open(), other.host)

    def __hash__(self) -> int:
        return hash((self._open(), self.host))

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Key:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise UsageError("a key cannot be pickled; let the other process find its own in its environment")

    def spellings(self) -> frozenset[str]:
        """The secret as it stands, inside JSON and inside a URL; for `redact` alone."""
        return spellings(self._open())


# Keys stay known to the end of the process: a late log record may still carry one. Any thread adds;
# readers take a tuple first, so that they never meet a set that grows under them.
_known: set[Key] = set()


def find(names: Iterable[str], environment: Mapping[str, str]) -> Key | None:
    """The first key that `environment`, or else the keyring, holds under one of `names`; None without one.

    The keyring is looked at only if the `keyring` package is installed, under the service "streamcell" with
    the variable's name as the user name. Nothing here asks a question; an operating system may do so when
    its keyring is locked.
    """
    wanted = tuple(names)
    for name in wanted:
        if environment.get(name, "").strip():
            return Key(environment[name], source=name)
    return _in_keyring(wanted)


def held_by(client: object, host: str | None) -> list[Key]:
    """The keys that an official client object holds, known from now on to `redact`."""
    held = (getattr(client, attribute, None) for attribute in _CLIENT_ATTRIBUTES)
    return [Key(secret, source="client=", host=host) for secret in held if isinstance(secret, str) and secret]


def ask(name: str = "API key") -> Key:
    """A key typed by the user into a hidden prompt (a terminal or a notebook cell).

    Raises `UsageError` where nobody can be asked.
    """
    try:
        return Key(getpass.getpass(f"{name} (not shown): "), source="prompt")
    except (EOFError, OSError, RuntimeError):  # ipykernel's "no stdin" is a RuntimeError
        pass
    raise UsageError(f"nobody can be asked for {name} here; set it in the environment")


def redact(text: str) -> str:
    """`text` without any key this process has held, as it stands or escaped for JSON or a URL.

    The beginning of a key goes too, for text is cut wherever it is too long; case does not count, for hosts
    are written small.
    """
    spellings = {spelling for key in tuple(_known) for spelling in key.spellings()}
    # A shorter one is a placeholder; removing it would only garble messages.
    secrets = (spelling for spelling in spellings if len(spelling) >= SHORTEST_SECRET)
    pieces, end = [], 0
    for begin, behind in sorted(span for secret in secrets for span in _places(text, secret)):
        if begin >= end:
            pieces += [text[end:begin], REDACTED]
        end = max(end, behind)
    return "".join([*pieces, text[end:]])


def redact_error(error: StreamcellError) -> None:
    """Take out of `error` every key: held, in the environment, or one by its looks."""
    error.args = (_without_any(str(error)),)
    for name in ("code", "request_id"):
        if isinstance(said := getattr(error, name, None), str):
            setattr(error, name, _without_any(said))


def _without_any(text: str) -> str:
    known = {name: value for name, value in environment.items() if name.endswith(_KEY_NAMES)}
    text = redact(text)
    for hit in reversed(scan_text(text, known=known)):
        text = f"{text[: hit.begin]}{REDACTED}{text[hit.end :]}"
    return text


def _places(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """From where to where `secret` stands in `text`, or as much of it as says which it is."""
    telling = min(len(secret), max(SHORTEST_SECRET, min(len(secret) // 2, _TELLING)))
    for found in re.finditer(re.escape(secret[:telling]), text, re.IGNORECASE):
        there = text[found.start() : found.start() + len(secret)]
        pairs = zip(there.lower(), secret.lower(), strict=False)
        yield found.start(), found.start() + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _in_keyring(names: Iterable[str]) -> Key | None:
    if importlib.util.find_spec("keyring") is None:
        return None
    keyring: Any = importlib.import_module("keyring")
    failure: Any = importlib.import_module("keyring.errors").KeyringError
    for name in names:
        try:
            secret = keyring.get_password(KEYRING_SERVICE, name)
        except failure:
            return None  # no usable backend is the same as no keyring
        if secret:
            return Key(secret, source=f"keyring {name}")
    return None
