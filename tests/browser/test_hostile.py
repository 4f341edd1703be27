"""A model's text is a stranger's: it may be read, and it may do nothing, live, kept, reopened or exported.

Every payload sets `planted` on the window, fetches an address with `canary` in it, or would put something of
its own into the page. The page is audited at each change of an output, not only where a test happens to look.
"""

from __future__ import annotations

import random

import nbformat
import pytest
from nbconvert import HTMLExporter

import streamcell
from faucet import LOAD
from streamcell.core import static
from streamcell.events import Citation, ReasoningDelta
from streamcell.testing import Fault, Script, WireServer, text_pieces, tool_pieces
from views import article, view, wait_until_replaced

RUN = "top.planted=1"
REMOTE = "http://canary.example"
COMMAND = "apputils:change-font"
SVG = (
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjxzY3JpcHQ+dG9wLnBsYW50ZWQ9MTwvc2NyaXB0Pjwvc3ZnPg=="
)
MARKUP = (
    f"<script>{RUN}</script>",
    f'<img src=x onerror="{RUN}">',
    f'<img src="{REMOTE}/image.png"><img src="/canary/own.png"><img srcset="{REMOTE}/set.png 2x">',
    f'<svg onload="{RUN}"><script>{RUN}</script><a href="javascript:{RUN}"><text>x</text></a></svg>',
    f'<svg><animate onbegin="{RUN}" attributeName=x dur=1s></svg>',
    f'<iframe srcdoc="<script>{RUN}</script>"></iframe><iframe src="javascript:{RUN}"></iframe>',
    f'<object data="{REMOTE}/object"></object><embed src="{REMOTE}/embed">',
    f'<form action="{REMOTE}/form"><input name=planted autofocus onfocus={RUN}><button>Send</button></form>',
    f'<button data-commandlinker-command="{COMMAND}" data-commandlinker-args="{{}}">Run</button>',
    f'<div class="jp-mod-planted lm-Widget" id="planted" data-commandlinker-command="{COMMAND}">Run</div>',
    f'<style>@import "{REMOTE}/style.css"; body {{ background: url({REMOTE}/body.png) }}</style>',
    f'<p style="position:fixed;inset:0;background:url({REMOTE}/overlay.png)">over</p>',
    f'<link rel=stylesheet href="{REMOTE}/link.css"><link rel=prefetch href="{REMOTE}/prefetch">',
    f'<base href="{REMOTE}/"><meta http-equiv=refresh content="0;url={REMOTE}/refresh">',
    f'<details open ontoggle="{RUN}"><summary>x</summary>y</details>',
    f'<video poster="{REMOTE}/poster.png"><source onerror="{RUN}" src="{REMOTE}/video"></video>',
    f'<math><mtext><table><mglyph><style><img src=x onerror="{RUN}"></style></mglyph></table></mtext></math>',
    f'</div></div></article></section></pre></code><img src=x onerror="{RUN}"><div>',
    f"</script></style></textarea></title>--><script>{RUN}</script>",
    f'<a href="javascript:{RUN}" target=_top onmouseover="{RUN}">press</a>',
)  # fmt: skip
MARKDOWN = (
    f"![remote]({REMOTE}/md.png) ![own](/canary/md.png) ![near](canary.png) ![any](//canary.example/md.png)",
    f"![by reference][picture] [![linked]({REMOTE}/linked.png)]({REMOTE}/link)",
    f'![x]({REMOTE}/a.png"onerror="{RUN}) ![x" onerror="{RUN}](x)',
    f"![drawn](data:image/svg+xml;base64,{SVG})",
    f"[press](javascript:{RUN}) [press](JaVaScRiPt:{RUN}) [press](java&#x73;cript&colon;{RUN})",
    f"[press](&#1;javascript:{RUN}) [press](<java\tscript:{RUN}>) [press](vbscript:{RUN})",
    f"[press](data:text/html,<script>{RUN}</script>) [press](data:text/html;base64,{SVG})",
    "[press](file:///etc/passwd) [press](blob:http://x/y) [press](/api/canary) [press](#planted) [press](x)",
    f"<javascript:{RUN}> <data:text/html,planted> <vbscript:{RUN}>",
    f"[press][script] [page][page] <{REMOTE}/auto> <mail@canary.example> [mail](mailto:m@canary.example)",
    f'[titled]({REMOTE}/titled "\\" onmouseover=\\"{RUN}") [quoted]({REMOTE}/"onmouseover="{RUN})',
    f"| a{MARKUP[1]} | b |\n|:-:|--:|\n| {MARKUP[0]} | [x](javascript:{RUN}) |",
    f'```html" onmouseover="{RUN}\n{MARKUP[0]}{MARKUP[7]}\n```',
    f"`{MARKUP[1]}` **{MARKUP[8]}** ~~{MARKUP[3]}~~",
    f"# {MARKUP[1]}\n\n> {MARKUP[4]}\n\n1. {MARKUP[8]}\n   - {MARKUP[5]}",
)
MATHS = (
    rf"$\href{{javascript:{RUN}}}{{x}}$ $\href{{{REMOTE}/maths}}{{x}}$",
    rf"\(\href{{javascript:{RUN}}}{{x}}\)",
    r"$\style{position:fixed;inset:0}{x}$ $\class{planted}{x}$ $\cssId{planted}{x}$ $\unicode[planted]{65}$",
    rf"$\data{{commandlinker-command={COMMAND}}}{{x}}$ $\mmlToken{{mi}}[onclick='{RUN}']{{x}}$",
    rf"$$\require{{html}}\def\x{{\href{{javascript:{RUN}}}{{y}}}}\x$$",
    rf"\begin{{equation}}\href{{javascript:{RUN}}}{{x}}\class{{planted}}{{y}}\end{{equation}}",
    rf"\[ \href{{javascript:{RUN}}}{{x}} \]",
    rf"$\hr**ef**{{javascript:{RUN}}}{{x}}$ $\hre\f{{javascript:{RUN}}}{{x}}$",
    rf"\\(\href{{javascript:{RUN}}}{{x}}\\) \$\href{{javascript:{RUN}}}{{x}}\$",
)
REFERENCES = "\n".join(
    (
        f"[script]: javascript:{RUN}",
        f"[page]: data:text/html,<script>{RUN}</script>",
        f"[picture]: {REMOTE}/reference.png",
    )
)
BENIGN = r"A formula $e^{i\pi}$ and a [link](https://canary.example/plain)."
PIECES = (*MARKUP, *MARKDOWN, *MATHS, REFERENCES, BENIGN)
HOSTILE = "\n\n".join(PIECES)
ANSWER = (
    ReasoningDelta(HOSTILE),
    *text_pieces(HOSTILE, part=1),
    *tool_pieces(2, MARKUP[1] + MARKUP[8], arguments={MARKUP[0]: HOSTILE, "list": list(PIECES)}),
    Citation(f"javascript:{RUN}", MARKUP[1], MARKUP[0], part=3),
    Citation(f'{REMOTE}/" onmouseover="{RUN}', MARKUP[8], HOSTILE, part=3),
    Citation(f"{REMOTE}/source", "<b>source</b>", MARKUP[5], part=3),
    *text_pieces("\n\nthe end", part=3),
)

