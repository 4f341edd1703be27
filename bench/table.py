"""The rows of the bench, and how they are printed."""

from __future__ import annotations

from typing import NamedTuple

HEADS = ("quantity", "measured", "control", "ratio", "budget", "")


class Row(NamedTuple):
    """One line: `ratio` is measured against control; `within`: the budget holds (None: there is none)."""

    quantity: str
    measured: str
    control: str = ""
    ratio: str = ""
    budget: str = ""
    within: bool | None = None

    @property
    def verdict(self) -> str:
        return {True: "ok", False: "OVER", None: ""}[self.within]


def ratio_row(quantity: str, measured: str, *, control: str, ratio: float, budget: float) -> Row:
    """A row whose budget is a ratio."""
    return Row(quantity, measured, control, f"{ratio:.2f}x", f"<= {budget:g}x", ratio <= budget)


def markdown(rows: list[Row]) -> str:
    """The rows as a Markdown table that also reads well in a terminal."""
    cells = [HEADS, *((*row[:5], row.verdict) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
