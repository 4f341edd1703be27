import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { boxOf, button, buttonsOf, chatOf, heard, key, mounted, wait, write } from "./chats.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

function options(el: Element): string[] {
  const shown = el.querySelectorAll("[role=listbox]:not([hidden]) [role=option] code");
  return [...shown].map((option) => option.textContent ?? "");
}

test("enter sends, shift and enter does not, nor does the enter of an input method", () => {
  const { chat, el } = mounted();
  const box = boxOf(el);
  write(box, "日本");
  key(box, "Enter", { shiftKey: true });
  key(box, "Enter", { isComposing: true });
  key(box, "Enter", { keyCode: 229 });
  expect(heard(chat, "send")).toEqual([]);
  expect(key(box, "Enter").defaultPrevented).toBe(true);
  expect(heard(chat, "send")).toMatchObject([{ text: "日本" }]);
});

test("nothing is sent of an empty box", () => {
  const { chat, el } = mounted();
  write(boxOf(el), "  \n ");
  key(boxOf(el), "Enter");
  expect(heard(chat, "send")).toEqual([]);
});

test("an open brace offers the names of variables", () => {
  const { chat, el } = mounted();
  const box = boxOf(el);
  write(box, "Mean of {");
  expect(heard(chat, "complete")).toEqual([{ type: "complete", prefix: "" }]);
  expect(options(el)).toEqual(["df", "days", "x"]);
  expect(document.getElementById(box.getAttribute("aria-activedescendant") ?? "")?.textContent).toContain(
    "df",
  );
  key(box, "ArrowDown");
  key(box, "Enter");
  expect(box.value).toBe("Mean of {days}");
  expect(options(el)).toEqual([]);
  expect(heard(chat, "send")).toEqual([]);
});

test("a name replaces what was written of it, and a closing brace is not doubled", () => {
  const { el } = mounted();
  const box = boxOf(el);
  write(box, "{da} now");
  box.setSelectionRange(3, 3);
  box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  wait();
  key(box, "Tab");
  expect(box.value).toBe("{days} now");
});

test("escape closes the list and stops nothing", () => {
  const { chat, el } = mounted();
  write(boxOf(el), "{");
  key(boxOf(el), "Escape");
  expect(options(el)).toEqual([]);
  expect(heard(chat, "stop")).toEqual([]);
});

test("a doubled brace asks for nothing", () => {
  const { chat, el } = mounted();
  write(boxOf(el), "a set {{");
  expect(heard(chat, "complete")).toEqual([]);
});

function drop(el: Element, ...files: File[]): void {
  const event = new InputEvent("drop", { bubbles: true, cancelable: true });
  Object.assign(event, { dataTransfer: { files } });
  el.querySelector(".sc-composer")?.dispatchEvent(event);
}

async function dropped(...files: File[]) {
  vi.useRealTimers();
  const { chat, el } = mountedNow();
  drop(el, ...files);
  await vi.waitFor(() => {
    const taken = el.querySelectorAll(".sc-composer .sc-file").length;
    expect(taken > 0 || el.querySelector(".sc-said")?.textContent).toBeTruthy();
  });
  return { chat, el };
}

function mountedNow() {
  vi.useFakeTimers();
  const made = mounted(chatOf());
  vi.useRealTimers();
  return made;
}

test("a dropped text goes with the question, and can be taken out before", async () => {
  const { chat, el } = await dropped(new File(["a,b\n"], "t.csv"), new File(["{}"], "x.json"));
  await vi.waitFor(() => expect(buttonsOf(el)).toContain("Remove x.json"));
  button(el, "Remove x.json").click();
  button(el, "Send").click();
  expect(heard(chat, "send")).toMatchObject([
    { text: "", files: [{ name: "t.csv", media_type: "text/plain", data: btoa("a,b\n") }] },
  ]);
  await vi.waitFor(() => expect(el.querySelector("article")?.textContent).toContain("t.csv"));
});

test("a file that no model reads is not taken, and one line says so", async () => {
  const { el } = await dropped(new File(["x"], "a.exe", { type: "application/x-msdownload" }));
  expect(el.querySelector(".sc-said")?.textContent).toContain("a.exe was not taken");
});

test("files that are too large together are not taken", async () => {
  const large = new File([new Uint8Array(8 * 1024 * 1024)], "large.png", { type: "image/png" });
  const { el } = await dropped(large);
  expect(el.querySelector(".sc-said")?.textContent).toContain("all files together");
});