# Finds what an output may not hold. What MathJax makes of a formula may have styles and names, but not act.
AUDIT = r"""
window.audit = root => {
  const forbidden = "script, iframe, frame, object, embed, form, input, textarea, select, option, style,"
    + " link, meta, base, template, video, audio, source, track, portal, marquee, dialog, map, area, title,"
    + " svg *:not(path, polyline, g), math:not(mjx-container math, .sc-formula > math), button[name],"
    + " button[value], button[form]";
  const acting = ["src", "srcset", "srcdoc", "action", "formaction", "background", "poster", "ping", "data",
    "xlink:href", "manifest", "cite", "usemap", "autofocus", "contenteditable", "accesskey", "popovertarget",
    "command"];
  const ours = ["data-state", "data-lm-suppress-shortcuts", "data-language"];
  const typeset = element => element.closest(".sc-formula > math") !== null;
  const spaced = /^(?:(?:padding|border)[a-z-]*: ?[\w.% ]+;? ?)*$/;
  const found = [...root.querySelectorAll(forbidden)].map(element => element.outerHTML);
  for (const element of root.querySelectorAll("*")) {
    const formula = element.closest("mjx-container") !== null;
    for (const { name, value } of element.attributes) {
      const cell = /^T[HD]$/.test(element.tagName);
      const aligned = cell && /^text-align: ?(left|center|right);?$/.test(value);
      const inline = element.tagName === "IMG" && /^data:image\/(png|jpeg|gif|webp);/.test(value);
      if (/^on/i.test(name)
        || name === "style" && !aligned && !formula && !(typeset(element) && spaced.test(value))
        || name.startsWith("data-command")
        || name.startsWith("data-") && !ours.includes(name) && !formula
        || ["id", "name"].includes(name) && !formula
        || ["id", "name", "class"].includes(name) && value.includes("planted")
        || acting.includes(name) && !(name === "src" && inline)
        || name === "href" && element.tagName !== "A")
        found.push(`${name}=${value} in ${element.outerHTML}`);
    }
    if (element.tagName === "A" && element.hasAttribute("href")) {
      const good = ["http:", "https:", "mailto:"].includes(element.protocol)
        && (element.protocol === "mailto:" || element.host !== location.host)
        && element.relList.contains("noopener") && !formula;
      if (!good) found.push(element.outerHTML);
    }
  }
  return found;
};
window.found = [];
window.audits = 0;
window.auditAll = () => {
  for (const root of document.querySelectorAll(".jp-OutputArea-output")) found.push(...audit(root));
  if (document.querySelector("[class*=planted], [id*=planted], [name*=planted], base"))
    found.push("planted outside the outputs");
  audits += 1;
};
new MutationObserver(changes => {
  const inside = ({ target }) =>
    (target.closest ? target : target.parentElement)?.closest(".jp-OutputArea");
  if (changes.some(inside)) auditAll();
}).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
"""

