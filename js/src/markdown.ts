/**
 * Markdown that grows: text is appended, settled blocks are drawn once and never touched again, only the tail is drawn
 * anew. The final page equals the page that the whole text at once would have made.
 *
 * A block is settled when the block after it has begun in a way no later character can undo. Three shapes grow without
 * settling anything, and have a way of their own: an open fence (`OpenFence`), a long list (`OpenList`) and a long table
 * (`OpenTable`).
 */

import { Adornments } from "./adornments.js";
import { buildBlock, plain } from "./build.js";
import { Cleaner } from "./clean.js";
import { Column } from "./column.js";
import { OPEN } from "./formulas.js";
import { graft } from "./graft.js";
import { Lines } from "./lines.js";
import { mend } from "./mend.js";
import { OpenFence } from "./open_fence.js";
import { OpenList } from "./open_list.js";
import { OpenTable } from "./open_table.js";
import { parse, type Block, type References, type Stage } from "./parser.js";
import { Unread } from "./unread.js";

interface Drawn {
  readonly source: string;
  readonly node: Element;
  readonly open: boolean;
  /** The link definitions that stood in the tail then. */
  readonly defined: string;
}

export class Markdown {
  readonly #column: Column;
  readonly #adornments: Adornments;
  readonly #cleaner = new Cleaner();
  readonly #unread = new Unread();
  #settledText: string[] = [];
  #references: References = {};
  /** A link definition was seen, even if it turned out to be none. */
  #defines = false;
  #tail = "";
  #fresh = "";
  #drawn: Drawn[] = [];
  #fence: OpenFence | null = null;
  #long: OpenList | OpenTable | null = null;

  constructor(root: HTMLElement) {
    this.#column = new Column(root);
    this.#adornments = new Adornments(root);
  }

  /** Takes a piece of the text; nothing is drawn yet. */
  append(piece: string): void {
    this.#fresh += this.#cleaner.feed(piece);
  }

  /** Draws what has come so far, its open ends mended. */
  draw(): void {
    if (!this.#fresh) return;
    if (this.#fence?.take(this.#fresh)) {
      this.#fresh = "";
      return;
    }
    if (!this.#fence && this.#unread.take(this.#fresh, this.#tail, this.#drawn.at(-1)?.node)) return;
    this.#gather();
    this.#guarded(() => this.#drawTail("growing"));
  }

  /** Draws the whole text as it stands; nothing may be appended afterwards. */
  end(): void {
    this.#fresh += this.#cleaner.end();
    this.#gather();
    this.#guarded(() => {
      this.#drawTail("whole");
      if (this.#defines) this.#drawAll();
    });
  }

  #gather(): void {
    this.#unread.clear();
    this.#tail += (this.#fence?.taken() ?? "") + this.#fresh;
    this.#fence = null;
    this.#fresh = "";
  }

  /** Whatever goes wrong with a text, the text itself is shown. */
  #guarded(drawing: () => void): void {
    try {
      drawing();
    } catch {
      this.#forgetLong();
      while (this.#drawn.length > 0) this.#drop(this.#drawn);
      const node = plain(this.#tail);
      this.#column.append(node);
      this.#drawn = [{ source: "", node, open: false, defined: "" }];
    }
  }

  #drawTail(stage: Stage): void {
    const shown = stage === "growing" ? mend(this.#tail) : this.#tail;
    const references: References = Object.create(this.#references);
    const blocks = parse(shown, references, stage);
    if (this.#long?.fits(blocks[0], shown) === false) {
      this.#forgetLong();
      return this.#drawTail(stage);
    }
    this.#defines ||= Object.keys(references).length > 0;
    this.#place(blocks, new Lines(shown), JSON.stringify(references));
    if (stage === "whole") return;
    const long = this.#longOf(blocks, shown);
    if (blocks.length === 1 && shown !== this.#tail && !long) return;
    // Where blocks begin is told by what has come, not by what it was mended to.
    const come = shown === this.#tail ? blocks : parse(this.#tail, Object.create(references), stage);
    this.#settle(come);
    if (come.length === 1 && long) this.#settleInside(come[0], shown, long);
  }

  #longOf([block, ...others]: readonly Block[], text: string): OpenList | OpenTable | null {
    const drawn = this.#drawn[0];
    if (!block || !drawn || others.length > 0) return null;
    return this.#long ?? OpenList.of(block, text, drawn.node) ?? OpenTable.of(block, text, drawn.node);
  }

  /** Has all of it in the tail again. */
  #forgetLong(): void {
    this.#tail = this.#long?.whole(this.#tail) ?? this.#tail;
    this.#long = null;
  }

  /** Brings the page in line with the blocks of the tail: what is drawn from the same source stays. */
  #place(blocks: readonly Block[], lines: Lines, defined: string): void {
    const present = this.#drawn;
    while (present.length > blocks.length) this.#drop(present);
    blocks.forEach((block, index) => {
      const source = lines.slice(block.first, block.end);
      const known = present[index];
      if (known?.source === source && known.open === block.open && known.defined === defined) return;
      const node = this.#drawBlock(block, source, known?.node);
      present[index] = { source, node, open: block.open, defined };
    });
  }

