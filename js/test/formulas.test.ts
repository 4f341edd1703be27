import { expect, test } from "vitest";
import { typesettable } from "../src/typesettable.js";
import { drawn, frames } from "./drawing.js";
import cases from "./formulas.json";

const words = (root: HTMLElement): string => root.textContent ?? "";

for (const [markdown, formulas] of cases.found as [string, string[]][]) {
  test(`what is a formula: ${JSON.stringify(markdown)}`, () => {
    const shown = [...drawn([markdown]).querySelectorAll(".sc-formula")];
    expect(shown.map((node) => node.textContent)).toEqual(formulas);
  });
}

test("only what typesets is typeset", () => {
  expect(cases.typeset.filter((formula) => !typesettable(formula))).toEqual([]);
  expect(cases.refused.filter(typesettable)).toEqual([]);
  expect(typesettable("x".repeat(5001))).toBe(false);
});

test("half a formula is shown as its source until it is closed", () => {
  for (const formula of ["$x_{1}^{2} + \\alpha$", "\\(a_b\\)", "$$\n- x_1\n+ y_1\n= *z*\n| a |\n$$"]) {
    const begun = formula.search(/[_\\(-]/) + 2;
    const before = "Let **it** be ";
    const all = (formula.startsWith("$$") ? "\n\n" : before) + formula;
    frames(all, words).forEach((shown, index) => {
      const source = all.slice(0, index + 1).slice(all.length - formula.length);
      if (source.length >= begun) expect(shown.trim().endsWith(source.trim())).toBe(true);
    });
  }
});

test("money does not make the rest of its sentence raw", () => {
  for (const shown of frames(
    "It costs $5 for **my** and `your` things, $6 for [more](https://e.org). ",
    words,
  )) {
    expect(shown).not.toMatch(/\*\*\w/);
    expect(shown).not.toContain("](");
  }
});

test("a formula in a link stays as it was written, so that the link's words can be compared", () => {
  const root = drawn(["[$\\text{good.example}$](https://evil.example/)"]);
  expect(root.querySelector(".sc-formula")).toBeNull();
  expect(root.querySelector(".sc-host")?.textContent).toBe(" (evil.example)");
});

const PIECES = [
  ...[
    "$$",
    "$$",
    "$$\n",
    "\\[",
    "\\]\n",
    "\n",
    "\n",
    "\n\n",
    "- ",
    "> ",
    "1. ",
    "x",
    "    ",
    "$",
    "a_b",
    "**",
  ],
  ...["| a |\n|---|\n", "```\n", "# ", "y z", "\\(", "\\)", "\\\\", "---\n", "=", "[r]", "`"],
];

test("any marks around formulas, character by character, end as the whole does", () => {
  let state = 7919;
  const next = (limit: number): number => (state = (state * 48271) % 2147483647) % limit;
  for (let round = 0; round < 400; round += 1) {
    const text = Array.from({ length: 3 + next(22) }, () => PIECES[next(PIECES.length)] ?? "").join("");
    expect(drawn(text).innerHTML, JSON.stringify(text)).toBe(drawn([text]).innerHTML);
  }
});