COMMANDS = """
window.commanded = [];
window.jupyterapp.commands.commandExecuted.connect((_, { id }) => {
  if (!id.startsWith("notebook:run-")) commanded.push(id);
});
"""

# A link that opens elsewhere is the reader's business, and held back; one that replaces the page is not.
PRESS = """
(root, elsewhere) => {
  const hold = event => {
    const link = event.target.closest("a[href]");
    if (!link || !/^(https?|mailto):/.test(link.href)) return;
    if (!elsewhere || link.target === "_blank") event.preventDefault();
  };
  window.addEventListener("click", hold);
  const pressed = [...root.querySelectorAll("*:not(.sc-stop, .sc-load-image)")];
  for (const element of pressed) {
    for (const kind of ["mouseover", "mousedown", "focus", "mouseup"])
      element.dispatchEvent(new MouseEvent(kind, { bubbles: true, cancelable: true }));
    element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  }
  window.removeEventListener("click", hold);
  return pressed.length;
}
"""


@pytest.fixture
def canaries(lab):
    """The addresses of payloads that the pages of this test ask for."""
    asked = []
    lab.context.on("request", lambda request: asked.append(request.url))
    return lambda: [url for url in asked if "canary" in url]


def test_the_audit_sees_what_a_careless_display_lets_through(lab, canaries):
    # Without the form: pressed, it would leave the page, and the findings with it.
    markup = " ".join(piece for piece in MARKUP[1:10] if "<form" not in piece)
    notebook = lab.open([f"from IPython.display import HTML\nHTML({markup!r})"])
    _watch(notebook.page)
    notebook.run(0)
    notebook.page.wait_for_function("window.planted === 1 && found.length > 10")
    _press(notebook.output(0))
    assert COMMAND in notebook.page.evaluate("commanded")
    assert canaries()
    lab.strangers.clear()


def test_hostile_text_does_nothing_while_it_streams_and_once_it_is_kept(lab, faucet, canaries):
    notebook = lab.open([LOAD, faucet.cell()])
    _watch(notebook.page)
    notebook.run_all()
    flow = faucet.next()
    flow.say("begin")
    shown = article(notebook)
    shown.get_by_text("begin").wait_for()
    assert notebook.page.locator(".jp-OutputArea-output article").count() == 1
    for number, piece in enumerate(PIECES):
        _say(flow, notebook.page, f"\n\n{piece}\n\nmark{number}.")
        shown.get_by_text(f"mark{number}.").wait_for()
        if number % 15 == 14:
            assert _press(view(notebook)) > number
    _check(notebook.page, canaries)
    flow.end()
    output = wait_until_replaced(notebook)
    output.locator("mjx-container").first.wait_for(state="attached")
    assert _press(output) > len(PIECES)
    _check(notebook.page, canaries)
    assert notebook.errors == []


