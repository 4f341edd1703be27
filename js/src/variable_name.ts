/** The button that puts an answer into a variable, and the small box that asks for the variable's name. */

import { button, element } from "./dom.js";
import { sends } from "./growing_box.js";

const NAME = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;

export class VariableName {
  readonly node = element("span", "sc-variable");
  readonly #open = button("Answer to variable", "sc-keep");
  readonly #box = element("input", "sc-box sc-name");
  readonly #keep: (name: string) => void;

  constructor(keep: (name: string) => void) {
    this.#keep = keep;
    this.#box.setAttribute("aria-label", "Variable name");
    this.#box.placeholder = "variable name";
    this.#box.autocomplete = "off";
    this.#box.spellcheck = false;
    this.#box.hidden = true;
    this.#open.addEventListener("click", () => this.#show(true));
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#box.addEventListener("input", () => this.#box.removeAttribute("aria-invalid"));
    this.#box.addEventListener("blur", () => this.#show(false));
    this.node.append(this.#open, this.#box);
  }

  allow(keeping: boolean): void {
    this.#open.disabled = !keeping;
  }

  #show(asking: boolean): void {
    if (this.#box.hidden !== asking) return;
    this.#box.hidden = !asking;
    this.#open.hidden = asking;
    if (asking) this.#box.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape" && !sends(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const name = this.#box.value.trim();
    if (event.key === "Enter" && !NAME.test(name)) {
      return this.#box.setAttribute("aria-invalid", "true");
    }
    if (event.key === "Enter") this.#keep(name);
    this.#show(false);
    this.#open.focus();
  }
}
