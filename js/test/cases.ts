/** Markdown documents that together use every construct, and cut ones. */
export const DOCUMENTS: Readonly<Record<string, string>> = {
  prose:
    "# Title\n\nA *first* paragraph with **bold**, ~~gone~~ and `code`.\nSecond line  \nbroken.\n\nAnother one.\n",
  setext: "Title\n=====\n\nSub\n---\n\ntext\n- not a heading\n",
  tightList: "- one\n- two **b**\n  - nested\n  - more\n- three\n",
  looseList: "1. one\n\n2. two\n\n   with a paragraph\n\n3. three\n\nafter\n",
  looseLate: Array.from({ length: 30 }, (_, n) => `- item ${n}\n`).join("") + "\n- now it is loose\n- end\n",
  longOrdered:
    Array.from({ length: 40 }, (_, n) => `${n + 3}. item **${n}** with \`code\`\n   - sub ${n}\n`).join("") +
    "\nThe end.\n",
  longLoose: Array.from({ length: 30 }, (_, n) => `* item ${n}\n\n`).join("") + "# After\n",
  listThenRule: Array.from({ length: 20 }, (_, n) => `- item ${n}\n`).join("") + "---\n\n+ other\n+ list\n",
  tasks: "- [ ] open\n- [x] done\n- [link](https://example.org)\n",
  table: "Before\n\n| a | b |\n|:--|--:|\n| 1 | **2** |\n| 3 \\| 4 | `x` |\n\nAfter\n",
  bareTable: "para\na | b\n--|--\n1 | 2\n\nnot | table\n--x\n",
  notTable: "intro\nx | y\n--|-x\n",
  pipesInProse: "intro\n| x | y |\nno table\n\n- item\n| a |\n--\n",
  fence: "Look:\n\n```python\nprint('hi')\n\n  # `tick` and ~~~\n```\n\nDone.\n",
  fences: "~~~\na\n```\nb\n~~~\n```js title\nlet x;\n````\n```\nunclosed\n``\n",
  indentedFence: "- item\n\n  ```py\n  code\n\n  more\n  ```\n\n   ```\n   dedented\n   ```\n",
  indentedCode: "text\n\n    code\n\n    more code\n\ntext\n",
  quote: "> quoted\nlazy\n> - list\n>\n> > deeper\n\n> another\n",
  links:
    '[a](https://example.org/x "t") <https://example.com> <me@example.org> [b](http://[::1]/) [c](/relative)\n',
  images:
    "![alt *text*](https://example.org/i.png) ![x](data:image/png;base64,AAAA) [![l](https://e.org/i)](https://e.org)\n",
  references:
    "See [one] and [two][2].\n\n- [one]\n\n[one]: https://example.org/1\n[2]: https://example.org/2 'late'\n\nend [one]\n",
  halfReference: "[foo]: /u\n\n[foo]: https://example.org\n\n[foo]\n",
  html: "<b>bold</b> and <script>alert(1)</script>\n\n<div onclick=x>\n\ntext\n\n</div>\n",
  entities: "&amp; &lt;b&gt; &copy; &#x202e; &#0; &nosuch; AT&T\n",
  marks: "code `\u202eabc` and \u202eprose\n\n```\nx\u202ey\u200b\n```\n",
  unicode:
    "na\u00efve caf\u00e9 \u{1f600} \u{1f468}\u200d\u{1f469} \u05e9\u05dc\u05d5\u05dd \u65e5\u672c\u8a9e\r\nnext\rline\u0007\n\u{e0041}tag\n",
  rules: "***\n\n---\n\n_ _ _\n- - -\n* a\n* * *\n",
  unfinished: "**open and `code and [link](http://exa",
  empty: "",
  blanks: "\n\n   \n\n\ntext\n\n\n\n",
  numbers: "1984\n\n42. answer\n7) other\n\n1\n",
  nestedMix:
    "1. a\n   > quote\n   >\n   > ```\n   > code\n   > ```\n2. b\n\n   | x | y |\n   |---|---|\n   | 1 | 2 |\n",
  formulas:
    "Euler: $e^{i\\pi} + 1 = 0$, $a_1 * b_1$ and \\(a_b\\) make *one* sentence.\n\n$$\nx_1\n- y_1\n= z\n$$\n\nSo \\[ a\\\\[2pt] b \\] it is.\n",
  formulaInParagraph: "text\n$$\na_1\n* b\n$$\nmore **text**\n\n$$ x $$ and words\n\n$$\ny\n$$ words\nend\n",
  formulaAfterAll:
    "- item\n$$\nx\n$$\n\n> quote\n$$\nx\n\n| a |\n|---|\n$$\n- x\n$$\n# Title\n$$z$$\n```py\nx\n```\n",
  formulaInside:
    "- one $a$\n  $$\n  b\n  + c\n  $$\n- two\n  - \\[\n    x\n  - y\n\n> $$\n> x_1\n> - y\n> $$\n> > \\[ z\n> > \\]\n",
  formulaWithBlank: "$$\na\n\n- b\n\n$$\n\n\\[\nx\n\n\\]\n",
  formulaTooLong: `$$\n${"- x\n".repeat(120)}$$\n\nend\n`,
  formulaUnclosed: "a $x^{2 and **bold\n\n$$\n- x_1\n| a |\n|---|\n",
  formulaOuts: "- $$\n  a\nlazy\n- b\n- $$ c\n- d $$\n\n    $$\n    code\n    $$\n",
  money: "It costs $5, not $10, or 5$ for my_var and your_var. \\$x\\$ is **text** at $3 a_piece_.\n",
  noFormulas: "`$a_b$` and ``\\(c\\)``\n\n```\n$$\nx\n$$\n```\n\n$ x $ and $y $ and $z$1 and \\\\(w\\\\)\n",
};
