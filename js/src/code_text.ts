/** The text of a program on the page: every invisible character is spelled out, so that what is copied is what is seen. */

import { clean, Speller, type Spelled } from "./clean.js";
import { appendText, element } from "./dom.js";

/** A text that grows in pieces cut anywhere; `before` is what the element shows already. */
export class CodeText {
  readonly #code: Element;
  readonly #speller: Speller;

  constructor(code: Element, before = "") {
    this.#code = code;
    this.#speller = new Speller(before);
  }

  append(text: string): void {
    this.#show(this.#speller.feed(clean(text)));
  }

  end(): void {
    this.#show(this.#speller.end());
  }

  #show(pieces: readonly Spelled[]): void {
    for (const { text, marked } of pieces) {
      if (marked) this.#code.append(element("span", "sc-mark", text));
      else appendText(this.#code, text);
    }
  }
}

/** Text that is there as a whole. */
export function appendCode(code: Element, whole: string): void {
  const text = new CodeText(code);
  text.append(whole);
  text.end();
}
