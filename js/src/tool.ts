/**
 * One tool call as a card: its name, its arguments as they come, whether it may run, how it went. All of it is shown as
 * plain text. Consent is asked for here and nowhere else, below the exact arguments that it is given for.
 */

import { escaped } from "./clean.js";
import { appendCode } from "./code_text.js";
import type { Decisions } from "./decisions.js";
import { button, element, focused, setText } from "./dom.js";
import type { ToolResult } from "./protocol.gen.js";
import { isAsking, isOver, type Run, type ToolItem } from "./state.js";

/** Longer results are cut on the page; the whole is in the response object. */
const SHOWN = 4000;

const WORDS = {
  writing: "writing the call",
  asking: "waiting for approval",
  running: "running",
  done: "done",
  failed: "failed",
  denied: "denied",
  idle: "no result",
} as const;
type State = keyof typeof WORDS;

/** What the buttons do; kept off the page, so that only a button made here can consent to anything. */
const answers = new WeakMap<Element, () => void>();

/** Gives the answer that the pressed button stands for; anything else is left alone. */
export function answer(pressed: EventTarget | null): void {
  if (pressed instanceof Element) answers.get(pressed)?.();
}

export class ToolCard {
  readonly node = element("div", "sc-tool");
  readonly #item: ToolItem;
  readonly #decisions: Decisions;
  readonly #name = element("code", "sc-tool-name");
  readonly #mark = element("span", "sc-tool-mark");
  readonly #arguments = box("sc-tool-arguments");
  readonly #consent = element("div", "sc-tool-consent");
  readonly #asked = element("span", "sc-tool-asked");
  readonly #outcome = element("div");
  #buttons: readonly HTMLButtonElement[] = [];
  #result: ToolResult | null = null;

  constructor(item: ToolItem, decisions: Decisions) {
    this.#item = item;
    this.#decisions = decisions;
    this.node.setAttribute("role", "group");
    this.node.tabIndex = -1;
    const head = element("div", "sc-tool-head");
    head.append(element("span", "sc-tool-word", "Tool"), this.#name, this.#mark);
    this.#consent.append(this.#asked);
    this.node.append(head, this.#arguments, this.#outcome);
  }

  update(run: Run): void {
    const { name, result } = this.#item;
    if (result && result === this.#result) return;
    const over = isOver(run.state);
    const state = stateOf(this.#item, over);
    this.node.setAttribute("aria-label", `Tool call: ${name}`);
    this.node.dataset["state"] = state;
    setText(this.#name, escaped(name));
    setText(this.#mark, WORDS[state] + took(result, state));
    write(this.#arguments, escaped(this.#item.arguments));
    this.#updateConsent(over);
    if (result) this.#show(result);
  }

  finish(): void {
    // Its result may still come.
  }

  #updateConsent(over: boolean): void {
    const { request, approved, whole } = this.#item;
    if (!request) return;
    if (!this.#consent.parentNode) this.#arguments.after(this.#consent);
    const asking = isAsking(this.#item) && !over;
    setText(this.#asked, asking ? "Asks before it runs" : answered(approved));
    // Consent to what cannot be seen is none.
    if (asking && whole && this.#buttons.length === 0) this.#ask(request.name);
    const wait = this.#decisions.underWay(request);
    if ((wait || !asking) && this.#consent.contains(focused(this.node))) this.node.focus();
    for (const made of this.#buttons) {
      made.disabled = wait;
      made.hidden = !asking;
    }
  }

  #ask(name: string): void {
    const always = this.#button("Always approve", true, true);
    always.setAttribute("aria-label", `Always approve ${name}`);
    this.#buttons = [this.#button("Approve", true, false), this.#button("Deny", false, false), always];
    const row = element("div", "sc-tool-answers");
    row.append(...this.#buttons);
    this.#consent.append(row);
  }

  #button(text: string, approved: boolean, always: boolean): HTMLButtonElement {
    const made = button(text, "sc-answer");
    answers.set(made, () => {
      if (this.#item.request) this.#decisions.give(this.#item.request, approved, always);
    });
    return made;
  }

  #show(result: ToolResult): void {
    this.#result = result;
    const content = box("sc-tool-result");
    write(content, cut(result.content));
    this.#outcome.replaceChildren(content);
    if (!result.printed) return;
    const printed = box("sc-tool-printed");
    write(printed, cut(result.printed));
    this.#outcome.append(element("div", "sc-tool-label", "Printed"), printed);
  }
}

function stateOf(item: ToolItem, over: boolean): State {
  const { whole, approved, result } = item;
  if (approved === false) return "denied";
  if (result) return result.error ? "failed" : "done";
  if (over) return "idle";
  if (isAsking(item)) return "asking";
  return whole ? "running" : "writing";
}

function took(result: ToolResult | null, state: State): string {
  const seconds = result?.seconds;
  if (seconds == null || state === "denied") return "";
  if (seconds < 1) return ` in ${Math.round(seconds * 1000)} ms`;
  return ` in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;
}

function answered(approved: boolean | null): string {
  if (approved === null) return "Not answered";
  return approved ? "Approved" : "Denied";
}

function box(className: string): HTMLPreElement {
  const made = element("pre", className);
  made.tabIndex = 0;
  made.append(element("code"));
  return made;
}

const written = new WeakMap<Element, string>();

function write(shown: HTMLPreElement, text: string): void {
  if (written.get(shown) === text) return;
  written.set(shown, text);
  const code = element("code");
  appendCode(code, text);
  shown.replaceChildren(code);
}

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}\n… ${text.length - SHOWN} more characters` : text;
}
