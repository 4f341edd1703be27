/**
 * Markdown that grows: text is appended, settled blocks are drawn once and never touched again, only the tail is drawn
 * anew. The final page equals the page that the whole text at once would have made.
 *
 * A block is settled when the block after it has begun in a way no later character can undo. Two shapes grow without
 * settling anything, and have a way of their own: an open fence (`OpenFence`) and a long list (`OpenList`).
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
import { parse, type Block, type References, type Stage } from "./parser.js";

interface Drawn {
  readonly source: string;
  readonly node: Element;
  readonly open: boolean;
}

export class Markdown {
  readonly #column: Column;
  readonly #adornments: Adornments;
  readonly #cleaner = new Cleaner();
  #settledText: string[] = [];
  #references: References = {};
  #tail = "";
  #fresh = "";
  #drawn: Drawn[] = [];
  #fence: OpenFence | null = null;
  #list: OpenList | null = null;

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
    this.#gather();
    this.#guarded(() => void this.#drawTail("growing"));
  }

  /** Draws the whole text as it stands; nothing may be appended afterwards. */
  end(): void {
    this.#fresh += this.#cleaner.end();
    this.#gather();
    this.#guarded(() => {
      const late = this.#drawTail("whole");
      if (defines(late) || defines(this.#references)) this.#drawAll();
    });
  }

  #gather(): void {
    this.#tail += (this.#fence?.taken() ?? "") + this.#fresh;
    this.#fence = null;
    this.#fresh = "";
  }

  /** Whatever goes wrong with a text, the text itself is shown. */
  #guarded(drawing: () => void): void {
    try {
      drawing();
    } catch {
      this.#list = null;
      while (this.#drawn.length > 0) this.#drop(this.#drawn);
      const node = plain(this.#tail);
      this.#column.append(node);
      this.#drawn = [{ source: "", node, open: false }];
    }
  }

  #drawTail(stage: Stage): References {
    const shown = stage === "growing" ? mend(this.#tail) : this.#tail;
    const references: References = Object.create(this.#references);
    const blocks = parse(shown, references, stage);
    if (this.#list && !this.#list.fits(blocks[0])) {
      this.#tail = this.#list.source + this.#tail;
      this.#list = null;
      return this.#drawTail(stage);
    }
    this.#place(blocks, new Lines(shown));
    this.#settle(blocks);
    return references;
  }

  /** Brings the page in line with the blocks of the tail: what is drawn from the same source stays. */
  #place(blocks: readonly Block[], lines: Lines): void {
    const present = this.#drawn;
    while (present.length > blocks.length) this.#drop(present);
    blocks.forEach((block, index) => {
      const source = lines.slice(block.first, block.end);
      const known = present[index];
      if (known?.source === source && known.open === block.open) return;
      const node = this.#drawBlock(block, source, known?.node);
      present[index] = { source, node, open: block.open };
    });
  }

  #drawBlock(block: Block, source: string, present: Element | undefined): Element {
    if (present && this.#list?.holds(present)) {
      return this.#list.redraw(block, source, this.#adornments);
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
    const tail = this.#tail;
    const lines = new Lines(tail);
    const count = Math.min(settledCount(blocks, lines), this.#unmended(blocks, lines));
    const first = blocks[count];
    if (first && count > 0) {
      this.#cut(lines.start(first.first));
      this.#drawn = this.#drawn.slice(count);
      this.#list = null;
    } else if (first && blocks.length === 1) {
      this.#settleItems(first, lines);
    }
    const last = blocks.at(-1);
    const node = this.#drawn.at(-1)?.node;
    if (last && node) this.#fence = OpenFence.of(last, tail.slice(lines.start(last.first)), node);
  }

  /** How many leading blocks are drawn as they stand: what was mended has to be drawn once more. */
  #unmended(blocks: readonly Block[], lines: Lines): number {
    const mended = blocks.findIndex(
      ({ first, end }, index) => this.#drawn[index]?.source !== lines.slice(first, end),
    );
    return mended < 0 ? blocks.length : mended;
  }

  /** Moves the settled start of the tail, of that length, out of sight of later parses. */
  #cut(length: number): void {
    const settled = (this.#list?.source ?? "") + this.#tail.slice(0, length);
    this.#settledText.push(settled);
    this.#tail = this.#tail.slice(length);
    if (settled.includes("]:")) parse(settled, this.#references);
  }

  #settleItems(block: Block, lines: Lines): void {
    const drawn = this.#drawn[0];
    if (!drawn) return;
    this.#list ??= OpenList.of(block, drawn.node);
    const line = this.#list?.settle(block, lines) ?? 0;
    if (!this.#list || line === 0) return;
    const length = lines.start(line);
    this.#list.source += this.#tail.slice(0, length);
    this.#tail = this.#tail.slice(length);
    this.#drawn = [{ source: "", node: drawn.node, open: false }];
  }

  /** One pass over everything, for definitions that came after their use; equal blocks keep their elements. */
  #drawAll(): void {
    const all = this.#settledText.join("") + (this.#list?.source ?? "") + this.#tail;
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

function defines(references: References): boolean {
  return Object.keys(references).length > 0;
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
