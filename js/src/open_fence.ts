/** A code fence that is still open: its lines are appended to the text that is there, nothing is parsed again. */

import { endsUndecided } from "./clean.js";
import { CodeText } from "./code_text.js";
import type { Block } from "./parser.js";

/** A line that may still become the closing fence. */
const UNDECIDED = /^[ \t>`~]*$/;

export class OpenFence {
  readonly #code: CodeText;
  readonly #closing: RegExp;
  #taken: string[] = [];
  /** The start of the line that has not ended yet, as far as it is held back: it may be the closing fence. */
  #held = "";
  #lineBegun: boolean;

  private constructor(code: CodeText, closing: RegExp, lineBegun: boolean) {
    this.#code = code;
    this.#closing = closing;
    this.#lineBegun = lineBegun;
  }

  /** The open fence that `block`, drawn as `node`, is; `text` begins with it. Null for anything else. */
  static of(block: Block, text: string, node: Element): OpenFence | null {
    const token = block.tokens[0];
    const code = node.querySelector("code");
    if (token?.type !== "fence" || !code) return null;
    const [opening = "", ...lines] = text.split("\n");
    const marker = token.markup.charAt(0);
    const closing = new RegExp(`^ {0,3}\\${marker}{${token.markup.length},}[ \\t]*$`);
    // An indented fence takes its indentation off every line: the ordinary way does that.
    if (!opening.startsWith(marker) || lines.length === 0) return null;
    // What is drawn must be what has come: a line that was mended or held back has to be drawn whole first.
    if (token.content !== lines.join("\n") || endsUndecided(text)) return null;
    const unfinished = lines.at(-1) ?? "";
    if ((unfinished && UNDECIDED.test(unfinished)) || lines.some((line) => closing.test(line))) return null;
    return new OpenFence(new CodeText(code, token.content), closing, unfinished !== "");
  }

  /** Shows more of the code; false, with nothing shown, when the fence may close in it. */
  take(fresh: string): boolean {
    const text = this.#held + fresh;
    const lines = text.split("\n");
    if (lines.some((line, index) => (index > 0 || !this.#lineBegun) && this.#closing.test(line)))
      return false;
    const unfinished = lines.at(-1) ?? "";
    const begun = lines.length === 1 && this.#lineBegun;
    this.#held = !begun && UNDECIDED.test(unfinished) ? unfinished : "";
    this.#lineBegun = begun || (unfinished !== "" && this.#held === "");
    this.#code.append(text.slice(0, text.length - this.#held.length));
    this.#taken.push(fresh);
    return true;
  }

  /** All that was taken since the fence was last parsed. */
  taken(): string {
    return this.#taken.join("");
  }
}
