/**
 * Reads a growing answer out to screen readers, sentence by sentence. The log itself is silent, for it would be read
 * again with every token.
 */

import { element } from "./dom.js";
import { isOver, type Run } from "./state.js";

const INTERVAL = 1500;
/** As much as is read out at once. */
const LONGEST = 600;
/** By then it was heard; what is left standing would be found again by whoever reads on through the page. */
const STANDS = 5000;
const SENTENCE_END = /[.!?…。！？:](?=\s)|\n/g;
const MARKS = /[*_`#>|~]+/g;

export class Announcer {
  readonly node = element("div", "sc-unseen");
  readonly #signal: AbortSignal;
  #run: Run | null = null;
  #item = 0;
  #piece = 0;
  #text = "";
  #timer = 0;
  #clearing = 0;
  #quiet = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.node.setAttribute("aria-live", "polite");
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      clearTimeout(this.#clearing);
    });
  }

  /** Says one line at once, before anything that waits. */
  say(line: string): void {
    this.node.textContent = line;
    clearTimeout(this.#clearing);
    this.#clearing = window.setTimeout(() => this.node.replaceChildren(), STANDS);
  }

  /** Takes up what is new in the run; one that was over when it was first seen is not read out. */
  follow(run: Run): void {
    if (this.#run?.id !== run.id) this.#begin(run);
    if (this.#quiet) return;
    if (this.#run !== run) this.#restart(run);
    this.#collect(run);
    if (this.#text && !this.#timer) this.#speakLater();
  }

  #begin(run: Run): void {
    clearTimeout(this.#timer);
    this.#restart(run);
    this.#timer = 0;
    this.#quiet = isOver(run.state);
  }

  #restart(run: Run): void {
    this.#run = run;
    this.#item = this.#piece = 0;
    this.#text = "";
  }

  #collect(run: Run): void {
    for (; this.#item < run.items.length; this.#item += 1, this.#piece = 0) {
      const item = run.items[this.#item];
      if (item?.kind === "text") this.#text += item.pieces.slice(this.#piece).join("");
      if (this.#item === run.items.length - 1) {
        this.#piece = item?.kind === "text" ? item.pieces.length : 0;
        return;
      }
    }
  }

  #speakLater(): void {
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      if (this.#signal.aborted) return;
      this.#speak();
      if (this.#run && !isOver(this.#run.state)) this.#speakLater();
    }, INTERVAL);
  }

  /** Whole sentences; at the end of the answer whatever is left. */
  #speak(): void {
    const over = !this.#run || isOver(this.#run.state);
    const ends = [...this.#text.matchAll(SENTENCE_END)].map(({ index }) => index + 1);
    const end = over ? this.#text.length : (ends.findLast((at) => at <= LONGEST) ?? 0);
    const sentence = this.#text.slice(0, Math.min(end, LONGEST));
    this.#text = over ? "" : this.#text.slice(end);
    if (sentence.trim()) this.say(sentence.replace(MARKS, "").trim());
  }
}
