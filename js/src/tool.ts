/** One tool call as a card: its name, its arguments as they come, how it went. All of it is shown as plain text. */

import { appendCode } from "./build.js";
import { element, setText } from "./dom.js";
import type { ToolItem } from "./state.js";

/** Longer results are cut on the page; the whole is in the response object. */
const SHOWN = 4000;

export class ToolCard {
  readonly node = element("div", "sc-tool");
  readonly #item: ToolItem;
  readonly #name = element("code", "sc-tool-name");
  readonly #mark = element("span", "sc-tool-mark");
  readonly #arguments = element("code");
  readonly #result = element("code");
  readonly #resultBox = element("pre", "sc-tool-result");

  constructor(item: ToolItem) {
    this.#item = item;
    this.node.setAttribute("role", "group");
    const head = element("div", "sc-tool-head");
    head.append(element("span", "sc-tool-word", "Tool"), this.#name, this.#mark);
    const given = element("pre", "sc-tool-arguments");
    given.append(this.#arguments);
    this.#resultBox.append(this.#result);
    this.#resultBox.hidden = true;
    this.node.append(head, given, this.#resultBox);
  }

  update(): void {
    const { name, result } = this.#item;
    this.node.setAttribute("aria-label", `Tool call: ${name}`);
    setText(this.#name, name);
    this.node.classList.toggle("sc-tool-running", result === null);
    this.node.classList.toggle("sc-tool-failed", result?.error ?? false);
    setText(this.#mark, this.#said());
    write(this.#arguments, this.#item.arguments);
    if (result) {
      this.#resultBox.hidden = false;
      write(this.#result, cut(result.content));
    }
  }

  finish(): void {
    this.update();
  }

  #said(): string {
    const { result, whole } = this.#item;
    if (!result) return whole ? "running" : "writing the call";
    const word = result.error ? "failed" : "done";
    return result.seconds == null
      ? word
      : `${word} in ${result.seconds.toFixed(result.seconds < 10 ? 2 : 0)} s`;
  }
}

const written = new WeakMap<Element, string>();

function write(code: Element, text: string): void {
  if (written.get(code) === text) return;
  written.set(code, text);
  code.replaceChildren();
  appendCode(code, text);
}

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}\n… ${text.length - SHOWN} more characters` : text;
}
