/** A chat on a page of its own, for the tests. */

import { expect, vi } from "vitest";
import widget from "../src/chat.js";
import { FakeChat } from "../src/fake_chat.js";
import type { Event, Thread } from "../src/protocol.gen.js";

export const HELLO: Event[] = [
  { type: "started", provider: "demo", model: "markdown" },
  { type: "text", text: "Hello **you**." },
  { type: "finished", reason: "stop" },
];

export function chatOf(thread: Partial<Thread> = {}): FakeChat {
  return new FakeChat(thread, () => HELLO);
}

export interface Mounted {
  readonly chat: FakeChat;
  readonly el: HTMLElement;
  readonly views: readonly HTMLElement[];
  readonly closed: AbortController;
}

export function mounted(chat = chatOf(), count = 1): Mounted {
  const closed = new AbortController();
  const shown = widget();
  shown.initialize({ model: chat, signal: closed.signal });
  const views = Array.from({ length: count }, () => {
    const el = document.createElement("div");
    document.body.append(el);
    shown.render({ el, signal: closed.signal });
    return el;
  });
  wait();
  return { chat, views, el: views[0] ?? document.body, closed };
}

/** Lets frames come and rests end. */
export function wait(milliseconds = 300): void {
  vi.advanceTimersByTime(milliseconds);
}

/** The things a reader can find by their names. */
export function buttonsOf(el: Element): string[] {
  const shown = [...el.querySelectorAll("button")].filter((button) => !button.closest("[hidden]"));
  return shown.map((button) => button.getAttribute("aria-label") ?? button.textContent ?? "");
}

export function button(el: Element, name: string): HTMLButtonElement {
  const found = [...el.querySelectorAll("button")].filter(
    (each) => !each.closest("[hidden]") && (each.getAttribute("aria-label") ?? each.textContent) === name,
  );
  expect(found, `one button named ${name}`).toHaveLength(1);
  return found[0] ?? document.createElement("button");
}

export function press(el: Element, name: string): void {
  button(el, name).click();
  wait();
}

export function boxOf(el: Element): HTMLTextAreaElement {
  return el.querySelector<HTMLTextAreaElement>(".sc-composer textarea") ?? document.createElement("textarea");
}

export function write(box: HTMLTextAreaElement | HTMLInputElement, text: string): void {
  box.focus();
  box.value = text;
  box.setSelectionRange(text.length, text.length);
  box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  wait();
}

export function key(target: Element, name: string, options: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...options });
  target.dispatchEvent(event);
  wait();
  return event;
}

export function ask(el: Element, text: string): void {
  write(boxOf(el), text);
  key(boxOf(el), "Enter");
}

export function articles(el: Element): string[] {
  return [...el.querySelectorAll("article")].map((article) => {
    const shown = article.querySelector(".sc-question-text, .sc-body");
    return `${article.getAttribute("aria-label")}: ${shown?.textContent?.trim() ?? ""}`;
  });
}

export function heard<Kind extends FakeChat["heard"][number]["type"]>(chat: FakeChat, type: Kind) {
  return chat.heard.filter((message) => message.type === type);
}
