"""A provider as an outside package writes it: one word a line, and a line that says `end`."""

from __future__ import annotations

import msgspec

from streamcell.errors import ProtocolError
from streamcell.events import ErrorInfo, Finished, Started, TextDelta
from streamcell.providers.contract import Call, Facts


class Mini(msgspec.Struct, frozen=True):
    facts: Facts

    def encode(self, request):
        return Call("/speak", {"model": request.model, "say": request.messages[-1].content})

    def decoder(self, request):
        return MiniDecoder(request.model)

    def decode_whole(self, request, body):
        return [
            Started("mini", request.model),
            TextDelta(msgspec.json.decode(body)["word"]),
            Finished("stop"),
        ]

    def decode_error(self, status, headers, body):
        return ErrorInfo("provider", f"mini answered {status}", status=status)


class MiniDecoder:
    def __init__(self, model):
        self._model = model
        self._started = False
        self.finished = False

    @property
    def complete(self):
        return self.finished

    def feed(self, payload):
        if not self._started:
            self._started = True
            yield Started("mini", self._model)
        line = msgspec.json.decode(payload.data)
        if word := line.get("word"):
            yield TextDelta(word)
        self.finished = bool(line.get("end"))

    def close(self):
        if not self.finished:
            raise ProtocolError("mini stopped in the middle", kind="truncated")
        yield Finished("stop")


mini = Mini(
    Facts(
        name="mini",
        default_model="small",
        framing="ndjson",
        base_names=("MINI_BASE_URL",),
        base_url="http://127.0.0.1:9",
    )
)
