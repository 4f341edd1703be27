/** Keeps the end of a growing conversation in sight, but only for a reader who is at its end. */

import { element, button } from "./dom.js";

/** So near to the end counts as being there. */
const SLACK = 48;

export class Follower {
  /** The way back to the end, shown to a reader who has left it. */
  readonly node = element("div", "sc-jump");
  readonly #log: HTMLElement;
  readonly #end: HTMLElement;
  readonly #button = button("Jump to the end", "sc-jump-button");
  #atEnd = true;
  #growing = false;
  #top = 0;

  /** `log` may scroll by itself; where it does not, what it stands in scrolls, and `end` is what shall stay in sight. */
  constructor(log: HTMLElement, end: HTMLElement, signal: AbortSignal) {
    this.#log = log;
    this.#end = end;
    this.#button.hidden = true;
    this.node.append(this.#button);
    this.#button.addEventListener("click", () => this.jump(), { signal });
    // A scroll event does not bubble: heard on its way down it is heard from every box around the log.
    document.addEventListener("scroll", (event) => this.#scrolled(event), {
      capture: true,
      passive: true,
      signal,
    });
  }

  /** To be called after every drawing. */
  follow(growing: boolean): void {
    this.#growing = growing;
    if (this.#atEnd && this.#mayMove()) this.#moveToEnd();
    this.#offer();
  }

  /** Goes to the end and stays with it. */
  jump(): void {
    this.#atEnd = true;
    this.#moveToEnd();
    this.#offer();
  }

  #scrolled({ target }: Event): void {
    if (!(target instanceof Node) || !target.contains(this.#log)) return;
    // Only who goes up leaves the end: it may have grown since it was gone to.
    const { scrollTop: top } = this.#scroller;
    if (this.#beyond() <= SLACK) this.#atEnd = true;
    else if (top < this.#top) this.#atEnd = false;
    this.#top = top;
    this.#offer();
  }

  /** In a notebook only while something grows: a chat that has ended is a place like any other there. */
  #offer(): void {
    this.#button.hidden = this.#atEnd || !(this.#scrolls || this.#growing);
  }

  /** A notebook is not scrolled under a reader who is somewhere else in it. */
  #mayMove(): boolean {
    return this.#scrolls || (this.#log.parentElement?.contains(document.activeElement) ?? false);
  }

  get #scrolls(): boolean {
    return isScrolling(this.#log);
  }

  get #scroller(): Element {
    return this.#scrolls ? this.#log : outer(this.#log);
  }

  /** How many pixels of the conversation lie below what is in sight. */
  #beyond(): number {
    if (this.#scrolls) return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight;
    const { bottom } = this.#end.getBoundingClientRect();
    const around = outer(this.#log);
    const edge = around === document.scrollingElement ? innerHeight : around.getBoundingClientRect().bottom;
    return bottom - edge;
  }

  #moveToEnd(): void {
    const beyond = this.#beyond();
    if (beyond > 0) this.#scroller.scrollTop += beyond;
  }
}

function isScrolling(box: Element): boolean {
  if (box.scrollHeight <= box.clientHeight) return false;
  return /auto|scroll/.test(getComputedStyle(box).overflowY);
}

function outer(inside: Element): Element {
  for (let box = inside.parentElement; box; box = box.parentElement) if (isScrolling(box)) return box;
  return document.scrollingElement ?? document.documentElement;
}
