/** The names of variables offered while one writes `{`: a list that is walked with the arrow keys. */

import { clean } from "./clean.js";
import { element } from "./dom.js";

const OPENED = /\{([\p{ID_Start}_]\p{ID_Continue}*)?$/u;
const MOST = 50;
let lists = 0;

/** What stands after the last open brace before the caret; null when no name is being written there. */
export function prefixAt({ value, selectionStart, selectionEnd }: HTMLTextAreaElement): string | null {
  if (selectionStart !== selectionEnd) return null;
  const before = value.slice(0, selectionStart);
  const found = OPENED.exec(before);
  // A doubled brace is a brace that is meant.
  return !found || before[found.index - 1] === "{" ? null : (found[1] ?? "");
}

export class NameList {
  readonly node = element("ul", "sc-names");
  readonly #box: HTMLTextAreaElement;
  #names: readonly string[] = [];
  #at = 0;

  /** The list of one box; `chosen` is called when a name was put into it. */
  constructor(box: HTMLTextAreaElement, chosen: () => void) {
    this.#box = box;
    lists += 1;
    this.node.id = `sc-names-${lists}`;
    this.node.setAttribute("role", "listbox");
    this.node.setAttribute("aria-label", "Variables");
    this.node.hidden = true;
    box.setAttribute("aria-autocomplete", "list");
    // The press must not take the focus out of the box.
    this.node.addEventListener("pointerdown", (event) => event.preventDefault());
    this.node.addEventListener("click", ({ target }) => {
      const option = target instanceof Element ? target.closest("[role=option]") : null;
      const index = option ? [...this.node.children].indexOf(option) : -1;
      if (index >= 0 && this.choose(index)) chosen();
    });
  }

  get open(): boolean {
    return !this.node.hidden;
  }

  show(names: readonly string[], hints: readonly string[]): void {
    this.#names = names.slice(0, MOST);
    if (this.#names.length === 0) return this.close();
    const options = this.#names.map((name, index) => this.#option(name, hints[index] ?? "", index));
    this.node.replaceChildren(...options);
    this.node.hidden = false;
    this.#box.setAttribute("aria-controls", this.node.id);
    this.#mark(0);
  }

  close(): void {
    this.node.hidden = true;
    this.#box.removeAttribute("aria-controls");
    this.#box.removeAttribute("aria-activedescendant");
  }

  move(by: number): void {
    this.#mark((this.#at + by + this.#names.length) % this.#names.length);
  }

  /** Puts a name in the place of what was written of it; by default the one that is marked. */
  choose(index = this.#at): boolean {
    const name = this.#names[index];
    const prefix = prefixAt(this.#box);
    this.close();
    if (name === undefined || prefix === null) return false;
    const end = this.#box.selectionStart;
    const closed = this.#box.value[end] === "}" ? 1 : 0;
    this.#box.setRangeText(`${name}}`, end - prefix.length, end + closed, "end");
    return true;
  }

  #option(name: string, hint: string, index: number): HTMLElement {
    const option = element("li", "sc-variable-option");
    option.id = `${this.node.id}-${index}`;
    option.setAttribute("role", "option");
    option.append(element("code", "", clean(name)), element("span", "sc-hint", clean(hint)));
    return option;
  }

  #mark(index: number): void {
    this.#at = index;
    [...this.node.children].forEach((option, position) => {
      option.setAttribute("aria-selected", String(position === index));
      if (position !== index) return;
      this.#box.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView?.({ block: "nearest" });
    });
  }
}
