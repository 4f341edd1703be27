import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeKernel } from "../src/fake.js";
import type { Decide, Event, ToolCall } from "../src/protocol.gen.js";
import { agent } from "../src/script.js";
import widget from "../src/view.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

const call: ToolCall = {
  type: "tool_call",
  part: 0,
  id: "c1",
  name: "remove",
  arguments: { path: "/tmp/a" },
};
const request: Event = { type: "approval_request", id: "c1", name: "remove", digest: "d1" };
const result: Event = { type: "tool_result", id: "c1", name: "remove", content: "gone", seconds: 0.5 };

function mounted(count = 1) {
  const kernel = new FakeKernel();
  const signal = new AbortController().signal;
  const shown = widget();
  shown.initialize({ model: kernel, signal });
  const views = Array.from({ length: count }, () => {
    const el = document.createElement("div");
    document.body.append(el);
    shown.render({ el, signal: new AbortController().signal });
    return el;
  });
  return { kernel, views, el: views[0] ?? document.body };
}

function say(kernel: FakeKernel, ...events: Event[]): void {
  kernel.append(...events);
  kernel.state = events.at(-1)?.type === "approval_request" ? "approval" : kernel.state;
  kernel.deliver(kernel.flush(1));
  vi.advanceTimersByTime(200);
}

function asked(...events: Event[]) {
  const page = mounted();
  page.kernel.listening = false;
  say(page.kernel, ...(events.length > 0 ? events : [call, request]));
  return page;
}

/** The answers a reader can give now, by name. */
function answers(el: HTMLElement): Map<string, HTMLButtonElement> {
  const buttons = [...el.querySelectorAll<HTMLButtonElement>("button.sc-answer:not([hidden])")];
  return new Map(buttons.map((button) => [button.getAttribute("aria-label") ?? button.textContent, button]));
}

function decisions(kernel: FakeKernel): Decide[] {
  return kernel.heard.filter((message) => message.type === "decide");
}

test("consent is asked for below the exact arguments", () => {
  const { el } = asked();
  expect(el.querySelector(".sc-tool-arguments")?.textContent).toBe('{\n  "path": "/tmp/a"\n}');
  expect(el.querySelector(".sc-tool-arguments")?.nextElementSibling?.textContent).toContain(
    "Asks before it runs",
  );
  expect([...answers(el).keys()]).toEqual(["Approve", "Deny", "Always approve remove"]);
  expect(el.querySelector("[role=status]")?.textContent).toContain("Waiting for approval");
});

for (const [name, approved, always] of [
  ["Approve", true, false],
  ["Deny", false, false],
  ["Always approve remove", true, true],
] as const) {
  test(`"${name}" names the request that was shown`, () => {
    const { el, kernel } = asked();
    answers(el).get(name)?.click();
    expect(decisions(kernel)).toEqual([
      { type: "decide", run: "run", id: "c1", digest: "d1", approved, always },
    ]);
  });
}

test("an answer counts once the kernel says so, in every view", () => {
  const { kernel, views } = mounted(2);
  kernel.listening = false;
  say(kernel, call, request);
  answers(views[0] ?? document.body)
    .get("Deny")
    ?.click();
  vi.advanceTimersByTime(200);
  for (const el of views) {
    expect([...answers(el).values()].every((button) => button.disabled)).toBe(true);
    expect(el.textContent).toContain("Asks before it runs");
  }
  say(kernel, { type: "approval_result", id: "c1", name: "remove", approved: false });
  for (const el of views) {
    expect(answers(el).size).toBe(0);
    expect(el.querySelector(".sc-tool-asked")?.textContent).toBe("Denied");
  }
});

test("an answer that was lost can be given again", () => {
  const { el, kernel } = asked();
  answers(el).get("Approve")?.click();
  answers(el).get("Approve")?.click();
  expect(decisions(kernel)).toHaveLength(1);
  vi.advanceTimersByTime(2500);
  answers(el).get("Approve")?.click();
  expect(decisions(kernel)).toHaveLength(2);
});

test("an answer given elsewhere takes the question away", () => {
  const { el, kernel } = asked();
  say(kernel, { type: "approval_result", id: "c1", name: "remove", approved: true });
  expect(answers(el).size).toBe(0);
  expect(el.querySelector(".sc-tool-asked")?.textContent).toBe("Approved");
  expect(decisions(kernel)).toEqual([]);
});

test("a run that is over asks nothing", () => {
  const { el, kernel } = asked();
  kernel.stop();
  vi.advanceTimersByTime(200);
  expect(answers(el).size).toBe(0);
  expect(el.querySelector(".sc-tool-asked")?.textContent).toBe("Not answered");
});

