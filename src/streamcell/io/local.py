"""Whether a server of this computer is there to be asked."""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import urlsplit

from streamcell.errors import UsageError
from streamcell.io.environment import environment
from streamcell.io.route import is_loopback, route_for
from streamcell.providers.contract import Facts

PATIENCE = 0.1
"""Seconds; a loopback port answers or refuses at once."""


def is_running(facts: Facts) -> bool:
    """True when something listens where the provider's address points, if that is on this computer."""
    try:
        route = route_for(facts, base_url=None, api_key=None, environment=environment, allow_http=True)
    except UsageError:
        return False
    parts = urlsplit(route.base_url or "")
    if not is_loopback(parts.hostname) or parts.port is None:
        return False
    with contextlib.suppress(OSError), socket.create_connection((str(parts.hostname), parts.port), PATIENCE):
        return True
    return False
