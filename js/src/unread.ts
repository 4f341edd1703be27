/**
 * The end of a very long open block, shown as it came: reading all of the block again for every piece of it would cost the
 * square of its length. Now and then, and at the end, it is read as Markdown like any other text.
 */

import { element } from "./dom.js";

/** Longer than any block that is written to be read. */
const VERY_LONG = 16_000;
/** The text is read again when it has grown by this part of its length. */
const SHARE = 1 / 16;

export class Unread {
  #shown: HTMLElement | null = null;

  /** Shows `fresh`, which follows `tail`, at the end of `block`; false, with nothing shown, when it is to be read. */
  take(fresh: string, tail: string, block: Element | undefined): boolean {
    if (!block || tail.length < VERY_LONG || fresh.length > tail.length * SHARE) return false;
    this.clear();
    // A space at the end of a block is not drawn until something follows it.
    const space = tail.slice(tail.trimEnd().length);
    this.#shown = element("bdi", "", space + fresh);
    block.append(this.#shown);
    return true;
  }

  clear(): void {
    this.#shown?.remove();
    this.#shown = null;
  }
}
