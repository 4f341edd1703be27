import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeKernel } from "../src/fake.js";
import type { Event } from "../src/protocol.gen.js";
import { script } from "../src/script.js";
import widget from "../src/view.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function mounted(kernel = new FakeKernel(), count = 1) {
  const alive = new AbortController();
  const shown = widget();
  shown.initialize({ model: kernel, signal: alive.signal });
  const views = Array.from({ length: count }, () => {
    const el = document.createElement("div");
    const closed = new AbortController();
    document.body.append(el);
    shown.render({ el, signal: closed.signal });
    return { el, closed };
  });
  return { kernel, views, el: views[0]?.el ?? document.body, alive };
}

function say(kernel: FakeKernel, ...events: Event[]): void {
  kernel.append(...events);
  kernel.deliver(kernel.flush(1.5));
  vi.advanceTimersByTime(200);
}

function named(el: HTMLElement, role: string): string | null | undefined {
  return el.querySelector(`[role=${role}]`)?.getAttribute("aria-label");
}

function press(el: HTMLElement, name: string): void {
  const found = [...el.querySelectorAll("button")].find((button) => button.textContent === name);
  expect(found, `a button named ${name}`).toBeDefined();
  found?.click();
}

test("the parts of a view have their names", () => {
  const { kernel, el } = mounted();
  kernel.state = "tool";
  say(kernel, ...script().slice(0, -1));
  expect(named(el, "region")).toBe("streamcell");
  expect(named(el, "status")).toBe("Stream status");
  expect(named(el, "group")).toBe("Tool call: frame_cost");
  expect(el.querySelector("article")?.getAttribute("aria-label")).toBe("Assistant message");
  expect(el.querySelector("summary")?.textContent).toBe("Thinking");
  const buttons = [...el.querySelectorAll("button:not([hidden])")].map((button) => button.textContent);
  expect(buttons).toEqual(["Copy code", "Load image", "Copy", "Stop"]);
});

test("thinking folds when the answer begins", () => {
  const { kernel, el } = mounted();
  say(kernel, { type: "reasoning", text: "hm" });
  expect(el.querySelector("details")?.open).toBe(true);
  say(kernel, { type: "text", text: "So:", part: 1 });
  expect(el.querySelector("details")?.open).toBe(false);
});

test("the stop button ends the run and goes away", () => {
  const { kernel, el } = mounted();
  say(kernel, { type: "text", text: "half" });
  press(el, "Stop");
  vi.advanceTimersByTime(200);
  expect(el.querySelector<HTMLButtonElement>(".sc-stop")?.hidden).toBe(true);
  expect(el.textContent).toContain("half");
  expect(el.textContent).toContain("Stopped");
});

test("escape stops the run", () => {
  const { kernel, el } = mounted();
  el.querySelector("article")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect(kernel.heard.filter((message) => message.type === "stop")).toHaveLength(1);
});

test("every view of a model shows the same", () => {
  const { kernel, views } = mounted(new FakeKernel(), 3);
  say(kernel, { type: "text", text: "**same**" });
  for (const { el } of views) expect(el.querySelector("strong")?.textContent).toBe("same");
});

test("a failed run says in one line what happened", () => {
  const { kernel, el } = mounted();
  kernel.state = "failed";
  const error = { kind: "timeout_idle", message: "No data for 30 s." } as const;
  say(kernel, { type: "text", text: "half" }, { type: "finished", reason: "error", error });
  expect(el.querySelector(".sc-error")?.textContent).toBe("No data for 30 s.");
  expect(el.textContent).toContain("half");
});

test("a scripted answer is marked as one", () => {
  const { kernel, el } = mounted();
  say(kernel, { type: "started", provider: "demo", model: "demo", scripted: true });
  expect(el.querySelector<HTMLElement>(".sc-badge")?.hidden).toBe(false);
});

test("sources are listed with the place they lead to", () => {
  const { kernel, el } = mounted();
  say(kernel, { type: "citation", url: "https://example.org/a", title: "A", quote: "said" });
  say(kernel, { type: "citation", url: "javascript:alert(1)", title: "B" });
  expect([...el.querySelectorAll(".sc-sources a")].map((link) => link.getAttribute("href"))).toEqual([
    "https://example.org/a",
  ]);
  expect(el.querySelector(".sc-sources")?.textContent).toContain("(example.org)");
});

test("what was painted is acknowledged", () => {
  const { kernel } = mounted();
  say(kernel, { type: "text", text: "a" }, { type: "text", text: "b" });
  expect(kernel.heard).toContainEqual({ type: "ack", run: "run", painted: 2 });
});

test("the style sheet is there once, and again in a shadow root", () => {
  const { el } = mounted();
  const before = document.head.querySelectorAll("style").length;
  mounted();
  expect(document.head.querySelectorAll("style")).toHaveLength(before);
  const root = el.attachShadow({ mode: "open" });
  const inside = document.createElement("div");
  root.append(inside);
  const shown = widget();
  const signal = new AbortController().signal;
  shown.initialize({ model: new FakeKernel(), signal });
  shown.render({ el: inside, signal });
  vi.advanceTimersByTime(100);
  expect(root.querySelectorAll("style")).toHaveLength(1);
});

test("a restored view asks for the static output and puts it in its place", async () => {
  const kernel = new FakeKernel();
  say(kernel, { type: "text", text: "answer" });
  kernel.stop();
  const view = { model_id: "m" };
  const setData = vi.fn();
  const mine = { data: { "application/vnd.jupyter.widget-view+json": view }, setData };
  const other = { data: { "text/plain": "42" }, setData: vi.fn() };
  const outputs = [other, mine];
  const cells = [{ outputs: { length: 2, get: (index: number) => outputs[index] } }, {}];
  Object.assign(kernel, { widget_manager: { context: { model: { cells } }, get_model: async () => kernel } });
  mounted(kernel);
  const asked = (): number => kernel.heard.filter((message) => message.type === "sync").length;
  const before = asked();
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked()).toBe(before + 1);
  kernel.set("static", { "text/html": "<p>answer</p>", "text/plain": "answer" });
  await vi.advanceTimersByTimeAsync(0);
  expect(setData).toHaveBeenCalledWith({ data: { "text/html": "<p>answer</p>", "text/plain": "answer" } });
  expect(other.setData).not.toHaveBeenCalled();
});

test("a restored view that comes late finds the static output that another page asked for", async () => {
  const kernel = new FakeKernel();
  say(kernel, { type: "text", text: "answer" });
  kernel.stop();
  kernel.set("static", { "text/html": "<p>answer</p>", "text/plain": "answer" });
  const setData = vi.fn();
  const output = { data: { "application/vnd.jupyter.widget-view+json": { model_id: "m" } }, setData };
  const cells = [{ outputs: { length: 1, get: () => output } }];
  Object.assign(kernel, { widget_manager: { context: { model: { cells } }, get_model: async () => kernel } });
  const shown = widget();
  const signal = new AbortController().signal;
  shown.initialize({ model: kernel, signal });
  await vi.advanceTimersByTimeAsync(5000);
  expect(setData).not.toHaveBeenCalled();
  shown.render({ el: document.createElement("div"), signal });
  await vi.advanceTimersByTimeAsync(2000);
  expect(setData).toHaveBeenCalledTimes(1);
});