test("nobody can agree to a call that is not shown", () => {
  const other = { ...call, name: "look" };
  expect(answers(asked(request).el).size).toBe(0);
  expect(answers(asked(other, request).el).size).toBe(0);
  expect(
    answers(asked({ type: "tool_call_delta", part: 0, id: "c1", name: "remove" }, request).el).size,
  ).toBe(0);
});

test("a call of an earlier turn is not what is asked about", () => {
  const started: Event = { type: "started", provider: "demo", model: "tools" };
  const later = { ...call, arguments: { path: "/home" } };
  const { el } = asked(started, call, started, later, request);
  const cards = [...el.querySelectorAll<HTMLElement>(".sc-tool")];
  expect(cards.map((card) => answers(card).size)).toEqual([0, 3]);
});

test("calls that share an id are asked about in their order", () => {
  const { el } = asked(call, { ...call, part: 1, arguments: { path: "/home" } }, request);
  const cards = [...el.querySelectorAll<HTMLElement>(".sc-tool")];
  expect(cards.map((card) => answers(card).size)).toEqual([3, 0]);
});

test("what cannot be seen in the arguments is spelled out", () => {
  const hidden = "a\u{e0041}b\u202ec\u00add\u200be";
  const { el } = asked({ ...call, arguments: { path: hidden } }, request);
  expect(el.querySelector(".sc-tool-arguments")?.textContent).toContain(
    '"a\\udb40\\udc41b\\u202ec\\u00add\\u200be"',
  );
});

test("a number that the page would round is shown as it came", () => {
  const raw = '{"account": 12345678901234567891}';
  const { el } = asked({ ...call, arguments: JSON.parse(raw), raw_arguments: raw }, request);
  expect(el.querySelector(".sc-tool-arguments")?.textContent).toBe(raw);
});

test("no text of a model's makes a button that answers", () => {
  const text =
    '<button class="sc-answer">Approve</button>\n\n`Approve` [Approve](https://a.example/) ![Approve](x)';
  const { el, kernel } = asked({ type: "text", text }, call, request);
  expect(el.querySelectorAll(".sc-text button")).toHaveLength(0);
  const forged = document.createElement("button");
  forged.className = "sc-button sc-answer";
  el.querySelector(".sc-tool")?.append(forged);
  forged.click();
  expect(decisions(kernel)).toEqual([]);
});

test("asking takes the focus from nothing, answering keeps it in the card", () => {
  const outside = document.createElement("input");
  document.body.append(outside);
  outside.focus();
  const { el } = asked();
  expect(document.activeElement).toBe(outside);
  answers(el).get("Approve")?.focus();
  answers(el).get("Approve")?.click();
  vi.advanceTimersByTime(200);
  expect(document.activeElement).toBe(el.querySelector(".sc-tool"));
});

test("enter is left to the buttons and to the notebook", () => {
  const { el } = asked();
  const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
  const heard = vi.fn();
  document.body.addEventListener("keydown", heard);
  answers(el).get("Approve")?.dispatchEvent(enter);
  expect(enter.defaultPrevented).toBe(false);
  expect(heard).toHaveBeenCalledTimes(1);
});

test("what a tool printed stands below its result", () => {
  const { el } = asked(call, { ...result, printed: "14 <b>files</b>" });
  expect(el.querySelector(".sc-tool-label")?.textContent).toBe("Printed");
  expect(el.querySelector(".sc-tool-printed")?.textContent).toBe("14 <b>files</b>");
});

test("a call without a result stops running with its run", () => {
  const { el, kernel } = asked(call);
  expect(el.querySelector<HTMLElement>(".sc-tool")?.dataset["state"]).toBe("running");
  kernel.state = "done";
  say(kernel, { type: "finished", reason: "tool_calls" });
  expect(el.querySelector<HTMLElement>(".sc-tool")?.dataset["state"]).toBe("idle");
});

test("the turns of an agent stand in their order", () => {
  const { kernel, el } = mounted();
  say(kernel, ...agent());
  const shown = [...(el.querySelector(".sc-body")?.children ?? [])];
  expect(shown.map((piece) => piece.className)).toEqual([
    "sc-text",
    "sc-tool",
    "sc-text",
    "sc-tool",
    "sc-text",
  ]);
  expect(shown.map((piece) => piece.querySelector(".sc-tool-mark")?.textContent)).toEqual([
    undefined,
    "done in 1.32 s",
    undefined,
    "failed in 5.01 s",
    undefined,
  ]);
});
