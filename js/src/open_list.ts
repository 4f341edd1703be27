/** A long list that is still open: items before the last are settled, only the end is parsed again. */

import type { Adornments } from "./adornments.js";
import { buildBlock } from "./build.js";
import type { Lines } from "./lines.js";
import type { Block } from "./parser.js";

/** Shorter lists are cheap enough to draw whole. */
const LONG = 12;

export class OpenList {
  /** The text of the settled items. */
  source = "";
  readonly #list: Element;
  readonly #kind: string;
  readonly #loose: boolean;
  /** The last settled item. */
  #last: ChildNode | null = null;

  private constructor(list: Element, kind: string, loose: boolean) {
    this.#list = list;
    this.#kind = kind;
    this.#loose = loose;
  }

  static of(block: Block, node: Element): OpenList | null {
    const kind = kindOf(block);
    if (!kind || block.tooDeep || items(block).length < LONG) return null;
    return new OpenList(node, kind, isLoose(block));
  }

  /** False when the tail no longer continues this list as it was drawn: then it is drawn whole again. */
  fits(block: Block | undefined): boolean {
    return (
      block !== undefined &&
      kindOf(block) === this.#kind &&
      !block.tooDeep &&
      (this.#loose || !isLoose(block))
    );
  }

  holds(node: Element): boolean {
    return node === this.#list;
  }

  /** Draws the items after the settled ones. */
  redraw(block: Block, source: string, adornments: Adornments): Element {
    if (this.#loose) for (const token of paragraphs(block)) token.hidden = false;
    const made = buildBlock(block, source, adornments);
    while (this.#list.lastChild && this.#list.lastChild !== this.#last) this.#list.lastChild.remove();
    // The line's end before an item was made with the item above it.
    if (this.#last) this.#list.append("\n");
    this.#list.append(...made.childNodes);
    return this.#list;
  }

  /** Settles all items before the last whose beginning is decided; the line that one begins on, or 0. */
  settle(block: Block, lines: Lines): number {
    const starts = items(block);
    let index = starts.length - 1;
    while (index > 0 && !lines.decided(starts[index] ?? 0)) index -= 1;
    if (index === 0) return 0;
    this.#last = this.#list.children[this.#list.childElementCount - 1 - (starts.length - index)] ?? null;
    return starts[index] ?? 0;
  }
}

function kindOf(block: Block): string {
  const [opened] = block.tokens;
  return opened?.type.endsWith("_list_open") ? opened.type + opened.markup : "";
}

function items(block: Block): number[] {
  const opened = block.tokens.filter((token) => token.type === "list_item_open" && token.level === 1);
  return opened.map((token) => token.map?.[0] ?? 0);
}

function paragraphs(block: Block) {
  return block.tokens.filter((token) => token.type.startsWith("paragraph_") && token.level === 2);
}

function isLoose(block: Block): boolean {
  return paragraphs(block).some((token) => !token.hidden);
}
