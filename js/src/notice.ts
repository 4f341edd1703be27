/** One line for the user: why something was not done, or that it was. The last one stays until something is asked. */

import { clean } from "./clean.js";
import { element } from "./dom.js";
import type { Said } from "./protocol.gen.js";

export class Notice {
  readonly node = element("p", "sc-said");
  readonly #announce: (text: string) => void;
  #said: Said | null = null;

  constructor(announce: (text: string) => void) {
    this.#announce = announce;
    this.node.dir = "auto";
    this.node.hidden = true;
  }

  /** What the kernel says; the same again changes nothing. */
  hear(said: Said | null): void {
    if (said === this.#said) return;
    this.#said = said;
    this.say(said?.text ?? "", said?.error);
  }

  say(text: string, error = false): void {
    this.node.textContent = clean(text);
    this.node.hidden = !text;
    this.node.dataset["kind"] = error ? "error" : "note";
    if (text) this.#announce(clean(text));
  }
}
