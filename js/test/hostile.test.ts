import { expect, test } from "vitest";
import { drawn } from "./drawing.js";
import { HOSTILE } from "./payloads.js";

const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ["href", "target", "rel", "referrerpolicy"],
  button: ["type", "class"],
  code: ["data-language"],
  div: ["class", "tabindex"],
  img: ["alt", "src", "class"],
  ol: ["start"],
  p: ["class"],
  pre: ["dir", "tabindex"],
  span: ["class"],
  bdi: ["class"],
  td: ["class"],
  th: ["class"],
};
const BARE = [
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "li",
  "ul",
  "blockquote",
  "hr",
  "em",
  "strong",
  "del",
  "br",
  "table",
  "thead",
  "tbody",
  "tr",
];

/** What an attacker would have achieved with this page; empty when nothing. */
function breaches(root: HTMLElement): string[] {
  const found: string[] = [];
  for (const node of root.querySelectorAll("*")) {
    const name = node.localName;
    const allowed = ATTRIBUTES[name] ?? (BARE.includes(name) ? [] : null);
    if (!allowed) found.push(`element ${name}`);
    for (const { name: attribute, value } of node.attributes) {
      if (!allowed?.includes(attribute)) found.push(`${name} ${attribute}`);
      if (attribute === "class" && !/^(?:sc-[\w-]+ ?)+$/.test(value)) found.push(`class ${value}`);
      if (attribute === "data-language" && !/^[a-z]+$/.test(value)) found.push(`language ${value}`);
      if (attribute === "href" && !/^(?:https?:|mailto:)/.test(value)) found.push(`link ${value}`);
      if (attribute === "src" && !/^data:image\/(?:png|jpeg|gif|webp);base64,/.test(value))
        found.push(`src ${value}`);
    }
  }
  // eslint-disable-next-line no-control-regex -- none of these may be on the page
  if (/[\u0000-\u0008\u000b-\u001f]|\udb40[\udc00-\udc7f]/.test(root.textContent ?? ""))
    found.push("hidden characters");
  return found;
}

test("the audit itself notices what must not happen", () => {
  const root = document.createElement("div");
  const image = document.createElement("img");
  image.setAttribute("onerror", "x");
  image.setAttribute("src", "https://evil.example/");
  root.append(image, document.createElement("form"));
  expect(breaches(root)).toEqual(["img onerror", "src https://evil.example/", "element form"]);
});

function slices(text: string, size: number): string[] {
  const count = Math.ceil(text.length / size);
  return Array.from({ length: count }, (_, n) => text.slice(n * size, (n + 1) * size));
}

for (const payload of HOSTILE) {
  test(`stays harmless at every character: ${JSON.stringify(payload.slice(0, 60))}`, () => {
    for (const size of payload.length > 2000 ? [997] : [1, 7]) {
      const root = drawn(slices(payload, size), (frame) => expect(breaches(frame)).toEqual([]));
      expect(breaches(root)).toEqual([]);
      expect(root.textContent).not.toBe("");
    }
  });
}

test("a link with a harmless face shows where it goes", () => {
  const root = drawn([
    "[good.example](https://evil.example/x) [https://a.example](https://a.example/) <https://b.example/c>",
  ]);
  expect([...root.querySelectorAll(".sc-host")].map((host) => host.textContent)).toEqual([" (evil.example)"]);
});

test("an address is shown as readable as it may be", () => {
  const root = drawn([
    "<https://a.example/caf%C3%A9%20%25%2F%00> <https://xn--80ak6aa92e.com/> <https://a.example/%ff>",
  ]);
  expect([...root.querySelectorAll("a")].map((link) => link.textContent)).toEqual([
    "https://a.example/café %25%2F",
    "https://xn--80ak6aa92e.com/",
    "https://a.example/%ff",
  ]);
});

test("an image is fetched only when its button is pressed", async () => {
  const { create } = await import("../src/renderer.js");
  const root = document.createElement("div");
  const renderer = create(root);
  renderer.append("![plan](https://example.org/plan.png)");
  renderer.end();
  expect(root.querySelector("img")).toBeNull();
  expect(root.textContent).toContain("[image: plan - example.org]");
  root.querySelector("button")?.click();
  expect(root.querySelector("img")?.src).toBe("https://example.org/plan.png");
  expect(root.querySelector("img")?.referrerPolicy).toBe("no-referrer");
});
