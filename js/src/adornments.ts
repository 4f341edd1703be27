/**
 * What makes formulas and code of a text more than their source: typesetting and colours. Until the part of the page's
 * code that knows how has come, and where it knows not, the source stands as it was written.
 */

import { element } from "./dom.js";
import { taken } from "./formulas.js";
import { languageOf } from "./languages.js";
import { drawer } from "./parts.js";
import { Memory } from "./recent.js";
import type { Part } from "./protocol.gen.js";

const recent: Readonly<Record<Part, Memory>> = { maths: new Memory(), highlight: new Memory() };

export class Adornments {
  readonly #root: Element;
  readonly #wanted = new Set<Part>();

  /** `root` holds everything that is ever adorned here. */
  constructor(root: Element) {
    this.#root = root;
  }

  /** A formula, delimiters included, in the sentence (`span`) or by itself (`p`). */
  formula(name: "span" | "p", source: string): HTMLElement {
    const made = element(name, "sc-formula", source);
    this.#typeset(made);
    return made;
  }

  /** Colours code that is whole. */
  colour(code: HTMLElement, name: string): void {
    const language = languageOf(name);
    if (!language) return;
    code.dataset["language"] = language;
    this.#colour(code);
  }

  /** Adorns what was drawn before the part came. */
  come(part: Part): void {
    this.#wanted.delete(part);
    if (part === "maths") {
      for (const shown of this.#root.querySelectorAll<HTMLElement>(".sc-formula")) this.#typeset(shown);
    } else {
      for (const code of this.#root.querySelectorAll<HTMLElement>("code[data-language]")) this.#colour(code);
    }
  }

  #typeset(shown: HTMLElement): void {
    const { tex, display } = taken(shown.textContent ?? "");
    const made = this.#drawn("maths", tex, display ? "display" : "inline");
    if (made) shown.replaceChildren(made);
  }

  #colour(code: HTMLElement): void {
    const text = code.textContent ?? "";
    // A character that was spelled out is no part of the program.
    if (code.querySelector(".sc-mark")) return;
    const made = this.#drawn("highlight", text, code.dataset["language"] ?? "");
    if (made) code.replaceChildren(made);
  }

  #drawn(part: Part, text: string, way: string): Node | null {
    if (this.#wanted.has(part)) return null;
    const draw = drawer(part, this);
    if (draw) return recent[part].get(`${way}\n${text}`, () => draw(text, way));
    this.#wanted.add(part);
    return null;
  }
}
