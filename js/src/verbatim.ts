/** Text as it comes, nothing in it read as anything else. What has been drawn is never touched again. */

import { Adornments } from "./adornments.js";
import { plain, program } from "./build.js";
import { Cleaner } from "./clean.js";
import { CodeText } from "./code_text.js";
import { appendText } from "./dom.js";

class Verbatim {
  readonly #cleaner = new Cleaner();
  readonly #put: (text: string) => void;
  #fresh = "";

  constructor(put: (text: string) => void) {
    this.#put = put;
  }

  append(piece: string): void {
    this.#fresh += this.#cleaner.feed(piece);
  }

  draw(): void {
    if (this.#fresh) this.#put(this.#fresh);
    this.#fresh = "";
  }

  end(): void {
    this.#fresh += this.#cleaner.end();
    this.draw();
  }
}

/** Plain text, its lines kept. */
export class PlainText extends Verbatim {
  constructor(root: HTMLElement) {
    const shown = plain("");
    root.append(shown);
    super((text) => appendText(shown, text));
  }
}

/** One block of code, coloured when it has ended. */
export class CodeBlock extends Verbatim {
  readonly #adornments: Adornments;
  readonly #code: HTMLElement;
  readonly #language: string;
  readonly #text: CodeText;

  constructor(root: HTMLElement, language: string) {
    const shown = program(language, "");
    const code = shown.querySelector("code") ?? shown;
    root.append(shown);
    const text = new CodeText(code);
    super((piece) => text.append(piece));
    this.#adornments = new Adornments(shown);
    this.#code = code;
    this.#language = language;
    this.#text = text;
  }

  override end(): void {
    super.end();
    this.#text.end();
    this.#adornments.colour(this.#code, this.#language);
  }
}
