"""Live views beside each other in one output of a cell; where there is no room, below each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import ipywidgets

from streamcell.notebook.view import OwnOutput, StreamView

_NARROWEST: Final = "300px"


class Columns:
    """The place of several views (`view.Place`); what lasts of all of them replaces them together."""

    def __init__(self) -> None:
        self._output = OwnOutput()
        self._box: ipywidgets.Box | None = None
        self._column = ipywidgets.Layout(flex=f"1 1 {_NARROWEST}", min_width="0")

    def put(self, view: StreamView) -> None:
        view.layout = self._column
        if self._box is None:
            wrapping = ipywidgets.Layout(display="flex", flex_flow="row wrap", grid_gap="0 16px")
            self._box = ipywidgets.Box([view], layout=wrapping)
            self._output.put(self._box)
        else:
            self._box.children = (*self._box.children, view)

    def replace(self, bundle: Mapping[str, str]) -> None:
        """The others still run: one that is over stays where it is."""

    def end(self, bundle: Mapping[str, str]) -> None:
        """All are over."""
        self._output.replace(bundle)
        if self._box is not None:
            self._box.close()
