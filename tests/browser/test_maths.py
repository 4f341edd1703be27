"""Formulas and code: typeset and coloured while an answer comes, and readable in the saved notebook."""

from faucet import LOAD
from talk import CHAT, answer_to, last_answer, wait_for_twin
from views import article, wait_until_replaced

FORMULA = r"e^x \approx \sum_{k=0}^n \frac{x^k}{k!}"
CODE = "def total(values):\n    return sum(values)  # a_b"
SAID = f"The sum $a_1 + b_1$, not $5:\n\n$$\n{FORMULA}\n$$\n\n```python\n{CODE}\n```\n\nand **done**"

# The colours of the code and of what it stands on, as they are seen.
COLOURS = """
code => {
  const ground = (node) => {
    const { backgroundColor } = getComputedStyle(node);
    const clear = node.parentElement && backgroundColor === 'rgba(0, 0, 0, 0)';
    return clear ? ground(node.parentElement) : backgroundColor;
  };
  const canvas = new OffscreenCanvas(1, 1).getContext('2d');
  const seen = (...colours) => {
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const below = ['white', ground(code)];
  const spans = [...code.querySelectorAll("[class^='hljs-']")];
  return spans.map((span) => [seen(...below), seen(...below, getComputedStyle(span).color)]);
}
"""


def luminance(colour):
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def check_adorned(shown):
    shown.locator("math[display=block] munderover").wait_for(state="attached")
    shown.locator("code .hljs-keyword", has_text="def").wait_for()
    assert shown.locator("math").count() == 2
    assert shown.locator("code").inner_text().strip() == CODE


def test_a_cell_typesets_and_colours_while_it_streams_and_keeps_the_source(lab, faucet):
    notebook = lab.open([LOAD, faucet.cell()])
    notebook.run_all()
    flow = faucet.next()
    flow.say("First $x_{1")
    shown = article(notebook)
    shown.get_by_text("First $x_{1", exact=True).wait_for()
    flow.say("}^2$ and\n\n" + SAID.replace("$a_1 + b_1$", "it"))
    check_adorned(shown)
    for theme in ("light", "dark"):
        notebook.theme(theme)
        notebook.screenshot(f"maths-{theme}", 1)
        pairs = shown.locator("code").first.evaluate(COLOURS)
        assert len(pairs) > 3
        assert min(contrast(*pair) for pair in pairs) >= 4.5
    flow.end()
    output = wait_until_replaced(notebook)
    output.get_by_text("done").wait_for()
    kept = notebook.save().cells[1].outputs[0].data["text/html"]
    for source in ("<span>$x_{1}^2$</span>", f"<span>$$\n{FORMULA}\n$$</span>", "return sum(values)"):
        assert source in kept
    assert "<span>$</span>5" in kept
    assert notebook.errors == []


def test_a_chat_typesets_and_colours_and_its_twin_keeps_the_source(lab, faucet):
    notebook = lab.open([CHAT.format(base_url=faucet.base_url, title="Held", options="")])
    notebook.run(0)
    answer_to(notebook, faucet, "Why?", SAID)
    check_adorned(last_answer(notebook))
    wait_for_twin(notebook, "done")
    kept = "".join(output.data.get("text/html", "") for output in notebook.save().cells[0].outputs)
    assert "<span>$a_1 + b_1$</span>" in kept
    assert f"<span>$$\n{FORMULA}\n$$</span>" in kept
    assert notebook.errors == []


def test_a_part_comes_to_the_page_when_an_answer_needs_it(lab, faucet):
    notebook = lab.open([CHAT.format(base_url=faucet.base_url, title="Held", options="")])
    notebook.run(0)
    answer_to(notebook, faucet, "Why?", "Only **words** for $5, and:\n\n```text\nplain\n```\n")
    assert _parts(notebook) == set()
    answer_to(notebook, faucet, "And?", "```sql\nSELECT 1\n```\n")
    last_answer(notebook).locator(".hljs-keyword").wait_for()
    assert _parts(notebook) == {"highlight"}


def _parts(notebook):
    """The page's code that was loaded, as the page itself remembers it."""
    names = notebook.page.evaluate(
        "Object.getOwnPropertySymbols(globalThis).map(({ description }) => description)"
    )
    return {name.split()[1] for name in names if name.startswith("streamcell ") and name.count(" ") > 1}