def test_hostile_thinking_tools_and_sources_do_nothing(lab, canaries):
    held = Fault("stall", after=len(ANSWER))
    with WireServer(Script(ANSWER, fault=held)) as server:
        notebook = lab.open([LOAD, f"%%stream anthropic:hostile --base-url {server.base_url}\nSpeak"])
        _watch(notebook.page)
        notebook.run_all()
        article(notebook).get_by_text("the end").wait_for()
        assert _press(view(notebook)) > len(PIECES)
        _check(notebook.page, canaries)
        notebook.stop(1)
        assert _press(wait_until_replaced(notebook)) > len(PIECES)
    _check(notebook.page, canaries)
    assert notebook.errors == []


def test_a_reopened_notebook_with_hostile_outputs_does_nothing_trusted_or_not(lab, canaries):
    with WireServer(Script(ANSWER)) as server:
        notebook = lab.open([LOAD, f"%%stream anthropic:hostile --base-url {server.base_url}\nSpeak"])
        notebook.run_all()
        wait_until_replaced(notebook)
    saved = notebook.save()
    lab.context.add_init_script(AUDIT)
    _check_reopened(lab.show(notebook.path), canaries, trusted=True)
    saved.metadata.sent_by = "a stranger"  # any change, or the server would know its own signature
    received = notebook.path.with_stem("received")
    nbformat.write(saved, received)
    _check_reopened(lab.show(received), canaries, trusted=False)


def test_an_exported_page_with_a_hostile_answer_does_nothing(browser, tmp_path):
    with WireServer(Script(ANSWER)) as server:
        response = streamcell.stream("Speak", "anthropic:hostile", base_url=server.base_url).result()
    notebook = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output("display_data", data=static.bundle(response))
    notebook.cells = [nbformat.v4.new_code_cell("%%stream\nSpeak", outputs=[output])]
    exported = tmp_path / "exported.html"
    exported.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    context = browser.new_context()
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    context.add_init_script(AUDIT)
    page = context.new_page()
    page.goto(exported.as_uri())
    assert _press(page.locator(".jp-OutputArea-output"), elsewhere=False) > len(PIECES)
    _check(page, lambda: [url for url in asked if "canary" in url])
    assert page.url == exported.as_uri()
    context.close()


def _watch(page):
    page.evaluate(f"() => {{ {AUDIT} }}")
    page.evaluate(COMMANDS)


def _say(flow, page, text):
    """Says it in small pieces, and waits in the midst of it until the page has drawn again."""
    chance = random.Random(text)  # noqa: S311 - the same cuts in every run
    middle = chance.randrange(1, len(text))
    audits = page.evaluate("audits")
    _say_in_pieces(flow, text[:middle], chance)
    page.wait_for_function("before => audits > before", arg=audits)
    _say_in_pieces(flow, text[middle:], chance)


def _say_in_pieces(flow, text, chance):
    while text:
        size = chance.randint(1, 12)
        flow.say(text[:size])
        text = text[size:]


def _press(root, *, elsewhere=True):
    """Presses everything inside, and returns how much that was."""
    return root.evaluate(PRESS, elsewhere)


def _check_reopened(notebook, canaries, *, trusted):
    output = notebook.output(1)
    output.get_by_text("the end").wait_for()
    output.locator("mjx-container").first.wait_for(state="attached")
    notebook.page.evaluate(COMMANDS)
    assert notebook._tell("return panel.content.widgets[1].model.trusted") is trusted
    assert _press(output) > len(PIECES)
    _check(notebook.page, canaries)


def _check(page, canaries):
    assert page.evaluate("(auditAll(), audits)") > 0
    assert page.evaluate("found") == []
    assert page.evaluate("window.planted") is None
    assert page.evaluate("window.commanded ?? []") == []
    assert page.locator(".jp-Dialog").count() == 0
    assert canaries() == []
    assert [other.url for other in page.context.pages if "canary" in other.url] == []
