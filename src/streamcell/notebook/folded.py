"""What lasts of a live view, folded away under a line, for a page on which the live view cannot hide it.

Readers without scripts unfold it: it is plain HTML.
"""

from __future__ import annotations

from collections.abc import Mapping


def folded(bundle: Mapping[str, str], *, line: str) -> dict[str, str]:
    """The same bundle, its HTML below `line` (text of ours, not escaped); its text stays as it is."""
    return {
        **bundle,
        "text/html": f"<details><summary><small>{line}</small></summary>\n{bundle['text/html']}\n</details>",
    }
