"""Connections whose other side has gone quiet: one that says half a request, one that takes nothing.

What uvicorn waits for without end gets an end here. Knows neither routes nor streams.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 20.0
"""For the line and the headers of a request, from the connection or from their first byte."""
TAKING_SECONDS: Final = 60.0
"""After which the system drops a reader that takes nothing, be it there or not. A stream can be resumed."""

_TAKING = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux; elsewhere its retransmissions end, in minutes


class PatientProtocol(H11Protocol):
    """uvicorn's, with a patience for the other side."""

    _head_seconds = HEAD_SECONDS
    _taking_seconds = TAKING_SECONDS
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _drop_unread(transport.get_extra_info("socket"), self._taking_seconds)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self._head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def _drop_unread(connection: Any, seconds: float) -> None:
    if _TAKING is not None and connection is not None and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, _TAKING, int(seconds * 1000))
