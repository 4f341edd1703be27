/** What was drawn lately: the end of a growing text is drawn again and again, and most of it is as before. */

/** Characters of the texts that are remembered. */
const KEPT = 200_000;

export class Memory {
  readonly #drawn = new Map<string, Node | null>();
  #size = 0;

  /** A copy of what was drawn for `text` before, or what `draw` gives. */
  get(text: string, draw: () => Node | null): Node | null {
    let node = this.#drawn.get(text);
    if (node === undefined) {
      node = draw();
      this.#keep(text, node);
    }
    return node?.cloneNode(true) ?? null;
  }

  #keep(text: string, node: Node | null): void {
    this.#drawn.set(text, node);
    this.#size += text.length;
    for (const oldest of this.#drawn.keys()) {
      if (this.#size <= KEPT) return;
      this.#drawn.delete(oldest);
      this.#size -= oldest.length;
    }
  }
}
