"""The server as a process: where it listens, and what it needs to be safe there. For the command line."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import Final

import uvicorn

from streamcell.agent import Agent
from streamcell.errors import UsageError
from streamcell.io.environment import environment
from streamcell.serve.app import create_app
from streamcell.serve.connections import PatientProtocol
from streamcell.serve.event_stream import Leaving
from streamcell.serve.guard import is_loopback
from streamcell.serve.limits import Limits

_GRACE: Final = 3
"""Seconds that running answers get when the server is asked to end."""


def run(
    models: Sequence[str | Agent] = ("demo",),
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    token_env: str | None = None,
    origins: Sequence[str] = (),
    limits: Limits | None = None,
    on_leave: Leaving = "go_on",
    log: str | None = None,
) -> None:
    """Serve until Ctrl-C. The other arguments are those of `create_app`.

    `token_env` names the environment variable that holds the token, or several with spaces between them.
    Raises `UsageError` when it holds none, and for a `host` that other machines reach without a token.
    """
    server(
        models,
        host=host,
        port=port,
        token_env=token_env,
        origins=origins,
        limits=limits,
        on_leave=on_leave,
        log=log,
    ).run()


def server(
    models: Sequence[str | Agent],
    *,
    host: str,
    port: int,
    token_env: str | None = None,
    origins: Sequence[str] = (),
    limits: Limits | None = None,
    on_leave: Leaving = "go_on",
    log: str | None = None,
) -> uvicorn.Server:
    """The server, not yet running."""
    tokens = tokens_in(environment, token_env)
    if not tokens and not is_loopback(host):
        raise UsageError(
            f"other machines reach {host}, so a token is needed: put one into an environment variable"
            " and name that with --token-env (token_env=)"
        )
    limits = limits or Limits()
    app = create_app(models, tokens=tokens, origins=origins, limits=limits, on_leave=on_leave, log=log)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        ws="websockets-sansio",
        ws_max_size=limits.body_bytes,
        server_header=False,
        proxy_headers=False,  # what a caller says of itself changes nothing here
        timeout_graceful_shutdown=_GRACE,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """uvicorn's, which ends the tasks that outlast the grace, but leaves their connections open."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # until they are told


def tokens_in(variables: Mapping[str, str], name: str | None) -> list[str]:
    """The tokens in the variable of this name; none if there is no name."""
    if name is None:
        return []
    tokens = variables.get(name, "").split()
    if not tokens:
        raise UsageError(f"the environment variable {name} holds no token; set it to a long random text")
    return tokens
