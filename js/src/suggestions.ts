/** What might be asked first: shown while nothing was. */

import { clean } from "./clean.js";
import { button, element } from "./dom.js";

export class Suggestions {
  readonly node = element("div", "sc-suggestions");
  readonly #ask: (text: string) => void;
  #shown = "";

  constructor(ask: (text: string) => void) {
    this.#ask = ask;
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "Suggestions");
  }

  update(suggestions: readonly string[], fits: boolean): void {
    this.node.hidden = !fits || suggestions.length === 0;
    const shown = JSON.stringify(suggestions);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.node.replaceChildren(...suggestions.map((text) => this.#button(text)));
  }

  #button(text: string): HTMLButtonElement {
    const made = button(clean(text), "sc-suggestion");
    made.dir = "auto";
    made.addEventListener("click", () => this.#ask(text));
    return made;
  }
}
