"""The answer that every contestant is given: Markdown in token-like pieces, with numbered words to look for.

Piece `i` is the marker ``t00120`` wherever `i` is a multiple of ten and prose allows it, so that a page or a
trace tells which piece has arrived. 4.5 characters a piece, headings, lists, code and tables as models write.
"""

from __future__ import annotations

import itertools
import re

EVERY = 10
MARKER = re.compile(r"t(\d{5,6})")

_SECTION = """
## How a cell copies its molecules

The enzyme opens the **double strand** and reads one side of it, letter by letter, while the new strand grows
behind it; a second enzyme proofreads what was written and cuts out what does not fit. This happens at about
*fifty letters a second* in our cells and twenty times faster in bacteria, which lose less. See `copy()`.

- the leading strand is written in one go, from the opening to the end of the molecule
- the lagging strand is written in short pieces, which are joined later by a third enzyme
- errors that remain are found afterwards, because the old strand carries marks that the new one lacks

```python
def copy(strand: str) -> str:
    pairs = {"A": "T", "T": "A", "C": "G", "G": "C"}
    return "".join(pairs[letter] for letter in strand)
```

| organism | letters a second | errors |
|---|---|---|
| bacterium | about 1000 | one in ten million |
| human | about 50 | one in a billion |

What follows from it is simple enough: the more often a cell divides, the more errors it collects over a life,
and the organs whose cells divide most are those in which things go wrong most often, with exceptions.

"""
_PIECE = re.compile(r"[^\w\s]{1,3}|[ \n]?\w{1,9}|\s+?(?=\s?\w|\S)|\s+")
_WORD = re.compile(r" [a-z]{3,}")


def pieces(count: int) -> list[str]:
    """The first `count` pieces of an endless answer."""
    endless = itertools.cycle(_PIECE.findall(_SECTION))
    return [_marked(index, piece) for index, piece in enumerate(itertools.islice(endless, count))]


def _marked(index: int, piece: str) -> str:
    return f" t{index:05d}" if index % EVERY == 0 and _WORD.fullmatch(piece) else piece
