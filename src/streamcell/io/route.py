"""Where a call goes and which key it carries, decided before anything is imported or opened.

The rules, in short: an argument beats the environment, the environment beats the provider's own address. A
key from the environment goes to the provider's own host, or to the host that the environment's own base URL
names; any other host needs its key as an argument. A loopback host needs no key. `http://` is for loopback
unless the user allows more. This module opens no connection and knows no HTTP client.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from streamcell.errors import UsageError
from streamcell.io.keys import Key, find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamcell.providers.contract import Facts


@dataclass(frozen=True, slots=True)
class Route:
    """One place to send calls to. Routes that are equal share their connections."""

    provider: str
    client: str = ""
    """`module:class` of the official client that carries the call; empty: plain HTTP."""
    base_url: str | None = None
    """None: the official client's own default, or that of the ready client."""
    key: Key | None = None
    key_header: str = ""
    """The header that carries the bare key over plain HTTP; empty: `Authorization: Bearer`."""
    ready: object | None = None
    """A client object of the user's, which brings its own address and key."""

    @property
    def host(self) -> str | None:
        """The host name of `base_url`; None where the client decides."""
        return host_of(self.base_url)


def route_for(
    facts: Facts,
    *,
    base_url: str | None,
    api_key: str | Key | None,
    environment: Mapping[str, str],
    allow_http: bool,
) -> Route:
    """The route for a provider; raises `UsageError` for a bad address and for a missing or foreign key."""
    configured = _configured(facts, environment)
    address = address_for(facts, base_url=base_url, environment=environment, allow_http=allow_http)
    own = {host_of(facts.base_url)} | ({host_of(_spelled_out(configured, None))} if configured else set())
    key = _key(facts, host_of(address), own=own, api_key=api_key, environment=environment)
    return Route(
        provider=facts.name,
        client=facts.client,
        base_url=address,
        key=key,
        key_header=facts.key_header,
    )


def address_for(
    facts: Facts, *, base_url: str | None, environment: Mapping[str, str], allow_http: bool
) -> str | None:
    """Where calls to a provider go; None where the official client decides. Raises `UsageError` if unsafe."""
    chosen = base_url or _configured(facts, environment) or facts.base_url
    return None if chosen is None else checked(_spelled_out(chosen, facts.base_url), allow_http=allow_http)


def _configured(facts: Facts, environment: Mapping[str, str]) -> str | None:
    return next((environment[name] for name in facts.base_names if environment.get(name)), None)


def checked(base_url: str, *, allow_http: bool) -> str:
    """`base_url` without a trailing slash; raises `UsageError` unless it is a safe absolute HTTP address."""
    parts = _parts(base_url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("base_url= is no address; it has the form https://host/path")
    if parts.username is not None:
        raise UsageError(f"base_url= for {parts.hostname} holds a user name; pass the secret as api_key=")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise UsageError(
            f"http://{parts.netloc} would send the prompt and the key unencrypted;"
            " use https://, or pass allow_http=True"
        )
    return base_url.rstrip("/")


def is_loopback(host: str | None) -> bool:
    """Whether `host` is this computer ("localhost", 127.0.0.0/8, ::1, and the unspecified addresses)."""
    if host is None:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def host_of(base_url: str | None) -> str | None:
    """The lower-case host name in an address, or None."""
    parts = None if base_url is None else _parts(base_url)
    return None if parts is None else parts.hostname


def peer_of(base_url: str) -> str:
    """`host:port`, as error messages name the other side."""
    parts = _parts(base_url)
    if parts is None or parts.hostname is None:
        return "the server"
    return f"{parts.hostname}:{parts.port or (80 if parts.scheme == 'http' else 443)}"


def _parts(base_url: str) -> SplitResult | None:
    try:
        parts = urlsplit(base_url)
        _ = parts.port  # urlsplit looks at the port only when it is asked for
    except ValueError:
        return None
    return parts


def _spelled_out(base_url: str, default: str | None) -> str:
    """`base_url` with a scheme: a bare `host:port` is a habit of local servers, and 0.0.0.0 means here."""
    base_url = base_url.strip()
    if "://" not in base_url:
        base_url = f"http://{base_url}"
        parts, usual = _parts(base_url), _parts(default or "")
        if parts is not None and parts.port is None and usual is not None and usual.port is not None:
            base_url = f"http://{parts.netloc}:{usual.port}{parts.path}"
    return base_url.replace("://0.0.0.0", "://127.0.0.1", 1)


def _key(
    facts: Facts,
    host: str | None,
    *,
    own: set[str | None],
    api_key: str | Key | None,
    environment: Mapping[str, str],
) -> Key | None:
    if api_key is not None:
        return (api_key if isinstance(api_key, Key) else Key(api_key)).bound(host)
    if not facts.key_names:
        return None
    found = find(facts.key_names, environment) if host in own else None
    if found is not None:
        return found.bound(host)
    if is_loopback(host):
        return None
    raise UsageError(_missing(facts, host, own=own))


def _missing(facts: Facts, host: str | None, *, own: set[str | None]) -> str:
    names = " or ".join(facts.key_names)
    if host in own:
        return f"{facts.name} needs a key: set {names}, or pass api_key="
    settings = f" or set {facts.base_names[0]} beside the key" if facts.base_names else ""
    return f"a key in {names} is not sent to {host}, which is not {facts.name}'s own: pass api_key={settings}"
