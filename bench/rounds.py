"""Contestants in turn, A B A B …, so that what else the machine does hits them alike."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Rounds:
    """One figure of each contestant in each round."""

    def __init__(self) -> None:
        self._figures: dict[str, list[float]] = {}

    def add(self, name: str, figure: float) -> None:
        self._figures.setdefault(name, []).append(figure)

    def median(self, name: str) -> float:
        return statistics.median(self._figures[name])

    def ratio(self, name: str, control: str) -> float:
        """The median of the ratios of the same round."""
        pairs = zip(self._figures[name], self._figures[control], strict=True)
        return statistics.median(one / other for one, other in pairs)

    @classmethod
    def of(cls, contestants: Mapping[str, Callable[[], float]], *, rounds: int, warm: bool = True) -> Rounds:
        """Run all of them `rounds` times in turn; before that once unmeasured if `warm`."""
        result = cls()
        for contestant in contestants.values() if warm else ():
            contestant()
        for _ in range(rounds):
            for name, contestant in contestants.items():
                result.add(name, contestant())
        return result
