/** Mounts chats with a fake kernel, to look at them and to test them without Jupyter: `harness.html?play=chat`. */

import widget from "./chat.js";
import { FakeChat } from "./fake_chat.js";
import type { Event, Thread } from "./protocol.gen.js";
import { agent, code, script } from "./script.js";

export { FakeChat };

const SETTING: Partial<Thread> = {
  title: "Star catalogue",
  models: ["demo:markdown", "demo:tools", "demo:error"],
  suggestions: ["What does a view draw again?", "Clear the scratch folder", "مرحبا! اشرح لي الحمض النووي"],
  totals: { turns: 0 },
};

const BROKEN: Event[] = [
  { type: "started", provider: "demo", model: "error", scripted: true },
  { type: "text", text: "The first half of this answer came, and th" },
  {
    type: "finished",
    reason: "error",
    error: { kind: "truncated", message: "The connection broke before the answer was complete." },
  },
];

function answering(question: string, model: string): readonly Event[] {
  if (model.endsWith("error")) return BROKEN;
  if (model.endsWith("tools") || question.startsWith("Clear")) return agent();
  return question.includes("code") ? code() : script();
}

/** The states a chat is looked at in; `past` is how many turns lie behind. */
export function newChat(state: string, interval: number, past = 0): FakeChat {
  const height = state === "long" ? { height: "420px" } : {};
  const chat = new FakeChat({ ...SETTING, ...height }, answering, interval);
  for (let turn = 1; turn <= past; turn += 1) chat.past(`Question ${turn}: what is drawn again?`, script());
  if (state === "failed") chat.past("Tell me more about **all** of them", BROKEN);
  if (state !== "empty")
    chat.publish({ totals: { turns: past, input_tokens: 812, output_tokens: 4096, cost: 0.0193 } });
  return chat;
}

/** Mounts `count` views of one chat in the container. */
export function mountChat(container: HTMLElement, chat: FakeChat, count = 1): AbortController {
  const alive = new AbortController();
  const shown = widget();
  shown.initialize({ model: chat, signal: alive.signal });
  for (let index = 0; index < count; index += 1) {
    const el = document.createElement("div");
    container.append(el);
    shown.render({ el, signal: alive.signal });
  }
  return alive;
}
