"""Bodies of refused calls, kept short: a status says enough, and the official clients read them whole."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REFUSAL_LIMIT: Final = 16 * 1024
"""Bytes of a body that are read."""
UNPACKED_LIMIT: Final = 64 * 1024
"""Bytes that they may unpack to."""
REFUSAL_SECONDS = 5.0
"""How long the body may take."""
_LOWEST_REFUSAL: Final = 300


class _Kept(httpx2.AsyncByteStream):
    """What was kept of a body, in its place; closing it closes the body."""

    def __init__(self, kept: bytes, body: httpx2.AsyncByteStream) -> None:
        self._kept = kept
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._kept

    async def aclose(self) -> None:
        await self._body.aclose()


async def limit_refusal(response: httpx2.Response) -> None:
    """Read the body of a refusal here: one that breaks, stalls or cannot be unpacked hides no status then."""
    body = response.stream
    if response.status_code >= _LOWEST_REFUSAL and isinstance(body, httpx2.AsyncByteStream):
        kept = await _unpacked(await _beginning(body), response.headers)
        response.headers.pop("content-encoding", None)
        # The clients decode the text for their exceptions, and fail where the charset is none.
        response.headers["content-type"] = response.headers.get("content-type", "").partition(";")[0]
        response.stream = _Kept(kept, body)


async def _beginning(body: httpx2.AsyncByteStream) -> bytes:
    """The first `REFUSAL_LIMIT` bytes, or what came before the body broke."""
    kept = b""
    with suppress(Exception):
        async with asyncio.timeout(REFUSAL_SECONDS):
            async for block in body:
                kept += block
                if len(kept) >= REFUSAL_LIMIT:
                    break
    return kept[:REFUSAL_LIMIT]


async def _unpacked(packed: bytes, headers: httpx2.Headers) -> bytes:
    """What was packed, up to `UNPACKED_LIMIT` bytes; packed more than once it can become anything."""
    packing = headers.get("content-encoding", "identity")
    kept = b""
    if "," not in packing:
        with suppress(httpx2.DecodingError):
            body = httpx2.Response(
                200, headers={"content-encoding": packing}, stream=httpx2.ByteStream(packed)
            )
            async for block in body.aiter_bytes():
                kept += block
                if len(kept) >= UNPACKED_LIMIT:
                    break
    return kept[:UNPACKED_LIMIT]
