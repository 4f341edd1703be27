"""Pictures of a view for people to look at, and what can be checked of them by rule: nothing sticks out."""

import pytest

from faucet import LOAD
from views import article, view, wait_until_replaced

TEXT = """## What DNA is

A **double helix** of two strands, `A-T` and `C-G`, as [Watson and Crick](https://example.org/dna) saw it:

1. It stores information.
2. It is copied before a cell divides, and averyveryverylongwordwithoutanyplacetobreakitinanarrowcolumn.

| Base | Pairs with | Bonds | Kind | Found in | Remark |
|------|------------|------:|------|----------|--------|
| Adenine | Thymine | 2 | purine | DNA and RNA | pairs with uracil in RNA |
| Cytosine | Guanine | 3 | pyrimidine | DNA and RNA | the stronger pair |

```python
def complement(strand: str) -> str:
    return strand.translate(str.maketrans("ATCG", "TAGC"))  # and this comment makes the line quite long
```

> A quotation, and a formula: $e^{i\\pi} + 1 = 0$.
"""
OVERFLOW = """node => [...node.querySelectorAll('*')].filter((element) => {
    const box = element.getBoundingClientRect();
    const scrolls = element.closest('pre, .sc-table, .sc-program, table');
    return box.width > 0 && !scrolls && box.right > node.getBoundingClientRect().right + 1;
}).map((element) => element.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_view_fits_its_page_live_and_finished(lab, faucet, theme):
    notebook = lab.open([LOAD, faucet.cell()])
    notebook.theme(theme)
    notebook.run_all()
    flow = faucet.next()
    flow.think("The user wants to know what DNA is. I should be brief.")
    flow.say(TEXT)
    article(notebook).get_by_text("A quotation").wait_for()
    for width in (1280, 420):
        notebook.resize(width)
        notebook.screenshot(f"live-{theme}-{width}", 1)
        assert view(notebook).evaluate(OVERFLOW) == []
    flow.end()
    wait_until_replaced(notebook).locator("mjx-container").first.wait_for(state="attached")
    for width in (1280, 420):
        notebook.resize(width)
        notebook.screenshot(f"finished-{theme}-{width}", 1)
