/** A long table that is still open: rows before the last are settled, only the end is parsed again, under its head. */

import type { Adornments } from "./adornments.js";
import { buildBlock } from "./build.js";
import { Lines } from "./lines.js";
import type { Settled } from "./open_list.js";
import type { Block } from "./parser.js";

/** Shorter tables are cheap enough to draw whole. */
const LONG = 12;
/** The parser ends a table that lacks this many cells. */
const MOST_EMPTY = 0x10000;

export class OpenTable {
  readonly #scroller: Element;
  /** The text up to the first row. */
  readonly #head: string;
  readonly #columns: number;
  /** The text of the settled rows. */
  #rows = "";
  #settled = 0;
  #empty = 0;

  private constructor(scroller: Element, head: string, columns: number) {
    this.#scroller = scroller;
    this.#head = head;
    this.#columns = columns;
  }

  /** The table that `block`, drawn as `node` from `text`, is; null for a short one and for anything else. */
  static of(block: Block, text: string, node: Element): OpenTable | null {
    const [first] = rows(block);
    if (first === undefined || rows(block).length < LONG) return null;
    const columns = block.tokens.filter((token) => token.type === "th_open").length;
    return new OpenTable(node, new Lines(text).slice(0, first), columns);
  }

  /** The text that what is settled and `tail`, which begins with the head, make together. */
  whole(tail: string): string {
    return this.#head + this.#rows + tail.slice(this.#head.length);
  }

  /** False when the tail no longer continues this table as it was drawn: then it is drawn whole again. */
  fits(block: Block | undefined, text: string): boolean {
    return (
      block?.tokens[0]?.type === "table_open" &&
      text.startsWith(this.#head) &&
      this.#empty + rows(block).length * this.#columns < MOST_EMPTY
    );
  }

  holds(node: Element): boolean {
    return node === this.#scroller;
  }

  /** Draws the rows after the settled ones. */
  redraw(block: Block, source: string, adornments: Adornments): Element {
    const body = this.#scroller.querySelector("tbody");
    const made = buildBlock(block, source, adornments).querySelector("tbody");
    const last = body?.children[this.#settled - 1]?.nextSibling ?? null;
    while (body?.lastChild && body.lastChild !== last) body.lastChild.remove();
    if (made) body?.append(...made.childNodes);
    return this.#scroller;
  }

  /** Settles all rows before the last that were shown as they came; null for none. */
  settle(block: Block, tail: string, shown: string): Settled | null {
    const lines = new Lines(tail);
    const starts = rows(block);
    let index = starts.length - 1;
    while (index > 0 && !shown.startsWith(lines.slice(0, starts[index] ?? 0))) index -= 1;
    if (index <= 0) return null;
    this.#count(index);
    const length = lines.start(starts[index] ?? 0);
    const text = tail.slice(this.#head.length, length);
    this.#rows += text;
    return { text, rest: this.#head + tail.slice(length) };
  }

  #count(rows: number): void {
    const drawn = this.#scroller.querySelector("tbody")?.children;
    for (const end = this.#settled + rows; this.#settled < end; this.#settled += 1) {
      this.#empty += drawn?.[this.#settled]?.querySelectorAll("td:empty").length ?? 0;
    }
  }
}

/** The lines that the rows of a table stand on, without its head. */
function rows(block: Block): number[] {
  if (block.tokens[0]?.type !== "table_open") return [];
  const begun = block.tokens.findIndex((token) => token.type === "tbody_open");
  const opened = begun < 0 ? [] : block.tokens.slice(begun).filter((token) => token.type === "tr_open");
  return opened.map((token) => token.map?.[0] ?? 0);
}
