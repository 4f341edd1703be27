/** A long list that is still open: items before the last are settled, only the end is parsed again. */

import type { Adornments } from "./adornments.js";
import { buildBlock } from "./build.js";
import { Lines } from "./lines.js";
import { parse, type Block } from "./parser.js";

/** Shorter lists are cheap enough to draw whole. */
const LONG = 12;

/** What an open block settled of its text, and what then is left to be parsed again. */
export interface Settled {
  readonly text: string;
  readonly rest: string;
}

export class OpenList {
  readonly #list: Element;
  readonly #kind: string;
  readonly #loose: boolean;
  /** The text of the settled items. */
  #source = "";
  #settled = 0;

  private constructor(list: Element, kind: string, loose: boolean) {
    this.#list = list;
    this.#kind = kind;
    this.#loose = loose;
  }

  /** The list that `block`, drawn as `node` from `text`, is; null for a short one and for anything else. */
  static of(block: Block, text: string, node: Element): OpenList | null {
    const kind = kindOf(block);
    if (!kind || block.tooDeep || items(block).length < LONG) return null;
    return new OpenList(node, kind, isLoose(block, text));
  }

  /** The text that what is settled and `tail` make together. */
  whole(tail: string): string {
    return this.#source + tail;
  }

  /** False when the tail no longer continues this list as it was drawn: then it is drawn whole again. */
  fits(block: Block | undefined, text: string): boolean {
    return (
      block !== undefined &&
      kindOf(block) === this.#kind &&
      !block.tooDeep &&
      (this.#loose || !isLoose(block, text))
    );
  }

  holds(node: Element): boolean {
    return node === this.#list;
  }

  /** Draws the items after the settled ones. */
  redraw(block: Block, source: string, adornments: Adornments): Element {
    if (this.#loose) for (const token of paragraphs(block)) token.hidden = false;
    const made = buildBlock(block, source, adornments);
    const last = this.#list.children[this.#settled - 1];
    while (this.#list.lastChild && this.#list.lastChild !== last) this.#list.lastChild.remove();
    // The line's end before an item was made with the item above it.
    if (last) this.#list.append("\n");
    this.#list.append(...made.childNodes);
    return this.#list;
  }

  /** Settles all items before the last whose beginning is decided and was shown as it came; null for none. */
  settle(block: Block, tail: string, shown: string): Settled | null {
    const lines = new Lines(tail);
    const starts = items(block);
    const isNext = (start: number): boolean =>
      lines.decided(start) && shown.startsWith(lines.slice(0, start + 1));
    let index = starts.length - 1;
    while (index > 0 && !isNext(starts[index] ?? 0)) index -= 1;
    if (index <= 0) return null;
    this.#settled += index;
    const length = lines.start(starts[index] ?? 0);
    const text = tail.slice(0, length);
    this.#source += text;
    return { text, rest: tail.slice(length) };
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

/** Only a paragraph shows whether a list is loose: where there is none, but a blank line, one more item tells. */
function isLoose(block: Block, text: string): boolean {
  const shown = paragraphs(block);
  if (shown.length > 0 || !/\n[ \t]*\n/.test(text)) return shown.some((token) => !token.hidden);
  const [opened] = block.tokens;
  const marker = opened?.type === "ordered_list_open" ? `1${opened.markup}` : (opened?.markup ?? "");
  const [probed] = parse(`${text}\n${marker} .`, {});
  return probed !== undefined && paragraphs(probed).some((token) => !token.hidden);
}
