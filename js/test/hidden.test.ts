import { expect, test } from "vitest";
import { Speller } from "../src/clean.js";
import { CodeText } from "../src/code_text.js";
import { CodeBlock, PlainText } from "../src/verbatim.js";
import { drawn } from "./drawing.js";
import cases from "./hidden.json";

/** The text of the page, every mark as `<200B>`. */
function read(root: Element): string {
  for (const mark of root.querySelectorAll(".sc-mark")) {
    mark.textContent = `<${(mark.textContent ?? "").replace(/^U\+/, "")}>`;
  }
  return root.textContent ?? "";
}

function spelled(pieces: Iterable<string>): string {
  const code = document.createElement("code");
  const text = new CodeText(code);
  for (const piece of pieces) text.append(piece);
  text.end();
  return read(code);
}

function* codePoints(ranges: readonly string[]): Generator<number> {
  for (const range of ranges) {
    const [first = "", last = first] = range.split("..");
    for (let code = parseInt(first, 16); code <= parseInt(last, 16); code += 1) yield code;
  }
}

const INVISIBLE = new Set(codePoints(cases.invisible));

test("of all characters exactly the invisible ones are spelled out in code", () => {
  const wrong: string[] = [];
  for (let code = 0xa0; code <= 0x10ffff; code += 1) {
    // Surrogates are no characters, tags never reach the page.
    if ((code >= 0xd800 && code < 0xe000) || (code >= 0xe0000 && code < 0xe0080)) continue;
    const character = String.fromCodePoint(code);
    const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
    const marks = new Speller().feed(`a${character}b`).filter(({ marked }) => marked);
    const expected = INVISIBLE.has(code) ? name : "";
    if (marks.map(({ text }) => text).join() !== expected) wrong.push(name);
  }
  expect(wrong).toEqual([]);
}, 60_000);

test("no character that Unicode calls a format or ignorable is left out", () => {
  // Signs of numbers, verses and abbreviations: formats that draw something.
  const drawing = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/u;
  const hidden = /[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
  const missing: string[] = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const character = String.fromCodePoint(code);
    const tag = code >= 0xe0000 && code < 0xe0080;
    if (hidden.test(character) && !drawing.test(character) && !tag && !INVISIBLE.has(code))
      missing.push(code.toString(16));
  }
  expect(missing).toEqual([]);
});

for (const [text, shown] of cases.code as [string, string][]) {
  test(`what is seen of code, wherever it is cut: ${JSON.stringify(shown)}`, () => {
    expect(spelled([text])).toBe(shown);
    expect(spelled(text)).toBe(shown);
    expect(read(drawn([`\`x${text}x\``]))).toContain(shown);
    expect(read(drawn(`\`\`\`js\nx\n${text}\n\`\`\`\n`))).toContain(shown);
    const root = document.createElement("div");
    const block = new CodeBlock(root, "js");
    for (const unit of text.split("")) {
      block.append(unit);
      block.draw();
    }
    block.end();
    expect(read(root)).toContain(shown);
  });
}

test("an open fence never shows a part of a picture as a mark", () => {
  const text = "```js\nx\n'👩🏽\u200d💻❤\ufe0f'\n";
  drawn(text, (root) => expect(root.querySelector(".sc-mark")).toBeNull());
});

test("in prose letters and pictures stay joined", () => {
  const root = document.createElement("div");
  const plain = new PlainText(root);
  for (const text of cases.prose) {
    expect(drawn([text]).querySelector("p")?.textContent).toBe(text);
    plain.append(text);
  }
  plain.end();
  expect(root.textContent).toBe(cases.prose.join(""));
});

for (const [markdown, place] of cases.mail as [string, string][]) {
  test(`a link shows everybody it writes to: ${markdown}`, () => {
    const shown = [...drawn([markdown]).querySelectorAll(".sc-host")].map((node) => node.textContent);
    expect(shown).toEqual(place ? [` (${place})`] : []);
  });
}

test("what a mail address hides by its letters is shown as it is written", () => {
  const shown = (address: string): string =>
    drawn([`[x](${address})`]).querySelector(".sc-host")?.textContent ?? "";
  expect(shown("mailto:a@b.c?subject=Gr%C3%BC%C3%9Fe%20an&bcc=d%40e.f")).toBe(
    " (a@b.c?subject=Grüße an&bcc=d%40e.f)",
  );
  expect(shown("mailto:%E2%80%AEa@b.c")).toBe(" (%E2%80%AEa@b.c)");
  expect(shown("mailto:a%E3%85%A4@b.c")).toBe(" (a%E3%85%A4@b.c)");
  expect(drawn(["[x](mailto:)"]).querySelector("a")).toBeNull();
});
