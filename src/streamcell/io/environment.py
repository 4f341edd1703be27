"""The environment of this process as a mapping that shows none of its values.

A traceback with local variables prints every mapping that a frame holds, and this one holds keys. Values are
read when asked for, so that a key set in a later cell is found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping


class Environment(Mapping[str, str]):
    """Reads `os.environ`."""

    def __getitem__(self, name: str) -> str:
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)

    def __repr__(self) -> str:
        return f"<Environment of {len(self)} variables>"


environment = Environment()
