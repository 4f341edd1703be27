import { CommonMark } from "./spec.js";
import MarkdownIt from "markdown-it";
import { expect, test } from "vitest";
import { Markdown } from "../src/markdown.js";
import { DOCUMENTS } from "./cases.js";
import { drawn, frames as everyFrame } from "./drawing.js";

const frames = (text: string): string[] => everyFrame(text, (root) => root.outerHTML);

function shownAt(text: string): string {
  return frames(text).at(-1) ?? "";
}

test("blocks that are settled are the same elements at the end", () => {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  const text = Array.from(
    { length: 30 },
    (_, n) => `## Part ${n}\n\nSome **text** ${n}.\n\n- a\n- b\n\n`,
  ).join("");
  const seen = new Map<Element, string>();
  for (let at = 0; at < text.length; at += 5) {
    markdown.append(text.slice(at, at + 5));
    markdown.draw();
    const settled = [...root.querySelectorAll("h2, p, ul")].slice(0, -3);
    for (const node of settled) {
      const before = seen.get(node);
      if (before === undefined) seen.set(node, node.outerHTML);
      else expect(node.outerHTML).toBe(before);
    }
  }
  markdown.end();
  expect(seen.size).toBeGreaterThan(80);
  for (const node of seen.keys()) expect(root.contains(node)).toBe(true);
});

test("the items of a long list are settled like blocks", () => {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  for (let n = 0; n < 60; n += 1) {
    markdown.append(`- item ${n}\n`);
    markdown.draw();
  }
  const tenth = root.querySelectorAll("li")[10];
  markdown.append("- one more\n".repeat(20));
  markdown.draw();
  markdown.end();
  expect(root.querySelectorAll("li")[10]).toBe(tenth);
  expect(root.querySelectorAll("li")).toHaveLength(80);
});

test("the rows of a long table are settled like blocks", () => {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  markdown.append("Before\n\n| a | b |\n|---|--:|\n");
  for (let n = 0; n < 60; n += 1) {
    markdown.append(`| row ${n} | ${n} |\n`);
    markdown.draw();
  }
  const tenth = root.querySelectorAll("tr")[10];
  const before = tenth?.outerHTML;
  if (tenth) tenth.title = "untouched";
  markdown.append("| one | more |\n".repeat(20));
  markdown.draw();
  markdown.end();
  expect(root.querySelectorAll("tr")[10]).toBe(tenth);
  expect(tenth?.title).toBe("untouched");
  tenth?.removeAttribute("title");
  expect(tenth?.outerHTML).toBe(before);
  expect(root.querySelectorAll("tr")).toHaveLength(81);
});

test("what follows in a very long paragraph is shown at once, and read as Markdown now and then", () => {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  const draw = (piece: string): void => {
    markdown.append(piece);
    markdown.draw();
  };
  draw("word ".repeat(4000));
  draw("and **bo");
  draw("ld** te");
  expect(root.textContent?.trim()).toMatch(/word and \*\*bold\*\* te$/);
  draw("xt ".repeat(1000));
  expect(root.querySelector("strong")?.textContent).toBe("bold");
  draw("_end");
  markdown.end();
  expect(root.querySelectorAll("p")).toHaveLength(1);
  expect(root.textContent?.trim()).toMatch(/bold text.*xt _end$/);
});

test("the code of an open fence grows in one text node", () => {
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  markdown.append("```python\nfirst\n");
  markdown.draw();
  const node = root.querySelector("code")?.firstChild;
  markdown.append("second\nthi");
  markdown.draw();
  expect(root.querySelector("code")?.firstChild).toBe(node);
  expect(root.querySelector("code")?.textContent).toBe("first\nsecond\nthi");
});

test("bold text is bold before its end has come", () => {
  expect(shownAt("some **bo")).toContain("<strong>bo</strong>");
  expect(shownAt("some **bold*")).toContain("<strong>bold</strong>");
});

test("half a link shows its text and nothing to press", () => {
  for (const text of ["see [the te", "see [the text](", "see [the text](htt", "see [the text](https://exa"]) {
    expect(shownAt(text)).not.toContain("<a");
    expect(shownAt(text)).toContain("see the te");
    expect(shownAt(text)).not.toContain("[");
  }
});

test("what only looks like half a link is not missing while it streams", () => {
  const texts = [
    "Answer:\n[\n1, 2,\n3\n]\nDone.\n",
    "Call f(\n[\n'a',\n'b'\n])\n",
    "Take row[i](the first\none) and go\non\n",
    "See ![\nthis\n",
    "He said\n[> sic\nmore\n",
  ];
  for (const text of texts) {
    let come = "";
    drawn(text, (root) => {
      come += text.charAt(come.length);
      const lines = come.slice(0, come.lastIndexOf("\n") + 1);
      expect(root.textContent?.startsWith(lines.trimEnd()), come).toBe(true);
      expect(root.children.length).toBeLessThan(2);
    });
  }
});

test("a table is a table from its first row on", () => {
  for (const html of frames("| head | two |\n|---|:-:|\n| 1 | 2").slice(3)) expect(html).toContain("<table>");
});

test("a half-arrived closing fence is not shown as code", () => {
  for (const html of frames("```\ncode\n``")) expect(html).not.toMatch(/code[^>]*`/);
});

test("code of an open fence is at no moment mended like prose", () => {
  const code = "- ```\n**x\n>``\n  `y\n> ~~\n[a](b\n";
  const root = document.createElement("div");
  const markdown = new Markdown(root);
  markdown.append("```\n");
  for (const [index, character] of [...code].entries()) {
    markdown.append(character);
    markdown.draw();
    if (character === "\n") expect(root.querySelector("code")?.textContent).toBe(code.slice(0, index + 1));
  }
});

test("an emphasis left open in one list item does not reach into the next", () => {
  expect(shownAt("- 2 ** 3\n- next")).not.toContain("next*");
});

test("a paragraph never turns into a heading while a list begins under it", () => {
  for (const html of frames("Items:\n- one\n- two\n")) expect(html).not.toContain("<h");
});

test("the text a reader has seen of a document never shrinks by more than a few characters", () => {
  const text = [DOCUMENTS["prose"], DOCUMENTS["table"], DOCUMENTS["fence"], DOCUMENTS["links"]].join("\n");
  let longest = 0;
  drawn(text, (root) => {
    const length = root.textContent?.length ?? 0;
    expect(length).toBeGreaterThanOrEqual(longest - 4);
    longest = Math.max(longest, length);
  });
});

const reference = new MarkdownIt();
const words = (node: Element): string => (node.textContent ?? "").replace(/\s+/g, " ").trim();

for (const { number, markdown: source, html } of CommonMark) {
  // Raw HTML is shown as text and images as placeholders, on purpose.
  if (/<img/.test(html) || reference.render(source) !== html) continue;
  // Between `\\[` and `\\]` stands a formula here.
  if (source.includes("\\[\\\\\\]")) continue;
  test(`CommonMark example ${number} says what markdown-it says`, () => {
    const expected = new DOMParser().parseFromString(html, "text/html").body;
    const root = drawn(source);
    for (const extra of root.querySelectorAll(".sc-host, .sc-program-bar")) extra.remove();
    expect(words(root)).toBe(words(expected));
  });
}
