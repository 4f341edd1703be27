import { beforeAll, describe, expect, test } from "vitest";
import { Markdown } from "../src/markdown.js";
import * as highlight from "../src/highlight.js";
import * as maths from "../src/maths.js";
import { mathml } from "../src/mathml.js";
import { drawer, install } from "../src/parts.js";
import { CodeBlock } from "../src/verbatim.js";
import { DOCUMENTS } from "./cases.js";
import { drawn } from "./drawing.js";
import cases from "./formulas.json";
import { HOSTILE } from "./payloads.js";

const ANSWER = "So $x^2$ and\n\n$$\n\\frac{a_1}{b}\n$$\n\n- code:\n  ```py\n  def f(): pass\n  ```\n- end\n";
const MATHML =
  /^(?:math|m(?:row|i|n|o|text|space|frac|sqrt|root|su[bp]|subsup|under|over|underover|t[rd]|table|phantom))$/;

/** What the formulas and the code of a page hold that they may not. */
function breaches(root: ParentNode): string[] {
  const found: string[] = [];
  for (const node of root.querySelectorAll(".sc-formula *, code *")) {
    const coloured = node.localName === "span" && node.closest("code");
    if (!coloured && !MATHML.test(node.localName)) found.push(`element ${node.localName}`);
    for (const { name, value } of node.attributes) {
      if (/^(?:on|href|src|id|style|xlink|action)/.test(name)) found.push(`${node.localName} ${name}`);
      if (name === "class" && !/^(?:hljs-[a-z_-]+|sc-[\w-]+(?: sc-[\w-]+)*)$/.test(value)) found.push(value);
    }
  }
  return found;
}

// Before anything is installed: the tests of this file run in order.
const late = drawn([ANSWER]);
const before = late.innerHTML;

beforeAll(() => {
  install("maths", maths.default);
  install("highlight", highlight.default);
});

test("what was drawn before the parts came ends as what is drawn after", () => {
  expect(before).not.toContain("<math");
  expect(before).not.toContain("hljs-");
  expect(late.innerHTML).toBe(drawn([ANSWER]).innerHTML);
  expect(late.querySelectorAll("math")).toHaveLength(2);
  expect(late.querySelector("code .hljs-keyword")?.textContent).toBe("def");
});

describe("typeset and coloured", () => {
  for (const [name, text] of Object.entries({ ...DOCUMENTS, ANSWER })) {
    test(`${name}: character by character ends as the whole does`, () => {
      expect(drawn(text).outerHTML).toBe(drawn([text]).outerHTML);
    });
  }
});

test("code is coloured only when it is whole, and keeps its text", () => {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  const program = "import os\nfor x in os.environ:\n    print(f'{x}')\n";
  for (const character of "```python\n" + program + "``") {
    markdown.append(character);
    markdown.draw();
    expect(root.querySelector("code *")).toBeNull();
  }
  markdown.append("`\n\n");
  markdown.draw();
  expect(root.querySelectorAll("code .hljs-keyword").length).toBeGreaterThan(1);
  expect(root.querySelector("code")?.textContent).toBe(program);
});

test("code in a language that is not known, too long or with hidden characters has one colour", () => {
  for (const text of ["```brainfuck\n+\n```", "```\nx = 1\n```", "```py\nx = '\u202e'\n```"]) {
    expect(drawn([text]).querySelector("[class^=hljs-]")).toBeNull();
  }
  for (const code of ["x = 1\n".repeat(4_000), `x = ${"1 + ".repeat(100)}1\n`]) {
    expect(drawn(["```py\n" + code + "```"]).querySelector("[class^=hljs-]")).toBeNull();
  }
});

test("an answer that is JSON as a whole is coloured at its end", () => {
  const root = document.createElement("div");
  const block = new CodeBlock(root, "json");
  block.append('{"a": 1}');
  block.draw();
  expect(root.querySelector("[class^=hljs-]")).toBeNull();
  block.end();
  expect(root.querySelector(".hljs-attr")?.textContent).toBe('"a"');
});

test("every language that has a name has colours", () => {
  const samples = {
    python: "def",
    r: "function(x) NULL",
    sql: "SELECT 1",
    rust: "fn",
    tex: "\\a",
    html: "<b>",
  };
  for (const [language, sample] of Object.entries(samples)) {
    const root = drawn(["```" + language + "\n" + sample + "\n```"]);
    expect(root.querySelector("code [class^=hljs-]"), language).not.toBeNull();
  }
});

test("a formula that does more than typeset, or that cannot be read, is shown as its source", () => {
  for (const tex of [...cases.refused, "\\frac{a", "\\undefined", "", "x".repeat(6000)]) {
    expect(maths.default(tex, "display"), tex).toBeNull();
  }
  const root = drawn(["before $\\href{javascript:alert(1)}{x}$ after"]);
  expect(root.textContent?.trim()).toBe("before $\\href{javascript:alert(1)}{x}$ after");
});

test("nothing hostile becomes more than text in formulas and code", () => {
  const commands = cases.refused.map((tex) => `$${tex}$ \n\n$$\n${tex}\n$$\n`);
  const markup = HOSTILE.map((text) => `$${text}$ \n\n$\\text{${text}}$\n\n\`\`\`html\n${text}\n\`\`\`\n`);
  for (const text of [...commands, ...markup]) expect(breaches(drawn([text]))).toEqual([]);
});

test("markup that is no formula, or holds anything else, is none", () => {
  const texts = [
    "<img src=x onerror=alert(1)>",
    "<math><mtext><img src=x></mtext></math>",
    "<math><mi>a</mi></math><math></math>",
    "<math><maction>x</maction></math>",
    "<math><annotation-xml encoding='text/html'><b>x</b></annotation-xml></math>",
    "<style>*{}</style><math></math>",
    `<math>${"<mrow>".repeat(100)}</math>`,
    `<math>${"<mi></mi>".repeat(20_000)}</math>`,
  ];
  for (const text of texts) expect(mathml(text), text.slice(0, 60)).toBeNull();
  const made = mathml(
    "<math id=a class='lm-Widget tml-jot' style='position:fixed' href='javascript:1' onclick=x display=block><mspace width='900em' height='1em'></mspace></math>",
  );
  expect(made?.outerHTML).toBe(
    '<math display="block" class="sc-tml-jot"><mspace height="1em"></mspace></math>',
  );
});

test("a megabyte of anything ends as text", () => {
  for (const piece of ["\\(", "\\frac", "x"]) {
    const text = piece.repeat(1_000_000 / piece.length);
    const root = drawn([`$${text}$`, "\n\nthe end"]);
    expect(root.textContent).toContain("the end");
  }
}, 120_000);

test("a formula nested too deep is shown as its source", () => {
  expect(maths.default("\\frac{1}{".repeat(500) + "x" + "}".repeat(500), "display")).toBeNull();
  expect(maths.default("{".repeat(2000) + "x" + "}".repeat(2000), "inline")?.textContent ?? "x").toBe("x");
});

test("a part that is here is given at once", () => {
  expect(drawer("maths", { come: () => undefined })).toBe(maths.default);
});
