"""How far a batch is: counted as its results come, and said in one line. It knows no clock and no screen."""

from __future__ import annotations

from streamcell.many.tasks import TaskResult


class Tally:
    """Counts the results of a batch of `total` tasks (None: nobody knows) that began at `began` seconds."""

    def __init__(self, total: int | None, *, began: float) -> None:
        self.total = total
        self.done = 0
        self._began = began
        self._resumed = 0
        self._failed = 0
        self._cancelled = 0
        self._tokens = 0

    def add(self, result: TaskResult) -> None:
        """One more task is over."""
        self.done += 1
        self._resumed += result.resumed
        self._cancelled += result.kind == "cancelled"
        self._failed += not result.success and result.kind != "cancelled"
        if not result.resumed:
            self._tokens += result.usage.output_tokens or 0

    def line(self, now: float) -> str:
        """Such as ``37/100 · 2 failed · 410 tokens/s · 1:23 left``; at the end the time it took."""
        seconds = now - self._began
        counts = (
            f"{count:,} {name}"
            for name, count in (
                ("resumed", self._resumed),
                ("failed", self._failed),
                ("cancelled", self._cancelled),
            )
            if count
        )
        return " · ".join([self._share(), *counts, *self._rate(seconds), self._time(seconds)])

    def _share(self) -> str:
        return f"{self.done:,} done" if self.total is None else f"{self.done:,}/{self.total:,}"

    def _rate(self, seconds: float) -> list[str]:
        return [f"{self._tokens / seconds:,.0f} tokens/s"] if self._tokens and seconds > 0 else []

    def _time(self, seconds: float) -> str:
        """What is left, if that can be told: what an earlier run did says nothing of the pace of this."""
        answered = self.done - self._resumed
        left = 0 if self.total is None else self.total - self.done
        return f"{_clock(seconds / answered * left)} left" if answered and left > 0 else _clock(seconds)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
