"""A function of the user's as one who answers: what it gives becomes a stream like any other.

The function runs on the portal's loop when it is asynchronous and on a thread of its own when it is not, so
a slow one holds up nothing but its own answer. It is called when the stream begins.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from streamcell import memory
from streamcell.core.conversation import Place
from streamcell.core.response import StreamingResponse
from streamcell.errors import StreamcellError, UsageError
from streamcell.events import Event, Finished, Started, TextDelta, UsageReport
from streamcell.foreign import Foreign
from streamcell.handle import Stream
from streamcell.io import foreign_reader, worker
from streamcell.io.foreign_failures import failure_of
from streamcell.messages import ImagePart, Message
from streamcell.run import Deliver

PROVIDER: Final = "function"
"""What stands where a provider's name stands."""


def called(function: Callable[..., Any], place: Place, *, name: str) -> Stream:
    """The answer of ``function(message, history)`` at `place`.

    `history` is a list of ``{"role", "content"}``, texts only, a system prompt first. Raises `UsageError` for
    a question with images.
    """
    question = place.turn.messages
    if any(isinstance(part, ImagePart) for message in question for part in message.parts):
        raise UsageError(f"{name} is given text alone; send the question without its images")
    message = "\n\n".join(one.content for one in question)
    source = _Called(function, message, history(place), name=name)
    stream = source.stream = Stream(source, prompt=place.messages)
    stream.response.metadata |= {"provider": PROVIDER, "model": name}
    memory.remember(stream, {"conversation": place})
    return stream


def history(place: Place) -> list[dict[str, str]]:
    """What was said before the question at `place`, as chat clients take it."""
    before = place.messages[: len(place.messages) - len(place.turn.messages)]
    system = place.conversation.system
    said = [{"role": "system", "content": system}] if system else []
    return said + [_as_dict(message) for message in before if message.role != "tool" and message.content]


def _as_dict(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


class _Called:
    """The call as a source (`run.Source`) of `stream`."""

    stream: Stream

    def __init__(
        self, function: Callable[..., Any], message: str, before: list[dict[str, str]], *, name: str
    ) -> None:
        self._function = function
        self._given = (message, before)
        self._name = name

    async def __call__(self, deliver: Deliver) -> None:
        given = await self._result()
        match given:
            case str():
                await deliver([*self._begin(), *_text(given), Finished("stop")])
            case StreamingResponse():
                said = [*_text(given.text), UsageReport(given.usage)]
                await deliver([*self._begin(), *said, Finished(given.stop_reason or "unknown", given.error)])
            case Stream():
                await self._relay(given, deliver)
            case _:
                await Foreign(self._iterator(given), provider=PROVIDER, model=self._name)(deliver)

    async def _result(self) -> Any:
        """What the function gives; what it raises is described, not passed on."""
        try:
            if worker.is_async(self._function):
                given = self._function(*self._given)
            else:
                given = await worker.call(self._function, *self._given)
            # A stream can be awaited too, but is to be shown while it comes.
            return await given if inspect.isawaitable(given) and not isinstance(given, Stream) else given
        except Exception as error:  # noqa: BLE001 - it is the user's code
            failure: StreamcellError = failure_of(error, started=False)
        raise failure

    def _iterator(self, given: Any) -> Any:
        if isinstance(given, bytes | dict) or not foreign_reader.is_iterable(given):
            raise UsageError(
                f"{self._name} returned {type(given).__name__}; a chat's function returns text,"
                " an iterator of text, or a Stream"
            )
        return given

    async def _relay(self, inner: Stream, deliver: Deliver) -> None:
        """The events of another stream of ours, which is asked in its own way for consent to its tools."""
        if self.stream.approvals.attached:
            inner.approvals.attach()
        self.stream.approvals = inner.approvals
        try:
            async for event in inner.events():
                await deliver([event])
        finally:
            inner.cancel()

    def _begin(self) -> list[Event]:
        return [Started(PROVIDER, self._name)]


def _text(text: str) -> list[Event]:
    return [TextDelta(text)] if text else []
