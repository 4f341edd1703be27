/** However a text is cut, and whenever it is drawn, it ends as the whole text does. */

import { expect, test } from "vitest";
import { dice, drawn, drawnWhole, pieces } from "./drawing.js";

const items = (count: number): string[] => Array.from({ length: count }, (_, n) => `- item ${n}\n`);
const rows = (count: number): string[] => Array.from({ length: count }, (_, n) => `| row ${n} | ${n} |\n`);

const byCharacter = (text: string): string[] => [...text];
const byWord = (text: string): string[] => text.split(/(?<=\s)/);
const byLine = (text: string): string[] => text.split(/(?<=\n)/);

function expectAsWhole(cut: string[]): void {
  const text = cut.join("");
  expect(drawn(cut).innerHTML, JSON.stringify(cut)).toBe(drawnWhole(text).innerHTML);
}

const BRACKETS: Readonly<Record<string, string>> = {
  "a list of numbers after a line": "Answer:\n[\n1, 2,\n3\n]\nDone.",
  "JSON after a line": 'Result:\n[\n  {"a": 1},\n  {"b": 2}\n]\n',
  "a matrix": "Matrix:\n\n[\n[1, 2],\n[3, 4]\n]\n",
  "the arguments of a call": 'Call f(\n[\n"a",\n"b"\n])\n',
  "a list item": "- item:\n  [\n  1,\n  2\n  ]\n",
  "brackets before markers": "word \n[# T\n[1] 1. one\n1. one\n> q\n",
  "a bracket before a rule": "=\n[* r\n~\n]",
  "a bracket before a quote": "text\n[> x\n-\n![i",
};

for (const [name, text] of Object.entries(BRACKETS)) {
  test(`open brackets: ${name}`, () => {
    for (const cut of [byCharacter, byWord, byLine]) expectAsWhole(cut(text));
  });
}

test("a link whose definition turns out to be a sentence is none", () => {
  expectAsWhole(["See [note] for more.\n\n[note]: https://example.org", " is where the note is."]);
  expectAsWhole(["[x][r]\n\n[r]: https://example.org/", " and some words\n\n", "End.\n\n", "[x]\n"]);
});

test("a definition in an item that is settled is one", () => {
  expectAsWhole(["- see [a]\n", ...items(14), "- [a]: http://e.org\n", ...items(5)]);
  expectAsWhole(["See [a].\n\n", ...items(14), "- [a]: http://e.org\n", ...items(5), "\nEnd.\n"]);
  expectAsWhole([...items(14), "- [a]: http://e.org\n- b\n- c\n- d\n- see [a]\n"]);
});

test("the title of a definition may begin on the line after it", () => {
  for (const cut of [byCharacter, byLine]) {
    expectAsWhole(cut("[a]\n\n[a]: http://e.org\n'title\nof it'\n\nEnd.\n"));
    expectAsWhole(cut("[a]\n\n[a]: http://e.org\n'title\nof none\nat all\n\nEnd.\n"));
  }
});

test("items without a paragraph can make a long list loose", () => {
  expectAsWhole([...items(14), "- # one\n", "\n", "- # two\n", ...items(4)]);
  expectAsWhole([...items(14), "- # one\n\n- # two\n", ...items(4)]);
});

test("what may become a rule makes no list loose", () => {
  expectAsWhole(byCharacter(`${items(14).join("")}\n---\nend\n`));
});

test("a long table ends where and as the whole does", () => {
  const head = "[a]: http://e.org\n# T\n| a | b |\n|:--|--:|\n";
  for (const end of [
    "\nEnd.\n",
    "- item\n",
    "$$ x\n$$\n",
    "$$ x | y\n| z |\n\n",
    "no pipe\n",
    "|",
    "[a] | `x\n",
  ]) {
    expectAsWhole([head, ...rows(30), end]);
    expectAsWhole([head, ...rows(14), ...byCharacter(`${end}${rows(3).join("")}`)]);
  }
});

test("a very long block ends as the whole does", () => {
  const long = "some **text** and [a\n".repeat(1200);
  expectAsWhole([long, "more ", "**bo", "ld**", " te\n\nnext", " one\n"]);
  expectAsWhole([long, "more ", "**bo"]);
});

// prettier-ignore
const PARTS = [
  "[", "]", "](", "[a]: http://e.org", "[a]", "\n", "\n\n", "- ", "1. ", "> ", "# T", "word ", "|a|b|", "|-|-|",
  "`", "**", "_", "```", "![", "(", ")", "<", "    ", "\n[", "\n[\n", "word\n", "\n", "\n[a]: /b", " c",
];
const LONG_PARTS = [
  items(13).join(""),
  `|a|b|\n|-|-|\n${rows(13).join("")}`,
  "- # T\n",
  "  ",
  "---\n",
  "$$\n",
  "'",
];

function expectAnyAsWhole(parts: readonly string[], count: number, seed: number): void {
  const roll = dice(seed);
  const cuts = [byCharacter, byWord, byLine, (text: string) => [...pieces(text, roll)]];
  for (let made = 0; made < count; made += 1) {
    const text = Array.from({ length: 2 + roll(16) }, () => parts[roll(parts.length)] ?? "").join("");
    expectAsWhole(cuts[made % cuts.length]?.(text) ?? []);
  }
}

test("any text of parts that matter, cut anywhere, ends as the whole does", () => {
  expectAnyAsWhole(PARTS, 3000, 7919);
}, 60_000);

test("any text with long lists and tables, cut anywhere, ends as the whole does", () => {
  expectAnyAsWhole([...PARTS, ...LONG_PARTS], 250, 104729);
}, 60_000);
