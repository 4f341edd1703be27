import { beforeEach, expect, test } from "vitest";
import { Twin } from "../src/twin.js";

function outputs(...kinds: string[]): HTMLElement[] {
  const made = kinds.map((kind) => {
    const child = document.createElement("div");
    child.className = "jp-OutputArea-child";
    child.append(Object.assign(document.createElement("div"), { className: kind }));
    return child;
  });
  const area = document.createElement("div");
  area.append(...made);
  document.body.append(area);
  return made;
}

function twinIn(output: HTMLElement | undefined) {
  const closed = new AbortController();
  const view = document.createElement("section");
  output?.append(view);
  return { twin: new Twin(view, closed.signal), closed };
}

beforeEach(() => document.body.replaceChildren());

test("the output right before the view is hidden, no other, and is back when the view goes", () => {
  const [first, twinOutput, widget] = outputs("jp-RenderedHTML", "jp-RenderedHTML", "widget");
  const { twin, closed } = twinIn(widget);
  twin.hide();
  expect(twinOutput?.style.display).toBe("none");
  expect(first?.style.display).toBe("");
  closed.abort();
  expect(twinOutput?.style.display).toBe("");
});

test("an output that the host draws anew is hidden again", () => {
  const [twinOutput, widget] = outputs("jp-RenderedHTML", "widget");
  const { twin } = twinIn(widget);
  twin.hide();
  const [fresh] = outputs("jp-RenderedHTML");
  if (fresh) twinOutput?.replaceWith(fresh);
  twin.hide();
  expect(fresh?.style.display).toBe("none");
});

test("an output of another kind stays", () => {
  const [text, widget] = outputs("jp-RenderedText", "widget");
  const { twin } = twinIn(widget);
  twin.hide();
  expect(twin.exists).toBe(false);
  expect(text?.style.display).toBe("");
});

test("outside an output area there is nothing to hide", () => {
  const { twin } = twinIn(document.body);
  twin.hide();
  expect(twin.exists).toBe(false);
});
