import { expect, test } from "vitest";
import { writer } from "../src/formats.js";
import type { Format } from "../src/protocol.gen.js";
import { HOSTILE } from "./payloads.js";

function written(text: string, format: Format = "table", size = text.length || 1): HTMLElement {
  const root = document.createElement("div");
  const target = writer(format, root);
  for (let at = 0; at < text.length; at += size) {
    target.append(text.slice(at, at + size));
    target.draw();
  }
  target.end();
  return root;
}

/** What has come so far, nothing ended. */
function begun(text: string): HTMLElement {
  const root = document.createElement("div");
  const target = writer("table", root);
  target.append(text);
  target.draw();
  return root;
}

function cells(root: Element): string[][] {
  return [...root.querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent));
}

const DOCUMENTS: Readonly<Record<string, string>> = {
  list: '[{"a": 1, "b": "x, ]}"}, {"a": 2.5, "c": [1, {"d": "\\"}"}]}]',
  wrapped: '{"title": "T", "items": [{"a": 1}, {"a": 2}], "total": 2}',
  object: '{"name": "Ada", "born": 1815, "tags": ["x", {"y": 1}], "empty": [], "more": {"a": [{"b": 1}]}}',
  fenced: '\n```json\n[{"a": 1},\n {"a": 2}]\n```\n',
  tildes: '~~~\n{"a": 1}\n~~~',
  scalars: '[1, true, null, "x", [2, 3]]',
  twoLists: '{"one": [{"a": 1}], "two": [{"b": 2}, 3]}',
  trailing: '```\n[{"a": 1}]\n```\nThat is all.',
  torn: '[{"a": 1}, {"a": "half of a',
  tornFields: '{"a": 1, "b": "half of a',
  broken: '[{"a": 1}, {"a": oops}, {"a": 3}]',
  prose: "I cannot make a table of that.",
  emptyList: "[]",
  surrogates: '[{"a": "\u{1f600}\\ud83d\\ude00"}]\r\n',
  nothing: " \n",
};

for (const [name, text] of Object.entries(DOCUMENTS)) {
  test(`${name}: pieces of any length end as the whole does`, () => {
    const whole = written(text).innerHTML;
    for (const size of [1, 2, 3, 7, 20]) expect(written(text, "table", size).innerHTML).toBe(whole);
  });
}

test("a row is there as soon as its bracket closes", () => {
  const text = '{"items": [{"a": 1}, {"a": 2}';
  expect(cells(begun(text.slice(0, -1)))).toEqual([["a"], ["1"]]);
  expect(cells(begun(text))).toEqual([["a"], ["1"], ["2"]]);
  expect(begun(text).querySelector(".sc-note")?.textContent).toBe("2 rows");
});

test("columns are the union of the keys in the order they come", () => {
  expect(cells(written('[{"a": 1}, {"b": 2}, {"c": "x", "a": null}]'))).toEqual([
    ["a", "b", "c"],
    ["1"],
    ["", "2"],
    ["", "", "x"],
  ]);
});

test("one object is shown field by field, its lists of objects as tables", () => {
  expect(cells(written(DOCUMENTS["wrapped"] ?? ""))).toEqual([
    ["title", "T"],
    ["total", "2"],
    ["a"],
    ["1"],
    ["2"],
  ]);
  expect(cells(written(DOCUMENTS["object"] ?? ""))).toEqual([
    ["name", "Ada"],
    ["born", "1815"],
    ["tags", '["x",{"y":1}]'],
    ["empty", "[]"],
    ["more", '{"a":[{"b":1}]}'],
  ]);
});

test("what is no table is shown as the text it is", () => {
  for (const name of ["prose", "broken"]) {
    const root = written(DOCUMENTS[name] ?? "");
    expect(root.querySelector("table")).toBeNull();
    expect(root.querySelector("pre")?.textContent).toBe(DOCUMENTS[name]);
  }
});

test("a torn end and words after the table are shown below it", () => {
  expect(written(DOCUMENTS["torn"] ?? "").querySelector("pre")?.textContent).toContain('{"a": "half of a');
  expect(
    written(DOCUMENTS["trailing"] ?? "")
      .querySelector("pre")
      ?.textContent?.trim(),
  ).toBe("That is all.");
  expect(written(DOCUMENTS["fenced"] ?? "").querySelector("pre")).toBeNull();
});

test("rows and columns past the limit are counted, not shown", () => {
  const rows = Array.from({ length: 1234 }, (_, n) => ({ n }));
  const root = written(JSON.stringify(rows));
  expect(root.querySelectorAll("tbody tr")).toHaveLength(500);
  expect(root.querySelector(".sc-note")?.textContent).toBe(
    "1,234 rows; not shown but in the variable: 734 rows",
  );
  const wide = written(`[{${Array.from({ length: 53 }, (_, n) => `"k${n}": ${n}`).join()}}]`);
  expect(wide.querySelectorAll("th, td")).toHaveLength(100);
  expect(wide.querySelector(".sc-note")?.textContent).toBe("1 row; not shown but in the variable: 3 columns");
});

test("a long cell is cut and has the whole text at hand", () => {
  const long = "word ".repeat(100);
  const cell = written(JSON.stringify([{ long }])).querySelector("td");
  expect(cell?.textContent).toBe(`${long.slice(0, 200)}…`);
  expect(cell?.title).toBe(long);
});

test("a number that the page would round is shown as it came where the browser tells", () => {
  const shown = written('[{"id": 12345678901234567891}]').querySelector("td")?.textContent;
  expect(["12345678901234567891", "12345678901234567000"]).toContain(shown);
});

test("a value is text, whatever it says", () => {
  for (const payload of HOSTILE) {
    const root = written(JSON.stringify([{ [payload]: payload }, { nested: [payload] }]), "table", 97);
    const elements = [...root.querySelectorAll("*")].map((node) => node.localName);
    const allowed = ["div", "table", "thead", "tbody", "tr", "th", "td", "p"];
    expect(elements.filter((name) => !allowed.includes(name))).toEqual([]);
    const attributes = [...root.querySelectorAll("*")].flatMap((node) => node.getAttributeNames());
    expect([...new Set(attributes)].sort()).toEqual(
      expect.not.arrayContaining(["style", "id", "href", "onerror"]),
    );
    // eslint-disable-next-line no-control-regex -- none of these may be on the page
    expect(root.textContent).not.toMatch(/[\u0000-\u0008\u000b-\u001f]|\udb40[\udc00-\udc7f]/);
  }
});

test("depth without end costs the table and nothing else", () => {
  const deep = "[".repeat(200_000);
  expect(written(deep, "table", 1000).querySelector("pre")?.textContent).toHaveLength(deep.length - 1);
});

test("a table does not go on drawing what it has drawn", () => {
  const root = document.createElement("div");
  const target = writer("table", root);
  target.append('[{"a": 1},');
  target.draw();
  const first = root.querySelector("tbody tr");
  target.append('{"a": 2, "b": 3}]');
  target.end();
  expect(root.querySelector("tbody tr")).toBe(first);
});

test("text, code and JSON are shown as they come", () => {
  const text = "# no *heading*\n\n<b>x</b> & ```y```\n";
  expect(written(text, "text", 3).querySelector("p.sc-plain")?.textContent).toBe(text);
  for (const format of ["code", "json"] as const) {
    const root = written(text, format, 3);
    expect(root.querySelectorAll("*")).toHaveLength(6);
    expect(root.querySelector("code")?.textContent).toBe(text);
  }
  expect(written(text, "markdown").querySelector("h1 em")).not.toBeNull();
});