  #drawBlock(block: Block, source: string, present: Element | undefined): Element {
    if (present && this.#long?.holds(present)) {
      return this.#long.redraw(block, source, this.#adornments);
    }
    const node = buildBlock(block, source, this.#adornments);
    if (present) return graft(present, node);
    this.#column.append(node);
    return node;
  }

  #drop(drawn: Drawn[]): void {
    drawn.pop();
    this.#column.removeLast();
  }

  #settle(blocks: readonly Block[]): void {
    const lines = new Lines(this.#tail);
    const unmended = this.#unmended(blocks, lines);
    const last = blocks.at(-1);
    const node = this.#drawn.at(-1)?.node;
    if (last && node && unmended === blocks.length) {
      this.#fence = OpenFence.of(last, this.#tail.slice(lines.start(last.first)), node);
    }
    const count = Math.min(settledCount(blocks, lines), unmended);
    if (count > 0) this.#settleBlocks(blocks, count, lines);
  }

  /** How many leading blocks are drawn as they stand: what was mended has to be drawn once more. */
  #unmended(blocks: readonly Block[], lines: Lines): number {
    const mended = blocks.findIndex(({ first, end, open }, index) => {
      const drawn = this.#drawn[index];
      return drawn?.source !== lines.slice(first, end) || drawn.open !== open;
    });
    return mended < 0 ? blocks.length : mended;
  }

  #settleBlocks(blocks: readonly Block[], count: number, lines: Lines): void {
    const end = lines.start(blocks[count - 1]?.end ?? 0);
    const next = lines.start(blocks[count]?.first ?? 0);
    // What stands between blocks, if anything, are link definitions: the last may still grow.
    const length = this.#tail.slice(end, next).trim() ? end : next;
    const settled = this.#tail.slice(0, length);
    this.#learn(settled);
    this.#settledText.push(this.#long?.whole(settled) ?? settled);
    this.#tail = this.#tail.slice(length);
    this.#drawn = this.#drawn.slice(count);
    this.#long = null;
  }

  #settleInside(block: Block | undefined, shown: string, long: OpenList | OpenTable): void {
    const [drawn] = this.#drawn;
    const settled = block && long.settle(block, this.#tail, shown);
    if (!settled || !drawn) return;
    this.#learn(settled.text);
    this.#tail = settled.rest;
    this.#drawn = [{ ...drawn, source: "" }];
    this.#long = long;
  }

  /** Keeps the link definitions of what later parses do not see. */
  #learn(settled: string): void {
    if (settled.includes("]:")) parse(settled, this.#references);
  }

  /** One pass over everything, for definitions that came after their use; equal blocks keep their elements. */
  #drawAll(): void {
    const all = this.#settledText.join("") + (this.#long?.whole(this.#tail) ?? this.#tail);
    const lines = new Lines(all);
    const present = this.#column.blocks;
    const blocks = parse(all, {});
    blocks.forEach((block, index) => {
      const node = buildBlock(block, lines.slice(block.first, block.end), this.#adornments);
      const known = present[index];
      if (known) graft(known, node);
      else this.#column.append(node);
    });
    present.slice(blocks.length).forEach(() => this.#column.removeLast());
  }
}

/** How many leading blocks no later text can change: those before a block whose beginning is decided. */
function settledCount(blocks: readonly Block[], lines: Lines): number {
  for (let index = blocks.length - 1; index > 0; index -= 1) {
    const block = blocks[index];
    // Half a formula may turn out to be part of the paragraph before it.
    if (block && block.tokens[0]?.type !== OPEN && lines.decided(block.first)) return index;
  }
  return 0;
}
