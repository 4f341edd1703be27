/**
 * Mounts views with a fake kernel and a scripted run, to look at them and to test them without Jupyter.
 * `?theme=light|dark&views=2&interval=16&pause=120` (the event to pause after) sets how it is shown, and
 * `&play=answer|agent|table|code` what; `chat=empty|failed|long&past=3` shows a chat instead.
 */

import { FakeChat, mountChat, newChat } from "./chat_harness.js";
import { FakeKernel } from "./fake.js";
import type { Event, Format, ToolResult } from "./protocol.gen.js";
import { agent, code, script, table } from "./script.js";
import { stateAfter } from "./state.js";
import widget from "./view.js";

export { agent, code, FakeChat, FakeKernel, mountChat, newChat, script, table };

/** Mounts `count` views of one model in the container. */
export function mount(container: HTMLElement, kernel: FakeKernel, count = 1): AbortController {
  const alive = new AbortController();
  const shown = widget();
  shown.initialize({ model: kernel, signal: alive.signal });
  for (let index = 0; index < count; index += 1) {
    const el = document.createElement("div");
    container.append(el);
    shown.render({ el, signal: alive.signal });
  }
  return alive;
}

/** Feeds the events to the kernel's page, one an interval, up to event number `pause`; waits where consent is asked. */
export function play(kernel: FakeKernel, events: readonly Event[], interval: number, pause = Infinity): void {
  const started = performance.now();
  const due = [...events.slice(0, pause)];
  const ticking = setInterval(() => {
    if (kernel.state === "approval") return;
    const event = due.shift();
    if (!event || kernel.state === "stopped") return clearInterval(ticking);
    kernel.append(event.type === "tool_result" && kernel.denied.has(event.id) ? denied(event) : event);
    kernel.state = stateAfter(event, kernel.state);
    kernel.deliver(kernel.flush((performance.now() - started) / 1000));
    if (event.type === "finished") kernel.snapshot();
  }, interval);
}

function denied({ id, name }: ToolResult): ToolResult {
  return { type: "tool_result", id, name, content: "The user denied this call.", error: true };
}

interface Play {
  readonly format: Format;
  readonly events: () => Event[];
}
const PLAYS: Readonly<Record<string, Play>> & { readonly answer: Play } = {
  answer: { format: "markdown", events: script },
  agent: { format: "markdown", events: agent },
  table: { format: "table", events: table },
  code: { format: "code", events: code },
};

const asked = new URLSearchParams(location.search);
const theme = asked.get("theme");
if (theme) document.documentElement.dataset["theme"] = theme;
const views = document.getElementById("views");
const count = Number(asked.get("views") ?? 1);
const interval = Number(asked.get("interval") ?? 16);
const chat = asked.get("chat");
if (views && chat) {
  mountChat(views, newChat(chat, interval, Number(asked.get("past") ?? 0)), count);
} else if (views) {
  const { format, events } = PLAYS[asked.get("play") ?? "answer"] ?? PLAYS.answer;
  const kernel = new FakeKernel("run", format);
  mount(views, kernel, count);
  play(kernel, events(), interval, Number(asked.get("pause") ?? Infinity));
}
